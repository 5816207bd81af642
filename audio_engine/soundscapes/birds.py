"""Birdsong: three birds who answer each other from time to time, with long rests, never shrill."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from audio_engine._pyo import pyo
from audio_engine.desk import Desk
from audio_engine.soundscapes._contours import Contour, soft_pulse
from therapy.controls import Controls
from therapy.specs import Direction, SoundscapeSpec

__all__ = ["SOUNDSCAPE", "Birds"]

_LEVEL: Final = 0.101
#: Of each bird: middle pitch in Hz, length of its loop in s, songs in it, loudness, left. The loops have no
#: common measure below an hour.
_BIRDS: Final = (
    (2300.0, 19.1, 4, 1.0, 0.75),
    (3000.0, 23.3, 4, 0.7, 0.2),
    (1750.0, 29.9, 5, 0.8, 0.5),
)
_ECHOES_S: Final = (0.083, 0.127, 0.19)


def _song(rng: np.random.Generator, hz: float) -> list[tuple[float, float, float, float, float]]:
    """Draw one song: syllables of (start s, length s, pitch at both ends as ratios, trill in Hz)."""
    motif = [
        (rng.uniform(0.09, 0.28), rng.uniform(0.8, 1.25), rng.uniform(0.8, 1.25), float(rng.random() < 0.25))
        for _ in range(int(rng.integers(2, 5)))
    ]
    syllables = []
    at_s = 0.0
    for _ in range(int(rng.integers(1, 3))):
        for length_s, start, end, trills in motif:
            syllables.append((at_s, length_s, start * hz, end * hz, 24.0 * trills))
            at_s += length_s + rng.uniform(0.04, 0.12)
        at_s += rng.uniform(0.15, 0.35)
    return syllables


def _bird(rng: np.random.Generator, hz: float, loop_s: float, songs: int) -> Contour:
    """Return a loop with one bird's songs, its own two motifs over and over."""
    contour = Contour(loop_s, hz)
    own = [_song(rng, hz) for _ in range(2)]
    share_s = loop_s / songs
    for k in range(songs):
        song = own[int(rng.integers(len(own)))]
        begin_s = k * share_s + rng.uniform(0.1, max(share_s - song[-1][0] - 0.8, 0.2))
        loud = rng.uniform(0.5, 1.0)
        for at_s, length_s, start, end, trill_hz in song:
            gain = soft_pulse(length_s, attack=0.35) * loud
            if not contour.free(begin_s + at_s, length_s + 0.02):
                continue
            x = np.linspace(0.0, 1.0, len(gain))
            bend = start * (end / start) ** (0.5 - 0.5 * np.cos(np.pi * x))
            contour.add(
                begin_s + at_s, bend * (1.0 + 0.03 * np.sin(2 * np.pi * trill_hz * x * length_s)), gain
            )
    return contour


class Birds:
    """Three birds and the echo of their wood."""

    def __init__(self, desk: Desk) -> None:
        voices = [
            (_bird(desk.rng, hz, loop_s, songs).sing(desk, [1.0, 0.05]), loud, left)
            for hz, loop_s, songs, loud, left in _BIRDS
        ]
        near = pyo.Mix([voice * [loud * left, loud * (1.0 - left)] for voice, loud, left in voices], voices=2)
        wood = [
            pyo.SDelay(near, delay=[seconds, seconds * 1.13], maxdelay=0.25, mul=0.3 / (k + 1))
            for k, seconds in enumerate(_ECHOES_S)
        ]
        far = pyo.ButLP(wood[0] + wood[1] + wood[2], freq=2600.0)
        self.sound: Any = (near + far) * _LEVEL
        self._parts = (voices, near, wood, far)

    def steer(self, controls: Controls) -> None:
        """Sing on, whatever the weather."""


SOUNDSCAPE = SoundscapeSpec(
    name="birds",
    title="Birdsong",
    control="birds",
    build=Birds,
    contains=frozenset({"birds"}),
    lufs=-31.1,
    direction=Direction(azimuth_deg=20.0, elevation_deg=35.0, spread_deg=140.0),
)
