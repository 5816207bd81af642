"""Heartbeat intervals: which are clean, and what they say (heart rate, RMSSD, next beat)."""

from __future__ import annotations

import collections
import dataclasses
import math
import statistics
from typing import Final

__all__ = ["Interval", "Intervals"]

#: 200 bpm and 27 bpm: outside, an interval is a detection error and not a heart.
_SHORTEST_S: Final = 0.3
_LONGEST_S: Final = 2.2
_MEMORY_S: Final = 300.0
_QUARTILES: Final = (
    5.2  # Lipponen & Tarvainen 2019: 5.2 quartile deviations hold 99.95 % of normal differences
)
_LEAST_SHARE: Final = 0.15
_MOST_SHARE: Final = 0.3
_STUBBORN: Final = 5


@dataclasses.dataclass(slots=True, kw_only=True)
class Interval:
    """The interval that ended with the beat at `at_s`. `artefact` is empty for a clean one."""

    at_s: float
    length_s: float
    artefact: str


class Intervals:
    """Keeps the last five minutes of intervals and marks artefacts with one beat of delay.

    An interval is compared with its neighbours: reference = median of (last clean, median of the last five
    clean, next). The tolerance follows the patient's own beat-to-beat differences, between 15 % and 30 %.
    """

    def __init__(self) -> None:
        self.kept: collections.deque[Interval] = collections.deque()
        self._clean: collections.deque[float] = collections.deque(maxlen=5)
        self._steps: collections.deque[float] = collections.deque(maxlen=60)
        self._last_s: float | None = None
        self._waiting: Interval | None = None
        self._flagged = 0
        self.since_s: float | None = None

    def beat(self, at_s: float) -> tuple[float | None, str]:
        """Take an R peak; return the interval before it and what is wrong with it as far as known now."""
        if self.since_s is None:
            self.since_s = at_s
        last, self._last_s = self._last_s, at_s
        if last is None:
            return None, ""
        length = at_s - last
        interval = Interval(at_s=at_s, length_s=length, artefact=self._verdict(length, None))
        if self._waiting is not None:
            self._settle(self._waiting, length)
        self._waiting = interval
        self.kept.append(interval)
        while self.kept and self.kept[0].at_s < at_s - _MEMORY_S:
            self.kept.popleft()
        return length, interval.artefact

    def break_off(self) -> None:
        """Take note of a hole in the signal: the next beat has no interval."""
        if self._waiting is not None:
            self._settle(self._waiting, None)
        self._waiting = None
        self._last_s = None

    def _settle(self, interval: Interval, following_s: float | None) -> None:
        """Judge `interval` for good now that the next one is known."""
        interval.artefact = self._verdict(interval.length_s, following_s)
        if interval.artefact:
            self._flagged += 1
            if self._flagged >= _STUBBORN and _SHORTEST_S <= interval.length_s <= _LONGEST_S:
                self._clean.clear()  # the heart really changed: believe it
                self._flagged = 0
            return
        self._flagged = 0
        if self._clean:
            self._steps.append(interval.length_s - self._clean[-1])
        self._clean.append(interval.length_s)

    def _verdict(self, length_s: float, following_s: float | None) -> str:
        if length_s < _SHORTEST_S:
            return "extra"
        if length_s > _LONGEST_S:
            return "missed"
        if len(self._clean) < 2:
            return ""
        last, usual = self._clean[-1], statistics.median(self._clean)
        if following_s is None:  # for now: the nearer of the two
            reference = last if abs(length_s - last) < abs(length_s - usual) else usual
        else:
            reference = statistics.median([last, usual, following_s])
        off = length_s - reference
        if abs(off) <= self._tolerance(reference):
            return ""
        if off > 0.0:
            return "missed" if length_s > 1.6 * reference else "long"
        return self._short(length_s, reference, following_s)

    def _short(self, length_s: float, reference_s: float, following_s: float | None) -> str:
        """Return whether a short interval is an early beat's or has a beat too many at its end."""
        if following_s is not None and following_s > reference_s + self._tolerance(reference_s):
            return "short"  # a pause makes up for it: ectopic
        if following_s is not None and length_s + following_s < 1.3 * reference_s:
            return "extra"  # the two are one
        return "extra" if length_s < 0.6 * reference_s else "short"

    def _tolerance(self, reference_s: float) -> float:
        least = _LEAST_SHARE * reference_s
        if len(self._steps) < 8:
            return 1.3 * least
        lower, _, upper = statistics.quantiles(self._steps, n=4)
        return min(max(_QUARTILES * (upper - lower) / 2.0, least), _MOST_SHARE * reference_s)

    def clean_since(self, start_s: float) -> list[Interval]:
        """Return the clean intervals that ended after `start_s`, oldest first."""
        return [i for i in self.kept if i.at_s > start_s and not i.artefact]

    def heart_rate(self, now_s: float, beats: int, longest_s: float) -> tuple[float | None, float]:
        """Return beats a minute over the last `beats` clean intervals and the span they cover in seconds."""
        recent = self.clean_since(now_s - longest_s)[-beats:]
        if len(recent) < 4:
            return None, 0.0
        lengths = sorted(i.length_s for i in recent)
        trimmed = lengths[1:-1] if len(lengths) >= 6 else lengths
        return 60.0 / statistics.fmean(trimmed), math.fsum(lengths)

    def rmssd_ms(self, now_s: float, window_s: float) -> tuple[float | None, float]:
        """Return RMSSD in ms over `window_s` and the share of the window that clean intervals cover."""
        start = now_s - window_s
        squares: list[float] = []
        before: Interval | None = None
        covered = 0.0
        for interval in self.kept:
            if interval.at_s <= start:
                continue
            if interval.artefact:
                before = None
                continue
            covered += interval.length_s
            if before is not None and abs(interval.at_s - interval.length_s - before.at_s) < 1e-3:
                squares.append((interval.length_s - before.length_s) ** 2)
            before = interval
        share = min(covered / window_s, 1.0)
        if len(squares) < 10:
            return None, share
        return 1000.0 * math.sqrt(statistics.fmean(squares)), share

    def artefact_share(self, count: int) -> float:
        """Return the share of artefacts among the last `count` intervals; 0 when there are none yet."""
        recent = list(self.kept)[-count:]
        return sum(1 for i in recent if i.artefact) / len(recent) if recent else 0.0

    def expected_s(self) -> float | None:
        """Return the length to expect of the next interval, or `None` while too little is known."""
        return statistics.median(list(self._clean)[-3:]) if len(self._clean) >= 3 else None

    @property
    def last_beat_s(self) -> float | None:
        """Time of the newest beat."""
        return self._last_s
