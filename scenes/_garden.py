"""The garden's ground, stones, lanterns, wall and trees as numbers. Pure numpy.

Metres; x to the right, y forward, z up, the eye at z = 0 on a low veranda. The pond lies `WATER_M` below it.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Final

import numpy as np
import numpy.typing as npt

from scenes import _props
from scenes._geometry import Bytes
from scenes._land import Ridge
from scenes._props import Numbers, Shape, smooth

__all__ = [
    "LAMPS",
    "RAKED_ROUND",
    "WATER_M",
    "Cards",
    "bamboo",
    "bamboo_stems",
    "boulders",
    "by_the_pond",
    "foliage",
    "ground_m",
    "hills",
    "lamps",
    "lantern",
    "leaf_atlas",
    "maple",
    "moss_share",
    "wall",
    "warmth",
]

#: Height of a seated eye on the veranda above the pond.
WATER_M: Final = 1.45
_POND: Final = (-1.2, 7.4, 5.8, 5.2)
_ISLET: Final = (-1.75, 8.3, 1.05)
#: Stones in the gravel that the rake went round: x, y, reach of the rings.
RAKED_ROUND: Final = ((4.5, 3.7, 1.5), (6.6, 5.3, 1.9), (-4.6, -3.4, 1.7))
#: Lanterns: x, y, size. The first one breathes; it stands on the islet.
LAMPS: Final = (
    (-1.75, 8.45, 1.0),
    (5.35, 7.9, 0.92),
    (-6.9, 6.1, 0.95),
    (1.9, 13.6, 1.0),
    (9.3, 2.6, 1.0),
    (-5.6, -4.8, 1.0),
    (5.2, -7.2, 1.0),
)
#: Height of a lantern's flame above its foot, at size 1.
_FLAME_M: Final = 1.02


def _shore_m(x: Numbers, y: Numbers) -> Numbers:
    """Distance from the water's edge, about: negative in the pond."""
    cx, cy, rx, ry = _POND
    turn = np.arctan2(y - cy, x - cx)
    wobble = 0.09 * np.sin(3.0 * turn + 0.8) + 0.05 * np.sin(5.0 * turn + 2.1) + 0.02 * np.sin(11.0 * turn)
    pond = (np.hypot((x - cx) / rx, (y - cy) / ry) - 1.0 - wobble) * min(rx, ry)
    return np.asarray(np.maximum(pond, _ISLET[2] - np.hypot(x - _ISLET[0], (y - _ISLET[1]) * 1.15)))


def by_the_pond(at: Numbers) -> bool:
    """Return whether what stands at `at` (x, y, …) is seen again in the pond."""
    return bool(at[1] > 2.0 and _shore_m(at[0:1], at[1:2])[0] < 2.2)


def moss_share(x: Numbers, y: Numbers) -> Numbers:
    """Return 1 where moss grows, 0 where the gravel is raked."""
    right = np.hypot((x - 7.4) / 5.2, (y - 3.6) / 4.4) - 1.0
    behind = np.hypot((x + 0.5) / 9.6, (y + 4.2) / 6.3) - 1.0
    raked = np.minimum(right, behind) + 0.06 * np.sin(1.7 * x + 0.6) * np.sin(1.3 * y)
    rim = smooth(1.15, 0.75, _shore_m(x, y))
    return np.asarray(np.maximum(smooth(-0.02, 0.05, raked), rim), np.float32)


def ground_m(x: Numbers, y: Numbers) -> Numbers:
    """Return the ground's height above the water; in the pond it is far below."""
    shore = _shore_m(x, y)
    moss = moss_share(x, y)
    mound = 0.16 + 0.16 * np.sin(0.55 * x + 1.2) * np.cos(0.47 * y) + 0.10 * np.sin(1.3 * x) * np.sin(1.1 * y)
    away = smooth(6.0, 14.0, np.hypot(x, y - 5.0))
    land = 0.13 + moss * np.maximum(mound + 0.25 * away, 0.0) * smooth(0.1, 1.8, shore)
    islet = 0.30 * smooth(0.0, 0.8, _ISLET[2] - np.hypot(x - _ISLET[0], (y - _ISLET[1]) * 1.15))
    edge = np.clip(shore / 0.28, -8.0, 1.0)
    return np.asarray(np.where(shore > 0.0, np.maximum(land, islet) * edge, 0.6 * edge), np.float32)


