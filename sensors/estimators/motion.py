"""How still the head is kept, from a stream of head poses.

Channels `x`, `y`, `z` (metres, y up) and, where there, the quaternion `qx`, `qy`, `qz`, `qw`: a headset's
pose as WebXR gives it and as a session's recording holds it. Without labels: the first three, the next four.

Poses come unevenly: they are averaged over 50 ms, which also takes the tracker's own trembling away.
"""

from __future__ import annotations

import collections
import math
from typing import Any, Final

import numpy as np

from sensors.errors import BadStream
from sensors.estimators._readings import reading
from sensors.quality import Bools, Cleaner, Floats, ramp
from therapy import units
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE, Reading
from therapy.specs import EstimatorSpec

__all__ = ["ESTIMATOR", "RATES_HZ", "MotionEstimator"]

#: Of streams that state a rate; 0 is an uneven one.
RATES_HZ: Final = (8.0, 2000.0)
_USUAL_HZ: Final = 72.0
_STEP_S: Final = 0.05
_WINDOW_S: Final = 10.0
_HOLE_S: Final = 0.25
_COVER: Final = 0.8
_FRESH_S: Final = 1.0
#: Faster, no neck: the tracking found its place anew.
_FASTEST_M_PER_S: Final = 5.0
#: Of a metre, or of a quaternion: rounding.
_FROZEN: Final = 1e-9
_POSITION: Final = ("X", "Y", "Z")
_TURN: Final = ("QX", "QY", "QZ", "QW")


class MotionEstimator:
    """Sway, speed and turning of the head. `push` poses (n, 3) or (n, 7), then ask `readings`."""

    def __init__(self, rate_hz: float, channels: int = 7) -> None:
        low, high = RATES_HZ
        if not (rate_hz == 0.0 or (math.isfinite(rate_hz) and low <= rate_hz <= high)):
            raise BadStream("head pose rate", f"0 or in {low:g}…{high:g} Hz", rate_hz)
        if channels not in (3, 7):
            raise BadStream("head pose channels", "3 (position) or 7 (position, quaternion)", channels)
        self._channels = channels
        self._cleaners = [Cleaner(rate_hz or _USUAL_HZ) for _ in range(channels)]
        self._steps: collections.deque[tuple[float, Floats, float]] = collections.deque()
        self._sum = np.zeros(channels)
        self._count = self._bad = 0
        self._step: int | None = None
        self._began_s: float | None = None
        self._last_s: float | None = None

    @property
    def bad_samples(self) -> int:
        """Samples of all channels held out since the start because they cannot be true."""
        return sum(cleaner.bad_samples for cleaner in self._cleaners)

    def push(self, chunk: Any, stamps_s: Any) -> list[Any]:
        """Take poses (n, channels) with their session times (n,); return nothing. Never raises."""
        x = np.asarray(chunk, dtype=np.float64).reshape(-1, self._channels)
        parts = [cleaner.push(x[:, k], stamps_s) for k, cleaner in enumerate(self._cleaners)]
        for together in zip(*parts, strict=True):  # stamps alone cut, so that all channels are cut alike
            poses = np.column_stack([part.x for part in together])
            bad = np.any(np.column_stack([part.bad for part in together]), axis=1)
            times = together[0].stamps_s
            if self._began_s is None:
                self._began_s = float(times[0])
            for pose, at_s, held in zip(poses, times.tolist(), bad.tolist(), strict=True):
                self._take(pose, at_s, held)
            self._last_s = float(times[-1])
        return []

    def _take(self, pose: Floats, at_s: float, held: bool) -> None:  # noqa: FBT001  # one of three columns
        step = math.floor(at_s / _STEP_S)
        if self._step is not None and step != self._step:
            self._close()
        self._step = step
        if self._channels == 7 and self._count and float(pose[3:] @ self._sum[3:]) < 0.0:
            pose = np.concatenate((pose[:3], -pose[3:]))  # q and −q are one turn
        self._sum = self._sum + pose
        self._count += 1
        self._bad += held

    def _close(self) -> None:
        """Keep the mean of a step; forget all before a jump of the tracking or of the clock."""
        at_s = ((self._step or 0) + 0.5) * _STEP_S
        mean, bad = self._sum / self._count, self._bad / self._count
        self._sum, self._count, self._bad = np.zeros(self._channels), 0, 0
        if self._steps:
            before_s, before, _ = self._steps[-1]
            far = float(np.linalg.norm(mean[:3] - before[:3]))
            if at_s <= before_s or far > _FASTEST_M_PER_S * (at_s - before_s):
                self._steps.clear()
        self._steps.append((at_s, mean, bad))
        while self._steps and self._steps[0][0] < at_s - _WINDOW_S:
            self._steps.popleft()

    def readings(self, now_s: float) -> list[Reading]:
        """Return sway, speed and turning of the head over ten seconds as of `now_s`."""
        sway = speed = turning = None
        reason, cover, good = self._trouble(now_s), 0.0, 0.0
        recent = [s for s in self._steps if now_s - _WINDOW_S < s[0] <= now_s]
        if not reason and len(recent) >= 3:
            at_s = np.array([s[0] for s in recent])
            poses = np.array([s[1] for s in recent])
            spans = np.diff(at_s)
            joined = spans <= _HOLE_S
            cover = float(np.sum(spans[joined])) / (_WINDOW_S - 2.0 * _STEP_S)
            good = 1.0 - float(np.mean([s[2] for s in recent]))
            if float(np.max(np.ptp(poses, axis=0))) < _FROZEN:
                reason = LEAD_OFF  # no tracker of a worn headset says the same twice
            elif cover >= _COVER:
                sway, speed, turning = _motion(poses, spans, joined)
        if not reason and sway is None:
            began_s = self._began_s if self._began_s is not None else now_s
            reason = CALIBRATING if now_s - began_s < 1.2 * _WINDOW_S else NOISE
        fresh = 1.0 - ramp(now_s - (self._last_s or now_s), _FRESH_S, 2.0 * _FRESH_S)
        quality = ramp(cover, 0.7, 0.95) * ramp(good, 0.7, 1.0) * fresh
        return [
            reading(vital, value, unit, now_s, quality, _WINDOW_S, reason)
            for vital, value, unit in (
                ("head_sway", sway, units.MM),
                ("head_speed", speed, units.MM_PER_S),
                ("head_turning", turning, units.DEG_PER_S),
            )
            if vital != "head_turning" or self._channels == 7
        ]

    def _trouble(self, now_s: float) -> str:
        if self._last_s is None:
            return NO_SIGNAL
        return STALE if now_s - self._last_s > 2.0 * _FRESH_S else ""


