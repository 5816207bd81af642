"""A warm pad: four slightly detuned oscillators to a note, slow in and out, a low-pass that breathes."""

from __future__ import annotations

from typing import Any, Final

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import Desk
from audio_engine.instruments._held import HeldVoices
from therapy.controls import Controls
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Pad"]

_VOICES: Final = 10
#: Ratios of the four oscillators, about −5, +3 (left), −3, +5 cents (right): beats slower than a breath.
_DETUNE: Final = (0.9971, 1.0017, 0.9983, 1.0029)
_HARMONICS: Final = [1.0 / n**1.35 for n in range(1, 15)]
_LEVEL: Final = 0.042


class Pad:
    """Ten voices: four sound, the others fade or wait."""

    reverb_send = 0.35

    def __init__(self, desk: Desk) -> None:
        self._voices = HeldVoices(desk, count=_VOICES, attack_s=1.8, release_s=2.6, tune=self._tune)
        table = desk.harmonics(_HARMONICS)
        self._sources = [
            pyo.Osc(table, phase=[float(p) for p in desk.rng.random(_VOICES)], mul=self._voices.gains)
            for _ in _DETUNE
        ]
        self._tune(self._voices.hz)
        sides = [
            pyo.Mix([self._sources[a].mix(1), self._sources[b].mix(1)], voices=1) for a, b in ((0, 1), (2, 3))
        ]
        self._cutoff = desk.glide(900.0, 0.6)
        drift = pyo.Sine(freq=[0.053, 0.047], phase=[0.0, 0.4], mul=0.12, add=1.0)
        opened = self._cutoff * drift * (desk.lift * 0.3 + 1.0)
        low_passed = pyo.Biquadx(pyo.Mix(sides, voices=2), freq=opened, q=0.6, type=0, stages=2)
        self.sound: Any = low_passed * desk.lift_gain
        self._parts = (sides, drift, opened, low_passed)

    def start(self, onset: Onset) -> bool:
        """Start a note slowly; low ones are louder by 1.5 dB an octave below MIDI 60, as a warm chord is."""
        note = onset.note
        return self._voices.start(note, _LEVEL * note.velocity * 2.0 ** ((60 - note.midi_note) / 48))

    def release(self, note: Note) -> None:
        """Let the note go slowly."""
        self._voices.release(note)

    def steer(self, controls: Controls) -> None:
        """Open the filter with brightness: 260 Hz … 4.2 kHz."""
        self._cutoff.value = 260.0 * 16.0**controls.brightness

    def _tune(self, frequencies_hz: list[float]) -> None:
        for source, ratio in zip(self._sources, _DETUNE, strict=True):
            source.freq = [hz * ratio for hz in frequencies_hz]


INSTRUMENT = InstrumentSpec(name="pad", title="Warm pad", build=Pad)
