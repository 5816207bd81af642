"""Wind: two soft bands of noise that wander in pitch and strength, quicker when the weather stirs."""

from __future__ import annotations

from typing import Any, Final

from audio_engine._pyo import pyo
from audio_engine.desk import Desk
from audio_engine.noise import Band
from therapy.controls import Controls
from therapy.specs import SoundscapeSpec

__all__ = ["SOUNDSCAPE", "Wind"]

_LEVEL: Final = 0.6


class Wind:
    """Left and right wander on their own; nothing whistles."""

    def __init__(self, desk: Desk) -> None:
        self._gusts_hz = desk.glide(0.2, 2.0)
        noise = desk.noise("pink", [1.0, 1.0], Band(below_hz=1500.0))
        wander = pyo.Randi(min=220.0, max=620.0, freq=self._gusts_hz * [1.0, 0.83])
        gusts = pyo.Randi(min=0.3, max=1.0, freq=self._gusts_hz * [0.71, 0.93])
        band = pyo.Biquad(noise, freq=wander, q=1.4, type=2)
        self.sound: Any = band * (gusts * _LEVEL)
        self._parts = (noise, wander, gusts, band)

    def steer(self, controls: Controls) -> None:
        """Set the pace of the gusts from `weather`."""
        self._gusts_hz.value = 0.12 + 0.5 * controls.weather


SOUNDSCAPE = SoundscapeSpec(name="wind", title="Wind", control="wind", build=Wind, lufs=-24.2)
