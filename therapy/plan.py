"""The plan of a session: stages, aims and limits, checked when it is made.

`FIRST_VISIT` is the plan that a clinic starts with. Its times follow `docs/topics/sessions.md`: the usual
shape check-in → induction → work → return, with the headset cap of twenty minutes.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Mapping, Sequence
from typing import Final

from therapy.controls import TABLE
from therapy.errors import BadPlan
from therapy.personal import NOTHING_CHOSEN, Personal, Range
from therapy.talk import GuideMode

__all__ = [
    "PLANS",
    "Aim",
    "Condition",
    "Limits",
    "Range",
    "SessionPlan",
    "Stage",
    "StageKind",
    "in_place",
    "in_places",
    "paced",
    "personalised",
]

#: Longest time in a headset without the therapist's renewed consent.
HEADSET_CAP_S: Final = 30 * 60.0


class StageKind(enum.Enum):
    """What a stage is for."""

    ARRIVE = "ARRIVE"
    SETTLE = "SETTLE"
    DEEPEN = "DEEPEN"
    EXPLORE = "EXPLORE"
    RETURN = "RETURN"


class Condition(enum.Enum):
    """How the world answers the body; researchers compare them."""

    CONTINGENT = "CONTINGENT"
    YOKED = "YOKED"
    PACED_ONLY = "PACED_ONLY"
    OFF = "OFF"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Where a stage leads.

    Attributes:
        arousal: −1 … 1 against the patient's own baseline.
        breath_pace_per_min: where the pacer ends up, or `None` for the patient's own pace.
        strength: 0 (only mirror the patient) … 1 (lead fully).
    """

    arousal: float
    breath_pace_per_min: float | None
    strength: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One part of a session."""

    name: str
    kind: StageKind
    duration_s: float
    scene: str
    aim: Aim


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What this patient's plan allows, inside the table of `therapy.controls`.

    `triggers` hold further controls, see `therapy.personal.HELD_BY_TRIGGER`.
    """

    ranges: Mapping[str, Range] = dataclasses.field(default_factory=dict)
    triggers: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """A whole session.

    Attributes:
        plan_id: its name in records.
        title: its name for people.
        stages: in their order.
        limits: narrower than the table's.
        seed: of what is composed and grown.
        condition: how the world answers the body; always recorded.
        blind: whether the panel hides the condition and what would give it away.
        arousal: whether arousal is told and steers; off where a law or a study forbids it.
        guide: how freely the voice guide may speak in it at most; the clinic's policy may be stricter.

    Raises:
        BadPlan: no stages, a last stage that is not RETURN or a RETURN before it, a duration that is not
            positive and finite, more than the headset cap, an aim out of range, a limit outside the table,
            or limits that do not hold the personal triggers (use `personalised`).
    """

    plan_id: str
    title: str
    stages: tuple[Stage, ...]
    limits: Limits = Limits()
    seed: int = 1
    condition: Condition = Condition.CONTINGENT
    personal: Personal = NOTHING_CHOSEN
    blind: bool = False
    arousal: bool = True
    guide: GuideMode = GuideMode.FREE

    def __post_init__(self) -> None:
        if not self.stages:
            raise BadPlan(f"plan {self.plan_id!r} must have at least one stage, has none")
        kinds = [stage.kind for stage in self.stages]
        if kinds[-1] is not StageKind.RETURN or StageKind.RETURN in kinds[:-1]:
            raise BadPlan(
                f"plan {self.plan_id!r} must end in its only RETURN stage, has {[k.value for k in kinds]}"
            )
        for stage in self.stages:
            _check_stage(self.plan_id, stage)
        if self.duration_s > HEADSET_CAP_S:
            raise BadPlan(
                f"plan {self.plan_id!r} must last at most {HEADSET_CAP_S:g} s, lasts {self.duration_s:g} s"
            )
        _check_limits(self.plan_id, self.limits)
        if self.limits.triggers != self.personal.triggers:
            raise BadPlan(
                f"limits of plan {self.plan_id!r} must hold the triggers {sorted(self.personal.triggers)}, "
                f"hold {sorted(self.limits.triggers)}"
            )

    @property
    def duration_s(self) -> float:
        """The sum of the stages' durations."""
        return sum(stage.duration_s for stage in self.stages)


def in_place(plan: SessionPlan, scene: str) -> SessionPlan:
    """Return `plan` with every stage in the place called `scene`; as planned when that is empty."""
    if not scene:
        return plan
    stages = tuple(dataclasses.replace(stage, scene=scene) for stage in plan.stages)
    return dataclasses.replace(plan, stages=stages)


def in_places(plan: SessionPlan, scenes: Sequence[str]) -> SessionPlan:
    """Return `plan` with its stages in these places, one for each.

    Raises:
        BadPlan: not as many places as stages.
    """
    if len(scenes) != len(plan.stages):
        raise BadPlan(
            f"plan {plan.plan_id!r} needs {len(plan.stages)} places, one a stage, got {len(scenes)}"
        )
    stages = tuple(dataclasses.replace(s, scene=scene) for s, scene in zip(plan.stages, scenes, strict=True))
    return dataclasses.replace(plan, stages=stages)


