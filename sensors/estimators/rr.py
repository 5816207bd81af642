"""Heart rate, its variability and the next beat from a stream of RR intervals (a Bluetooth strap's).

Channel `interval` (s), each sample stamped with the time of the beat that ends it; channel `contact`, where
there is one: 0 while the strap says that it does not touch the skin. The strap found the beats, out of our
sight: quality is at most 0.8, less with artefacts, and 0 without contact.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from sensors.estimators._intervals import Intervals
from sensors.estimators._readings import reading
from sensors.estimators._variability import COVER, WINDOW_S, band_powers_ms2, sdnn_ms
from sensors.quality import ramp
from therapy import units
from therapy.events import Beat
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE, Reading
from therapy.specs import EstimatorSpec

__all__ = ["ESTIMATOR", "RrEstimator"]

_MOST: Final = 0.8
_RANGE_S: Final = (0.2, 4.0)
_FRESH_S: Final = 4.0  # notifications come late by up to so much
_HEART_BEATS: Final = 10
_HEART_S: Final = 15.0
_RMSSD_S: Final = 60.0
_RMSSD_COVER: Final = 0.7
_JOINED_S: Final = 0.05


class RrEstimator:
    """Beats from intervals. `push` (n, 1) or (n, 2), then ask `readings`, `next_beat_s` or `intervals`."""

    def __init__(self) -> None:
        self.bad_samples = 0
        self._beats = Intervals()
        self._last_s: float | None = None
        self._contact = True

    def push(self, chunk: Any, stamps_s: Any) -> list[Beat]:
        """Take intervals with the session times of their beats; return the beats. Never raises."""
        rows = np.asarray(chunk, dtype=np.float64)
        rows = rows[:, None] if rows.ndim == 1 else rows
        beats: list[Beat] = []
        for row, at_s in zip(rows, np.asarray(stamps_s, dtype=np.float64), strict=True):
            contact = row.size < 2 or not row[1] < 0.5
            low, high = _RANGE_S
            if not (low <= row[0] <= high and math.isfinite(at_s)) or at_s <= (self._last_s or -math.inf):
                self.bad_samples += 1
                continue
            self._contact = contact
            if not contact:
                self._beats.break_off()
                self._last_s = float(at_s)
                continue
            beats.append(self._beat(float(at_s), float(row[0])))
        return beats

    def _beat(self, at_s: float, length_s: float) -> Beat:
        before = self._beats.last_beat_s
        if before is None or abs(at_s - length_s - before) > _JOINED_S:  # beats are missing between
            self._beats.break_off()
            self._beats.beat(at_s - length_s)
        interval_s, artefact = self._beats.beat(at_s)
        self._last_s = at_s
        return Beat(at_s=at_s, stream="", interval_s=interval_s, quality=self._quality(), artefact=artefact)

    def _quality(self) -> float:
        if not self._contact:
            return 0.0
        return _MOST * (1.0 - ramp(self._beats.artefact_share(_HEART_BEATS), 0.1, 0.7))

    def quality(self, now_s: float) -> float:
        """Return the trust in the beats as of `now_s`, 0 … 1."""
        if self._last_s is None:
            return 0.0
        return self._quality() * (1.0 - ramp(now_s - self._last_s, _FRESH_S, 2.0 * _FRESH_S))

    def _trouble(self, now_s: float) -> str:
        if self._last_s is None:
            return NO_SIGNAL
        if now_s - self._last_s > 2.0 * _FRESH_S:
            return STALE
        return "" if self._contact else LEAD_OFF

    def readings(self, now_s: float) -> list[Reading]:
        """Return heart rate, RMSSD, SDNN and the powers of the two bands as of `now_s`."""
        trouble, quality = self._trouble(now_s), self.quality(now_s)
        rate, span_s = self._beats.heart_rate(now_s, _HEART_BEATS, _HEART_S)
        out = [
            reading(
                "heart_rate",
                rate,
                units.BPM,
                now_s,
                quality,
                span_s or _HEART_S,
                trouble or (CALIBRATING if rate is None else ""),
            )
        ]
        since = self._beats.since_s
        rmssd, cover = self._beats.rmssd_ms(now_s, _RMSSD_S)
        out.append(
            reading(
                "rmssd",
                rmssd,
                units.MS,
                now_s,
                quality * ramp(cover, 0.5, 0.95),
                _RMSSD_S,
                trouble or _why_not(since, now_s, _RMSSD_S, rmssd, enough=cover >= _RMSSD_COVER),
            )
        )
        return [*out, *self._slow(now_s, quality, trouble)]

    def _slow(self, now_s: float, quality: float, trouble: str) -> list[Reading]:
        clean = self.intervals(now_s, WINDOW_S)
        cover = math.fsum(length for _, length in clean) / WINDOW_S
        enough = cover >= COVER
        sdnn = sdnn_ms([length for _, length in clean]) if enough else None
        lf, hf = (band_powers_ms2(clean) if enough else None) or (None, None)
        since = self._beats.since_s
        return [
            reading(
                vital,
                value,
                unit,
                now_s,
                quality * ramp(cover, 0.8, 0.98),
                WINDOW_S,
                trouble or _why_not(since, now_s, WINDOW_S, value, enough=enough),
            )
            for vital, value, unit in (
                ("sdnn", sdnn, units.MS),
                ("lf_power", lf, units.MS2),
                ("hf_power", hf, units.MS2),
            )
        ]

    def next_beat_s(self, now_s: float) -> float | None:
        """Return the expected time of the next beat; `None` when that would be a guess."""
        last, length = self._beats.last_beat_s, self._beats.expected_s()
        if last is None or length is None or self.quality(now_s) < 0.2:
            return None
        ahead = max(1, math.ceil((now_s - last) / length))
        return last + ahead * length if ahead <= math.ceil(_FRESH_S / length) + 1 else None

    def intervals(self, now_s: float, window_s: float) -> list[tuple[float, float]]:
        """Return clean intervals of the last `window_s` as (end time, length), seconds, oldest first."""
        return [(i.at_s, i.length_s) for i in self._beats.clean_since(now_s - window_s)]


def _why_not(
    since_s: float | None, now_s: float, window_s: float, value: float | None, *, enough: bool
) -> str:
    if since_s is None or now_s - since_s < window_s:
        return CALIBRATING
    return "" if enough and value is not None else NOISE


def _choose(labels: tuple[str, ...]) -> tuple[int, ...]:
    """Return the interval's column and, where there is one, that of contact."""
    upper = [label.strip().upper() for label in labels]
    first = next((upper.index(name) for name in ("INTERVAL", "RR", "IBI", "NN") if name in upper), 0)
    return (first, upper.index("CONTACT")) if "CONTACT" in upper else (first,)


ESTIMATOR: Final = EstimatorSpec(
    name="rr", stream_type="RR", choose=_choose, build=lambda _rate, _labels: RrEstimator()
)
