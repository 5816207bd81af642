"""Wind in trees: leaves rustle as a gust passes from side to side, and boughs breathe below."""

from __future__ import annotations

from typing import Any, Final

from audio_engine._pyo import pyo
from audio_engine.desk import Desk
from audio_engine.noise import Band
from therapy.controls import Controls
from therapy.specs import Direction, SoundscapeSpec

__all__ = ["SOUNDSCAPE", "Trees"]

_LEVEL: Final = 0.708


class Trees:
    """Gusts are slow; the flutter of leaves on top of them is quick and shallow."""

    def __init__(self, desk: Desk) -> None:
        self._gusts_hz = desk.glide(0.1, 2.0)
        self._rustle = desk.glide(0.2, 1.0)
        gust = pyo.Randi(min=0.4, max=1.0, freq=self._gusts_hz * [1.0, 0.87])
        flutter = pyo.Randi(min=0.7, max=1.0, freq=[9.0, 11.0])
        leaves = desk.noise("pink", [1.0, 1.0], Band(above_hz=1500.0, below_hz=4300.0))
        air = desk.noise("pink", [0.3, 0.3], Band(above_hz=110.0))
        boughs = pyo.ButLP(air, freq=gust * 380.0 + 160.0)
        rustling = leaves * (gust * gust * flutter) * self._rustle
        self.sound: Any = (rustling + boughs * gust) * _LEVEL
        self._parts = (gust, flutter, air, leaves, boughs, rustling)

    def steer(self, controls: Controls) -> None:
        """Let gusts come sooner and leaves answer more as the weather stirs."""
        self._gusts_hz.value = 0.08 + 0.22 * controls.weather
        self._rustle.value = 0.5 + 0.5 * controls.weather


SOUNDSCAPE = SoundscapeSpec(
    name="trees",
    title="Wind in trees",
    control="wind",
    build=Trees,
    lufs=-25.8,
    direction=Direction(elevation_deg=25.0),
)
