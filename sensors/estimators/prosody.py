"""How something is said, never what and never in which mood: pitch, its range, loudness, pauses, rate.

Frames of 40 ms, every 10 ms. A frame is voiced where its normalised autocorrelation has a clear peak in
75…400 Hz (Boersma 1993: divided by the window's own) and it is louder than the room; syllables are peaks of
the loudness between 2 dB dips, as de Jong & Wempe (2009) count them. Values are of the last `WINDOW_S` with
`_LEAST_VOICED_S` of voice in it, else there are none: who is silent has no pitch. Nothing but frames' figures
is kept.
"""

from __future__ import annotations

import collections
import math
from typing import Any, Final

import numpy as np

from sensors.errors import BadStream
from sensors.estimators._channels import of_one, one_of
from sensors.estimators._readings import reading
from sensors.quality import Bools, Cleaner, Floats, ramp
from therapy import units
from therapy.patient import CALIBRATING, NO_SIGNAL, STALE, Reading
from therapy.specs import EstimatorSpec

__all__ = ["ESTIMATOR", "RATES_HZ", "SILENT", "WINDOW_S", "ProsodyEstimator"]

RATES_HZ: Final = (8000.0, 48_000.0)
WINDOW_S: Final = 15.0
#: Reason for no value: nobody spoke enough.
SILENT: Final = "silent"
_FRAME_S: Final = 0.04
_HOP_S: Final = 0.01
_PITCH_HZ: Final = (75.0, 400.0)
_VOICED: Final = 0.5
#: Clearly voiced speech has this and more; breath, wind and music less.
_CLEAR: Final = (0.55, 0.85)
_LOUDER_DB: Final = 8.0
_FLOOR_SHARE: Final = 0.1
_LEAST_VOICED_S: Final = 1.0
_LEAST_S: Final = 5.0
_DIP_DB: Final = 2.0
_PAUSE_S: Final = 0.25
_FRESH_S: Final = 1.0
_QUIETEST_DB: Final = -100.0
_BATCH: Final = 25


