"""What places are put together from: coarser shapes for what is seen small."""

from __future__ import annotations

import numpy as np
import pytest

from scenes import _props
from scenes._garden import ground_m, islet_rings, leaf_atlas, maple, raked, rings
from scenes._garden_nodes import seen


def test_a_coarser_shape_keeps_its_size_and_loses_its_small_triangles() -> None:
    stone = _props.stone(np.random.default_rng(3))
    coarse, which = _props.coarser(stone, 0.2)
    assert len(coarse.vertex) < 0.5 * len(stone.vertex)
    assert which.shape == (len(stone.vertex),)
    assert np.abs(np.ptp(coarse.vertex, axis=0) - np.ptp(stone.vertex, axis=0)).max() < 0.2
    a, b, c = coarse.triangles.T
    assert not ((a == b) | (b == c) | (c == a)).any()
    assert coarse.triangles.max() < len(coarse.vertex)


def test_what_went_into_one_vertex_is_its_mean() -> None:
    which = np.array([0, 1, 0], np.uint32)
    assert _props.merged(np.array([[1.0], [5.0], [3.0]]), which).tolist() == [[2.0], [5.0]]


def test_the_shore_lies_on_vertices_of_the_gardens_ground() -> None:
    radii = np.concatenate([[0.0], np.geomspace(0.55, 26.0, 30)])
    angles = np.linspace(-0.5, 0.5, 9)
    x, y = rings(radii, angles)
    high = ground_m(x, y, islet=False)
    for column in range(len(angles)):
        wet = high[:, column] < -0.01
        assert wet.any()
        first = int(np.argmax(wet))
        assert high[first - 1, column] == pytest.approx(0.0, abs=0.01)
    assert (np.diff(np.hypot(x, y), axis=0) > 0.0).all(), "rings never cross"
    x, y = islet_rings()
    assert ground_m(x[-1], y[-1]) == pytest.approx(0.0, abs=0.01)


def test_only_triangles_at_the_raked_stones_have_rings() -> None:
    near, far = np.zeros((3, 3)), np.full((3, 3), 20.0)
    near[:, :2] = (4.5, 3.7)
    assert raked(np.stack([near, far])).tolist() == [True, False]


def test_leaves_that_nearer_ones_hide_are_left_out_and_none_that_is_seen() -> None:
    _, cards = maple(np.random.default_rng(1))
    kept = seen(cards, leaf_atlas(1))
    assert 0.3 < len(kept) / len(cards.at) < 0.8
    away = np.linalg.norm(cards.at, axis=1)
    assert int(np.argmin(away)) in kept
    alone = cards.chosen(np.array([int(np.argmax(away))]))
    assert seen(alone, leaf_atlas(1)).tolist() == [0]
