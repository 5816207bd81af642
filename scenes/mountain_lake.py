"""A lake under snow peaks: a mirror of still water, pines, mist, and rings that run out with the breath.

What the controls mean here: `weather` ruffles the mirror and brings clouds; `density` is the mist on the
water and before the slopes; `time_of_day_h` moves the sun behind the pass on the left, so that the peaks
are lit from the side at dawn and dusk and by the moon at night; `swell` is how clearly the lake breathes:
a ring of ripples runs out from a floating lantern while one inhales, and its light lifts a little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from panda3d import core

from scenes import _far, _panorama, _sea, _sky
from scenes._birds import Birds
from scenes._choices import LANTERNS, PALETTE, companions
from scenes._geometry import Floats, byte_texture, everywhere, shader, upload
from scenes._heavens import GLOW, MIST, NEAR, Heavens, vec3
from scenes._parts import add, blend_over, blend_premultiplied, shown_if, star_cards
from scenes._water import lantern_cards, mirror_bytes, mist_bank, water_sectors
from therapy.controls import NEUTRAL, Controls
from therapy.specs import Ambience, Choice, Palette, SceneOption, SceneSpec

__all__ = ["SCENE", "MountainLake"]

#: The sun and the moon stand over the pass, this far to the left of straight ahead.
_PASS_DEG: Final = -38.0
_SHAPE: Final = (192, 2560)
_TANS: Final = (-0.004, 0.43)
_SHORE_M: Final = 560.0
_STARS: Final = 1500
#: So many rings from the seat the water is looked at so steeply that even stirred it mirrors no land.
_STEEP: Final = 3
_NEAR_RINGS: Final = np.concatenate([[0.0, 0.5, 0.9], np.geomspace(1.5, 7.0, 7)]).astype(np.float32)
_FAR_RINGS: Final = np.geomspace(7.0, 640.0, 14, dtype=np.float32)
#: How much more snow lies on the slopes in a season.
_SNOWED: Final = {"summer": 0.0, "winter": 0.85}
#: x, y, phase, seconds of one slow round of each lantern. The first is the breath's.
_LANTERNS: Final = np.array(
    [
        [0.9, 8.5, 0.10, 150.0],
        [-9.0, 19.0, 0.55, 120.0],
        [13.0, 27.0, 0.30, 135.0],
        [-17.0, 44.0, 0.80, 140.0],
        [4.5, 58.0, 0.05, 160.0],
        [36.0, 70.0, 0.65, 130.0],
        [-30.0, -34.0, 0.45, 145.0],
        [22.0, -22.0, 0.90, 125.0],
    ],
    np.float32,
)


class MountainLake:
    """The scene. `root` holds it; the eye at rest is at (0, 0, 0), the water 1.2 m below it.

    Args:
        seed: of peaks, pines, ripples, clouds and stars.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 7])
        self.root = core.NodePath("mountain-lake")
        self.root.set_tag("mirror_height_m", f"{-_sea.EYE_M:g}")
        self._waves = _sea.Waves(seed)
        self._wave_map = byte_texture("waves", _sea.encoded(self._waves.surface(0.0)))
        self._heavens = Heavens(self.root, seed, star_cards(rng, _STARS), _over_the_pass)
        self._land = _peaks(seed, rng)
        self._mirror_map = byte_texture("mirror", mirror_bytes(self._heavens.sky), repeat_up=False)
        self._lantern_now = core.PTA_LVecBase4f.empty_array(24)
        self._build()
        self._birds = Birds(
            self.root,
            np.random.default_rng([seed, 75]),
            MIST - 1,
            count=5,
            away_m=(40.0, 120.0),
            high_m=(5.0, 22.0),
            wing_m=1.0,
        )
        self._lit = True
        self.update(NEUTRAL, 0.0)

    def update(self, controls: Controls, scene_s: float) -> None:
        """Show the lake as `controls` say, `scene_s` seconds after it was built."""
        root, heavens = self.root, self._heavens
        moved = heavens.turn_to(controls.time_of_day_h)
        thick = controls.density
        _far.light_land(root, heavens, self._land, 1.0 / 15_000.0, thick * thick / 700.0 + thick / 4000.0)
        if moved:
            upload(self._mirror_map, mirror_bytes(heavens.sky))
            root.set_shader_input(
                "deep", vec3(heavens.mean * np.array([0.05, 0.13, 0.14], np.float32) + 0.004)
            )
        upload(self._wave_map, _sea.encoded(self._waves.surface(0.55 * scene_s)))
        slope = 0.005 + 0.040 * controls.weather
        warp = _sea.swell_warp(controls.pacer_phase, controls.inhale_fraction)
        full = _sea.breath(controls.pacer_phase, controls.inhale_fraction)
        root.set_shader_input(
            "waves", core.LVecBase4f(slope, 1.0 / _sea.TILE_M, scene_s * 0.0006, scene_s * 0.0011)
        )
        root.set_shader_input("ripple", slope)
        root.set_shader_input("water_s", math.fmod(scene_s, 20_000.0))
        heavens.set_grade(controls, 1.0 + 0.04 * controls.swell * (full - 0.5))
        heavens.set_air(controls, scene_s, thick, min(1.25 * thick, 0.97))
        for bank in self._mist_nodes:
            shown_if(bank, thick > 0.02)
        day = min(max((heavens.lights.sun_deg + 3.0) / 8.0, 0.0), 1.0)
        horizon = heavens.horizon.mean(axis=(0, 1))
        self._birds.update(controls.birds, scene_s, heavens.mean * 0.24 + horizon * 0.08, day)
        self._float_lanterns(controls, scene_s, warp, full)

    def dress(self, *, season: str, companions: str, lanterns: str) -> None:
        """Show the lake in `season`, with `birds` or nobody, and with lanterns that are `lit`, or none."""
        land = self._land
        high = np.clip(land.facing[..., 2:] * 1.5 - 0.25, 0.0, 1.0) * _SNOWED[season]
        snow = np.array([0.80, 0.84, 0.90], np.float32)
        _far.repaint(self.root, land, land.matter + (snow - land.matter) * high)
        self._birds.want(companions == "birds")
        self._lit = lanterns == "lit"
        for node in self._lantern_nodes:
            shown_if(node, self._lit)

    def lanterns(self) -> list[tuple[float, float, float, float]]:
        """Return where each lantern floats now (x, y, height of its water line; metres) and how it shines."""
        return [tuple(self._lantern_now.get_element(i)) for i in range(len(_LANTERNS))]

    def _float_lanterns(self, controls: Controls, scene_s: float, warp: float, full: float) -> None:
        turn = 2.0 * np.pi * (scene_s / _LANTERNS[:, 3] + _LANTERNS[:, 2])
        x = _LANTERNS[:, 0] + 0.35 * np.sin(turn)
        y = _LANTERNS[:, 1] + 0.30 * np.cos(0.83 * turn)
        dark = 1.0 - min(max((self._heavens.lights.sun_deg + 8.0) / 26.0, 0.0), 1.0)
        shine = self._lit * (0.5 + 0.6 * dark) * (1.0 + 0.45 * controls.swell * (full - 0.5))
        lift = 0.05 * controls.swell * (full - 0.5)
        for index in range(len(_LANTERNS)):
            self._lantern_now.set_element(
                index, core.LVecBase4f(x[index], y[index], lift - _sea.EYE_M, shine)
            )
        self.root.set_shader_input("lanterns", self._lantern_now)
        self.root.set_shader_input("ring", core.LVecBase4f(x[0], y[0], warp, 0.055 * controls.swell))

    def _build(self) -> None:
        root = self.root
        root.set_shader_input("mirror_map", self._mirror_map)
        root.set_shader_input("wave_map", self._wave_map)
        smooth = core.SamplerState(self._wave_map.get_default_sampler())
        smooth.set_minfilter(core.SamplerState.FT_linear_mipmap_linear)
        root.set_shader_input("far_wave_map", self._wave_map, smooth)
        root.set_shader_input("glow", core.LVecBase3f(1.75, 0.80, 0.30))
        root.set_shader_input("swell", core.LVecBase4f(0.0, 0.0, 1.0 / _sea.SWELL_LENGTH_M, 1.0 / 90.0))
        spacing = np.gradient(_NEAR_RINGS)
        steep, near = slice(_STEEP + 1), slice(_STEEP, None)
        bands = (
            (("NEAR", "STEEP"), _NEAR_RINGS[steep], spacing[steep]),
            (("NEAR",), _NEAR_RINGS[near], spacing[near]),
            (("FAR",), _FAR_RINGS, np.gradient(_FAR_RINGS)),
        )
        for names, rings, apart in bands:
            water = shader("ocean_water", defines=(*names, "LAKE"))
            for sector in water_sectors(names[-1].lower(), rings, apart):
                add(root, sector, water, NEAR)
        _far.hang(root, self._land, _SHORE_M)
        bank = shader("ocean_mist")
        self._mist_nodes = [
            blend_over(add(root, mist_bank(away_m, tall_m), bank, MIST + index))
            for index, (away_m, tall_m) in enumerate(((380.0, 26.0), (150.0, 7.0), (60.0, 2.4)))
        ]
        lanterns = shader("ocean_lantern")
        self._lantern_nodes = []
        for index, flag in enumerate((1.0, 0.0)):
            path = everywhere(add(root, lantern_cards(len(_LANTERNS), flag), lanterns, GLOW + index))
            blend_premultiplied(path).set_depth_test(False)  # nothing that is drawn lies before them
            self._lantern_nodes.append(path)


