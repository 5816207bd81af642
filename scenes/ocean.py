"""An open sea at dusk that breathes: water, sky, far land, floating lanterns, mist."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from panda3d import core

from scenes import _land, _sea, _sky
from scenes._geometry import Floats, byte_texture, everywhere, float_texture, mesh, shader, upload
from scenes._noise import cloud_texture
from therapy.controls import NEUTRAL, Controls
from therapy.specs import SceneSpec

__all__ = ["SCENE", "Ocean"]

#: The sky map is drawn anew when the hour has moved by so much: 0.02° of the sun's way.
_SKY_STEP_H: Final = 0.002
_LANTERNS: Final = 18
_STARS: Final = 1800
#: The sea's mesh: within 7 m each pixel is smaller than a ripple, beyond it the ripples are averaged.
_NEAR_RINGS: Final = np.concatenate([[0.0], np.geomspace(0.6, 7.0, 26)])
_FAR_RINGS: Final = np.concatenate([np.geomspace(7.0, 70.0, 30), np.geomspace(82.0, 9000.0, 16)])
_SECTORS: Final = 12
_SECTOR_STEPS: Final = 7
#: Draw order: near and opaque first; the sky behind all that; then what is laid over it.
_WATER, _SKY, _STAR, _LAMP, _LAND, _MIST, _LANTERN = range(0, 70, 10)


class Ocean:
    """The scene. `root` holds it; the eye at rest is at (0, 0, 0), the water 1.2 m below it.

    The renderer may set the input `pixel_tan` on `root`: the tangent of the angle that one pixel spans.

    Args:
        seed: of waves, clouds, stars, land and lanterns.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 5])
        self.root = core.NodePath("ocean")
        self._waves = _sea.Waves(seed)
        self._layers = _land.ridges(seed)
        self._directions = _sky.env_directions()
        self._skyline = _land.skyline(
            self._layers, np.arctan2(self._directions[..., 0], self._directions[..., 1])
        )
        self._sky_at_h = math.inf
        blank = np.zeros((*_sky.ENV_SHAPE, 3), np.float32)
        self._sky_map = float_texture("sky", blank)
        self._mirror_map = byte_texture("mirror", _mirror_bytes(blank), repeat_up=False)
        self._wave_map = byte_texture("waves", _sea.encoded(self._waves.surface(0.0)))
        self._lantern_rest = _lantern_places(rng)
        self._lantern_now = core.PTA_LVecBase4f.empty_array(24)
        self._build(rng)
        self._set_still_inputs(seed)
        self.update(NEUTRAL, 0.0)

    def update(self, controls: Controls, scene_s: float) -> None:
        """Show the sea as `controls` say, `scene_s` seconds after it was built."""
        if abs(controls.time_of_day_h - self._sky_at_h) >= _SKY_STEP_H:
            self._draw_sky(controls.time_of_day_h)
        upload(self._wave_map, _sea.encoded(self._waves.surface(scene_s)))
        slope = 0.030 + 0.105 * controls.weather
        warp = _sea.swell_warp(controls.pacer_phase, controls.inhale_fraction)
        full = _sea.breath(controls.pacer_phase, controls.inhale_fraction)
        root = self.root
        root.set_shader_input(
            "swell",
            core.LVecBase4f(_sea.SWELL_M * controls.swell, warp, 1.0 / _sea.SWELL_LENGTH_M, 1.0 / 90.0),
        )
        root.set_shader_input(
            "waves", core.LVecBase4f(slope, 1.0 / _sea.TILE_M, scene_s * 0.0006, scene_s * 0.0011)
        )
        root.set_shader_input("ripple", slope)
        root.set_shader_input("water_s", math.fmod(scene_s, 20_000.0))
        # On the inhale the light lifts by a few hundredths too: the breath is seen wherever one looks.
        lift = 1.0 + 0.05 * controls.swell * (full - 0.5)
        exposure = lift * 2.0 ** (1.9 * (controls.light - 0.5))
        white = _sky.tint(controls.colour_temperature_k)
        root.set_shader_input("grade", core.LVecBase3f(*(exposure * w for w in white)))
        self._set_air(controls, scene_s)
        self._float_lanterns(controls, scene_s, warp, full, slope)

    def lanterns(self) -> list[tuple[float, float, float, float]]:
        """Return where each lantern floats now (x, y, height of its water line; metres) and how it shines."""
        return [tuple(self._lantern_now.get_element(i)) for i in range(_LANTERNS)]

    def _set_air(self, controls: Controls, scene_s: float) -> None:
        thick = controls.density
        root = self.root
        root.set_shader_input("haze", core.LVecBase2f(1.0 / 3800.0, thick * thick / 48.0 + thick / 2400.0))
        root.set_shader_input("mist", core.LVecBase4f(*self._mist_colour, min(1.2 * thick, 0.96)))
        root.set_shader_input(
            "cloud",
            core.LVecBase4f(scene_s * 0.00022, scene_s * 0.00035, 0.50 - 0.12 * controls.weather, 0.85),
        )
        root.set_shader_input("drift", core.LVecBase2f(scene_s * 0.002, 0.0))
        out = self._lights.stars * (1.0 - 0.55 * thick)
        root.set_shader_input("stars", core.LVecBase4f(out, scene_s * 0.05, thick, 0.0))
        if out > 0.0:
            self._star_node.show()
        else:
            self._star_node.hide()
        for bank in self._mist_nodes:
            if thick > 0.02:
                bank.show()
            else:
                bank.hide()

    def _float_lanterns(
        self, controls: Controls, scene_s: float, warp: float, full: float, slope: float
    ) -> None:
        rest = self._lantern_rest
        turn = 2.0 * np.pi * (scene_s / rest[:, 3] + rest[:, 2])
        x = rest[:, 0] + 0.9 * np.sin(turn)
        y = rest[:, 1] + 0.7 * np.cos(0.83 * turn)
        lift = _sea.swell_m(np.hypot(x, y), warp, controls.swell)
        bob = 0.25 * slope * np.sin(2.0 * np.pi * (scene_s / 3.1 + rest[:, 2] * 7.0))
        shine = self._lantern_shine * (1.0 + 0.35 * controls.swell * (full - 0.5))
        for index in range(_LANTERNS):
            self._lantern_now.set_element(
                index, core.LVecBase4f(x[index], y[index], lift[index] + bob[index] - _sea.EYE_M, shine)
            )
        self.root.set_shader_input("lanterns", self._lantern_now)

    def _draw_sky(self, time_of_day_h: float) -> None:
        """Fill the sky map and the mirror map and all that hangs on the hour."""
        self._sky_at_h = time_of_day_h
        lights = self._lights = _sky.heaven(time_of_day_h)
        sky = _sky.radiance(self._directions, lights)
        upload(self._sky_map, sky[:, :, ::-1])
        mean = np.array(_sky.ambient(lights), np.float32)
        land = mean * np.array([0.16, 0.20, 0.24], np.float32) + 0.004
        horizon = sky[3:5].mean(axis=0)[None]
        far_land = land + (horizon - land) * 0.55
        tan = self._directions[..., 2] / np.maximum(
            np.hypot(*np.moveaxis(self._directions[..., :2], -1, 0)), 1e-3
        )
        covered = np.clip((self._skyline - tan) / 0.02 + 0.5, 0.0, 1.0) * (self._skyline > 0.003)
        upload(self._mirror_map, _mirror_bytes(sky + (far_land - sky) * covered[..., None]))
        self._mist_colour = tuple(float(c) for c in horizon.mean(axis=(0, 1)) * 0.65 + mean * 1.0)
        self._lantern_shine = 0.55 + 0.6 * (1.0 - min(max((lights.sun_deg + 8.0) / 26.0, 0.0), 1.0))
        self._set_hour_inputs(lights, mean, land, sky)

    def _set_hour_inputs(self, lights: _sky.Heaven, mean: Floats, land: Floats, sky: Floats) -> None:
        root = self.root
        deep = mean * np.array([0.10, 0.30, 0.36], np.float32) + np.array([0.004, 0.009, 0.014], np.float32)
        root.set_shader_input("deep", core.LVecBase3f(*map(float, deep)))
        root.set_shader_input("land", core.LVecBase3f(*map(float, land)))
        root.set_shader_input("sun", core.LVecBase3f(*lights.sun))
        warm = np.array(lights.sun_colour, np.float32)
        rose = sky[2:7].max(axis=(0, 1))
        lit = rose * 0.62 + mean * 0.5 + warm * 0.02
        dark = mean * np.array([0.74, 0.72, 0.82], np.float32)
        root.set_shader_input("cloud_lit", core.LVecBase3f(*map(float, lit)))
        root.set_shader_input("cloud_dark", core.LVecBase3f(*map(float, dark)))
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
        for node, on in (
            (self._sun_node, float(warm.max()) > 0.0),
            (self._moon_node, lights.moon_share > 0.0),
        ):
            if on:
                node.show()
            else:
                node.hide()

    def _set_still_inputs(self, seed: int) -> None:
        root = self.root
        root.set_shader_input("pixel_tan", 0.0037)
        root.set_shader_input("sky_map", self._sky_map)
        root.set_shader_input("mirror_map", self._mirror_map)
        root.set_shader_input("wave_map", self._wave_map)
        smooth = core.SamplerState(self._wave_map.get_default_sampler())
        smooth.set_minfilter(core.SamplerState.FT_linear_mipmap_linear)
        root.set_shader_input("far_wave_map", self._wave_map, smooth)
        root.set_shader_input("cloud_map", byte_texture("clouds", cloud_texture(seed)))
        root.set_shader_input("glow", core.LVecBase3f(1.75, 0.80, 0.30))
        self._sun_node.set_shader_input("lamp_shape", core.LVecBase4f(0.105, 0.010, 7.0, 0.0))
        self._moon_node.set_shader_input("lamp_shape", core.LVecBase4f(0.125, 0.008, 8.0, 0.42))

    def _build(self, rng: np.random.Generator) -> None:
        for name, rings in (("near", _NEAR_RINGS), ("far", _FAR_RINGS)):
            water = shader("ocean_water", defines=(name.upper(),))
            for sector in _water_sectors(name, rings):
                self._add(sector, water, _WATER)
        dome = everywhere(self._add(_dome(), shader("ocean_sky"), _SKY))
        dome.set_depth_write(False)
        self._star_node = everywhere(self._add(_stars(rng), shader("ocean_star"), _STAR))
        lamp = shader("ocean_lamp")
        self._sun_node = everywhere(self._add(_card("sun"), lamp, _LAMP))
        self._moon_node = everywhere(self._add(_card("moon"), lamp, _LAMP + 1))
        for node in (self._star_node, self._sun_node, self._moon_node):
            _blend(node, core.ColorBlendAttrib.O_one, core.ColorBlendAttrib.O_one_minus_incoming_color)
        land = shader("ocean_land")
        for index, ridge in enumerate(reversed(self._layers)):
            path = self._add(_ridge(ridge), land, _LAND + index)
            _blend(
                path, core.ColorBlendAttrib.O_incoming_alpha, core.ColorBlendAttrib.O_one_minus_incoming_alpha
            )
        bank = shader("ocean_mist")
        self._mist_nodes = []
        for index, (away_m, tall_m) in enumerate(((420.0, 22.0), (170.0, 8.0), (70.0, 3.0))):
            path = self._add(_bank(away_m, tall_m), bank, _MIST + index)
            _blend(
                path, core.ColorBlendAttrib.O_incoming_alpha, core.ColorBlendAttrib.O_one_minus_incoming_alpha
            )
            self._mist_nodes.append(path)
        lanterns = shader("ocean_lantern")
        for index, flag in enumerate((1.0, 0.0)):
            path = everywhere(self._add(_lantern_cards(flag), lanterns, _LANTERN + index))
            _blend(path, core.ColorBlendAttrib.O_one, core.ColorBlendAttrib.O_one_minus_incoming_alpha)
            path.set_depth_test(False)  # nothing that is drawn lies before them

    def _add(self, path: Any, program: Any, order: int) -> Any:
        path.reparent_to(self.root)
        path.set_shader(program)
        path.set_two_sided(True)
        path.set_bin("fixed", order)
        return path


