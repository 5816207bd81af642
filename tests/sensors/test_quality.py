import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.quality import Cleaner, ramp

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def everything(segments):
    return (
        np.concatenate([s.x for s in segments]) if segments else np.empty(0),
        np.concatenate([s.stamps_s for s in segments]) if segments else np.empty(0),
    )


@given(st.lists(st.tuples(ANY_FLOAT, ANY_FLOAT), max_size=60))
def test_whatever_comes_only_finite_samples_in_time_order_leave(rows):
    segments = Cleaner(10.0).push([r[0] for r in rows], [r[1] for r in rows])
    x, t = everything(segments)
    assert np.all(np.isfinite(x))
    for segment in segments:
        assert np.all(np.diff(segment.stamps_s) > 0.0)
        assert segment.x.size == segment.stamps_s.size == segment.bad.size > 0
    assert t.size <= len(rows)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(0, 1000))
def test_the_size_of_chunks_changes_nothing(sizes, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(600)
    x[rng.integers(0, 600, 20)] = rng.choice([math.nan, math.inf, 1e20, 1e6], 20)
    t = np.cumsum(np.where(rng.random(600) < 0.01, 1.0, 0.05))
    t[rng.integers(0, 600, 5)] = math.nan
    whole = Cleaner(20.0)
    parts = Cleaner(20.0)
    expected = everything(whole.push(x, t))
    got = []
    at = 0
    while at < x.size:
        for size in sizes:
            got += parts.push(x[at : at + size], t[at : at + size])
            at += size
    np.testing.assert_array_equal(expected[0], everything(got)[0])
    np.testing.assert_array_equal(expected[1], everything(got)[1])
    assert whole.bad_samples == parts.bad_samples


def test_a_glitch_is_held_and_counted():
    cleaner = Cleaner(100.0)
    t = np.arange(1000) / 100.0
    x = np.sin(t)
    x[700] = 1e6
    x[800] = math.nan
    segments = cleaner.push(x, t)
    y, _ = everything(segments)
    assert y[700] == x[699]
    assert y[800] == x[799]
    assert cleaner.bad_samples == 2


def test_a_rescaled_sensor_is_believed_after_about_a_second():
    cleaner = Cleaner(100.0)
    t = np.arange(1000) / 100.0
    x = np.where(t < 5.0, np.sin(t), 1e6 + 1e5 * np.sin(t))
    y, _ = everything(cleaner.push(x, t))
    np.testing.assert_array_equal(y[:500], x[:500])
    np.testing.assert_array_equal(y[-250:], x[-250:])


def test_a_hole_starts_a_new_segment_with_its_length():
    t = np.concatenate((np.arange(50) / 50.0, 4.0 + np.arange(50) / 50.0))
    segments = Cleaner(50.0).push(np.zeros(100), t)
    assert [round(s.gap_s, 2) for s in segments] == [0.0, 3.02]


def test_a_clock_set_back_is_believed_after_a_second_of_dropped_samples():
    cleaner = Cleaner(50.0)
    cleaner.push(np.zeros(50), 100.0 + np.arange(50) / 50.0)
    segments = cleaner.push(np.ones(200), 10.0 + np.arange(200) / 50.0)
    assert sum(s.x.size for s in segments) == 150
    assert segments[0].gap_s > 0.0


def test_ramp_is_bounded_and_zero_for_nan():
    assert [ramp(v, 1.0, 3.0) for v in (0.0, 1.0, 2.0, 3.0, 9.0, math.nan)] == [0.0, 0.0, 0.5, 1.0, 1.0, 0.0]
