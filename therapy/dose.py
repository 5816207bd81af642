"""How much sound an ear has had: the equal-energy dose of ITU-T H.870, against a week's allowance. Pure.

Half the energy for twice as long is the same dose. An adult's allowance is 80 dBA for 40 h in seven days,
that of children and of others with sensitive ears 75 dBA for 40 h (the recommendation's modes 1 and 2).

What reaches the ear is estimated: the loudness that the engine measures (LUFS, K-weighted) plus how loud the
headset is at 0 LUFS (dBA). K-weighting is not A-weighting, it counts more of the bass: an estimate on the
careful side. The headset's figure is a setting, and its default an assumption.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

from therapy.errors import BadValue

__all__ = [
    "ADULT",
    "DEFAULT_FULL_SCALE_DBA",
    "LIMIT",
    "SENSITIVE",
    "WARNING",
    "Allowance",
    "DoseCounter",
    "DoseStep",
    "share_of_week",
]

_HOURS: Final = 40.0
#: Of a week's allowance.
WARNING: Final = 0.8
LIMIT: Final = 1.0
#: An assumption, not a measurement: 80 dBA at −25 LUFS. Measure your headset at the volume that is used.
DEFAULT_FULL_SCALE_DBA: Final = 105.0
_PLAUSIBLE_DBA: Final = (60.0, 140.0)
#: Quieter sound adds nothing that 40 hours could make matter.
_SILENT_DBA: Final = 40.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A level that may be heard for 40 h in seven days."""

    name: str
    level_dba: float


ADULT: Final = Allowance(name="adult", level_dba=80.0)
SENSITIVE: Final = Allowance(name="sensitive", level_dba=75.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DoseStep:
    """What happened as the dose grew: the warning or the limit was reached."""

    limit_reached: bool
    session: float
    week: float


def share_of_week(level_dba: float, seconds: float, allowance: Allowance) -> float:
    """Return which share of a week's allowance `seconds` at `level_dba` are."""
    if level_dba < _SILENT_DBA:
        return 0.0
    return float(seconds / (3600.0 * _HOURS) * 10.0 ** ((level_dba - allowance.level_dba) / 10.0))


class DoseCounter:
    """Counts one session's sound on top of what the patient has had in the last seven days.

    Args:
        allowance: `ADULT` or `SENSITIVE`.
        full_scale_dba: level at the ear of sound at 0 LUFS, dBA.
        before: share of the week that was used before this session, ≥ 0.
        session: share that this session has used already (its room was started again), ≥ 0.

    Raises:
        BadValue: `full_scale_dba`, `before` or `session` is not plausible.
    """

    def __init__(
        self, allowance: Allowance, full_scale_dba: float, before: float = 0.0, *, session: float = 0.0
    ) -> None:
        low, high = _PLAUSIBLE_DBA
        if not low <= full_scale_dba <= high:
            raise BadValue("full_scale_dba", f"in {low:g}…{high:g}", full_scale_dba)
        if not (math.isfinite(before) and before >= 0.0):
            raise BadValue("dose before the session", "a finite share ≥ 0", before)
        if not (math.isfinite(session) and session >= 0.0):
            raise BadValue("dose of the session so far", "a finite share ≥ 0", session)
        self.allowance = allowance
        self.session = session
        self._full_scale_dba = full_scale_dba
        self._before = before
        self._level_dba = -math.inf
        # Somebody who comes with a full week is told at once, by the first sound.
        self._told = 0.0

    @property
    def week(self) -> float:
        """Share of the week's allowance that is used, this session included."""
        return self._before + self.session

    @property
    def level_dba(self) -> float:
        """Estimated level at the ear now, dBA; −inf for silence."""
        return self._level_dba

    def hear(self, lufs: float, seconds: float) -> DoseStep | None:
        """Count `seconds` (≥ 0) of sound at `lufs`; return what was reached just now, `None` mostly.

        The warning and the limit are each told once. What is no finite number counts as silence.
        """
        level_dba = lufs + self._full_scale_dba if math.isfinite(lufs) else -math.inf
        self._level_dba = level_dba if level_dba >= _SILENT_DBA else -math.inf
        self.session += share_of_week(level_dba, max(seconds, 0.0), self.allowance)
        reached = max((step for step in (WARNING, LIMIT) if self.week >= step), default=0.0)
        if reached <= self._told:
            return None
        self._told = reached
        return DoseStep(limit_reached=reached >= LIMIT, session=self.session, week=self.week)
