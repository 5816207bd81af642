"""Pulse rate, its variability and relative perfusion from one PPG channel (finger, ear, wrist).

The slope sum of the signal (Zong et al., Computers in Cardiology 2003) says that a pulse rises; the systolic
peak is the highest point that follows. Each pulse is compared in shape with the usual one (Orphanidou et al.,
IEEE J-BHI 19:832, 2015): an interval between pulses of which one has another shape is no heart's.

Pulse-to-pulse intervals are not R-R intervals: the way from heart to finger varies by some ms. They are told
as `pulse_rmssd` and never as `rmssd`, and only while the whole minute is good.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import statistics
from typing import Any, Final

import numpy as np

from sensors.errors import BadStream
from sensors.estimators._channels import of_one, one_of
from sensors.estimators._derived import DerivedBreath
from sensors.estimators._intervals import Intervals
from sensors.estimators._pulse import Peak, PulseDetector
from sensors.estimators._readings import reading
from sensors.quality import Cleaner, Floats, ramp
from therapy import units
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE, Reading
from therapy.specs import EstimatorSpec

__all__ = ["ESTIMATOR", "RATES_HZ", "PpgEstimator", "Pulse"]

#: Below, a pulse's upstroke is two samples.
RATES_HZ: Final = (20.0, 5000.0)
_INTERNAL_HZ: Final = 100.0
_BEATS: Final = 10
_RATE_S: Final = 15.0
_PRV_S: Final = 60.0
_PRV_COVER: Final = 0.85
_PRV_GOOD: Final = 0.6
#: Likeness of shape that nine pulses in ten must have. A peak is round, and noise moves it long before it is
#: missed: at 0.987 (some 18 dB within 1…8 Hz) it adds 8 ms or so to an RMSSD of 20 ms.
_PRV_SHAPE: Final = (0.987, 0.995)
_FRESH_S: Final = 1.0
_USABLE: Final = 0.2
_BLOCK_S: Final = 0.5
#: Pulses of trusted shape that make the amplitude to compare with: about half a minute.
_BASELINE_PULSES: Final = 40
_SHAPE_POINTS: Final = 32
_TRUSTED_SHAPE: Final = 0.8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """A pulse: the systolic peak was at `at_s`, later than the R peak by the way to the sensor (0.1…0.4 s).

    Attributes:
        at_s: time of the systolic peak.
        interval_s: time since the peak before it, `None` for the first after a start or a hole.
        amplitude: from the foot to the peak, in the signal's unit.
        quality: trust, 0 … 1.
        artefact: what is wrong with the interval as far as known now; empty for a clean one.
    """

    at_s: float
    interval_s: float | None
    amplitude: float
    quality: float
    artefact: str = ""


class PpgEstimator:
    """Pulses from samples. `push` what arrived, then ask `readings` or `intervals`."""

    def __init__(self, rate_hz: float) -> None:
        low, high = RATES_HZ
        if not (math.isfinite(rate_hz) and low <= rate_hz <= high):
            raise BadStream("PPG sampling rate", f"in {low:g}…{high:g} Hz", rate_hz)
        self._cleaner = Cleaner(rate_hz)
        self._each = max(1, int(rate_hz / _INTERNAL_HZ))
        self._detector = PulseDetector(rate_hz / self._each)
        self._beats = Intervals()
        self._breath = DerivedBreath()
        self._block = max(8, round(_BLOCK_S * rate_hz))
        self._amplitudes: collections.deque[float] = collections.deque(maxlen=_BEATS)
        self._baseline: list[float] = []
        self._shapes: collections.deque[float] = collections.deque(maxlen=_BEATS)
        self._likes: collections.deque[tuple[float, float]] = collections.deque()
        self._usual_shape: Floats | None = None
        self._odd_shapes = 0
        self._rest: tuple[Floats, Floats] = (np.empty(0), np.empty(0))
        self._x: list[Floats] = []
        self._bad: list[Floats] = []
        self._in_block = 0
        self._flat = False
        self._signal = 0.0
        self._began_s: float | None = None
        self._last_s: float | None = None

    @property
    def bad_samples(self) -> int:
        """Samples held out since the start because they cannot be true."""
        return self._cleaner.bad_samples

    def push(self, chunk: Any, stamps_s: Any) -> list[Pulse]:
        """Take samples (n,) with their session times (n,); return the pulses decided. Never raises."""
        pulses: list[Pulse] = []
        for part in self._cleaner.push(chunk, stamps_s):
            if part.gap_s > 0.0:
                self._detector.restart()
                self._beats.break_off()
                self._rest = (np.empty(0), np.empty(0))
            if self._began_s is None:
                self._began_s = float(part.stamps_s[0])
            start = 0
            while start < part.x.size:  # up to the end of a quality block, so that chunks do not matter
                end = min(part.x.size, start + self._block - self._in_block)
                pulses += self._thinned(part.x[start:end], part.stamps_s[start:end])
                self._watch(part.x[start:end], part.bad[start:end].astype(np.float64))
                start = end
            self._last_s = float(part.stamps_s[-1])
        return pulses

    def _thinned(self, x: Floats, t: Floats) -> list[Pulse]:
        x, t = np.concatenate((self._rest[0], x)), np.concatenate((self._rest[1], t))
        whole = x.size // self._each * self._each
        self._rest = (x[whole:], t[whole:])
        if not whole:
            return []
        means = [v[:whole].reshape(-1, self._each).mean(axis=1) for v in (x, t)]
        return [self._pulse(peak) for peak in self._detector.push(means[0], means[1])]

    def _pulse(self, peak: Peak) -> Pulse:
        likeness = self._compare(peak.shape)
        self._shapes.append(likeness)
        self._amplitudes.append(peak.amplitude)
        if likeness >= _TRUSTED_SHAPE and self._signal > 0.5 and len(self._baseline) < _BASELINE_PULSES:
            self._baseline.append(peak.amplitude)
        interval_s, artefact = self._beats.beat(peak.at_s)
        self._breath.take(peak.at_s, peak.amplitude, None if artefact else interval_s, peak.level)
        quality = self._quality()
        self._likes.append((peak.at_s, likeness))
        while self._likes[0][0] < peak.at_s - 2.0 * _PRV_S:
            self._likes.popleft()
        return Pulse(
            at_s=peak.at_s,
            interval_s=interval_s,
            amplitude=peak.amplitude,
            quality=quality,
            artefact=artefact,
        )

    def _compare(self, shape: Floats) -> float:
        """Return the correlation of the pulse with the usual one, 0 for none; and learn."""
        if shape.size < 8:
            return 0.0
        even = np.interp(np.linspace(0.0, 1.0, _SHAPE_POINTS), np.linspace(0.0, 1.0, shape.size), shape)
        even = even - np.linspace(even[0], even[-1], _SHAPE_POINTS)  # the drift under it
        even = even - np.mean(even)
        size = float(np.linalg.norm(even))
        if size <= 0.0:
            return 0.0
        even /= size
        if self._usual_shape is None:
            self._usual_shape = even
            return 0.5
        likeness = max(float(even @ self._usual_shape), 0.0)
        self._odd_shapes = 0 if likeness >= _TRUSTED_SHAPE else self._odd_shapes + 1
        if self._odd_shapes >= _BEATS:  # the sensor was moved: learn the pulse anew
            self._usual_shape, self._odd_shapes = even, 0
        else:
            weight = 0.1 if likeness >= _TRUSTED_SHAPE else 0.02
            if len(self._shapes) < _BEATS:  # the first pulse may be any
                weight = 0.5
            mixed = self._usual_shape + weight * even
            self._usual_shape = mixed / float(np.linalg.norm(mixed))
        return likeness

    def _watch(self, x: Floats, bad: Floats) -> None:
        """Collect half a second and judge it: flat, clipped, swamped, held out."""
        self._x.append(x)
        self._bad.append(bad)
        self._in_block += x.size
        if self._in_block < self._block:
            return
        block, held = np.concatenate(self._x), float(np.mean(np.concatenate(self._bad)))
        self._x, self._bad, self._in_block = [], [], 0
        low, high = float(np.min(block)), float(np.max(block))
        usual = statistics.median(self._amplitudes) if self._amplitudes else 0.0
        span = high - low
        self._flat = span <= 0.005 * usual or span <= 1e-9 * max(abs(low), abs(high))
        now = 0.0
        if not self._flat:
            swamped = ramp(span / usual, 3.0, 8.0) if usual > 0.0 else 0.0
            rails = np.count_nonzero((block == low) | (block == high)) / block.size
            clipped = ramp(rails, 0.3, 0.6) if span > 0.5 * usual else 0.0
            now = (1.0 - swamped) * (1.0 - clipped) * (1.0 - ramp(held, 0.02, 0.3))
        self._signal += (0.5 if now < self._signal else 0.35) * (now - self._signal)

    def _quality(self) -> float:
        """Return the trust in the newest pulses, 0 … 1: signal × likeness of shape × regularity."""
        if self._flat or len(self._shapes) < 3:
            return 0.0
        like = ramp(statistics.median(self._shapes), 0.6, 0.92)
        return self._signal * like * (1.0 - ramp(self._beats.artefact_share(_BEATS), 0.1, 0.4))

    def quality(self, now_s: float) -> float:
        """Return the trust in the signal as of `now_s`, 0 … 1; falls to 0 within a second of silence."""
        if self._last_s is None:
            return 0.0
        return self._quality() * (1.0 - ramp(now_s - self._last_s, _FRESH_S, 2.0 * _FRESH_S))

    def intervals(self, now_s: float, window_s: float) -> list[tuple[float, float]]:
        """Return clean pulse intervals of the last `window_s` as (end time, length), s, oldest first."""
        return [(i.at_s, i.length_s) for i in self._beats.clean_since(now_s - window_s)]

    def readings(self, now_s: float) -> list[Reading]:
        """Return pulse rate, its variability, relative perfusion and the breath rate as of `now_s`."""
        quality = self.quality(now_s)
        trouble = self._trouble(now_s)
        return [
            self._pulse_rate(now_s, quality, trouble),
            self._variability(now_s, quality, trouble),
            self._perfusion(now_s, quality, trouble),
            self._breath.reading(now_s, quality, trouble),
        ]

    def _trouble(self, now_s: float) -> str:
        """Return why no value can be given at `now_s`, or nothing."""
        if self._last_s is None or self._began_s is None:
            return NO_SIGNAL
        if now_s - self._last_s > 2.0 * _FRESH_S:
            return STALE
        return LEAD_OFF if self._flat else ""

    def _pulse_rate(self, now_s: float, quality: float, reason: str) -> Reading:
        value, span_s = self._beats.heart_rate(now_s, _BEATS, _RATE_S)
        if not reason and value is None:
            reason = CALIBRATING if now_s - (self._began_s or now_s) < 10.0 else NOISE
        elif not reason and quality < _USABLE:
            reason = NOISE
        return reading("pulse_rate", value, units.BPM, now_s, quality, span_s or _RATE_S, reason)

    def _variability(self, now_s: float, quality: float, reason: str) -> Reading:
        value, cover = self._beats.rmssd_ms(now_s, _PRV_S)
        since = self._beats.since_s
        likes = sorted(like for at_s, like in self._likes if now_s - _PRV_S < at_s <= now_s)
        least = likes[len(likes) // 10] if likes else 0.0
        if not reason and (since is None or now_s - since < _PRV_S):
            reason = CALIBRATING
        poor = cover < _PRV_COVER or quality < _PRV_GOOD or least < _PRV_SHAPE[0]
        if not reason and (value is None or poor):
            reason = NOISE
        trust = quality * ramp(cover, 0.7, 0.95) * ramp(least, *_PRV_SHAPE)
        return reading("pulse_rmssd", value, units.MS, now_s, trust, _PRV_S, reason)

    def _perfusion(self, now_s: float, quality: float, reason: str) -> Reading:
        """Return the amplitude of the pulses against that of the first half minute of good ones."""
        value = None
        if len(self._baseline) == _BASELINE_PULSES:
            value = statistics.median(self._amplitudes) / statistics.median(self._baseline)
        if not reason and value is None:
            reason = CALIBRATING
        elif not reason and quality < _USABLE:
            reason = NOISE
        return reading("relative_perfusion", value, units.RATIO, now_s, quality, _RATE_S, reason)


ESTIMATOR: Final = EstimatorSpec(
    name="ppg", stream_type="PPG", choose=one_of("PPG", "PLETH", "BVP"), build=of_one(PpgEstimator)
)
