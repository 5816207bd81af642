"""The breath told from beats: by how high they stand, by how fast they follow each other, and on what level.

Breathing turns the heart's axis and fills the chest (the beats' height goes up and down with it), drives the
heart rate (respiratory sinus arrhythmia) and moves the blood in a finger's veins (the level of pulses). Each
is one sample a beat, made even at 8 Hz and read as a belt is. Any can fail: the height where the axis hardly
turns, the rate in the old and the stressed, the level where the finger moves. That several must agree is the
smart fusion of Karlen et al. (IEEE Trans. Biomed. Eng. 60:1946, 2013); two things guard against noise, which
has extrema and so a rate too:

* A breath is a line in the spectrum. The share of a track's power that lies at the rate it tells is its
  purity; below `_PURITY` it is not believed. Recorded beats in shuffled order, without any breath, have 0.12
  in the median, 0.45 in one of a hundred and 0.6 in one of a thousand.
* Only where two tracks tell the same rate and keep in step is the quality more than `ALONE`, and never more
  than `TOGETHER`: a belt is better.
"""

from __future__ import annotations

import collections
import itertools
import math
import statistics
from collections.abc import Sequence
from typing import Final

import numpy as np

from sensors.estimators._readings import reading
from sensors.estimators.respiration import RespirationEstimator
from sensors.quality import Floats, ramp
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
_LEAST: Final = 0.05
#: Beats tell a breath that has at least two of them and a bit.
_BEATS_A_BREATH: Final = 2.2
#: Share of the power within `_LINE_HZ` of the told rate: not believed, fully believed (decision 0042).
_PURITY: Final = (0.4, 0.6)
_LINE_HZ: Final = 0.04
_BAND_HZ: Final = (0.05, 0.7)
#: Over so long; its lines are some 0.06 Hz wide.
_SPECTRUM_S: Final = 32.0
_SPECTRUM_STEPS: Final = 2  # of 8 Hz: 4 Hz
_POINTS: Final = 512


class _Track:
    """One value a beat, made even: straight lines between beats, so that it is as late as one beat."""

    def __init__(self) -> None:
        self.belt = RespirationEstimator(1.0 / _STEP_S)
        self.inhales_s: collections.deque[float] = collections.deque(maxlen=_INHALES)
        self._last: tuple[float, float] | None = None
        self._usual: collections.deque[float] = collections.deque(maxlen=_USUAL)
        self._even: collections.deque[float] = collections.deque(maxlen=round(_SPECTRUM_S / _STEP_S))
        self._spectrum: tuple[float, Floats] | None = None

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
            self._even.clear()  # a hole has no spectrum
            return
        first = math.floor(last[0] / _STEP_S) + 1
        times = np.arange(first, math.floor(at_s / _STEP_S) + 1) * _STEP_S
        if times.size:
            values = np.interp(times, (last[0], at_s), (last[1], value))
            self._even.extend(values.tolist())
            breaths = self.belt.push(values, times)
            self.inhales_s.extend(breath.at_s for breath in breaths)

    def rate(self, now_s: float) -> tuple[float | None, float]:
        """Return breaths a minute and the trust in them, as of `now_s`."""
        told = self.belt.readings(now_s)[0]
        if told.value is None:
            return None, 0.0
        return told.value, told.quality * ramp(self._purity(told.value), *_PURITY)

    def _purity(self, per_min: float) -> float:
        """Return the share of the track's power that lies at `per_min`; 0 before there is a whole window."""
        if len(self._even) < (self._even.maxlen or 0) or self._last is None:
            return 0.0
        if self._spectrum is None or self._spectrum[0] != self._last[0]:
            self._spectrum = (self._last[0], _spectrum(list(self._even)[::_SPECTRUM_STEPS]))
        power = self._spectrum[1]
        hz = np.fft.rfftfreq(_POINTS, _SPECTRUM_STEPS * _STEP_S)
        band = (hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])
        whole = float(np.sum(power[band]))
        line = float(np.sum(power[band & (np.abs(hz - per_min / 60.0) <= _LINE_HZ)]))
        return line / whole if whole > 0.0 else 0.0


