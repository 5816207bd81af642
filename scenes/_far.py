"""Hangs a baked `Panorama` round a place, lit by its `Heavens`."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.ndimage
from panda3d import core

from scenes import _parts
from scenes._geometry import Floats, byte_texture, mesh, shader
from scenes._heavens import LAND, NEAR, Heavens, vec3
from scenes._panorama import Panorama

__all__ = ["hang", "light_land", "repaint"]

#: Tiles of the band along each of its four sides, and up; each side is a sector of its own for culling.
_SIDE_STEPS: Final = 24
_ROWS: Final = 14
#: The tiles that hide all that is behind them come before the sky, which then is not drawn there.
_WHOLE: Final = NEAR + 5


def hang(root: Any, land: Panorama, corner_m: float) -> None:
    """Add the band of `land`, at most `corner_m` away, and the inputs that its shaders read.

    It lies behind all else but the sky. Tiles without land are left out, those all of land are not blended.
    """
    for name, values in (("land_facing", land.facing_bytes()), ("land_matter", land.matter_bytes())):
        root.set_shader_input(name, byte_texture(name, values, repeat_up=False))
    least, most = _covers(land)
    whole, edge = shader("panorama", defines=("WHOLE",)), shader("panorama")
    for side in range(4):
        here = np.zeros_like(least, bool)
        here[:, side * _SIDE_STEPS : (side + 1) * _SIDE_STEPS] = True
        inner, rim = here & (least >= 254.5 / 255.0), here & (least < 254.5 / 255.0) & (most > 0.5 / 255.0)
        if inner.any():
            _parts.add(root, _band(land, corner_m, inner), whole, _WHOLE)
        if rim.any():
            _parts.blend_over(_parts.add(root, _band(land, corner_m, rim), edge, LAND))


def _covers(land: Panorama) -> tuple[Floats, Floats]:
    """Return the least and the most cover of each tile with its rim, (_ROWS, 4 · _SIDE_STEPS) each."""
    least = scipy.ndimage.minimum_filter(land.cover, 3, mode=("nearest", "wrap"))
    most = scipy.ndimage.maximum_filter(land.cover, 3, mode=("nearest", "wrap"))
    rows, columns = land.cover.shape
    up = (np.arange(_ROWS) * rows) // _ROWS
    along = (np.arange(4 * _SIDE_STEPS) * columns) // (4 * _SIDE_STEPS)
    return (
        np.minimum.reduceat(np.minimum.reduceat(least, up, axis=0), along, axis=1),
        np.maximum.reduceat(np.maximum.reduceat(most, up, axis=0), along, axis=1),
    )


def repaint(root: Any, land: Panorama, matter: Floats) -> None:
    """Show the land with another reflectance, (rows, columns, 3); `land` itself stays as it was baked."""
    fresh = dataclasses.replace(land, matter=np.clip(matter, 0.0, 1.0).astype(np.float32))
    root.set_shader_input("land_matter", byte_texture("land_matter", fresh.matter_bytes(), repeat_up=False))


def light_land(root: Any, heavens: Heavens, land: Panorama, haze_per_m: float, mist_per_m: float) -> None:
    """Light the land as the hour has it."""
    lights = heavens.lights
    warm = np.array(lights.sun_colour, np.float32)
    day = float(warm.max()) > 0.0
    moon = np.array([0.62, 0.74, 1.0], np.float32) * (0.085 * lights.moon_share)
    root.set_shader_input("land_lamp", core.LVecBase3f(*(lights.sun if day else lights.moon)))
    root.set_shader_input("land_light", vec3(warm * 0.42 if day else moon))
    root.set_shader_input("land_sky", vec3(heavens.mean * 0.95 + 0.012))
    span = 1.0 / (land.tan_high - land.tan_low)
    root.set_shader_input("land_span", core.LVecBase4f(land.tan_low, span, haze_per_m, mist_per_m))


def _band(land: Panorama, corner_m: float, shown: npt.NDArray[np.bool_]) -> Any:
    """Return the tiles of the band that are `shown` (_ROWS, 4 · _SIDE_STEPS)."""
    turn = np.linspace(0.0, 1.0, 4 * _SIDE_STEPS + 1)
    x = np.where(turn < 0.5, 1.0 - 4.0 * turn, 4.0 * turn - 3.0)
    y = np.where(turn < 0.5, 1.0, -1.0) * (1.0 - np.abs(x))
    x, y = x * corner_m, y * corner_m
    up = np.linspace(0.0, 1.0, _ROWS + 1)
    tan = land.tan_low + up * (land.tan_high - land.tan_low)
    high = tan[:, None] * np.hypot(x, y)[None]
    vertex = np.stack([np.broadcast_to(x, high.shape), np.broadcast_to(y, high.shape), high], axis=-1)
    weave = np.stack(np.meshgrid(turn, up), axis=-1)
    faces = _parts.grid(_ROWS + 1, len(turn))[np.repeat(shown.reshape(-1), 2)]
    used, index = np.unique(faces, return_inverse=True)
    columns = {
        "vertex": vertex.reshape(-1, 3)[used].astype(np.float32),
        "weave": weave.reshape(-1, 2)[used].astype(np.float32),
    }
    return mesh("far-land", columns, index.reshape(-1, 3).astype(np.uint32))
