"""A resonance assessment in the loop: when it may begin, how it leads the pacer, what a panel sees. Pure."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from therapy.assessment import Assessment, Kind, StepDone, needed_s
from therapy.controls import Controls
from therapy.errors import TherapyError
from therapy.events import AssessmentStep
from therapy.patient import PatientState
from therapy.plan import Condition, StageKind
from therapy.resonance import PACES_PER_MIN, Measured
from therapy.session import Phase, SessionMachine
from therapy.steer import SCENE_TAU_S, Reason, Steering, toward

__all__ = ["NotAssessable", "assessable", "led", "step_event", "view"]

#: Heartbeats and breaths less trusted than this tell no resonance (`docs/topics/quality.md`: good).
_TRUSTED: Final = 0.5
#: A pacer that is followed must be seen.
_SWELL: Final = 0.7


class NotAssessable(TherapyError):
    """A resonance assessment cannot begin now."""

    def __init__(self, needs: str, got: str) -> None:
        super().__init__(f"a resonance assessment needs {needs}; {got}")


def assessable(
    machine: SessionMachine | None, state: PatientState, kind: Kind, *, going_on: bool = False
) -> None:
    """Raise `NotAssessable` unless an assessment of this kind may begin now."""
    if going_on:
        raise NotAssessable("that no other is going on", "one is")
    if machine is None or machine.phase is not Phase.RUNNING:
        phase = "there is none" if machine is None else f"it is {machine.phase.value}"
        raise NotAssessable("a session that is running", phase)
    if machine.plan.blind or machine.plan.condition not in (Condition.CONTINGENT, Condition.PACED_ONLY):
        raise NotAssessable("a session that is no study's control", "this one is")
    allowed = machine.plan.limits.ranges.get("breath_pace_per_min")
    slowest, fastest = PACES_PER_MIN[-1], PACES_PER_MIN[0]
    if allowed is not None and not (allowed.low <= slowest and fastest <= allowed.high):
        raise NotAssessable(
            f"paces of {slowest:g}…{fastest:g} breaths a minute",
            f"the plan allows {allowed.low:g}…{allowed.high:g}",
        )
    left_s = _before_return_s(machine)
    if left_s < needed_s(kind):
        raise NotAssessable(
            f"{needed_s(kind) / 60.0:.0f} minutes before the way out", f"{left_s / 60.0:.0f} are left"
        )
    for vital, what in (("heart_rate", "clean heartbeats"), ("breath_rate", "a breath signal")):
        reading = state.vitals.get(vital)
        if reading is None or reading.value is None:
            raise NotAssessable(what, f"now: {reading.reason if reading else 'no signal'}")
        if reading.quality < _TRUSTED:
            raise NotAssessable(what, f"their quality is {reading.quality:.1f} of at least {_TRUSTED:g}")


def led(wanted: Steering, assessment: Assessment, previous: Controls, dt_s: float) -> Steering:
    """Return `wanted` with the pacer led by the assessment: its pace, its own phase, and to be seen."""
    goal = assessment.goal_per_min
    phase = (previous.pacer_phase + previous.breath_pace_per_min / 60.0 * dt_s) % 1.0
    swell = max(wanted.controls.swell, toward("swell", previous.swell, _SWELL, dt_s, SCENE_TAU_S))
    because = f"resonance assessment, step {assessment.step} of {assessment.steps}"
    reason = Reason(
        control="breath_pace_per_min",
        was=previous.breath_pace_per_min,
        target=goal,
        because=because,
        confidence=1.0,
    )
    others = tuple(why for why in wanted.why if why.control != reason.control)
    controls = dataclasses.replace(wanted.controls, breath_pace_per_min=goal, pacer_phase=phase, swell=swell)
    return Steering(controls=controls, why=(*others, reason))


def step_event(done: StepDone, at_s: float) -> AssessmentStep:
    """Return what is recorded of a step."""
    found = done.measured
    if found is None:
        return AssessmentStep(
            at_s=at_s, per_min=done.per_min, rsa_bpm=None, share=None, lag_turns=None, breaths=0
        )
    return AssessmentStep(
        at_s=at_s,
        per_min=found.per_min,
        rsa_bpm=found.rsa_bpm,
        share=found.share,
        lag_turns=found.phase,
        breaths=found.breaths,
    )


def view(assessment: Assessment | None, ended: str) -> dict[str, Any] | None:
    """Return what the panel shows (`clinic.messages.AssessmentState`), `None` where there was none.

    Args:
        assessment: the last one of this session.
        ended: why it was broken off, empty while it goes on or when it came to its end.
    """
    if assessment is None:
        return None
    choice = assessment.choice
    return {
        "kind": assessment.kind,
        "running": not (assessment.over or ended),
        "step": assessment.step,
        "steps": assessment.steps,
        "settled": assessment.settled,
        "left_s": 0.0 if ended else assessment.left_s,
        "measured": [_shown(done.per_min, done.measured) for done in assessment.done],
        "found": choice and {"per_min": choice.per_min, "clarity": choice.clarity, "why": choice.why},
        "ended": ended or assessment.failed,
    }


def _shown(per_min: float, found: Measured | None) -> dict[str, Any]:
    return {
        "per_min": per_min,
        "rsa_bpm": None if found is None else found.rsa_bpm,
        "share": None if found is None else found.share,
        "breaths": 0 if found is None else found.breaths,
    }


def _before_return_s(machine: SessionMachine) -> float:
    stages = machine.plan.stages[machine.stage_index :]
    planned_s = sum(stage.duration_s for stage in stages if stage.kind is not StageKind.RETURN)
    return planned_s - machine.stage_elapsed_s
