import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.coherence import coherence
from sensors.fuse import BREATH_STEERS, Fusion, Sources, missing, steering_breath
from therapy import units
from therapy.patient import NO_SIGNAL, Reading


def heart(hz, swing_s, seconds=70.0, noise_s=0.0):
    rng = np.random.default_rng(0)
    at, rows = 0.0, []
    while at < seconds:
        length = 0.85 + swing_s * np.sin(2.0 * np.pi * hz * at) + noise_s * rng.standard_normal()
        at += length
        rows.append((at, length))
    return rows


def test_a_heart_that_follows_the_breath_is_coherent_at_its_rate_only():
    rows = heart(0.1, 0.08, noise_s=0.01)
    assert coherence(rows, 70.0, 6.0) > 0.7
    assert coherence(rows, 70.0) > 0.7
    assert coherence(rows, 70.0, 12.0) < 0.05


def test_a_heart_without_rhythm_is_not_coherent():
    assert coherence(heart(0.1, 0.0, noise_s=0.04), 70.0, 6.0) < 0.4


def test_no_coherence_before_the_window_is_full():
    assert coherence(heart(0.1, 0.08, seconds=40.0), 42.0, 6.0) is None
    assert coherence([], 0.0, 6.0) is None
    assert coherence(heart(0.1, 0.08), 300.0, 6.0) is None


def at(now_s, heart_rate, rmssd=40.0, breath_rate=12.0, quality=0.9):
    rows = {
        "heart_rate": (heart_rate, units.BPM),
        "rmssd": (rmssd, units.MS),
        "breath_rate": (breath_rate, units.PER_MIN),
    }
    return {
        vital: Reading(vital=vital, value=value, unit=unit, at_s=now_s, quality=quality, window_s=10.0)
        for vital, (value, unit) in rows.items()
    }


def learned(seconds=130):
    fusion = Fusion()
    for k in range(seconds * 4):
        fusion.learn(at(k / 4, 70.0), k / 4)
    return fusion


def test_unknown_arousal_is_zero_with_no_confidence():
    fusion = Fusion()
    assert fusion.arousal(missing(0.0)) == (0.0, 0.0)
    for k in range(100):
        fusion.learn(at(k / 4, 70.0), k / 4)
    assert fusion.arousal(at(25.0, 90.0)) == (0.0, 0.0)
    assert {r.reason for r in missing(3.0).values()} == {NO_SIGNAL}


def test_arousal_is_against_the_patients_own_baseline():
    fusion = learned()
    level, sure = fusion.arousal(at(130.0, 70.0))
    assert level == pytest.approx(0.0, abs=1e-9)
    assert sure == pytest.approx(0.9)
    assert fusion.arousal(at(131.0, 82.0, rmssd=20.0))[0] > 0.7
    assert fusion.arousal(at(131.0, 62.0, rmssd=60.0))[0] < -0.5


def test_confidence_grows_with_the_baseline_and_falls_with_quality():
    half, full = learned(60), learned(130)
    assert half.arousal(at(60.0, 70.0))[1] == pytest.approx(0.45, abs=0.02)
    assert full.arousal(at(130.0, 70.0, quality=0.4))[1] == pytest.approx(0.4, abs=0.01)
    assert full.arousal(missing(130.0)) == (0.0, 0.0)


def test_the_baseline_is_not_moved_by_what_comes_later():
    fusion = learned()
    for k in range(1000):
        fusion.learn(at(130.0 + k / 4, 100.0), 130.0 + k / 4)
    assert fusion.arousal(at(400.0, 70.0))[0] == pytest.approx(0.0, abs=0.02)


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6), st.floats(0.0, 1e6), st.floats(0.0, 1.0))
def test_arousal_and_confidence_stay_in_their_ranges(heart_rate, rmssd, breath_rate, quality):
    level, sure = learned(40).arousal(at(41.0, heart_rate, rmssd, breath_rate, quality))
    assert -1.0 <= level <= 1.0
    assert 0.0 <= sure <= 1.0


