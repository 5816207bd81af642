"""Lipponen & Tarvainen's classes (2019), one beat late: what is wrong with an interval of a true heart."""

import itertools
import math

import numpy as np
import pytest

from sensors.estimators._intervals import Intervals


def beats(count=150, mean_s=0.85, swing_s=0.05, seed=1):
    """Return beat times of a heart that breathes twelve times a minute, with a little noise."""
    rng = np.random.default_rng(seed)
    times, at_s = [], 0.0
    for _ in range(count):
        at_s += mean_s + swing_s * math.sin(2.0 * math.pi * 0.2 * at_s) + 0.008 * rng.standard_normal()
        times.append(at_s)
    return times


def told(times):
    """Return the settled class of each interval by the time of the beat that ends it; and the keeper."""
    kept = Intervals()
    for at_s in times:
        kept.beat(at_s)
    kept.break_off()
    return {i.at_s: i.artefact for i in kept.kept if i.artefact}, kept


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at", [40, 77, 120])
def test_an_ectopic_beat_is_short_and_its_pause_long(seed, at):
    times = beats(seed=seed)
    times[at] -= 0.3
    marked, _ = told(times)
    assert marked == {times[at]: "short", times[at + 1]: "long"}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at", [40, 77, 120])
def test_a_missed_beat_leaves_one_interval_of_two(seed, at):
    times = beats(seed=seed)
    gone = [t for k, t in enumerate(times) if k != at]
    marked, _ = told(gone)
    assert marked == {times[at + 1]: "missed"}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.35, 0.5, 0.65])
def test_an_extra_beat_makes_two_that_are_too_short(seed, share):
    times = beats(seed=seed)
    extra = times[60] + share * (times[61] - times[60])
    marked, _ = told(sorted([*times, extra]))
    assert set(marked) == {extra, times[61]}
    assert set(marked.values()) <= {"extra", "short"}
    assert "extra" in marked.values()


def test_a_clean_heart_has_no_artefacts_and_artefacts_leave_its_rmssd_alone():
    for seed in range(6):
        times = beats(400, seed=seed)
        marked, clean = told(times)
        assert marked == {}
        times[200] -= 0.25
        del times[150]
        _, spoilt = told(sorted([*times, times[100] + 0.4]))
        values = [k.rmssd_ms(times[-1], 300.0)[0] for k in (clean, spoilt)]
        true = 1e3 * math.sqrt(
            np.mean([(b - a) ** 2 for a, b in itertools.pairwise(np.diff(beats(400, seed=seed)))])
        )
        assert values[0] == pytest.approx(true, rel=0.06)
        assert values[1] == pytest.approx(true, rel=0.06)
