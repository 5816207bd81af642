"""Skin conductance: tonic level, phasic responses and how many come a minute.

The stream must be in microsiemens. A response is a rise between an onset, where the smoothed slope leaves the
tonic drift, and the peak, where it ends: at least 0.03 µS high and 0.5 … 6 s long (Boucsein et
al., Psychophysiology 49:1017, 2012, give 0.01…0.05 µS and 1…3 s as usual). It is decided at its peak. What
cannot be skin is refused by Kleckner et al.'s rules (IEEE Trans. Biomed. Eng. 65:1460, 2018): outside
0.05 … 60 µS, or faster than 10 µS/s.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import statistics
from typing import Any, Final

import numpy as np
from scipy import signal

from sensors.errors import BadStream
from sensors.estimators._channels import of_one, one_of
from sensors.estimators._readings import reading
from sensors.quality import Cleaner, Floats, ramp
from therapy import units
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE, Reading
from therapy.specs import EstimatorSpec

__all__ = ["ESTIMATOR", "NO_RESPONSE", "OUT_OF_RANGE", "RATES_HZ", "EdaEstimator", "SkinResponse"]

RATES_HZ: Final = (4.0, 5000.0)
#: Reasons of this estimator alone.
OUT_OF_RANGE: Final = "not 0.05…60 µS"
NO_RESPONSE: Final = "no response"

_INTERNAL_HZ: Final = 10.0
_LOW_PASS_HZ: Final = 1.0
_LEVEL_S: Final = 10.0
_WINDOW_S: Final = 60.0
_RANGE_US: Final = (0.05, 60.0)
_FASTEST_US_PER_S: Final = 10.0
_LEAST_US: Final = 0.03
_LEAST_SLOPE_US_PER_S: Final = 0.02
_RISE_S: Final = (0.5, 6.0)
#: How long the low-pass rings after a jump.
_SHAKEN_S: Final = 2.0
_BLOCK_S: Final = 2.0
_FRESH_S: Final = 2.0
_USABLE: Final = 0.2
_COVER: Final = 0.8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SkinResponse:
    """A phasic response. It follows what caused it by one to three seconds."""

    onset_s: float
    peak_s: float
    amplitude_us: float
    quality: float

    @property
    def rise_s(self) -> float:
        """Time from the onset to the peak."""
        return self.peak_s - self.onset_s


class EdaEstimator:
    """Skin conductance from samples in µS. `push` what arrived, then ask `readings`."""

    def __init__(self, rate_hz: float) -> None:
        low, high = RATES_HZ
        if not (math.isfinite(rate_hz) and low <= rate_hz <= high):
            raise BadStream("EDA sampling rate", f"in {low:g}…{high:g} Hz", rate_hz)
        self._cleaner = Cleaner(rate_hz)
        self._each = max(1, int(rate_hz / _INTERNAL_HZ))
        self._rate = rate_hz / self._each
        self._sos = signal.bessel(2, min(_LOW_PASS_HZ, 0.4 * self._rate), fs=self._rate, output="sos")
        turn = signal.sosfreqz(self._sos, worN=[0.2], fs=self._rate)[1]
        self._delay_s = float(-np.angle(turn[0]) / (2.0 * math.pi * 0.2))
        self._responses: collections.deque[SkinResponse] = collections.deque()
        self._noises: collections.deque[float] = collections.deque(maxlen=10)
        #: (time, share of a block that is good), one each two seconds of signal
        self._goods: collections.deque[tuple[float, float]] = collections.deque(
            maxlen=round(_WINDOW_S / _BLOCK_S)
        )
        self._levels: collections.deque[float] = collections.deque(maxlen=round(_LEVEL_S * self._rate))
        self._began_s: float | None = None
        self._last_s: float | None = None
        self._flat = self._outside = False
        self._restart()

    def _restart(self) -> None:
        """Forget the signal (there was a hole)."""
        self._rest: tuple[Floats, Floats, Floats] = (np.empty(0), np.empty(0), np.empty(0))
        self._state: Floats | None = None
        self._before: float | None = None
        self._raw: tuple[float, float] | None = None
        self._drift = 0.0
        self._onset: tuple[float, float] | None = None
        self._foot: tuple[float, float] | None = None
        self._spoilt = False
        self._shaken = 0
        self._block: list[tuple[float, float, float, float]] = []
        self._levels.clear()

    @property
    def bad_samples(self) -> int:
        """Samples held out since the start because they cannot be true."""
        return self._cleaner.bad_samples

    def push(self, chunk: Any, stamps_s: Any) -> list[SkinResponse]:
        """Take samples (n,) in µS with their session times (n,); return responses decided. Never raises."""
        found: list[SkinResponse] = []
        for part in self._cleaner.push(chunk, stamps_s):
            if part.gap_s > 0.0:
                self._restart()
            if self._began_s is None:
                self._began_s = float(part.stamps_s[0])
            columns = (part.x, part.stamps_s, part.bad.astype(np.float64))
            x, t, bad = (np.concatenate(pair) for pair in zip(self._rest, columns, strict=True))
            whole = x.size // self._each * self._each
            self._rest = (x[whole:], t[whole:], bad[whole:])
            self._last_s = float(part.stamps_s[-1])
            if whole:
                means = [v[:whole].reshape(-1, self._each).mean(axis=1) for v in (x, t, bad)]
                found += self._slow(means[0], means[1], means[2])
        return found

    def _slow(self, x: Floats, t: Floats, bad: Floats) -> list[SkinResponse]:
        """Walk over the thinned signal."""
        if self._state is None:
            self._state = signal.sosfilt_zi(self._sos) * x[0]
        y, self._state = signal.sosfilt(self._sos, x, zi=self._state)
        found: list[SkinResponse] = []
        for raw, value, at_s, held in zip(x.tolist(), y.tolist(), t.tolist(), bad.tolist(), strict=True):
            self._levels.append(value)
            self._watch(raw, at_s, held)
            response = self._follow(value, at_s - self._delay_s)
            if response is not None:
                found.append(response)
                self._responses.append(response)
            while self._responses and self._responses[0].peak_s < at_s - 2.0 * _WINDOW_S:
                self._responses.popleft()
        return found

    def _follow(self, value: float, at_s: float) -> SkinResponse | None:
        """Take a smoothed value: begin a response where the slope leaves the drift, end it at its peak."""
        if self._before is None:
            self._before = value
            return None
        slope = (value - self._before) * self._rate
        self._before = value
        if self._onset is None:
            # the tonic drift, over ten seconds or so; responses are kept out of it
            self._drift += (min(max(slope, -0.05), 0.05) - self._drift) / (10.0 * self._rate)
            if slope < max(self._drift, 0.0) + 0.25 * self._least_slope():
                self._foot = (value, at_s)
            if slope > max(self._drift, 0.0) + self._least_slope() and self._foot is not None:
                self._onset, self._spoilt = self._foot, self._shaken > 0
            return None
        if slope > 0.0 and at_s - self._onset[1] <= 2.0 * _RISE_S[1]:
            return None
        onset, self._onset, self._foot = self._onset, None, (value, at_s)
        peak_s = at_s - 1.0 / self._rate
        # what the tonic level would have risen by itself is not the response's
        height = value - slope / self._rate - onset[0] - max(self._drift, 0.0) * (peak_s - onset[1])
        if self._spoilt or height < self._least_height() or not _RISE_S[0] <= peak_s - onset[1] <= _RISE_S[1]:
            return None
        return SkinResponse(
            onset_s=onset[1], peak_s=peak_s, amplitude_us=height, quality=self._quality(peak_s)
        )

    def _noise(self) -> float:
        return statistics.median(self._noises) if self._noises else 0.0

    def _least_slope(self) -> float:
        """Return the slope of a response in µS/s: above what noise does through the low-pass."""
        return max(_LEAST_SLOPE_US_PER_S, 4.0 * self._noise())

    def _least_height(self) -> float:
        return max(_LEAST_US, 5.0 * self._noise())

    def _watch(self, raw: float, at_s: float, held: float) -> None:
        """Judge two seconds at a time: flat, outside, jumping, held out. Noise bends faster than skin."""
        first, second = self._raw if self._raw is not None else (raw, raw)
        jump = float(abs(raw - first) * self._rate > _FASTEST_US_PER_S)
        outside = float(not _RANGE_US[0] <= raw <= _RANGE_US[1])
        self._shaken = max(self._shaken - 1, 0)
        if jump or outside or held > 0.5:
            self._shaken = round(_SHAKEN_S * self._rate)
        self._spoilt = self._spoilt or self._shaken > 0
        bend = raw - 2.0 * first + second
        self._raw = (raw, first)
        self._block.append((raw, bend * bend, max(held, jump), outside))
        if len(self._block) < _BLOCK_S * self._rate:
            return
        raws = [b[0] for b in self._block]
        self._flat = max(raws) - min(raws) <= 1e-9 * max(abs(raws[-1]), 1e-9) or max(raws) < _RANGE_US[0]
        self._outside = statistics.fmean([b[3] for b in self._block]) > 0.5
        # second differences of white noise have six times its variance
        self._noises.append(math.sqrt(statistics.median([b[1] for b in self._block]) / 6.0))
        good = 0.0 if self._flat else 1.0 - max(statistics.fmean([max(b[2], b[3]) for b in self._block]), 0.0)
        self._goods.append((at_s, ramp(good, 0.7, 1.0)))
        self._block = []

    def _quality(self, now_s: float) -> float:
        """Return the trust in the last ten seconds, 0 … 1."""
        recent = [good for at_s, good in self._goods if at_s > now_s - _LEVEL_S]
        return statistics.fmean(recent) * (1.0 - ramp(self._noise(), 0.02, 0.1)) if recent else 0.0

    def quality(self, now_s: float) -> float:
        """Return the trust in the signal as of `now_s`, 0 … 1; falls to 0 within seconds of silence."""
        if self._last_s is None:
            return 0.0
        return self._quality(self._last_s) * (1.0 - ramp(now_s - self._last_s, _FRESH_S, 2.0 * _FRESH_S))

    def readings(self, now_s: float) -> list[Reading]:
        """Return tonic level, responses a minute and their median amplitude as of `now_s`."""
        quality = self.quality(now_s)
        reason = self._trouble(now_s)
        level = statistics.median(self._levels) if self._levels else None
        seen = [r for r in self._responses if now_s - _WINDOW_S < r.peak_s <= now_s]
        cover = _BLOCK_S * math.fsum(g for at_s, g in self._goods if at_s > now_s - _WINDOW_S) / _WINDOW_S
        phasic = reason
        if not reason:
            began_s = self._began_s if self._began_s is not None else now_s
            reason = (CALIBRATING if not self._goods else "") or (NOISE if quality < _USABLE else "")
            phasic = (
                CALIBRATING if now_s - began_s < _WINDOW_S else reason or (NOISE if cover < _COVER else "")
            )
        trust = quality * ramp(cover, 0.7, 0.95)
        height = statistics.median(r.amplitude_us for r in seen) if seen else None
        return [
            reading("skin_conductance", level, units.MICROSIEMENS, now_s, quality, _LEVEL_S, reason),
            reading("skin_responses", float(len(seen)), units.PER_MIN, now_s, trust, _WINDOW_S, phasic),
            reading(
                "skin_response_amplitude",
                height,
                units.MICROSIEMENS,
                now_s,
                trust,
                _WINDOW_S,
                phasic or ("" if seen else NO_RESPONSE),
            ),
        ]

    def _trouble(self, now_s: float) -> str:
        if self._last_s is None:
            return NO_SIGNAL
        if now_s - self._last_s > 2.0 * _FRESH_S:
            return STALE
        if self._flat:
            return LEAD_OFF
        return OUT_OF_RANGE if self._outside else ""


ESTIMATOR: Final = EstimatorSpec(
    name="eda", stream_type="EDA", choose=one_of("EDA", "GSR"), build=of_one(EdaEstimator)
)
