"""Whose turn is it? From "somebody speaks" every 32 ms to turns of talk, at the pace of therapy. Pure.

People who are moved pause in the middle of a sentence. So a turn ends after 1.0 s of quiet; after 0.7 s if
what was said sounds complete; after 1.2 s if it does not ("and then I …"). While it is held, for a question
that takes thought, it ends after 3 s, but for a short whole answer.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Final, Literal, TypeAlias

__all__ = [
    "Began",
    "Finished",
    "Paused",
    "Resumed",
    "TurnDetector",
    "TurnEvent",
    "TurnSettings",
    "sounds_complete",
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TurnSettings:
    """How patient listening is.

    Attributes:
        speaks: probability from which somebody speaks.
        quiet: probability below which nobody does; between the two it stays as it was.
        begin_s: speech that begins a turn, in a row: shorter is a knock.
        pause_s: quiet after which a turn ends.
        complete_s: the same if the words sound complete.
        open_s: the same if they sound unfinished.
        held_s: the same while the turn is held, but for a whole answer of at most `brief` words.
        brief: see `held_s`.
        speculate_s: quiet after which the words are looked at already.
        longest_s: a turn ends after this, quiet or not.
    """

    speaks: float = 0.5
    quiet: float = 0.35
    begin_s: float = 0.06
    pause_s: float = 1.0
    complete_s: float = 0.7
    open_s: float = 1.2
    held_s: float = 3.0
    brief: int = 3
    speculate_s: float = 0.16
    longest_s: float = 90.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """A turn began; speech since `at_s`."""

    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Quiet since `at_s`, for long enough to look at the words."""

    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Speech again since `at_s`, in the same turn, after a `Paused`."""

    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The turn is over; its last speech was at `until_s`. `paused`: a `Paused` came before."""

    until_s: float
    why: Literal["pause", "length", "flush"]
    paused: bool


TurnEvent: TypeAlias = Began | Paused | Resumed | Finished

#: Words that no sentence ends with, and fillers. Whisper puts a full stop after them all the same.
_OPEN: Final = frozenset(
    word
    for line in (
        "a about an and as at because but by for from i if in into is it's i'm like my of on or our so than",
        "that the their then there's to uh um until was we when where which while who with would your",
        "aber als am an auf aus bei das dass dem den der des die ein eine einen für ich im in ist mein meine",
        "mit nach oder sehr sich so über um und vom von war weil wenn wie wo zu zum zur äh ähm",
    )
    for word in line.split()
)
_WORD: Final = re.compile(r"[\w'’]+", re.UNICODE)


def sounds_complete(text: str) -> bool | None:
    """Say whether `text` (English or German) sounds finished; `None` if nothing speaks for it."""
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    if not words:
        return None
    if words[-1] in _OPEN or text.rstrip().endswith(("...", "…", ",", "-", "–")):
        return False
    return True if text.rstrip().endswith((".", "!", "?")) else None


class TurnDetector:
    """Follows one patient. Give it each probability; it says what that means."""

    def __init__(self, settings: TurnSettings | None = None) -> None:
        self._settings = settings or TurnSettings()
        self._held = False
        self._reset()

    def _reset(self) -> None:
        self._began_s: float | None = None
        self._run_from_s: float | None = None
        self._last_speech_s = 0.0
        self._paused = False
        self._complete: bool | None = None
        self._brief = False

    @property
    def in_turn(self) -> bool:
        """Whether a turn is open."""
        return self._began_s is not None

    @property
    def paused(self) -> bool:
        """Whether the open turn is in a pause that was told."""
        return self._paused

    def hold(self, on: bool) -> None:  # noqa: FBT001  # the one thing it says
        """Be slower to think that the patient has finished, or no longer."""
        self._held = on

    def hear(self, text: str) -> None:
        """Take what the open turn's words are so far."""
        self._complete = sounds_complete(text)
        self._brief = self._complete is True and len(_WORD.findall(text)) <= self._settings.brief

    def push(self, probability: float, until_s: float, length_s: float) -> tuple[TurnEvent, ...]:
        """Take the probability of speech in the `length_s` before `until_s`; return what happened."""
        speaking = probability >= self._settings.speaks
        if self._run_from_s is not None and not speaking:
            speaking = probability >= self._settings.quiet
        if speaking:
            return self._speech(until_s, length_s)
        self._run_from_s = None
        return self._quiet(until_s)

    def flush(self) -> tuple[TurnEvent, ...]:
        """End the open turn now, held or not: the microphone is off."""
        if self._began_s is None:
            return ()
        return (self._finish("flush"),)

    def _speech(self, until_s: float, length_s: float) -> tuple[TurnEvent, ...]:
        if self._run_from_s is None:
            self._run_from_s = until_s - length_s
        if until_s - self._run_from_s < self._settings.begin_s:
            return ()
        events: list[TurnEvent] = []
        if self._began_s is None:
            self._began_s = self._run_from_s
            events.append(Began(at_s=self._run_from_s))
        elif self._paused:
            self._paused, self._complete, self._brief = False, None, False
            events.append(Resumed(at_s=self._run_from_s))
        self._last_speech_s = until_s
        if until_s - self._began_s >= self._settings.longest_s:
            events.append(self._finish("length"))
        return tuple(events)

    def _quiet(self, until_s: float) -> tuple[TurnEvent, ...]:
        if self._began_s is None:
            return ()
        quiet_s = until_s - self._last_speech_s
        events: list[TurnEvent] = []
        if not self._paused and quiet_s >= self._settings.speculate_s:
            self._paused = True
            events.append(Paused(at_s=self._last_speech_s))
        if quiet_s >= self._patience_s:
            events.append(self._finish("pause"))
        return tuple(events)

    @property
    def _patience_s(self) -> float:
        if self._held and not self._brief:
            return self._settings.held_s
        if self._complete is None:
            return self._settings.pause_s
        return self._settings.complete_s if self._complete else self._settings.open_s

    def _finish(self, why: Literal["pause", "length", "flush"]) -> Finished:
        finished = Finished(until_s=self._last_speech_s, why=why, paused=self._paused)
        self._reset()
        return finished
