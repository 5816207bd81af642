"""The breath told from beats: by how high they stand, and by how fast they follow each other.

Breathing turns the heart's axis and fills the chest (the beats' height goes up and down with it) and drives
the heart rate (respiratory sinus arrhythmia). Each is one sample a beat, made even at 8 Hz and read as a belt
is. Either can fail: the height where the axis hardly turns, the rate in the old and the stressed. Only where
both tell the same rate and keep in step is the quality more than `ALONE`, and never more than `TOGETHER`:
noise has rates too, and a belt is better.
"""

from __future__ import annotations

import collections
import math
import statistics
from typing import Final

import numpy as np

from sensors.estimators._readings import reading
from sensors.estimators.respiration import RespirationEstimator
from sensors.quality import ramp
from therapy import units
from therapy.patient import CALIBRATING, NOISE, Reading

__all__ = ["ALONE", "TOGETHER", "DerivedBreath"]

#: Below what steers (`sensors.fuse.BREATH_STEERS`), and above it.
ALONE: Final = 0.25
TOGETHER: Final = 0.5
_STEP_S: Final = 1.0 / 8.0
#: Two rates are the same within this share of their mean.
_AGREE: Final = 0.15
_INHALES: Final = 6
#: Mean resultant of the lags of one's inhales behind the other's: 1 in step, 0.4 for six that are not.
_STEP: Final = (0.75, 0.95)
_HOLE_S: Final = 3.0
_USUAL: Final = 15
_FAR: Final = 4.0
_LEAST_S: Final = 30.0
_LEAST: Final = 0.05
#: Beats tell a breath that has at least two of them and a bit.
_BEATS_A_BREATH: Final = 2.2


class _Track:
    """One value a beat, made even: straight lines between beats, so that it is as late as one beat."""

    def __init__(self) -> None:
        self.belt = RespirationEstimator(1.0 / _STEP_S)
        self.inhales_s: collections.deque[float] = collections.deque(maxlen=_INHALES)
        self._last: tuple[float, float] | None = None
        self._usual: collections.deque[float] = collections.deque(maxlen=_USUAL)

    def take(self, at_s: float, value: float) -> None:
        """Take the value of the beat at `at_s`; one far from the usual is held at its bound."""
        if len(self._usual) >= 5:
            middle = statistics.median(self._usual)
            spread = statistics.median(abs(v - middle) for v in self._usual)
            reach = _FAR * max(spread, 1e-3 * abs(middle))
            self._usual.append(value)
            value = min(max(value, middle - reach), middle + reach)
        else:
            self._usual.append(value)
        last, self._last = self._last, (at_s, value)
        if last is None or not 0.0 < at_s - last[0] <= _HOLE_S:
            return
        first = math.floor(last[0] / _STEP_S) + 1
        times = np.arange(first, math.floor(at_s / _STEP_S) + 1) * _STEP_S
        if times.size:
            breaths = self.belt.push(np.interp(times, (last[0], at_s), (last[1], value)), times)
            self.inhales_s.extend(breath.at_s for breath in breaths)

    def rate(self, now_s: float) -> tuple[float | None, float]:
        """Return breaths a minute and the trust in them as if from a belt, as of `now_s`."""
        told = self.belt.readings(now_s)[0]
        return told.value, told.quality


class DerivedBreath:
    """Breath rate from beats. `take` each beat, then ask `reading`."""

    def __init__(self) -> None:
        self._height, self._speed = _Track(), _Track()
        self._began_s: float | None = None
        self._last_s = -math.inf
        self._lengths: collections.deque[float] = collections.deque(maxlen=_USUAL)

    def take(self, at_s: float, height: float, interval_s: float | None) -> None:
        """Take the beat at `at_s`: how high it stands, and the interval before it where that is clean."""
        if self._began_s is None:
            self._began_s = at_s
        self._last_s = at_s
        self._height.take(at_s, height)
        if interval_s is not None:
            self._lengths.append(interval_s)
            self._speed.take(at_s, 1.0 / interval_s)

    def reading(self, now_s: float, beats: float, reason: str) -> Reading:
        """Return the breath rate as of `now_s`; `beats` is the trust in the beats, `reason` why not any."""
        value, trust = self._agreed(now_s)
        if not reason and (self._began_s is None or now_s - self._began_s < _LEAST_S):
            reason = CALIBRATING
        if not reason and (value is None or trust * beats < _LEAST):
            reason = NOISE
        return reading("breath_rate", value, units.PER_MIN, now_s, trust * beats, _LEAST_S, reason)

    def _agreed(self, now_s: float) -> tuple[float | None, float]:
        """Return the rate and the trust in it: of both where they agree, of the better one where not."""
        now_s = min(now_s, self._last_s + _STEP_S)  # a track is as new as its newest beat
        told = [(rate, trust) for rate, trust in (t.rate(now_s) for t in (self._height, self._speed)) if rate]
        heart = 60.0 / statistics.fmean(self._lengths) if self._lengths else 0.0
        told = [(rate, trust) for rate, trust in told if rate * _BEATS_A_BREATH <= heart]
        if not told:
            return None, 0.0
        if len(told) == 2:
            (a, one), (b, other) = told
            if abs(a - b) <= _AGREE * 0.5 * (a + b):
                together = ALONE + (TOGETHER - ALONE) * self._in_step(30.0 / a + 30.0 / b)
                return 0.5 * (a + b), together * min(one, other)
        rate, trust = max(told, key=lambda pair: pair[1])
        return rate, ALONE * trust

    def _in_step(self, period_s: float) -> float:
        """Return how steady the lags between the two tracks' inhales are, 0 … 1."""
        others = self._speed.inhales_s
        if len(others) < _INHALES or len(self._height.inhales_s) < _INHALES:
            return 0.0
        lags = [min((o - mine for o in others), key=abs) / period_s for mine in self._height.inhales_s]
        turns = [2.0 * math.pi * lag for lag in lags]
        x, y = statistics.fmean(map(math.cos, turns)), statistics.fmean(map(math.sin, turns))
        return ramp(math.hypot(x, y), *_STEP)
