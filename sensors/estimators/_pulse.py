"""Causal detection of pulses in a PPG: slope sum, adaptive threshold, then the highest point."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import deque
from typing import Final

import numpy as np
from scipy import signal

from sensors.quality import Floats

__all__ = ["Peak", "PulseDetector"]

_LOW_PASS_HZ: Final = 8.0
_SLOPE_S: Final = 0.2
_LEARN_S: Final = 3.0
_REFRACTORY_S: Final = 0.3
#: Shares of the usual slope sum and of the usual height: a dicrotic wave is as steep and half as high.
_THRESHOLD: Final = 0.5
_HEIGHT: Final = 0.6
#: How far before the peak its foot may be; further back, a drift would be taken for height.
_FOOT_S: Final = 0.6
_FALLEN: Final = 0.1
_LONGEST_S: Final = 2.2
_SILENT_S: Final = 3.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """A systolic peak at `at_s`, `amplitude` above the foot; `shape`: the signal since the peak before it.

    `level` is the middle between foot and peak, with the signal turned so that pulses rise.
    """

    at_s: float
    amplitude: float
    level: float
    shape: Floats


class PulseDetector:
    """Finds systolic peaks in gapless stretches at some 50…200 Hz. `push` samples, get the peaks decided.

    A pulse is a narrow hill, and its upstroke is steeper than its end. A signal of narrow valleys and steep
    falls is light received and not light absorbed: it is turned round.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        edge = min(_LOW_PASS_HZ, 0.4 * rate_hz)
        self._sos = signal.bessel(2, edge, fs=rate_hz, norm="phase", output="sos")
        turn = signal.sosfreqz(self._sos, worN=[1.5], fs=rate_hz)[1]
        self._delay_s = float(-np.angle(turn[0]) / (2.0 * math.pi * 1.5))
        self._sign = 1.0
        self._skew = 0.0
        self._sums = deque[float](maxlen=8)
        self._heights = deque[float](maxlen=8)
        self._widths = deque[float](maxlen=8)
        self.restart()

    def restart(self) -> None:
        """Forget the signal (there was a hole); what is known of pulses stays."""
        self._state: Floats | None = None
        self._learned: list[float] = []
        self._forget()

    def _forget(self) -> None:
        self._rises: deque[float] = deque(maxlen=max(2, round(_SLOPE_S * self._rate)))
        self._values: list[float] = []
        self._before: tuple[float, float] | None = None
        self._trace: list[tuple[float, float]] = []
        self._top: int | None = None
        self._highest_sum = 0.0
        self._last_s: float | None = None
        self._quiet_since_s: float | None = None
        self._armed = False

    def push(self, x: Floats, t: Floats) -> list[Peak]:
        """Take finite samples `x` (n,) at rising times `t` (n,); return the peaks decided, oldest first."""
        if self._state is None:
            self._state = signal.sosfilt_zi(self._sos) * x[0]
        y, self._state = signal.sosfilt(self._sos, x, zi=self._state)
        found: list[Peak] = []
        for value, at_s in zip(y.tolist(), t.tolist(), strict=True):
            peak = self._take(self._sign * value, at_s - self._delay_s)
            if peak is not None:
                found.append(peak)
        return found

    def _take(self, value: float, at_s: float) -> Peak | None:
        if self._before is None:
            self._before = (value, at_s)
            self._quiet_since_s = at_s
            return None
        step = value - self._before[0]
        self._before = (value, at_s)
        self._rises.append(max(step, 0.0))
        self._lean(value)
        total = math.fsum(self._rises)
        self._trace.append((value, at_s))
        if len(self._learned) < _LEARN_S * self._rate:
            self._learned.append(total)
            if len(self._learned) >= _LEARN_S * self._rate:
                self._trace = []
                if not self._sums:
                    self._sums.append(0.7 * max(self._learned))
            return None
        return self._follow(value, at_s, total)

    def _lean(self, value: float) -> None:
        """Learn over three seconds at a time which way up the signal is."""
        self._values.append(value)
        if len(self._values) < _LEARN_S * self._rate:
            return
        values = np.array(self._values)
        self._values = []
        line = np.linspace(values[0], values[-1], values.size)
        lean = _skewness(values - line) + _skewness(np.diff(values))
        self._skew += 0.5 * (min(max(lean, -3.0), 3.0) - self._skew)
        if self._skew < -0.4:
            self._sign, self._skew = -self._sign, -self._skew
            self._learned = []
            self._sums.clear()
            self._heights.clear()
            self._widths.clear()
            self._forget()

    def _patience(self, at_s: float) -> float:
        """Return the share of what is usual that a pulse must reach; it falls when none came for too long."""
        since = at_s - (self._quiet_since_s if self._quiet_since_s is not None else at_s)
        expected = statistics.median(self._widths) if self._widths else 1.0
        return math.exp(-max(0.0, since - 1.5 * expected))

    def _follow(self, value: float, at_s: float, total: float) -> Peak | None:
        if self._top is None:
            self._rearm(total)
            early = self._last_s is not None and at_s - self._last_s < self._deaf_s()
            need = _THRESHOLD * _usual(self._sums) * self._patience(at_s)
            if self._armed and not early and total > max(need, 1e-12):
                self._top, self._highest_sum = len(self._trace) - 1, total
            elif len(self._trace) > _SILENT_S * self._rate:
                self._trace = self._trace[-round(_LONGEST_S * self._rate) :]
            return None
        self._highest_sum = max(self._highest_sum, total)
        if value >= self._trace[self._top][0]:
            self._top = len(self._trace) - 1
            if at_s - self._trace[0][1] < 2.0 * _SILENT_S:
                return None
        if self._trace[self._top][0] - value < _FALLEN * self._highest_sum:
            return None
        return self._decide()

    def _rearm(self, total: float) -> None:
        """The slope sum must have fallen before the next pulse may rise."""
        if not self._armed and total < 0.5 * _THRESHOLD * _usual(self._sums):
            self._armed = True

    def _deaf_s(self) -> float:
        expected = statistics.median(self._widths) if self._widths else 0.0
        return max(_REFRACTORY_S, 0.4 * expected)

    def _decide(self) -> Peak | None:
        top, self._top = self._top or 0, None
        at_s = self._between(top)
        rise = self._highest_sum
        foot = max(0, top - round(_FOOT_S * self._rate))
        height = self._trace[top][0] - min(v for v, _ in self._trace[foot : top + 1])
        level = self._trace[top][0] - 0.5 * height
        self._armed = False
        if top == 0:  # it rose before anyone looked
            return None
        if self._heights and height < _HEIGHT * _usual(self._heights) * self._patience(at_s):
            return None
        shape = np.array([v for v, _ in self._trace[: top + 1]])
        last, self._last_s = self._last_s, at_s
        self._trace = self._trace[top:]
        self._quiet_since_s = at_s
        # one jump must not deafen the detector: no pulse counts for more than three times the usual
        self._sums.append(min(rise, 3.0 * _usual(self._sums)))
        most = 3.0 * _usual(self._heights) if len(self._heights) >= 3 else math.inf
        self._heights.append(min(height, most))
        if last is None or at_s - last > _LONGEST_S:
            return Peak(at_s=at_s, amplitude=height, level=level, shape=np.empty(0))
        if at_s <= last:
            self._last_s = last
            return None
        self._widths.append(at_s - last)
        return Peak(at_s=at_s, amplitude=height, level=level, shape=shape)

    def _between(self, k: int) -> float:
        """Return the time of the peak at sample `k` of the trace, to a fraction of a sample by a parabola."""
        value, at_s = self._trace[k]
        if not 0 < k < len(self._trace) - 1:
            return at_s
        left, right = self._trace[k - 1][0], self._trace[k + 1][0]
        bend = left - 2.0 * value + right
        if bend >= 0.0:
            return at_s
        shift = min(max(0.5 * (left - right) / bend, -0.5), 0.5)
        other = self._trace[k + 1][1] if shift > 0.0 else self._trace[k - 1][1]
        return at_s + abs(shift) * (other - at_s)


def _usual(values: deque[float]) -> float:
    """Return the upper median of the last eight: neither artefacts nor every other, a dicrotic wave."""
    return sorted(values)[len(values) // 2]


def _skewness(values: Floats) -> float:
    """Return the third standardised moment; 0 for a constant."""
    away = values - np.mean(values)
    scale = float(np.mean(away * away)) ** 1.5  # of what a filter leaves of silence: 0
    return float(np.mean(away**3)) / scale if scale > 0.0 else 0.0
