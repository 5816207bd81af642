"""The reef's seabed, rocks, corals, kelp, fish and the light's net on the sand as numbers. Pure numpy.

Metres; x to the right, y forward, z up, the eye at z = 0, sand about `SAND_M` below it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.ndimage

from scenes import _props
from scenes._geometry import Bytes
from scenes._props import Numbers, Shape, smooth

__all__ = [
    "SAND_M",
    "caustics",
    "corals",
    "fish",
    "jelly_bell",
    "jelly_threads",
    "kelp",
    "rocks",
    "seabed_m",
]

SAND_M: Final = 1.7
#: Rocks and corals beyond it are a few pixels wide at a facet of what is nearer: theirs are wider.
_NEAR_M: Final = 6.5
#: Colours of corals, linear, kept soft.
_HUES: Final = np.array(
    [
        [0.62, 0.20, 0.22],
        [0.66, 0.34, 0.14],
        [0.52, 0.22, 0.50],
        [0.60, 0.50, 0.20],
        [0.30, 0.24, 0.58],
        [0.26, 0.46, 0.34],
    ]
)
#: Schools: centre x y z, radii x y, radians a second, fish, length of a fish (m), colour.
_SCHOOLS: Final = (
    ((1.0, 9.4, 0.7), (4.6, 2.6), 0.075, 40, 0.40, (0.85, 0.62, 0.16)),
    ((-2.0, 11.0, 2.1), (6.5, 4.0), -0.055, 60, 0.30, (0.42, 0.60, 0.80)),
    ((6.0, 7.2, -0.2), (2.6, 3.0), 0.095, 20, 0.42, (0.78, 0.36, 0.22)),
    ((0.0, -9.0, 0.8), (7.0, 4.0), 0.065, 30, 0.38, (0.60, 0.66, 0.78)),
)


def seabed_m(x: Numbers, y: Numbers) -> Numbers:
    """Return the sand's z: a lane ahead, banks at both sides."""
    aside = np.abs(x - 0.7 * np.sin(0.22 * y))
    bank = 0.95 * smooth(2.6, 9.0, aside) + 0.6 * smooth(10.0, 22.0, np.hypot(x, y))
    roll = 0.10 * np.sin(0.9 * x + 0.5) * np.sin(0.7 * y + 1.0) + 0.05 * np.sin(2.1 * x - 1.3 * y)
    return np.asarray(-SAND_M + bank + roll, np.float32)


def caustics(seed: int) -> Bytes:
    """Return (256, 256, 4) bytes of the net of light under a rippled surface; red, mean about a third."""
    rng = np.random.default_rng([seed, 81])
    side, rays = 256, 768
    wave = np.fft.fftfreq(rays, 1.0 / rays)
    k = np.hypot(*np.meshgrid(wave, wave))
    size = np.where(k > 0.5, np.exp(-(((k - 5.5) / 3.6) ** 2)) / np.maximum(k, 1.0), 0.0)
    high = np.fft.ifft2(size * np.exp(2j * np.pi * rng.random(k.shape))).real
    lean_y, lean_x = np.gradient(high)
    bend = 11.0 / float(np.hypot(lean_x, lean_y).std() + 1e-12)
    row, column = np.mgrid[0:rays, 0:rays]
    to_row = np.rint((row + bend * lean_y) * side / rays).astype(int) % side
    to_column = np.rint((column + bend * lean_x) * side / rays).astype(int) % side
    net = np.bincount((to_row * side + to_column).ravel(), minlength=side * side).reshape(side, side)
    net = scipy.ndimage.gaussian_filter(net.astype(float), 1.3, mode="wrap")
    net = 1.0 - np.exp(-0.42 * (net / net.mean()) ** 1.3)
    out = np.zeros((side, side, 4), np.uint8)
    out[..., 2] = np.rint(255.0 * np.clip(net, 0.0, 1.0))
    return out


def rocks(rng: np.random.Generator) -> list[tuple[Shape, Numbers]]:
    """Return boulders near and pinnacles far, each with its colour."""
    out = []
    for _ in range(26):
        turn, away = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(4.2, 13.0)
        x, y = away * np.sin(turn), away * np.cos(turn)
        if abs(x) < 2.2 and y > 0.0:
            x += np.copysign(2.6, x)
        out.append(_rock(rng, x, y, rng.uniform(0.6, 2.0)))
    for turn in np.linspace(0.0, 2.0 * np.pi, 15)[:-1] + rng.uniform(-0.15, 0.15, 14):
        away = rng.uniform(15.0, 24.0)
        out.append(_rock(rng, away * np.sin(turn), away * np.cos(turn), rng.uniform(4.0, 8.5)))
    return out


def _rock(rng: np.random.Generator, x: float, y: float, size: float) -> tuple[Shape, Numbers]:
    foot = float(seabed_m(np.array(x), np.array(y))) - 0.12 * size
    near = np.hypot(x, y) < _NEAR_M or size > 3.0
    shape = _props.stone(rng, sides=13 if near else 10, rows=8 if near else 6).moved(
        (x, y, foot), size=size, turn=rng.uniform(0.0, 6.3)
    )
    tint = np.array([0.20, 0.19, 0.20]) + rng.uniform(0.0, 0.12) * np.array([1.0, 0.55, 0.9])
    return shape, np.broadcast_to(tint, shape.vertex.shape)


