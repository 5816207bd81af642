import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.errors import BadStream
from sensors.estimators.motion import ESTIMATOR, MotionEstimator
from sensors.testing import head
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def run(poses, stamps, size=9, rate_hz=72.0):
    estimator = MotionEstimator(rate_hz, poses.shape[1])
    for at in range(0, len(poses), size):
        estimator.push(poses[at : at + size], stamps[at : at + size])
    return estimator


def told(estimator, now_s):
    return {r.vital: r for r in estimator.readings(now_s)}


@pytest.mark.parametrize("rate_hz", [30.0, 72.0, 120.0, 0.0])
def test_a_circling_head_has_the_sway_speed_and_turning_of_its_circle(rate_hz):
    poses, stamps = head(20.0, rate_hz or 60.0)
    got = told(run(poses, stamps, rate_hz=rate_hz), stamps[-1])
    assert got["head_sway"].value == pytest.approx(20.0, rel=0.03)
    assert got["head_speed"].value == pytest.approx(2.0 * math.pi * 20.0 * 0.5, rel=0.05)
    assert got["head_turning"].value == pytest.approx(4.0 * 10.0 * 0.25, rel=0.08)
    assert min(r.quality for r in got.values()) > 0.9
    assert {r.unit for r in got.values()} == {"mm", "mm/s", "°/s"}


def test_a_still_head_sways_less_than_a_millimetre_in_spite_of_the_tracker():
    poses, stamps = head(20.0, 72.0, radius_m=0.0, turn_deg=0.0)
    got = told(run(poses, stamps), stamps[-1])
    assert got["head_sway"].value < 0.5
    assert got["head_speed"].value < 5.0
    assert got["head_turning"].value == pytest.approx(0.0, abs=1e-6)


def test_a_turn_told_with_the_other_sign_is_the_same_turn():
    poses, stamps = head(20.0, 72.0)
    other = poses.copy()
    other[::2, 3:] *= -1.0
    turning = told(run(other, stamps), stamps[-1])["head_turning"].value
    assert turning == pytest.approx(told(run(poses, stamps), stamps[-1])["head_turning"].value, rel=1e-6)


def test_positions_alone_do():
    poses, stamps = head(20.0, 72.0)
    assert set(told(run(poses[:, :3], stamps), stamps[-1])) == {"head_sway", "head_speed"}


def test_nothing_before_ten_seconds_across_a_hole_after_silence_or_from_a_frozen_tracker():
    poses, stamps = head(30.0, 72.0)
    assert {r.reason for r in MotionEstimator(72.0).readings(1.0)} == {NO_SIGNAL}
    early = run(poses[:360], stamps[:360])
    assert {r.reason for r in early.readings(stamps[359])} == {CALIBRATING}
    holed = stamps.copy()
    holed[1900:] += 5.0
    assert {r.reason for r in run(poses, holed).readings(holed[-1])} == {NOISE}
    assert {r.reason for r in run(poses, stamps).readings(stamps[-1] + 3.0)} == {STALE}
    poses[900:] = poses[900]
    assert {r.reason for r in run(poses, stamps).readings(stamps[-1])} == {LEAD_OFF}


def test_a_new_place_is_no_motion():
    poses, stamps = head(40.0, 72.0)
    moved = poses.copy()
    moved[1440:, :3] += 1.0
    got = told(run(moved, stamps), stamps[-1])
    assert got["head_sway"].value == pytest.approx(20.0, rel=0.03)
    just_after = run(moved[:1600], stamps[:1600])
    assert {r.value for r in just_after.readings(stamps[1599])} == {None}


def test_the_size_of_chunks_changes_nothing():
    poses, stamps = head(30.0, 72.0)
    poses[500:505, 1] = math.nan
    stamps[900:] += 2.0
    expected = run(poses, stamps, 1).readings(stamps[-1])
    for size in (7, 100, len(poses)):
        assert run(poses, stamps, size).readings(stamps[-1]) == expected


def test_channels_are_known_by_their_labels():
    recorded = ("seq", "client", "x", "y", "z", "qx", "qy", "qz", "qw", "ipd")
    assert ESTIMATOR.choose(recorded) == (2, 3, 4, 5, 6, 7, 8)
    assert ESTIMATOR.choose(("x", "y", "z")) == (0, 1, 2)
    assert ESTIMATOR.choose(("",) * 8) == (0, 1, 2, 3, 4, 5, 6)
    for labels in (("",), ("", "")):
        with pytest.raises(BadStream, match="or 7"):
            ESTIMATOR.build(72.0, tuple(labels[i] for i in ESTIMATOR.choose(labels)))
    with pytest.raises(BadStream, match="8…2000 Hz"):
        MotionEstimator(1.0)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(ANY_FLOAT, ANY_FLOAT), max_size=200),
    st.integers(0, 800),
    st.floats(min_value=-1e6, max_value=1e9),
)
def test_no_input_makes_a_reading_that_is_not_finite(rows, at, now_s):
    poses, stamps = head(15.0, 72.0)
    for k, (one, stamp) in enumerate(rows):
        poses[(at + k) % len(poses), k % 7] = one
        stamps[(at + 3 * k) % len(poses)] = stamp
    estimator = MotionEstimator(72.0)
    estimator.push(poses, stamps)
    for now in (15.3, now_s):
        for reading in estimator.readings(now):
            assert 0.0 <= reading.quality <= 1.0
            assert reading.value is None or math.isfinite(reading.value)
