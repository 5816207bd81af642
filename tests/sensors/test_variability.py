import math

import numpy as np
import pytest

from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.estimators._variability import band_powers_ms2, sdnn_ms
from sensors.estimators.ecg import EcgEstimator
from sensors.rsa import reading, rsa_amplitude_bpm
from therapy.patient import CALIBRATING, NOISE, STALE, Reading


def heart(seconds, swings, length_s=0.85):
    """Return intervals whose length swings by (hertz, seconds of amplitude)."""
    at, made = 0.0, []
    while at < seconds:
        length = length_s + sum(a * math.sin(2.0 * math.pi * hz * at) for hz, a in swings)
        at += length
        made.append((at, length))
    return made


def vital(name, value, quality=1.0, reason=""):
    return Reading(vital=name, value=value, unit="", at_s=0.0, quality=quality, window_s=1.0, reason=reason)


def test_each_band_has_the_power_of_its_swing():
    lf, hf = band_powers_ms2(heart(180.0, [(0.1, 0.04), (0.25, 0.02)]))
    assert lf == pytest.approx(0.5 * 40.0**2, rel=0.12)
    assert hf == pytest.approx(0.5 * 20.0**2, rel=0.12)


def test_a_few_holes_change_little_and_a_long_one_takes_the_powers():
    whole = heart(180.0, [(0.1, 0.04), (0.25, 0.02)])
    lf, hf = band_powers_ms2(whole)
    holed = [i for k, i in enumerate(whole) if k % 25]
    assert band_powers_ms2(holed) == (pytest.approx(lf, rel=0.1), pytest.approx(hf, rel=0.25))
    assert band_powers_ms2(whole[:100] + whole[110:]) is None
    assert band_powers_ms2(whole[:40]) is None
    assert sdnn_ms([0.8] * 30) is None


@pytest.fixture(scope="module")
def patient():
    return SimulatedPatient(PatientTraits(seed=8)).step(RoomView(), 240.0)


@pytest.mark.filterwarnings("ignore:::neurokit2")
def test_three_minutes_of_ecg_give_what_neurokit_gives_for_the_true_beats(patient):
    import neurokit2

    estimator = EcgEstimator(250.0)
    estimator.push(patient.ecg, patient.ecg_s)
    got = {r.vital: r for r in estimator.readings(240.0)}
    beats = np.array([t for t in patient.beats_s if t < 239.7])
    beats = beats[beats > beats[-1] - 180.5]
    at_kilohertz = np.round(1000.0 * (beats - beats[0])).astype(int)
    time = neurokit2.hrv_time(at_kilohertz, sampling_rate=1000)
    bands = neurokit2.hrv_frequency(at_kilohertz, sampling_rate=1000, normalize=False)
    assert got["sdnn"].value == pytest.approx(float(time["HRV_SDNN"].iloc[0]), rel=0.02)
    assert got["lf_power"].value == pytest.approx(float(bands["HRV_LF"].iloc[0]), rel=0.25)
    assert got["hf_power"].value == pytest.approx(float(bands["HRV_HF"].iloc[0]), rel=0.1)
    assert got["lf_power"].unit == "ms²"
    assert min(got[name].quality for name in ("sdnn", "lf_power", "hf_power")) > 0.8


def test_nothing_before_three_minutes_after_silence_or_over_a_hole(patient):
    def slow(estimator, now_s):
        return {(r.value, r.reason) for r in estimator.readings(now_s)[2:5]}

    estimator = EcgEstimator(250.0)
    estimator.push(patient.ecg[:40000], patient.ecg_s[:40000])
    assert slow(estimator, 160.0) == {(None, CALIBRATING)}
    stamps = patient.ecg_s.copy()
    stamps[40000:] += 30.0
    estimator.push(patient.ecg[40000:], stamps[40000:])
    assert slow(estimator, stamps[-1]) == {(None, NOISE)}
    assert slow(estimator, stamps[-1] + 5.0) == {(None, STALE)}


def test_asking_more_often_changes_nothing(patient):
    often, once = EcgEstimator(250.0), EcgEstimator(250.0)
    stamps = patient.ecg_s.copy()
    stamps[52000:] += 1.0
    for at in range(0, 60000, 500):
        often.push(patient.ecg[at : at + 500], stamps[at : at + 500])
        often.readings(stamps[at + 499])
    once.push(patient.ecg, stamps)
    assert often.readings(stamps[-1]) == once.readings(stamps[-1])


def test_the_swing_with_each_breath_is_found():
    made = heart(70.0, [(0.1, 0.06)])
    inhales = [10.0 * k for k in range(7)]
    value, share = rsa_amplitude_bpm(made, inhales, 65.0)
    assert value == pytest.approx(60.0 / 0.79 - 60.0 / 0.91, rel=0.06)
    assert share == 1.0


def test_breaths_with_too_few_beats_or_artefacts_are_not_used():
    quick = heart(70.0, [(0.5, 0.06)], length_s=0.8)
    assert rsa_amplitude_bpm(quick, [2.0 * k for k in range(33)], 65.0) == (None, 0.0)
    made = [i for i in heart(70.0, [(0.1, 0.06)]) if not 20.0 < i[0] < 25.0]
    _, share = rsa_amplitude_bpm(made, [10.0 * k for k in range(7)], 65.0)
    assert share == pytest.approx(0.8)
    assert rsa_amplitude_bpm([], [], 5.0) == (None, 0.0)


def test_the_swing_is_no_better_than_its_sources():
    made, inhales = heart(70.0, [(0.1, 0.06)]), [10.0 * k for k in range(7)]
    good = reading(made, inhales, 65.0, vital("heart_rate", 70.0, 0.9), vital("breath_rate", 6.0, 0.4))
    assert good.quality == pytest.approx(0.4)
    lost = reading(made, inhales, 65.0, vital("heart_rate", 70.0), vital("breath_rate", None, 0.0, STALE))
    assert (lost.value, lost.quality, lost.reason) == (None, 0.0, STALE)


@pytest.mark.filterwarnings("ignore:::neurokit2")
def test_variability_of_a_clean_bedside_stretch_is_that_of_neurokit(recordings):
    import neurokit2

    from sensors.recordings import load_recording

    ecg = next(s for s in load_recording(recordings / "a103l").streams if s.kind == "ECG")
    x = ecg.samples[:, ecg.labels.index("II")]
    estimator = EcgEstimator(250.0)
    peaks = neurokit2.ecg_peaks(neurokit2.ecg_clean(x, sampling_rate=250), sampling_rate=250)[1][
        "ECG_R_Peaks"
    ]
    beats, off = peaks / 250.0, []
    for at in range(0, x.size, 250):
        estimator.push(x[at : at + 250], ecg.stamps_s[at : at + 250])
        now_s = ecg.stamps_s[at : at + 250][-1]
        sdnn = estimator.readings(now_s)[2]
        spans = np.diff(beats[(beats > now_s - 180.0) & (beats < now_s)])
        if sdnn.value is not None and np.max(np.abs(spans / np.median(spans) - 1.0)) < 0.15:
            off.append(sdnn.value / (1e3 * np.std(spans, ddof=1)) - 1.0)
    assert len(off) > 10
    assert np.max(np.abs(off)) < 0.1
