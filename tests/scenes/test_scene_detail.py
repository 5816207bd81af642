"""What makes places cheaper to draw: pictures that fit their pixels, cuts and leaves nobody sees."""

from __future__ import annotations

import numpy as np
import pytest
from panda3d import core

from scenes import _detail, _garden, _garden_nodes, _props
from scenes._noise import cloud_texture, halved
from scenes._parts import dome
from scenes._props import Numbers, Shape
from scenes.zen_garden import ZenGarden
from therapy.controls import NEUTRAL


def rows_of(path: core.NodePath) -> Numbers:
    data = path.node().get_geom(0).get_vertex_data()
    stride = data.get_array(0).get_array_format().get_stride() // 4
    return np.frombuffer(memoryview(data.get_array(0)).cast("B"), np.float32).reshape(-1, stride)


def test_a_halved_picture_is_the_mean_of_its_texels() -> None:
    picture = cloud_texture(3)
    small = halved(picture, 2)
    assert small.shape == (128, 128, 4)
    blocks = picture.reshape(128, 4, 128, 4, 4).astype(float).mean(axis=(1, 3))
    assert np.abs(small - blocks).max() <= 0.5 + 1e-3
    assert np.array_equal(halved(picture, 0), picture)


@pytest.mark.parametrize(
    ("texels_per_rad", "pixel_tan", "level"),
    [(100.0, 0.001, 0), (1000.0, 0.001, 0), (1000.0, 0.004, 2), (2400.0, 0.004, 3), (1e6, 0.004, 4)],
)
def test_a_part_reads_the_level_whose_texels_are_as_wide_as_its_pixels(
    texels_per_rad: float, pixel_tan: float, level: int
) -> None:
    detail = _detail.Detail("picture", cloud_texture(3), 5)
    part = core.NodePath("part")
    detail.hang(part, "fine_map", texels_per_rad)
    detail.fit(0.5)
    detail.fit(pixel_tan)
    assert part.get_shader_input("fine_map").get_texture().get_x_size() == 512 >> level


def test_ground_farther_off_has_more_texels_in_a_pixel_than_by_its_distance_alone() -> None:
    near, far = (_detail.on_ground(100.0, away, 1.5) for away in (1.5, 6.0))
    assert near == pytest.approx(150.0)
    assert far == pytest.approx(600.0 * 2.0)


def test_a_finer_picture_of_the_place_is_read_where_pixels_are_smaller() -> None:
    garden = ZenGarden(3)
    assert _detail.pixel_tan_of(garden.root) == pytest.approx(0.0037)

    def widths() -> list[int]:
        ground = garden.root.find_all_matches("**/ground")
        return [path.get_shader_input("fine_map").get_texture().get_x_size() for path in ground]

    coarse = widths()
    garden.root.set_shader_input("pixel_tan", 0.0010)
    garden.update(NEUTRAL, 1.0)
    fine = widths()
    assert len(set(coarse)) > 2, "the level hangs on the distance"
    assert all(f >= c for f, c in zip(fine, coarse, strict=True))
    assert sum(fine) > 2 * sum(coarse)


def test_a_shape_is_cut_where_its_height_passes_nought() -> None:
    vertex = np.array([[0.0, 0.0, -1.0], [4.0, 0.0, 1.0], [4.0, 4.0, 1.0], [0.0, 4.0, -1.0]], np.float32)
    square = Shape(vertex=vertex, triangles=np.array([[0, 1, 2], [0, 2, 3]], np.uint32))
    kept, columns, own = _props.above(square, vertex[:, :1] * 10.0, vertex[:, 2], 0.0)
    corners = kept.vertex[kept.triangles]
    assert corners[..., 2].min() == 0.0
    ab, ac = (corners[:, i, :2] - corners[:, 0, :2] for i in (1, 2))
    area = 0.5 * (ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0])
    assert area.min() >= 0.0, "they run round as before"
    assert area.sum() == pytest.approx(8.0)
    assert np.allclose(columns[:, 0], kept.vertex[:, 0] * 10.0)
    assert sorted(set(own.tolist())) == [0, 1]


def test_the_gardens_ground_ends_at_the_water() -> None:
    garden = ZenGarden(3)
    lowest = min(rows_of(path)[:, 2].min() for path in garden.root.find_all_matches("**/ground"))
    assert lowest > -_garden.WATER_M - 0.1, "a bump or two, but no slope down to the bottom"


def cards(at: list[list[float]], size: float) -> _garden.Cards:
    count = len(at)
    ones = np.ones(count, np.float32)
    return _garden.Cards(
        at=np.array(at, np.float32),
        size=size * ones,
        turn=np.arange(count, dtype=np.float32),
        tone=np.ones((count, 3), np.float32),
        leaf=0.0 * ones,
    )


def test_leaves_that_nearer_ones_hide_are_left_out_and_no_others() -> None:
    pile = [[0.0, 5.0 + 0.1 * i, 0.4] for i in range(8)]
    seen = _garden_nodes.in_sight(cards([*pile, [3.0, 5.0, 0.4]], 0.3), cover=0.5)
    assert seen.turn.tolist() == [0.0, 1.0, 2.0, 8.0], "1, ½, ¼ of them show, then less than the least"
    every = _garden_nodes.in_sight(cards(pile, 0.3), cover=0.0)
    assert len(every.at) == 8


@pytest.mark.parametrize("half", [0, 1])
def test_a_leafs_outline_leaves_nothing_out(half: int) -> None:
    picture = _garden.leaf_atlas(3)[:, 128 * half : 128 * (half + 1)]
    corner = _garden_nodes.outline(picture)
    row, column = np.nonzero(picture[..., 3] > 8)
    at = ((np.stack([column, row], axis=1) + 0.5) / 64.0 - 1.0) / 0.98
    along = np.roll(corner, -1, axis=0) - corner
    off = at[:, None] - corner[None]
    inside = along[None, :, 0] * off[..., 1] - along[None, :, 1] * off[..., 0]
    assert inside.min() > -1e-3
    x, y = corner.T
    area = 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    assert area < 0.75 * 4.0, "and is much smaller than the card"


def test_a_dome_may_be_a_strip() -> None:
    highs = [rows_of(path)[:, 2] / 1000.0 for path in dome(-14.0, 18.0).get_children()]
    assert min(h.min() for h in highs) == pytest.approx(-np.sin(np.radians(14.0)), abs=1e-4)
    assert max(h.max() for h in highs) == pytest.approx(np.sin(np.radians(18.0)), abs=1e-4)
