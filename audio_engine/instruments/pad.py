"""A warm pad: body and air, slightly detuned, on each side; slow in and out; a low-pass that breathes."""

from __future__ import annotations

from typing import Any, Final

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import Desk
from audio_engine.instruments._held import HeldVoices
from audio_engine.instruments._loops import Loops, Wave
from therapy.controls import Controls
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Pad"]

#: Four sound and eight fade: a close may follow a quarter of a breath after the chord before it.
_VOICES: Final = 12
#: Ratios of body (left, right), about −5 and −3 cents, and air, +3 and +5: beats slower than a breath.
_DETUNE: Final = (0.9971, 0.9983, 1.0017, 1.0029)
_BODY: Final = [1.0 / n**1.3 for n in range(1, 15)]
#: Octaves and fifths above all: they shine and stay in any scale.
_AIR: Final = [0.2, 0.7, 0.5, 0.6, 0.12, 0.45, 0.05, 0.4, 0.15, 0.12, 0.0, 0.25, 0.0, 0.0, 0.0, 0.2]
_LEVEL: Final = 0.056


class Pad:
    """Twelve voices: four sound, the others fade or wait."""

    reverb_send = 0.35

    def __init__(self, desk: Desk) -> None:
        waves = [
            Wave(partials=partials, ratio=ratio, phase=float(desk.rng.random()), output=n)
            for n, (partials, ratio) in enumerate(zip((_BODY, _BODY, _AIR, _AIR), _DETUNE, strict=True))
        ]
        self._loops = Loops(desk, waves, _VOICES)
        gains, tune = self._loops.gains, self._loops.tune
        self._voices = HeldVoices(desk, count=_VOICES, attack_s=1.8, release_s=2.6, tune=tune, gains=gains)
        self._air = desk.glide(0.3, 0.6)
        both = self._loops.sound
        sides = both[:2] + both[2:] * self._air
        self._cutoff = desk.glide(900.0, 0.6)
        # A table is a third of the cost of a sine computed for each sample.
        wave = desk.harmonics([1.0])
        drift = pyo.Osc(wave, freq=[0.053, 0.047], phase=[0.0, 0.4], mul=0.12, add=1.0)
        opened = self._cutoff * drift * (desk.lift * 0.3 + 1.0)
        low_passed = pyo.Biquadx(sides, freq=opened, q=0.6, type=0, stages=2)
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


INSTRUMENT = InstrumentSpec(name="pad", title="Warm pad", build=Pad, lufs=-25.3, chords=True)
