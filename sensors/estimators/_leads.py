"""Several leads of one heart: the best one tells, and another takes over when it stays worse.

Which one tells is decided every half second of samples, so that chunks do not matter: another one must be
better by `_BETTER` at four decisions in a row. Each lead keeps its own intervals: a change breaks none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np

from therapy.events import Beat
from therapy.patient import Reading

__all__ = ["MOST_LEADS", "BestLead", "leads"]

MOST_LEADS: Final = 3
_USUAL: Final = ("II", "MLII", "ECG", "V5", "V", "I")
_BLOCK_S: Final = 0.5
_BETTER: Final = 0.25
_IN_A_ROW: Final = 4
#: Two leads see one beat within this.
_SAME_S: Final = 0.25


class _Lead(Protocol):
    @property
    def bad_samples(self) -> int: ...
    def push(self, chunk: Any, stamps_s: Any) -> list[Beat]: ...
    def quality(self, now_s: float) -> float: ...
    def readings(self, now_s: float) -> list[Reading]: ...
    def next_beat_s(self, now_s: float) -> float | None: ...
    def intervals(self, now_s: float, window_s: float) -> list[tuple[float, float]]: ...


class BestLead:
    """Beats from samples (n, leads) of one heart. `push`, then ask what one lead is asked."""

    def __init__(self, build: Callable[[float], _Lead], rate_hz: float, count: int) -> None:
        self._leads = [build(rate_hz) for _ in range(count)]
        self._block = max(1, round(_BLOCK_S * rate_hz))
        self._in_block = 0
        self.chosen = 0
        self._rival, self._times = 0, 0
        self._told_s = -math.inf

    @property
    def bad_samples(self) -> int:
        """Samples of all leads held out since the start because they cannot be true."""
        return sum(lead.bad_samples for lead in self._leads)

    def push(self, chunk: Any, stamps_s: Any) -> list[Beat]:
        """Take samples (n, leads) with their session times (n,); return the beats decided. Never raises."""
        x = np.asarray(chunk, dtype=np.float64).reshape(-1, len(self._leads))
        times = np.asarray(stamps_s, dtype=np.float64).reshape(-1)
        size = min(len(x), times.size)
        beats: list[Beat] = []
        start = 0
        while start < size:
            end = min(size, start + self._block - self._in_block)
            told = [lead.push(x[start:end, k], times[start:end]) for k, lead in enumerate(self._leads)]
            beats += [beat for beat in told[self.chosen] if self._is_new(beat)]
            self._in_block += end - start
            if self._in_block == self._block:
                self._in_block = 0
                self._decide(float(times[end - 1]))
            start = end
        return beats

    def _is_new(self, beat: Beat) -> bool:
        """Return whether no lead told this beat already; a clock that was set back begins anew."""
        if abs(beat.at_s - self._told_s) < _SAME_S:
            return False
        self._told_s = beat.at_s
        return True

    def _decide(self, now_s: float) -> None:
        """Let another lead tell when it is clearly better, and stays so."""
        trusts = [lead.quality(now_s) for lead in self._leads]
        best = max(range(len(trusts)), key=trusts.__getitem__)
        if trusts[best] < trusts[self.chosen] + _BETTER:
            self._times = 0
            return
        self._times = self._times + 1 if best == self._rival else 1
        self._rival = best
        if self._times >= _IN_A_ROW:
            self.chosen, self._times = best, 0

    def quality(self, now_s: float) -> float:
        """Return the trust in the lead that tells, 0 … 1."""
        return self._leads[self.chosen].quality(now_s)

    def readings(self, now_s: float) -> list[Reading]:
        """Return what the lead that tells says as of `now_s`."""
        return self._leads[self.chosen].readings(now_s)

    def next_beat_s(self, now_s: float) -> float | None:
        """Return the expected time of the next R peak after `now_s`; `None` when that would be a guess."""
        return self._leads[self.chosen].next_beat_s(now_s)

    def intervals(self, now_s: float, window_s: float) -> list[tuple[float, float]]:
        """Return clean intervals of the last `window_s` as (end time, length), seconds, oldest first."""
        return self._leads[self.chosen].intervals(now_s, window_s)


def leads(labels: tuple[str, ...]) -> tuple[int, ...]:
    """Return the columns of up to three leads: those that most detectors are made for come first."""
    upper = [label.strip().upper() for label in labels]
    usual = [upper.index(name) for name in _USUAL if name in upper]
    return tuple([*usual, *(k for k in range(len(labels)) if k not in usual)][:MOST_LEADS])