def _over_the_pass(time_of_day_h: float) -> _sky.Heaven:
    return _sky.turned(_sky.heaven(time_of_day_h), _PASS_DEG)


def _peaks(seed: int, rng: np.random.Generator) -> _panorama.Panorama:
    """Return the mountains with rock, snow and woods on them, and pines along the shore."""
    relief, fine = _panorama.Relief(seed, 9000.0), _panorama.Relief(seed + 1, 1500.0)

    def height(x: Floats, y: Floats) -> Floats:
        away = np.hypot(x, y)
        azimuth = np.degrees(np.arctan2(x, y))
        off = np.abs((azimuth - _PASS_DEG + 180.0) % 360.0 - 180.0)
        low_pass = 0.30 + 0.70 * np.clip((off - 5.0) / 30.0, 0.0, 1.0) ** 1.4
        rise = np.clip((away - 700.0) / 3800.0, 0.0, 1.0) ** 1.25
        hills = np.clip((away - 430.0) / 1400.0, 0.0, 1.0)
        rough = relief.at(x, y)
        return np.asarray(
            (1900.0 * rise * (0.04 + 0.96 * rough**1.35) + hills * (40.0 + 150.0 * fine.at(x, y) * rough))
            * low_pass
            + 55.0 * rise * fine.at(x * 2.3, y * 2.3)
            - 1.2,
            np.float32,
        )

    land = _panorama.baked(
        height, shape=_SHAPE, tans=_TANS, reach_m=np.geomspace(420.0, 9500.0, 170, dtype=np.float32)
    )
    _paint(land, fine)
    _panorama.planted(land, _pines(rng), rng)
    return land


