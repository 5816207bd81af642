"""A choir far away: voices that waver, each on its own, sung between *oo* and *ah* as brightness asks."""

from __future__ import annotations

from typing import Any, Final

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import Desk
from audio_engine.instruments._held import HeldVoices
from therapy.controls import Controls
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Choir"]

#: Four sound and eight fade: a close may follow a quarter of a breath after the chord before it.
_VOICES: Final = 12
_LEVEL: Final = 0.1
_GLOTTIS: Final = [1.0 / n**1.1 for n in range(1, 21)]
#: Vibrato of the left and of the right half: rate in Hz, depth about 6 cents.
_WAVER_HZ: Final = (4.4, 5.1)
_WAVER: Final = 0.0035
#: First three formants of *oo* and of *ah* in Hz, alto (after Peterson & Barney 1952), their widths as Q,
#: and their gains dark and bright.
_FORMANTS: Final = (
    (370.0, 700.0, 3.5, 1.0, 1.0),
    (870.0, 1150.0, 5.0, 0.25, 1.5),
    (2650.0, 2750.0, 7.0, 0.02, 0.8),
)


class Choir:
    """Twelve voices, each sung by two halves of the choir."""

    reverb_send = 0.35

    def __init__(self, desk: Desk) -> None:
        self._voices = HeldVoices(desk, count=_VOICES, attack_s=2.0, release_s=2.8, tune=self._tune)
        table = desk.harmonics(_GLOTTIS)
        self._hz = [220.0] * _VOICES
        self._pitch = pyo.Sig(self._hz)
        halves, bent = [], []
        for waver_hz in _WAVER_HZ:
            slow = pyo.Randi(min=0.6, max=1.0, freq=0.3)
            waver = pyo.Sine(freq=waver_hz, phase=float(desk.rng.random()), mul=_WAVER * slow, add=1.0)
            bent.append(self._pitch * waver)
            phases = [float(p) for p in desk.rng.random(_VOICES)]
            halves.append(pyo.Osc(table, freq=bent[-1], phase=phases, mul=self._voices.gains))
        self._voices.rest(self._pitch, *bent, *halves)
        sung = pyo.Mix([half.mix(1) for half in halves], voices=2)
        self._chest = desk.glide(0.8, 0.8)
        body = pyo.Tone(sung, freq=420.0) * self._chest
        self._formants = [
            (desk.glide(dark_hz, 0.8), desk.glide(dark, 0.8)) for dark_hz, _, _, dark, _ in _FORMANTS
        ]
        mouth = [
            pyo.Biquad(sung, freq=hz, q=spec[2], type=2) * gain
            for (hz, gain), spec in zip(self._formants, _FORMANTS, strict=True)
        ]
        self._voice = desk.glide(0.8, 0.8)
        self.sound: Any = (body + mouth[0] + mouth[1] + mouth[2]) * (desk.lift_gain * self._voice)
        self._parts = (halves, sung, body, mouth)

    def start(self, onset: Onset) -> bool:
        """Begin to sing a note, slowly."""
        return self._voices.start(onset.note, _LEVEL * onset.note.velocity)

    def release(self, note: Note) -> None:
        """Let the note go slowly."""
        self._voices.release(note)

    def steer(self, controls: Controls) -> None:
        """Open the mouth with brightness."""
        b = controls.brightness
        # Closed lips are softer: as much as the pad's filter takes from it.
        self._voice.value = 0.5 * 3.2**b
        self._chest.value = 0.8 - 0.5 * b
        for (hz, gain), (dark_hz, bright_hz, _, dark, bright) in zip(self._formants, _FORMANTS, strict=True):
            hz.value = dark_hz * (bright_hz / dark_hz) ** b
            gain.value = dark + (bright - dark) * b

    def _tune(self, voice: int, hz: float) -> None:
        self._hz[voice] = hz
        self._pitch.value = self._hz


INSTRUMENT = InstrumentSpec(
    name="choir", title="Distant choir", build=Choir, contains=frozenset({"voices"}), lufs=-27.3, chords=True
)
