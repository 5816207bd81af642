"""A flute-like lead: few overtones, a vibrato that one feels more than hears, a little air."""

from __future__ import annotations

from typing import Any, Final

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import Desk
from audio_engine.instruments._held import HeldVoices
from audio_engine.noise import Band
from therapy.controls import Controls
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Flute"]

#: One sounds, the others fade or wait: 4 notes a second, each fading for 0.3 s.
_VOICES: Final = 5
_LEVEL: Final = 0.11
_ATTACK_S: Final = 0.14
_RELEASE_S: Final = 0.3
_VIBRATO_HZ: Final = 4.6
#: About 5 cents to either side: far from the next note of any scale.
_VIBRATO: Final = 0.003
_AIR: Final = 0.16


class Flute:
    """Five voices in the middle; the air is one for all."""

    reverb_send = 0.4

    def __init__(self, desk: Desk) -> None:
        self._voices = HeldVoices(
            desk,
            count=_VOICES,
            attack_s=_ATTACK_S,
            release_s=_RELEASE_S,
            tune=self._tune,
            resumes=False,
        )
        vibrato = pyo.Sine(freq=_VIBRATO_HZ, mul=_VIBRATO, add=1.0)
        self._hz = [440.0] * _VOICES
        self._pitch = pyo.Sig(self._hz)
        bent = self._pitch * vibrato
        tremble = pyo.Sine(freq=_VIBRATO_HZ, phase=0.2, mul=0.06, add=1.0)
        self._round = pyo.Osc(desk.harmonics([1.0, 0.2, 0.06]), freq=bent, mul=self._voices.gains)
        self._edge = pyo.Osc(
            desk.harmonics([0.0, 0.5, 0.6, 0.25, 0.16, 0.07]), freq=bent, mul=self._voices.gains
        )
        self._sounding: Note | None = None
        self._voices.rest(self._pitch, bent, self._round, self._edge)
        self._overblow = desk.glide(0.1, 0.4)
        blown = pyo.Mix(self._voices.gains, voices=1)
        air = desk.noise("pink", [_AIR, _AIR], Band(above_hz=900.0, below_hz=3200.0)) * blown
        tone = (self._round.mix(1) + self._edge.mix(1) * self._overblow) * tremble
        self._breath = desk.glide(0.2, 0.4)
        self.sound: Any = (air * self._breath + tone) * (desk.lift * 0.15 + 1.0)
        self._parts = (vibrato, bent, tremble, blown, air, tone)

    def start(self, onset: Onset) -> bool:
        """Blow a note and end the one before, for it is one flute; high ones are softer."""
        note = onset.note
        if self._sounding is not None:
            self._voices.release(self._sounding)
        self._sounding = note
        level = _LEVEL * note.velocity * 2.0 ** ((72 - note.midi_note) / 36)
        return self._voices.start(note, level)

    def release(self, note: Note) -> None:
        """Let the note end."""
        self._voices.release(note)

    def steer(self, controls: Controls) -> None:
        """Blow a little harder with brightness."""
        self._overblow.value = 0.08 + 0.6 * controls.brightness
        self._breath.value = 0.2 + 0.3 * controls.brightness

    def _tune(self, voice: int, hz: float) -> None:
        self._hz[voice] = hz
        self._pitch.value = self._hz


INSTRUMENT = InstrumentSpec(name="flute", title="Flute", build=Flute, lufs=-22.5)
