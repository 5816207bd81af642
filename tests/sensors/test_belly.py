"""Breath from something on the belly."""

import math

import numpy as np
import pytest

from sensors.errors import BadStream
from sensors.estimators.belly import ESTIMATOR, MOST, BellyEstimator
from therapy.patient import CALIBRATING, NO_SIGNAL


def lying(per_min, seconds, rate_hz, direction=(0.1, 0.9, 0.3), noise=2e-4, seed=1):
    """Return a controller on a belly that rises 8 mm with each inhale (0.4 of a breath), and its times."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    turn = (t * per_min / 60.0) % 1.0
    up = np.where(
        turn < 0.4, 0.5 - 0.5 * np.cos(np.pi * turn / 0.4), 0.5 + 0.5 * np.cos(np.pi * (turn - 0.4) / 0.6)
    )
    rng = np.random.default_rng(seed)
    line = np.array(direction) / np.linalg.norm(direction)
    return 0.008 * up[:, None] * line + noise * rng.standard_normal((t.size, 3)) + [0.2, 1.0, -0.4], t


def run(x, t, rate_hz, size=9):
    estimator = BellyEstimator(rate_hz)
    breaths = []
    for at in range(0, len(x), size):
        breaths += estimator.push(x[at : at + size], t[at : at + size])
    return estimator, breaths


@pytest.mark.parametrize("direction", [(0.1, 0.9, 0.3), (0.0, -1.0, 0.1), (1.0, 0.0, 0.0)])
@pytest.mark.parametrize("per_min", [6.0, 14.0])
def test_rate_and_inhales_are_found_whatever_way_it_lies(direction, per_min):
    estimator, breaths = run(*lying(per_min, 60.0, 72.0, direction), 72.0)
    (reading,) = estimator.readings(60.0 - 1.0 / 72.0)
    assert reading.value == pytest.approx(per_min, rel=0.05)
    assert 0.3 < reading.quality <= MOST
    late = [math.remainder(b.at_s * per_min / 60.0, 1.0) for b in breaths if b.at_s > 20.0]
    assert len(late) >= 3
    assert abs(np.median(late)) < 0.08


def test_the_pull_of_gravity_turns_with_the_belly_as_well():
    x, t = lying(8.0, 60.0, 50.0)
    estimator, _ = run(100.0 * (x - x.mean(axis=0)) + [0.0, 9.81, 0.0], t, 50.0)
    assert estimator.readings(float(t[-1]))[0].value == pytest.approx(8.0, rel=0.06)


def test_what_moves_in_every_direction_is_no_breath():
    rng = np.random.default_rng(3)
    t = np.arange(3000) / 50.0
    estimator, _ = run(np.cumsum(rng.standard_normal((t.size, 3)), axis=0) * 1e-3, t, 50.0)
    assert estimator.readings(float(t[-1]))[0].quality < 0.3


def test_taken_up_it_tells_nothing():
    x, t = lying(8.0, 60.0, 50.0)
    x[2900:] += [0.3, 0.2, 0.1]
    estimator, _ = run(x, t, 50.0)
    reading = estimator.readings(float(t[-1]))[0]
    assert reading.quality == 0.0
    assert estimator.phase(float(t[-1]))[1] == 0.0


def test_chunks_do_not_matter():
    x, t = lying(12.0, 40.0, 60.0)
    told = [run(x, t, 60.0, size) for size in (1, 17, 5000)]
    assert [b.at_s for b in told[0][1]] == [b.at_s for b in told[1][1]] == [b.at_s for b in told[2][1]]
    assert len({str(e.readings(39.9)) for e, _ in told}) == 1


def test_what_it_cannot_read_it_refuses():
    assert BellyEstimator(50.0).readings(0.0)[0].reason == NO_SIGNAL
    young, _ = run(*lying(8.0, 3.0, 50.0), 50.0)
    assert young.readings(3.0)[0].reason == CALIBRATING
    young.push(np.full((2, 3), np.nan), [3.1, 3.2])
    assert young.bad_samples == 6
    with pytest.raises(BadStream, match="belly motion rate must be in"):
        BellyEstimator(1.0)
    assert ESTIMATOR.choose(("t", "Z", "Y", "X")) == (3, 2, 1)
    with pytest.raises(BadStream, match="belly motion channels must be x, y, z, got 1"):
        ESTIMATOR.build(50.0, tuple(("a",)[k] for k in ESTIMATOR.choose(("a",))))