def _blend(path: Any, source: int, under: int) -> None:
    path.set_attrib(core.ColorBlendAttrib.make(core.ColorBlendAttrib.M_add, source, under))
    path.set_depth_write(False)


def _water_sectors(name: str, rings: Floats) -> list[Any]:
    """A ring of the sea, finer near the seat, cut into sectors so that those out of sight are culled."""
    spacing = np.gradient(rings)
    paths = []
    for sector in range(_SECTORS):
        angle = 2.0 * np.pi * (sector + np.linspace(0.0, 1.0, _SECTOR_STEPS + 1)) / _SECTORS
        r, a = np.meshgrid(rings, angle, indexing="ij")
        wide = np.maximum(spacing[:, None], r * np.pi / (_SECTORS * _SECTOR_STEPS))
        vertex = np.stack([r * np.sin(a), r * np.cos(a), wide], axis=-1).reshape(-1, 3).astype(np.float32)
        path = mesh(f"water-{name}-{sector}", {"vertex": vertex}, _grid(len(rings), _SECTOR_STEPS + 1))
        low, high = vertex.min(axis=0), vertex.max(axis=0)
        box = core.BoundingBox(
            core.LPoint3(float(low[0]), float(low[1]), -0.6),
            core.LPoint3(float(high[0]), float(high[1]), 0.6),
        )
        path.node().set_bounds(box)
        path.node().set_final(True)
        path.set_z(-_sea.EYE_M)
        paths.append(path)
    return paths