def told(vital, value, quality):
    return Reading(vital=vital, value=value, unit="bpm", at_s=0.0, quality=quality, window_s=10.0)


def test_a_pulse_stands_in_for_a_heart_that_nothing_tells_and_gives_way_again():
    sources, picked = Sources(), []
    for second in range(40):
        ecg = told("heart_rate", 70.0, 0.9) if not 10 <= second < 20 else told("heart_rate", None, 0.0)
        both = {"ecg": [ecg], "ppg": [told("pulse_rate", 72.0, 0.8)]}
        picked.append(sources.choose(both, float(second))["heart_rate"])
        assert sources.pick(both)["heart_rate"] == picked[-1]
    assert [r.value for r in picked[:12]] == [70.0] * 10 + [None] + [72.0]
    assert {r.quality for r in picked[12:20]} == {0.8 * 0.8}
    assert picked[22].value == 72.0  # better for two seconds is not yet reason to change
    assert picked[-1].value == 70.0
    assert sources.source("heart_rate") == "ecg"


def test_sources_that_are_about_as_good_do_not_take_turns():
    sources, chosen = Sources(), set()
    for second in range(30):
        sway = 0.1 if second % 2 else -0.1
        both = {"a": [told("breath_rate", 6.0, 0.6)], "b": [told("breath_rate", 7.0, 0.6 + sway)]}
        sources.choose(both, float(second))
        chosen.add(sources.source("breath_rate"))
    assert len(chosen) == 1


def test_a_breath_rate_of_little_quality_steers_nothing():
    assert steering_breath({}) is None
    assert steering_breath({"breath_rate": told("breath_rate", 9.0, BREATH_STEERS - 0.01)}) is None
    assert steering_breath({"breath_rate": told("breath_rate", 9.0, BREATH_STEERS)}) == 9.0


def test_a_baseline_is_the_median_of_two_minutes_and_told_once_it_is_whole():
    fusion = Fusion()
    for k in range(600):
        fusion.learn(at(k / 4, 140.0 if k % 10 == 0 else 70.0, rmssd=40.0), k / 4)  # coughs
        if k == 400:
            assert fusion.baseline() == {}
    assert fusion.baseline() == {
        "heart_rate": 70.0,
        "rmssd": pytest.approx(40.0),
        "breath_rate": 12.0,
    }


def test_what_earlier_sessions_found_stands_in_until_today_is_known():
    fusion = Fusion({"heart_rate": 60.0, "rmssd": 50.0, "breath_rate": 12.0})
    arousal, confidence = fusion.arousal(at(0.0, 70.0))
    assert arousal > 0.4
    assert 0.3 < confidence <= 0.5
    for k in range(600):
        fusion.learn(at(k / 4, 70.0), k / 4)
    assert fusion.arousal(at(150.0, 70.0)) == (pytest.approx(0.0, abs=1e-6), pytest.approx(0.9))


@pytest.mark.parametrize("known_s", [0, 40, 130])
def test_a_room_that_is_started_again_goes_on_with_the_baseline_of_the_one_before(known_s: int) -> None:
    rng = np.random.default_rng(5)
    moments = [at(0.25 * k, 64.0 + 6.0 * float(rng.standard_normal())) for k in range(4 * 130)]
    whole, first = Fusion({"breath_rate": 13.0}), Fusion({"breath_rate": 13.0})
    for k, readings in enumerate(moments):
        whole.learn(readings, 0.25 * k)
        if k < 4 * known_s:
            first.learn(readings, 0.25 * k)
    memory = json.loads(json.dumps(first.memory()))
    assert all(len(vital["values"]) <= 41 for vital in memory.values())
    second = Fusion.remembered(memory)
    now = at(200.0, 75.0)
    assert second.arousal(now)[1] == first.arousal(now)[1]
    for k in range(4 * known_s, len(moments)):
        second.learn(moments[k], 0.25 * k)
    assert second.baseline()["heart_rate"] == pytest.approx(whole.baseline()["heart_rate"], abs=0.5)
    assert second.arousal(now)[0] == pytest.approx(whole.arousal(now)[0], abs=0.05)