def paced(plan: SessionPlan, per_min: float) -> SessionPlan:
    """Return `plan` with each pace that it leads to replaced by `per_min`, such as the patient's resonance.

    Raises:
        BadPlan: no pace that a pacer may have.
    """
    stages = tuple(
        dataclasses.replace(s, aim=dataclasses.replace(s.aim, breath_pace_per_min=per_min))
        if s.aim.breath_pace_per_min is not None
        else s
        for s in plan.stages
    )
    return dataclasses.replace(plan, stages=stages)


def personalised(plan: SessionPlan, personal: Personal) -> SessionPlan:
    """Return `plan` for one patient: what is chosen, the own pace, and triggers held from its first moment.

    Raises:
        BadPlan: a pace that no pacer may have.
    """
    if personal.breath_pace_per_min is not None:
        plan = paced(plan, personal.breath_pace_per_min)
    limits = dataclasses.replace(plan.limits, triggers=personal.triggers)
    return dataclasses.replace(plan, personal=personal, limits=limits)


def _check_stage(plan_id: str, stage: Stage) -> None:
    where = f"stage {stage.name!r} of plan {plan_id!r}"
    if not (math.isfinite(stage.duration_s) and stage.duration_s > 0):
        raise BadPlan(f"{where} must last longer than 0 s, lasts {stage.duration_s!r}")
    if not -1.0 <= stage.aim.arousal <= 1.0:
        raise BadPlan(f"{where} must aim at an arousal in −1…1, aims at {stage.aim.arousal!r}")
    if not 0.0 <= stage.aim.strength <= 1.0:
        raise BadPlan(f"{where} must lead with a strength in 0…1, has {stage.aim.strength!r}")
    pace = stage.aim.breath_pace_per_min
    table = TABLE["breath_pace_per_min"]
    if pace is not None and not table.low <= pace <= table.high:
        raise BadPlan(
            f"{where} must pace at {table.low:g}…{table.high:g} breaths a minute, paces at {pace!r}"
        )


def _check_limits(plan_id: str, limits: Limits) -> None:
    for name, allowed in limits.ranges.items():
        table = TABLE.get(name)
        if table is None:
            raise BadPlan(f"limits of plan {plan_id!r} must name a numeric control, name {name!r}")
        if table.cyclic:
            raise BadPlan(f"limits of plan {plan_id!r} cannot narrow {name!r}: it is cyclic")
        if not table.low <= allowed.low <= allowed.high <= table.high:
            raise BadPlan(
                f"limits of plan {plan_id!r} for {name!r} must lie in {table.low:g}…{table.high:g}, "
                f"are {allowed.low!r}…{allowed.high!r}"
            )


def _stage(kind: StageKind, minutes: float, aim: Aim) -> Stage:
    return Stage(name=kind.value.capitalize(), kind=kind, duration_s=60.0 * minutes, scene="ocean", aim=aim)


def _lived_session(
    plan_id: str,
    title: str,
    minutes: tuple[float, float, float, float],
    *,
    guide: GuideMode = GuideMode.FREE,
) -> SessionPlan:
    arrive, settle, deepen, back = minutes
    return SessionPlan(
        plan_id=plan_id,
        title=title,
        stages=(
            _stage(StageKind.ARRIVE, arrive, Aim(arousal=0.0, breath_pace_per_min=None, strength=0.2)),
            _stage(StageKind.SETTLE, settle, Aim(arousal=-0.2, breath_pace_per_min=6.0, strength=0.6)),
            _stage(StageKind.DEEPEN, deepen, Aim(arousal=-0.5, breath_pace_per_min=6.0, strength=0.9)),
            _stage(StageKind.RETURN, back, Aim(arousal=0.0, breath_pace_per_min=None, strength=0.5)),
        ),
        limits=Limits(ranges={"music_lufs": Range(low=-40.0, high=-23.0)}),
        guide=guide,
    )


def _assessment_session() -> SessionPlan:
    """Return a session for a resonance assessment: rest first, then long enough for either kind of it.

    Until it is begun (`therapy.assessment`), and after it, the place goes with the patient's own breath.
    """
    own_pace = Aim(arousal=-0.1, breath_pace_per_min=None, strength=0.6)
    return SessionPlan(
        plan_id="breathing-pace",
        title="Finding the breathing pace, 24 minutes",
        stages=(
            _stage(StageKind.ARRIVE, 3.0, Aim(arousal=0.0, breath_pace_per_min=None, strength=0.2)),
            _stage(StageKind.SETTLE, 19.0, own_pace),
            _stage(StageKind.RETURN, 2.0, Aim(arousal=0.0, breath_pace_per_min=None, strength=0.5)),
        ),
        limits=Limits(ranges={"music_lufs": Range(low=-40.0, high=-23.0)}),
        guide=GuideMode.APPROVED,
    )


#: The plans that ship. The first visit keeps the headset time short (≤ 5 min), later ones are longer; whom
#: nobody knows yet hears approved lines alone.
PLANS: Final[Mapping[str, SessionPlan]] = {
    plan.plan_id: plan
    for plan in (
        _lived_session(
            "first-visit", "First visit, five minutes", (1.0, 1.5, 1.5, 1.0), guide=GuideMode.APPROVED
        ),
        _lived_session("sea-at-dusk", "Sea at dusk, seventeen minutes", (2.0, 4.0, 8.0, 3.0)),
        _assessment_session(),
    )
}
