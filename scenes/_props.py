"""Parts that several places are put together from: grids, cards, stones, draw order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from panda3d import core

from scenes._geometry import everywhere, mesh
from scenes._land import Ridge

__all__ = [
    "CORNERS",
    "OVER",
    "Numbers",
    "Shape",
    "belt",
    "blended",
    "by_sector",
    "card",
    "closed",
    "coarser",
    "glow_over",
    "grid",
    "merged",
    "normals",
    "placed",
    "quads",
    "revolved",
    "revolved_part",
    "ridge",
    "smooth",
    "stars",
    "stone",
    "together",
    "tube",
]

#: Numbers of any kind of float: shapes are made in double precision and drawn in single.
Numbers: TypeAlias = npt.NDArray[Any]
Triangles: TypeAlias = npt.NDArray[np.uint32]

#: Corners of a card, anticlockwise.
CORNERS: Final = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
#: What is laid over hides what is under it by its own opacity.
OVER: Final = (core.ColorBlendAttrib.O_incoming_alpha, core.ColorBlendAttrib.O_one_minus_incoming_alpha)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A triangle mesh in numpy: `vertex` (n, 3) metres, `triangles` (m, 3)."""

    vertex: Numbers
    triangles: Triangles

    def moved(self, at: tuple[float, float, float], *, size: float = 1.0, turn: float = 0.0) -> Shape:
        """Return it scaled by `size`, turned by `turn` radians about z, and put at `at`."""
        c, s = np.cos(turn), np.sin(turn)
        spin = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        vertex = (self.vertex * size) @ spin + np.array(at)
        return Shape(vertex=vertex.astype(np.float32), triangles=self.triangles)


def together(shapes: list[Shape]) -> Shape:
    """Return one mesh of all `shapes`."""
    first = np.cumsum([0, *(len(s.vertex) for s in shapes[:-1])])
    return Shape(
        vertex=np.concatenate([s.vertex for s in shapes]),
        triangles=np.concatenate([s.triangles + np.uint32(f) for s, f in zip(shapes, first, strict=True)]),
    )


def by_sector(parts: list[Any], shape_of: Callable[[Any], Shape], sectors: int = 6) -> list[list[Any]]:
    """Return `parts` in groups that lie together from the seat: a group out of sight costs nothing.

    Within a group the nearest comes first: what it hides is then never shaded.
    """
    groups: list[list[Any]] = [[] for _ in range(sectors)]
    middles = [shape_of(part).vertex.mean(axis=0) for part in parts]
    for index in np.argsort([float(np.hypot(x, y)) for x, y, _ in middles], kind="stable"):
        x, y, _ = middles[index]
        sector = int((np.arctan2(x, y) / (2.0 * np.pi) + 1.0 + 0.5 / sectors) * sectors) % sectors
        groups[sector].append(parts[index])
    return [group for group in groups if group]


def normals(shape: Shape) -> Numbers:
    """Return the smooth unit normals (n, 3), areas weighing."""
    a, b, c = (shape.vertex[shape.triangles[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    out = np.zeros_like(shape.vertex, np.float64)
    for corner in range(3):
        np.add.at(out, shape.triangles[:, corner], face)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9), np.float32)


def coarser(shape: Shape, side_m: float) -> tuple[Shape, Triangles]:
    """Return `shape` with all vertices of a cube of `side_m` as one, and into which each went (n,)."""
    cell = np.floor(shape.vertex / side_m).astype(int)
    which: Triangles = np.unique(cell, axis=0, return_inverse=True)[1].reshape(-1).astype(np.uint32)
    triangles = which[shape.triangles]
    a, b, c = triangles.T
    return Shape(
        vertex=merged(shape.vertex, which), triangles=triangles[(a != b) & (b != c) & (c != a)]
    ), which


def merged(rows: Numbers, which: Triangles) -> Numbers:
    """Return the means (m, k) of the `rows` (n, k) that went into each vertex of a coarser shape."""
    total = np.zeros((int(which.max()) + 1, rows.shape[1]))
    np.add.at(total, which, rows)
    return np.asarray(total / np.bincount(which)[:, None], np.float32)


def grid(rows: int, columns: int) -> Triangles:
    """Return the triangles of a sheet of `rows` × `columns` vertices."""
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).reshape(-1)
    a, b, c, d = corner, corner + 1, corner + columns, corner + columns + 1
    return np.stack([a, b, c, b, d, c], axis=-1).reshape(-1, 3).astype(np.uint32)