def _paint(land: _panorama.Panorama, fine: _panorama.Relief) -> None:
    """Give each place its colour by height and slope: woods, rock, snow."""
    x, y = _panorama.ways(land.cover.shape[1])
    rows = (np.arange(land.cover.shape[0]) + 0.5) / land.cover.shape[0]
    tans = land.tan_low + rows * (land.tan_high - land.tan_low)
    over = tans[:, None] * land.away_m
    patch = fine.at(x * land.away_m * 1.7, y * land.away_m * 1.7) - 0.4
    flat = land.facing[..., 2]
    snow = np.clip((over + 300.0 * patch - 330.0) / 170.0, 0.0, 1.0) * np.clip((flat - 0.36) / 0.16, 0.0, 1.0)
    woods = np.clip((360.0 - over - 240.0 * patch) / 130.0, 0.0, 1.0) * np.clip((flat - 0.3) / 0.2, 0.0, 1.0)
    rock = np.array([0.155, 0.135, 0.128]) * (0.75 + 0.8 * np.clip(patch, -0.3, 0.5))[..., None]
    tree = np.array([0.030, 0.052, 0.036]) * (0.8 + 0.9 * np.clip(patch, -0.3, 0.5))[..., None]
    matter = rock + (tree - rock) * woods[..., None]
    land.matter[:] = matter + (np.array([0.80, 0.84, 0.90]) - matter) * snow[..., None]


def _pines(rng: np.random.Generator) -> Floats:
    """Return a wood along the shore, thin under the pass and ahead, tall at both sides."""
    count = 950
    azimuth = rng.uniform(-np.pi, np.pi, count)
    degrees = np.degrees(azimuth)
    side = np.clip(np.abs(degrees + 6.0) / 60.0, 0.0, 1.0)
    clump = 0.5 + 0.5 * np.sin(degrees * 0.21 + 1.0) * np.sin(degrees * 0.083 + rng.uniform(0.0, 6.0))
    held = rng.random(count) < 0.30 + 0.75 * side * clump
    away = rng.uniform(330.0, 520.0, count)
    tall = rng.uniform(8.0, 19.0, count) * (0.65 + 1.35 * side * clump)
    pines = np.stack([azimuth, away, tall, np.full(count, -1.6)], axis=-1)[held]
    return np.asarray(pines, np.float32)


def _dress(lake: MountainLake, choices: Mapping[str, str]) -> None:
    lake.dress(season=choices["season"], companions=choices["companions"], lanterns=choices["lanterns"])


SCENE: Final = SceneSpec(
    name="mountain_lake",
    title="Mountain lake",
    description="Snow peaks in still water, pines, mist, and rings that run out as you breathe in.",
    build=MountainLake,
    contains=frozenset({"water", "heights"}),
    options=(
        SceneOption(
            name="season",
            title="Season",
            choices=(Choice(name="summer", title="summer"), Choice(name="winter", title="deep snow")),
        ),
        companions("birds"),
        LANTERNS,
        PALETTE,
    ),
    dress=_dress,
    palette=Palette(
        instruments={"bell": "piano", "answer": "bowl", "texture": "harp"},
        soundscapes=(
            Ambience(name="wind"),
            Ambience(name="stream", level=0.4),
            Ambience(name="birds", level=0.6, least=0.2),
            Ambience(name="rain", level=0.8),
        ),
    ),
)
