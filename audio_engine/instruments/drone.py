"""A low drone on tonic and fifth: near-sines, the right side late by a fraction of a cycle, for width."""

from __future__ import annotations

from typing import Any, Final

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import Desk
from audio_engine.instruments._held import HeldVoices
from therapy.controls import Controls
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Drone"]

_VOICES: Final = 4
#: In cycles. Not detuned: beats would swell in a rhythm of their own, against the breath.
_PHASES: Final = (0.0, 0.17)
_LEVEL: Final = 0.06
_QUIET: Final = 0.65


class Drone:
    """Four voices, of which tonic and fifth sound; the others wait for a change of scale."""

    reverb_send = 0.1

    def __init__(self, desk: Desk) -> None:
        self._voices = HeldVoices(desk, count=_VOICES, attack_s=2.5, release_s=3.0, tune=self._tune)
        table = desk.harmonics([1.0, 0.42, 0.1, 0.05])
        self._sources = [pyo.Osc(table, phase=phase, mul=self._voices.gains) for phase in _PHASES]
        self._voices.rest(*self._sources)
        self._tune(self._voices.hz)
        self._body = desk.glide(1.0, 1.0)
        sides = pyo.Mix([source.mix(1) for source in self._sources], voices=2)
        self.sound: Any = sides * self._body * (desk.lift * 0.15 + 1.0)
        self._parts = (sides,)

    def start(self, onset: Onset) -> bool:
        """Start a note slowly."""
        return self._voices.start(onset.note, _LEVEL * onset.note.velocity)

    def release(self, note: Note) -> None:
        """Let the note go slowly."""
        self._voices.release(note)

    def steer(self, controls: Controls) -> None:
        """Step back as the music brightens: low weight is part of a dark sound."""
        self._body.value = 1.0 - _QUIET * controls.brightness

    def _tune(self, frequencies_hz: list[float]) -> None:
        for source in self._sources:
            source.freq = frequencies_hz


INSTRUMENT = InstrumentSpec(name="drone", title="Low drone", build=Drone, lufs=-28.5, chords=True)