def quads(count: int) -> Triangles:
    """Return the triangles of `count` cards of four vertices each."""
    first = 4 * np.arange(count)[:, None, None]
    return np.asarray((first + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3), np.uint32)


def revolved(profile: Numbers, sides: int, *, flat: bool = False) -> Shape:
    """Return `profile` (rows of radius and height, from the foot up) turned about z.

    Args:
        profile: (rows, 2) metres.
        sides: of the turned shape.
        flat: whether each side has vertices of its own, so that its edges stay sharp.
    """
    turn = np.linspace(0.0, 2.0 * np.pi, sides + 1)
    if flat:
        parts = [revolved_part(profile, turn[i : i + 2]) for i in range(sides)]
        return together(parts)
    return revolved_part(profile, turn)


def revolved_part(profile: Numbers, turn: Numbers) -> Shape:
    """Return the part of a turned shape between the angles `turn` (radians)."""
    radius, height = np.asarray(profile, float).T
    x = radius[:, None] * np.sin(turn)[None]
    y = radius[:, None] * np.cos(turn)[None]
    z = np.broadcast_to(height[:, None], x.shape)
    vertex = np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)
    triangles = grid(len(radius), len(turn))[:, ::-1]
    return Shape(vertex=vertex, triangles=np.ascontiguousarray(triangles))


def stone(rng: np.random.Generator, *, sides: int = 13, rows: int = 8) -> Shape:
    """Return a weathered boulder of about one metre across, its widest part near the ground at z = 0."""
    up = np.sin(np.linspace(-0.35, np.pi / 2.0, rows))
    turn = np.linspace(0.0, 2.0 * np.pi, sides + 1)[None]
    flat = np.sqrt(np.maximum(1.0 - up**2, 0.0))[:, None]
    ways = np.stack(
        [flat * np.sin(turn), flat * np.cos(turn), np.broadcast_to(up[:, None], (rows, sides + 1))], axis=-1
    )
    planes = rng.normal(size=(9, 3))
    planes[:, 2] = np.abs(planes[:, 2])
    planes /= np.linalg.norm(planes, axis=1, keepdims=True)
    far = rng.uniform(0.62, 0.95, 9)
    reach = np.min(far / np.maximum(ways @ planes.T, 0.28), axis=-1)
    reach = np.minimum(reach, 1.0)
    reach += sum(
        0.035 * np.sin(ways @ rng.normal(scale=4.5, size=3) + rng.uniform(0.0, 6.0)) for _ in range(4)
    )
    vertex = ways * reach[..., None] * np.array([0.5, 0.5 * rng.uniform(0.7, 1.0), rng.uniform(0.34, 0.62)])
    return Shape(
        vertex=vertex.reshape(-1, 3).astype(np.float32),
        triangles=np.ascontiguousarray(grid(rows, sides + 1)[:, ::-1]),
    )


def tube(path: Numbers, radius: Numbers, sides: int) -> Shape:
    """Return a round branch along `path` (rows, 3) with `radius` (rows,)."""
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    aside = np.cross(along, [0.31, 0.93, 0.19])
    aside /= np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-9)
    across = np.cross(along, aside)
    turn = np.linspace(0.0, 2.0 * np.pi, sides + 1)[None, :, None]
    ring = aside[:, None] * np.cos(turn) + across[:, None] * np.sin(turn)
    vertex = path[:, None] + ring * np.asarray(radius)[:, None, None]
    return Shape(vertex=vertex.reshape(-1, 3).astype(np.float32), triangles=grid(len(path), sides + 1))


def placed(root: Any, path: Any, program: Any, order: int) -> Any:
    """Hang `path` under `root` with its shader; lower `order` is drawn first. Return it."""
    path.reparent_to(root)
    path.set_shader(program)
    path.set_two_sided(True)
    path.set_bin("fixed", order)
    return path


