"""A garden in gentle rain: a still pond, stone lanterns, raked gravel, moss, bamboo, a maple, misty hills.

What each control means here:

- `light`, `colour_temperature_k`: brightness and white of the whole place.
- `time_of_day_h`: the sky, and how far the lanterns outshine it.
- `weather`: how hard it rains (with `rain`, whichever asks for more), ripples, leaves in the wind, clouds.
- `density`: mist between the trees and over the pond.
- `swell`: how strongly the lantern on the islet and the mist over the pond breathe: the flame brightens and
  the mist rises while breathing in, both settle while breathing out.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from panda3d import core

from scenes import _garden, _garden_ground, _garden_nodes, _parts, _props, _sky
from scenes._choices import PALETTE, companions
from scenes._detail import Detail, pixel_tan_of
from scenes._fireflies import Fireflies
from scenes._garden import LAMPS, RAKED_ROUND, WATER_M
from scenes._geometry import byte_texture, everywhere, float_texture, mesh, shader, upload
from scenes._noise import cloud_texture, halved
from scenes._props import OVER, Numbers, Shape, blended, glow_over, placed, quads
from scenes._sea import Waves, encoded
from therapy.breath import breath_level
from therapy.controls import NEUTRAL, Controls
from therapy.specs import Ambience, Choice, Palette, SceneOption, SceneSpec

__all__ = ["SCENE", "ZenGarden"]

#: The sky is drawn anew when the hour has moved by so much.
_SKY_STEP_H: Final = 0.004
_STARS_KEPT_OUT: Final = 0.45
_RAIN: Final = 300
_LEAF_LEVELS: Final = 4
#: Side of the square that the pond's wind ripples repeat on.
_RIPPLE_TILE_M: Final = 7.0
#: Texels of the grain in a metre of stone: its picture spans 1 / 0.9 m.
_STONE_PER_M: Final = 512 * 0.9
_GROUND, _SOLID, _POND, _MIRRORED, _PATH = 0, 1, 2, 3, 4
_SKY, _STAR, _MOON, _HILL, _TREE, _MIST, _STEM, _LEAF, _HALO, _FALL = range(10, 110, 10)


class ZenGarden:
    """The scene. `root` holds it; the eye at rest is at (0, 0, 0), the pond `WATER_M` below it.

    The renderer may set the input `pixel_tan` on `root`: the tangent of the angle that one pixel spans.

    Args:
        seed: of stones, trees, hills, clouds, ripples and rain.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 41])
        self.root = core.NodePath("zen-garden")
        self._waves = Waves(seed)
        self._directions = _sky.env_directions()
        self._sky_at_h = math.inf
        blank = np.zeros((*_sky.ENV_SHAPE, 3), np.float32)
        self._sky_map = float_texture("sky", blank)
        self._mirror_map = byte_texture(
            "mirror", np.zeros((*_garden_nodes.MIRROR_SHAPE, 4), np.uint8), repeat_up=False
        )
        self._wave_map = byte_texture("waves", encoded(self._waves.surface(0.0)))
        self._flames = _garden.lamps()
        self._lamps_now = core.PTA_LVecBase4f.empty_array(8)
        self._foliage = [_garden.foliage(seed, layer) for layer in range(2)]
        self._hills = _garden.hills(seed)
        self._mirrored_cover = _garden_nodes.mirrored_cover(self._foliage)
        clouds = cloud_texture(seed)
        self._fine = Detail("clouds", clouds, 8)
        mottled = halved(clouds, 2)[..., 2].astype(np.float32) / 255.0
        _garden_ground.lay(self.root, rng, mottled, self._fine, _GROUND)
        _garden_ground.fill(self.root, _POND)
        self._build_solids(rng)
        self._build_sky(seed)
        self._build_green(rng, seed)
        self._build_light(rng)
        self._flies = Fireflies(self.root, np.random.default_rng([seed, 77]), _FALL + 1, _homes(seed))
        self._wet_share, self._lit = 1.0, True
        self._set_still_inputs()
        self.update(NEUTRAL, 0.0)

    def update(self, controls: Controls, scene_s: float) -> None:
        """Show the garden as `controls` say, `scene_s` seconds after it was built."""
        if abs(controls.time_of_day_h - self._sky_at_h) >= _SKY_STEP_H:
            self._draw_sky(controls.time_of_day_h)
        pixel_tan = pixel_tan_of(self.root)
        self._fine.fit(pixel_tan)
        self._leaf_map.fit(pixel_tan)
        upload(self._wave_map, encoded(self._waves.surface(0.6 * scene_s)))
        full = breath_level(controls.pacer_phase, controls.inhale_fraction)
        wet = self._wet_share * min(0.10 + max(0.75 * controls.weather, 0.9 * controls.rain), 1.0)
        root = self.root
        slope = 0.010 + 0.034 * controls.weather
        root.set_shader_input(
            "ripples", core.LVecBase4f(slope, 1.0 / _RIPPLE_TILE_M, wet, math.fmod(scene_s, 20_000.0))
        )
        root.set_shader_input("wet", wet)
        sway = 0.006 + 0.06 * controls.weather
        root.set_shader_input("breeze", core.LVecBase4f(sway, math.fmod(scene_s, 20_000.0), 0.0, 0.0))
        lift = 1.0 + 0.04 * controls.swell * (full - 0.5)
        exposure = lift * 2.0 ** (1.9 * (controls.light - 0.5)) * 1.12
        white = _sky.tint(controls.colour_temperature_k)
        root.set_shader_input("grade", core.LVecBase3f(*(exposure * w for w in white)))
        self._set_air(controls, scene_s, full)
        self._set_lamps(controls, full)
        breath = controls.swell * (full - 0.5)
        shine = 0.55 * min(max((1.0 - self._lights.sun_deg) / 8.0, 0.0), 1.0) * (1.0 - 0.6 * wet)
        self._flies.update(scene_s, rise_m=0.2 * breath, shine=shine, stray=0.5 + 0.3 * controls.weather)

    def dress(self, *, rain: str, lanterns: str, companions: str) -> None:
        """Let it `rain` or be dry; have lanterns that are `lit` or out; `fireflies` at night or nobody."""
        self._wet_share = 1.0 if rain == "rain" else 0.0
        self._lit = lanterns == "lit"
        for node in self._glow_nodes:
            _show(node, self._lit)
        self._flies.want(companions == "fireflies")

    def flames(self) -> list[tuple[float, float, float, float]]:
        """Return where each flame is (x, y, z; metres) and how it shines now; the first one breathes."""
        return [tuple(self._lamps_now.get_element(i)) for i in range(len(LAMPS))]

    def _set_lamps(self, controls: Controls, full: float) -> None:
        flame = self._lit * self._flame_shine
        breathing = flame * (1.0 + 1.25 * controls.swell * (full - 0.5))
        others = flame * (1.0 + 0.22 * controls.swell * (full - 0.5)) * 0.8
        for index, (x, y, z, _) in enumerate(self._flames):
            shine = others if index else breathing * 1.15
            self._lamps_now.set_element(index, core.LVecBase4f(float(x), float(y), float(z), shine))
        self.root.set_shader_input("lamps", self._lamps_now)
        self.root.set_shader_input("glow", core.LVecBase2f(0.40 * breathing, 0.40 * others))

    def _set_air(self, controls: Controls, scene_s: float, full: float) -> None:
        thick = controls.density
        root = self.root
        root.set_shader_input(
            "haze", core.LVecBase2f(0.0012 + 0.010 * thick**1.5, 0.0018 + 0.042 * thick**1.5)
        )
        root.set_shader_input("mist", core.LVecBase4f(*self._mist_colour, min(0.55 + 0.5 * thick, 0.96)))
        root.set_shader_input(
            "cloud",
            core.LVecBase4f(scene_s * 0.0002, scene_s * 0.0003, 0.46 - 0.16 * controls.weather, 0.85),
        )
        rise = 0.55 + 0.9 * controls.swell * (full - 0.5) + 0.3 * thick
        veil = 0.10 + 0.62 * thick + 0.16 * controls.swell * (full - 0.5)
        root.set_shader_input(
            "veil", core.LVecBase4f(max(rise, 0.05), min(max(veil, 0.0), 0.85), scene_s * 0.0016, 0.0)
        )
        out = self._lights.stars * _STARS_KEPT_OUT * (1.0 - 0.8 * max(thick, controls.weather))
        root.set_shader_input("stars", core.LVecBase4f(out, scene_s * 0.05, thick, 0.0))
        _show(self._star_node, out > 0.0)

    def _draw_sky(self, time_of_day_h: float) -> None:
        """Fill the sky map, the pond's mirror and all that hangs on the hour."""
        self._sky_at_h = time_of_day_h
        lights = self._lights = _sky.heaven(time_of_day_h)
        sky = _sky.radiance(self._directions, lights)
        mean = np.array(_sky.ambient(lights), np.float32)
        grey = mean + (sky.mean(axis=(0, 1)) - mean) * 0.5
        sky = sky + (grey - sky) * 0.22  # rain takes some of the sky's colour
        upload(self._sky_map, sky[:, :, ::-1])
        horizon = sky[4:9].mean(axis=(0, 1))
        self._mist_colour = tuple(float(c) for c in horizon * 0.55 + mean * 0.75)
        dusk = 1.0 - min(max((lights.sun_deg + 6.0) / 30.0, 0.0), 1.0)
        self._flame_shine = 0.42 + 0.62 * dusk
        self._set_mirror(sky, mean)
        self._set_hour_inputs(mean, sky)

    def _set_mirror(self, sky: Numbers, mean: Numbers) -> None:
        rows, columns = _garden_nodes.MIRROR_SHAPE
        wide = np.repeat(np.repeat(sky, rows // sky.shape[0], axis=0), columns // sky.shape[1], axis=1)
        mist = np.array(self._mist_colour, np.float32)
        for cover, veil in self._mirrored_cover:
            green = np.array([0.050, 0.068, 0.046], np.float32) * mean * 1.6
            wide = wide + ((green + (mist - green) * veil) - wide) * cover[..., None]
        out = np.full((rows, columns, 4), 255, np.uint8)
        out[..., :3] = np.rint(255.0 * np.sqrt(np.clip(wide[..., ::-1] / 2.5, 0.0, 1.0)))
        upload(self._mirror_map, out)

    def _set_hour_inputs(self, mean: Numbers, sky: Numbers) -> None:
        root, lights = self.root, self._lights
        root.set_shader_input("sky_light", _vec3(mean * 1.5 + 0.012))
        root.set_shader_input("land", _vec3(mean * np.array([0.13, 0.19, 0.21]) + 0.004))
        root.set_shader_input(
            "deep", _vec3(mean * np.array([0.055, 0.105, 0.085]) + np.array([0.004, 0.007, 0.007]))
        )
        root.set_shader_input("rain_light", _vec3(sky[6:20].mean(axis=(0, 1)) * 1.25 + mean * 0.2))
        warm = np.array(lights.sun_colour, np.float32)
        root.set_shader_input("sun", _vec3(lights.sun))
        root.set_shader_input("cloud_lit", _vec3(sky[2:7].max(axis=(0, 1)) * 0.55 + mean * 0.5 + warm * 0.02))
        root.set_shader_input("cloud_dark", _vec3(mean * np.array([0.72, 0.72, 0.80])))
        by_day = float(warm.max()) > 0.0
        colour = warm * 0.34 if by_day else np.array([0.10, 0.13, 0.19]) * lights.moon_share
        at = lights.sun if by_day else lights.moon
        root.set_shader_input("lamp", core.LVecBase4f(*at, 1.0))
        root.set_shader_input("lamp_colour", _vec3(colour))
        self._moon_node.set_shader_input("lamp_at", core.LVecBase4f(*lights.moon, 0.14))
        self._moon_node.set_shader_input(
            "lamp_colour", core.LVecBase4f(1.5, 1.55, 1.75, 0.8 * lights.moon_share)
        )
        _show(self._moon_node, lights.moon_share > 0.0)

    def _set_still_inputs(self) -> None:
        root = self.root
        root.set_shader_input("pixel_tan", 0.0037)
        root.set_shader_input("sky_map", self._sky_map)
        root.set_shader_input("mirror_map", self._mirror_map)
        root.set_shader_input("wave_map", self._wave_map)
        self._fine.hang(root, "cloud_map", 512.0)
        self._fine.hang(root, "fine_map", _STONE_PER_M * 8.0)
        stones = core.PTA_LVecBase3f.empty_array(len(RAKED_ROUND))
        for index, place in enumerate(RAKED_ROUND):
            stones.set_element(index, core.LVecBase3f(*place))
        root.set_shader_input("raked", stones)
        self._moon_node.set_shader_input("lamp_shape", core.LVecBase4f(0.125, 0.02, 6.0, 0.42))

    def _build_solids(self, rng: np.random.Generator) -> None:
        near: list[dict[str, Any]] = []
        for shape, mossy in _garden.boulders(rng):
            normal = _props.normals(shape)
            top = (_props.smooth(0.35, 0.85, normal[:, 2:]) * mossy).astype(np.float32)
            bare = np.array([0.17, 0.165, 0.16]) * rng.uniform(0.6, 1.15)
            paint = bare * (1.0 - top) + np.array([0.085, 0.13, 0.035]) * top
            foot = shape.vertex[:, 2:] - shape.vertex[:, 2].min()
            paint = paint * (0.45 + 0.55 * _props.smooth(0.0, 0.22, foot))
            near.append(_painted(shape, normal, paint, 0.42))
        bodies = _garden.lantern()
        for index, (x, y, size) in enumerate(LAMPS):
            foot = float(_garden.ground_m(np.array(x), np.array(y))) - WATER_M
            for part, plain in bodies.items():
                shape = plain.moved((x, y, foot), size=size, turn=0.4 + index)
                window = 1.0 if part == "window" else 0.0
                own = _painted(
                    shape, _props.normals(shape), np.array([[0.20, 0.195, 0.18]]), 0.35 * (1 - window)
                )
                own["shine"][:, 2 + min(index, 1)] = window * 5.0
                near.append(own)
        trunk, *self._maple_leaves = _garden.maple(rng)
        mirrored = [dict(p) for p in near if _garden.by_the_pond(p["shape"].vertex.mean(axis=0))]
        near.append(_painted(trunk, _props.normals(trunk), np.array([[0.060, 0.048, 0.040]]), 0.4))
        for group in _props.by_sector(near, lambda part: part["shape"]):
            _props.closed(self._solid("stones", group, shader("garden_solid"), _SOLID))
        for twin in mirrored:  # a mirror turns what ran anticlockwise
            twin["shape"] = dataclasses.replace(twin["shape"], triangles=twin["shape"].triangles[:, ::-1])
        path = self._solid("mirrored", mirrored, shader("garden_solid", defines=("MIRROR",)), _MIRRORED)
        _props.closed(everywhere(blended(path, OVER)))
        self._build_wall()

    def _build_wall(self) -> None:
        shape, marks = _garden.wall()
        normal = _props.normals(shape)
        inward = -np.sign((shape.vertex * normal)[:, :2].sum(axis=1, keepdims=True))
        normal = np.where(
            np.abs(normal[:, 2:]) < 0.5, normal * np.where(inward == 0.0, 1.0, inward), np.abs(normal)
        )
        cap = marks[:, 1:] > 1.0
        low = _props.smooth(0.55, 0.0, marks[:, 1:]) * 0.45
        paint = np.where(cap, np.array([0.075, 0.080, 0.092]), np.array([0.44, 0.40, 0.33]) * (1.0 - low))
        self._solid(
            "wall", [_painted(shape, normal.astype(np.float32), paint, 0.08)], shader("garden_solid"), _SOLID
        )

    def _solid(self, name: str, parts: list[Any], program: Any, order: int) -> Any:
        whole = _props.together([p["shape"] for p in parts])
        columns = {k: np.concatenate([p[k] for p in parts]) for k in ("normal", "paint", "shine")}
        return placed(
            self.root, mesh(name, {"vertex": whole.vertex, **columns}, whole.triangles), program, order
        )

    def _build_sky(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 5])
        placed(self.root, _parts.dome(), shader("ocean_sky"), _SKY).set_depth_write(False)
        self._star_node = placed(self.root, _props.stars(rng, 900), shader("ocean_star"), _STAR)
        self._moon_node = placed(self.root, _props.card("moon"), shader("ocean_lamp"), _MOON)
        for node in (self._star_node, self._moon_node):
            glow_over(node)
        land = shader("ocean_land")
        blended(placed(self.root, _props.ridges(self._hills[::-1], -WATER_M, 6), land, _HILL))
        trees = shader("garden_trees")
        for index, ((away_m, tall_m), cover) in enumerate(
            zip(_garden_nodes.BACKDROP[::-1], self._foliage[::-1], strict=True)
        ):
            path = blended(placed(self.root, _props.belt(away_m, -WATER_M, tall_m, 97), trees, _TREE + index))
            path.set_shader_input(
                "foliage_map", byte_texture("foliage", _garden_nodes.cover_bytes(cover), repeat_up=False)
            )

    def _build_green(self, rng: np.random.Generator, seed: int) -> None:
        stems = _garden.bamboo_stems(rng)
        placed(self.root, everywhere(_garden_nodes.stems_mesh(stems)), shader("garden_stem"), _STEM)
        atlas = _garden.leaf_atlas(seed)
        self._leaf_map = Detail("leaves", atlas, _LEAF_LEVELS, repeat_up=False)
        leaf = shader("garden_leaf")
        crown, bough = self._maple_leaves
        least = halved(atlas, _LEAF_LEVELS - 1)
        hung = ((_garden.bamboo(rng, stems), 0.30), (crown, 0.45), (bough, 0.45))
        for index, (cards, cover) in enumerate(hung):
            seen = _garden_nodes.in_sight(cards, cover=cover)
            side, half = len(least), int(cards.leaf[0])
            corners = _garden_nodes.outline(least[:, half * side : (half + 1) * side])
            path = everywhere(_garden_nodes.leaves(seen, corners))
            blended(placed(self.root, path, leaf, _LEAF + index))
            away_m, size_m = np.linalg.norm(cards.at, axis=1).mean(), cards.size.mean()
            self._leaf_map.hang(path, "leaf_map", float(64.0 / size_m * away_m))
        veil = shader("garden_mist")
        for index, (away_m, tall_m) in enumerate(((12.2, 1.7), (9.4, 1.15), (6.4, 0.8))):
            path = _props.belt(away_m, -WATER_M - 0.02, 0.0, 49, tallest=tall_m)
            everywhere(blended(placed(self.root, path, veil, _MIST + index)))

    def _build_light(self, rng: np.random.Generator) -> None:
        self._glow_nodes = []
        for mirrored, order, names in ((1.0, _PATH, ("MIRROR",)), (0.0, _HALO, ())):
            glow = shader("garden_glow", defines=names)
            node = placed(self.root, everywhere(_garden_nodes.glows(mirrored)), glow, order)
            self._glow_nodes.append(glow_over(node))
        away = np.sqrt(rng.uniform(1.8**2, 9.0**2, _RAIN))
        turn = rng.uniform(0.0, 2.0 * np.pi, _RAIN)
        at = np.stack([np.sin(turn) * away, np.cos(turn) * away, rng.random(_RAIN)], axis=-1)
        streak = np.concatenate(
            [np.tile(_props.CORNERS, (_RAIN, 1)), np.repeat(rng.random((_RAIN, 1)), 4, axis=0)], axis=1
        )
        columns = {"vertex": np.repeat(at, 4, axis=0).astype(np.float32), "streak": streak.astype(np.float32)}
        blended(
            placed(self.root, everywhere(mesh("rain", columns, quads(_RAIN))), shader("garden_rain"), _FALL)
        )


def _vec3(values: Any) -> Any:
    return core.LVecBase3f(*(float(v) for v in values))


def _show(node: Any, on: bool) -> None:  # noqa: FBT001  # says what it does where it is called
    if on:
        node.show()
    else:
        node.hide()


def _painted(shape: Shape, normal: Numbers, paint: Numbers, grain: float) -> dict[str, Any]:
    count = len(shape.vertex)
    colours = np.broadcast_to(paint, (count, 3))
    shine = np.concatenate([_garden.warmth(shape.vertex, normal), np.zeros((count, 2))], axis=1)
    return {
        "shape": shape,
        "normal": normal,
        "paint": np.concatenate([colours, np.full((count, 1), grain)], axis=1).astype(np.float32),
        "shine": shine.astype(np.float32),
    }


def _homes(seed: int) -> Numbers:
    """Where a few fireflies live, (count, 3): among the stems behind the pond."""
    rng = np.random.default_rng([seed, 79])
    turn, away = rng.normal(0.0, 0.75, 26), rng.uniform(4.5, 11.0, 26)
    return np.stack([np.sin(turn) * away, np.cos(turn) * away, rng.uniform(-0.9, 0.7, 26)], axis=-1)


def _dress(garden: ZenGarden, choices: Mapping[str, str]) -> None:
    garden.dress(rain=choices["rain"], lanterns=choices["lanterns"], companions=choices["companions"])


SCENE: Final = SceneSpec(
    name="zen_garden",
    title="Garden in the rain",
    description="A still pond and stone lanterns; rings of rain, raked gravel, a maple, hills in the mist.",
    build=ZenGarden,
    contains=frozenset({"water", "fog"}),
    options=(
        SceneOption(
            name="rain",
            title="Rain",
            choices=(
                Choice(name="rain", title="gentle rain", contains=frozenset({"rain"})),
                Choice(name="dry", title="dry"),
            ),
        ),
        SceneOption(
            name="lanterns",
            title="Lanterns",
            choices=(
                Choice(name="lit", title="lit", contains=frozenset({"fire"})),
                Choice(name="none", title="out: the mist alone breathes"),
            ),
        ),
        companions("fireflies"),
        PALETTE,
    ),
    dress=_dress,
    palette=Palette(
        instruments={"bell": "harp", "answer": "bowl", "texture": "kalimba"},
        soundscapes=(
            Ambience(name="rain", least=0.35),
            Ambience(name="trees", level=0.6),
            Ambience(name="birds", level=0.8, least=0.15),
            Ambience(name="stream", level=0.4),
        ),
    ),
)
