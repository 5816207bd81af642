"""Distant land: ridges in layers all round, open where the sun sets. Pure numpy."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from scenes._geometry import Floats

__all__ = ["Ridge", "ridges", "skyline"]

#: Azimuth (degrees, 0 = straight ahead, right positive), half-width (degrees), height (degrees) of hills by
#: layer. The gap from −12° to +30° is the open sea under the sun.
_HILLS: Final = {
    760.0: (
        (-62.0, 17.0, 3.4),
        (-44.0, 8.0, 1.5),
        (78.0, 13.0, 2.4),
        (158.0, 26.0, 3.4),
        (-128.0, 22.0, 3.8),
    ),
    1700.0: (
        (-38.0, 15.0, 3.6),
        (-78.0, 22.0, 4.6),
        (58.0, 13.0, 2.5),
        (104.0, 24.0, 4.4),
        (-150.0, 30.0, 5.0),
    ),
    3600.0: (
        (-27.0, 14.0, 3.3),
        (-60.0, 26.0, 6.2),
        (44.0, 15.0, 2.7),
        (84.0, 24.0, 5.4),
        (180.0, 48.0, 6.4),
    ),
}
_STEP_DEG: Final = 0.25


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """One layer: its distance and its height above the water by azimuth (radians), both in metres."""

    distance_m: float
    azimuth: Floats
    height_m: Floats


def ridges(seed: int) -> list[Ridge]:
    """Return the layers, nearest first."""
    count = round(360.0 / _STEP_DEG)
    degrees = (np.arange(count) - count / 2) * _STEP_DEG
    rng = np.random.default_rng([seed, 23])
    layers = []
    for index, (distance_m, hills) in enumerate(_HILLS.items()):
        envelope = np.zeros(count)
        for centre, width, height in hills:
            away = np.abs((degrees - centre - rng.normal(0.0, 1.5) + 180.0) % 360.0 - 180.0) / width
            envelope = np.maximum(envelope, height * np.clip(1.0 - away**2, 0.0, None) ** 0.9)
        rough = _rough(rng, count, first=14 - 4 * index, slope=1.15 + 0.1 * index)
        tall = envelope * (0.72 + 0.34 * rough)
        height_m = np.tan(np.radians(np.clip(tall, 0.0, None))) * distance_m
        layers.append(
            Ridge(
                distance_m=distance_m,
                azimuth=np.radians(degrees).astype(np.float32),
                height_m=height_m.astype(np.float32),
            )
        )
    return layers


def skyline(layers: list[Ridge], azimuth: Floats) -> Floats:
    """Return the tangent of the land's height above the water at `azimuth` (any shape, radians)."""
    tallest = np.zeros_like(azimuth)
    for ridge in layers:
        height = np.interp(azimuth, ridge.azimuth, ridge.height_m, period=2.0 * np.pi)
        tallest = np.maximum(tallest, height / ridge.distance_m)
    return tallest.astype(np.float32)


def _rough(rng: np.random.Generator, count: int, first: int, slope: float) -> Floats:
    """Periodic fractal noise, about −1 … 1."""
    waves = np.arange(count // 2 + 1, dtype=float)
    size = np.where(waves >= first, np.maximum(waves, 1.0) ** -slope, 0.0)
    noise = np.fft.irfft(size * np.exp(2j * np.pi * rng.random(len(waves))), count)
    return np.asarray(noise / (2.2 * noise.std()), np.float32)
