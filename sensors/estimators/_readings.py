"""How estimators tell a value or why there is none."""

from __future__ import annotations

from therapy.patient import Reading

__all__ = ["reading"]


def reading(
    vital: str, value: float | None, unit: str, at_s: float, quality: float, window_s: float, reason: str
) -> Reading:
    """Return `value` as a reading, or, where there is a `reason` against it, none with quality 0."""
    told = None if reason else value
    return Reading(
        vital=vital,
        value=told,
        unit=unit,
        at_s=at_s,
        quality=quality if told is not None else 0.0,
        window_s=window_s,
        reason=reason,
    )
