"""The breath told from beats, and how little it is believed."""

import math

import numpy as np
import pytest

from sensors.estimators._derived import ALONE, TOGETHER, DerivedBreath
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
