"""What table, plan and triggers together leave of a control: shared by the two gates of `therapy.safety`."""

from __future__ import annotations

from therapy.controls import TABLE, Limit
from therapy.personal import HELD_BY_TRIGGER
from therapy.plan import Limits, Range

__all__ = ["allowed_by", "allowed_range", "within"]


def allowed_by(name: str, limits: Limits) -> tuple[Range | None, str]:
    """Return what plan and triggers together leave of a control, and the trigger that leaves least of it.

    A trigger outranks the plan's own range where the two do not meet.
    """
    allowed, first = limits.ranges.get(name), ""
    for trigger in sorted(limits.triggers):
        narrower = HELD_BY_TRIGGER.get(trigger, {}).get(name)
        if narrower is None:
            continue
        first = first or trigger
        if allowed is None:
            allowed = narrower
        else:
            low = min(max(allowed.low, narrower.low), narrower.high)
            allowed = Range(low=low, high=max(min(allowed.high, narrower.high), low))
    return allowed, first


def allowed_range(name: str, limits: Limits) -> Range:
    """Return what plan and triggers leave of a control; the table's own bounds where they say nothing."""
    allowed, _ = allowed_by(name, limits)
    return Range(low=TABLE[name].low, high=TABLE[name].high) if allowed is None else allowed


def within(value: float, limit: Limit, allowed: Range | None) -> float:
    """Return the value nearest to `value` in `allowed`; round the circle for a cyclic control."""
    if allowed is None or allowed.low <= value <= allowed.high:
        return value
    if limit.cyclic:
        to_low, to_high = (abs(limit.distance(value, end)) for end in (allowed.low, allowed.high))
        return allowed.low if to_low <= to_high else allowed.high
    return min(max(value, allowed.low), allowed.high)