def _mirror_bytes(light: Floats) -> Any:
    """Return `light` (rows, columns, 3), linear, as bytes, blue first: the root of its share of 2.5."""
    out = np.full((*light.shape[:2], 4), 255, np.uint8)
    out[..., :3] = np.rint(255.0 * np.sqrt(np.clip(light[..., ::-1] / 2.5, 0.0, 1.0)))
    return out


def _dome() -> Any:
    columns, rows = 32, 9
    a, e = np.meshgrid(np.linspace(0.0, 2.0 * np.pi, columns), np.radians(np.linspace(-4.0, 90.0, rows)))
    vertex = np.stack([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)], axis=-1)
    return mesh("sky", {"vertex": vertex.reshape(-1, 3).astype(np.float32)}, _grid(rows, columns))


def _stars(rng: np.random.Generator) -> Any:
    up = rng.uniform(0.03, 1.0, _STARS)
    turn = rng.uniform(0.0, 2.0 * np.pi, _STARS)
    flat = np.sqrt(1.0 - up**2)
    ways = np.stack([np.sin(turn) * flat, np.cos(turn) * flat, up], axis=-1)
    rank = rng.uniform(0.0, 1.0, _STARS) ** 0.6
    hue = np.array([1.0, 0.97, 0.92]) + rng.normal(0.0, 0.5, (_STARS, 1)) * np.array([0.14, 0.0, -0.16])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    star = np.concatenate(
        [np.tile(corners, (_STARS, 1)), np.repeat(np.stack([rank, rng.random(_STARS)], axis=-1), 4, axis=0)],
        axis=1,
    )
    columns = {
        "vertex": np.repeat(ways, 4, axis=0).astype(np.float32),
        "star": star.astype(np.float32),
        "hue": np.repeat(np.clip(hue, 0.7, 1.15), 4, axis=0).astype(np.float32),
    }
    return mesh("stars", columns, _quads(_STARS))


