"""Where sounds come from: two streams of a source in first-order ambisonics, and the same for two ears.

Channels are W, Y, Z, X (ACN order, SN3D), as WebAudio's and every other ambisonic decoder expects them.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from audio_engine.messages import CHANNELS
from therapy.specs import Direction

__all__ = ["AMBISONIC_CHANNELS", "encode", "to_stereo"]

AMBISONIC_CHANNELS: Final = 4

#: Left and right of W and Y.
_CARDIOIDS: Final = np.array([[0.5, 0.5], [0.5, -0.5]], np.float32)


def encode(direction: Direction) -> npt.NDArray[np.float64]:
    """Return the gains (2 streams, 4 channels W Y Z X) that place a sound's two streams."""
    up = math.radians(direction.elevation_deg)
    gains = np.zeros((CHANNELS, AMBISONIC_CHANNELS))
    for stream, side in enumerate((0.5, -0.5)):
        around = math.radians(direction.azimuth_deg + side * direction.spread_deg)
        gains[stream] = (
            1.0,
            math.sin(around) * math.cos(up),
            math.sin(up),
            math.cos(around) * math.cos(up),
        )
    # What is left of a right angle's cosine would cost a stream of its own.
    return np.where(np.abs(gains) < 1e-6, 0.0, gains)


def to_stereo(field: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return what two cardioids that look left and right hear (n, 2) of an ambisonic `field` (n, 4).

    A sound all around keeps its two streams as left and right, exactly.
    """
    return field[:, :2] @ _CARDIOIDS
