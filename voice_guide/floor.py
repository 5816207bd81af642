"""Who has the floor: the patient's voice as it comes and goes; the guide's steps back for it. Pure."""

from __future__ import annotations

from typing import Final

from voice_guide.dialogue import Command, Soften

__all__ = ["Floor"]

#: Voice for this long while the guide speaks is an interruption, or two words of it. The guide is to be
#: silent 300 ms after the patient's first sound; the detector needs 60 of them, the fade at the ear 30.
BARGE_IN_S: Final = 0.2
_BARGE_IN_WORDS: Final = 2
#: A voice is told at most this late; a stamp before that is a clock that is wrong.
_LATE_S: Final = 0.3


class Floor:
    """The patient's open turn.

    Args:
        out: commands are added to it.

    Attributes:
        taken: a turn of the patient is open, also in its pauses.
        words: those of it that were told so far.
    """

    def __init__(self, out: list[Command]) -> None:
        self.taken = False
        self.words = ""
        self._since_s: float | None = None
        self._softened = False
        self._out = out

    def voice(self, at_s: float, now_s: float, *, soften: bool) -> None:
        """The patient's voice began at `at_s`; `soften` the guide's, which speaks."""
        self.taken = True
        if self._since_s is None:
            self._since_s = min(max(at_s, now_s - _LATE_S), now_s)
            if soften:
                self._softened = True
                self._out.append(Soften(on=True))

    def pause(self) -> None:
        """It is quiet within the turn: an interruption would begin anew."""
        self._since_s = None

    def left(self) -> None:
        """The turn is over, with words or without."""
        self._since_s, self.words, self.taken = None, "", False
        self.loud()

    def loud(self) -> None:
        """Let the guide's voice come back, if it had stepped back."""
        if self._softened:
            self._softened = False
            self._out.append(Soften(on=False))

    def interrupts(self, now_s: float) -> bool:
        """Whether the patient has spoken long enough to mean it."""
        if self._since_s is None:
            return False
        return now_s - self._since_s >= BARGE_IN_S or len(self.words.split()) >= _BARGE_IN_WORDS
