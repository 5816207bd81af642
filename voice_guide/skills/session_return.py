"""The way out: three things to see, the chair under the hands, the real room, the date, a number, goodbye.

Begun at RETURN, also when the patient finishes early. It is the one exercise that cannot be contraindicated.
"""

from typing import Final

from therapy.actions import AskRating
from voice_guide.skill import Ask, Part, Speak, scripted

_THANKS: Final[tuple[Part, ...]] = (Speak("rating.noted", 2.0),)
_LEAVE_IT: Final[tuple[Part, ...]] = (Speak("leave_rating.fine", 2.0),)

SKILL: Final = scripted(
    name="session_return",
    title="The way out",
    longest_s=300.0,
    script=(
        Speak("return.begin", 15.0),
        Speak("exercise.exit", 6.0),
        Speak("return.see", 20.0),
        Speak("return.chair", 15.0),
        Speak("return.room", 12.0),
        Ask("return.date", 10.0),
        Ask(
            "ask_mood.short",
            15.0,
            answers={
                "rating": _THANKS,
                "no": _LEAVE_IT,
            },
            otherwise=(Ask("ask_again.number", 12.0, answers={"rating": _THANKS}, otherwise=_LEAVE_IT),),
            action=AskRating(scale="mood"),
        ),
    ),
    closing=(Speak("return.move", 6.0), Speak("return.off", 0.0)),
    leaving=(Speak("return.off", 0.0),),
    source="return and grounding at the end of guided imagery; storyboard of the session",
)
