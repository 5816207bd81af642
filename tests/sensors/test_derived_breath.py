"""The breath told from beats, and how little it is believed."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from benchmarks._breaths import offline_troughs
from sensors.estimators._derived import ALONE, TOGETHER, DerivedBreath
from sensors.estimators.ppg import PpgEstimator
from sensors.fuse import BREATH_STEERS
from sensors.recordings import load_recording
from sensors.testing import pulses
from therapy.patient import CALIBRATING, NOISE


def told(per_min, height=0.1, speed=0.06, heart=70.0, seconds=90.0, noise=0.01, seed=1):
    """Return what is told of beats that an inhale makes higher by `height` and faster by `speed`."""
    rng = np.random.default_rng(seed)
    breath, at_s, last_s = DerivedBreath(), 0.0, None
    while at_s < seconds:
        turn = math.sin(2.0 * math.pi * per_min / 60.0 * at_s)
        tall = 1.0 + height * turn + noise * rng.standard_normal()
        breath.take(at_s, tall, None if last_s is None else at_s - last_s)
        last_s = at_s
        at_s += 60.0 / heart / (1.0 + speed * turn + 0.3 * noise * rng.standard_normal())
    return breath.reading(at_s, 1.0, "")


@pytest.mark.parametrize("per_min", [6.0, 10.0, 15.0])
def test_height_and_rate_together_tell_the_breath(per_min):
    reading = told(per_min)
    assert reading.value == pytest.approx(per_min, rel=0.1)
    assert ALONE < reading.quality <= TOGETHER


def test_one_alone_is_not_enough_to_steer():
    reading = told(8.0, height=0.0, noise=0.003)
    assert reading.value is None or reading.quality <= ALONE
    assert told(8.0, speed=0.0, noise=0.003).quality <= ALONE


def test_beats_without_a_breath_in_them_are_not_believed():
    believed = [told(8.0, height=0.0, speed=0.0, seed=seed).quality for seed in range(5)]
    assert max(believed) < 0.3


def test_a_heart_too_slow_for_the_breath_tells_nothing():
    reading = told(28.0, heart=50.0)
    assert reading.value is None or reading.value * 2.2 <= 52.0


def test_what_is_not_known_says_why():
    assert told(8.0, seconds=10.0).reason == CALIBRATING
    breath = DerivedBreath()
    for k in range(60):
        breath.take(float(k), 1.0, 1.0)
    assert breath.reading(60.0, 1.0, "").reason == NOISE
    assert breath.reading(60.0, 1.0, "lead off").reason == "lead off"


@pytest.mark.parametrize("seed", range(4))
def test_the_level_of_pulses_stands_in_for_a_heart_rate_that_does_not_follow_the_breath(seed):
    rng = np.random.default_rng(seed)
    breath = DerivedBreath()
    for k in range(100):
        turn = math.sin(2.0 * math.pi * 0.2 * k)
        pulse = 1.0 + 0.1 * turn + 0.02 * rng.standard_normal()
        level = 5.0 - 0.4 * turn + 0.05 * rng.standard_normal()
        breath.take(float(k), pulse, 1.0 + 0.02 * rng.standard_normal(), level)
    reading = breath.reading(100.0, 1.0, "")
    assert reading.value == pytest.approx(12.0, rel=0.1)
    assert reading.quality >= BREATH_STEERS


def test_noise_that_has_extrema_has_no_breath():
    told = steering = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        breath, at_s = DerivedBreath(), 0.0
        for _ in range(150):
            length = 0.8 + 0.05 * rng.standard_normal()
            at_s += length
            breath.take(at_s, 1.0 + 0.1 * rng.standard_normal(), length, rng.standard_normal())
            reading = breath.reading(at_s, 1.0, "")
            told += reading.value is not None
            steering += reading.quality >= BREATH_STEERS
    assert steering == 0
    assert told < 0.05 * 12 * 150


@pytest.mark.parametrize("size", [1, 37])
def test_the_length_of_chunks_changes_nothing(size):
    x, at_s, _ = pulses(60.0, 64.0, noise=0.02)
    x = x * (1.0 + 0.2 * np.sin(2.0 * np.pi * 0.2 * at_s))
    readings = []
    for step in (size, 16):
        estimator, said = PpgEstimator(64.0), []
        for second in range(4, 60, 4):
            part = slice((second - 4) * 64, second * 64)
            for at in range(part.start, part.stop, step):
                end = min(at + step, part.stop)
                estimator.push(x[at:end], at_s[at:end])
            said.append(estimator.readings(float(second))[-1])
        readings.append(said)
    assert readings[0] == readings[1]
    assert readings[0][-1].vital == "breath_rate"
    assert readings[0][-1].value == pytest.approx(12.0, abs=0.5)


@pytest.mark.skipif("STILLWATER_DATA" not in os.environ, reason="STILLWATER_DATA is not set")
def test_of_a_bedside_recording_no_breath_is_trusted_that_its_belt_denies():
    streams = load_recording(Path(os.environ["STILLWATER_DATA"]) / "biosignals" / "v102s.hea").streams
    belt, pulse = (next(s for s in streams if s.kind == kind) for kind in ("Respiration", "PPG"))
    troughs_s = offline_troughs(signal.medfilt(belt.samples[:, 0], 151), belt.rate_hz)  # without its spikes
    estimator, size = PpgEstimator(pulse.rate_hz), round(pulse.rate_hz)
    told = 0
    for second in range(98):  # the belt is whole until then
        part = slice(second * size, (second + 1) * size)
        estimator.push(pulse.samples[part, 0], pulse.stamps_s[part])
        reading = estimator.readings(second + 1.0)[-1]
        recent = troughs_s[(troughs_s > second - 29.0) & (troughs_s <= second + 1.0)]
        if reading.value is not None and reading.quality >= 0.1:
            told += abs(reading.value - 60.0 / float(np.mean(np.diff(recent)))) > 2.0
    assert told == 0
