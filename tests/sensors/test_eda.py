import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.errors import BadStream
from sensors.estimators.eda import NO_RESPONSE, OUT_OF_RANGE, EdaEstimator
from sensors.testing import skin
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def run(x, stamps, rate_hz, size=10):
    estimator = EdaEstimator(rate_hz)
    found = []
    for at in range(0, x.size, size):
        found += estimator.push(x[at : at + size], stamps[at : at + size])
    return estimator, found


@pytest.mark.parametrize("rate_hz", [4.0, 10.0, 32.0, 250.0])
def test_responses_are_found_with_onset_height_and_rise(rate_hz):
    hits = due = extra = 0
    for seed in range(4):
        x, stamps, truth = skin(240.0, rate_hz, seed=seed)
        _, found = run(x, stamps, rate_hz)
        onsets = np.array([r.onset_s for r in found])
        for at, height in truth:
            near = int(np.argmin(np.abs(onsets - at)))
            hit = abs(onsets[near] - at) < 1.0
            hits, due = hits + hit, due + 1
            if hit:
                assert found[near].amplitude_us == pytest.approx(height, rel=0.35, abs=0.03)
                assert 0.5 <= found[near].rise_s <= 4.0
        extra += len(found) - sum(1 for o in onsets if min(abs(o - at) for at, _ in truth) < 1.0)
    assert hits / due >= 0.95
    assert extra / due <= 0.05


def test_level_and_responses_a_minute():
    x, stamps, truth = skin(180.0, 32.0, seed=5)
    early, _ = run(x[:900], stamps[:900], 32.0)
    assert [r.reason for r in early.readings(28.1)] == ["", CALIBRATING, CALIBRATING]
    estimator, _ = run(x, stamps, 32.0)
    level, count, height = estimator.readings(stamps[-1])
    assert level.value == pytest.approx(np.median(x[-320:]), abs=0.05)
    assert (level.unit, count.unit) == ("µS", "1/min")
    assert count.value == pytest.approx(sum(1 for at, _ in truth if 118.0 < at < 178.0), abs=1.0)
    assert height.value == pytest.approx(np.median([h for at, h in truth if 118.0 < at < 178.0]), rel=0.3)
    assert min(r.quality for r in (level, count, height)) > 0.8


def test_still_skin_has_no_responses_and_a_drift_is_none():
    stamps = np.arange(1200) / 10.0
    x = 3.0 + 0.01 * stamps + 0.002 * np.random.default_rng(1).standard_normal(1200)
    estimator, found = run(x, stamps, 10.0)
    assert found == []
    level, count, height = estimator.readings(119.9)
    assert count.value == 0.0
    assert (height.value, height.reason) == (None, NO_RESPONSE)
    assert level.value == pytest.approx(4.15, abs=0.02)


def test_what_cannot_be_skin_has_no_number():
    stamps = np.arange(1200) / 10.0
    rng = np.random.default_rng(4)
    counts, _ = run(512.0 + rng.standard_normal(1200), stamps, 10.0)
    assert {(r.value, r.reason) for r in counts.readings(119.9)} == {(None, OUT_OF_RANGE)}
    off, _ = run(0.004 + 0.001 * rng.standard_normal(1200), stamps, 10.0)
    assert {(r.value, r.reason) for r in off.readings(119.9)} == {(None, LEAD_OFF)}
    pulled, found = run(5.0 + 4.0 * rng.standard_normal(1200).clip(-1.0, 1.0), stamps, 10.0)
    assert {(r.value, r.reason) for r in pulled.readings(119.9)} == {(None, NOISE)}
    assert len(found) <= 2


def test_a_pulled_electrode_is_no_response_and_silence_is_told():
    x, stamps, _ = skin(120.0, 10.0, every_s=500.0)
    x[400:420] += 8.0
    x[800:] += 3.0
    estimator, found = run(x, stamps, 10.0)
    assert [r for r in found if r.peak_s > 15.0] == []
    assert {r.reason for r in estimator.readings(130.0)} == {STALE}
    assert {r.reason for r in EdaEstimator(10.0).readings(1.0)} == {NO_SIGNAL}


@pytest.mark.filterwarnings("ignore:::neurokit2")
def test_neurokit_counts_the_same_responses():
    import neurokit2

    mine = theirs = 0
    for seed in range(3):
        x, stamps, _ = skin(240.0, 20.0, seed=20 + seed)
        _, found = run(x, stamps, 20.0)
        signals, _ = neurokit2.eda_process(x, sampling_rate=20)
        mine, theirs = mine + len(found), theirs + int(signals["SCR_Peaks"].sum())
    assert abs(mine - theirs) <= 0.1 * theirs


def test_the_size_of_chunks_changes_nothing():
    x, stamps, _ = skin(120.0, 32.0)
    x[1000:1010] = math.nan
    stamps[3000:] += 2.0
    expected = run(x, stamps, 32.0, 1)
    assert len(expected[1]) > 5
    for size in (7, 320, x.size):
        estimator, found = run(x, stamps, 32.0, size)
        assert found == expected[1]
        assert estimator.readings(stamps[-1]) == expected[0].readings(stamps[-1])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(ANY_FLOAT, ANY_FLOAT), max_size=200),
    st.integers(0, 800),
    st.floats(min_value=-1e6, max_value=1e9),
)
def test_no_input_makes_a_reading_that_is_not_finite(rows, at, now_s):
    x, stamps, _ = skin(90.0, 10.0)
    for k, (one, stamp) in enumerate(rows):
        x[(at + k) % x.size] = one
        stamps[(at + 3 * k) % x.size] = stamp
    estimator = EdaEstimator(10.0)
    for found in estimator.push(x, stamps):
        assert math.isfinite(found.amplitude_us)
        assert math.isfinite(found.rise_s)
        assert 0.0 <= found.quality <= 1.0
    for now in (90.0, now_s):
        for reading in estimator.readings(now):
            assert 0.0 <= reading.quality <= 1.0
            assert reading.value is None or math.isfinite(reading.value)


@pytest.mark.parametrize("rate_hz", [0.0, 2.0, 1e5, math.nan])
def test_a_rate_that_no_skin_sensor_has_is_refused(rate_hz):
    with pytest.raises(BadStream, match="4…5000 Hz"):
        EdaEstimator(rate_hz)
