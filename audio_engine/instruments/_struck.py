"""Voices that are struck and ring out: allocation shared by the bells and the pulse."""

from __future__ import annotations

from audio_engine.conductor import Onset
from audio_engine.desk import Desk, frequency_hz

__all__ = ["StruckVoices"]

#: A voice rests this much longer than its ring, so that nothing of it moves while it sounds.
_MARGIN_S = 0.03


class StruckVoices:
    """Gives each stroke a silent voice and triggers it to the sample.

    Args:
        desk: the desk.
        count: number of voices.

    Attributes:
        triggers: pyo object of `count` trigger streams.
        hz, ring_s, level: of each voice, as set by its newest stroke.
    """

    def __init__(self, desk: Desk, count: int) -> None:
        self._desk = desk
        self._lines, self.triggers = desk.triggers(count)
        self._free_at_s = [0.0] * count
        self.hz = [440.0] * count
        self.ring_s = [1.0] * count
        self.level = [0.0] * count

    def strike(self, onset: Onset, ring_s: float, level: float) -> bool:
        """Strike a silent voice; the caller then sets its oscillators from `hz`, `ring_s` and `level`.

        Returns:
            False if every voice rings: the note is left out, because a voice cut short would click.
        """
        for i, free_at_s in enumerate(self._free_at_s):
            if free_at_s <= self._desk.now_s:
                self.hz[i] = frequency_hz(onset.note.midi_note)
                self.ring_s[i] = ring_s
                self.level[i] = level
                self._free_at_s[i] = self._desk.now_s + onset.offset_s + ring_s + _MARGIN_S
                self._desk.fire(self._lines[i], onset.offset_s)
                return True
        return False
