"""An open sea at dusk that breathes: water, sky, far land, floating lanterns, mist."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from panda3d import core

from scenes import _land, _sea, _sky
from scenes._birds import Birds
from scenes._choices import LANTERNS, PALETTE, companions
from scenes._geometry import Floats, byte_texture, everywhere, mesh, shader, upload
from scenes._heavens import GLOW, LAND, MIST, NEAR, Heavens, vec3
from scenes._parts import add, blend_over, blend_premultiplied, grid, shown_if, star_cards
from scenes._water import lantern_cards, mirror_bytes, mist_bank, water_sectors
from therapy.controls import NEUTRAL, Controls
from therapy.specs import Ambience, Palette, SceneSpec

__all__ = ["SCENE", "Ocean"]

_LANTERNS: Final = 18
_STARS: Final = 1800
#: The sea's mesh: within 7 m each pixel is smaller than a ripple, beyond it the ripples are averaged.
_NEAR_RINGS: Final = np.concatenate([[0.0], np.geomspace(0.6, 7.0, 15)])
_FAR_RINGS: Final = np.concatenate([np.geomspace(7.0, 70.0, 15), np.geomspace(84.0, 9000.0, 8)])


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
        blank = np.zeros((*_sky.ENV_SHAPE, 3), np.float32)
        self._mirror_map = byte_texture("mirror", mirror_bytes(blank), repeat_up=False)
        self._wave_map = byte_texture("waves", _sea.encoded(self._waves.surface(0.0)))
        self._lantern_rest = _lantern_places(rng)
        self._lantern_now = core.PTA_LVecBase4f.empty_array(24)
        self._heavens = Heavens(self.root, seed, star_cards(rng, _STARS))
        ways = self._heavens.directions
        self._skyline = _land.skyline(self._layers, np.arctan2(ways[..., 0], ways[..., 1]))
        self._build()
        self._birds = Birds(
            self.root,
            np.random.default_rng([seed, 73]),
            MIST - 1,
            away_m=(26.0, 85.0),
            high_m=(4.5, 17.0),
            wing_m=0.8,
        )
        self._lit = True
        self._set_still_inputs()
        self.update(NEUTRAL, 0.0)

    def update(self, controls: Controls, scene_s: float) -> None:
        """Show the sea as `controls` say, `scene_s` seconds after it was built."""
        if self._heavens.turn_to(controls.time_of_day_h):
            self._follow_sky()
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
        self._heavens.set_grade(controls, lift)
        self._set_air(controls, scene_s)
        mean, horizon = self._heavens.mean, self._heavens.horizon.mean(axis=(0, 1))
        day = min(max((self._heavens.lights.sun_deg + 3.0) / 8.0, 0.0), 1.0)
        self._birds.update(controls.birds, scene_s, mean * 0.24 + horizon * 0.10, day)
        self._float_lanterns(controls, scene_s, warp, full, slope)

    def dress(self, *, companions: str, lanterns: str) -> None:
        """Have `birds` over the sea or nobody, and lanterns on it that are `lit`, or none."""
        self._birds.want(companions == "birds")
        self._lit = lanterns == "lit"
        for node in self._lantern_nodes:
            shown_if(node, self._lit)

    def lanterns(self) -> list[tuple[float, float, float, float]]:
        """Return where each lantern floats now (x, y, height of its water line; metres) and how it shines."""
        return [tuple(self._lantern_now.get_element(i)) for i in range(_LANTERNS)]

    def _set_air(self, controls: Controls, scene_s: float) -> None:
        thick = controls.density
        self._heavens.set_air(controls, scene_s, thick, min(1.2 * thick, 0.96))
        for bank in self._mist_nodes:
            shown_if(bank, thick > 0.02)

    def _float_lanterns(
        self, controls: Controls, scene_s: float, warp: float, full: float, slope: float
    ) -> None:
        rest = self._lantern_rest
        turn = 2.0 * np.pi * (scene_s / rest[:, 3] + rest[:, 2])
        x = rest[:, 0] + 0.9 * np.sin(turn)
        y = rest[:, 1] + 0.7 * np.cos(0.83 * turn)
        lift = _sea.swell_m(np.hypot(x, y), warp, controls.swell)
        bob = 0.25 * slope * np.sin(2.0 * np.pi * (scene_s / 3.1 + rest[:, 2] * 7.0))
        shine = self._lit * self._lantern_shine * (1.0 + 0.35 * controls.swell * (full - 0.5))
        for index in range(_LANTERNS):
            self._lantern_now.set_element(
                index, core.LVecBase4f(x[index], y[index], lift[index] + bob[index] - _sea.EYE_M, shine)
            )
        self.root.set_shader_input("lanterns", self._lantern_now)

    def _follow_sky(self) -> None:
        """Fill the mirror map and all that hangs on the hour."""
        heavens = self._heavens
        mean, sky, lights = heavens.mean, heavens.sky, heavens.lights
        land = mean * np.array([0.16, 0.20, 0.24], np.float32) + 0.004
        far_land = land + (heavens.horizon - land) * 0.55
        flat = np.hypot(*np.moveaxis(heavens.directions[..., :2], -1, 0))
        tan = heavens.directions[..., 2] / np.maximum(flat, 1e-3)
        covered = np.clip((self._skyline - tan) / 0.02 + 0.5, 0.0, 1.0) * (self._skyline > 0.003)
        upload(self._mirror_map, mirror_bytes(sky + (far_land - sky) * covered[..., None]))
        self._lantern_shine = 0.55 + 0.6 * (1.0 - min(max((lights.sun_deg + 8.0) / 26.0, 0.0), 1.0))
        deep = mean * np.array([0.10, 0.30, 0.36], np.float32) + np.array([0.004, 0.009, 0.014], np.float32)
        self.root.set_shader_input("deep", vec3(deep))
        self.root.set_shader_input("land", vec3(land))

    def _set_still_inputs(self) -> None:
        root = self.root
        root.set_shader_input("mirror_map", self._mirror_map)
        root.set_shader_input("wave_map", self._wave_map)
        smooth = core.SamplerState(self._wave_map.get_default_sampler())
        smooth.set_minfilter(core.SamplerState.FT_linear_mipmap_linear)
        root.set_shader_input("far_wave_map", self._wave_map, smooth)
        root.set_shader_input("glow", core.LVecBase3f(1.75, 0.80, 0.30))

    def _build(self) -> None:
        for name, rings in (("near", _NEAR_RINGS), ("far", _FAR_RINGS)):
            water = shader("ocean_water", defines=(name.upper(),))
            for sector in water_sectors(name, rings):
                add(self.root, sector, water, NEAR)
        land = shader("ocean_land")
        for index, ridge in enumerate(reversed(self._layers)):
            blend_over(add(self.root, _ridge(ridge), land, LAND + index))
        bank = shader("ocean_mist")
        self._mist_nodes = [
            blend_over(add(self.root, mist_bank(away_m, tall_m), bank, MIST + index))
            for index, (away_m, tall_m) in enumerate(((420.0, 22.0), (170.0, 8.0), (70.0, 3.0)))
        ]
        lanterns = shader("ocean_lantern")
        self._lantern_nodes = []
        for index, flag in enumerate((1.0, 0.0)):
            path = everywhere(add(self.root, lantern_cards(_LANTERNS, flag), lanterns, GLOW + index))
            blend_premultiplied(path).set_depth_test(False)  # nothing that is drawn lies before them
            self._lantern_nodes.append(path)


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
    triangles = grid(2, count)
    held = (tall[:-1] > 0.0) | (tall[1:] > 0.0)
    columns = {
        "vertex": np.concatenate([foot, top]).astype(np.float32),
        "over": over.reshape(-1, 1).astype(np.float32),
    }
    return mesh("land", columns, triangles[np.repeat(held, 2)])


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


def _dress(ocean: Ocean, choices: Mapping[str, str]) -> None:
    ocean.dress(companions=choices["companions"], lanterns=choices["lanterns"])


SCENE: Final = SceneSpec(
    name="ocean",
    title="Open sea at dusk",
    description="A level horizon, water that breathes with you, far land, lanterns, and stars that come out.",
    build=Ocean,
    contains=frozenset({"water"}),
    options=(companions("birds"), LANTERNS, PALETTE),
    dress=_dress,
    palette=Palette(
        instruments={"answer": "piano", "texture": "harp"},
        soundscapes=(
            Ambience(name="ocean"),
            Ambience(name="wind", level=0.8),
            Ambience(name="rain", level=0.8),
        ),
    ),
)