def corals(rng: np.random.Generator) -> list[tuple[Shape, Numbers]]:
    """Return corals in groups on both banks; every one with colours per vertex, paler at its tips."""
    out = []
    for index in range(76):
        side = -1.0 if index % 2 else 1.0
        x = side * (1.7 + rng.gamma(2.0, 1.35))
        y = rng.uniform(2.4, 12.0) if index % 5 else rng.uniform(-9.0, -3.0)
        if np.hypot(x, y) < 3.2:
            continue
        foot = float(seabed_m(np.array(x), np.array(y)))
        size = rng.uniform(0.45, 1.0)
        kind = (_branching, _brain, _table, _tubes)[int(rng.integers(0, 4))]
        shape = kind(rng, near=bool(np.hypot(x, y) < _NEAR_M)).moved(
            (x, y, foot - 0.03), size=size, turn=rng.uniform(0.0, 6.3)
        )
        hue = _HUES[int(rng.integers(0, len(_HUES)))] * rng.uniform(0.75, 1.1)
        high = (shape.vertex[:, 2:] - foot) / max(float(np.ptp(shape.vertex[:, 2])), 1e-3)
        out.append((shape, hue * (0.45 + 0.55 * high) + 0.16 * smooth(0.75, 1.0, high)))
    return out


def _branching(rng: np.random.Generator, *, near: bool) -> Shape:
    parts: list[Shape] = []
    for _ in range(7):
        turn, lean = rng.uniform(0.0, 6.3), rng.uniform(0.15, 0.75)
        way = np.array([np.cos(turn) * lean, np.sin(turn) * lean, 1.0])
        base = np.array([np.cos(turn), np.sin(turn), 0.0]) * 0.10
        tip = base + way * rng.uniform(0.45, 0.8)
        parts.append(_finger(rng, base, tip, 0.050, near=near))
        for _ in range(1):
            fork = base + (tip - base) * rng.uniform(0.3, 0.7)
            parts.append(_finger(rng, fork, fork + (way + rng.normal(0.0, 0.45, 3)) * 0.26, 0.034, near=near))
    return _props.together(parts)


def _finger(rng: np.random.Generator, base: Numbers, tip: Numbers, radius: float, *, near: bool) -> Shape:
    share = np.array([0.0, 0.35, 0.7, 0.95, 1.0])[:, None]
    path = base + (tip - base) * share + rng.normal(0.0, 0.012, (5, 3))
    wide = radius * np.array([1.0, 0.9, 0.8, 0.6, 0.02])
    kept = [0, 2, 3, 4] if near else [0, 3, 4]
    return _props.tube(path[kept], wide[kept], 5 if near else 3)


def _brain(rng: np.random.Generator, *, near: bool) -> Shape:
    turn = np.linspace(-0.2, 1.57, 8 if near else 6)
    shape = _props.revolved(np.stack([0.55 * np.cos(turn), 0.42 * np.sin(turn)], 1), 16 if near else 11)
    wave = np.sin(shape.vertex @ rng.normal(0.0, 7.0, (3, 3))).sum(axis=1)
    return Shape(
        vertex=(shape.vertex * (1.0 + 0.03 * wave[:, None])).astype(np.float32), triangles=shape.triangles
    )


def _table(rng: np.random.Generator, *, near: bool) -> Shape:
    shape = _props.revolved(
        np.array(
            [[0.12, 0.0], [0.08, 0.18], [0.12, 0.32], [0.62, 0.46], [0.70, 0.50], [0.62, 0.53], [0.0, 0.50]]
        ),
        20 if near else 15,
    )
    turn = np.arctan2(shape.vertex[:, 0], shape.vertex[:, 1])
    rim = 1.0 + 0.10 * np.sin(5.0 * turn + rng.uniform(0.0, 6.0)) + 0.05 * np.sin(11.0 * turn)
    vertex = shape.vertex * np.stack([rim, rim, np.ones_like(rim)], axis=-1)
    return Shape(vertex=vertex.astype(np.float32), triangles=shape.triangles)


def _tubes(rng: np.random.Generator, *, near: bool) -> Shape:
    parts = []
    for _ in range(6):
        high, wide = rng.uniform(0.3, 0.8), rng.uniform(0.06, 0.10)
        tube = _props.revolved(
            np.array(
                [
                    [wide * 0.8, 0.0],
                    [wide, high * 0.6],
                    [wide * 1.15, high],
                    [wide * 0.8, high * 0.98],
                    [wide * 0.6, high * 0.6],
                ]
            ),
            9 if near else 6,
        )
        parts.append(tube.moved((rng.normal(0.0, 0.17), rng.normal(0.0, 0.17), 0.0)))
    return _props.together(parts)