def lamps() -> Numbers:
    """Return the flames, (lanterns, 4): x, y, z; height above the water."""
    at = np.array(LAMPS)
    high = ground_m(at[:, 0], at[:, 1]) + _FLAME_M * at[:, 2]
    return np.stack([at[:, 0], at[:, 1], high - WATER_M, high], axis=-1).astype(np.float32)


def warmth(vertex: Numbers, normal: Numbers) -> Numbers:
    """Return what lanterns shine on the surface, (n, 2): from the breathing one, and from all others."""
    out = np.zeros((len(vertex), 2))
    for index, flame in enumerate(lamps()):
        way = flame[:3] - vertex
        away = np.linalg.norm(way, axis=1)
        facing = np.clip(np.einsum("ij,ij->i", way, normal) / np.maximum(away, 0.05) + 0.15, 0.0, 1.0)
        out[:, min(index, 1)] += facing / (0.35 + 1.3 * away**2) * smooth(6.0, 1.0, away)
    return out.astype(np.float32)


def lantern() -> dict[str, Shape]:
    """Return a stone lantern of size 1, foot at z = 0: its `stone`, its paper `window`s."""
    foot = _props.revolved(
        np.array([[0.31, -0.05], [0.31, 0.06], [0.24, 0.13], [0.115, 0.18], [0.105, 0.66], [0.13, 0.71]]), 10
    )
    tray = _props.revolved(np.array([[0.13, 0.70], [0.30, 0.80], [0.30, 0.87], [0.2, 0.875]]), 6, flat=True)
    house = _props.revolved(np.array([[0.205, 0.87], [0.205, 1.17], [0.1, 1.18]]), 6, flat=True)
    roof = _props.revolved(
        np.array([[0.10, 1.17], [0.455, 1.20], [0.47, 1.245], [0.27, 1.335], [0.09, 1.44], [0.07, 1.45]]),
        6,
        flat=True,
    )
    jewel = _props.revolved(
        np.array([[0.07, 1.44], [0.095, 1.49], [0.085, 1.55], [0.03, 1.62], [0.0, 1.66]]), 10
    )
    turn = np.linspace(0.0, 2.0 * np.pi, 7)
    panes = []
    for one, other in itertools.pairwise(turn):
        wide = 0.16 * (other - one)
        panes.append(
            _props.revolved_part(
                np.array([[0.211, 0.915], [0.211, 1.125]]), np.array([one + wide, other - wide])
            )
        )
    return {"stone": _props.together([foot, tray, house, roof, jewel]), "window": _props.together(panes)}


def boulders(rng: np.random.Generator) -> list[tuple[Shape, float]]:
    """Return stones in place, each with how mossy it is."""
    out = []
    cx, cy, rx, ry = _POND
    for turn in np.sort(rng.uniform(0.0, 2.0 * np.pi, 21)):
        reach = 1.0 + 0.09 * np.sin(3.0 * turn + 0.8) + 0.05 * np.sin(5.0 * turn + 2.1)
        x, y = cx + rx * reach * np.cos(turn), cy + ry * reach * np.sin(turn)
        size = rng.uniform(0.35, 0.9) * (0.6 if y < 4.0 else 1.0)
        out.append(_boulder(rng, x, y, size, sunk=0.10))
        if rng.random() < 0.6:
            step = rng.uniform(-0.6, 0.6, 2)
            out.append(_boulder(rng, x + step[0], y + step[1], size * 0.5, sunk=0.08))
    out += [_boulder(rng, x, y, reach * 0.62, sunk=0.06) for x, y, reach in RAKED_ROUND]
    out += [_boulder(rng, x + 0.5, y + 0.25, reach * 0.3, sunk=0.04) for x, y, reach in RAKED_ROUND]
    for angle, size in ((0.4, 0.62), (2.3, 0.5), (3.6, 0.42), (5.2, 0.55)):
        x, y = _ISLET[0] + 0.85 * np.cos(angle), _ISLET[1] + 0.75 * np.sin(angle)
        out.append(_boulder(rng, x, y, size, sunk=0.12))
    return out


