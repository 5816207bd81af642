"""A voice made of harmonics, in syllables with pauses: what is told of it is known."""

import numpy as np
import pytest

from sensors.errors import BadStream
from sensors.estimators.prosody import SILENT, ProsodyEstimator
from therapy.patient import CALIBRATING, NO_SIGNAL, STALE

HZ = 16_000.0


def voice(pitch_hz, seconds=12.0, syllables_per_s=4.0, talk_s=2.0, pause_s=1.0, noise=0.001):
    t = np.arange(round(seconds * HZ)) / HZ
    harmonics = sum(np.sin(2.0 * np.pi * k * pitch_hz * t) / k for k in range(1, 9))
    loud = 0.55 - 0.45 * np.cos(2.0 * np.pi * syllables_per_s * t)
    talking = (t % (talk_s + pause_s)) < talk_s
    rng = np.random.default_rng(1)
    return 0.1 * harmonics * loud * talking + noise * rng.standard_normal(t.size), t


def told(x, t, size=1600):
    estimator = ProsodyEstimator(HZ)
    for at in range(0, x.size, size):
        estimator.push(x[at : at + size], t[at : at + size])
    return {r.vital: r for r in estimator.readings(float(t[-1]))}


@pytest.mark.parametrize("pitch_hz", [95.0, 140.0, 220.0, 310.0])
def test_pitch_pauses_and_syllables_are_those_of_the_voice(pitch_hz):
    readings = told(*voice(pitch_hz))
    assert readings["voice_pitch"].value == pytest.approx(pitch_hz, rel=0.01)
    assert readings["voice_pitch_range"].value < 0.5
    assert readings["voice_pauses"].value == pytest.approx(0.31, abs=0.06)
    assert readings["syllable_rate"].value == pytest.approx(4.0, rel=0.15)
    assert readings["voice_pitch"].quality > 0.7


def test_half_as_loud_is_six_decibels_less():
    x, t = voice(150.0, noise=1e-4)
    loud, soft = (told(k * x, t)["voice_level"].value for k in (1.0, 0.5))
    assert loud - soft == pytest.approx(6.02, abs=0.2)


def test_a_gliding_voice_has_a_range():
    t = np.arange(round(10.0 * HZ)) / HZ
    phase = np.cumsum(150.0 * 2.0 ** (0.25 * np.sin(2.0 * np.pi * 0.3 * t))) / HZ
    x = 0.1 * sum(np.sin(2.0 * np.pi * k * phase) / k for k in range(1, 6)) * ((t % 3.0) < 2.0)
    assert told(x, t)["voice_pitch_range"].value == pytest.approx(5.7, abs=1.0)


@pytest.mark.parametrize("kind", ["silence", "noise", "hum", "zero"])
def test_what_is_no_voice_has_no_pitch(kind):
    t = np.arange(round(8.0 * HZ)) / HZ
    rng = np.random.default_rng(2)
    x = {
        "silence": 1e-4 * rng.standard_normal(t.size),
        "noise": 0.1 * rng.standard_normal(t.size),
        "hum": 0.1 * np.sin(2.0 * np.pi * 50.0 * t),
        "zero": np.zeros(t.size),
    }[kind]
    for reading in told(x, t).values():
        assert (reading.value, reading.quality, reading.reason) == (None, 0.0, SILENT)


def test_chunks_do_not_matter():
    x, t = voice(120.0, seconds=7.0)
    values = [[(r.value, r.quality) for r in told(x, t, size).values()] for size in (160, 977, 7777)]
    assert values[0] == values[1] == values[2]


def test_what_is_not_known_says_why():
    estimator = ProsodyEstimator(HZ)
    assert {r.reason for r in estimator.readings(0.0)} == {NO_SIGNAL}
    x, t = voice(120.0, seconds=2.0)
    estimator.push(x, t)
    assert {r.reason for r in estimator.readings(2.0)} == {CALIBRATING}
    assert {r.reason for r in estimator.readings(9.0)} == {STALE}
    estimator.push(np.array([np.nan, 1e300]), np.array([2.1, 2.2]))
    assert estimator.bad_samples == 2
    with pytest.raises(BadStream, match="voice sampling rate must be in"):
        ProsodyEstimator(100.0)
