"""How much the head of whoever wears the headset sways, from the poses that its link brings."""

from __future__ import annotations

from typing import Final

import numpy as np

from sensors.estimators.motion import MotionEstimator

__all__ = ["HeadSway"]

#: How often the sway is worked out; it is a mean of ten seconds.
_EVERY_S: Final = 0.5
#: A link that brings nothing but poses that are never asked for must not fill the memory.
_MOST_WAITING: Final = 2000
#: Below this quality a reading is not used.
_GOOD: Final = 0.5


class HeadSway:
    """Gathers poses and gives the sway. Belongs to one thread."""

    def __init__(self) -> None:
        self._estimator = MotionEstimator(0.0, 7)
        self._poses: list[tuple[float, ...]] = []
        self._stamps_s: list[float] = []
        self._due_s = 0.0
        self._mm: float | None = None

    def take(
        self,
        position: tuple[float, float, float],
        orientation: tuple[float, float, float, float],
        at_s: float,
    ) -> None:
        """Take a pose (metres, y up; a quaternion) that came at session time `at_s`, which never falls."""
        if len(self._poses) < _MOST_WAITING:
            self._poses.append((*position, *orientation))
            self._stamps_s.append(at_s)

    def mm(self, now_s: float) -> float | None:
        """Return the sway over the last ten seconds (RMS, mm), `None` while it is not known. Call often."""
        if now_s >= self._due_s:
            self._due_s = now_s + _EVERY_S
            if self._poses:
                self._estimator.push(np.array(self._poses), np.array(self._stamps_s))
                self._poses, self._stamps_s = [], []
            sway = self._estimator.readings(now_s)[0]
            self._mm = sway.value if sway.quality >= _GOOD else None
        return self._mm
