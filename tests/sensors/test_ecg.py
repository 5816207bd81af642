import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.errors import BadStream
from sensors.estimators.ecg import EcgEstimator
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, STALE

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


@pytest.fixture(scope="module")
def patient():
    """Two minutes of ECG at 250 Hz with the true times of its R peaks."""
    return SimulatedPatient(PatientTraits(seed=5)).step(RoomView(), 120.0)


def run(ecg, stamps_s, size=25, rate_hz=250.0):
    estimator = EcgEstimator(rate_hz)
    beats = []
    for at in range(0, len(ecg), size):
        beats += estimator.push(ecg[at : at + size], stamps_s[at : at + size])
    return estimator, beats


def errors_ms(beats, truth_s):
    truth = np.asarray(truth_s)
    return np.array([1e3 * np.min(np.abs(truth - b.at_s)) for b in beats])


def test_every_beat_is_found_within_ten_milliseconds(patient):
    _, beats = run(patient.ecg, patient.ecg_s)
    truth = [t for t in patient.beats_s if 2.5 < t < 119.5]
    found = [b for b in beats if 2.5 < b.at_s < 119.5]
    assert len(found) == len(truth)
    assert np.max(errors_ms(found, truth)) < 10.0
    assert not [b for b in found if b.artefact]
    assert min(b.quality for b in found[5:]) > 0.8


@pytest.mark.parametrize("gain", [-1.0, 0.001, 3e5])
def test_neither_polarity_nor_unit_matters(patient, gain):
    _, beats = run(gain * patient.ecg, patient.ecg_s)
    late = [b for b in beats if b.at_s > 10.0]
    assert len(late) == len([t for t in patient.beats_s if late[0].at_s - 0.1 < t < late[-1].at_s + 0.1])
    assert np.max(errors_ms(late, patient.beats_s)) < 10.0


def test_the_size_of_chunks_changes_nothing(patient):
    ecg, stamps = patient.ecg[:7500].copy(), patient.ecg_s[:7500].copy()
    ecg[3000:3010] = math.nan
    stamps[5000:] += 2.0
    expected = run(ecg, stamps, 1)
    for size in (7, 25, 250, 7500):
        estimator, beats = run(ecg, stamps, size)
        assert beats == expected[1]
        assert estimator.readings(stamps[-1]) == expected[0].readings(stamps[-1])
        assert estimator.next_beat_s(stamps[-1]) == expected[0].next_beat_s(stamps[-1])


def test_heart_rate_and_rmssd_are_those_of_the_true_beats(patient):
    estimator, _ = run(patient.ecg, patient.ecg_s)
    heart_rate, rmssd, *_ = estimator.readings(120.0)
    truth = np.asarray(patient.beats_s)
    last = np.diff(truth)[-10:]
    minute = np.diff(truth[truth > 60.0])
    assert heart_rate.value == pytest.approx(60.0 / np.mean(last), abs=1.0)
    assert rmssd.value == pytest.approx(1e3 * np.sqrt(np.mean(np.diff(minute) ** 2)), abs=2.0)
    assert heart_rate.quality > 0.8


def test_the_next_beat_is_foretold(patient):
    estimator, _ = run(patient.ecg[:15000], patient.ecg_s[:15000])
    foretold = estimator.next_beat_s(60.0)
    assert foretold is not None
    assert foretold > 60.0
    assert min(abs(t - foretold) for t in patient.beats_s) < 0.12
    assert estimator.next_beat_s(75.0) is None


def test_no_number_before_there_is_one_and_none_after_silence(patient):
    estimator = EcgEstimator(250.0)
    assert {r.reason for r in estimator.readings(0.0)} == {NO_SIGNAL}
    estimator.push(patient.ecg[:5000], patient.ecg_s[:5000])
    heart_rate, rmssd, *_ = estimator.readings(20.0)
    assert heart_rate.value is not None
    assert (rmssd.value, rmssd.reason) == (None, CALIBRATING)
    assert {(r.value, r.quality, r.reason) for r in estimator.readings(25.0)} == {(None, 0.0, STALE)}


def test_an_electrode_that_falls_off_is_said_so(patient):
    ecg = patient.ecg[:7500].copy()
    ecg[5000:] = 0.0
    estimator, beats = run(ecg, patient.ecg_s[:7500])
    assert {(r.value, r.reason) for r in estimator.readings(patient.ecg_s[7499])} == {(None, LEAD_OFF)}
    assert not [b for b in beats if b.at_s > 20.5]


def test_noise_has_no_heart_rate():
    noise = np.random.default_rng(3).standard_normal(15000)
    estimator, _ = run(noise, np.arange(15000) / 250.0)
    assert {r.value for r in estimator.readings(60.0)} == {None}


def test_a_missed_and_an_early_beat_are_marked_and_left_out_of_rmssd():
    times = np.cumsum(np.full(110, 0.8))
    times[70] -= 0.3  # early beat, then a long pause
    times = np.delete(times, 90)  # a beat that was not there
    stamps = np.arange(85 * 250) / 250.0
    ecg = sum(np.exp(-0.5 * ((stamps - t) / 0.011) ** 2) for t in times)
    estimator, beats = run(ecg + 0.01 * np.random.default_rng(0).standard_normal(stamps.size), stamps)
    marked = {round(b.at_s, 1): b.artefact for b in beats if b.artefact}
    assert set(marked.values()) == {"short", "long", "missed"}
    assert len(marked) == 3
    rmssd = estimator.readings(84.9)[1]
    assert rmssd.value is not None
    assert rmssd.value < 5.0


def test_a_hole_gives_no_interval(patient):
    stamps = patient.ecg_s.copy()
    stamps[10000:] += 30.0
    _, beats = run(patient.ecg, stamps)
    after = next(b for b in beats if b.at_s > 70.0)
    assert after.interval_s is None
    assert max(b.interval_s or 0.0 for b in beats) < 2.2


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(ANY_FLOAT, ANY_FLOAT), max_size=200),
    st.integers(0, 6000),
    st.floats(min_value=-1e6, max_value=1e9),
)
def test_no_input_makes_a_reading_that_is_not_finite(rows, at, now_s):
    span = SimulatedPatient().step(RoomView(), 24.0)
    estimator = EcgEstimator(250.0)
    ecg, stamps = span.ecg.copy(), span.ecg_s.copy()
    for k, (value, stamp) in enumerate(rows):
        ecg[(at + k) % 6000] = value
        stamps[(at + 3 * k) % 6000] = stamp
    beats = estimator.push(ecg, stamps)
    for beat in beats:
        assert math.isfinite(beat.at_s)
        assert 0.0 <= beat.quality <= 1.0
        assert beat.interval_s is None or (math.isfinite(beat.interval_s) and beat.interval_s > 0.0)
    for now in (24.0, now_s):
        for reading in estimator.readings(now):
            assert 0.0 <= reading.quality <= 1.0
            assert reading.value is None or math.isfinite(reading.value)
        predicted = estimator.next_beat_s(now)
        assert predicted is None or math.isfinite(predicted)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, 20.0, 1e5, math.nan, math.inf])
def test_a_rate_that_no_ecg_has_is_refused(rate_hz):
    with pytest.raises(BadStream, match="60…5000 Hz"):
        EcgEstimator(rate_hz)
