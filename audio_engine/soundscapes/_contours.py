"""Long loops of pitch and loudness, drawn once with a seed and read slowly: birds, crickets, drips, bubbles.

They cost three streams a voice, whatever happens in them, and nothing in them can come as a surprise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from audio_engine._pyo import pyo
from audio_engine.desk import Desk

__all__ = ["Contour", "soft_pulse"]

#: Steps in a second; between them pyo draws straight lines.
RATE_HZ: Final = 500


def soft_pulse(seconds: float, *, attack: float = 0.5, power: float = 1.0) -> npt.NDArray[np.float64]:
    """Return a rise and fall (n,) from 0 over 1 to 0, with its top at the share `attack` of it."""
    x = np.linspace(0.0, 1.0, max(round(seconds * RATE_HZ), 4))
    warped = np.where(x < attack, 0.5 * x / attack, 0.5 + 0.5 * (x - attack) / (1.0 - attack))
    shape: npt.NDArray[np.float64] = np.sin(np.pi * warped) ** 2
    return shape**power


class Contour:
    """One voice's loop.

    Args:
        seconds: length of the loop. Give each voice another one, without a common measure.
        rest_hz: pitch while it is silent.
    """

    def __init__(self, seconds: float, rest_hz: float) -> None:
        self.seconds = seconds
        count = round(seconds * RATE_HZ)
        self._hz = np.full(count, rest_hz)
        self._gain = np.zeros(count)

    def free(self, at_s: float, seconds: float) -> bool:
        """Return whether nothing sounds from `at_s` for `seconds`, and the loop does not end before."""
        start, end = round(at_s * RATE_HZ), round((at_s + seconds) * RATE_HZ)
        return start > 0 and end < len(self._gain) and not self._gain[start:end].any()

    def add(self, at_s: float, hz: npt.NDArray[np.float64], gain: npt.NDArray[np.float64]) -> None:
        """Put a tone of pitches `hz` and loudness `gain` (both (n,), gain 0 at its ends) at `at_s`."""
        start = round(at_s * RATE_HZ)
        self._hz[start : start + len(hz)] = hz
        self._gain[start : start + len(gain)] = gain

    def sing(self, desk: Desk, partials: Sequence[float] = (1.0,)) -> Any:
        """Return the pyo tone that goes through the loop again and again."""
        turns_hz = 1.0 / self.seconds
        hz = pyo.Osc(desk.table(self._hz), freq=turns_hz)
        gain = pyo.Osc(desk.table(self._gain), freq=turns_hz)
        return pyo.Osc(desk.harmonics(partials), freq=hz, mul=gain)