def kelp(rng: np.random.Generator) -> dict[str, Numbers]:
    """Return ribbons, far ones first: `foot` (n, 3), `tall` (n,), `phase` (n,), `wide` (n,)."""
    at = []
    for cx, cy, count in (
        (-6.4, 8.0, 16),
        (6.6, 11.0, 14),
        (-9.5, 3.0, 10),
        (10.0, 4.5, 10),
        (2.5, -8.0, 12),
        (-6.0, -8.5, 10),
    ):
        at.append(np.array([cx, cy]) + rng.normal(0.0, 1.0, (count, 2)))
    flat = np.concatenate(at)
    flat = flat[np.argsort(-np.hypot(flat[:, 0], flat[:, 1]))]
    count = len(flat)
    foot = np.concatenate([flat, seabed_m(flat[:, 0], flat[:, 1])[:, None]], axis=1)
    return {
        "foot": foot.astype(np.float32),
        "tall": rng.uniform(2.2, 5.4, count).astype(np.float32),
        "phase": rng.uniform(0.0, 6.3, count).astype(np.float32),
        "wide": rng.uniform(0.10, 0.19, count).astype(np.float32),
    }


def fish(rng: np.random.Generator) -> tuple[dict[str, Numbers], Numbers]:
    """Return all fish as one mesh's columns and its triangles; the shader swims them along their schools."""
    body, faces = _one_fish()
    rows: dict[str, list[Numbers]] = {"vertex": [], "ring": [], "pace": [], "off": [], "hue": []}
    total = 0
    for (cx, cy, cz), (rx, ry), speed, count, long_m, hue in _SCHOOLS:
        turn0 = rng.uniform(0.0, 6.3)
        for index in range(count):
            size = long_m * rng.uniform(0.8, 1.2)
            own = {
                "ring": [cx, cy, rx, ry],
                "pace": [cz, speed, turn0 + rng.normal(0.0, 0.20), rng.uniform(0.0, 6.3)],
                "off": [rng.normal(0.0, 0.55), rng.normal(0.0, 0.38), index / count],
                "hue": np.array(hue) * rng.uniform(0.8, 1.15),
            }
            rows["vertex"].append(body * size)
            for name, value in own.items():
                rows[name].append(np.tile(np.asarray(value, float), (len(body), 1)))
            total += 1
    columns = {k: np.concatenate(v).astype(np.float32) for k, v in rows.items()}
    first = len(body) * np.arange(total)[:, None, None]
    return columns, (first + faces[None]).reshape(-1, 3).astype(np.uint32)


def _one_fish() -> tuple[Numbers, Numbers]:
    """A slim body of four sides along x, nose at +½, with a tail and a back fin."""
    along = np.array([0.5, 0.36, 0.12, -0.16, -0.36])
    high = np.array([0.0, 0.13, 0.20, 0.12, 0.035])
    wide = np.array([0.0, 0.055, 0.075, 0.045, 0.012])
    ring = [
        np.stack([along, wide * s, high * u], axis=-1)
        for s, u in ((0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 1.0))
    ]
    body = np.stack(ring, axis=1).reshape(-1, 3)
    faces = _props.grid(5, 5)
    fins = np.array(
        [
            [-0.34, 0.0, 0.03],
            [-0.34, 0.0, -0.03],
            [-0.55, 0.0, 0.16],
            [-0.55, 0.0, -0.16],
            [0.16, 0.0, 0.18],
            [-0.20, 0.0, 0.11],
            [-0.10, 0.0, 0.25],
        ]
    )
    n = len(body)
    more = np.array([[n, n + 2, n + 1], [n + 1, n + 2, n + 3], [n + 4, n + 5, n + 6]])
    return np.concatenate([body, fins]), np.concatenate([faces, more])


def jelly_bell(rows: int = 15, sides: int = 28) -> tuple[Numbers, Numbers]:
    """Return the bell's places (n, 2): 0 at its crown … 1 at its hem, radians round; and its triangles."""
    u, a = np.meshgrid(np.linspace(0.0, 1.0, rows), np.linspace(0.0, 2.0 * np.pi, sides + 1), indexing="ij")
    return np.stack([u, a], axis=-1).reshape(-1, 2).astype(np.float32), _props.grid(rows, sides + 1)


def jelly_threads(rng: np.random.Generator, count: int = 14, rows: int = 12) -> tuple[Numbers, Numbers]:
    """Return threads under the bell (n, 4): share down, side, radians round, length; and their triangles."""
    share, side = np.meshgrid(np.linspace(0.0, 1.0, rows), [-1.0, 1.0], indexing="ij")
    strip = np.stack([share.reshape(-1), side.reshape(-1)], axis=-1)
    parts, faces = [], []
    for index in range(count):
        own = [2.0 * np.pi * (index + rng.uniform(-0.2, 0.2)) / count, rng.uniform(0.9, 1.9)]
        parts.append(np.concatenate([strip, np.tile(own, (len(strip), 1))], axis=1))
        faces.append(_props.grid(rows, 2) + np.uint32(len(strip) * index))
    return np.concatenate(parts).astype(np.float32), np.concatenate(faces)
