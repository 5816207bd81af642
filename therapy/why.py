"""The trace of changes that people read: a line when a control has moved noticeably, with its reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from therapy.controls import TABLE, Controls
from therapy.steer import Reason

__all__ = ["Change", "ChangeLog"]

#: Share of a control's range that makes a line.
NOTICEABLE: Final = 0.05


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A control moved noticeably since its last line."""

    at_s: float
    control: str
    was: float | str
    now: float | str
    because: str
    confidence: float


class ChangeLog:
    """Turns 20 values a second into the few lines that say what changed and why."""

    def __init__(self, start: Controls) -> None:
        self._told: dict[str, float] = {name: getattr(start, name) for name in TABLE if name != "pacer_phase"}
        self._mode = start.mode
        self._because: dict[str, Reason] = {}

    def update(self, at_s: float, controls: Controls, why: Iterable[Reason]) -> list[Change]:
        """Return the lines that `controls` make necessary; empty most of the time."""
        for reason in why:
            self._because[reason.control] = reason
        changes: list[Change] = []
        for name, told in self._told.items():
            limit = TABLE[name]
            now: float = getattr(controls, name)
            if abs(limit.distance(told, now)) < NOTICEABLE * (limit.high - limit.low):
                continue
            known = self._because.get(name)
            changes.append(
                Change(
                    at_s=at_s,
                    control=name,
                    was=told,
                    now=now,
                    because=known.because if known else "held to its limits",
                    confidence=known.confidence if known else 1.0,
                )
            )
            self._told[name] = now
        if controls.mode != self._mode:
            changes.append(
                Change(
                    at_s=at_s,
                    control="mode",
                    was=self._mode,
                    now=controls.mode,
                    because="the stage's own scale",
                    confidence=1.0,
                )
            )
            self._mode = controls.mode
        return changes
