"""A simulated population in sessions much faster than time: what leads, and what a broken sensor does."""

import dataclasses

import numpy as np
import pytest

from sensors.closed_loop import STEP_S, lived
from sensors.devices._guided import assessed
from sensors.devices._patient import PatientTraits, RoomView, SimulatedPatient
from sensors.devices._population import Fault, FaultKind, population, spoilt
from therapy.controls import NEUTRAL, TABLE
from therapy.plan import PLANS, Condition
from therapy.resonance import stepped
from therapy.steer import LEAD_PER_MIN_PER_S

PLAN = PLANS["first-visit"]


def cut(plan, seconds):
    """Return `plan` with only its second stage, `seconds` long, and a short return."""
    stages = (dataclasses.replace(plan.stages[1], duration_s=seconds), plan.stages[-1])
    return dataclasses.replace(plan, stages=(stages[0], dataclasses.replace(stages[1], duration_s=1.0)))


def test_a_population_is_the_same_for_a_seed_and_grows_at_its_end():
    assert population(3, seed=4) == population(5, seed=4)[:3]
    assert population(3, seed=4) != population(3, seed=5)
    people = population(40)
    assert all(4.5 <= p.resonance_per_min <= 6.5 for p in people)
    assert 5 < sum(p.ectopy_per_min > 0.0 for p in people) < 25


def test_an_ectopic_beat_is_early_and_a_pause_follows():
    beats = SimulatedPatient(PatientTraits(seed=1, ectopy_per_min=8.0)).step(RoomView(), 60.0).beats_s
    spans = np.diff(beats)
    early = np.flatnonzero(spans < 0.75 * np.median(spans))
    assert early.size >= 3
    assert np.all(spans[early[early + 1 < spans.size] + 1] > 1.2 * np.median(spans))


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_fault_begins_when_it_begins(kind):
    t = np.arange(0.0, 30.0, 0.02)
    x, stamps = spoilt(np.sin(t), t, Fault(kind=kind, sensor="ECG", from_s=10.0), np.random.default_rng(1))
    early = stamps < 10.0
    np.testing.assert_array_equal(x[early], np.sin(t[t < 10.0]))
    assert not (x.size == t.size and np.array_equal(x, np.sin(t)) and np.array_equal(stamps, t))


@pytest.mark.parametrize("kind", list(FaultKind))
@pytest.mark.parametrize("sensor", ["ECG", "Respiration"])
def test_no_broken_sensor_makes_a_control_jump(kind, sensor):
    before = None
    for moment in lived(
        PatientTraits(seed=3), cut(PLAN, 60.0), fault=Fault(kind=kind, sensor=sensor, from_s=25.0)
    ):
        if before is not None:
            for name, limit in TABLE.items():
                step = abs(limit.distance(getattr(before, name), getattr(moment.controls, name)))
                assert step <= limit.slope_per_s * STEP_S + 1e-9, (name, moment.at_s)
        before = moment.controls


def test_when_the_belt_dies_the_pacer_goes_on_from_where_it_is():
    plan = cut(PLAN, 70.0)
    moments = list(
        lived(
            PatientTraits(seed=3),
            plan,
            fault=Fault(kind=FaultKind.BATTERY, sensor="Respiration", from_s=30.0),
        )
    )
    paces = {round(m.at_s, 1): m.controls.breath_pace_per_min for m in moments}
    assert abs(paces[30.0] - NEUTRAL.breath_pace_per_min) > 2.0
    assert paces[45.0] - paces[65.0] == pytest.approx(LEAD_PER_MIN_PER_S * 20.0, rel=0.01)
    assert moments[-20].state.breath_rate_per_min is None


def test_off_shows_no_pacer_and_paced_only_does():
    swells = {}
    for condition in (Condition.PACED_ONLY, Condition.OFF):
        plan = dataclasses.replace(cut(PLAN, 40.0), condition=condition)
        swells[condition] = list(lived(PatientTraits(seed=3), plan))[-20].controls.swell
    assert swells[Condition.OFF] < 0.05
    assert swells[Condition.PACED_ONLY] > 0.4


def test_the_procedure_finds_the_resonance_of_most():
    people = population(8)
    apart = [abs(assessed(p, stepped(k)).per_min - p.resonance_per_min) for k, p in enumerate(people)]
    assert sum(a <= 0.5 for a in apart) >= 7


def led(traits, condition):
    """Return the true breaths a minute and stress of the last minute of ten that lead to six."""
    plan = dataclasses.replace(cut(PLAN, 420.0), condition=condition)
    moments = list(lived(traits, plan, rest_s=40.0, step_s=0.5, waves=False))
    last = moments[-120:]
    inhales = [at_s for moment in last for at_s in moment.inhales_s]
    pace = 60.0 * (len(inhales) - 1) / (inhales[-1] - inhales[0])
    return pace, float(np.mean([moment.body.stress for moment in last]))


def test_who_a_far_pacer_does_not_reach_is_led_by_one_that_begins_where_they_are():
    short = PatientTraits(seed=3, compliance=0.8, breaths_per_min=15.0, reach_per_min=4.1)
    near, calm = led(short, Condition.CONTINGENT)
    far, strained = led(short, Condition.PACED_ONLY)
    assert near < 7.0
    assert far > 12.0
    assert calm < strained - 0.1


def test_the_own_resonance_calms_more_than_six_a_minute():
    slow = PatientTraits(seed=5, resonance_per_min=4.6)
    room = RoomView(present=True, swell=0.7, weather=0.1)
    stress = {}
    for pace in (4.6, 6.0):
        patient, phase = SimulatedPatient(slow, waves=False), 0.0
        for _ in range(400):
            view = dataclasses.replace(room, pacer_phase=phase % 1.0, breath_pace_per_min=pace)
            stress[pace] = patient.step(view, 0.5).body.stress
            phase += pace / 120.0
    assert stress[4.6] < stress[6.0] - 0.05


def test_intervals_instead_of_an_ecg_change_the_heart_little():
    traits, plan = PatientTraits(seed=3), cut(PLAN, 60.0)
    rates = [
        list(lived(traits, plan, waves=waves))[-30].state.vitals["heart_rate"].value
        for waves in (True, False)
    ]
    assert rates[0] == pytest.approx(rates[1], abs=1.5)
