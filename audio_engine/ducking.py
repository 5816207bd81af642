"""The music steps back before somebody speaks and comes back slowly after the last word. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["AHEAD_S", "MAX_DEPTH_DB", "Ducker"]

#: The music begins to step back this long before the first word.
AHEAD_S: Final = 0.4
#: Deeper would be a hole, not a step back.
MAX_DEPTH_DB: Final = 24.0
#: Time constants of each of two poles: 96 % down within `AHEAD_S`, back within about three seconds.
_DOWN_S: Final = 0.08
_UP_S: Final = 0.6
#: Less than anybody hears.
_NOTHING_DB: Final = 1e-4


class Ducker:
    """A gain in decibels that follows announced speech; `gain_db` once a block, times rising."""

    def __init__(self) -> None:
        self._from_s = self._until_s = -1.0
        self._depth_db = 0.0
        self._first = self._second = 0.0

    def announce(self, from_s: float, until_s: float, depth_db: float) -> None:
        """Be `depth_db` (0 … 24) quieter from `from_s` until `until_s`; the newest call counts."""
        self._from_s, self._until_s = from_s, until_s
        self._depth_db = min(max(depth_db, 0.0), MAX_DEPTH_DB)

    def gain_db(self, at_s: float, dt_s: float) -> float:
        """Return the gain at `at_s`, `dt_s` after the call before: ≤ 0 dB, without a corner."""
        speaking = self._from_s - AHEAD_S <= at_s < self._until_s
        goal = -self._depth_db if speaking else 0.0
        share = min(dt_s / (_DOWN_S if goal < self._second else _UP_S), 1.0)
        self._first += (goal - self._first) * share
        self._second += (self._first - self._second) * share
        if goal == 0.0 and self._second > -_NOTHING_DB and self._first > -_NOTHING_DB:
            self._first = self._second = 0.0
        return self._second
