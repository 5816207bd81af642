"""The sea: swash that comes and goes with the breath, a slower swell of its own, a low body, some foam."""

from __future__ import annotations

from typing import Any, Final

from audio_engine._pyo import pyo
from audio_engine.desk import Desk
from audio_engine.noise import Band
from therapy.controls import Controls
from therapy.specs import SoundscapeSpec

__all__ = ["SOUNDSCAPE", "Ocean"]

_LEVEL: Final = 0.42


class Ocean:
    """Stereo from two independent noises; the lift of the breath opens and raises the swash."""

    def __init__(self, desk: Desk) -> None:
        self._stir = desk.glide(0.3, 1.0)
        own = pyo.Randi(min=0.72, max=1.0, freq=[0.13, 0.11])
        rise = desk.lift * 0.55 + 1.0
        swash_hz = (rise * rise * 520.0 + 60.0) * (self._stir * 1.2 + 0.7)
        swash = pyo.ButLP(desk.noise("pink", [1.0, 1.0]), freq=swash_hz) * rise * own
        foam = desk.noise("pink", [1.0, 1.0], Band(above_hz=1800.0, below_hz=5200.0))
        foam_gain = rise * rise * own * (self._stir * 0.13 + 0.03)
        body = desk.noise("brown", [0.55], Band(above_hz=38.0, below_hz=170.0))
        total = swash + foam * foam_gain + pyo.Mix([body, body], voices=2)
        self.sound: Any = total * _LEVEL
        self._parts = (own, rise, swash_hz, swash, foam, foam_gain, body, total)

    def steer(self, controls: Controls) -> None:
        """Set the stir from `weather`."""
        self._stir.value = controls.weather


SOUNDSCAPE = SoundscapeSpec(
    name="ocean", title="Sea", control="ocean", build=Ocean, lufs=-21.0, contains=frozenset({"water"})
)