def _motion(poses: Floats, spans: Floats, joined: Bools) -> tuple[float, float, float | None]:
    """Return sway (RMS distance from the middle, seen from above, mm), speed (mm/s) and turning (°/s)."""
    above = poses[:, [0, 2]] - np.mean(poses[:, [0, 2]], axis=0)
    sway = 1000.0 * math.sqrt(float(np.mean(np.sum(above * above, axis=1))))
    paths = np.linalg.norm(np.diff(poses[:, :3], axis=0), axis=1)
    seconds = float(np.sum(spans[joined]))
    speed = 1000.0 * float(np.sum(paths[joined])) / seconds
    if poses.shape[1] < 7:
        return sway, speed, None
    sizes = np.maximum(np.linalg.norm(poses[:, 3:], axis=1, keepdims=True), 1e-12)
    turns = poses[:, 3:] / sizes
    # twice the arcsine of half the chord: exact for small angles, where an arccosine is not
    chords = np.minimum(
        np.linalg.norm(turns[1:] - turns[:-1], axis=1), np.linalg.norm(turns[1:] + turns[:-1], axis=1)
    )
    angles = np.degrees(4.0 * np.arcsin(np.minimum(chords / 2.0, 1.0)))
    return sway, speed, float(np.sum(angles[joined])) / seconds


def _choose(labels: tuple[str, ...]) -> tuple[int, ...]:
    """Return position and, where there, quaternion: by label, else the first three and the next four."""
    upper = [label.strip().upper() for label in labels]
    if all(name in upper for name in _POSITION):
        turn = _TURN if all(name in upper for name in _TURN) else ()
        return tuple(upper.index(name) for name in (*_POSITION, *turn))
    return tuple(range(7 if len(labels) >= 7 else min(3, len(labels))))


def _build(rate_hz: float, labels: tuple[str, ...]) -> MotionEstimator:
    return MotionEstimator(rate_hz, len(labels))


ESTIMATOR: Final = EstimatorSpec(name="motion", stream_type="HeadPose", choose=_choose, build=_build)
