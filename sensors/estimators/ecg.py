"""Heart rate, its variability, the next beat and, less surely, the breath from an ECG of one lead or more."""

from __future__ import annotations

import collections
import math
import statistics
from typing import Any, Final, TypeAlias

import numpy as np

from sensors.errors import BadStream
from sensors.estimators._derived import DerivedBreath
from sensors.estimators._intervals import Intervals
from sensors.estimators._leads import BestLead, leads
from sensors.estimators._qrs import QrsDetector, RPeak
from sensors.estimators._readings import reading
from sensors.estimators._variability import COVER, WINDOW_S, band_powers_ms2, sdnn_ms
from sensors.quality import Bools, Cleaner, Floats, ramp
from therapy import units
from therapy.events import Beat
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE, Reading
from therapy.specs import EstimatorSpec

__all__ = ["ESTIMATOR", "RATES_HZ", "EcgEstimator"]

#: Below, an R peak is two samples; above, no ECG device that we know of samples.
RATES_HZ: Final = (60.0, 5000.0)
_RMSSD_S: Final = 60.0
_RMSSD_COVER: Final = 0.7
_HEART_BEATS: Final = 10
_HEART_S: Final = 15.0
_BLOCK_S: Final = 0.5
_FRESH_S: Final = 1.0
_USABLE: Final = 0.2
#: Likeness and quiet (`RPeak`) of beats among movement and of true ones, from the benchmark `sensors`.
_LIKE: Final = (0.75, 0.93)
_QUIET: Final = (1.5, 3.5)
#: Longer without a beat, what the last one said is not true any more.
_LATE_S: Final = 5.0

_Slow: TypeAlias = tuple[float | None, tuple[float, float] | None, float]


