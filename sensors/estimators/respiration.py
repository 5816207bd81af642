"""Breath rate, breath starts and breath phase from a respiration belt (or chest impedance).

The signal rises while the chest widens. Extrema are found by how far the signal has come back from them
(adaptive prominence), so that slow drift does not matter and nothing has to be high-pass filtered: that
would turn the phase. Between extrema an oscillator carries the phase.
"""

from __future__ import annotations

import collections
import math
import statistics
from typing import Any, Final

import numpy as np
from scipy import signal

from sensors.errors import BadStream
from sensors.estimators._channels import of_one, one_of
from sensors.estimators._oscillator import Oscillator
from sensors.quality import Cleaner, Floats, ramp
from therapy import units
from therapy.events import Breath
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE, Reading
from therapy.specs import EstimatorSpec

__all__ = ["ESTIMATOR", "RATES_HZ", "RespirationEstimator"]

RATES_HZ: Final = (8.0, 5000.0)
_INTERNAL_HZ: Final = 50.0
_LOW_PASS_HZ: Final = 1.2
_LEARN_S: Final = 3.0
_PROMINENCE: Final = 0.3
_SHORTEST_HALF_S: Final = 0.4
_PERIODS_S: Final = (1.5, 20.0)  # 3…40 breaths a minute
_PERIODS: Final = 4
_FRESH_S: Final = 1.0
_BLOCK_S: Final = 2.0