def closed(path: Any) -> Any:
    """Draw only the outer faces of `path`, whose triangles run anticlockwise seen from outside. Return it."""
    path.set_two_sided(False)
    return path


def blended(path: Any, factors: tuple[int, int] = OVER) -> Any:
    """Lay `path` over what is drawn before it; it hides nothing that comes after. Return it."""
    path.set_attrib(core.ColorBlendAttrib.make(core.ColorBlendAttrib.M_add, *factors))
    path.set_depth_write(False)
    return path


def glow_over(path: Any) -> Any:
    """Add `path` as light, less where it is bright already: it cannot blow out. Return it."""
    return blended(path, (core.ColorBlendAttrib.O_one, core.ColorBlendAttrib.O_one_minus_incoming_color))


def stars(rng: np.random.Generator, count: int) -> Any:
    """Return `count` stars as cards for `ocean_star`."""
    up = rng.uniform(0.03, 1.0, count)
    turn = rng.uniform(0.0, 2.0 * np.pi, count)
    flat = np.sqrt(1.0 - up**2)
    ways = np.stack([np.sin(turn) * flat, np.cos(turn) * flat, up], axis=-1)
    own = np.stack([rng.uniform(0.0, 1.0, count) ** 0.6, rng.random(count)], axis=-1)
    hue = np.array([1.0, 0.97, 0.92]) + rng.normal(0.0, 0.5, (count, 1)) * np.array([0.14, 0.0, -0.16])
    columns = {
        "vertex": np.repeat(ways, 4, axis=0).astype(np.float32),
        "star": np.concatenate([np.tile(CORNERS, (count, 1)), np.repeat(own, 4, axis=0)], axis=1).astype(
            np.float32
        ),
        "hue": np.repeat(np.clip(hue, 0.7, 1.15), 4, axis=0).astype(np.float32),
    }
    return everywhere(mesh("stars", columns, quads(count)))


def card(name: str) -> Any:
    """Return one card, −1 … 1, for a shader that places it."""
    vertex = np.concatenate([CORNERS, np.zeros((4, 1), np.float32)], axis=1)
    return everywhere(mesh(name, {"vertex": vertex}, quads(1)))


def belt(away_m: float, foot_m: float, tall_m: float, columns: int, *, tallest: float = 0.0) -> Any:
    """Return a standing strip all round; `weave` is 0 … 1 along (½ straight ahead), 0 … 1 up, `tallest`."""
    a = np.linspace(-np.pi, np.pi, columns)
    foot = np.stack([np.sin(a) * away_m, np.cos(a) * away_m, np.full_like(a, foot_m)], axis=-1)
    share = np.tile(np.linspace(0.0, 1.0, columns) * (3.0 if tallest else 1.0), 2)
    up = np.repeat([0.0, 1.0], columns)
    weave = np.stack([share, up, np.full_like(up, tallest)], axis=-1)[:, : 3 if tallest else 2]
    vertex = np.concatenate([foot, foot + np.array([0.0, 0.0, tall_m])])
    return mesh(
        "belt", {"vertex": vertex.astype(np.float32), "weave": weave.astype(np.float32)}, grid(2, columns)
    )


def ridge(layer: Ridge, foot_m: float) -> Any:
    """Return a standing strip from `foot_m` to a little above the ridge; `ocean_land` cuts its edge."""
    margin = layer.distance_m * 0.012
    closed = np.append(layer.azimuth, layer.azimuth[0])
    tall = np.append(layer.height_m, layer.height_m[0])
    x, y = np.sin(closed) * layer.distance_m, np.cos(closed) * layer.distance_m
    foot = np.stack([x, y, np.full_like(x, foot_m)], axis=-1)
    top = np.stack([x, y, tall + margin + foot_m], axis=-1)
    over = np.stack([-tall - 1e-3, np.full_like(tall, margin)])
    columns = {
        "vertex": np.concatenate([foot, top]).astype(np.float32),
        "over": over.reshape(-1, 1).astype(np.float32),
    }
    return mesh("land", columns, grid(2, len(closed)))


def smooth(low: float, high: float, value: Numbers | float) -> Any:
    """Return 0 below `low`, 1 above `high`, and an even curve between; `low` may be the greater."""
    share = np.clip((np.asarray(value) - low) / (high - low), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)
