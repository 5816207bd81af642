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
    "above",
    "belt",
    "blended",
    "by_sector",
    "card",
    "closed",
    "glow_over",
    "grid",
    "normals",
    "placed",
    "quads",
    "revolved",
    "revolved_part",
    "ridges",
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


def grid(rows: int, columns: int) -> Triangles:
    """Return the triangles of a sheet of `rows` × `columns` vertices."""
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).reshape(-1)
    a, b, c, d = corner, corner + 1, corner + columns, corner + columns + 1
    return np.stack([a, b, c, b, d, c], axis=-1).reshape(-1, 3).astype(np.uint32)


def quads(count: int) -> Triangles:
    """Return the triangles of `count` cards of four vertices each."""
    first = 4 * np.arange(count)[:, None, None]
    return np.asarray((first + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3), np.uint32)


def above(shape: Shape, columns: Numbers, high: Numbers, level_m: float) -> tuple[Shape, Numbers, Numbers]:
    """Return the part of `shape` where `high` is over 0, its columns, and which triangle each one was of.

    Args:
        shape: triangles that pass 0 are cut there.
        columns: (n, …) numbers of its vertices.
        high: (n,) numbers of its vertices.
        level_m: z of the cut.
    """
    rows = np.concatenate([shape.vertex, columns], axis=1)
    up = high[shape.triangles] > 0.0
    parts, own = [shape.triangles[up.all(axis=1)]], [np.flatnonzero(up.all(axis=1))]
    for alone in (True, False):  # one corner above, or one below
        here = np.flatnonzero(up.sum(axis=1) == (1 if alone else 2))
        first = np.argmax(up[here] == alone, axis=1)
        turned = (first[:, None] + np.arange(3)) % 3
        a, b, c = np.take_along_axis(shape.triangles[here], turned, axis=1).T
        new = []
        for other in (b, c):
            over, under = (a, other) if alone else (other, a)
            share = high[over] / (high[over] - high[under])
            share = np.clip(share, 0.06, 0.94)  # no slivers
            between = rows[over] + (rows[under] - rows[over]) * share[:, None]
            between[:, 2] = level_m
            new.append(between)
        on_b = (len(rows) + np.arange(len(here))).astype(np.uint32)
        on_c = on_b + np.uint32(len(here))
        rows = np.concatenate([rows, *new])
        high = np.concatenate([high, np.zeros(2 * len(here))])
        cut = [(a, on_b, on_c)] if alone else [(on_b, b, c), (on_b, c, on_c)]
        parts += [np.stack(corners, axis=1) for corners in cut]
        own += [here] * len(cut)
    triangles = np.concatenate(parts).astype(np.uint32)
    kept = Shape(vertex=rows[:, :3].astype(np.float32), triangles=triangles)
    return kept, rows[:, 3:].astype(np.float32), np.concatenate(own)


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


def ridges(layers: list[Ridge], foot_m: float, sectors: int) -> Any:
    """Return standing strips from `foot_m` to a little above each ridge; `ocean_land` cuts their edges.

    Args:
        layers: far ones first: so they are drawn.
        foot_m: height of their foot.
        sectors: meshes all round: those out of sight are culled.
    """
    out = core.NodePath("land")
    for sector in range(sectors):
        parts: list[Shape] = []
        over: list[Numbers] = []
        for layer in layers:
            count = len(layer.azimuth)
            these = np.arange(sector * count // sectors, (sector + 1) * count // sectors + 1) % count
            margin, tall, turn = layer.distance_m * 0.012, layer.height_m[these], layer.azimuth[these]
            x, y = np.sin(turn) * layer.distance_m, np.cos(turn) * layer.distance_m
            foot = np.stack([x, y, np.full_like(x, foot_m)], axis=-1)
            top = np.stack([x, y, tall + margin + foot_m], axis=-1)
            parts.append(Shape(vertex=np.concatenate([foot, top]), triangles=grid(2, len(these))))
            over += [-tall - 1e-3, np.full_like(tall, margin)]
        whole = together(parts)
        columns = {
            "vertex": whole.vertex.astype(np.float32),
            "over": np.concatenate(over)[:, None].astype(np.float32),
        }
        mesh("land", columns, whole.triangles).reparent_to(out)
    return out


def smooth(low: float, high: float, value: Numbers | float) -> Any:
    """Return 0 below `low`, 1 above `high`, and an even curve between; `low` may be the greater."""
    share = np.clip((np.asarray(value) - low) / (high - low), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)
