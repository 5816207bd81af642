"""Before others, where the system allows it: real-time round-robin, else a better nice value."""

from __future__ import annotations

import dataclasses
import os
from typing import Final

__all__ = ["NORMAL", "Priority", "prioritise"]

_ROUND_ROBIN: Final = 10
_NICE: Final = -11


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """How the system schedules this process: whether in real time, and in words for the panel."""

    realtime: bool
    what: str


NORMAL: Final = Priority(realtime=False, what="normal priority")


def prioritise() -> Priority:
    """Ask for the best priority that this process may have; return what it was given."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_ROUND_ROBIN))
    except (OSError, AttributeError) as error:
        refused = getattr(error, "strerror", None) or "this system has none"
    else:
        return Priority(realtime=True, what=f"real-time priority {_ROUND_ROBIN}")
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    except (OSError, AttributeError):
        return Priority(realtime=False, what=f"normal priority (real-time: {refused})")
    return Priority(realtime=False, what=f"nice {_NICE} (real-time: {refused})")
