"""Stars where they really stand, from PyEphem's catalogue, and fainter seeded ones. Pure numpy but for that.

The catalogue (`ephem.stars`, MIT) holds the 115 stars that have well-known names, with Hipparcos positions.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import ephem.stars
import numpy as np

from scenes._geometry import Floats

__all__ = ["GALAXY_POLE", "Star", "catalogue", "faint", "hues", "overhead"]

#: The north pole of the galaxy: right ascension (hours), declination (degrees), J2000.
GALAXY_POLE: Final = (12.857, 27.13)
#: Linear colours by the first letter of the spectral type.
_HUES: Final = {
    "O": (0.72, 0.83, 1.15),
    "B": (0.78, 0.88, 1.14),
    "A": (0.90, 0.95, 1.08),
    "F": (1.00, 0.99, 0.98),
    "G": (1.05, 1.00, 0.88),
    "K": (1.13, 0.93, 0.74),
    "M": (1.15, 0.84, 0.60),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Star:
    """One star: J2000 place, brightness in magnitudes (less is brighter), first letter of its spectrum."""

    name: str
    ascension_h: float
    declination_deg: float
    magnitude: float
    spectrum: str


def catalogue() -> list[Star]:
    """Return the named stars, each place once, the brightest first."""
    found: dict[tuple[str, str], Star] = {}
    for line in ephem.stars.db.strip().splitlines():
        name, kind, ascension, declination, magnitude = line.split(",")[:5]
        place = (ascension.split("|")[0], declination.split("|")[0])
        found.setdefault(
            place,
            Star(
                name=name,
                ascension_h=float(place[0]),
                declination_deg=float(place[1]),
                magnitude=float(magnitude),
                spectrum=kind.split("|")[2][:1],
            ),
        )
    return sorted(found.values(), key=lambda star: star.magnitude)


def overhead(
    ascension_h: Floats, declination_deg: Floats, *, latitude_deg: float, sidereal_h: float
) -> Floats:
    """Return unit vectors (…, 3) to places in the sky for someone who looks south: x is west, z is up.

    Args:
        ascension_h: right ascensions, hours.
        declination_deg: declinations, degrees.
        latitude_deg: of the place.
        sidereal_h: its sidereal time: the right ascension that stands due south.
    """
    hour = np.radians(15.0 * (sidereal_h - ascension_h))
    high, latitude = np.radians(declination_deg), np.radians(latitude_deg)
    x = np.cos(high) * np.sin(hour)
    y = np.cos(high) * np.cos(hour) * np.sin(latitude) - np.sin(high) * np.cos(latitude)
    z = np.sin(high) * np.sin(latitude) + np.cos(high) * np.cos(hour) * np.cos(latitude)
    return np.stack([x, y, z], axis=-1).astype(np.float32)


def faint(rng: np.random.Generator, count: int, pole: Floats) -> tuple[Floats, Floats]:
    """Return directions (count, 3) above the horizon and magnitudes 3 … 6.4 of seeded stars.

    Their number triples with each magnitude, as it does in the sky, and they crowd towards the Milky Way.
    """
    tried = 3 * count
    up = rng.uniform(0.02, 1.0, tried)
    turn = rng.uniform(0.0, 2.0 * np.pi, tried)
    flat = np.sqrt(1.0 - up**2)
    ways = np.stack([np.sin(turn) * flat, np.cos(turn) * flat, up], axis=-1)
    crowd = 0.30 + 0.70 * np.exp(-(((ways @ pole) / 0.24) ** 2))
    order = np.argsort(rng.random(tried) / crowd)[:count]
    rarest = 3.0 ** (3.0 - 6.4)
    share = rarest + (1.0 - rarest) * rng.random(count)
    magnitude = 6.4 + np.log(share) / np.log(3.0)
    return ways[order].astype(np.float32), magnitude.astype(np.float32)


def hues(spectra: list[str]) -> Floats:
    """Return linear colours (stars, 3) of spectral letters; unknown ones are white."""
    return np.array([_HUES.get(letter, (1.0, 1.0, 1.0)) for letter in spectra], np.float32)