class EcgEstimator:
    """Beats from samples. `push` what arrived, then ask `readings`, `next_beat_s` or `intervals`."""

    def __init__(self, rate_hz: float) -> None:
        low, high = RATES_HZ
        if not (math.isfinite(rate_hz) and low <= rate_hz <= high):
            raise BadStream("ECG sampling rate", f"in {low:g}…{high:g} Hz", rate_hz)
        self._cleaner = Cleaner(rate_hz)
        self._qrs = QrsDetector(rate_hz)
        self._beats = Intervals()
        self._breath = DerivedBreath()
        self._block = max(8, round(_BLOCK_S * rate_hz))
        self._heights: collections.deque[float] = collections.deque(maxlen=8)
        self._contrasts: collections.deque[float] = collections.deque(maxlen=8)
        self._owns: collections.deque[float] = collections.deque(maxlen=_HEART_BEATS)
        self._x = np.empty(0)
        self._bad = np.empty(0, dtype=np.bool_)
        self._flat = False
        self._slow: _Slow | None = None
        self._slow_of = 0.0
        self._signal = 0.0
        self._began_s: float | None = None
        self._last_s: float | None = None

    @property
    def bad_samples(self) -> int:
        """Samples held out since the start because they cannot be true."""
        return self._cleaner.bad_samples

    def push(self, chunk: Any, stamps_s: Any) -> list[Beat]:
        """Take samples (n,) with their session times (n,); return the beats decided. Never raises."""
        beats: list[Beat] = []
        for part in self._cleaner.push(chunk, stamps_s):
            if part.gap_s > 0.0:
                self._qrs.restart()
                self._beats.break_off()
                self._slow = None
            if self._began_s is None:
                self._began_s = float(part.stamps_s[0])
            start = 0
            while start < part.x.size:  # up to the end of a quality block, so that chunks do not matter
                end = min(part.x.size, start + self._block - self._x.size)
                peaks = self._qrs.push(part.x[start:end], part.stamps_s[start:end])
                beats += [self._beat(p) for p in peaks]
                self._watch(part.x[start:end], part.bad[start:end])
                start = end
            self._last_s = float(part.stamps_s[-1])
        return beats

    def _beat(self, peak: RPeak) -> Beat:
        self._heights.append(peak.height)
        self._contrasts.append(peak.contrast)
        interval_s, artefact = self._beats.beat(peak.at_s)
        # a beat of its own shape may be one (an ectopic), but nobody can tell it from a movement
        own = ramp(peak.likeness, *_LIKE) * ramp(peak.quiet, *_QUIET)
        self._owns.append(own)
        self._breath.take(peak.at_s, peak.height, None if artefact else interval_s)
        return Beat(
            at_s=peak.at_s, stream="", interval_s=interval_s, quality=own * self._quality(), artefact=artefact
        )

    def _watch(self, x: Floats, bad: Bools) -> None:
        """Collect half a second and judge it: flat, clipped, held out."""
        self._x = np.concatenate((self._x, x))
        self._bad = np.concatenate((self._bad, bad))
        if self._x.size < self._block:
            return
        low, high = float(np.min(self._x)), float(np.max(self._x))
        usual = statistics.median(self._heights) if self._heights else 0.0
        span = high - low
        self._flat = span <= 0.005 * usual or span <= 1e-9 * max(abs(low), abs(high))
        rails = np.count_nonzero((self._x == low) | (self._x == high)) / self._x.size
        now = 0.0
        if not self._flat:
            clipped = ramp(rails, 0.15, 0.4) if span > 0.5 * usual else 0.0
            swamped = ramp(span / usual, 4.0, 12.0) if usual > 0.0 else 0.0
            held = ramp(float(np.mean(self._bad)), 0.02, 0.3)
            now = (1.0 - clipped) * (1.0 - swamped) * (1.0 - held)
        self._signal += (0.5 if now < self._signal else 0.35) * (now - self._signal)
        self._x, self._bad = self._x[:0], self._bad[:0]

    def _quality(self) -> float:
        """Return the trust in the newest beats, 0 … 1: shape of signal × contrast × regularity × likeness."""
        # a rate outlives beats that each are doubtful, but is never called good by them
        return self._rough() * (0.35 + 0.65 * ramp(statistics.fmean(self._owns or (0.0,)), 0.2, 0.7))

    def _rough(self) -> float:
        """Return the trust without regard to the shapes of single beats."""
        if self._flat or not self._contrasts:
            return 0.0
        contrast = ramp(math.log10(max(statistics.median(self._contrasts), 1e-3)), 0.6, 1.2)
        regular = 1.0 - ramp(self._beats.artefact_share(10), 0.1, 0.7)
        return self._signal * contrast * regular

    def quality(self, now_s: float) -> float:
        """Return the trust in the signal as of `now_s`, 0 … 1; falls to 0 within a second of silence."""
        if self._last_s is None:
            return 0.0
        return self._quality() * (1.0 - ramp(now_s - self._last_s, _FRESH_S, 2.0 * _FRESH_S))

    def _trouble(self, now_s: float) -> str:
        """Return why no value can be given at `now_s`, or nothing."""
        if self._last_s is None or self._began_s is None:
            return NO_SIGNAL
        if now_s - self._last_s > 2.0 * _FRESH_S:
            return STALE
        if self._flat:
            return LEAD_OFF
        return ""

    def readings(self, now_s: float) -> list[Reading]:
        """Return heart rate, RMSSD, SDNN, the powers of the two bands and the breath rate as of `now_s`."""
        quality = self.quality(now_s)
        return [
            self._heart_rate(now_s, quality),
            self._rmssd(now_s, quality),
            *self._slow_variability(now_s, quality),
            self._breath.reading(now_s, quality, self._trouble(now_s)),
        ]

    def _heart_rate(self, now_s: float, quality: float) -> Reading:
        value, span_s = self._beats.heart_rate(now_s, _HEART_BEATS, _HEART_S)
        reason = self._trouble(now_s)
        if not reason and value is None:
            reason = CALIBRATING if now_s - (self._began_s or now_s) < 10.0 else NOISE
        elif not reason and self._rough() < 0.5 * _USABLE:
            reason = NOISE
        return reading("heart_rate", value, units.BPM, now_s, quality, span_s or _HEART_S, reason)

    def _rmssd(self, now_s: float, quality: float) -> Reading:
        value, cover = self._beats.rmssd_ms(now_s, _RMSSD_S)
        reason = self._trouble(now_s)
        since = self._beats.since_s
        if not reason and (since is None or now_s - since < _RMSSD_S):
            reason = CALIBRATING
        elif not reason and (value is None or cover < _RMSSD_COVER):
            reason = NOISE
        trust = quality * ramp(cover, 0.5, 0.95)
        return reading("rmssd", value, units.MS, now_s, trust, _RMSSD_S, reason)

    def _slow_variability(self, now_s: float, quality: float) -> list[Reading]:
        """Return what needs three minutes, as of the newest beat: it changes with each beat only."""
        reason = self._trouble(now_s)
        since = self._beats.since_s
        if not reason and (since is None or now_s - since < WINDOW_S):
            reason = CALIBRATING
        sdnn, powers, cover = (None, None, 0.0) if reason else self._of_the_newest_beat()
        if not reason and (cover < COVER or now_s - self._slow_of > _LATE_S):
            reason = NOISE
        trust = quality * ramp(cover, 0.8, 0.98)
        lf, hf = powers if powers is not None else (None, None)
        return [
            reading(vital, value, unit, now_s, trust, WINDOW_S, reason or (NOISE if value is None else ""))
            for vital, value, unit in (
                ("sdnn", sdnn, units.MS),
                ("lf_power", lf, units.MS2),
                ("hf_power", hf, units.MS2),
            )
        ]

    def _of_the_newest_beat(self) -> _Slow:
        """Return SDNN, powers and the share of the window covered; asked oftener than beats come."""
        newest_s = self._beats.kept[-1].at_s if self._beats.kept else 0.0
        if self._slow is None or self._slow_of != newest_s:
            clean = self.intervals(newest_s, WINDOW_S)
            lengths = [length for _, length in clean]
            cover = math.fsum(lengths) / WINDOW_S
            self._slow_of, self._slow = newest_s, (sdnn_ms(lengths), band_powers_ms2(clean), min(cover, 1.0))
        return self._slow

    def next_beat_s(self, now_s: float) -> float | None:
        """Return the expected time of the next R peak after `now_s`; `None` when that would be a guess.

        At most two beats are taken for granted beyond the last one seen.
        """
        last, length = self._beats.last_beat_s, self._beats.expected_s()
        if last is None or length is None or self.quality(now_s) < _USABLE:
            return None
        ahead = max(1, math.ceil((now_s - last) / length))
        return last + ahead * length if ahead <= 3 else None

    def intervals(self, now_s: float, window_s: float) -> list[tuple[float, float]]:
        """Return clean intervals of the last `window_s` as (end time, length), seconds, oldest first."""
        return [(i.at_s, i.length_s) for i in self._beats.clean_since(now_s - window_s)]


def _build(rate_hz: float, labels: tuple[str, ...]) -> EcgEstimator | BestLead:
    return EcgEstimator(rate_hz) if len(labels) == 1 else BestLead(EcgEstimator, rate_hz, len(labels))


ESTIMATOR: Final = EstimatorSpec(name="ecg", stream_type="ECG", choose=leads, build=_build)
