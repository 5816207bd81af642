"""Vitals from a strap's intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.estimators.rr import ESTIMATOR, RrEstimator
from therapy.patient import CALIBRATING, LEAD_OFF, NO_SIGNAL, STALE


def heart(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    lengths = (
        0.9 + 0.05 * np.sin(2 * np.pi * 0.1 * np.arange(count) * 0.9) + 0.01 * rng.standard_normal(count)
    )
    return lengths, 5.0 + np.cumsum(lengths)


def values(estimator: RrEstimator, now_s: float) -> dict:
    return {r.vital: r for r in estimator.readings(now_s)}


def test_rate_and_variability_are_those_of_the_intervals():
    lengths, stamps = heart()
    estimator = RrEstimator()
    beats = estimator.push(lengths[:, None], stamps)
    assert len(beats) == 400
    now = values(estimator, stamps[-1])
    assert now["heart_rate"].value == pytest.approx(60.0 / lengths[-10:].mean(), abs=0.5)
    last = lengths[stamps > stamps[-1] - 60.0]
    assert now["rmssd"].value == pytest.approx(1000 * np.sqrt(np.mean(np.diff(last) ** 2)), rel=0.03)
    assert now["sdnn"].value == pytest.approx(1000 * lengths[-200:].std(), rel=0.1)
    assert now["lf_power"].value > 5 * now["hf_power"].value
    assert 0.5 < now["heart_rate"].quality <= 0.8
    assert estimator.next_beat_s(stamps[-1]) == pytest.approx(stamps[-1] + lengths[-3:].mean(), abs=0.1)


def test_why_there_is_no_value_is_told():
    lengths, stamps = heart(20)
    estimator = RrEstimator()
    assert values(estimator, 0.0)["heart_rate"].reason == NO_SIGNAL
    estimator.push(lengths[:, None], stamps)
    assert values(estimator, stamps[-1])["rmssd"].reason == CALIBRATING
    assert values(estimator, stamps[-1] + 30.0)["heart_rate"].reason == STALE
    estimator.push(np.array([[0.9, 0.0]]), stamps[-1:] + 0.9)
    assert values(estimator, stamps[-1] + 1.0)["heart_rate"].reason == LEAD_OFF


def test_missing_beats_make_a_hole_and_not_an_interval():
    lengths, stamps = heart()
    kept = np.ones(400, dtype=bool)
    kept[200:205] = False
    estimator = RrEstimator()
    estimator.push(lengths[kept][:, None], stamps[kept])
    assert max(length for _, length in estimator.intervals(stamps[-1], 300.0)) < 1.1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(width=32), st.floats(width=32), st.floats(0, 100)), max_size=40))
def test_nothing_breaks_it_and_absurd_intervals_are_counted(rows):
    estimator = RrEstimator()
    chunk = np.array([row[:2] for row in rows], dtype=np.float64).reshape(-1, 2)
    stamps = np.array([row[2] for row in rows], dtype=np.float64)
    beats = estimator.push(chunk, stamps)
    assert len(beats) + estimator.bad_samples <= len(rows)
    for reading in estimator.readings(101.0):
        assert reading.value is None or np.isfinite(reading.value)


def test_the_size_of_chunks_does_not_matter():
    lengths, stamps = heart(100)
    whole, single = RrEstimator(), RrEstimator()
    all_at_once = whole.push(lengths[:, None], stamps)
    one_by_one = [
        beat for i in range(100) for beat in single.push(lengths[i : i + 1, None], stamps[i : i + 1])
    ]
    assert all_at_once == one_by_one
    assert whole.readings(stamps[-1]) == single.readings(stamps[-1])


def test_the_columns_are_found_by_their_names():
    assert ESTIMATOR.choose(("contact", "interval")) == (1, 0)
    assert ESTIMATOR.choose(("RR",)) == (0,)
    assert ESTIMATOR.choose(("", "")) == (0,)
