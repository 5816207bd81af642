"""A warm pad: body and air, slightly detuned, on each side; slow in and out; a low-pass that breathes."""

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

#: Four sound and eight fade: a close may follow a quarter of a breath after the chord before it.
_VOICES: Final = 12
#: Ratios of body and air, about −5, +3 (left), −3, +5 cents (right): beats slower than a breath.
_DETUNE: Final = (0.9971, 1.0017, 0.9983, 1.0029)
_BODY: Final = [1.0 / n**1.3 for n in range(1, 15)]
#: Octaves and fifths above all: they shine and stay in any scale.
_AIR: Final = [0.2, 0.7, 0.5, 0.6, 0.12, 0.45, 0.05, 0.4, 0.15, 0.12, 0.0, 0.25, 0.0, 0.0, 0.0, 0.2]
_LEVEL: Final = 0.056


class Pad:
    """Twelve voices: four sound, the others fade or wait."""

    reverb_send = 0.35

    def __init__(self, desk: Desk) -> None:
        self._voices = HeldVoices(desk, count=_VOICES, attack_s=1.8, release_s=2.6, tune=self._tune)
        body, air = desk.harmonics(_BODY), desk.harmonics(_AIR)
        self._sources = [
            pyo.Osc(table, phase=[float(p) for p in desk.rng.random(_VOICES)], mul=self._voices.gains)
            for table in (body, air, body, air)
        ]
        self._voices.rest(*self._sources)
        self._tune(self._voices.hz)
        self._air = desk.glide(0.3, 0.6)
        sides = [
            self._sources[body].mix(1) + self._sources[air].mix(1) * self._air
            for body, air in ((0, 1), (2, 3))
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
        """Open the filter with brightness, 220 Hz … 5.6 kHz, and let more air in."""
        self._air.value = 0.1 + 1.4 * controls.brightness
        self._cutoff.value = 220.0 * 25.5**controls.brightness

    def _tune(self, frequencies_hz: list[float]) -> None:
        for source, ratio in zip(self._sources, _DETUNE, strict=True):
            source.freq = [hz * ratio for hz in frequencies_hz]


INSTRUMENT = InstrumentSpec(name="pad", title="Warm pad", build=Pad, lufs=-25.3, chords=True)
