"""Voices that hold notes: allocation shared by the pad and the drone."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from audio_engine.composer.score import Note
from audio_engine.desk import Desk, Voice, frequency_hz

__all__ = ["HeldVoices"]

#: A voice rests this much longer than its release, so that its pitch never moves while it sounds.
_MARGIN_S = 0.05


class HeldVoices:
    """Gives notes to silent voices; a note that sounds already is tied, one that fades is taken up again.

    Args:
        desk: the desk.
        count: number of voices.
        attack_s: time of a voice's gain to its level.
        release_s: time of a voice's gain back to silence.
        tune: a method, called with the number of a silent voice and its new frequency in Hz.
        resumes: a note that fades is taken up again when it comes anew; else it begins anew, beside it.
        gains: one for each voice, at 0; `None`: pyo's.

    Attributes:
        gains: one gain per voice, with a `value` that it takes `time` to reach.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        count: int,
        attack_s: float,
        release_s: float,
        tune: Callable[[int, float], None],
        resumes: bool = True,
        gains: Sequence[Any] | None = None,
    ) -> None:
        self._desk = desk
        self._attack_s, self._release_s = attack_s, release_s
        self._resumes = resumes
        # Weakly: an instrument that held itself through its voices would outlive its place.
        self._tune = weakref.WeakMethod(tune)
        self._notes: list[Note | None] = [None] * count
        self._free_at_s = [0.0] * count
        self._hz = [0.0] * count
        self.gains = [desk.glide(0.0, attack_s) for _ in range(count)] if gains is None else list(gains)
        self._voices: list[Voice] = []

    def rest(self, *objects: Any) -> None:
        """Let the voices of `objects` (`count` streams each) and their gains sleep while they are silent."""
        self._voices = self._desk.voices(self.gains, *objects)

    @property
    def hz(self) -> list[float]:
        """Frequencies of the voices, sounding or not."""
        return list(self._hz)

    def start(self, note: Note, level: float) -> bool:
        """Tie `note` to a voice that plays its pitch, else start it at `level`; return whether it started.

        With every voice busy the note is left out: a stolen voice would click.
        """
        for tied, held in enumerate(self._notes):
            if held is not None and held.midi_note == note.midi_note:
                self._notes[tied] = note
                return False
        i = self._voice_for(frequency_hz(note.midi_note))
        if i is None:
            return False
        self._notes[i] = note
        if self._hz[i] != frequency_hz(note.midi_note):
            self._hz[i] = frequency_hz(note.midi_note)
            self._retune(i)
        self._wake(i, math.inf)
        self.gains[i].time = self._attack_s
        self.gains[i].value = level
        return True

    def _voice_for(self, hz: float) -> int | None:
        """Return the voice in which a note of `hz` fades, else a silent one, else `None`."""
        free = [i for i, held in enumerate(self._notes) if held is None]
        silent = [i for i in free if self._free_at_s[i] <= self._desk.now_s]
        fading = [i for i in free if self._hz[i] == hz and i not in silent] if self._resumes else []
        return next(iter(fading + silent), None)

    def _wake(self, i: int, until_s: float) -> None:
        if self._voices:
            self._desk.wake(self._voices[i], until_s)

    def _retune(self, i: int) -> None:
        tune = self._tune()
        if tune is not None:
            tune(i, self._hz[i])

    def release(self, note: Note) -> None:
        """Let the voice that holds exactly this note (not a later, tied one) go."""
        for i, held in enumerate(self._notes):
            if held is note:
                self._notes[i] = None
                self._free_at_s[i] = self._desk.now_s + self._release_s + _MARGIN_S
                self._wake(i, self._free_at_s[i])
                self.gains[i].time = self._release_s
                self.gains[i].value = 0.0
