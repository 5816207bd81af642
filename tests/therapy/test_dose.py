import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.dose import ADULT, SENSITIVE, Allowance, DoseCounter, share_of_week
from therapy.errors import BadValue

HOUR_S = 3600.0


def test_the_weeks_allowance_is_forty_hours_at_its_level() -> None:
    assert share_of_week(80.0, 40 * HOUR_S, ADULT) == pytest.approx(1.0)
    assert share_of_week(75.0, 40 * HOUR_S, SENSITIVE) == pytest.approx(1.0)


def test_published_pairs_of_level_and_time() -> None:
    # ITU-T H.870, the equal-energy rule: 3 dB (a factor of two in energy) halves the time
    assert share_of_week(83.0103, 20 * HOUR_S, ADULT) == pytest.approx(1.0, rel=1e-4)
    assert share_of_week(90.0, 4 * HOUR_S, ADULT) == pytest.approx(1.0)
    assert share_of_week(100.0, 0.4 * HOUR_S, ADULT) == pytest.approx(1.0)


@given(st.floats(45, 110), st.floats(0, 1e5), st.sampled_from([ADULT, SENSITIVE]))
def test_equal_energy_is_an_equal_dose(level_dba: float, seconds: float, allowance: Allowance) -> None:
    twice = share_of_week(level_dba + 10.0 * math.log10(2.0), seconds, allowance)
    assert twice == pytest.approx(share_of_week(level_dba, 2.0 * seconds, allowance), rel=1e-9)


def test_a_session_warns_once_at_80_and_once_at_100_percent() -> None:
    counter = DoseCounter(ADULT, full_scale_dba=105.0, before=0.7)
    steps = [step for _ in range(8 * 360) if (step := counter.hear(-25.0, 10.0)) is not None]
    assert [step.limit_reached for step in steps] == [False]
    assert steps[0].week == pytest.approx(0.8, abs=0.001)
    assert counter.session == pytest.approx(0.2, rel=1e-6)
    steps += [step for _ in range(8 * 360) if (step := counter.hear(-25.0, 10.0)) is not None]
    assert [step.limit_reached for step in steps] == [False, True]


def test_whoever_comes_with_a_full_week_is_told_with_the_first_sound() -> None:
    step = DoseCounter(ADULT, full_scale_dba=105.0, before=1.3).hear(-30.0, 0.1)
    assert step is not None
    assert step.limit_reached


def test_silence_and_what_is_no_number_add_nothing() -> None:
    counter = DoseCounter(ADULT, full_scale_dba=105.0)
    for lufs in (-120.0, math.nan, math.inf, -math.inf):
        assert counter.hear(lufs, 1e6) is None
    assert counter.session == 0.0
    assert counter.level_dba == -math.inf


@pytest.mark.parametrize(
    ("full_scale_dba", "before"), [(20.0, 0.0), (math.nan, 0.0), (105.0, -0.1), (105.0, math.nan)]
)
def test_absurd_assumptions_are_refused(full_scale_dba: float, before: float) -> None:
    with pytest.raises(BadValue):
        DoseCounter(ADULT, full_scale_dba=full_scale_dba, before=before)
