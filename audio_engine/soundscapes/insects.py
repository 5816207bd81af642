"""Insects of a warm night: a few crickets, each with its own song and place, over a shimmer far away."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from audio_engine._pyo import pyo
from audio_engine.desk import Desk
from audio_engine.soundscapes._contours import Contour, soft_pulse
from therapy.controls import Controls
from therapy.specs import Direction, SoundscapeSpec

__all__ = ["SOUNDSCAPE", "Insects"]

_LEVEL: Final = 0.141
#: Of each cricket: carrier in Hz, chirps a second, pulses in a chirp, loop in s, loudness, left.
#: Field crickets call at 4…5 kHz with three or four pulses of about 20 ms; ours are a little lower, for ease.
_CRICKETS: Final = (
    (3900.0, 1.25, 3, 13.1, 1.0, 0.8),
    (4350.0, 1.05, 4, 17.3, 0.6, 0.25),
    (3600.0, 0.8, 3, 11.7, 0.5, 0.5),
)
_PULSE_S: Final = 0.026
_PULSES_HZ: Final = 27.0


def _cricket(rng: np.random.Generator, hz: float, chirps_hz: float, pulses: int, loop_s: float) -> Contour:
    """Return a loop of chirps that pauses now and then, for two or three of them."""
    contour = Contour(loop_s, hz)
    at_s, rest = 0.2, 0
    while at_s < loop_s - 0.6:
        if rest > 0:
            rest -= 1
        else:
            loud = rng.uniform(0.75, 1.0)
            for k in range(pulses):
                gain = soft_pulse(_PULSE_S, attack=0.4) * loud * (0.7 + 0.3 * k / pulses)
                contour.add(at_s + k / _PULSES_HZ, np.linspace(1.01, 0.995, len(gain)) * hz, gain)
            rest = int(rng.integers(2, 4)) if rng.random() < 0.12 else 0
        at_s += (1.0 + 0.05 * rng.standard_normal()) / chirps_hz
    return contour


class Insects:
    """Three near ones and many far ones."""

    def __init__(self, desk: Desk) -> None:
        voices = [
            (_cricket(desk.rng, hz, chirps, pulses, loop_s).sing(desk), loud, left)
            for hz, chirps, pulses, loop_s, loud, left in _CRICKETS
        ]
        near = [voice * [loud * left, loud * (1.0 - left)] for voice, loud, left in voices]
        trill = pyo.Sine(freq=[17.0, 15.3], mul=0.35, add=0.65)
        drift = pyo.Randi(min=0.5, max=1.0, freq=[0.13, 0.11])
        far = pyo.Biquad(desk.noise("pink", [1.0, 1.0]), freq=[4700.0, 5050.0], q=9.0, type=2)
        self.sound: Any = (near[0] + near[1] + near[2] + far * (trill * drift)) * _LEVEL
        self._parts = (voices, near, trill, drift, far)

    def steer(self, controls: Controls) -> None:
        """Sing on, whatever the weather."""


SOUNDSCAPE = SoundscapeSpec(
    name="insects",
    title="Night insects",
    build=Insects,
    contains=frozenset({"insects"}),
    lufs=-34.5,
    direction=Direction(elevation_deg=-10.0),
)
