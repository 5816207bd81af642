"""The garden's leaves, stems, lights and its picture in the pond, as Panda3D meshes and arrays."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from scenes import _garden, _props
from scenes._garden import LAMPS, Cards
from scenes._geometry import Bytes, mesh
from scenes._props import Numbers, grid, quads

__all__ = [
    "BACKDROP",
    "MIRROR_SHAPE",
    "cover_bytes",
    "glows",
    "in_sight",
    "leaves",
    "mirrored_cover",
    "outline",
    "stems_mesh",
]

#: The mirror's picture: rows by the root of the height, columns by the diamond angle, as the sky map's.
MIRROR_SHAPE: Final = (96, 768)
#: The trees behind the wall, nearest first: how far and how high they stand, metres.
BACKDROP: Final = ((23.0, 6.6), (38.0, 13.5))


def mirrored_cover(foliage: list[Numbers]) -> list[tuple[Numbers, float]]:
    """Return, far layer first, how much the trees cover of the mirror's picture, and their mist's share."""
    rows, columns = MIRROR_SHAPE
    up = ((np.arange(rows) + 0.5) / rows) ** 2
    turn = (np.arange(columns) + 0.5) / columns
    x = np.where(turn < 0.5, 1.0 - 4.0 * turn, 4.0 * turn - 3.0)
    y = np.where(turn < 0.5, 1.0, -1.0) * (1.0 - np.abs(x))
    azimuth = np.arctan2(x, y)
    tangent = up / np.sqrt(1.0 - up**2)
    out = []
    for (away_m, tall_m), cover, veil in zip(BACKDROP[::-1], foliage[::-1], (0.42, 0.20), strict=True):
        high = tangent * away_m / tall_m
        row = np.clip((high * cover.shape[0]).astype(int), 0, cover.shape[0] - 1)
        column = np.clip(
            ((azimuth / (2.0 * np.pi) + 0.5) * cover.shape[1]).astype(int), 0, cover.shape[1] - 1
        )
        out.append(((cover[row][:, column] * (high < 1.0)[:, None]).astype(np.float32), veil))
    return out


def cover_bytes(cover: Numbers) -> Bytes:
    """Return how much foliage covers as bytes, blue first: red is its shade, alpha its cover."""
    out = np.zeros((*cover.shape, 4), np.uint8)
    shade = np.clip(0.5 + 2.2 * (cover - np.roll(cover, -5, axis=0)), 0.0, 1.0)
    out[..., 2], out[..., 3] = np.rint(shade * 255.0), np.rint(cover * 255.0)
    return out


def leaves(cards: Cards, corners: Numbers) -> Any:
    """Return clusters of leaves for `garden_leaf`, far ones first; each a fan of `corners` (n, 2), −1 … 1."""
    each_one = len(corners)
    far_first = np.argsort(-np.linalg.norm(cards.at, axis=1))
    count = len(far_first)
    each = {
        "vertex": cards.at[far_first],
        "tone": np.concatenate([cards.tone, cards.leaf[:, None]], axis=1)[far_first],
        "warm": 0.6 * _garden.warmth(cards.at, np.tile([[0.0, 0.0, -0.4]], (count, 1)))[far_first],
    }
    columns = {k: np.repeat(v, each_one, axis=0).astype(np.float32) for k, v in each.items()}
    own = np.stack([cards.size, cards.turn], axis=-1)[far_first]
    columns["card"] = np.concatenate(
        [np.tile(corners, (count, 1)), np.repeat(own, each_one, axis=0)], axis=1
    ).astype(np.float32)
    fan = np.array([[0, i, i + 1] for i in range(1, each_one - 1)])
    triangles = each_one * np.arange(count)[:, None, None] + fan
    return mesh("leaves", columns, triangles.reshape(-1, 3).astype(np.uint32))


def in_sight(cards: Cards, *, cover: float, least: float = 0.25) -> Cards:
    """Return `cards` without those that nearer ones hide from the seat.

    Args:
        cards: that hang together, so that a head that moves a little sees no others.
        cover: how much of a card's round is leaves.
        least: share of a card that must show through the gaps of those before it.
    """
    per_rad = 180.0
    away = np.linalg.norm(cards.at, axis=1)
    column = np.arctan2(cards.at[:, 0], cards.at[:, 1]) * per_rad
    row = np.arcsin(cards.at[:, 2] / away) * per_rad
    round_about = cards.size / away * per_rad
    rim = int(np.ceil(round_about.max())) + 1
    left, low = int(np.floor(column.min())) - rim, int(np.floor(row.min())) - rim
    clear = np.ones((int(row.max()) - low + 2 * rim, int(column.max()) - left + 2 * rim))
    step = np.arange(-rim, rim + 1)
    kept = np.zeros(len(away), bool)
    for index in np.argsort(away):
        middle = int(row[index]) - low, int(column[index]) - left
        window = clear[middle[0] - rim : middle[0] + rim + 1, middle[1] - rim : middle[1] + rim + 1]
        inside = np.hypot(*np.meshgrid(step, step)) <= round_about[index]
        kept[index] = window[inside].mean() >= least
        if kept[index]:
            window[inside] *= 1.0 - cover
    return cards.some(kept)


def outline(picture: Bytes) -> Numbers:
    """Return the corners (8, 2), −1 … 1, of the octagon round all that covers in a square `picture`."""
    side = len(picture)
    row, column = np.nonzero(picture[..., 3] > 8)
    at = (np.stack([column, row], axis=1) + 0.5) * 2.0 / side - 1.0
    turn = np.arange(8) * np.pi / 4.0
    way = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    reach = (at @ way.T).max(axis=0) + 1.5 / side  # what lies between a texel and the next fades out
    after, share = np.roll(reach, -1), np.sqrt(0.5)
    along = (after - share * reach) / share  # where a side's line meets the next one's
    corner = way * reach[:, None] + np.stack([-way[:, 1], way[:, 0]], axis=1) * along[:, None]
    return np.asarray(np.clip(corner / 0.98, -1.0, 1.0))  # a card shows 98 % of its half of the atlas


def stems_mesh(stems: Numbers) -> Any:
    """Return bamboo stems as strips for `garden_stem`."""
    rows = 8
    share, side = np.meshgrid(np.linspace(0.0, 1.0, rows), [-1.0, 1.0], indexing="ij")
    strip = np.stack([side.reshape(-1), share.reshape(-1)], axis=-1)
    each = len(strip)
    foot = np.repeat(stems[:, :3], each, axis=0)
    at = foot + np.array([0.0, 0.0, 1.0]) * np.tile(strip[:, 1:], (len(stems), 1)) * np.repeat(
        stems[:, 5:6], each, axis=0
    )
    columns = {
        "vertex": foot,
        "stem": np.concatenate(
            [np.tile(strip, (len(stems), 1)), np.repeat(stems[:, 3:5], each, axis=0)], axis=1
        ),
        "tall": np.repeat(np.stack([stems[:, 5], 0.022 + 0.003 * stems[:, 5]], axis=-1), each, axis=0),
        "warm": _garden.warmth(at, np.tile([[0.0, -0.7, 0.0]], (len(at), 1))),
    }
    triangles = np.concatenate([grid(rows, 2) + np.uint32(each * i) for i in range(len(stems))])
    return mesh("bamboo", {k: v.astype(np.float32) for k, v in columns.items()}, triangles)


def glows(mirrored: float) -> Any:
    """Return a card for each lantern: its halo (0) or its path on the water (1)."""
    count = len(LAMPS)
    corners = np.tile(_props.CORNERS, (count, 1))
    which = np.repeat(np.arange(count), 4)[:, None]
    vertex = np.concatenate([corners, which], axis=1).astype(np.float32)
    return mesh(
        "glow", {"vertex": vertex, "mirrored": np.full((4 * count, 1), mirrored, np.float32)}, quads(count)
    )
