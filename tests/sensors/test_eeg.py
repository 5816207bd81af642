import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.errors import BadStream
from sensors.estimators.eeg import ESTIMATOR, NO_CHANNEL, NO_PEAK, EegEstimator
from sensors.testing import brain
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)
LABELS = ("F3", "F4", "Fz", "Cz", "O1", "O2")
RATE_HZ = 250.0
ALPHA_UV = (4.0, 8.0, 6.0, 6.0, 12.0, 12.0)


def run(x, stamps, labels=LABELS, size=25):
    estimator = EegEstimator(RATE_HZ, labels)
    for at in range(0, len(x), size):
        estimator.push(x[at : at + size], stamps[at : at + size])
    return estimator


def told(estimator, now_s):
    return {r.vital: r for r in estimator.readings(now_s)}


@pytest.fixture(scope="module")
def rested():
    return brain(90.0, RATE_HZ, alpha_uv=ALPHA_UV)


def test_the_peak_and_the_powers_are_those_that_were_put_in(rested):
    got = told(run(*rested), 90.0)
    assert got["alpha_peak"].value == pytest.approx(10.3, abs=0.3)
    assert got["frontal_theta"].value == pytest.approx(25.0, rel=0.3)
    assert got["eeg_alpha"].value == pytest.approx(0.5 * (36.0 + 64.0), rel=0.3)
    assert got["alpha_asymmetry"].value == pytest.approx(math.log(64.0 / 16.0), abs=0.35)
    assert got["alpha_theta_ratio"].value > 1.0
    assert min(r.quality for r in got.values()) > 0.9


def test_the_peak_moves_the_band_with_it():
    x, stamps = brain(90.0, RATE_HZ, alpha_uv=ALPHA_UV, seed=3, peak_hz=8.2)
    got = told(run(x, stamps), 90.0)
    assert got["alpha_peak"].value == pytest.approx(8.2, abs=0.3)
    assert got["alpha_asymmetry"].value == pytest.approx(math.log(4.0), abs=0.4)


def test_no_peak_is_made_up():
    x, stamps = brain(90.0, RATE_HZ, alpha_uv=(0.0,) * 6, theta_uv=0.01, seed=4)
    peak = told(run(x, stamps), 90.0)["alpha_peak"]
    assert (peak.value, peak.reason) == (None, NO_PEAK)


def test_what_needs_longer_is_calibrating(rested):
    x, stamps = rested
    assert {r.reason for r in EegEstimator(RATE_HZ, LABELS).readings(0.0)} == {NO_SIGNAL}
    assert {r.reason for r in run(x[:1500], stamps[:1500]).readings(6.0)} == {CALIBRATING}
    got = told(run(x[:8750], stamps[:8750]), 35.0)
    assert got["eeg_theta"].value is not None
    assert got["alpha_peak"].reason == CALIBRATING
    assert {r.reason for r in run(x, stamps).readings(100.0)} == {STALE}


def test_blinks_leave_frontal_theta_alone(rested):
    x, stamps = rested
    before = told(run(x, stamps), 90.0)["frontal_theta"]
    blinking = x.copy()
    for at in np.arange(2.0, 90.0, 5.0):
        blink = 150.0 * np.exp(-0.5 * ((stamps - at) / 0.08) ** 2)
        blinking[:, :3] += blink[:, None]
    estimator = run(blinking, stamps)
    after = told(estimator, 90.0)["frontal_theta"]
    assert after.value == pytest.approx(before.value, rel=0.25)
    assert after.quality < 0.8 * before.quality
    quality = estimator.channel_quality()
    assert quality["FZ"] < 0.8 < quality["O1"]


def test_a_clenched_jaw_takes_the_numbers_and_a_channel_alone_only_itself(rested):
    x, stamps = rested
    rng = np.random.default_rng(9)
    clenched = x + 20.0 * rng.standard_normal(x.shape)
    assert {r.reason for r in run(clenched, stamps).readings(90.0)} == {NOISE}
    one = x.copy()
    one[:, 0] += 20.0 * rng.standard_normal(len(x))
    got = told(run(one, stamps), 90.0)
    assert (got["alpha_asymmetry"].value, got["alpha_asymmetry"].reason) == (None, NOISE)
    assert got["frontal_theta"].value == pytest.approx(25.0, rel=0.35)


def test_flat_channels_and_mains_are_told_apart(rested):
    x, stamps = rested
    worse = x.copy()
    worse[:, 3] = 15000.0
    worse[:, 4] += 12.0 * np.sin(2.0 * np.pi * 50.0 * stamps)
    worse[:, 5] += 400.0 * np.sin(2.0 * np.pi * 50.0 * stamps)
    quality = run(worse, stamps).channel_quality()
    assert quality["CZ"] == quality["O2"] == 0.0
    assert 0.3 < quality["O1"] < 1.0
    assert quality["F3"] == 1.0
    dead = run(np.full_like(x, 15000.0), stamps)
    assert {(r.value, r.reason) for r in dead.readings(90.0)} == {(None, LEAD_OFF)}


def test_channels_without_the_right_labels_give_what_they_can(rested):
    x, stamps = rested
    got = told(run(x, stamps, labels=("",) * 6), 90.0)
    assert got["eeg_alpha"].value is not None
    assert got["frontal_theta"].reason == got["alpha_asymmetry"].reason == NO_CHANNEL


def test_channels_that_are_no_eeg_are_not_read():
    assert ESTIMATOR.choose(("TP9", "AF7", "AF8", "TP10", "Right AUX")) == (0, 1, 2, 3)
    assert ESTIMATOR.choose(("AUX",)) == (0,)


def test_the_size_of_chunks_changes_nothing():
    x, stamps = brain(75.0, RATE_HZ, alpha_uv=ALPHA_UV, seed=6)
    x[3000:3010, 2] = math.nan
    stamps[2500:] += 2.0
    expected = run(x, stamps, size=1)
    for size in (7, 250, len(x)):
        estimator = run(x, stamps, size=size)
        assert estimator.readings(stamps[-1]) == expected.readings(stamps[-1])
        assert estimator.channel_quality() == expected.channel_quality()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(ANY_FLOAT, ANY_FLOAT), max_size=200),
    st.integers(0, 8000),
    st.floats(min_value=-1e6, max_value=1e9),
)
def test_no_input_makes_a_reading_that_is_not_finite(rows, at, now_s):
    rng = np.random.default_rng(0)
    x, stamps = 10.0 * rng.standard_normal((9000, 2)), np.arange(9000) / RATE_HZ
    for k, (one, stamp) in enumerate(rows):
        x[(at + k) % 9000, k % 2] = one
        stamps[(at + 3 * k) % 9000] = stamp
    estimator = EegEstimator(RATE_HZ, ("F3", "F4"))
    estimator.push(x, stamps)
    for now in (36.0, now_s):
        for reading in estimator.readings(now):
            assert 0.0 <= reading.quality <= 1.0
            assert reading.value is None or math.isfinite(reading.value)


def test_streams_that_are_no_eeg_are_refused():
    with pytest.raises(BadStream, match="100…20000 Hz"):
        EegEstimator(50.0, LABELS)
    with pytest.raises(BadStream, match="at least 1"):
        EegEstimator(250.0, ())