def _boulder(rng: np.random.Generator, x: float, y: float, size: float, sunk: float) -> tuple[Shape, float]:
    foot = max(float(ground_m(np.array(x), np.array(y))), -0.05) - WATER_M - sunk * size
    sides, rows = (11, 7) if size > 0.1 * np.hypot(x, y) else (8, 5)  # a small far one is a few pixels
    shape = _props.stone(rng, sides=sides, rows=rows).moved(
        (x, y, foot), size=size, turn=rng.uniform(0.0, 6.3)
    )
    return shape, float(rng.uniform(0.1, 0.9))


def wall() -> tuple[Shape, Numbers]:
    """Return the garden's wall and, per vertex, metres along it and height share (its cap begins at 1)."""
    corners = np.array([[-14, -11], [-14, 18], [13.5, 18], [13.5, -11], [-14, -11]], float)
    points = [corners[0]]
    for one, other in itertools.pairwise(corners):
        steps = np.linspace(0.0, 1.0, 36)[1:, None]
        points += list(one + (other - one) * steps)
    line = np.array(points)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    inward = np.array([-0.25, 3.5]) - line
    inward = np.sign(inward) * (np.abs(inward) > np.array([13.0, 13.8]))
    rows = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.5), (1.9, 0.0, 1.0), (1.86, 0.42, 1.01), (2.3, -0.05, 2.0))
    foot = 0.05 - WATER_M
    sheets = [
        np.concatenate([line + inward * out, np.full((len(line), 1), foot + high)], axis=1)
        for high, out, _ in rows
    ]
    vertex = np.stack(sheets).reshape(-1, 3).astype(np.float32)
    share = np.repeat([r[2] for r in rows], len(line))
    marks = np.stack([np.tile(along, len(rows)), share], axis=-1).astype(np.float32)
    return Shape(vertex=vertex, triangles=_props.grid(len(rows), len(line))), marks


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """Clusters of leaves: `at` (n, 3), `size` (n,) metres, `turn` radians, `tone` (n, 3), share of atlas."""

    at: Numbers
    size: Numbers
    turn: Numbers
    tone: Numbers
    leaf: Numbers

    def some(self, kept: slice | npt.NDArray[np.bool_]) -> Cards:
        """Return those that are `kept`."""
        return Cards(
            at=self.at[kept],
            size=self.size[kept],
            turn=self.turn[kept],
            tone=self.tone[kept],
            leaf=self.leaf[kept],
        )


def maple(rng: np.random.Generator) -> tuple[Shape, Cards, Cards]:
    """Return the maple by the water on the right and the bough that reaches in: wood, leaves of either."""
    wood: list[Shape] = []
    tips: list[Numbers] = []
    trunk = np.array(
        [[6.3, 10.4, -1.3], [6.2, 10.3, -0.5], [5.9, 10.2, 0.3], [6.1, 10.0, 1.1], [5.8, 9.9, 1.9]]
    )
    wood.append(_props.tube(_bent(trunk), np.linspace(0.17, 0.06, 13), 7))
    for angle in np.linspace(0.0, 6.3, 9)[:-1]:
        first = trunk[2] + (trunk[4] - trunk[2]) * rng.uniform(0.0, 1.0)
        reach = rng.uniform(1.3, 2.6)
        end = first + np.array([np.cos(angle) * reach, np.sin(angle) * reach * 0.8, rng.uniform(0.3, 1.1)])
        tips += _limb(rng, wood, first, end, 0.05)
    crown = sum(map(len, tips))
    near = np.array([7.2, 4.6, 2.5])
    for end in ([2.9, 4.3, 1.85], [3.7, 4.9, 1.45], [2.1, 4.7, 2.35], [4.7, 4.2, 1.75]):
        tips += _limb(rng, wood, near, np.array(end), 0.035)
    at = np.concatenate(tips)
    count = len(at)
    glow = rng.uniform(0.0, 1.0, (count, 1))
    tone = np.array([0.46, 0.085, 0.035]) * (1.0 - glow) + np.array([0.62, 0.22, 0.05]) * glow
    leaves = Cards(
        at=at.astype(np.float32),
        size=rng.uniform(0.15, 0.27, count).astype(np.float32),
        turn=rng.uniform(0.0, 6.3, count).astype(np.float32),
        tone=(tone * rng.uniform(0.55, 1.0, (count, 1))).astype(np.float32),
        leaf=np.zeros(count, np.float32),
    )
    return _props.together(wood), leaves.some(slice(crown)), leaves.some(slice(crown, None))


