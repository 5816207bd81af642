"""Sky, stars, sun and moon over a place, and the inputs of light and air that its shaders share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from panda3d import core

from scenes import _parts, _sky
from scenes._geometry import Floats, byte_texture, everywhere, float_texture, shader, upload
from scenes._noise import cloud_texture
from therapy.controls import Controls

__all__ = ["GLOW", "LAMP", "LAND", "MIST", "NEAR", "SKY", "STAR", "Heavens", "vec3"]

#: Draw order: near and opaque first; the sky behind all that; then what is laid over it.
NEAR, SKY, STAR, LAMP, LAND, MIST, GLOW = range(0, 70, 10)

#: The sky map is drawn anew when the hour has moved by so much: 0.02° of the sun's way.
_STEP_H: Final = 0.002


class Heavens:
    """Hangs a sky under `root`. Call `turn_to`, `set_grade` and `set_air` once a frame.

    Args:
        root: of the place; the inputs are set on it.
        seed: of the clouds.
        stars: mesh for `ocean_star`.
        lights: where sun and moon stand at an hour.
    """

    def __init__(
        self, root: Any, seed: int, stars: Any, lights: Callable[[float], _sky.Heaven] = _sky.heaven
    ) -> None:
        self._root = root
        self._lights_at = lights
        self._at_h = math.inf
        self.directions = _sky.env_directions()
        self.sky: Floats = np.zeros((*_sky.ENV_SHAPE, 3), np.float32)
        self.mean: Floats = np.zeros(3, np.float32)
        self.horizon: Floats = self.sky[:1]
        self._map = float_texture("sky", self.sky)
        self.lights = lights(12.0)
        self._build(stars)
        root.set_shader_input("pixel_tan", 0.0037)
        root.set_shader_input("sky_map", self._map)
        self.clouds = byte_texture("clouds", cloud_texture(seed))
        root.set_shader_input("cloud_map", self.clouds)
        self._sun_node.set_shader_input("lamp_shape", core.LVecBase4f(0.105, 0.010, 7.0, 0.0))
        self._moon_node.set_shader_input("lamp_shape", core.LVecBase4f(0.125, 0.008, 8.0, 0.42))

    def turn_to(self, time_of_day_h: float) -> bool:
        """Draw the sky of that hour. Return whether it had moved, so that what hangs on it follows."""
        if abs(time_of_day_h - self._at_h) < _STEP_H:
            return False
        self._at_h = time_of_day_h
        lights = self.lights = self._lights_at(time_of_day_h)
        self.sky = _sky.radiance(self.directions, lights)
        upload(self._map, self.sky[:, :, ::-1])
        self.mean = np.array(_sky.ambient(lights), np.float32)
        self.horizon = self.sky[3:5].mean(axis=0)[None]
        self.mist_colour = tuple(float(c) for c in self.horizon.mean(axis=(0, 1)) * 0.65 + self.mean * 1.0)
        self._set_hour_inputs()
        return True

    def set_grade(self, controls: Controls, lift: float) -> None:
        """Set the brightness of the place; `lift` is the breath's small share of it."""
        exposure = lift * 2.0 ** (1.9 * (controls.light - 0.5))
        white = _sky.tint(controls.colour_temperature_k)
        self._root.set_shader_input("grade", core.LVecBase3f(*(exposure * w for w in white)))

    def set_air(self, controls: Controls, scene_s: float, thick: float, mist_share: float) -> None:
        """Set haze, mist, clouds and stars: `thick` 0 … 1 of mist, `mist_share` of it over what is far."""
        root = self._root
        root.set_shader_input("haze", core.LVecBase2f(1.0 / 3800.0, thick * thick / 48.0 + thick / 2400.0))
        root.set_shader_input("mist", core.LVecBase4f(*self.mist_colour, mist_share))
        root.set_shader_input(
            "cloud",
            core.LVecBase4f(scene_s * 0.00022, scene_s * 0.00035, 0.50 - 0.12 * controls.weather, 0.85),
        )
        root.set_shader_input("drift", core.LVecBase2f(scene_s * 0.002, 0.0))
        out = self.lights.stars * (1.0 - 0.55 * thick)
        root.set_shader_input("stars", core.LVecBase4f(out, scene_s * 0.05, thick, 0.0))
        _parts.shown_if(self._star_node, out > 0.0)

    def _set_hour_inputs(self) -> None:
        root, lights, mean = self._root, self.lights, self.mean
        root.set_shader_input("sun", core.LVecBase3f(*lights.sun))
        warm = np.array(lights.sun_colour, np.float32)
        rose = self.sky[2:7].max(axis=(0, 1))
        lit = rose * 0.62 + mean * 0.5 + warm * 0.02
        dark = mean * np.array([0.74, 0.72, 0.82], np.float32)
        root.set_shader_input("cloud_lit", vec3(lit))
        root.set_shader_input("cloud_dark", vec3(dark))
        moon = np.array([0.62, 0.74, 1.0], np.float32) * lights.moon_share
        sun_leads = float(warm.max()) > 0.0
        lamp, colour = (lights.sun, warm * 1.5) if sun_leads else (lights.moon, moon * 1.5)
        if sun_leads:
            colour = colour * (1.0 - 0.55 * min(max(lights.sun_deg / 50.0, 0.0), 1.0))
        root.set_shader_input("lamp", core.LVecBase3f(*lamp))
        root.set_shader_input("lamp_light", core.LVecBase4f(*map(float, colour), 0.030))
        self._sun_node.set_shader_input("lamp_at", core.LVecBase4f(*lights.sun, 0.25))
        self._sun_node.set_shader_input("lamp_colour", core.LVecBase4f(*lights.sun_colour, 1.0))
        self._moon_node.set_shader_input("lamp_at", core.LVecBase4f(*lights.moon, 0.13))
        self._moon_node.set_shader_input("lamp_colour", core.LVecBase4f(1.9, 1.95, 2.1, lights.moon_share))
        _parts.shown_if(self._sun_node, sun_leads)
        _parts.shown_if(self._moon_node, lights.moon_share > 0.0)

    def _build(self, stars: Any) -> None:
        sky = _parts.add(self._root, _parts.dome(), shader("ocean_sky"), SKY)
        sky.set_depth_write(False)
        self._star_node = everywhere(_parts.add(self._root, stars, shader("ocean_star"), STAR))
        lamp = shader("ocean_lamp")
        self._sun_node = everywhere(_parts.add(self._root, _parts.card("sun"), lamp, LAMP))
        self._moon_node = everywhere(_parts.add(self._root, _parts.card("moon"), lamp, LAMP + 1))
        for node in (self._star_node, self._sun_node, self._moon_node):
            _parts.blend_screen(node)


def vec3(values: Floats) -> Any:
    """Return `values` (3,) as a shader input."""
    return core.LVecBase3f(*map(float, values))
