"""The depth that goes with a picture: calm enough for a rubber sheet, small on the wire."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vr_world.streaming.depth import (
    MAX_SLOPE_PER_M,
    NEAREST_M,
    NODES,
    behind_mirror,
    calmed,
    pack_depth,
    unpack_depth,
)
from vr_world.streaming.errors import BadMessage

SPANS = ((3.0, 3.0), (3.0, 3.0))
STEP_PER_M = MAX_SLOPE_PER_M * 3.0 / (NODES - 1)
#: One byte, in 1 / m.
BYTE_PER_M = 1.0 / (255.0 * NEAREST_M)

grids = arrays.arrays(
    np.uint8, st.integers(2, 9).map(lambda n: (2, n, n)), elements=st.sampled_from((0, 0, 0, 7, 8, 255))
)


def a_post(at: int = 20) -> np.ndarray:
    """A post at 1 m before a wall at 4 m."""
    inverse_m = np.full((2, NODES, NODES), 0.25, np.float32)
    inverse_m[:, :, at : at + 2] = 1.0
    return inverse_m


@given(grids)
def test_a_grid_comes_through_whole(grid: np.ndarray) -> None:
    np.testing.assert_array_equal(unpack_depth(pack_depth(grid)), grid)


def test_runs_longer_than_a_byte_counts_come_through() -> None:
    grid = np.zeros((2, 128, 128), np.uint8)
    packed = pack_depth(grid)
    assert len(packed) < 270
    np.testing.assert_array_equal(unpack_depth(packed), grid)


def test_a_level_ground_under_a_sky_is_small() -> None:
    ground = np.linspace(1.5, -1.5, NODES, dtype=np.float32)[:, None].repeat(NODES, axis=1) / -1.3
    packed = pack_depth(calmed(np.stack([ground, ground]), SPANS))
    assert len(packed) < 400


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "nodes a side, got 0"),
        (b"\x01\x00", "nodes a side, got 1"),
        (b"\xff\x00", "nodes a side, got 255"),
        (b"\x02\x00\x06", "must have 8 nodes, got 7"),
        (b"\x02\x00\x08", "must have 8 nodes, got 9"),
        (b"\x02\x00\x07\x05", "must have 8 nodes, got 9"),
        (b"\x02\x00", "must have 8 nodes, got 1"),
    ],
)
def test_bytes_that_are_no_grid_are_refused(data: bytes, what: str) -> None:
    with pytest.raises(BadMessage, match=what):
        unpack_depth(data)


@given(st.binary(max_size=40))
def test_whatever_comes_is_a_grid_or_refused(data: bytes) -> None:
    try:
        grid = unpack_depth(data)
    except BadMessage:
        return
    assert grid.shape[0] == 2


def test_near_things_keep_their_depth_and_pull_what_is_beside_them() -> None:
    calm = calmed(a_post(), SPANS) * BYTE_PER_M
    np.testing.assert_allclose(calm[:, :, 20:22], 1.0, atol=BYTE_PER_M)
    assert (calm[:, :, 19] < 1.0).all()
    assert (calm[:, :, 19] > 0.25).all()
    np.testing.assert_allclose(calm[:, :, :15], 0.25, atol=BYTE_PER_M)


def test_what_a_mirror_shows_is_far_and_what_stands_in_it_is_not() -> None:
    frustum = (1.2, 1.5, 1.4, 1.6)
    share = np.linspace(0.0, 1.0, NODES, dtype=np.float32)
    across = share * (frustum[0] + frustum[1]) - frustum[0]
    along = frustum[2] - share[:, None] * (frustum[2] + frustum[3])
    nod, tilt = math.radians(10.0), math.radians(5.0)
    up = (math.sin(tilt), math.cos(tilt) * math.cos(nod), math.cos(tilt) * math.sin(nod))
    climbs = up[0] * across + up[1] * along - up[2]
    water = np.maximum(-climbs / 1.2, 0.0)
    scene = water.copy()
    scene[:, 20:23] = np.maximum(scene[:, 20:23], 0.6)  # a post that stands in it
    inverse_m = np.stack([scene, scene]).astype(np.float32)
    seen = behind_mirror(inverse_m, (frustum, frustum), up, 1.2)
    post = water < 0.5
    assert (seen[:, :, 20:23][:, post[:, 20:23]] == np.float32(0.6)).all()
    assert (np.delete(seen, [20, 21, 22], axis=2) == 0.0).all()
    assert (inverse_m == np.stack([scene, scene])).all(), "what came in stays"


@given(st.lists(st.tuples(*[st.integers(0, NODES - 1)] * 2, st.floats(0.0, 9.0)), max_size=8))
def test_no_slope_is_steeper_than_a_sheet_can_take(spots: list[tuple[int, int, float]]) -> None:
    inverse_m = np.zeros((2, NODES, NODES), np.float32)
    for row, column, value in spots:
        inverse_m[:, row, column] = value
    calm = calmed(inverse_m, SPANS) * BYTE_PER_M
    for axis in (1, 2):
        assert np.abs(np.diff(calm, axis=axis)).max() <= STEP_PER_M + 1.01 * BYTE_PER_M
    assert (calm >= np.minimum(inverse_m, 2.0) - BYTE_PER_M).all(), "nothing is farther than it was"


def test_a_sheet_keeps_its_order_under_a_lean_of_fifteen_centimetres() -> None:
    tangent = np.linspace(-1.5, 1.5, NODES)
    calm = calmed(a_post() * 2.0, SPANS)[0, 0] * BYTE_PER_M
    for lean_m in (-0.15, 0.15):
        assert (np.diff(tangent - lean_m * calm) > 0.0).all()