def _limb(
    rng: np.random.Generator, wood: list[Shape], first: Numbers, end: Numbers, radius: float
) -> list[Numbers]:
    middle = 0.5 * (first + end) + rng.normal(0.0, 0.14, 3) + np.array([0.0, 0.0, 0.12])
    path = _bent(np.stack([first, middle, end]))
    wood.append(_props.tube(path[::2], np.linspace(radius, radius * 0.25, 7), 4))
    share = rng.uniform(0.35, 1.05, 30)
    along = np.stack(
        [np.interp(share * (len(path) - 1), np.arange(len(path)), path[:, i]) for i in range(3)], 1
    )
    return [along + rng.normal(0.0, 1.0, (30, 3)) * np.array([0.30, 0.30, 0.085])]


def _bent(points: Numbers) -> Numbers:
    """Return a smooth line of 13 points through about `points`."""
    share = np.linspace(0.0, len(points) - 1.0, 13)
    line = np.stack([np.interp(share, np.arange(len(points)), points[:, i]) for i in range(3)], axis=1)
    line[1:-1] = 0.25 * line[:-2] + 0.5 * line[1:-1] + 0.25 * line[2:]
    return np.asarray(line)


def bamboo_stems(rng: np.random.Generator) -> Numbers:
    """Return stems (n, 6): foot x y z, lean x y over the height, height."""
    count = 34
    x = np.concatenate(
        [
            rng.uniform(-11.5, -6.4, count - 10),
            np.concatenate([rng.uniform(-8.5, -4.6, 5), rng.uniform(8.4, 11.5, 5)]),
        ]
    )
    y = np.concatenate([rng.uniform(8.0, 14.5, count - 10), rng.uniform(13.5, 16.5, 10)])
    foot = ground_m(x, y) - WATER_M
    lean = rng.normal(0.0, 0.5, (count, 2)) + np.array([0.35, -0.2])
    high = rng.uniform(5.5, 9.5, count)
    return np.concatenate([np.stack([x, y, foot], 1), lean, high[:, None]], axis=1).astype(np.float32)


def bamboo(rng: np.random.Generator, stems: Numbers) -> Cards:
    """Return the leaves of `stems`."""
    each = 11
    share = rng.uniform(0.35, 1.02, (len(stems), each))
    at = stems[:, None, :3] + np.zeros((1, each, 3))
    at[..., 2] += share * stems[:, 5:6]
    at[..., :2] += stems[:, None, 3:5] * (share**2)[..., None]
    at += rng.normal(0.0, 1.0, at.shape) * np.array([0.42, 0.42, 0.2])
    at = at.reshape(-1, 3)
    count = len(at)
    fresh = rng.uniform(0.0, 1.0, (count, 1))
    tone = np.array([0.045, 0.105, 0.045]) * (1.0 - fresh) + np.array([0.12, 0.20, 0.06]) * fresh
    return Cards(
        at=at.astype(np.float32),
        size=rng.uniform(0.34, 0.6, count).astype(np.float32),
        turn=rng.normal(0.0, 0.5, count).astype(np.float32),
        tone=tone.astype(np.float32),
        leaf=np.ones(count, np.float32),
    )


