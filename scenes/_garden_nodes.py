"""The garden's leaves, stems, lights and its picture in the pond, as Panda3D meshes and arrays."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from scenes import _garden, _props
from scenes._garden import LAMPS, Cards
from scenes._geometry import Bytes, mesh
from scenes._props import Numbers, grid, quads

__all__ = [
    "BACKDROP",
    "MIRROR_SHAPE",
    "cover_bytes",
    "glows",
    "leaves",
    "mirrored_cover",
    "seen",
    "stems_mesh",
]

#: The mirror's picture: rows by the root of the height, columns by the diamond angle, as the sky map's.
MIRROR_SHAPE: Final = (96, 768)
#: Width of a look, radians: a quarter of a degree, as a pixel has it.
_LOOK: Final = np.radians(0.25)
#: A cluster of leaves of which less is seen from the seat is left out; the head moves little.
_LEAST_SEEN: Final = 0.3
#: Smaller levels of the picture smear a leaf's edge by so much.
_MARGIN_PX: Final = 2
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


def seen(cards: Cards, atlas: Bytes) -> npt.NDArray[np.intp]:
    """Return which clusters of leaves are seen from the seat; nearer ones hide the others nearly wholly."""
    away = np.linalg.norm(cards.at, axis=1)
    around = np.arctan2(cards.at[:, 0], cards.at[:, 1])
    up = np.arcsin(cards.at[:, 2] / away)
    rows, columns = round(np.pi / _LOOK), round(2.0 * np.pi / _LOOK)
    cover = atlas[..., 3] / np.float32(255.0)
    open_sky = np.ones((rows, columns), np.float32)
    kept = []
    for index in np.argsort(away):
        size = float(cards.size[index] / away[index])
        reach = int(np.ceil(1.42 * size / _LOOK))
        row, column = np.ogrid[-reach : reach + 1, -reach : reach + 1]
        own = _cover_of(cover, cards, index, column * (_LOOK / size), row * (_LOOK / size))
        at_row = np.clip(round((up[index] + 0.5 * np.pi) / _LOOK) + row, 0, rows - 1)
        at_column = (round((around[index] + np.pi) / _LOOK) + column) % columns
        behind = open_sky[at_row, at_column]
        if float((own * behind).sum()) >= _LEAST_SEEN * float(own.sum()):
            kept.append(index)
            open_sky[at_row, at_column] = behind * (1.0 - own)
    return np.sort(np.array(kept, np.intp))


def _cover_of(cover: Numbers, cards: Cards, index: int, x: Numbers, y: Numbers) -> Numbers:
    """Return how much one cluster covers at `x`, `y` (its half side is 1) as it is turned."""
    c, s = np.cos(cards.turn[index]), np.sin(cards.turn[index])
    u, v = c * x + s * y, c * y - s * x
    half = cover.shape[1] // 2
    column = np.clip((u * 0.5 + 0.5) * half, 0, half - 1).astype(int) + half * int(cards.leaf[index])
    row = np.clip((v * 0.5 + 0.5) * cover.shape[0], 0, cover.shape[0] - 1).astype(int)
    return np.where((np.abs(u) < 1.0) & (np.abs(v) < 1.0), cover[row, column], np.float32(0.0))


def _corners(atlas: Bytes, leaf: int) -> Numbers:
    """Return the corners (4, 2) of the rectangle that holds all of one picture's leaves, anticlockwise."""
    half = atlas.shape[1] // 2
    rows, columns = np.nonzero(atlas[:, half * leaf : half * (leaf + 1), 3])
    spans = []
    for at, size in ((columns, half), (rows, atlas.shape[0])):
        low, high = 2.0 * (at.min() - _MARGIN_PX) / size - 1.0, 2.0 * (at.max() + 1 + _MARGIN_PX) / size - 1.0
        spans.append((max(low, -1.0), min(high, 1.0)))
    (left, right), (bottom, top) = spans
    return np.array([[left, bottom], [right, bottom], [right, top], [left, top]], np.float32)


def leaves(cards: Cards, atlas: Bytes) -> Any:
    """Return clusters of leaves as cards for `garden_leaf`, far ones first, no larger than their leaves."""
    far_first = np.argsort(-np.linalg.norm(cards.at, axis=1))
    count = len(far_first)
    corners = np.stack([_corners(atlas, leaf) for leaf in range(2)])
    each = {
        "vertex": cards.at[far_first],
        "tone": np.concatenate([cards.tone, cards.leaf[:, None]], axis=1)[far_first],
        "warm": 0.6 * _garden.warmth(cards.at, np.tile([[0.0, 0.0, -0.4]], (count, 1)))[far_first],
    }
    columns = {k: np.repeat(v, 4, axis=0).astype(np.float32) for k, v in each.items()}
    own = np.stack([cards.size, cards.turn], axis=-1)[far_first]
    columns["card"] = np.concatenate(
        [corners[cards.leaf[far_first].astype(int)].reshape(-1, 2), np.repeat(own, 4, axis=0)], axis=1
    ).astype(np.float32)
    return mesh("leaves", columns, quads(count))


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
