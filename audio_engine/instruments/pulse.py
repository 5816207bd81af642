"""The beat as a soft mallet on low wood, as clear as the pulse control asks; no sub-bass thump."""

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

__all__ = ["INSTRUMENT", "Pulse"]

_VOICES: Final = 4
_LEVEL: Final = 0.36
_RING_S: Final = 0.9
_TABLE: Final = 8192


class Pulse:
    """Four voices in the middle of the stage."""

    reverb_send = 0.25

    def __init__(self, desk: Desk) -> None:
        self._voices = StruckVoices(desk, _VOICES)
        x = np.linspace(0.0, 1.0, _TABLE)
        attack = 0.5 - 0.5 * np.cos(np.pi * np.minimum(x / 0.012, 1.0))
        self._ring = pyo.TrigEnv(
            self._voices.triggers, desk.table(attack * np.exp(-6.0 * x) * (1.0 - x)), dur=_RING_S
        )
        self._body = pyo.Osc(desk.harmonics([1.0, 0.3, 0.05, 0.12]), mul=self._ring)
        self._voices.rest(self._ring, self._body)
        self._cutoff = desk.glide(600.0, 0.5)
        mono = pyo.Tone(self._body.mix(1), freq=self._cutoff)
        self.sound: Any = pyo.Mix([mono, mono], voices=2)
        self._parts = (mono,)

    def start(self, onset: Onset) -> bool:
        """Strike softly."""
        if not self._voices.strike(onset, _RING_S, _LEVEL * onset.note.velocity):
            return False
        self._body.freq = self._voices.hz
        self._ring.mul = self._voices.level
        return True

    def release(self, note: Note) -> None:
        """Do nothing: the stroke dies away by itself."""

    def steer(self, controls: Controls) -> None:
        """Brighten a little with the music."""
        self._cutoff.value = 250.0 * 8.0**controls.brightness


INSTRUMENT = InstrumentSpec(name="pulse", title="Soft mallet on the beat", build=Pulse, lufs=-25.8)