def leaf_atlas(seed: int) -> Bytes:
    """Return (128, 256, 4) bytes: a cluster of maple leaves, a spray of bamboo; red is shade, alpha cover."""
    rng = np.random.default_rng([seed, 61])
    out = np.zeros((128, 256, 4), np.uint8)
    side = (np.arange(128) + 0.5) / 64.0 - 1.0
    x, y = np.meshgrid(side, side)
    cover, shade = np.zeros((128, 128)), np.zeros((128, 128))
    for _ in range(15):
        cx, cy, turn = *rng.uniform(-0.58, 0.58, 2), rng.uniform(0.0, 6.3)
        r, a = np.hypot(x - cx, y - cy), np.arctan2(y - cy, x - cx) - turn
        lobes = 0.34 * (0.30 + 0.70 * np.abs(np.cos(2.5 * a)) ** 1.5 * (0.72 + 0.28 * np.cos(a)))
        own = np.clip((lobes - r) * 26.0 + 0.5, 0.0, 1.0)
        shade += (rng.uniform(0.5, 1.0) - shade) * own
        cover = np.maximum(cover, own)
    out[:, :128, 3], out[:, :128, 2] = np.rint(cover * 255), np.rint(shade * 255)
    cover, shade = np.zeros((128, 128)), np.zeros((128, 128))
    for _ in range(22):
        turn = rng.normal(-np.pi / 2.0, 0.75)
        cx, cy = rng.uniform(-0.5, 0.5), rng.uniform(-0.25, 0.75)
        u = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)
        v = (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
        long = np.clip(u / 0.46, 0.0, 1.0)
        wide = 0.062 * np.sqrt(long) * (1.0 - long) ** 0.8 * 2.0 * (u > 0.0)
        own = np.clip((wide - np.abs(v)) * 40.0 + 0.5, 0.0, 1.0) * (u > 0.0) * (u < 0.46)
        shade += (rng.uniform(0.45, 1.0) - shade) * own
        cover = np.maximum(cover, own)
    inside = np.clip((1.0 - np.maximum(np.abs(x), np.abs(y))) * 30.0, 0.0, 1.0)
    out[:, 128:, 3], out[:, 128:, 2] = np.rint(cover * inside * 255), np.rint(shade * 255)
    return out


def foliage(seed: int, layer: int) -> Numbers:
    """Return (192, 1024): how much the trees behind the wall cover, from the foot up, all round."""
    rng = np.random.default_rng([seed, 71, layer])
    rows, columns = 192, 1024
    fx, fy = np.fft.fftfreq(columns, 1.0 / columns), np.fft.fftfreq(rows, 1.0 / rows)
    k = np.maximum(np.hypot(fx[None] * 0.05, fy[:, None]), 1e-3)
    noise = np.fft.ifft2(np.where(k > 0.6, k**-1.15, 0.0) * np.exp(2j * np.pi * rng.random(k.shape))).real
    noise /= noise.std()
    u = (np.arange(columns) + 0.5) / columns
    v = ((np.arange(rows) + 0.5) / rows)[:, None]
    body = np.full((rows, columns), -2.0)
    for _ in range(58 if layer == 0 else 44):
        cu, cv = rng.random(), rng.uniform(0.25, 0.68 if layer == 0 else 0.58)
        # Lower towards the evening light: u = ½ lies straight ahead.
        cv *= 0.55 + 0.45 * smooth(0.02, 0.16, abs(cu - 0.5 - 0.015))
        wide, tall = rng.uniform(0.010, 0.030), rng.uniform(0.10, 0.24)
        away = np.abs((u - cu + 0.5) % 1.0 - 0.5)[None] / wide
        body = np.maximum(body, 1.0 - away**2 - (np.maximum(v - cv, 0.0) / tall) ** 2)
    body = np.maximum(body, 1.0 - (v / 0.34) ** 2)
    return np.asarray(smooth(-0.06, 0.22, body + 0.22 * noise) * smooth(1.0, 0.94, v), np.float32)


def hills(seed: int) -> list[Ridge]:
    """Return misty hills all round, lower where the sun sets; nearest first."""
    rng = np.random.default_rng([seed, 73])
    degrees = np.arange(-180.0, 180.0, 1.0)
    layers = []
    for distance_m, low, high in ((240.0, 3.2, 7.5), (620.0, 5.0, 9.5), (1500.0, 6.8, 11.5)):
        wave = sum(np.sin(np.radians(degrees) * n + rng.uniform(0.0, 6.3)) / n**0.85 for n in range(2, 34))
        share = 0.5 + 0.5 * np.tanh(0.75 * np.asarray(wave))
        gap = 1.0 - 0.42 * np.exp(-(((degrees - 2.0) / 24.0) ** 2))
        tall = (low + (high - low) * share) * gap
        layers.append(
            Ridge(
                distance_m=distance_m,
                azimuth=np.radians(degrees).astype(np.float32),
                height_m=(np.tan(np.radians(tall)) * distance_m).astype(np.float32),
            )
        )
    return layers
