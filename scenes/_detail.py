"""Pictures in several sizes, and for each part of a place the one that fits its pixels there.

A software renderer pays as much again as for reading a picture if it must find the level at every pixel. A
part whose distance is known needs no more than one level, chosen when the size of a pixel changes.
"""

from __future__ import annotations

import math
from typing import Any

from scenes._geometry import Bytes, byte_texture
from scenes._noise import halved

__all__ = ["Detail", "on_ground", "pixel_tan_of"]


class Detail:
    """One picture and its smaller ones.

    Args:
        name: of its textures.
        picture: (height, width, 4) bytes, blue first; level 0.
        levels: how many there are; each has half the side of the one before.
        repeat_up: whether it repeats up; sideways it always does.
    """

    def __init__(self, name: str, picture: Bytes, levels: int, *, repeat_up: bool = True) -> None:
        self._levels = [
            byte_texture(f"{name}-{n}", halved(picture, n), repeat_up=repeat_up) for n in range(levels)
        ]
        self._parts: list[tuple[Any, str, float]] = []
        self._pixel_tan = 0.0

    def hang(self, path: Any, name: str, texels_per_rad: float) -> None:
        """Let `path` read this picture as its input `name`.

        Args:
            path: the part.
            name: of the sampler in its shader.
            texels_per_rad: how many texels of level 0 an angle of 1 spans there, as seen from the seat.
        """
        self._parts.append((path, name, texels_per_rad))

    def fit(self, pixel_tan: float) -> None:
        """Give each part the level whose texels are about `pixel_tan` wide."""
        if pixel_tan == self._pixel_tan:
            return
        self._pixel_tan = pixel_tan
        for path, name, texels_per_rad in self._parts:
            level = round(math.log2(max(texels_per_rad * pixel_tan, 1.0)))
            path.set_shader_input(name, self._levels[min(level, len(self._levels) - 1)])


def pixel_tan_of(root: Any) -> float:
    """Return the place's input `pixel_tan`: the tangent of the angle that one pixel spans."""
    held = root.get_shader_input("pixel_tan")  # its vector is a reference into it
    return float(held.get_vector()[0])


def on_ground(texels_per_m: float, away_m: float, eye_m: float) -> float:
    """Return the texels that an angle of 1 spans on level ground, the mean of along and across the look.

    Args:
        texels_per_m: of level 0.
        away_m: how far it is.
        eye_m: how far the eye is above it.
    """
    return texels_per_m * away_m * math.sqrt(max(away_m / eye_m, 1.0))
