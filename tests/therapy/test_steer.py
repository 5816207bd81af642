"""The world matches the patient, then leads; it holds on little confidence and never jumps."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.controls import NEUTRAL, START, TABLE, Controls
from therapy.patient import PatientState
from therapy.plan import PLANS, Condition, Limits, Stage
from therapy.safety import bound
from therapy.steer import Wishes, seen_under, steer

ARRIVE, SETTLE, DEEPEN, RETURN = PLANS["sea-at-dusk"].stages
DT_S = 0.05


def known(arousal: float, breath: float | None = 12.0) -> PatientState:
    return PatientState(
        at_s=0.0,
        arousal=arousal,
        arousal_confidence=1.0,
        breath_rate_per_min=breath,
        breath_phase=0.2,
        breath_phase_confidence=0.9,
    )


def lived(
    state: PatientState, stage: Stage, seconds: float, start: Controls = NEUTRAL, wishes: Wishes | None = None
) -> Controls:
    controls = start
    for _ in range(round(seconds / DT_S)):
        wanted = steer(state, stage, controls, DT_S, wishes or Wishes()).controls
        controls = bound(wanted, controls, Limits(), DT_S).controls
    return controls


def test_a_restless_heart_gets_a_livelier_world_than_a_calm_one() -> None:
    restless, calm = lived(known(0.8), SETTLE, 60), lived(known(-0.8), SETTLE, 60)
    assert restless.tempo_bpm > calm.tempo_bpm + 3
    assert restless.weather > calm.weather + 0.05


def test_a_stronger_stage_leads_further_from_the_patient() -> None:
    assert lived(known(0.8), DEEPEN, 60).tempo_bpm < lived(known(0.8), SETTLE, 60).tempo_bpm


def test_who_is_calmer_than_the_aim_is_left_there_until_the_return() -> None:
    calm, at_aim = known(-0.8), known(SETTLE.aim.arousal)
    assert lived(calm, SETTLE, 60).tempo_bpm < lived(at_aim, SETTLE, 60).tempo_bpm - 3
    assert "leading up" not in {reason.because for reason in steer(calm, SETTLE, NEUTRAL, DT_S).why}
    assert any("leading up" in reason.because for reason in steer(calm, RETURN, NEUTRAL, DT_S).why)


def test_without_a_body_the_world_goes_on_openly_at_six_a_minute() -> None:
    start = dataclasses.replace(NEUTRAL, breath_pace_per_min=9.0)
    unknown = PatientState(at_s=0.0)
    after_1s, after_30s = lived(unknown, DEEPEN, 1, start), lived(unknown, DEEPEN, 30, start)
    assert after_1s.breath_pace_per_min == pytest.approx(9.0, abs=0.4)
    assert after_30s.breath_pace_per_min == pytest.approx(6.0, abs=0.2)


@pytest.mark.parametrize(("begins", "after_a_minute"), [(12.0, 11.0), (6.3, 6.0), (5.5, 6.0)])
def test_a_pacer_whose_breath_is_lost_goes_on_from_where_it_is(begins: float, after_a_minute: float) -> None:
    start = dataclasses.replace(NEUTRAL, breath_pace_per_min=begins)
    lost = PatientState(at_s=0.0, breath_lost=True)
    assert lived(lost, DEEPEN, 60, start).breath_pace_per_min == pytest.approx(after_a_minute, abs=0.03)
    nowhere = dataclasses.replace(DEEPEN, aim=dataclasses.replace(DEEPEN.aim, breath_pace_per_min=None))
    for stage in (ARRIVE, nowhere):
        assert lived(lost, stage, 60, start).breath_pace_per_min == begins


def test_the_place_listens_before_it_breathes() -> None:
    listening = lived(PatientState(at_s=0.0), ARRIVE, 30, START)
    assert listening.swell == pytest.approx(0.0, abs=1e-6)
    assert listening.breath_pace_per_min == START.breath_pace_per_min
    mirrored = lived(known(0.0, breath=14.0), ARRIVE, 30, START)
    assert mirrored.swell > 0.25
    assert mirrored.breath_pace_per_min == pytest.approx(14.0, abs=0.2)


def test_the_pacer_is_a_little_slower_than_the_patient_and_never_faster() -> None:
    controls = lived(
        known(0.0, breath=10.0), SETTLE, 240, dataclasses.replace(NEUTRAL, breath_pace_per_min=10.0)
    )
    assert 9.0 < controls.breath_pace_per_min < 10.0


@pytest.mark.parametrize(("trust", "apart", "led"), [(0.0, 0.0, 1.0), (1.0, 0.0, 2.0), (1.0, 0.5, 1.0)])
def test_the_pacer_leads_slowly_and_twice_as_fast_who_is_in_step(
    trust: float, apart: float, led: float
) -> None:
    controls = dataclasses.replace(NEUTRAL, breath_pace_per_min=12.0)
    for _ in range(round(60 / DT_S)):
        phase = (controls.pacer_phase + apart) % 1.0
        state = dataclasses.replace(known(0.0, breath=6.0), breath_phase=phase, breath_phase_confidence=trust)
        controls = steer(state, SETTLE, controls, DT_S).controls
    assert controls.breath_pace_per_min == pytest.approx(12.0 - led, abs=0.05)


def test_a_pacer_that_leads_keeps_its_pace_beside_a_breath_that_is_faster() -> None:
    controls, turns = dataclasses.replace(NEUTRAL, breath_pace_per_min=6.0), 0.0
    for step in range(round(60 / DT_S)):
        phase = (step * DT_S * 7.0 / 60.0) % 1.0
        state = dataclasses.replace(known(0.0, breath=6.0), breath_phase=phase, breath_phase_confidence=1.0)
        after = steer(state, SETTLE, controls, DT_S).controls
        turns += (after.pacer_phase - controls.pacer_phase) % 1.0
        controls = after
    assert turns == pytest.approx(6.0, abs=0.05)


def test_a_pacer_that_hardly_leads_falls_in_with_the_breath() -> None:
    pace = 10.0
    controls = dataclasses.replace(NEUTRAL, breath_pace_per_min=pace, pacer_phase=0.5)
    for step in range(round(60 / DT_S)):
        phase = (0.1 + step * DT_S * pace / 60.0) % 1.0
        state = dataclasses.replace(known(0.0, breath=pace), breath_phase=phase, breath_phase_confidence=1.0)
        controls = steer(state, ARRIVE, controls, DT_S).controls
    assert abs(math.remainder(controls.pacer_phase - phase, 1.0)) < 0.1


def test_a_therapists_wish_is_seen_within_two_seconds() -> None:
    start = lived(known(0.0), SETTLE, 60)
    calmer = lived(known(0.0), SETTLE, 2, start, Wishes(arousal=-1.0))
    assert calmer.weather < start.weather - 0.1
    quieter = lived(known(0.0), SETTLE, 2, start, Wishes(music_lufs=-35.0))
    assert quieter.music_lufs < start.music_lufs - 5


def test_every_change_that_is_on_its_way_has_a_reason() -> None:
    steering = steer(known(0.9), SETTLE, NEUTRAL, DT_S)
    moved = {
        name
        for name in TABLE
        if name != "pacer_phase" and abs(getattr(steering.controls, name) - getattr(NEUTRAL, name)) > 1e-3
    }
    reasons = {reason.control: reason for reason in steering.why}
    assert {"tempo_bpm", "notes_per_s"} <= moved & reasons.keys()
    assert "leading down" in reasons["tempo_bpm"].because


def test_only_the_contingent_condition_sees_the_body() -> None:
    state = known(0.9)
    assert seen_under(Condition.CONTINGENT, state) is state
    for condition in (Condition.PACED_ONLY, Condition.OFF):
        assert seen_under(condition, state) == PatientState(at_s=state.at_s)


@given(
    st.floats(-1, 1),
    st.floats(0, 1),
    st.one_of(st.none(), st.floats(0.1, 60)),
    st.floats(0, 1),
    st.sampled_from((ARRIVE, SETTLE, DEEPEN, RETURN)),
    st.floats(0, 10),
)
def test_any_state_steers_to_finite_controls(
    arousal: float, confidence: float, breath: float | None, phase: float, stage: Stage, dt_s: float
) -> None:
    state = PatientState(
        at_s=1.0,
        arousal=arousal,
        arousal_confidence=confidence,
        breath_rate_per_min=breath,
        breath_phase=phase,
        breath_phase_confidence=confidence,
    )
    controls = steer(state, stage, NEUTRAL, dt_s).controls
    assert all(math.isfinite(getattr(controls, name)) for name in TABLE)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1)), min_size=1, max_size=40))
def test_signals_that_come_and_go_never_make_a_jump(signals: list[tuple[float, float]]) -> None:
    controls = NEUTRAL
    for arousal, confidence in signals:
        state = PatientState(at_s=0.0, arousal=arousal, arousal_confidence=confidence)
        wanted = steer(state, SETTLE, controls, DT_S).controls
        after = bound(wanted, controls, Limits(), DT_S).controls
        for name, limit in TABLE.items():
            step = abs(limit.distance(getattr(controls, name), getattr(after, name)))
            assert step <= limit.slope_per_s * DT_S + 1e-9, name
        controls = after
