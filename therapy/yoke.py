"""Yoked sessions: what another patient's session did drives this one's world. Pure.

The control of choice for feedback studies: the world moves as much and as long as it did for the other one,
but not with this patient's body. The bounds, the therapist's wishes and the stop hold as ever.
"""

from __future__ import annotations

import bisect
import dataclasses
from typing import Final

from therapy.controls import MODES, TABLE, Controls
from therapy.errors import BadValue
from therapy.steer import NO_WISHES, WISH_TAU_S, Reason, Steering, Wishes, toward

__all__ = ["Trace", "follow"]

_BECAUSE: Final = "as in the session that this one is yoked to"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The controls of a session that was: `controls[i]` held from `times_s[i]` after its beginning.

    Raises:
        BadValue: no rows, as many times as rows are wanted, or times that do not rise.
    """

    times_s: tuple[float, ...]
    controls: tuple[Controls, ...]

    def __post_init__(self) -> None:
        if not self.times_s or len(self.times_s) != len(self.controls):
            told = f"{len(self.times_s)} times and {len(self.controls)} rows"
            raise BadValue("trace", "at least one row, each with its time", told)
        if any(b <= a for a, b in zip(self.times_s[:-1], self.times_s[1:], strict=True)):
            raise BadValue("times of the trace", "rising", "others")

    def at(self, elapsed_s: float) -> Controls | None:
        """Return what held `elapsed_s` after the beginning, `None` once the trace is over."""
        if elapsed_s > self.times_s[-1]:
            return None
        return self.controls[max(bisect.bisect_right(self.times_s, elapsed_s) - 1, 0)]


def follow(
    trace: Trace, elapsed_s: float, previous: Controls, dt_s: float, wishes: Wishes = NO_WISHES
) -> Steering | None:
    """Return the trace's controls at `elapsed_s` under the therapist's `wishes`; `None` once it is over."""
    there = trace.at(elapsed_s)
    if there is None:
        return None
    wanted: dict[str, float] = {}
    why: list[Reason] = []
    for name in TABLE:
        wish: float | None = getattr(wishes, name, None)
        now = getattr(previous, name)
        if wish is not None:
            wanted[name] = toward(name, now, wish, dt_s, WISH_TAU_S)
        elif name == "pacer_phase" and wishes.breath_pace_per_min is not None:
            wanted[name] = (now + wanted["breath_pace_per_min"] / 60.0 * dt_s) % 1.0
        else:
            wanted[name] = getattr(there, name)
        goal = wish if wish is not None else wanted[name]
        limit = TABLE[name]
        if name != "pacer_phase" and abs(limit.distance(now, goal)) > 0.002 * (limit.high - limit.low):
            because = "the therapist asked for it" if wish is not None else _BECAUSE
            why.append(Reason(control=name, was=now, target=goal, because=because, confidence=1.0))
    mode = there.mode if there.mode in MODES else previous.mode
    return Steering(controls=dataclasses.replace(there, mode=mode, **wanted), why=tuple(why))
