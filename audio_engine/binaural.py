"""A binaural beat: two quiet sines, one for each ear, a few hertz apart. Off unless a plan asks for it.

Nothing is claimed for it: the evidence is weak. It is here so that a study can have it, bounded like all.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from audio_engine.messages import BLOCK_FRAMES, BLOCK_S, CHANNELS, RATE_HZ

__all__ = ["BEAT_HZ", "CARRIER_HZ", "Binaural"]

CARRIER_HZ: Final = 220.0
BEAT_HZ: Final = 6.0
#: At level 1, under a bed of common loudness.
_AMPLITUDE: Final = 0.02
_LEVEL_S: Final = 1.0


class Binaural:
    """Adds the beat to blocks; costs nothing while its level is 0."""

    def __init__(self) -> None:
        self._level = 0.0
        self._phases = np.zeros(CHANNELS)
        hertz = CARRIER_HZ + np.array([-0.5, 0.5]) * BEAT_HZ
        self._steps = 2.0 * math.pi * hertz / RATE_HZ

    def added(self, dry: npt.NDArray[np.float32], level: float) -> npt.NDArray[np.float32]:
        """Return `dry` (480, 2) with the beat at `level` 0 … 1, towards which it glides within about 1 s."""
        before = self._level
        self._level += min(max(level - before, -BLOCK_S / _LEVEL_S), BLOCK_S / _LEVEL_S)
        if before == 0.0 == self._level:
            return dry
        frames = np.arange(BLOCK_FRAMES)[:, None]
        gains = before + (self._level - before) * frames / BLOCK_FRAMES
        beat = _AMPLITUDE * gains * np.sin(self._phases + frames * self._steps)
        self._phases = (self._phases + BLOCK_FRAMES * self._steps) % (2.0 * math.pi)
        return (dry + beat).astype(np.float32)
