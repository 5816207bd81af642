"""Two numbers by voice: how uneasy (SUDS, Wolpe 1969) and how the mood is. Asked again once."""

from typing import Final

from therapy.actions import AskRating
from voice_guide.skill import Ask, Part, Speak, scripted

_THANKS: Final[tuple[Part, ...]] = (Speak("rating.noted", 2.0),)
_LEAVE_IT: Final[tuple[Part, ...]] = (Speak("leave_rating.fine", 2.0),)


def _number(line_id: str, scale: AskRating) -> Ask:
    again = Ask("ask_again.number", 15.0, answers={"rating": _THANKS}, otherwise=_LEAVE_IT, action=scale)
    return Ask(line_id, 20.0, answers={"rating": _THANKS, "no": _LEAVE_IT}, otherwise=(again,), action=scale)


SKILL: Final = scripted(
    name="suds_and_mood",
    title="Two numbers",
    longest_s=240.0,
    script=(
        Speak("rate.invite", 2.0),
        _number("ask_suds.ask", AskRating(scale="suds")),
        _number("ask_mood.ask", AskRating(scale="mood")),
    ),
    closing=(Speak("rate.close", 2.0),),
    source="subjective units of distress (Wolpe 1969); single-item mood",
)
