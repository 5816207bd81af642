"""Causal QRS detection: band-pass, slope energy, adaptive threshold, search-back, T-wave rule.

The shape is Pan and Tompkins' (IEEE Trans. Biomed. Eng. 32:230, 1985) with a narrower band; the R peak is
then looked for in the unfiltered signal, so that filters delay the decision but not the stamp.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

import numpy as np
from scipy import signal

from sensors.quality import Floats

__all__ = ["QrsDetector", "RPeak"]

_BAND_HZ: Final = (8.0, 20.0)
_ENERGY_S: Final = 0.1
#: A denominator of one. Written with two terms, scipy sums sample by sample, so that chunks do not matter.
_IN_ORDER: Final = (1.0, 0.0)
_LEARN_S: Final = 2.0
_REFRACTORY_S: Final = 0.24
_T_WAVE_S: Final = 0.36
_SEARCH_BACK: Final = 1.66
_SILENT_S: Final = 3.5
_KEEP_S: Final = 5.0
_REFINE_S: Final = 0.06
_BASELINE_S: Final = 0.3
_COARSE_S: Final = 0.016
_FINE_S: Final = 0.006
_FINE_REACH_S: Final = 0.012
_FALLEN: Final = 0.5
#: The shape of a beat is what lies this far before and after R: all of it is known when it is told.
_SHAPE_S: Final = (0.12, 0.06)
#: A mean over one period of 50 Hz: neither mains nor muscle belong to the shape.
_MAINS_S: Final = 0.02
_ALIKE: Final = 0.8
#: So many beats of another shape in a row are the new shape.
_STUBBORN: Final = 6
_BEFORE_S: Final = (0.33, 0.1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RPeak:
    """An R peak.

    Attributes:
        at_s: its time.
        height: of the QRS, peak to peak, in the signal's units.
        contrast: energy of recent beats over that of what was not a beat.
        likeness: correlation of its shape with that of recent beats, −1 … 1; 0 while there are too few.
        quiet: how far its height is above the swing of the quarter of a second before it, in its band.
    """

    at_s: float
    height: float
    contrast: float
    likeness: float
    quiet: float


class QrsDetector:
    """Finds R peaks in gapless stretches. `push` clean samples, get the peaks they decided."""

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self._sos = signal.butter(2, _BAND_HZ, btype="bandpass", fs=rate_hz, output="sos")
        self._taps = np.full(max(2, round(_ENERGY_S * rate_hz)), 1.0 / max(2, round(_ENERGY_S * rate_hz)))
        centre = math.sqrt(_BAND_HZ[0] * _BAND_HZ[1])
        low, high = signal.sosfreqz(self._sos, worN=[centre - 0.5, centre + 0.5], fs=rate_hz)[1]
        turn = math.remainder(float(np.angle(low) - np.angle(high)), 2.0 * math.pi)
        self._delay = turn / (2.0 * math.pi) * rate_hz
        self._polarity = 0.0
        self._sign = 1.0
        self._shape: Floats | None = None
        self._shapes = self._strangers = 0
        self.restart()

    def restart(self) -> None:
        """Forget the signal (there was a hole); what is known of polarity stays."""
        self._n = self._now = 0  # samples seen since the restart; the one that is being judged
        self._x = np.empty(0)
        self._bp = np.empty(0)
        self._t = np.empty(0)
        self._band_state: Floats | None = None
        self._slope_state = np.zeros(1)
        self._energy_state = np.zeros(self._taps.size - 1)
        self._energy: list[float] = []  # of the learning phase
        self._spk = self._npk = 0.0
        self._climbing = False
        self._peak = self._valley = 0.0
        self._peak_at = 0
        self._last_at = -(1 << 60)
        self._last_peak = 0.0
        self._last_r_s = -math.inf
        self._rr = 0.8 * self._rate
        self._deadline = math.inf
        self._passed_over: list[tuple[float, int]] = []

    def push(self, x: Floats, t: Floats) -> list[RPeak]:
        """Take finite samples `x` (n,) at rising times `t` (n,); return the R peaks decided, oldest first."""
        if self._band_state is None:
            self._band_state = signal.sosfilt_zi(self._sos) * x[0]
        band, self._band_state = signal.sosfilt(self._sos, x, zi=self._band_state)
        slope, self._slope_state = signal.lfilter([1.0, -1.0], _IN_ORDER, band, zi=self._slope_state)
        energy, self._energy_state = signal.lfilter(
            self._taps, _IN_ORDER, slope * slope, zi=self._energy_state
        )
        keep = round(_KEEP_S * self._rate)
        self._x = np.concatenate((self._x[-keep:], x))
        self._bp = np.concatenate((self._bp[-keep:], band))
        self._t = np.concatenate((self._t[-keep:], t))
        first = self._n
        self._n += x.size
        values: list[float] = energy.tolist()
        learn = round(_LEARN_S * self._rate)
        if first < learn:
            self._energy += values[: learn - first]
            if self._n < learn:
                return []
            self._learn(self._energy[self._taps.size :])
            self._last_at = learn
            self._deadline = learn + _SEARCH_BACK * self._rr
            values, first = values[learn - first :], learn
        return self._follow(values, first)

    def _learn(self, energy: list[float]) -> None:
        self._spk = 0.5 * max(energy)
        self._npk = 0.5 * sum(energy) / len(energy)
        self._energy = []

    def _follow(self, values: list[float], first: int) -> list[RPeak]:
        """Walk over slope energies: judge a peak once the energy fell to half of it, then await a valley."""
        found: list[RPeak] = []
        for i, v in enumerate(values, first):
            self._now = i
            if self._climbing:
                if v > self._peak:
                    self._peak, self._peak_at = v, i
                elif v < _FALLEN * self._peak:
                    self._climbing, self._valley = False, v
                    self._judge(self._peak, self._peak_at, found)
            elif v < self._valley:
                self._valley = v
            elif v > 2.0 * self._valley:
                self._climbing, self._peak, self._peak_at = True, v, i
            if i > self._deadline:
                self._search_back(i, found)
        return found

    def _judge(self, peak: float, at: int, found: list[RPeak]) -> None:
        threshold = self._npk + 0.25 * (self._spk - self._npk)
        since = at - self._last_at
        if peak <= threshold or peak <= 0.0:
            self._npk += 0.125 * (peak - self._npk)
            self._passed_over.append((peak, at))
        elif since < _REFRACTORY_S * self._rate:
            return
        elif since < _T_WAVE_S * self._rate and peak < 0.5 * self._last_peak:
            self._npk += 0.125 * (peak - self._npk)
        else:
            self._accept(peak, at, 0.125, found)

    def _search_back(self, now: int, found: list[RPeak]) -> None:
        """No beat for too long: take the highest peak passed over, or learn the levels anew."""
        floor = 0.5 * (self._npk + 0.25 * (self._spk - self._npk))
        early = self._last_at + _T_WAVE_S * self._rate
        late = [c for c in self._passed_over if c[1] > early and c[0] > floor]
        if late:
            peak, at = max(late)
            self._accept(peak, at, 0.25, found)
            return
        self._deadline = now + 0.5 * self._rr
        if now - self._last_at > _SILENT_S * self._rate:
            best = max((c[0] for c in self._passed_over), default=0.0)
            self._spk = 0.5 * best if best > 0.0 else 0.5 * self._spk
            self._npk *= 0.5
            self._last_at = now
            self._passed_over = []

    def _accept(self, peak: float, at: int, weight: float, found: list[RPeak]) -> None:
        rr = at - self._last_at
        if 0.3 * self._rate < rr < 2.0 * self._rate:
            self._rr += 0.2 * (rr - self._rr)
        self._last_at, self._last_peak = at, peak
        self._deadline = at + _SEARCH_BACK * self._rr
        self._passed_over = [c for c in self._passed_over if c[1] > at]
        r_peak = self._refine(at, self._spk / self._npk if self._npk > 0.0 else 1e3)
        if r_peak is not None and self._shapes >= _STUBBORN and r_peak.likeness < _ALIKE:
            weight *= 0.25
        # an artefact must not deafen the detector: no beat counts for more than twice the usual, and one of
        # another shape for a quarter
        self._spk += weight * (min(peak, 2.0 * self._spk) - self._spk) if self._spk > 0.0 else peak
        if r_peak is not None:
            self._last_r_s = r_peak.at_s
            found.append(r_peak)

    def _refine(self, at: int, contrast: float) -> RPeak | None:
        """Find the R peak near the energy peak at sample `at`; `None` if it is not after the last one."""
        offset = self._n - self._x.size  # index of the first sample kept
        start = max(at - offset - self._taps.size - round(self._delay), 0)
        end = at - offset + 1
        if end - start < 3:
            return None
        middle = start + int(np.argmax(np.abs(self._bp[start:end]))) - round(self._delay)
        reach = max(2, round(_REFINE_S * self._rate))
        low, high = max(middle - reach, 0), min(middle + reach + 1, self._x.size)
        if high - low < 5:
            return None
        before = max(low - round(_BASELINE_S * self._rate), 0)
        window = self._smooth(self._x[low:high] - np.median(self._x[before:high]), _COARSE_S)
        up, down = float(np.max(window)), -float(np.min(window))
        if up + down > 0.0:
            self._polarity += 0.25 * ((up - down) / (up + down) - self._polarity)
        if abs(self._polarity) > 0.12:  # a lead is not turned round by a beat whose waves are alike
            self._sign = math.copysign(1.0, self._polarity)
        k = low + int(np.argmax(self._sign * window))
        near = max(2, round(_FINE_REACH_S * self._rate))
        low, high = max(k - near, 0), min(k + near + 1, self._x.size)
        at_s = self._between(self._sign * self._smooth(self._x[low:high], _FINE_S), low)
        if at_s <= self._last_r_s:
            return None
        return RPeak(
            at_s=at_s,
            height=up + down,
            contrast=contrast,
            likeness=self._likeness(k),
            quiet=self._quiet(middle + round(self._delay)),
        )

    def _likeness(self, k: int) -> float:
        """Return how alike the beat at index `k` is to those before it, and learn from it."""
        before, after = (round(s * self._rate) for s in _SHAPE_S)
        known = self._x.size - (self._n - 1 - self._now)  # what came later in the chunk must not matter
        if k < before or k + after >= known:
            return 0.0
        shape = self._smooth(self._x[k - before : k + after + 1], _MAINS_S)
        shape = shape - np.mean(shape)
        size = float(np.sqrt(np.sum(shape * shape)))
        if not (size > 0.0 and math.isfinite(size)):
            return 0.0
        shape = shape / size
        if self._shape is None:
            self._shape, self._shapes = shape, 1
            return 0.0
        alike = float(np.sum(shape * self._shape) / np.sqrt(np.sum(self._shape * self._shape)))
        self._strangers = 0 if alike > _ALIKE else self._strangers + 1
        if self._strangers >= _STUBBORN:
            self._shape, self._shapes, self._strangers = shape, 1, 0
        elif alike > _ALIKE:
            self._shape = self._shape + (shape - self._shape) / min(self._shapes + 1, 8)
            self._shapes += 1
        return alike if self._shapes >= 3 else 0.0

    def _quiet(self, middle: int) -> float:
        """Return the height of the band-passed QRS at index `middle` over the swing just before it."""
        reach = max(2, round(_REFINE_S * self._rate))
        start, end = (middle - round(s * self._rate) for s in _BEFORE_S)
        before = self._bp[max(start, 0) : max(end, 0)]
        swing = float(np.ptp(before)) if before.size else 0.0
        if swing <= 0.0:
            return 1e3
        return min(float(np.ptp(self._bp[max(middle - reach, 0) : middle + reach + 1])) / swing, 1e3)

    def _smooth(self, window: Floats, width_s: float) -> Floats:
        """Return the moving average of `window` over `width_s`, without delay."""
        half = round(width_s * self._rate / 2.0)
        if half < 1:
            return window
        padded = np.pad(window, half, mode="edge")
        return np.convolve(padded, np.full(2 * half + 1, 1.0 / (2 * half + 1)), mode="valid")

    def _between(self, window: Floats, low: int) -> float:
        """Return the time of the highest point of `window`, to a fraction of a sample by a parabola."""
        k = int(np.argmax(window))
        shift = 0.0
        if 0 < k < window.size - 1:
            left, mid, right = (float(v) for v in window[k - 1 : k + 2])
            bend = left - 2.0 * mid + right
            if bend < 0.0:
                shift = min(max(0.5 * (left - right) / bend, -0.5), 0.5)
        index = low + k
        at_s = float(self._t[index])
        other = index + (1 if shift > 0.0 else -1)
        if 0 <= other < self._t.size:
            at_s += abs(shift) * (float(self._t[other]) - at_s)
        return at_s
