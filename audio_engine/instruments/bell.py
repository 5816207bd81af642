"""Soft bells: a struck sine with its octave, overtones that fade first, a faint inharmonic strike tone."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import Desk, frequency_hz
from audio_engine.instruments._loops import Wave
from audio_engine.instruments._rings import Rings, Tone
from audio_engine.instruments._struck import FreeVoices
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
_STRIKE_S: Final = 0.25
_BODY: Final = (1.0, 0.22)
_TOP: Final = (0.0, 0.3, 0.7, 0.4, 0.12, 0.2, 0.0, 0.15)
_TOP_SHARE: Final = 0.45
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
        self._free = FreeVoices(desk, _VOICES)
        tones = [
            Tone(wave=Wave(partials=_BODY), ring=_ring(5.5, 0.004)),
            Tone(wave=Wave(partials=_TOP), ring=_ring(9.0, 0.006), gain=0.1),
            Tone(wave=Wave(partials=[1.0], ratio=_STRIKE_RATIO), ring=_ring(7.0, 0.03), gain=0.03),
        ]
        self._rings = Rings(desk, tones, (_NEAR, _FAR))
        self.sound: Any = self._rings.sound * (desk.lift * 0.12 + 1.0)

    def start(self, onset: Onset) -> bool:
        """Strike a bell; high ones ring shorter and softer."""
        note = onset.note
        ring_s = min(max(onset.duration_s, _RING_S[0]), _RING_S[1], 3.0 * 2.0 ** ((91 - note.midi_note) / 24))
        level = _LEVEL * note.velocity**1.5 * 2.0 ** ((72 - note.midi_note) / 36)
        voice = self._free.take(onset, ring_s)
        if voice is None:
            return False
        seconds = (ring_s, _TOP_SHARE * ring_s, _STRIKE_S)
        self._rings.strike(voice, frequency_hz(note.midi_note), onset.offset_s, seconds, level)
        return True

    def release(self, note: Note) -> None:
        """Do nothing: a bell rings out by itself."""

    def steer(self, controls: Controls) -> None:
        """Bring the overtones out with brightness."""
        _, sparkle, tap = self._rings.gains
        sparkle.value = 0.02 + 0.55 * controls.brightness**1.5
        tap.value = 0.015 + 0.06 * controls.brightness


INSTRUMENT = InstrumentSpec(
    name="bell", title="Soft bells", build=Bell, lufs=-27.5, contains=frozenset({"bells"})
)
