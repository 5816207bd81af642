"""Far land baked all round once: what each direction shows, which way it faces, how far it is. Pure numpy.

The shaders light it anew for every hour (`shaders/panorama.glsl`), so land costs no more than a picture.
Columns follow the diamond angle as the sky map's do (`_sky.env_directions`); rows the tangent of the height.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

import numpy as np
import scipy.ndimage

from scenes._geometry import Bytes, Floats

__all__ = ["Panorama", "Relief", "baked", "planted", "turn_of", "ways"]

#: A distance d is coded as d / (d + `HALF_WAY_M`): haze is then a ratio, without exponentials in the shader.
HALF_WAY_M: Final = 4000.0
_TILE: Final = 1024

Height = Callable[[Floats, Floats], Floats]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Panorama:
    """The baked land. All maps are (rows, columns, …), the lowest row first.

    Attributes:
        tan_low: tangent of the height of the lower edge.
        tan_high: of the upper edge.
        facing: unit normals, (…, 3).
        matter: reflectance, linear 0 … 1, (…, 3).
        cover: how much of a texel is land.
        away_m: distance.
    """

    tan_low: float
    tan_high: float
    facing: Floats
    matter: Floats
    cover: Floats
    away_m: Floats

    def facing_bytes(self) -> Bytes:
        """Return normals and cover as a texture's bytes, blue first."""
        return _bytes(self.facing * 0.5 + 0.5, self.cover)

    def matter_bytes(self) -> Bytes:
        """Return the roots of reflectance, and the coded distance, as a texture's bytes, blue first."""
        return _bytes(np.sqrt(self.matter), self.away_m / (self.away_m + HALF_WAY_M))


