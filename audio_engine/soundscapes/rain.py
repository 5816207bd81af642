"""Rain: a soft hiss on leaves, a murmur further away, and small drops; more when the weather stirs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from audio_engine._pyo import pyo
from audio_engine.desk import Desk
from audio_engine.noise import Band
from therapy.controls import Controls
from therapy.specs import Direction, SoundscapeSpec

__all__ = ["SOUNDSCAPE", "Rain"]

_LEVEL: Final = 1.0
_DROPS: Final = 6
_DROP_S: Final = 0.03


class Rain:
    """Hiss and murmur from independent noises on each side; drops of six pitches at a time."""

    def __init__(self, desk: Desk) -> None:
        self._drops_hz = desk.glide(20.0, 1.0)
        self._hiss_gain = desk.glide(0.1, 1.0)
        drift = pyo.Randi(min=0.75, max=1.0, freq=[0.21, 0.17])
        hiss = desk.noise("white", [1.0, 1.0], Band(above_hz=1400.0, below_hz=5200.0))
        murmur = desk.noise("pink", [0.16, 0.16], Band(above_hz=180.0, below_hz=900.0))
        x = np.linspace(0.0, 1.0, 512)
        shape = np.sin(np.pi * np.minimum(x / 0.16, 1.0) / 2.0) ** 2 * np.exp(-5.0 * x) * (1.0 - x)
        falls = pyo.Cloud(density=self._drops_hz, poly=_DROPS).play()
        pitch = pyo.TrigRand(falls, min=900.0, max=4200.0, init=2000.0)
        size = pyo.TrigRand(falls, min=0.1, max=1.0, init=0.5)
        envelope = pyo.TrigEnv(falls, desk.table(shape), dur=_DROP_S, mul=size * size)
        drops = pyo.Sine(freq=pitch, mul=envelope).mix(2)
        self.sound: Any = ((hiss * self._hiss_gain + murmur) * drift + drops * 0.12) * _LEVEL
        self._parts = (drift, hiss, murmur, falls, pitch, size, envelope, drops)

    def steer(self, controls: Controls) -> None:
        """Let more fall as the weather stirs."""
        self._drops_hz.value = 14.0 + 50.0 * controls.weather
        self._hiss_gain.value = 0.09 + 0.06 * controls.weather


SOUNDSCAPE = SoundscapeSpec(
    name="rain",
    title="Rain",
    control="rain",
    build=Rain,
    contains=frozenset({"rain"}),
    lufs=-25.6,
    direction=Direction(elevation_deg=35.0),
)