def _card(name: str) -> Any:
    vertex = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    return mesh(name, {"vertex": vertex}, _quads(1))


def _ridge(ridge: _land.Ridge) -> Any:
    """A standing strip from the water to a little above the ridge; its upper edge is cut in the shader."""
    margin = ridge.distance_m * 0.012
    closed = np.append(ridge.azimuth, ridge.azimuth[0])
    tall = np.append(ridge.height_m, ridge.height_m[0])
    x, y = np.sin(closed) * ridge.distance_m, np.cos(closed) * ridge.distance_m
    foot = np.stack([x, y, np.full_like(x, -_sea.EYE_M)], axis=-1)
    top = np.stack([x, y, tall + margin - _sea.EYE_M], axis=-1)
    over = np.stack([-tall - 1e-3, np.full_like(tall, margin)])
    count = len(closed)
    triangles = _grid(2, count)
    held = (tall[:-1] > 0.0) | (tall[1:] > 0.0)
    columns = {
        "vertex": np.concatenate([foot, top]).astype(np.float32),
        "over": over.reshape(-1, 1).astype(np.float32),
    }
    return mesh("land", columns, triangles[np.repeat(held, 2)])


def _bank(away_m: float, tall_m: float) -> Any:
    columns = 97
    a = np.linspace(-np.pi, np.pi, columns)
    foot = np.stack([np.sin(a) * away_m, np.cos(a) * away_m, np.full_like(a, -_sea.EYE_M - 0.3)], axis=-1)
    weave = np.linspace(0.0, 3.0, columns)
    vertex = np.concatenate([foot, foot + np.array([0.0, 0.0, tall_m])]).astype(np.float32)
    up = np.repeat([0.0, 1.0], columns)
    at = np.stack([np.tile(weave, 2), up], axis=-1).astype(np.float32)
    return mesh("mist", {"vertex": vertex, "weave": at}, _grid(2, columns))


