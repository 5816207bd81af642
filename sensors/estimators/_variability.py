"""Heart-rate variability over three minutes: SDNN and the powers of the two bands.

Bands: Task Force of the ESC and NASPE, Circulation 93:1043 (1996). The ratio of the two powers is not given:
it is no measure of a "balance" of anything (Billman, Front. Physiol. 4:26, 2013).
"""

from __future__ import annotations

import math
import statistics
from typing import Final

import numpy as np
from scipy import interpolate, signal

__all__ = ["COVER", "WINDOW_S", "band_powers_ms2", "sdnn_ms"]

#: LF must hold some seven waves of its slowest, 0.04 Hz.
WINDOW_S: Final = 180.0
#: Share of the window that clean intervals must cover, and the longest hole between them.
COVER: Final = 0.9
_LONGEST_HOLE_S: Final = 5.0
_RESAMPLE_HZ: Final = 4.0
#: Half overlapping, three in the window: steadier than one long one, and still 0.011 Hz between lines.
_SEGMENT_S: Final = 90.0
_LF_HZ: Final = (0.04, 0.15)
_HF_HZ: Final = (0.15, 0.4)
_LEAST: Final = 60


def sdnn_ms(lengths_s: list[float]) -> float | None:
    """Return the standard deviation of clean intervals in ms; `None` for too few."""
    return 1000.0 * statistics.stdev(lengths_s) if len(lengths_s) >= _LEAST else None


def band_powers_ms2(intervals: list[tuple[float, float]]) -> tuple[float, float] | None:
    """Return the power of clean intervals (end time, length; s) in 0.04–0.15 Hz and 0.15–0.4 Hz, in ms².

    Holes of artefacts are bridged by a cubic spline kept within the intervals' own range. `None` when they
    are too few or a hole is longer than five seconds.
    """
    if len(intervals) < _LEAST:
        return None
    times = np.array([t for t, _ in intervals])
    lengths = 1000.0 * np.array([v for _, v in intervals])
    if np.any(np.diff(times) <= 0.0) or float(np.max(np.diff(times))) > _LONGEST_HOLE_S:
        return None
    grid = np.arange(times[0], times[-1], 1.0 / _RESAMPLE_HZ)
    even = np.clip(interpolate.CubicSpline(times, lengths)(grid), np.min(lengths), np.max(lengths))
    segment = min(even.size, round(_SEGMENT_S * _RESAMPLE_HZ))
    hz, power = signal.welch(even, _RESAMPLE_HZ, nperseg=segment, detrend=signal.detrend)
    lf, hf = (float(np.sum(power[(hz >= low) & (hz < high)]) * hz[1]) for low, high in (_LF_HZ, _HF_HZ))
    return (lf, hf) if math.isfinite(lf) and math.isfinite(hf) else None
