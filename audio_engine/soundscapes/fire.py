"""A fire: a low breath of flames and soft, small crackles, none of which is sharp enough to startle."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from audio_engine._pyo import pyo
from audio_engine.desk import Desk
from audio_engine.noise import Band
from therapy.controls import Controls
from therapy.specs import Direction, SoundscapeSpec

__all__ = ["SOUNDSCAPE", "Fire"]

_LEVEL: Final = 1.26
_CRACKLES: Final = 4


class Fire:
    """Flames on both sides; crackles share one band of noise and differ in size and place."""

    def __init__(self, desk: Desk) -> None:
        self._crackles_hz = desk.glide(7.0, 1.0)
        flicker = pyo.Randi(min=0.45, max=1.0, freq=[3.1, 2.7])
        flames = desk.noise("brown", [0.26, 0.26], Band(above_hz=70.0, below_hz=420.0))
        hiss = desk.noise("pink", [0.05, 0.05], Band(above_hz=1200.0, below_hz=4000.0))
        x = np.linspace(0.0, 1.0, 1024)
        shape = np.sin(np.pi * np.minimum(x / 0.12, 1.0) / 2.0) ** 2 * np.exp(-6.0 * x) * (1.0 - x)
        pops = pyo.Cloud(density=self._crackles_hz, poly=_CRACKLES).play()
        size = pyo.TrigRand(pops, min=0.15, max=1.0, init=0.3)
        length_s = pyo.TrigRand(pops, min=0.012, max=0.045, init=0.02)
        envelope = pyo.TrigEnv(pops, desk.table(shape), dur=length_s, mul=size * size * size)
        wood = desk.noise("pink", [1.0], Band(peak_hz=1300.0, q=0.8))
        crackle = pyo.ButLP((envelope * wood).mix(2), freq=3800.0)
        self.sound: Any = ((flames + hiss) * flicker + crackle * 1.8) * _LEVEL
        self._parts = (flicker, flames, hiss, pops, size, length_s, envelope, wood, crackle)

    def steer(self, controls: Controls) -> None:
        """Crackle a little more as the weather stirs."""
        self._crackles_hz.value = 5.0 + 6.0 * controls.weather


SOUNDSCAPE = SoundscapeSpec(
    name="fire",
    title="Fire",
    control="fire",
    build=Fire,
    contains=frozenset({"fire"}),
    lufs=-26.0,
    direction=Direction(elevation_deg=-25.0, spread_deg=30.0),
)
