"""Hangs a baked `Panorama` round a place, lit by its `Heavens`."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np
from panda3d import core

from scenes import _parts
from scenes._geometry import Floats, byte_texture, mesh, shader
from scenes._heavens import LAND, Heavens, vec3
from scenes._panorama import Panorama

__all__ = ["hang", "light_land", "repaint"]

_SIDE_STEPS: Final = 24


def hang(root: Any, land: Panorama, corner_m: float) -> Any:
    """Add the band of `land`, at most `corner_m` away, and the inputs that its shaders read. Return it."""
    for name, values in (("land_facing", land.facing_bytes()), ("land_matter", land.matter_bytes())):
        root.set_shader_input(name, byte_texture(name, values, repeat_up=False))
    return _parts.blend_over(_parts.add(root, _band(land, corner_m), shader("panorama"), LAND))


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


def _band(land: Panorama, corner_m: float) -> Any:
    turn = np.linspace(0.0, 1.0, 4 * _SIDE_STEPS + 1)
    x = np.where(turn < 0.5, 1.0 - 4.0 * turn, 4.0 * turn - 3.0)
    y = np.where(turn < 0.5, 1.0, -1.0) * (1.0 - np.abs(x))
    x, y = x * corner_m, y * corner_m
    away = np.hypot(x, y)
    vertex = np.concatenate([np.stack([x, y, away * t], axis=-1) for t in (land.tan_low, land.tan_high)])
    weave = np.concatenate([np.stack([turn, np.full_like(turn, v)], axis=-1) for v in (0.0, 1.0)])
    columns = {"vertex": vertex.astype(np.float32), "weave": weave.astype(np.float32)}
    return mesh("far-land", columns, _parts.grid(2, len(turn)))
