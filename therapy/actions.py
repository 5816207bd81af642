"""What the guide may do: a closed set. Each passes `therapy.safety.admit` before anything happens.

A new action is written here and in `therapy.safety` on purpose, so that the gate cannot be bypassed.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, TypeAlias

__all__ = [
    "Advance",
    "AskRating",
    "CallTherapist",
    "Dim",
    "GuideAction",
    "Hold",
    "PaceBreath",
    "Say",
    "ShiftMusic",
    "ShiftScene",
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Speak `text`. `line_id` names the approved line that it is, empty for words of a model."""

    text: str
    line_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PaceBreath:
    """Lead the breath towards `breath_pace_per_min`."""

    breath_pace_per_min: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dim:
    """Make the place as light as `light`, 0 … 1."""

    light: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShiftScene:
    """Move one control of the place (`therapy.controls.TABLE`), or go to another `place` (then alone)."""

    control: str = ""
    value: float = 0.0
    place: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShiftMusic:
    """Move one control of the music or of the nature sounds."""

    control: str
    value: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Be silent and wait, for at most `for_s`: the patient wants quiet."""

    for_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Begin the way out: go to the RETURN stage. The guide may never skip towards a deeper stage."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AskRating:
    """Ask for a number: SUDS 0 … 100 (Wolpe 1969) or mood 0 … 10."""

    scale: Literal["suds", "mood"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CallTherapist:
    """Call a human."""

    level: Literal["watch", "urgent"]
    reason: str


GuideAction: TypeAlias = (
    Say | PaceBreath | Dim | ShiftScene | ShiftMusic | Hold | Advance | AskRating | CallTherapist
)
