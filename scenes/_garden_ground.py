"""The garden's ground and the water in it as meshes: by what grows there, by distance and by sector."""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np
import scipy.ndimage

from scenes import _garden, _props
from scenes._detail import Detail, on_ground
from scenes._garden import RAKED_ROUND, WATER_M
from scenes._geometry import mesh, shader
from scenes._props import Numbers, Shape, grid, placed

__all__ = ["fill", "lay"]

#: Share of moss from which no gravel shows, and up to which no moss does (see `garden_ground.frag`).
_MOSSY: Final = 0.80
_BARE: Final = 0.20
#: Rings of the ground: close where the water's and the moss's edges are seen, wide where one is a few pixels.
_RINGS: Final = np.concatenate(
    [
        [0.0],
        np.geomspace(0.55, 2.0, 8)[:-1],
        np.geomspace(2.0, 9.6, 22)[:-1],
        np.geomspace(9.6, 14.0, 4)[:-1],
        np.geomspace(14.0, 26.0, 4),
    ]
)
_STEPS: Final = 108
#: How much less steeply the ground rises from the water than it falls under it.
_LAND_SLOPE: Final = 0.13 / 0.6
#: The ground by distance: from which ring on, in how many sectors; each band has its own level of the grain.
_BANDS: Final = ((0, 3), (13, 6), (21, 6), (28, 6), (len(_RINGS) - 1, 0))
#: Texels of the grain in a metre: its picture spans 1 / 0.71 m.
_GRAIN_PER_M: Final = 512 * 0.71
#: The water is flat: so many rings and steps of the ground make one of its tiles; its sectors all round.
_POND_TILE: Final = (4, 6)
_POND_SECTORS: Final = 6


def lay(root: Any, rng: np.random.Generator, mottled: Numbers, fine: Detail, order: int) -> None:
    """Hang the ground above the water under `root`.

    Args:
        root: of the garden.
        rng: of its small bumps.
        mottled: (side, side) of 0 … 1: how light the moss is round about.
        fine: the grain.
        order: in which it is drawn.
    """
    x, y = _round()
    high = _garden.ground_m(x, y)
    moss = _garden.moss_share(x, y)
    bumps = rng.normal(scale=2.2, size=(6, 2)), rng.uniform(0.0, 6.3, 6)
    rough = sum(np.sin(x * k[0] + y * k[1] + p) for k, p in zip(*bumps, strict=True))
    z = high + np.where(high > 0.0, 0.014 * rough * moss, 0.0) - WATER_M
    vertex = np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)
    triangles = grid(len(_RINGS), _STEPS + 1)[:, ::-1]
    shape = Shape(vertex=vertex, triangles=triangles)
    normal = _props.normals(shape)
    normal *= np.where(normal[:, 2:] < 0.0, -1.0, 1.0)
    rim = normal.reshape(*x.shape, 3)
    rim[:, [0, -1]] = rim[:, [0]] + rim[:, [-1]]  # where the ring closes
    rim[:, [0, -1]] /= np.linalg.norm(rim[:, [0, -1]], axis=-1, keepdims=True)
    own = (moss.reshape(-1, 1), _garden.warmth(vertex, normal), _mottle(vertex, mottled)[:, None])
    kind = np.concatenate(own, axis=1).astype(np.float32)
    shore = np.where(high > 0.0, high, high * _LAND_SLOPE).reshape(-1)
    _hang(root, _props.above(shape, np.concatenate([normal, kind], axis=1), shore, -WATER_M), fine, order)


