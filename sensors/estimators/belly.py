"""The breath from something that lies on the belly: a headset's controller, a phone, an accelerometer.

Channels `x`, `y`, `z`: a position in metres, or an acceleration in any unit (the pull of gravity turns with
the belly). The breath is along the line in which it moves most; which end of it is the inhale is told by the
inhale being the shorter part of a breath, which is true of most breaths and not of all. So the quality is at
most `MOST`, and the phase less sure than a belt's.
"""

from __future__ import annotations

import collections
import math
from typing import Any, Final

import numpy as np

from sensors.errors import BadStream
from sensors.estimators.respiration import RespirationEstimator
from sensors.quality import Cleaner, Floats, ramp
from therapy.events import Breath
from therapy.patient import CALIBRATING, NOISE, Reading
from therapy.specs import EstimatorSpec

__all__ = ["ESTIMATOR", "MOST", "RATES_HZ", "BellyEstimator"]

RATES_HZ: Final = (8.0, 1000.0)
MOST: Final = 0.6
_STEP_HZ: Final = 8.0
_WINDOW_S: Final = 20.0
_TURN_S: Final = 2.0
_LEAST_S: Final = 8.0
#: Share of motion that is along one line: nearly all while someone lies still, a third of anything.
_ALONG: Final = (0.5, 0.85)
#: A step this many times the usual swing is someone taking the thing up.
_HANDLED: Final = 8.0


class BellyEstimator:
    """Breaths from motion. `push` (n, 3), then ask `readings` or `phase`."""

    def __init__(self, rate_hz: float) -> None:
        low, high = RATES_HZ
        if not (math.isfinite(rate_hz) and low <= rate_hz <= high):
            raise BadStream("belly motion rate", f"in {low:g}…{high:g} Hz", rate_hz)
        self._cleaners = [Cleaner(rate_hz) for _ in range(3)]
        self._each = max(1, int(rate_hz / _STEP_HZ))
        self._step_hz = rate_hz / self._each
        self._belt = RespirationEstimator(self._step_hz)
        self._rest: tuple[Floats, Floats] = (np.empty((0, 3)), np.empty(0))
        self._recent: collections.deque[Floats] = collections.deque(maxlen=round(_WINDOW_S * self._step_hz))
        self._axis: Floats | None = None
        self._along = 0.0
        self._steps = 0
        self._handled = False

    @property
    def bad_samples(self) -> int:
        """Samples of all channels held out since the start because they cannot be true."""
        return sum(cleaner.bad_samples for cleaner in self._cleaners)

    def push(self, chunk: Any, stamps_s: Any) -> list[Breath]:
        """Take samples (n, 3) with their session times (n,); return the breaths decided. Never raises."""
        x = np.asarray(chunk, dtype=np.float64).reshape(-1, 3)
        parts = [cleaner.push(x[:, k], stamps_s) for k, cleaner in enumerate(self._cleaners)]
        breaths: list[Breath] = []
        for together in zip(*parts, strict=True):  # stamps alone cut, so that all channels are cut alike
            if together[0].gap_s > 0.0:
                self._rest = (np.empty((0, 3)), np.empty(0))
            moved = np.concatenate((self._rest[0], np.column_stack([part.x for part in together])))
            times = np.concatenate((self._rest[1], together[0].stamps_s))
            whole = len(moved) // self._each * self._each
            self._rest = (moved[whole:], times[whole:])
            for k in range(0, whole, self._each):
                at_s = float(np.mean(times[k : k + self._each]))
                breaths += self._step(np.mean(moved[k : k + self._each], axis=0), at_s)
        return breaths

    def _step(self, where: Floats, at_s: float) -> list[Breath]:
        self._recent.append(where)
        self._steps += 1
        if len(self._recent) < _LEAST_S * self._step_hz:
            return []
        if self._axis is None or self._steps % round(_TURN_S * self._step_hz) == 0:
            self._turn()
        if self._axis is None:
            return []
        return self._belt.push(np.array([float(where @ self._axis)]), np.array([at_s]))

    def _turn(self) -> None:
        """Find the line of most motion anew; of its two ends keep to the one that was the inhale."""
        recent = np.array(self._recent)
        still = recent - np.mean(recent, axis=0)
        steps = np.linalg.norm(np.diff(recent, axis=0), axis=1)
        usual = float(np.median(steps))
        self._handled = float(np.max(steps)) > _HANDLED * max(usual, 1e-9)
        _, sizes, lines = np.linalg.svd(still, full_matrices=False)
        power = float(np.sum(sizes**2))
        self._along = float(sizes[0] ** 2) / power if power > 0.0 else 0.0
        line = lines[0]
        if self._axis is None or abs(float(line @ self._axis)) < 0.5:
            self._axis = line * _inhale_end(still @ line)
        else:
            self._axis = line * math.copysign(1.0, float(line @ self._axis))

    def _trust(self) -> float:
        return 0.0 if self._handled else MOST * ramp(self._along, *_ALONG)

    def quality(self, now_s: float) -> float:
        """Return the trust in the signal as of `now_s`, 0 … `MOST`."""
        return self._trust() * self._belt.quality(now_s)

    def phase(self, now_s: float) -> tuple[float, float]:
        """Return the phase 0 … 1 (the inhale starts at 0) at `now_s` and the confidence 0 … 1 in it."""
        phase, trust = self._belt.phase(now_s)
        return phase, self._trust() * trust

    def readings(self, now_s: float) -> list[Reading]:
        """Return the breath rate as of `now_s`."""
        (told,) = self._belt.readings(now_s)
        quality = self._trust() * told.quality
        reason = told.reason
        if self._axis is None and self._steps:
            reason = CALIBRATING
        elif not reason and quality < 0.05:
            reason = NOISE
        return [
            Reading(
                vital=told.vital,
                value=None if reason else told.value,
                unit=told.unit,
                at_s=now_s,
                quality=0.0 if reason else quality,
                window_s=told.window_s,
                reason=reason,
            )
        ]


def _inhale_end(along: Floats) -> float:
    """Return 1 where `along` rises faster than it falls (the inhale is the shorter part), else −1."""
    steps = np.diff(along)
    return 1.0 if float(np.sum(steps**3)) >= 0.0 else -1.0


def _choose(labels: tuple[str, ...]) -> tuple[int, ...]:
    """Return the columns of x, y and z: by label, else the first three."""
    upper = [label.strip().upper() for label in labels]
    if all(name in upper for name in "XYZ"):
        return tuple(upper.index(name) for name in "XYZ")
    return tuple(range(min(3, len(labels))))


def _build(rate_hz: float, labels: tuple[str, ...]) -> BellyEstimator:
    if len(labels) != 3:
        raise BadStream("belly motion channels", "x, y, z", len(labels))
    return BellyEstimator(rate_hz)


ESTIMATOR: Final = EstimatorSpec(name="belly", stream_type="BellyMotion", choose=_choose, build=_build)
