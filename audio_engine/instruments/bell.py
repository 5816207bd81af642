"""Soft bells: a struck sine with its octave, overtones that fade first, a faint inharmonic strike tone."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import Desk
from audio_engine.instruments._struck import StruckVoices
from therapy.controls import Controls
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Bell"]

#: Enough for 4 notes a second, which ring shorter than fewer do. Even ones lean left, odd ones right.
_VOICES: Final = 10
_NEAR: Final = 0.85
_FAR: Final = 0.5
_LEVEL: Final = 0.3
_RING_S: Final = (1.2, 4.5)
#: Second partial of a free bar over its first (Fletcher & Rossing, The Physics of Musical Instruments).
_STRIKE_RATIO: Final = 2.756
_TABLE: Final = 8192


def _ring(decay: float, attack_share: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a struck envelope (8192,) that starts and ends at exactly 0."""
    x = np.linspace(0.0, 1.0, _TABLE)
    attack = 0.5 - 0.5 * np.cos(np.pi * np.minimum(x / attack_share, 1.0))
    return attack * np.exp(-decay * x) * (1.0 - x) ** 0.5


class Bell:
    """Ten voices in two gently separated groups."""

    reverb_send = 0.6

    def __init__(self, desk: Desk) -> None:
        self._voices = StruckVoices(desk, _VOICES)
        triggers = self._voices.triggers
        self._body_ring = pyo.TrigEnv(triggers, desk.table(_ring(5.5, 0.004)))
        self._top_ring = pyo.TrigEnv(triggers, desk.table(_ring(9.0, 0.006)))
        self._strike_ring = pyo.TrigEnv(triggers, desk.table(_ring(7.0, 0.03)), dur=0.25)
        self._body = pyo.Osc(desk.harmonics([1.0, 0.22]), mul=self._body_ring)
        self._top = pyo.Osc(desk.harmonics([0.0, 0.3, 0.7, 0.4, 0.12, 0.2, 0.0, 0.15]), mul=self._top_ring)
        self._strike = pyo.Sine(mul=self._strike_ring)
        self._voices.rest(
            self._body_ring, self._top_ring, self._strike_ring, self._body, self._top, self._strike
        )
        self._sparkle = desk.glide(0.1, 0.4)
        self._tap = desk.glide(0.03, 0.4)
        # Summed to left (even) and right (odd) voices before they are shaped: few streams are cheap ones.
        sides = self._body.mix(2) + self._top.mix(2) * self._sparkle + self._strike.mix(2) * self._tap
        narrow = sides * (_NEAR - _FAR) + sides.mix(1) * _FAR
        self.sound: Any = narrow * (desk.lift * 0.12 + 1.0)
        self._parts = (sides, narrow)

    def start(self, onset: Onset) -> bool:
        """Strike a bell; high ones ring shorter and softer."""
        note = onset.note
        ring_s = min(max(onset.duration_s, _RING_S[0]), _RING_S[1], 3.0 * 2.0 ** ((91 - note.midi_note) / 24))
        level = _LEVEL * note.velocity**1.5 * 2.0 ** ((72 - note.midi_note) / 36)
        if not self._voices.strike(onset, ring_s, level):
            return False
        self._body.freq = self._voices.hz
        self._top.freq = self._voices.hz
        self._strike.freq = [_STRIKE_RATIO * hz for hz in self._voices.hz]
        self._body_ring.dur = self._voices.ring_s
        self._top_ring.dur = [0.45 * s for s in self._voices.ring_s]
        for ring in (self._body_ring, self._top_ring, self._strike_ring):
            ring.mul = self._voices.level
        return True

    def release(self, note: Note) -> None:
        """Do nothing: a bell rings out by itself."""

    def steer(self, controls: Controls) -> None:
        """Bring the overtones out with brightness."""
        self._sparkle.value = 0.02 + 0.55 * controls.brightness**1.5
        self._tap.value = 0.015 + 0.06 * controls.brightness


INSTRUMENT = InstrumentSpec(
    name="bell", title="Soft bells", build=Bell, lufs=-27.5, contains=frozenset({"bells"})
)
