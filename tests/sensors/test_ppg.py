import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from sensors.errors import BadStream
from sensors.estimators.ppg import PpgEstimator
from sensors.recordings import load_recording
from sensors.testing import pulses
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, NOISE, STALE

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def run(x, stamps, rate_hz, size=10):
    estimator = PpgEstimator(rate_hz)
    found = []
    for at in range(0, x.size, size):
        found += estimator.push(x[at : at + size], stamps[at : at + size])
    return estimator, found


def value(estimator, vital, now_s):
    return next(r for r in estimator.readings(now_s) if r.vital == vital)


@pytest.mark.parametrize("rate_hz", [32.0, 64.0, 100.0, 500.0])
@pytest.mark.parametrize("gain", [1.0, -1.0, 30000.0])
def test_every_pulse_is_found_at_any_rate_unit_and_polarity(rate_hz, gain):
    x, stamps, truth = pulses(60.0, rate_hz)
    estimator, found = run(gain * x, stamps, rate_hz)
    late = np.array([p.at_s for p in found if p.at_s > 12.0])
    due = truth[(truth > 12.0) & (truth < 59.5)]
    assert late.size == due.size
    # the drift and the smoothing move the highest point of an asymmetric hill: a constant
    off = late - due
    assert abs(np.median(off)) < 0.03
    assert np.std(off) < 0.008
    assert not [p for p in found if p.at_s > 20.0 and p.artefact]
    reading = value(estimator, "pulse_rate", stamps[-1])
    assert reading.value == pytest.approx(60.0 / np.mean(np.diff(due)[-10:]), abs=1.0)
    assert reading.quality > 0.8


def test_variability_comes_after_a_good_minute_and_is_that_of_the_true_pulses():
    x, stamps, truth = pulses(150.0, 100.0)
    early, _ = run(x[:5000], stamps[:5000], 100.0)
    assert value(early, "pulse_rmssd", 49.9).reason == CALIBRATING
    estimator, _ = run(x, stamps, 100.0)
    reading = value(estimator, "pulse_rmssd", 149.9)
    spans = np.diff(truth[truth > 90.0])
    assert reading.value == pytest.approx(1e3 * np.sqrt(np.mean(np.diff(spans) ** 2)), abs=3.0)
    assert reading.quality > 0.7


def test_a_burst_of_motion_takes_the_variability_and_not_the_pulse_rate_of_later():
    x, stamps, _ = pulses(150.0, 100.0)
    burst = (stamps > 110.0) & (stamps < 118.0)
    rng = np.random.default_rng(1)
    x[burst] += 3.0 * np.convolve(rng.standard_normal(burst.sum()), np.ones(12) / 12.0, "same")
    estimator, _ = run(x, stamps, 100.0)
    variability = value(estimator, "pulse_rmssd", 149.9)
    assert (variability.value, variability.reason) == (None, NOISE)
    assert value(estimator, "pulse_rate", 149.9).value == pytest.approx(66.0, abs=3.0)


@pytest.mark.parametrize("decibels", [24, 20, 16, 12, 6, 0])
def test_in_band_noise_makes_no_wrong_number_that_is_called_good(decibels):
    rates, variabilities = [], []
    for seed in range(3):
        x, stamps, truth = pulses(110.0, 64.0, seed=seed, noise=0.0)
        band = signal.butter(2, (1.0, 8.0), btype="bandpass", fs=64.0, output="sos")
        noise = signal.sosfilt(band, np.random.default_rng(50 + seed).standard_normal(x.size))
        x += noise * 0.32 / np.std(noise) * 10.0 ** (-decibels / 20.0)  # 0.32: RMS of the pulses
        estimator = PpgEstimator(64.0)
        for at in range(0, x.size, 64):
            estimator.push(x[at : at + 64], stamps[at : at + 64])
            now_s = stamps[at : at + 64][-1]
            spans = np.diff(truth[truth < now_s])
            rate, variability = estimator.readings(now_s)[:2]
            if rate.value is not None and rate.quality > 0.5:
                rates.append(abs(rate.value - 60.0 / np.mean(spans[-10:])))
            if variability.value is not None and variability.quality > 0.5:
                true = 1e3 * np.sqrt(np.mean(np.diff(spans[np.cumsum(spans[::-1])[::-1] < 60.0]) ** 2))
                variabilities.append(abs(variability.value - true))
    assert np.mean(np.array([*rates, 0.0]) > 5.0) <= 0.01
    assert max(variabilities, default=0.0) < 10.0
    assert bool(rates) == (decibels >= 6) or decibels == 0
    assert bool(variabilities) == (decibels >= 20)


def test_perfusion_is_relative_to_the_first_pulses():
    x, stamps, _ = pulses(120.0, 100.0, noise=0.005)
    weaker = x * np.where(stamps < 80.0, 1.0, 0.6)
    estimator, _ = run(weaker[:3000], stamps[:3000], 100.0)
    assert value(estimator, "relative_perfusion", 29.9).reason == CALIBRATING
    estimator, _ = run(weaker, stamps, 100.0)
    reading = value(estimator, "relative_perfusion", 119.9)
    assert reading.value == pytest.approx(0.6, abs=0.05)
    assert reading.unit == "ratio"


