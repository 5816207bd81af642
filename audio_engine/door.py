"""The one door through which every parameter enters the engine: clamped, finite, last good values kept.

pyo crashes the process on a NaN or an infinity (measured: `Sine(freq=nan)`, `SDelay(delay=nan)`, …) and
latches it for ever in its filters, so no number reaches the synthesis but through here.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from typing import Any, Final

from therapy.controls import MODES, TABLE, Controls, numeric_fields

__all__ = ["LONGEST_DUCK_S", "MAX_FADE_S", "Door"]

MAX_FADE_S: Final = 60.0
#: Whoever announces words and is not heard of again must not silence the music for longer.
LONGEST_DUCK_S: Final = 120.0

_NUMBERS: Final = operator.attrgetter(*numeric_fields())
_BOUNDS: Final = tuple((TABLE[name].low, TABLE[name].high, TABLE[name].cyclic) for name in numeric_fields())


def _is_good(wanted: Controls) -> bool:
    """Return whether every number is a float that would stay as it is: so it is nearly always."""
    return wanted.mode in MODES and all(
        type(got) is float and low <= got <= high and not (cyclic and got == high)
        for got, (low, high, cyclic) in zip(_NUMBERS(wanted), _BOUNDS, strict=True)
    )


def _finite(value: object) -> float | None:
    """Return `value` as a finite float, or `None` if it is no such number (a bool is none)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


class Door:
    """Holds the last good value of every parameter; `admit` and `admit_fade` take new ones.

    Args:
        first: the controls to start with; what is wrong in them falls back to the neutral ones.

    After each call `refusals` says in short lines what was not taken as it came (empty if all was).
    """

    def __init__(self, first: Controls) -> None:
        self.controls = Controls()
        self.refusals: list[str] = []
        self.admit(first)

    def admit(self, wanted: Controls) -> Controls:
        """Return `wanted` with every number finite and within `TABLE`, the last good value where it is not.

        A finite number outside its bounds is clamped; anything else that is no number keeps the last
        good value.
        """
        self.refusals = []
        if type(wanted) is Controls and _is_good(wanted):
            self.controls = wanted
            return wanted
        good: dict[str, Any] = {}
        for name in numeric_fields():
            got = getattr(wanted, name, None)
            number = _finite(got)
            if number is None:
                self._refuse(name, "a finite number", got)
                continue
            clamped = TABLE[name].clamp(number)
            if clamped != number:
                self._refuse(name, f"in {TABLE[name].low:g}…{TABLE[name].high:g}", got)
            good[name] = clamped
        mode = getattr(wanted, "mode", None)
        if isinstance(mode, str) and mode in MODES:
            good["mode"] = mode
        else:
            self._refuse("mode", "a known scale", mode)
        self.controls = dataclasses.replace(self.controls, **good)
        return self.controls

    def admit_fade(self, gain: object, seconds: object) -> tuple[float, float] | None:
        """Return (gain 0 … 1, seconds 0.01 … 60), or `None` if either is no finite number.

        A fade is never shorter than one block, so that it cannot click.
        """
        self.refusals = []
        good_gain, good_seconds = _finite(gain), _finite(seconds)
        if good_gain is None or good_seconds is None:
            self._refuse("fade", "two finite numbers", (gain, seconds))
            return None
        return min(max(good_gain, 0.0), 1.0), min(max(good_seconds, 0.01), MAX_FADE_S)

    def admit_duck(
        self, from_s: object, until_s: object, depth_db: object, now_s: float
    ) -> tuple[float, float, float] | None:
        """Return (from, until, depth ≥ 0), times within two minutes of `now_s`; `None` if not finite."""
        self.refusals = []
        numbers = [_finite(from_s), _finite(until_s), _finite(depth_db)]
        good_from, good_until, good_depth = numbers
        if good_from is None or good_until is None or good_depth is None:
            self._refuse("duck", "three finite numbers", (from_s, until_s, depth_db))
            return None
        near = now_s - LONGEST_DUCK_S, now_s + LONGEST_DUCK_S
        return (
            min(max(good_from, near[0]), near[1]),
            min(max(good_until, near[0]), near[1]),
            max(good_depth, 0.0),
        )

    def admit_time(self, at_s: object, fallback_s: float) -> float:
        """Return `at_s` if it is a finite time within a minute of `fallback_s`, else `fallback_s`."""
        number = _finite(at_s)
        if number is None or abs(number - fallback_s) > MAX_FADE_S:
            self._refuse("at_s", "a session time of now", at_s)
            return fallback_s
        return number

    def _refuse(self, name: str, limit: str, got: object) -> None:
        self.refusals.append(f"{name} must be {limit}, got {str(got)[:40]}")