class Relief:
    """Rough ground: `at(x, y)` is ridged noise of 0 … 1 that repeats every `tile_m`.

    Args:
        seed: of the noise.
        tile_m: side of the square that it repeats on.
    """

    def __init__(self, seed: int, tile_m: float) -> None:
        rng = np.random.default_rng([seed, 41])
        wave = np.fft.fftfreq(_TILE, 1.0 / _TILE)
        k = np.hypot(*np.meshgrid(wave, wave[: _TILE // 2 + 1], indexing="ij"))
        size = np.where((k > 0.0) & (k < 12.0), np.exp(-((k / 4.0) ** 2)), 0.0)
        noise = np.fft.irfft2(size * np.exp(2j * np.pi * rng.random(k.shape)), s=(_TILE, _TILE))
        base = np.asarray(noise / noise.std(), np.float32)
        step = np.arange(_TILE)
        total, weight = np.zeros_like(base), np.ones_like(base)
        for octave in range(5):
            at = (step * 2**octave + 137 * octave) % _TILE
            ridge = np.clip(1.08 - np.sqrt(base[np.ix_(at, at)] ** 2 + 0.006) * 0.62, 0.0, 1.0)
            total += ridge * weight * 0.44**octave
            weight *= np.clip(0.35 + ridge, 0.0, 1.0)
        low, high = float(total.min()), float(total.max())
        self._tile = (total - low) / (high - low)
        self._per_m = _TILE / tile_m

    def at(self, x: Floats, y: Floats) -> Floats:
        """Return the noise at `x`, `y` (metres, any shape)."""
        where = np.stack([y * self._per_m, x * self._per_m])
        return np.asarray(scipy.ndimage.map_coordinates(self._tile, where, order=1, mode="grid-wrap"))


def ways(columns: int) -> tuple[Floats, Floats]:
    """Return x and y of the unit vectors of the columns' middles."""
    turn = (np.arange(columns) + 0.5) / columns
    x = np.where(turn < 0.5, 1.0 - 4.0 * turn, 4.0 * turn - 3.0)
    y = np.where(turn < 0.5, 1.0, -1.0) * (1.0 - np.abs(x))
    long = np.hypot(x, y)
    return np.asarray(x / long, np.float32), np.asarray(y / long, np.float32)


def turn_of(azimuth: Floats | np.float32) -> Floats:
    """Return the place in a row, 0 … 1, of an azimuth (radians, 0 ahead, right positive)."""
    x, y = np.sin(azimuth), np.cos(azimuth)
    flat = x / (np.abs(x) + np.abs(y))
    return np.asarray(np.where(y >= 0.0, 0.25 - 0.25 * flat, 0.75 + 0.25 * flat), np.float32)


def baked(height: Height, *, shape: tuple[int, int], tans: tuple[float, float], reach_m: Floats) -> Panorama:
    """Return the land `height(x, y)` (metres above the water) as it is seen from its middle.

    Args:
        height: of the ground, for arrays of x and y (metres).
        shape: rows and columns.
        tans: tangents of the height of the lower and the upper edge.
        reach_m: distances to look at, rising.
    """
    rows, columns = shape
    x, y = ways(columns)
    reach = reach_m.astype(np.float32)
    tan = height(np.outer(x, reach), np.outer(y, reach)) / reach
    tan = np.maximum.accumulate(tan, axis=1)
    levels = (tans[0] + (np.arange(rows) + 0.5) / rows * (tans[1] - tans[0])).astype(np.float32)
    behind = np.stack([(tan < level).sum(axis=1) for level in levels])
    after = np.clip(behind, 1, len(reach) - 1)
    column = np.arange(columns)[None]
    low, high = tan[column, after - 1], tan[column, after]
    share = np.clip((levels[:, None] - low) / np.maximum(high - low, 1e-6), 0.0, 1.0)
    away = reach[after - 1] + share * (reach[after] - reach[after - 1])
    step = np.maximum(away * 0.0025, 2.0)
    here = height(x * away, y * away)
    east = (height(x * away + step, y * away) - here) / step
    north = (height(x * away, y * away + step) - here) / step
    facing = np.stack([-east, -north, np.ones_like(here)], axis=-1)
    facing /= np.linalg.norm(facing, axis=-1, keepdims=True)
    cover = np.clip((tan[:, -1][None] - levels[:, None]) / (levels[1] - levels[0]) + 0.5, 0.0, 1.0)
    return Panorama(
        tan_low=tans[0],
        tan_high=tans[1],
        facing=facing.astype(np.float32),
        matter=np.zeros((rows, columns, 3), np.float32),
        cover=cover.astype(np.float32),
        away_m=away.astype(np.float32),
    )


def planted(land: Panorama, pines: Floats, rng: np.random.Generator) -> None:
    """Set conifers before the land, in place, the far ones first.

    Args:
        land: changed.
        pines: (trees, 4): azimuth (radians), distance (m), height (m), height of the foot (m, eye = 0).
        rng: of the boughs.
    """
    rows, columns = land.cover.shape
    x, y = ways(columns)
    azimuths = np.arctan2(x, y)
    tall_row = (land.tan_high - land.tan_low) / rows
    green = np.array([0.016, 0.030, 0.020], np.float32)
    for azimuth, away, tall, foot in pines[np.argsort(-pines[:, 1])]:
        middle = int(turn_of(np.float32(azimuth)) * columns)
        reach = int(np.ceil(0.26 * tall / away * columns / 5.5)) + 2
        these = np.arange(middle - reach, middle + reach + 1) % columns
        off = ((azimuths[these] - azimuth + np.pi) % (2.0 * np.pi) - np.pi) * away / tall
        first = max(int((foot / away - land.tan_low) / tall_row), 0)
        last = min(int(((foot + tall) / away - land.tan_low) / tall_row) + 2, rows)
        if last <= first:
            continue
        up = ((land.tan_low + (np.arange(first, last) + 0.5) * tall_row) * away - foot) / tall
        per_tree, start = rng.uniform(7.0, 11.0), rng.random()
        boughs = 0.62 + 0.38 * (1.0 - (up * per_tree + start) % 1.0)
        lean = rng.normal(0.0, 0.12, (len(up), 2)).repeat(1, axis=0)
        half = np.clip(1.0 - up, 0.0, 1.0) ** 0.85 * 0.185 * boughs + 0.008
        wide = half[:, None] * (1.0 + np.where(off[None] < 0.0, lean[:, :1], lean[:, 1:]))
        edge = tall_row * away / tall
        cover = np.clip((wide - np.abs(off[None])) / edge + 0.5, 0.0, 1.0) * (up < 1.0)[:, None]
        window = np.ix_(np.arange(first, last), these)
        side = np.clip(off[None] / np.maximum(wide, 1e-3), -1.0, 1.0) * 0.75
        normal = _round_trunk(x[these], y[these], side)
        # Boughs hang: farther from the trunk they are seen lower, each a little otherwise.
        ragged = np.convolve(rng.normal(0.0, 0.9, off.size + 4), np.full(5, 0.2), "valid")
        tier = ((up[:, None] + 0.75 * np.abs(off)[None]) * per_tree + start + ragged[None]) % 1.0
        deep = (0.50 + 0.70 * (1.0 - tier) ** 1.5) * rng.uniform(0.75, 1.25, (up.size, off.size))
        shade = (deep * rng.uniform(0.75, 1.25))[..., None] * green
        share = cover[..., None]
        land.facing[window] += (normal - land.facing[window]) * share
        land.matter[window] += (shade - land.matter[window]) * share
        land.away_m[window] += (away - land.away_m[window]) * cover
        land.cover[window] = np.maximum(land.cover[window], cover)


def _round_trunk(x: Floats, y: Floats, side: Floats) -> Floats:
    """Normals of something round that is seen along (x, y), `side` −1 … 1 across it."""
    toward = np.sqrt(1.0 - side**2) * 0.8
    normal = np.stack([y * side - x * toward, -x * side - y * toward, np.full_like(side, 0.35)], axis=-1)
    return np.asarray(normal / np.linalg.norm(normal, axis=-1, keepdims=True), np.float32)


def _bytes(rgb: Floats, alpha: Floats) -> Bytes:
    out = np.empty((*alpha.shape, 4), np.uint8)
    out[..., :3] = np.rint(255.0 * np.clip(rgb[..., ::-1], 0.0, 1.0))
    out[..., 3] = np.rint(255.0 * np.clip(alpha, 0.0, 1.0))
    return out
