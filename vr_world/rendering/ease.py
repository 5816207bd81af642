"""Between two `SetControls` (20 Hz): the breath's phase runs on, everything else eases. Pure."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

from therapy.controls import TABLE, Controls, numeric_fields
from therapy.errors import BadValue

__all__ = ["Easer", "finite", "phase_after"]

#: Time in which a step of the 20 Hz controls is taken up: two of their intervals.
_TAU_S: Final = 0.1
#: The pacer's phase answers for the patient's breath: its small corrections are spread wider.
_PHASE_TAU_S: Final = 0.25
_EASED: Final = tuple(name for name in numeric_fields() if name != "pacer_phase")


def finite(controls: Controls) -> Controls:
    """Return `controls` unchanged.

    Raises:
        BadValue: a number that is not finite or lies outside its table. `therapy.safety` lets none through;
            this is the second lock on the door to the picture.
    """
    for name in numeric_fields():
        value = getattr(controls, name)
        limit = TABLE[name]
        if not (
            isinstance(value, (int, float)) and math.isfinite(value) and limit.low <= value <= limit.high
        ):
            raise BadValue(name, f"a number in {limit.low:g}…{limit.high:g} {limit.unit}", value)
    return controls


def phase_after(controls: Controls, seconds: float) -> Controls:
    """Return `controls` with the breath `seconds` further on at its pace."""
    turned = controls.pacer_phase + controls.breath_pace_per_min / 60.0 * seconds
    return dataclasses.replace(controls, pacer_phase=TABLE["pacer_phase"].clamp(turned))


class Easer:
    """Gives the controls for any frame. `take` what arrives, then ask `at` with a time that never falls."""

    def __init__(self, controls: Controls, at_s: float) -> None:
        self._target = finite(controls)
        self._target_at_s = at_s
        self._now = controls
        self._now_s = at_s

    def take(self, controls: Controls, at_s: float) -> None:
        """Aim at `controls`, true at `at_s`.

        Raises:
            BadValue: as `finite`; the aim stays what it was.
        """
        if not math.isfinite(at_s):
            raise BadValue("at_s", "a finite session time", at_s)
        self._target = finite(controls)
        self._target_at_s = at_s

    def at(self, now_s: float) -> Controls:
        """Return the controls to draw with at `now_s`."""
        dt_s = max(now_s - self._now_s, 0.0)
        share = 1.0 - math.exp(-dt_s / _TAU_S)
        values: dict[str, float] = {}
        for name in _EASED:
            limit = TABLE[name]
            was = getattr(self._now, name)
            values[name] = limit.clamp(was + limit.distance(was, getattr(self._target, name)) * share)
        values["pacer_phase"] = self._phase(now_s, dt_s)
        self._now = dataclasses.replace(self._now, mode=self._target.mode, **values)
        self._now_s = max(now_s, self._now_s)
        return self._now

    def _phase(self, now_s: float, dt_s: float) -> float:
        limit = TABLE["pacer_phase"]
        per_s = self._target.breath_pace_per_min / 60.0
        wanted = phase_after(self._target, max(now_s - self._target_at_s, 0.0)).pacer_phase
        ran_on = limit.clamp(self._now.pacer_phase + per_s * dt_s)
        share = 1.0 - math.exp(-dt_s / _PHASE_TAU_S)
        return limit.clamp(ran_on + limit.distance(ran_on, wanted) * share)
