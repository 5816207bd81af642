"""Who is made unwell by the pictures gets less of what moves in them, at once and for a while."""

import dataclasses
import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from therapy.comfort import BASELINE_S, CEILINGS, RESTED, Care, cared, said_unwell, softened
from therapy.controls import NEUTRAL, Controls
from therapy.steer import Steering

STEP_S = 0.5
STIRRED = Steering(controls=dataclasses.replace(NEUTRAL, weather=0.9, density=0.8, swell=1.0), why=())


def lived(care: Care, sway_mm: float | None, seconds: float) -> tuple[Care, list[str]]:
    told = []
    for _ in range(round(seconds / STEP_S)):
        care, tell = cared(care, sway_mm, STEP_S)
        told += [tell] if tell else []
    return care, told


def known(baseline_mm: float = 8.0) -> Care:
    return lived(RESTED, baseline_mm, BASELINE_S + 2)[0]


def test_there_is_no_baseline_before_a_minute_was_seen_and_no_care_without_one() -> None:
    care, told = lived(RESTED, 40.0, BASELINE_S - 5)
    assert care.baseline_mm is None
    assert care.amount == 0.0
    assert told == []


def test_the_patients_own_sway_is_no_reason() -> None:
    for own_mm in (2.0, 8.0, 25.0):
        care, told = lived(known(own_mm), 1.3 * own_mm, 120)
        assert care.amount == 0.0
        assert told == []


def test_three_times_the_sway_softens_within_seconds_and_says_so_once() -> None:
    care, told = lived(known(), 24.0, 30)
    assert care.amount > 0.9
    assert len(told) == 1
    assert "times as much as at the start" in told[0]


def test_care_goes_slowly_and_can_be_told_again() -> None:
    worst, _ = lived(known(), 30.0, 40)
    after_ten_s, _ = lived(worst, 8.0, 10)
    assert after_ten_s.amount > worst.amount - 0.1
    rested, _ = lived(worst, 8.0, 300)
    assert rested.amount == 0.0
    assert lived(rested, 30.0, 40)[1]


def test_a_word_counts_at_once_and_without_any_tracking() -> None:
    care, told = lived(said_unwell(RESTED, 1.0), None, 5)
    assert care.amount == 1.0
    assert told == ["the patient feels unwell: less motion and detail"]
    assert lived(care, None, 900)[0].amount == 0.0


def test_feeling_well_again_lets_it_come_back() -> None:
    care, _ = lived(said_unwell(RESTED, 1.0), None, 5)
    well, _ = lived(said_unwell(care, 0.0), None, 200)
    assert well.amount == 0.0


def test_softening_lowers_what_moves_and_says_why() -> None:
    care, _ = lived(said_unwell(RESTED, 1.0), None, 10)
    soft = softened(STIRRED, care)
    for name, (_, full) in CEILINGS.items():
        assert abs(getattr(soft.controls, name) - full) < 1e-9
    assert {reason.control for reason in soft.why} == set(CEILINGS)
    assert all("feels unwell" in reason.because for reason in soft.why)
    assert softened(STIRRED, RESTED) is STIRRED


ANY_SWAY = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(0.0, 60.0)
MOMENTS = st.lists(
    st.tuples(ANY_SWAY, st.floats(allow_nan=True, allow_infinity=True), st.none() | st.floats()), max_size=40
)


@given(MOMENTS, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_whatever_comes_care_is_a_share_moves_slowly_and_never_stirs(
    moments: list[tuple[float | None, float, float | None]], weather: float, swell: float
) -> None:
    care = known()
    for sway_mm, dt_s, level in moments:
        before = care
        if level is not None:
            care = said_unwell(care, level)
        care, _ = cared(care, sway_mm, dt_s)
        step_s = max(dt_s, 0.0) if math.isfinite(dt_s) else 0.0
        assert 0.0 <= care.amount <= 1.0
        assert care.amount - before.amount <= 0.25 * step_s + 1e-9
        assert before.amount - care.amount <= step_s / 180.0 + 1e-9
        wanted = Steering(controls=Controls(weather=weather, swell=swell), why=())
        soft = softened(wanted, care)
        for name in CEILINGS:
            assert getattr(soft.controls, name) <= getattr(wanted.controls, name)


def test_more_care_never_leaves_more_motion() -> None:
    left = [
        softened(STIRRED, dataclasses.replace(RESTED, amount=amount / 20)).controls.weather
        for amount in range(21)
    ]
    assert all(after <= before for before, after in itertools.pairwise(left))
