import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.errors import BadStream
from sensors.estimators.respiration import RespirationEstimator
from therapy.patient import CALIBRATING, LEAD_OFF, STALE

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def belt(per_min, seconds, rate_hz, noise=0.03, seed=0):
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    rng = np.random.default_rng(seed)
    wave = -np.cos(2.0 * np.pi * per_min / 60.0 * t)
    return wave + noise * rng.standard_normal(t.size) + 0.02 * t, t


def run(x, t, rate_hz, size=10):
    estimator = RespirationEstimator(rate_hz)
    breaths = []
    for at in range(0, x.size, size):
        breaths += estimator.push(x[at : at + size], t[at : at + size])
    return estimator, breaths


def apart(a, b):
    return abs(math.remainder(a - b, 1.0))


@pytest.mark.parametrize("rate_hz", [10.0, 25.0, 250.0])
@pytest.mark.parametrize("per_min", [5.0, 12.0, 20.0])
def test_the_rate_is_found_at_any_sampling_rate(rate_hz, per_min):
    x, t = belt(per_min, 90.0, rate_hz)
    estimator, breaths = run(x, t, rate_hz)
    (reading,) = estimator.readings(float(t[-1]))
    assert reading.value == pytest.approx(per_min, rel=0.04)
    assert reading.quality > 0.5
    offsets = [math.remainder(b.at_s * per_min / 60.0, 1.0) for b in breaths if b.at_s > 20.0]
    assert abs(np.median(offsets)) < 0.05
    assert len(offsets) == pytest.approx(70.0 * per_min / 60.0, abs=2.0)


def test_the_phase_keeps_running_through_a_gap_and_says_that_it_is_less_sure():
    x, t = belt(6.0, 100.0, 50.0)
    estimator, _ = run(x, t, 50.0)
    phase, sure = estimator.phase(100.0)
    assert apart(phase, 0.0) < 0.1
    later, less_sure = estimator.phase(117.0)
    assert apart(later, 0.7) < 0.15
    assert 0.0 < less_sure < 0.8 * sure
    assert estimator.phase(400.0)[1] < 1e-3


def test_the_phase_follows_a_breathing_patient_without_jumps():
    patient = SimulatedPatient(PatientTraits(seed=2))
    estimator = RespirationEstimator(50.0)
    wrong, steps, before = [], [], None
    for k in range(1200):
        now = k * 0.1
        room = RoomView(present=True, pacer_phase=now / 10.0 % 1.0, breath_pace_per_min=6.0)
        span = patient.step(room, 0.1)
        estimator.push(span.belt, span.belt_s)
        phase, _ = estimator.phase(now + 0.1)
        if now > 60.0:
            wrong.append(apart(phase, span.body.breath_phase))
            steps.append(apart(phase, before))
        before = phase
    assert np.percentile(wrong, 95) < 0.08
    assert max(steps) < 0.1


def test_the_size_of_chunks_changes_nothing():
    x, t = belt(9.0, 60.0, 130.0)
    x[3000:3050] = math.nan
    t[5000:] += 1.0
    expected = run(x, t, 130.0, 1)
    for size in (3, 13, 130, x.size):
        estimator, breaths = run(x, t, 130.0, size)
        assert [(b.at_s, b.period_s) for b in breaths] == [(b.at_s, b.period_s) for b in expected[1]]
        assert estimator.readings(t[-1])[0].value == expected[0].readings(t[-1])[0].value


def test_nothing_is_claimed_early_or_after_the_belt_fell_off_or_silent():
    x, t = belt(6.0, 60.0, 50.0)
    early, _ = run(x[:600], t[:600], 50.0)
    assert (early.readings(12.0)[0].value, early.readings(12.0)[0].reason) == (None, CALIBRATING)
    estimator, _ = run(x, t, 50.0)
    assert estimator.readings(63.0)[0].reason == STALE
    estimator.push(np.full(500, x[-1]), t[-1] + np.arange(1, 501) / 50.0)
    assert estimator.readings(t[-1] + 10.0)[0].reason == LEAD_OFF


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(ANY_FLOAT, ANY_FLOAT), max_size=200), st.floats(min_value=-1e6, max_value=1e9))
def test_no_input_makes_a_reading_or_phase_that_is_not_finite(rows, now_s):
    x, t = belt(12.0, 30.0, 25.0)
    for k, (value, stamp) in enumerate(rows):
        x[(200 + k) % x.size] = value
        t[(200 + 3 * k) % x.size] = stamp
    estimator, breaths = run(x, t, 25.0)
    assert all(math.isfinite(b.at_s) for b in breaths)
    for now in (30.0, now_s):
        reading = estimator.readings(now)[0]
        assert reading.value is None or math.isfinite(reading.value)
        assert math.isfinite(reading.window_s)
        phase, sure = estimator.phase(now)
        assert 0.0 <= phase < 1.0
        assert 0.0 <= sure <= 1.0


@pytest.mark.parametrize("rate_hz", [0.0, 1.0, math.nan])
def test_a_rate_that_no_belt_has_is_refused(rate_hz):
    with pytest.raises(BadStream, match="8…5000 Hz"):
        RespirationEstimator(rate_hz)
