"""The minutes of a talk: what was said, proposed, decided and done; for record, panel and next turn. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

from therapy.actions import GuideAction
from therapy.events import Event, GuideActed, GuideProposed, PatientSaid, ProposalDecided
from therapy.gate import Admitted, Refused, Verdict
from therapy.talk import Heard, Proposal, Turn
from voice_guide.context import action_in_words
from voice_guide.dialogue import Command, GuideView, Tell

__all__ = ["Minutes"]

_TURNS_KEPT: Final = 12
_SHOWN: Final = 40


class Minutes:
    """Keeps the last turns, and tells events.

    Args:
        out: commands are added to it.

    Attributes:
        turns: what was said and heard, for whoever answers next.
        transcript: what the panel shows.
    """

    def __init__(self, out: list[Command]) -> None:
        self.turns: deque[Turn] = deque(maxlen=_TURNS_KEPT)
        self.transcript: deque[GuideView] = deque(maxlen=_SHOWN)
        self._out = out

    def patient(self, heard: Heard, now_s: float) -> None:
        """The patient has said something."""
        self.turns.append(Turn(who="patient", text=heard.text))
        self.transcript.append(
            {"who": "patient", "text": heard.text, "at_s": now_s, "confidence": heard.confidence}
        )
        self.tell(
            PatientSaid(
                at_s=heard.from_s,
                until_s=heard.until_s,
                turn=heard.turn,
                text=heard.text,
                confidence=heard.confidence,
                language=heard.language,
            )
        )

    def heard(self, who: Literal["therapist", "guide"], text: str) -> None:
        """The patient has heard this; what they did not hear is in no later turn."""
        self.turns.append(Turn(who=who, text=text))

    def proposed(self, proposal: Proposal, now_s: float) -> None:
        """An answer is proposed."""
        self.tell(
            GuideProposed(
                at_s=now_s,
                turn=proposal.turn,
                text=proposal.say,
                line_id=proposal.line_id,
                actions="; ".join(action_in_words(action) for action in proposal.actions),
                backend=proposal.backend,
                reason=proposal.reason,
            )
        )

    def decided(self, turn: int, decision: str, by: str, now_s: float) -> None:
        """What became of a proposal, and by whom."""
        self.tell(ProposalDecided(at_s=now_s, turn=turn, decision=decision, by=by))

    def acted(self, turn: int, action: GuideAction, verdict: Verdict, now_s: float) -> None:
        """What the gate made of an action."""
        reason = "" if isinstance(verdict, Admitted) else verdict.reason
        shown = action_in_words(action if isinstance(verdict, Refused) else verdict.action)
        name = type(verdict).__name__.lower()
        self.tell(GuideActed(at_s=now_s, turn=turn, action=shown, verdict=name, reason=reason))

    def tell(self, event: Event) -> None:
        """Record and show an event."""
        self._out.append(Tell(event=event))
