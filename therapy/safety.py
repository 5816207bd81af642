"""The gate: nothing reaches a patient that has not passed here.

`bound` holds `Controls` to the table, to the plan's limits and to the greatest slopes, whatever comes in:
NaN, infinities and absurd numbers included. `admit` (written in `therapy.gate`) weighs what the guide would
do. Pure, and property-tested.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

from therapy.bounds import allowed_by, within
from therapy.controls import MODES, TABLE, Controls, Limit
from therapy.gate import Admitted, Clamped, Refused, Verdict, admit
from therapy.may_say import MaySay
from therapy.plan import Limits, Range

__all__ = [
    "MAX_STEP_S",
    "Admitted",
    "Bounded",
    "Clamped",
    "Held",
    "MaySay",
    "Refused",
    "Verdict",
    "admit",
    "bound",
    "bound_value",
    "settled",
]

#: Longest time step that may be credited to a slope: after a stall the world goes on, it does not catch up.
MAX_STEP_S: Final = 0.25


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A control that was wanted otherwise than the gate let it through.

    `because` names the patient's trigger that held it, and is empty where bounds or slope did.
    """

    control: str
    wanted: float | str
    got: float | str
    limit: str
    because: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """Controls that may reach a patient, and what had to be held back."""

    controls: Controls
    held: tuple[Held, ...]


def bound_value(wanted: float, previous: float, limit: Limit, allowed: Range | None, dt_s: float) -> float:
    """Return the value nearest to `wanted` that bounds and slope allow after `dt_s` from `previous`.

    `previous` must be finite and within the table. A `wanted` that is not finite means `previous`. When the
    plan's range no longer holds `previous`, the way back into it respects the slope.
    """
    if not math.isfinite(wanted):
        wanted = previous
    goal = within(limit.clamp(wanted), limit, allowed)
    step = limit.slope_per_s * dt_s
    way = limit.distance(previous, goal)
    if abs(way) <= step:
        return goal
    return limit.clamp(previous + math.copysign(step, way))


def bound(wanted: Controls, previous: Controls, limits: Limits, dt_s: float) -> Bounded:
    """Return `wanted` as far as it may reach the patient `dt_s` after `previous`.

    Args:
        wanted: anything, also NaN and infinities.
        previous: what the patient has now: finite and within the table (as this function returned it).
        limits: the plan's narrower ranges.
        dt_s: time since `previous`; not finite or negative counts as 0, more than `MAX_STEP_S` as that.
    """
    step_s = min(max(dt_s, 0.0), MAX_STEP_S) if math.isfinite(dt_s) else 0.0
    passed: dict[str, float | str] = {}
    held: list[Held] = []
    for name, limit in TABLE.items():
        value: float = getattr(wanted, name)
        allowed, trigger = allowed_by(name, limits)
        got = bound_value(value, getattr(previous, name), limit, allowed, step_s)
        passed[name] = got
        if got != value and not (limit.cyclic and math.isfinite(value) and got == limit.clamp(value)):
            bounds = f"{limit.low:g}…{limit.high:g} {limit.unit}, {limit.slope_per_s:g}/s"
            because = ""
            if trigger and (not math.isfinite(value) or within(limit.clamp(value), limit, allowed) != value):
                because = f"on this patient's list of triggers: {trigger}"
            held.append(Held(control=name, wanted=value, got=got, limit=bounds, because=because))
    passed["mode"] = wanted.mode if wanted.mode in MODES else previous.mode
    if passed["mode"] != wanted.mode:
        held.append(
            Held(control="mode", wanted=wanted.mode, got=previous.mode, limit=f"one of {', '.join(MODES)}")
        )
    return Bounded(controls=Controls(**passed), held=tuple(held))  # type: ignore[arg-type]  # names from the table


def settled(controls: Controls, limits: Limits) -> Controls:
    """Return `controls` inside the plan's limits at once, without slopes: only where nobody sees or hears."""
    inside = {
        name: within(getattr(controls, name), limit, allowed_by(name, limits)[0])
        for name, limit in TABLE.items()
    }
    return dataclasses.replace(controls, **inside)  # type: ignore[arg-type]  # names from the table