class RespirationEstimator:
    """Breaths from samples. `push` what arrived, then ask `readings` or `phase`."""

    def __init__(self, rate_hz: float) -> None:
        low, high = RATES_HZ
        if not (math.isfinite(rate_hz) and low <= rate_hz <= high):
            raise BadStream("respiration sampling rate", f"in {low:g}…{high:g} Hz", rate_hz)
        self._cleaner = Cleaner(rate_hz)
        self._each = max(1, int(rate_hz / _INTERNAL_HZ))
        self._rate = rate_hz / self._each
        edge = min(_LOW_PASS_HZ, 0.4 * self._rate)
        self._sos = signal.bessel(2, edge, fs=self._rate, norm="phase", output="sos")
        turn = signal.sosfreqz(self._sos, worN=[0.15], fs=self._rate)[1]
        self._delay_s = float(-np.angle(turn[0]) / (2.0 * math.pi * 0.15))
        self._oscillator = Oscillator()
        self._periods: collections.deque[float] = collections.deque(maxlen=_PERIODS)
        self._inhales: collections.deque[float] = collections.deque(maxlen=6)
        self._swings: collections.deque[float] = collections.deque(maxlen=6)
        self._noises: collections.deque[float] = collections.deque(maxlen=5)
        self._flat = False
        self._held = 0.0
        self._began_s: float | None = None
        self._last_s: float | None = None
        self._restart()

    def _restart(self) -> None:
        """Forget the signal (there was a hole); what is known of the breath stays."""
        self._rest: tuple[Floats, Floats, Floats] = (np.empty(0), np.empty(0), np.empty(0))
        self._state: Floats | None = None
        self._learned: list[float] = []
        self._up: bool | None = None
        self._top = self._bottom = (0.0, 0.0)
        self._trough_s: float | None = None
        self._peak_s: float | None = None
        self._first = self._second = 0.0
        self._block: list[tuple[float, float, float]] = []

    @property
    def bad_samples(self) -> int:
        """Samples held out since the start because they cannot be true."""
        return self._cleaner.bad_samples

    def push(self, chunk: Any, stamps_s: Any) -> list[Breath]:
        """Take samples (n,) with their session times (n,); return the breaths decided. Never raises."""
        breaths: list[Breath] = []
        for part in self._cleaner.push(chunk, stamps_s):
            if part.gap_s > 0.0:
                self._restart()
            if self._began_s is None:
                self._began_s = float(part.stamps_s[0])
            x = np.concatenate((self._rest[0], part.x))
            t = np.concatenate((self._rest[1], part.stamps_s))
            bad = np.concatenate((self._rest[2], part.bad.astype(np.float64)))
            whole = x.size // self._each * self._each
            self._rest = (x[whole:], t[whole:], bad[whole:])
            self._last_s = float(part.stamps_s[-1])
            if whole:
                means = [v[:whole].reshape(-1, self._each).mean(axis=1) for v in (x, t, bad)]
                breaths += self._slow(means[0], means[1], means[2])
        return breaths

    def _slow(self, x: Floats, t: Floats, bad: Floats) -> list[Breath]:
        """Walk over the thinned signal."""
        if self._state is None:
            self._state = signal.sosfilt_zi(self._sos) * x[0]
            self._first = self._second = float(x[0])
        y, self._state = signal.sosfilt(self._sos, x, zi=self._state)
        breaths: list[Breath] = []
        for raw, value, at_s, held in zip(x.tolist(), y.tolist(), t.tolist(), bad.tolist(), strict=True):
            self._watch(raw, value, held)
            if self._up is None:
                self._learn(value, at_s)
                continue
            breath = self._follow(value, at_s)
            if breath is not None:
                breaths.append(breath)
        return breaths

    def _learn(self, value: float, at_s: float) -> None:
        self._learned.append(value)
        if len(self._learned) < _LEARN_S * self._rate:
            return
        if not self._swings:
            span = max(self._learned) - min(self._learned)
            if span > 0.0:
                self._swings.append(span)
        self._up = value > statistics.fmean(self._learned)
        self._top = self._bottom = (value, at_s)
        self._learned = []

    def _prominence(self, at_s: float) -> float:
        """Return how far back the signal must come: 0.3 of the usual breath, less when none comes."""
        usual = statistics.median(self._swings) if self._swings else 0.0
        since = at_s - (self._top[1] if self._up else self._bottom[1])
        late = max(0.0, since - 6.0)
        noise = 4.0 * statistics.median(self._noises) if self._noises else 0.0
        return max(_PROMINENCE * usual * math.exp(-late / 5.0), noise, 1e-12)

    def _follow(self, value: float, at_s: float) -> Breath | None:
        need = self._prominence(at_s)
        if self._up:
            if value > self._top[0]:
                self._top = (value, at_s)
            elif self._top[0] - value > need:
                self._extremum(peak=True)
                self._up, self._bottom = False, (value, at_s)
            return None
        if value < self._bottom[0]:
            self._bottom = (value, at_s)
            return None
        if value - self._bottom[0] <= need:
            return None
        breath = self._extremum(peak=False)
        self._up, self._top = True, (value, at_s)
        return breath

    def _extremum(self, *, peak: bool) -> Breath | None:
        at_s = (self._top[1] if peak else self._bottom[1]) - self._delay_s
        swing = self._top[0] - self._bottom[0]
        decided_s = (self._last_s or at_s) - self._delay_s
        if swing > 0.0:
            self._swings.append(swing)
        if peak:
            self._peak_s = at_s
            if self._trough_s is not None and at_s - self._trough_s >= _SHORTEST_HALF_S:
                self._inhales.append(at_s - self._trough_s)
                self._oscillator.correct(
                    at_s, max(decided_s, at_s), self.inhale_fraction(), self._rate_hz(), 0.35
                )
            return None
        last, period = self._trough_s, None
        if last is not None:
            period = at_s - last
            if period < _PERIODS_S[0]:
                return None
            if period > _PERIODS_S[1]:
                period = None
        self._trough_s = at_s
        if period is not None:
            self._periods.append(period)
        self._oscillator.correct(at_s, max(decided_s, at_s), 0.0, self._rate_hz(), 0.7)
        return Breath(at_s=at_s, stream="", period_s=period, quality=self._quality())

    def inhale_fraction(self) -> float:
        """Return the share of a breath that is inhaling, 0.2 … 0.7; 0.4 while unknown."""
        if not (self._inhales and self._periods):
            return 0.4
        return min(max(statistics.median(self._inhales) / statistics.median(self._periods), 0.2), 0.7)

    def _rate_hz(self) -> float | None:
        return 1.0 / statistics.median(list(self._periods)[-3:]) if self._periods else None

    def _watch(self, raw: float, smooth: float, held: float) -> None:
        """Judge two seconds at a time: flat, noisy, held out. Noise wiggles faster than any breath."""
        bend = raw - 2.0 * self._first + self._second
        self._first, self._second = raw, self._first
        self._block.append((smooth, bend * bend, held))
        if len(self._block) < _BLOCK_S * self._rate:
            return
        smooths = [b[0] for b in self._block]
        span = max(smooths) - min(smooths)
        usual = statistics.median(self._swings) if self._swings else 0.0
        self._flat = span <= 0.005 * usual or span <= 1e-9 * abs(smooths[-1])
        # second differences of white noise have six times its variance; the low-pass lets part through
        raw_noise = math.sqrt(statistics.fmean([b[1] for b in self._block]) / 6.0)
        self._noises.append(raw_noise * math.sqrt(min(1.0, 2.0 * _LOW_PASS_HZ / self._rate)))
        self._held += 0.5 * (statistics.fmean([b[2] for b in self._block]) - self._held)
        self._block = []

    def _quality(self) -> float:
        """Return the trust in the newest breaths, 0 … 1: contrast × regularity × samples believed."""
        if self._flat or not self._swings or not self._noises:
            return 0.0
        noise = statistics.median(self._noises)
        contrast = 1.0 if noise <= 0.0 else ramp(statistics.median(self._swings) / noise, 4.0, 20.0)
        regular = 0.5
        if len(self._periods) >= 3:
            middle = statistics.median(self._periods)
            spread = statistics.median([abs(p - middle) for p in self._periods]) / middle
            regular = 1.0 - 0.7 * ramp(spread, 0.12, 0.5)
        return contrast * regular * (1.0 - ramp(self._held, 0.02, 0.3))

    def quality(self, now_s: float) -> float:
        """Return the trust in the signal as of `now_s`, 0 … 1; falls to 0 within a second of silence."""
        if self._last_s is None:
            return 0.0
        return self._quality() * (1.0 - ramp(now_s - self._last_s, _FRESH_S, 2.0 * _FRESH_S))

    def phase(self, now_s: float) -> tuple[float, float]:
        """Return the phase 0 … 1 (the inhale starts at 0) at `now_s` and the confidence 0 … 1 in it."""
        phase, trust = self._oscillator.at(now_s)
        return phase, trust * min(1.0, 2.0 * self._quality())

    def readings(self, now_s: float) -> list[Reading]:
        """Return the breath rate as of `now_s`."""
        quality = self.quality(now_s)
        reason = self._trouble(now_s)
        value: float | None = None
        if not reason:
            if len(self._periods) < 2:
                waited = now_s - (self._began_s if self._began_s is not None else now_s)
                reason = CALIBRATING if waited < 30.0 else NOISE
            elif quality < 0.1:
                reason = NOISE
            else:
                value = 60.0 / statistics.median(self._periods)
        return [
            Reading(
                vital="breath_rate",
                value=value,
                unit=units.PER_MIN,
                at_s=now_s,
                quality=quality if value is not None else 0.0,
                window_s=math.fsum(self._periods),
                reason=reason,
            )
        ]

    def _trouble(self, now_s: float) -> str:
        if self._last_s is None:
            return NO_SIGNAL
        if now_s - self._last_s > 2.0 * _FRESH_S:
            return STALE
        if self._flat:
            return LEAD_OFF
        if self._periods and self._trough_s is not None:
            overdue = now_s - self._trough_s - 2.5 * statistics.median(self._periods)
            if overdue > 0.0 and now_s - self._trough_s > 12.0:
                return STALE
        return ""


ESTIMATOR: Final = EstimatorSpec(
    name="respiration", stream_type="Respiration", choose=one_of(), build=of_one(RespirationEstimator)
)
