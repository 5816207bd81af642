"""A stream that turns over stones: narrow bands of noise whose pitches never rest, a little spray."""

from __future__ import annotations

from typing import Any, Final

from audio_engine._pyo import pyo
from audio_engine.desk import Desk
from therapy.controls import Controls
from therapy.specs import Direction, SoundscapeSpec

__all__ = ["SOUNDSCAPE", "Stream"]

_LEVEL: Final = 1.0
#: Low and high pools of each side: centre, reach (Hz) and how often the pitch turns, a second.
_POOLS: Final = (
    (420.0, 130.0, 7.0),
    (470.0, 150.0, 6.1),
    (930.0, 330.0, 11.0),
    (1040.0, 360.0, 9.7),
)


class Stream:
    """Four pools, even ones left, odd ones right."""

    def __init__(self, desk: Desk) -> None:
        self._flow = desk.glide(1.0, 1.5)
        noise = desk.noise("pink", [1.0, 1.0])
        pitch = pyo.Randi(
            min=[hz - reach for hz, reach, _ in _POOLS],
            max=[hz + reach for hz, reach, _ in _POOLS],
            freq=[turns for _, _, turns in _POOLS],
        )
        level = pyo.Randi(min=0.15, max=1.0, freq=[turns * 0.8 for _, _, turns in _POOLS])
        pools = pyo.Biquad(noise, freq=pitch, q=5.0, type=2, mul=level).mix(2)
        spray = pyo.ButLP(pyo.ButHP(noise, freq=2000.0), freq=4600.0)
        self.sound: Any = (pools * 0.55 + noise * 0.012 + spray * (self._flow * 0.12)) * _LEVEL
        self._parts = (noise, pitch, level, pools, spray)

    def steer(self, controls: Controls) -> None:
        """Let a little more spray up as the weather stirs."""
        self._flow.value = 0.6 + 0.7 * controls.weather


SOUNDSCAPE = SoundscapeSpec(
    name="stream",
    title="Stream",
    build=Stream,
    contains=frozenset({"water"}),
    lufs=-26.8,
    direction=Direction(azimuth_deg=-40.0, elevation_deg=-20.0, spread_deg=50.0),
)
