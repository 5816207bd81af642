"""A low drone on tonic and fifth: near-sines, the right side late by a fraction of a cycle, for width."""

from __future__ import annotations

from typing import Any, Final

from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import Desk
from audio_engine.instruments._held import HeldVoices
from audio_engine.instruments._loops import Loops, Wave
from therapy.controls import Controls
from therapy.specs import InstrumentSpec

__all__ = ["INSTRUMENT", "Drone"]

_VOICES: Final = 4
#: In cycles. Not detuned: beats would swell in a rhythm of their own, against the breath.
_PHASES: Final = (0.0, 0.17)
_PARTIALS: Final = (1.0, 0.42, 0.1, 0.05)
_LEVEL: Final = 0.06
_QUIET: Final = 0.65


class Drone:
    """Four voices, of which tonic and fifth sound; the others wait for a change of scale."""

    reverb_send = 0.1

    def __init__(self, desk: Desk) -> None:
        waves = [Wave(partials=_PARTIALS, phase=phase, output=n) for n, phase in enumerate(_PHASES)]
        self._loops = Loops(desk, waves, _VOICES)
        gains, tune = self._loops.gains, self._loops.tune
        self._voices = HeldVoices(desk, count=_VOICES, attack_s=2.5, release_s=3.0, tune=tune, gains=gains)
        self._body = desk.glide(1.0, 1.0)
        self.sound: Any = self._loops.sound * (self._body * (desk.lift * 0.15 + 1.0))

    def start(self, onset: Onset) -> bool:
        """Start a note slowly."""
        return self._voices.start(onset.note, _LEVEL * onset.note.velocity)

    def release(self, note: Note) -> None:
        """Let the note go slowly."""
        self._voices.release(note)

    def steer(self, controls: Controls) -> None:
        """Step back as the music brightens: low weight is part of a dark sound."""
        self._body.value = 1.0 - _QUIET * controls.brightness


INSTRUMENT = InstrumentSpec(name="drone", title="Low drone", build=Drone, lufs=-28.5, chords=True)