def fill(root: Any, order: int) -> None:
    """Hang the water under `root`, in wide tiles wherever the ground is low, drawn as number `order`."""
    x, y = _round()
    high = _garden.ground_m(x, y)
    rings, steps = _POND_TILE
    low = scipy.ndimage.minimum_filter(high, (2 * rings + 1, 2 * steps + 1), mode=("nearest", "wrap"))[
        ::rings, ::steps
    ]
    x, y = x[::rings, ::steps], y[::rings, ::steps]
    vertex = np.stack([x, y, np.full_like(x, -WATER_M)], axis=-1).reshape(-1, 3).astype(np.float32)
    triangles = grid(*x.shape)[:, ::-1]
    wet = low.reshape(-1)[triangles].max(axis=1) < 0.1
    step = np.arange(len(triangles)) // 2 % (x.shape[1] - 1)
    water, pond = Shape(vertex=vertex, triangles=triangles), shader("garden_pond")
    for sector in range(_POND_SECTORS):
        here = wet & (step * _POND_SECTORS // (x.shape[1] - 1) == sector)
        node = _sheet(root, "pond", water, here, {}, pond, order)
        if node is not None:
            node.set_depth_write(False)


def _round() -> tuple[Numbers, Numbers]:
    """Return x and y of the ground's vertices, (rings, steps + 1) each."""
    r, a = np.meshgrid(_RINGS, 2.0 * np.pi * np.arange(_STEPS + 1) / _STEPS, indexing="ij")
    return r * np.sin(a), r * np.cos(a)


def _mottle(vertex: Numbers, mottled: Numbers) -> Numbers:
    """Return how light the moss is at each vertex, 0 … 1: a few paces of the picture."""
    where = vertex[:, 1::-1].T * 0.11 * len(mottled) - 0.5
    return np.asarray(scipy.ndimage.map_coordinates(mottled, where, order=1, mode="grid-wrap"), np.float32)


def _hang(root: Any, cut: tuple[Shape, Numbers, Numbers], fine: Detail, order: int) -> None:
    """Hang the `cut` ground.

    Args:
        root: of the garden.
        cut: its shape, of which there is none under water (it would hide what the water mirrors); of its
            vertices (n, 7) normals and what `garden_ground` calls `kind`; of its triangles (m,) twice the
            place in rings and steps.
        fine: the grain.
        order: in which it is drawn.
    """
    shape, rows, tile = cut
    columns = {"normal": rows[:, :3], "kind": rows[:, 3:]}
    ring, step = np.divmod(tile // 2, _STEPS)
    share = columns["kind"][:, 0][shape.triangles]
    green, bare = share.min(axis=1) >= _MOSSY, share.max(axis=1) <= _BARE
    corners = shape.vertex[shape.triangles]
    raked = np.zeros_like(bare)
    for x, y, reach in RAKED_ROUND:
        raked |= np.hypot(corners[..., 0] - x, corners[..., 1] - y).min(axis=1) < 1.3 * reach
    kinds = (
        (("MOSS",), green),
        (("GRAVEL",), bare & ~raked),
        (("GRAVEL", "RAKED"), bare & raked),
        (("EDGE",), ~(green | bare | raked)),
        (("EDGE", "RAKED"), ~(green | bare) & raked),
    )
    programs = [(shader("garden_ground", defines=names), kept) for names, kept in kinds]
    for (first, sectors), (after, _) in itertools.pairwise(_BANDS):
        band = (ring >= first) & (ring < after)
        away_m = float(np.sqrt(max(_RINGS[first], 1.0) * _RINGS[after]))
        per_rad = on_ground(_GRAIN_PER_M, away_m, WATER_M)
        for sector in range(sectors):
            here = band & (step * sectors // _STEPS == sector)
            for program, kept in programs:
                node = _sheet(root, "ground", shape, here & kept, columns, program, order)
                if node is not None:
                    fine.hang(node, "fine_map", per_rad)


def _sheet(
    root: Any, name: str, shape: Shape, kept: Any, columns: dict[str, Numbers], program: Any, order: int
) -> Any:
    triangles = shape.triangles[kept]
    if len(triangles) == 0:
        return None
    used, index = np.unique(triangles, return_inverse=True)
    rows = {"vertex": shape.vertex, **columns}
    path = mesh(name, {k: v[used] for k, v in rows.items()}, index.reshape(-1, 3).astype(np.uint32))
    return placed(root, path, program, order)
