"""Under water: a deep, slow pressure that moves past, and now and then small bubbles that rise."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from audio_engine._pyo import pyo
from audio_engine.desk import Desk
from audio_engine.noise import Band
from audio_engine.soundscapes._contours import Contour, soft_pulse
from therapy.controls import Controls
from therapy.specs import SoundscapeSpec

__all__ = ["SOUNDSCAPE", "Underwater"]

_LEVEL: Final = 1.0
_BUBBLES: Final = 0.07
#: Length of each loop in s, strings of bubbles in it, left.
_STRINGS: Final = ((21.7, 3, 0.7), (27.1, 4, 0.3))


def _strings(rng: np.random.Generator, loop_s: float, count: int) -> Contour:
    """Return a loop of strings of bubbles: each bubble is a short tone that rises as it shrinks."""
    contour = Contour(loop_s, 500.0)
    for k in range(count):
        at_s = (k + rng.uniform(0.1, 0.5)) * loop_s / count
        hz = rng.uniform(280.0, 480.0)
        loud = rng.uniform(0.4, 1.0)
        for j in range(int(rng.integers(5, 11))):
            length_s = rng.uniform(0.05, 0.11)
            gain = soft_pulse(length_s, attack=0.2) * loud * 0.92**j
            if contour.free(at_s, length_s + 0.02):
                start = hz * rng.uniform(0.9, 1.5)
                contour.add(at_s, start * np.linspace(1.0, 1.35, len(gain)), gain)
            at_s += length_s + rng.uniform(0.03, 0.14)
    return contour


class Underwater:
    """The deep follows the breath a little; bubbles belong to the water."""

    def __init__(self, desk: Desk) -> None:
        self._stir = desk.glide(0.3, 2.0)
        drift = pyo.Randi(min=0.55, max=1.0, freq=[0.11, 0.09])
        deep = pyo.ButLP(
            desk.noise("brown", [1.0, 1.0], Band(above_hz=45.0)),
            freq=(drift * 160.0 + 110.0) * (desk.lift * 0.25 + 1.0),
        )
        current = pyo.Biquad(
            desk.noise("pink", [1.0, 1.0]), freq=pyo.Randi(260.0, 520.0, [0.23, 0.19]), q=2.0, type=2
        )
        voices = [(_strings(desk.rng, loop_s, count).sing(desk), left) for loop_s, count, left in _STRINGS]
        bubbles = pyo.Mix([voice * [left, 1.0 - left] for voice, left in voices], voices=2)
        moved = current * (self._stir * 0.2 + 0.1)
        self.sound: Any = (deep * drift * 0.4 + moved * drift + bubbles * _BUBBLES) * _LEVEL
        self._parts = (drift, deep, current, voices, bubbles, moved)

    def steer(self, controls: Controls) -> None:
        """Let the current be heard as the weather stirs."""
        self._stir.value = controls.weather


SOUNDSCAPE = SoundscapeSpec(
    name="underwater", title="Under water", build=Underwater, contains=frozenset({"under_water"}), lufs=-23.8
)
