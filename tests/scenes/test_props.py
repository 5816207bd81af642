"""What places are put together from: what is left out because nobody sees it, and what is cut."""

from __future__ import annotations

import numpy as np
import pytest

from scenes import _props
from scenes._garden import Cards, in_sight, maple
from scenes._land import Ridge
from scenes._noise import cloud_texture, halved


def test_a_sheet_is_cut_where_it_goes_under_and_its_columns_with_it() -> None:
    x, y = (a.reshape(-1) for a in np.meshgrid(np.linspace(-1.0, 1.0, 5), np.linspace(-1.0, 1.0, 5)))
    sheet = _props.Shape(vertex=np.stack([x, y, x + 0.13], axis=-1), triangles=_props.grid(5, 5))
    kept, columns, own = _props.above(sheet, y[:, None], x + 0.13, 0.0)
    used = kept.vertex[kept.triangles.reshape(-1)]
    assert used[:, 2].min() >= 0.0, "nothing is left below the cut"
    assert used[:, 2].max() == pytest.approx(1.13)
    assert columns[:, 0] == pytest.approx(kept.vertex[:, 1], abs=1e-6)
    assert len(own) == len(kept.triangles)
    a, b, c = (kept.vertex[kept.triangles[:, i]][:, :2] for i in range(3))
    area = 0.5 * np.abs(np.cross(np.append(b - a, 0 * a[:, :1], 1), np.append(c - a, 0 * a[:, :1], 1))[:, 2])
    assert area.sum() == pytest.approx(2.0 * 1.13, rel=0.03)


def test_leaves_that_nearer_ones_hide_are_left_out_and_none_that_is_seen() -> None:
    _, crown, _ = maple(np.random.default_rng(1))
    kept = in_sight(crown, cover=0.6)
    assert 0.4 < len(kept.at) / len(crown.at) < 0.95
    nearest = np.linalg.norm(crown.at, axis=1).min()
    assert np.linalg.norm(kept.at, axis=1).min() == pytest.approx(nearest)
    behind = Cards(
        at=np.array([[0.0, 4.0, 0.0], [0.0, 5.0, 0.0], [3.0, 4.0, 0.0]], np.float32),
        size=np.full(3, 0.3, np.float32),
        turn=np.zeros(3, np.float32),
        tone=np.zeros((3, 3), np.float32),
        leaf=np.zeros(3, np.float32),
    )
    assert in_sight(behind, cover=0.9).at[:, :2].tolist() == [[0.0, 4.0], [3.0, 4.0]]


def test_ridges_go_all_round_in_sectors_without_a_gap() -> None:
    azimuth = np.radians(np.arange(-180.0, 180.0, 1.0)).astype(np.float32)
    layer = Ridge(distance_m=100.0, azimuth=azimuth, height_m=np.full(360, 9.0, np.float32))
    parts = _props.ridges([layer, layer], -1.0, 6).get_children()
    rows = [part.node().get_geom(0).get_vertex_data().get_num_rows() for part in parts]
    assert rows == [2 * 2 * 61] * 6, "neighbours share their border"


def test_a_halved_picture_keeps_its_mean() -> None:
    picture = cloud_texture(3)
    small = halved(picture, 2)
    assert small.shape == (128, 128, 4)
    assert small[..., 2].mean() == pytest.approx(picture[..., 2].mean(), abs=0.5)
