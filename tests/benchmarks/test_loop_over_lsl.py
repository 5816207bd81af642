"""The loop closes over real LSL: what patients send steers their rooms, and what these show moves them."""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pytest

from benchmarks._lsl_rooms import Session, lived_over_lsl
from benchmarks.loop_lsl import CONDITIONS, Line, apart, short_plan, signals
from sensors.devices._patient import PatientTraits
from therapy.controls import START, TABLE
from therapy.plan import Condition, SessionPlan

LISTENS_S = 12.0


def listening(condition: Condition) -> SessionPlan:
    return short_plan(condition, arrive_s=LISTENS_S, lead_s=1.0)


def breath(session: Session) -> float:
    """Return the true breaths a minute of the last three seconds."""
    return float(np.mean([t.breaths_per_min for t in session.truth[-30:]]))


@pytest.mark.e2e
def test_what_patients_send_steers_and_what_rooms_show_moves_them() -> None:
    quick = PatientTraits(seed=4, breaths_per_min=18.0)
    people = [(quick, listening(Condition.CONTINGENT)), (quick, listening(Condition.OFF))]
    led, alone = lived_over_lsl(people, lsl_session=f"stillwater-tests-{os.getpid()}", rest_s=6.0)

    found = {figure.name: figure for figure in signals([led, alone])}
    assert found["beats over LSL: told of the true ones"].value >= 0.95
    assert found["breaths over LSL: told of the true ones"].value >= 0.7
    assert found["beats over LSL: stamp, median of its distance from the truth"].value < 10.0  # one clock
    assert all(0.0 < came_s - at_s < 5.0 for at_s, came_s in led.beats)

    last, unled = ([s for s in session.steps if s.at_s < LISTENS_S][-1] for session in (led, alone))
    assert last.state.vitals["heart_rate"].quality > 0.5
    assert last.state.breath_rate_per_min == pytest.approx(breath(led), abs=2.5)
    assert last.controls.breath_pace_per_min > START.breath_pace_per_min + 0.15, (
        "the pacer goes to the breath"
    )
    assert unled.controls.breath_pace_per_min == START.breath_pace_per_min
    assert breath(led) < breath(alone) - 0.3, "the breath goes to the pacer that is seen"
    for before, after in zip(led.steps, led.steps[1:], strict=False):
        for name, limit in TABLE.items():
            way = abs(limit.distance(getattr(before.controls, name), getattr(after.controls, name)))
            assert way <= limit.slope_per_s * (after.at_s - before.at_s + 0.05), name


def test_the_same_session_is_not_apart_from_itself() -> None:
    still = np.linspace(6.0, 9.0, 50)
    line = Line(pace=still, heart=still, breath=still, true_breath=still, stress=still)
    other = dataclasses.replace(line, pace=still + 0.5)
    figures = {figure.name: figure for figure in apart([other], [line], [(line, line)])}
    assert figures["LSL apart from in process: pacer's pace"].value == pytest.approx(0.5)
    assert figures["LSL apart from in process: stress"].value == 0.0


def test_figures_say_how_much_came_and_how_late() -> None:
    true = [float(k) for k in range(40)]
    session = Session(peaks_s=true, beats=[(t + 0.01, t + 0.2) for t in true[:-10]])
    session.inhales_s, session.breaths = true, [(t, t + 1.0) for t in true]
    figures = {figure.name: figure for figure in signals([session])}
    assert figures["beats over LSL: told of the true ones"].value == pytest.approx(24 / 30)
    assert figures["beats over LSL: from the instant to the event p50"].value == pytest.approx(200.0)
    assert figures["breaths over LSL: told of the true ones"].value == 1.0


def test_the_short_plan_listens_then_leads_under_each_condition() -> None:
    for condition in CONDITIONS:
        plan = short_plan(condition, 20.0, 60.0)
        assert plan.condition is condition
        assert [stage.duration_s for stage in plan.stages] == [20.0, 60.0, 1.0]
        assert plan.stages[1].aim.breath_pace_per_min is not None
