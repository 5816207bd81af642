"""A cave: air that stands in a large dark room, and drops that fall far apart, with their echo."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from audio_engine._pyo import pyo
from audio_engine.desk import Desk
from audio_engine.soundscapes._contours import Contour, soft_pulse
from therapy.controls import Controls
from therapy.specs import SoundscapeSpec

__all__ = ["SOUNDSCAPE", "Cave"]

_LEVEL: Final = 1.0
_DRIPS: Final = 0.16
_ECHO: Final = 0.75
#: Length of each loop in s, drops in it, left.
_PLACES: Final = ((17.9, 3, 0.75), (26.3, 4, 0.3))
#: Hollows that the air is tuned to, Hz.
_HOLLOWS_HZ: Final = (104.0, 137.0, 205.0, 236.0)


def _drips(rng: np.random.Generator, loop_s: float, count: int) -> Contour:
    """Return a loop of drops: a soft *plip* that rises as its bubble closes."""
    contour = Contour(loop_s, 900.0)
    for k in range(count):
        at_s = (k + rng.uniform(0.15, 0.75)) * loop_s / count
        hz, length_s = rng.uniform(620.0, 1250.0), rng.uniform(0.09, 0.16)
        gain = soft_pulse(length_s, attack=0.12) * rng.uniform(0.4, 1.0)
        contour.add(at_s, hz * np.linspace(1.0, 1.25, len(gain)) ** 2, gain)
    return contour


class Cave:
    """Air in four hollows; drops in two places and a long, dark echo."""

    def __init__(self, desk: Desk) -> None:
        drift = pyo.Randi(min=0.3, max=1.0, freq=[0.17, 0.13, 0.11, 0.15])
        air = pyo.Biquad(
            desk.noise("pink", [0.7] * len(_HOLLOWS_HZ)), freq=list(_HOLLOWS_HZ), q=14.0, type=2, mul=drift
        ).mix(2)
        voices = [(_drips(desk.rng, loop_s, count).sing(desk), left) for loop_s, count, left in _PLACES]
        drips = pyo.Mix([voice * [left, 1.0 - left] for voice, left in voices], voices=2) * _DRIPS
        echo = pyo.STRev(drips.mix(1), inpos=0.5, revtime=4.5, cutoff=2400.0, bal=1.0, roomSize=2.5)
        self.sound: Any = (air + drips + echo * _ECHO) * _LEVEL
        self._parts = (drift, air, voices, drips, echo)

    def steer(self, controls: Controls) -> None:
        """Stay as it is: no weather comes in here."""


SOUNDSCAPE = SoundscapeSpec(name="cave", title="Cave", build=Cave, lufs=-30.3)
