"""The breath that the sound follows: an oscillator at the pacer's rate that keeps time without messages."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["BreathClock"]

#: Time constant of phase corrections: fast enough to stay with the picture, too slow to be heard.
_PULL_S: Final = 0.5
#: Corrections never run the breath backwards nor faster than this many times its own rate.
_MAX_SPEED_UP: Final = 2.0


class BreathClock:
    """A phase oscillator that `sync` pulls gently to the pacer and that runs on alone in between.

    Args:
        phase: where it starts, 0 … 1.
        pace_per_min: breaths a minute.
    """

    def __init__(self, phase: float, pace_per_min: float) -> None:
        self.phase = phase % 1.0
        self._pace_hz = pace_per_min / 60.0
        self._reference: tuple[float, float] | None = None

    def sync(self, phase: float, at_s: float, pace_per_min: float) -> None:
        """Take the pacer's `phase` (0 … 1) as of session time `at_s`, and its pace."""
        if self._reference is None:
            self.phase = phase % 1.0
        self._pace_hz = pace_per_min / 60.0
        self._reference = (phase, at_s)

    def set_pace(self, pace_per_min: float) -> None:
        """Take a pace alone and run free: the phase goes on from where it is."""
        self._pace_hz = pace_per_min / 60.0
        self._reference = None

    def advance(self, dt_s: float, at_s: float) -> float:
        """Move on by `dt_s`, to session time `at_s`; return the phase then, 0 … 1."""
        step = self._pace_hz * dt_s
        if self._reference is not None:
            phase, then_s = self._reference
            wanted = phase + (at_s - then_s) * self._pace_hz
            error = math.remainder(wanted - (self.phase + step), 1.0)
            step += error * min(dt_s / _PULL_S, 1.0)
            step = min(max(step, 0.0), _MAX_SPEED_UP * self._pace_hz * dt_s)
        self.phase = (self.phase + step) % 1.0
        return self.phase