class ProsodyEstimator:
    """Figures of a voice. `push` sound of full scale ±1, then ask `readings`."""

    def __init__(self, rate_hz: float) -> None:
        low, high = RATES_HZ
        if not (math.isfinite(rate_hz) and low <= rate_hz <= high):
            raise BadStream("voice sampling rate", f"in {low:g}…{high:g} Hz", rate_hz)
        self._rate = rate_hz
        self._cleaner = Cleaner(rate_hz)
        self._frame, self._hop = round(_FRAME_S * rate_hz), round(_HOP_S * rate_hz)
        self._window = np.hanning(self._frame)
        self._size = 1 << (2 * self._frame - 1).bit_length()
        own = np.fft.irfft(np.abs(np.fft.rfft(self._window, self._size)) ** 2, self._size)
        self._lags = (int(rate_hz / _PITCH_HZ[1]), min(int(rate_hz / _PITCH_HZ[0]) + 1, self._frame - 1))
        self._own = own[: self._lags[1] + 2] / own[0]
        self._x: Floats = np.empty(0)
        self._t: Floats = np.empty(0)
        self._frames: collections.deque[tuple[float, float, float, float]] = collections.deque()
        self._began_s: float | None = None
        self._last_s: float | None = None

    @property
    def bad_samples(self) -> int:
        """Samples held out since the start because they cannot be true."""
        return self._cleaner.bad_samples

    def push(self, chunk: Any, stamps_s: Any) -> list[Any]:
        """Take sound (n,), full scale ±1, with its session times (n,); return nothing. Never raises."""
        for part in self._cleaner.push(chunk, stamps_s):
            if part.gap_s > 0.0:
                self._x, self._t = np.empty(0), np.empty(0)
            if self._began_s is None:
                self._began_s = float(part.stamps_s[0])
            self._x = np.concatenate((self._x, part.x))
            self._t = np.concatenate((self._t, part.stamps_s))
            self._last_s = float(part.stamps_s[-1])
            self._cut()
        return []

    def _cut(self) -> None:
        """Judge every whole frame, a few at a time, and keep the rest of the sound."""
        count = (self._x.size - self._frame) // self._hop + 1
        for first in range(0, count, _BATCH):
            starts = np.arange(first, min(first + _BATCH, count)) * self._hop
            frames = self._x[starts[:, None] + np.arange(self._frame)]
            levels, pitches, clear = self._judged(frames)
            times = self._t[starts + self._frame // 2]
            rows = zip(times.tolist(), levels.tolist(), pitches.tolist(), clear.tolist(), strict=True)
            self._frames.extend(rows)
        if count > 0:
            self._x, self._t = self._x[count * self._hop :], self._t[count * self._hop :]
        while self._frames and self._frames[0][0] < self._frames[-1][0] - WINDOW_S:
            self._frames.popleft()

    def _judged(self, frames: Floats) -> tuple[Floats, Floats, Floats]:
        """Return of each frame (n, samples) its level in dB, its pitch in Hz and how clear that is, 0 … 1."""
        frames = frames - np.mean(frames, axis=1, keepdims=True)
        levels = 10.0 * np.log10(np.maximum(np.mean(frames**2, axis=1), 10.0 ** (_QUIETEST_DB / 10.0)))
        spectra = np.abs(np.fft.rfft(frames * self._window, self._size, axis=1)) ** 2
        alike = np.fft.irfft(spectra, self._size, axis=1)[:, : self._own.size]
        alike = alike / np.maximum(alike[:, :1], 1e-20) / np.maximum(self._own, 0.05)
        low, high = self._lags
        # a little dearer with each octave down: else twice the period is as good
        cost = 0.02 * np.log2(np.arange(low, high + 1) / low)
        best = np.argmax(alike[:, low : high + 1] - cost, axis=1) + low
        rows = np.arange(len(frames))
        left, middle, right = alike[rows, best - 1], alike[rows, best], alike[rows, best + 1]
        bend = left - 2.0 * middle + right
        shift = np.where(bend < 0.0, 0.5 * (left - right) / np.where(bend < 0.0, bend, 1.0), 0.0)
        return levels, self._rate / (best + np.clip(shift, -0.5, 0.5)), np.clip(middle, 0.0, 1.0)

    def readings(self, now_s: float) -> list[Reading]:
        """Return pitch, its range, level, share of pauses and syllable rate as of `now_s`."""
        told: tuple[float | None, ...] = (None,) * 5
        quality, reason = 0.0, self._trouble(now_s)
        if not reason:
            told, quality = self._figures()
            reason = SILENT if told[0] is None else ""
        names = (
            ("voice_pitch", units.HZ),
            ("voice_pitch_range", units.SEMITONES),
            ("voice_level", units.DBFS),
            ("voice_pauses", units.FRACTION),
            ("syllable_rate", units.PER_S),
        )
        return [
            reading(vital, value, unit, now_s, quality, WINDOW_S, reason)
            for (vital, unit), value in zip(names, told, strict=True)
        ]

    def _trouble(self, now_s: float) -> str:
        if self._last_s is None or self._began_s is None:
            return NO_SIGNAL
        if now_s - self._last_s > 2.0 * _FRESH_S:
            return STALE
        return CALIBRATING if now_s - self._began_s < _LEAST_S else ""

    def _figures(self) -> tuple[tuple[float | None, ...], float]:
        rows = np.array(self._frames)
        levels, pitches, clear = rows[:, 1], rows[:, 2], rows[:, 3]
        floor = float(np.quantile(levels, _FLOOR_SHARE))
        voiced = (clear >= _VOICED) & (levels > max(floor + _LOUDER_DB, float(np.max(levels)) - 30.0))
        if np.count_nonzero(voiced) * _HOP_S < _LEAST_VOICED_S:
            return (None,) * 5, 0.0
        heard = np.flatnonzero(voiced)
        first, last = int(heard[0]), int(heard[-1]) + 1
        pitch = float(np.median(pitches[voiced]))
        low, high = np.quantile(pitches[voiced], (0.1, 0.9))
        spans = np.diff(heard) * _HOP_S
        pauses = float(np.sum(spans[spans >= _PAUSE_S])) / ((last - first) * _HOP_S)
        syllables = _syllables(levels[first:last], voiced[first:last])
        talked_s = (last - first) * _HOP_S * max(1.0 - pauses, 0.05)
        level = 10.0 * math.log10(float(np.mean(10.0 ** (levels[voiced] / 10.0))))
        spread = 12.0 * math.log2(float(high) / float(low))
        quality = ramp(float(np.median(clear[voiced])), *_CLEAR) * ramp(level - floor, _LOUDER_DB, 20.0)
        quality *= ramp(heard.size * _HOP_S, 0.5 * _LEAST_VOICED_S, 3.0 * _LEAST_VOICED_S)
        return (pitch, spread, level, pauses, syllables / talked_s), quality


def _syllables(levels: Floats, voiced: Bools) -> int:
    """Return how many peaks of the smoothed loudness stand `_DIP_DB` over the dips beside them, voiced."""
    smooth = np.convolve(levels, np.full(5, 0.2), mode="same")
    count, low, high, at = 0, float(smooth[0]), -math.inf, 0
    for k, level in enumerate(smooth.tolist()):
        if level > high:
            high, at = level, k
        if high - level >= _DIP_DB and high - low >= _DIP_DB:
            count += bool(voiced[at])
            low, high = level, -math.inf
        elif level < low:
            low, high = level, level
            at = k
    return count + (high - low >= _DIP_DB and bool(voiced[at]))


ESTIMATOR: Final = EstimatorSpec(
    name="prosody", stream_type="Voice", choose=one_of("VOICE", "MIC"), build=of_one(ProsodyEstimator)
)
