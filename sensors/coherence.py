"""How much of the heart's rhythm is at one breathing frequency."""

from __future__ import annotations

from typing import Final

import numpy as np

__all__ = ["WINDOW_S", "coherence"]

WINDOW_S: Final = 60.0
_RESAMPLE_HZ: Final = 4.0
#: McCraty's band for the coherence peak, and half the width of the peak.
_BAND_HZ: Final = (0.04, 0.26)
_HALF_PEAK_HZ: Final = 0.015
_LEAST_COVER: Final = 0.8
_POINTS: Final = 2048  # zero-padded: 0.002 Hz between bins at 4 Hz


def coherence(
    intervals: list[tuple[float, float]], now_s: float, pace_per_min: float | None = None
) -> float | None:
    """Return the share 0 … 1 of the power in 0.04–0.26 Hz that is within ±0.015 Hz of the breath's rate.

    Peak over rest, as HeartMath defines it, is share / (1 − share); the share stays finite.

    Args:
        intervals: clean heartbeat intervals (end time, length) in seconds, oldest first.
        now_s: end of the window of `WINDOW_S`.
        pace_per_min: the pacer's breaths a minute; `None` looks at the highest peak in the band instead.

    Returns:
        The share, or `None` while clean intervals cover less than 80 % of the window.
    """
    recent = [(t, v) for t, v in intervals if now_s - WINDOW_S < t <= now_s]
    if len(recent) < 20:
        return None
    times = np.array([t for t, _ in recent])
    lengths = np.array([v for _, v in recent])
    if float(np.sum(lengths)) < _LEAST_COVER * WINDOW_S or times[-1] - times[0] < _LEAST_COVER * WINDOW_S:
        return None
    grid = np.arange(now_s - WINDOW_S, now_s, 1.0 / _RESAMPLE_HZ)
    grid = grid[(grid >= times[0]) & (grid <= times[-1])]
    even = np.interp(grid, times, lengths)
    even -= np.polyval(np.polyfit(grid - grid[0], even, 1), grid - grid[0])
    power = np.abs(np.fft.rfft(even * np.hanning(even.size), _POINTS)) ** 2
    hz = np.fft.rfftfreq(_POINTS, 1.0 / _RESAMPLE_HZ)
    band = (hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])
    total = float(np.sum(power[band]))
    if total <= 0.0:
        return None
    centre = float(hz[band][np.argmax(power[band])]) if pace_per_min is None else pace_per_min / 60.0
    peak = float(np.sum(power[band & (np.abs(hz - centre) <= _HALF_PEAK_HZ)]))
    return min(max(peak / total, 0.0), 1.0)
