"""How far the heart rate swings with each breath (respiratory sinus arrhythmia, peak to trough)."""

from __future__ import annotations

import itertools
import statistics
from typing import Final

from therapy import units
from therapy.patient import NOISE, Reading

__all__ = ["WINDOW_S", "reading", "rsa_amplitude_bpm"]

WINDOW_S: Final = 60.0
_LEAST_BREATHS: Final = 3
#: With fewer beats in a breath, its highest and lowest heart rates were most likely missed.
_LEAST_BEATS: Final = 4
_PERIOD_S: Final = (2.0, 20.0)
_COVER: Final = 0.8


def rsa_amplitude_bpm(
    intervals: list[tuple[float, float]], inhales_s: list[float], now_s: float
) -> tuple[float | None, float]:
    """Return the median over the last minute's breaths of their highest minus lowest heart rate.

    Args:
        intervals: clean heartbeat intervals (end time, length) in seconds, oldest first.
        inhales_s: session times at which inhales started, oldest first.
        now_s: end of the minute.

    Returns:
        Beats a minute, or `None` while fewer than three breaths have four clean beats that cover 80 % of
        them; and the share 0 … 1 of the minute's breaths that could be used.
    """
    recent = [t for t in inhales_s if now_s - WINDOW_S < t <= now_s]
    swings: list[float] = []
    breaths = 0
    for start_s, end_s in itertools.pairwise(recent):
        if not _PERIOD_S[0] <= end_s - start_s <= _PERIOD_S[1]:
            continue
        breaths += 1
        within = [v for t, v in intervals if start_s < t - 0.5 * v <= end_s]
        if len(within) >= _LEAST_BEATS and sum(within) >= _COVER * (end_s - start_s):
            swings.append(60.0 / min(within) - 60.0 / max(within))
    share = len(swings) / breaths if breaths else 0.0
    return (statistics.median(swings) if len(swings) >= _LEAST_BREATHS else None), share


def reading(
    intervals: list[tuple[float, float]],
    inhales_s: list[float],
    now_s: float,
    heart: Reading,
    breath: Reading,
) -> Reading:
    """Return `rsa_amplitude` as a reading: as good as the worse of `heart` and `breath`, its two sources."""
    value, share = rsa_amplitude_bpm(intervals, inhales_s, now_s)
    reason = heart.reason or breath.reason or ("" if value is not None else NOISE)
    return Reading(
        vital="rsa_amplitude",
        value=None if reason else value,
        unit=units.BPM,
        at_s=now_s,
        quality=0.0 if reason else share * min(heart.quality, breath.quality),
        window_s=WINDOW_S,
        reason=reason,
    )
