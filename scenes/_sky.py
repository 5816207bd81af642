"""The sky by the hour: where sun and moon stand, and what light comes from every direction. Pure numpy.

Directions are unit vectors with x to the right, y forward (where the sun sets and rises: a place to look
at light, not an almanac) and z up. Radiance is linear and relative: about 1 is a bright evening horizon.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

import numpy as np

from scenes._geometry import Floats

__all__ = [
    "ENV_SHAPE",
    "Heaven",
    "ambient",
    "env_directions",
    "heaven",
    "night",
    "radiance",
    "tint",
    "turned",
]

#: Rows by the square root of the height above the horizon (fine near it), columns by the diamond angle.
ENV_SHAPE: Final = (48, 256)

#: Sun's height (degrees) and colours seen then: zenith, middle, horizon away from the sun, horizon towards
#: it, and the band above that. Chosen by eye after photographs' order of colours: blue hour, rose, gold.
_STOPS: Final = np.array(
    [
        [-18.0, 0.014, 0.021, 0.060, 0.020, 0.031, 0.082,
         0.030, 0.048, 0.105, 0.036, 0.054, 0.110, 0.020, 0.031, 0.082],
        [-11.0, 0.020, 0.033, 0.105, 0.036, 0.055, 0.155,
         0.068, 0.084, 0.185, 0.150, 0.110, 0.185, 0.052, 0.060, 0.155],
        [-6.0, 0.032, 0.056, 0.170, 0.076, 0.095, 0.255,
         0.150, 0.142, 0.285, 0.600, 0.215, 0.185, 0.170, 0.105, 0.250],
        [-2.0, 0.052, 0.090, 0.250, 0.140, 0.150, 0.350,
         0.290, 0.215, 0.385, 1.300, 0.390, 0.150, 0.440, 0.190, 0.290],
        [2.5, 0.075, 0.135, 0.335, 0.205, 0.230, 0.430,
         0.400, 0.305, 0.440, 1.700, 0.600, 0.190, 0.700, 0.300, 0.330],
        [8.0, 0.110, 0.220, 0.500, 0.270, 0.360, 0.600,
         0.600, 0.570, 0.630, 1.450, 0.940, 0.560, 0.700, 0.540, 0.500],
        [20.0, 0.120, 0.280, 0.640, 0.270, 0.470, 0.800,
         0.640, 0.760, 0.900, 0.980, 0.930, 0.860, 0.420, 0.560, 0.780],
        [60.0, 0.120, 0.300, 0.720, 0.270, 0.510, 0.900,
         0.620, 0.800, 0.980, 0.700, 0.840, 0.980, 0.300, 0.540, 0.900],
    ]
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heaven:
    """Where the lights stand and how strong they are.

    Attributes:
        sun: direction to the sun, unit, may lie below the horizon.
        sun_deg: its height.
        sun_colour: linear, 0 when it is down.
        moon: direction to the moon, unit, always above the horizon.
        moon_share: 0 by day … 1 at night.
        stars: 0 none … 1 all are out.
        milky_way: how bright the map's own band of it is; a place that draws a finer one leaves it out.
    """

    sun: tuple[float, float, float]
    sun_deg: float
    sun_colour: tuple[float, float, float]
    moon: tuple[float, float, float]
    moon_share: float
    stars: float
    milky_way: float = 1.0


def night(time_of_day_h: float) -> Heaven:
    """Return a moonless night's lights: the sun rises no higher than 7° below the horizon, at 13 h."""
    day = 2.0 * math.pi / 24.0
    height = -13.0 + 6.0 * math.cos(day * (time_of_day_h - 12.9))
    return Heaven(
        sun=_direction(-3.0 + 15.0 * math.sin(day * (time_of_day_h - 12.75)), height),
        sun_deg=height,
        sun_colour=(0.0, 0.0, 0.0),
        moon=_direction(-17.0, 13.0),
        moon_share=0.0,
        stars=1.0 - 0.8 * _smooth(-13.0, -5.0, height),
        milky_way=0.0,
    )


def heaven(time_of_day_h: float) -> Heaven:
    """Return the lights at `time_of_day_h` (0 … 24): sunrise about 6 h, sunset about 19.8 h."""
    day = 2.0 * math.pi / 24.0
    height = 43.7 * (math.cos(day * (time_of_day_h - 12.9)) + 0.2207)
    azimuth = -3.0 + 15.0 * math.sin(day * (time_of_day_h - 12.75))
    up = _smooth(-1.2, 2.0, height)
    low = 1.0 - _smooth(0.0, 22.0, height)
    colour = (up * (3.2 - 0.7 * low), up * (2.9 - 1.9 * low), up * (2.6 - 2.36 * low))
    moon_azimuth = -17.0 + 9.0 * math.sin(day * (time_of_day_h - 23.0))
    moon_height = 13.0 + 4.0 * math.cos(day * (time_of_day_h - 0.5))
    return Heaven(
        sun=_direction(azimuth, height),
        sun_deg=height,
        sun_colour=colour,
        moon=_direction(moon_azimuth, moon_height),
        moon_share=1.0 - _smooth(-11.0, -3.5, height),
        stars=1.0 - _smooth(-15.0, -1.0, height),
    )


def turned(lights: Heaven, right_deg: float) -> Heaven:
    """Return `lights` with sun and moon `right_deg` farther to the right, at their height."""

    def moved(way: tuple[float, float, float]) -> tuple[float, float, float]:
        turn = math.atan2(way[0], way[1]) + math.radians(right_deg)
        flat = math.hypot(way[0], way[1])
        return (math.sin(turn) * flat, math.cos(turn) * flat, way[2])

    return dataclasses.replace(lights, sun=moved(lights.sun), moon=moved(lights.moon))