def _lantern_places(rng: np.random.Generator) -> Floats:
    """(lanterns, 4): x, y, phase, seconds of one slow round. None nearer than 6 m; most of them ahead."""
    away = np.geomspace(7.0, 85.0, _LANTERNS) * rng.uniform(0.92, 1.08, _LANTERNS)
    side = np.where(np.arange(_LANTERNS) % 2 == 0, -1.0, 1.0)
    azimuth = np.radians(side * rng.uniform(7.0, 44.0, _LANTERNS) + rng.normal(0.0, 3.0, _LANTERNS))
    azimuth[4::6] += np.pi * rng.uniform(0.6, 1.4, len(azimuth[4::6]))
    return np.stack(
        [
            np.sin(azimuth) * away,
            np.cos(azimuth) * away,
            rng.random(_LANTERNS),
            rng.uniform(90.0, 160.0, _LANTERNS),
        ],
        axis=-1,
    ).astype(np.float32)


def _lantern_cards(mirrored: float) -> Any:
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    order = np.repeat(np.arange(_LANTERNS)[::-1], 4)[:, None]  # far ones first
    vertex = np.concatenate([np.tile(corners, (_LANTERNS, 1)), order], axis=1).astype(np.float32)
    flags = np.full((len(vertex), 1), mirrored, np.float32)
    return mesh("lanterns", {"vertex": vertex, "mirrored": flags}, _quads(_LANTERNS))


def _grid(rows: int, columns: int) -> Any:
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).reshape(-1)
    a, b, c, d = corner, corner + 1, corner + columns, corner + columns + 1
    return np.stack([a, b, c, b, d, c], axis=-1).reshape(-1, 3).astype(np.uint32)


def _quads(count: int) -> Any:
    first = 4 * np.arange(count)[:, None, None]
    return (first + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3).astype(np.uint32)


SCENE: Final = SceneSpec(
    name="ocean",
    title="Open sea at dusk",
    description="A level horizon, water that breathes with you, far land, lanterns, and stars that come out.",
    build=Ocean,
)
