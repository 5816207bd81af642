"""Samples that cannot be true are held out before any estimator sees them; none of this ever raises.

`Cleaner` is the one door into every estimator: what leaves it is finite, in time order and marked.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["ABSURD", "Cleaner", "Floats", "Segment", "ramp"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: No unit of any known sensor needs more: 24-bit counts end at 1.7e7, nanovolts of a saturated lead at 1e9.
ABSURD: Final = 1e12
#: A value this many spans outside the recent range is a glitch, not a body.
_SPANS: Final = 20.0
_BLOCK_S: Final = 1.0
_BLOCKS: Final = 10
_GAP_S: Final = 0.25


def ramp(value: float, low: float, high: float) -> float:
    """Return 0 up to `low`, 1 from `high`, straight between; 0 for a value that is not finite."""
    if not math.isfinite(value):
        return 0.0
    return min(max((value - low) / (high - low), 0.0), 1.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch without holes.

    Attributes:
        x: (n,) finite samples; where `bad`, the last good value is held.
        stamps_s: (n,) strictly rising session times.
        bad: (n,) which samples were replaced.
        gap_s: the hole before this stretch; 0 when it joins what came before.
    """

    x: Floats
    stamps_s: Floats
    bad: Bools
    gap_s: float


class Cleaner:
    """Makes any input safe, sample by sample, so that the size of chunks never matters.

    Not finite, beyond `ABSURD`, or far outside the last ten seconds' range: held and marked. A range that
    stays elsewhere for a whole second is believed (a sensor was re-scaled). Stamps that do not rise are
    dropped; when a second of them was dropped, the clock is believed to have been set back.
    """

    def __init__(self, rate_hz: float) -> None:
        self._block = max(1, round(rate_hz * _BLOCK_S))
        self._gap_s = max(_GAP_S, 5.0 / rate_hz)
        self._last_s = -math.inf
        self._held = 0.0
        self._dropped = 0
        self._in_block = 0
        self._outside = 0
        self._block_low = math.inf
        self._block_high = -math.inf
        self._ranges: collections.deque[tuple[float, float]] = collections.deque(maxlen=_BLOCKS)
        self._limits = (-ABSURD, ABSURD)
        self.bad_samples = 0

    def push(self, chunk: Any, stamps_s: Any) -> list[Segment]:
        """Return `chunk` (n,) with `stamps_s` (n,) as safe stretches. Extra entries are ignored."""
        x = np.asarray(chunk, dtype=np.float64).reshape(-1)
        t = np.asarray(stamps_s, dtype=np.float64).reshape(-1)
        size = min(x.size, t.size)
        t = np.where(np.abs(t[:size]) <= ABSURD, t[:size], np.nan)
        x, t, gaps = self._in_order(x[:size], t)
        if not x.size:
            return []
        clean = np.empty_like(x)
        bad = np.empty(x.size, dtype=np.bool_)
        start = 0
        while start < x.size:
            end = min(x.size, start + self._block - self._in_block)
            self._hold(x[start:end], clean[start:end], bad[start:end])
            start = end
        self.bad_samples += int(np.count_nonzero(bad))
        cuts = np.flatnonzero(gaps > 0.0)
        edges = [0, *(int(c) for c in cuts if c > 0), x.size]
        return [
            Segment(x=clean[a:b], stamps_s=t[a:b], bad=bad[a:b], gap_s=float(gaps[a]))
            for a, b in itertools.pairwise(edges)
        ]

    def _in_order(self, x: Floats, t: Floats) -> tuple[Floats, Floats, Floats]:
        """Return samples, rising stamps and, for each sample, the hole before it (0: none)."""
        before = self._last_s
        steps = self._steps(before, t)
        restarted = np.zeros(t.size, dtype=np.bool_)
        if t.size and np.all(np.isfinite(t)) and np.all(steps > 0.0):
            self._last_s = float(t[-1])
            self._dropped = 0
        else:
            chosen, restarts = self._rising(t)
            x, t = x[chosen], t[chosen]
            steps = self._steps(before, t)
            restarted = restarts
        gaps = np.where(steps > self._gap_s, steps, 0.0)
        gaps[restarted] = self._gap_s
        return x, t, gaps

    def _steps(self, before: float, t: Floats) -> Floats:
        """Return the step before each stamp; the very first sample has none and gets a tiny one."""
        steps: Floats = np.diff(t, prepend=before if math.isfinite(before) else t[:1] - 1e-9)
        return steps

    def _rising(self, t: Floats) -> tuple[npt.NDArray[np.intp], Bools]:
        """Return which stamps rise, and which of those follow a clock that was set back."""
        kept: list[int] = []
        restarts: list[bool] = []
        for index, stamp in enumerate(t.tolist()):
            restart = self._dropped >= self._block
            if math.isfinite(stamp) and (stamp > self._last_s or restart):
                kept.append(index)
                restarts.append(stamp <= self._last_s)
                self._last_s = stamp
                self._dropped = 0
            else:
                self._dropped += 1
                self.bad_samples += 1
        return np.asarray(kept, dtype=np.intp), np.asarray(restarts, dtype=np.bool_)

    def _hold(self, x: Floats, clean: Floats, bad: Bools) -> None:
        """Fill `clean` and `bad` for samples inside one block, and close it when it is full."""
        low, high = self._limits
        finite = np.isfinite(x) & (np.abs(x) <= ABSURD)
        good = finite & (x >= low) & (x <= high)
        bad[:] = ~good
        last = np.maximum.accumulate(np.where(good, np.arange(x.size), -1))
        clean[:] = np.where(last >= 0, x[last], self._held)
        self._held = float(clean[-1])
        self._in_block += x.size
        self._outside += int(np.count_nonzero(finite & ~good))
        if np.any(good):
            self._block_low = min(self._block_low, float(np.min(x[good])))
            self._block_high = max(self._block_high, float(np.max(x[good])))
        if self._in_block >= self._block:
            self._close_block()

    def _close_block(self) -> None:
        if self._outside >= self._block // 2:
            self._ranges.clear()
        elif self._block_low <= self._block_high:
            self._ranges.append((self._block_low, self._block_high))
        self._limits = (-ABSURD, ABSURD)
        if len(self._ranges) >= 2:  # one second is not yet a range
            low = min(r[0] for r in self._ranges)
            high = max(r[1] for r in self._ranges)
            margin = _SPANS * (high - low)
            if margin > 0.0:
                self._limits = (low - margin, high + margin)
        self._in_block = self._outside = 0
        self._block_low, self._block_high = math.inf, -math.inf