def radiance(directions: Floats, lights: Heaven) -> Floats:
    """Return the light that comes from `directions` (…, 3) as (…, 3), without disc, stars and clouds."""
    zenith, middle, horizon, sunward, band = _colours(lights.sun_deg)
    up = np.clip(directions[..., 2], 0.0, 1.0)
    degrees = np.degrees(np.arcsin(up))
    flat = directions[..., :2] / np.maximum(np.linalg.norm(directions[..., :2], axis=-1, keepdims=True), 1e-6)
    sun_flat = np.array(lights.sun[:2]) / math.hypot(*lights.sun[:2])
    toward = np.clip(0.5 + 0.5 * (flat @ sun_flat), 0.0, 1.0)[..., None] ** 2.6
    low = np.exp(-degrees / 6.5)[..., None]
    mid = np.exp(-((degrees / 30.0) ** 1.25))[..., None]
    over = np.exp(-((degrees / 17.0) ** 2))[..., None] * toward
    rim = horizon + (sunward - horizon) * toward
    light = zenith + (middle - zenith) * mid
    light = light + (band - light) * over * 0.85
    light = light + (rim - light) * low
    return np.asarray(light + _glow(directions, lights) + _milky_way(directions, lights), np.float32)


def ambient(lights: Heaven) -> tuple[float, float, float]:
    """Return the mean light of the upper half of the sky, which tints land, water and mist."""
    sky = radiance(env_directions(), lights)
    weight = env_directions()[..., 2:] ** 0.5
    mean = (sky * weight).sum(axis=(0, 1)) / weight.sum()
    return (float(mean[0]), float(mean[1]), float(mean[2]))


def env_directions() -> Floats:
    """Return the directions of the sky map's texels, (*ENV_SHAPE, 3); the shaders hold the inverse."""
    rows, columns = ENV_SHAPE
    up = ((np.arange(rows) + 0.5) / rows) ** 2
    turn = (np.arange(columns) + 0.5) / columns
    x = np.where(turn < 0.5, 1.0 - 4.0 * turn, 4.0 * turn - 3.0)
    y = np.where(turn < 0.5, 1.0, -1.0) * (1.0 - np.abs(x))
    flat = np.stack([x, y], axis=-1) / np.hypot(x, y)[:, None]
    level = np.sqrt(1.0 - up**2)
    out = np.empty((rows, columns, 3), np.float32)
    out[..., :2] = flat[None] * level[:, None, None]
    out[..., 2] = up[:, None]
    return out


def tint(colour_temperature_k: float) -> tuple[float, float, float]:
    """Return the white of the place, linear, about 1: warm below 4500 K, cold above; luminance is kept."""
    shift = math.log(colour_temperature_k / 4500.0)
    red, blue = math.exp(-0.42 * shift), math.exp((0.62 if shift > 0.0 else 0.78) * shift)
    green = math.exp(-0.02 * abs(shift))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (red / luminance, green / luminance, blue / luminance)


def _glow(directions: Floats, lights: Heaven) -> Floats:
    """The wide halo of sun and moon; the narrow one is drawn with the disc."""
    sun = np.degrees(np.arccos(np.clip(directions @ np.array(lights.sun), -1.0, 1.0)))
    moon = np.degrees(np.arccos(np.clip(directions @ np.array(lights.moon), -1.0, 1.0)))
    warm = np.array(lights.sun_colour) * (1.0 - 0.75 * _smooth(6.0, 40.0, lights.sun_deg))
    halo = (0.26 * np.exp(-sun / 8.0) + 0.09 * np.exp(-sun / 24.0))[..., None] * warm
    cold = np.array([0.60, 0.72, 1.0]) * lights.moon_share
    return np.asarray(
        halo + (0.075 * np.exp(-moon / 7.0) + 0.03 * np.exp(-moon / 24.0))[..., None] * cold, np.float32
    )


def _milky_way(directions: Floats, lights: Heaven) -> Floats:
    """A soft band over the sea to the left, with its darker lane, at night."""
    pole = np.array([0.80, 0.25, 0.545])
    pole /= np.linalg.norm(pole)
    off = directions @ pole
    along = directions @ np.cross(pole, [0.0, 0.0, 1.0])
    wave = 0.05 * np.sin(7.0 * along + 1.0) + 0.02 * np.sin(17.0 * along)
    band = np.exp(-(((off + wave) / 0.17) ** 2)) - 0.42 * np.exp(-(((off + 1.6 * wave) / 0.05) ** 2))
    clear = np.clip(directions[..., 2] * 2.5, 0.0, 1.0) * lights.stars**2 * lights.milky_way
    return np.asarray((band * clear * 0.036)[..., None] * np.array([0.86, 0.90, 1.15]), np.float32)


def _colours(sun_deg: float) -> list[Floats]:
    row = [np.interp(sun_deg, _STOPS[:, 0], _STOPS[:, i]) for i in range(1, 16)]
    return [np.array(row[i : i + 3], np.float32) for i in range(0, 15, 3)]


def _direction(azimuth_deg: float, height_deg: float) -> tuple[float, float, float]:
    azimuth, height = math.radians(azimuth_deg), math.radians(height_deg)
    return (
        math.sin(azimuth) * math.cos(height),
        math.cos(azimuth) * math.cos(height),
        math.sin(height),
    )


def _smooth(low: float, high: float, value: float) -> float:
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)