class DerivedBreath:
    """Breath rate from beats. `take` each beat, then ask `reading`."""

    def __init__(self) -> None:
        self._height, self._speed, self._level = _Track(), _Track(), _Track()
        self._began_s: float | None = None
        self._last_s = -math.inf
        self._lengths: collections.deque[float] = collections.deque(maxlen=_USUAL)

    def take(self, at_s: float, height: float, interval_s: float | None, level: float | None = None) -> None:
        """Take the beat at `at_s`: its height, the interval before it where that is clean, and its level.

        The level is that of the signal under a pulse; an electrode's wanders for other reasons: `None`.
        """
        if self._began_s is None:
            self._began_s = at_s
        self._last_s = at_s
        self._height.take(at_s, height)
        if level is not None:
            self._level.take(at_s, level)
        if interval_s is not None:
            self._lengths.append(interval_s)
            self._speed.take(at_s, 1.0 / interval_s)

    def reading(self, now_s: float, beats: float, reason: str) -> Reading:
        """Return the breath rate as of `now_s`; `beats` is the trust in the beats, `reason` why not any."""
        value, trust = self._agreed(now_s)
        if not reason and (self._began_s is None or now_s - self._began_s < _SPECTRUM_S):
            reason = CALIBRATING
        if not reason and (value is None or trust * beats < _LEAST):
            reason = NOISE
        return reading("breath_rate", value, units.PER_MIN, now_s, trust * beats, _SPECTRUM_S, reason)

    def _agreed(self, now_s: float) -> tuple[float | None, float]:
        """Return the rate and the trust in it: of the two that agree best, of the purest where none do."""
        now_s = min(now_s, self._last_s + _STEP_S)  # a track is as new as its newest beat
        heart = 60.0 / statistics.fmean(self._lengths) if self._lengths else 0.0
        told: list[tuple[float, float, _Track]] = []
        for track in (self._height, self._speed, self._level):
            rate, trust = track.rate(now_s)
            if rate is not None and trust > 0.0 and rate * _BEATS_A_BREATH <= heart:
                told.append((rate, trust, track))
        if not told:
            return None, 0.0
        rate, trust, _ = max(told, key=lambda one: one[1])
        best = (rate, ALONE * trust)
        for (a, one, mine), (b, other, others) in itertools.combinations(told, 2):
            if abs(a - b) <= _AGREE * 0.5 * (a + b):
                step = _in_step(mine.inhales_s, others.inhales_s, 30.0 / a + 30.0 / b)
                together = (ALONE + (TOGETHER - ALONE) * step) * min(one, other)
                best = max(best, (0.5 * (a + b), together), key=lambda pair: pair[1])
        return best


def _in_step(mine_s: Sequence[float], others_s: Sequence[float], period_s: float) -> float:
    """Return how steady the lags between two tracks' inhales are, 0 … 1."""
    if min(len(mine_s), len(others_s)) < _INHALES:
        return 0.0
    turns = [2.0 * math.pi * min((o - at_s for o in others_s), key=abs) / period_s for at_s in mine_s]
    x, y = statistics.fmean(map(math.cos, turns)), statistics.fmean(map(math.sin, turns))
    return ramp(math.hypot(x, y), *_STEP)


def _spectrum(values: list[float]) -> Floats:
    """Return the power (`_POINTS` / 2 + 1,) of `values` (n,) without trend, under a Hann window."""
    x = np.asarray(values)
    at = np.arange(x.size) - 0.5 * (x.size - 1)
    x = x - np.mean(x)
    x = x - at * (float(at @ x) / float(at @ at))
    power: Floats = np.abs(np.fft.rfft(x * np.hanning(x.size), _POINTS)) ** 2
    return power