def test_noise_silence_and_a_finger_that_is_away_have_no_numbers():
    rng = np.random.default_rng(2)
    stamps = np.arange(9000) / 100.0
    estimator, _ = run(rng.standard_normal(9000), stamps, 100.0)
    assert {r.value for r in estimator.readings(89.9)} == {None}
    x, stamps, _ = pulses(40.0, 100.0)
    estimator = PpgEstimator(100.0)
    assert {r.reason for r in estimator.readings(0.0)} == {NO_SIGNAL}
    estimator.push(x, stamps)
    assert {(r.value, r.quality, r.reason) for r in estimator.readings(45.0)} == {(None, 0.0, STALE)}
    x[3000:] = x[2999]
    estimator, found = run(x, stamps, 100.0)
    assert {(r.value, r.reason) for r in estimator.readings(39.99)} == {(None, LEAD_OFF)}
    assert not [p for p in found if p.at_s > 31.0]


def test_the_size_of_chunks_changes_nothing():
    x, stamps, _ = pulses(75.0, 250.0)
    x[3000:3010] = math.nan
    stamps[9000:] += 2.0
    expected = run(x, stamps, 250.0, 1)
    for size in (7, 250, x.size):
        estimator, found = run(x, stamps, 250.0, size)
        assert found == expected[1]
        assert estimator.readings(stamps[-1]) == expected[0].readings(stamps[-1])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(ANY_FLOAT, ANY_FLOAT), max_size=200),
    st.integers(0, 1800),
    st.floats(min_value=-1e6, max_value=1e9),
)
def test_no_input_makes_a_reading_that_is_not_finite(rows, at, now_s):
    x, stamps, _ = pulses(36.0, 50.0)
    for k, (one, stamp) in enumerate(rows):
        x[(at + k) % x.size] = one
        stamps[(at + 3 * k) % x.size] = stamp
    estimator = PpgEstimator(50.0)
    for pulse in estimator.push(x, stamps):
        assert math.isfinite(pulse.at_s)
        assert math.isfinite(pulse.amplitude)
        assert 0.0 <= pulse.quality <= 1.0
    for now in (36.0, now_s):
        for reading in estimator.readings(now):
            assert 0.0 <= reading.quality <= 1.0
            assert reading.value is None or math.isfinite(reading.value)


@pytest.mark.parametrize("rate_hz", [0.0, 10.0, 1e5, math.nan])
def test_a_rate_that_no_ppg_has_is_refused(rate_hz):
    with pytest.raises(BadStream, match="20…5000 Hz"):
        PpgEstimator(rate_hz)


# -- real fingers ------------------------------------------------------------------------------------------


def matched(these, those, within_s):
    return np.mean([np.min(np.abs(those - t)) < within_s for t in these])


def neurokit_pulses(x, rate_hz):
    import neurokit2

    clean = neurokit2.ppg_clean(x, sampling_rate=int(rate_hz))
    return neurokit2.ppg_findpeaks(clean, sampling_rate=int(rate_hz))["PPG_Peaks"] / rate_hz


@pytest.mark.filterwarnings("ignore:::neurokit2")
def test_the_finger_sample_pulse_by_pulse():
    (stream,) = load_recording("sample:ppg").streams
    x = stream.samples[:, 0]
    estimator, found = run(x, stream.stamps_s, stream.rate_hz)
    reference = neurokit_pulses(x, stream.rate_hz)
    mine = np.array([p.at_s for p in found if p.at_s > 5.0])
    late = reference[(reference > 5.0) & (reference < stream.stamps_s[-1] - 0.5)]
    assert matched(late, mine, 0.05) == 1.0
    assert matched(mine, late, 0.05) == 1.0
    rate = value(estimator, "pulse_rate", stream.stamps_s[-1]).value
    assert rate == pytest.approx(60.0 / np.mean(np.diff(late)[-10:]), abs=1.0)


@pytest.mark.filterwarnings("ignore:::neurokit2")
@pytest.mark.parametrize(
    ("name", "lead", "least", "wrong"), [("v102s", "V", 150, 0.012), ("a103l", "II", 120, 0.012)]
)
def test_pulse_rate_that_is_called_good_is_the_heart_rate_of_the_ecg(recordings, name, lead, least, wrong):
    import neurokit2

    streams = {s.kind: s for s in load_recording(recordings / name).streams}
    ecg, ppg = streams["ECG"], streams["PPG"]
    clean = neurokit2.ecg_clean(ecg.samples[:, ecg.labels.index(lead)], sampling_rate=250)
    beats = neurokit2.ecg_peaks(clean, sampling_rate=250)[1]["ECG_R_Peaks"] / 250.0
    estimator = PpgEstimator(250.0)
    off = []
    for at in range(0, len(ppg.samples), 250):
        now_s = ppg.stamps_s[at : at + 250][-1]
        estimator.push(ppg.samples[at : at + 250], ppg.stamps_s[at : at + 250])
        reading = value(estimator, "pulse_rate", now_s)
        spans = np.diff(beats[(beats > now_s - 10.0) & (beats <= now_s)])
        if reading.value is not None and reading.quality > 0.5 and spans.size > 4:
            off.append(abs(reading.value - 60.0 / np.median(spans)))
    assert len(off) > least
    assert np.median(off) < 1.0
    assert np.mean(np.array(off) > 5.0) <= wrong
