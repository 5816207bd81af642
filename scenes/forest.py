"""A clearing among conifers: mist between the trunks, grass, light that slants in, fireflies that rise.

What the controls mean here: `density` is the mist between the trees and in the clearing; `weather` is the
breeze: how far the grass bends and the fireflies stray; `time_of_day_h` moves the sun behind the wood, and
brings more fireflies at dusk and stars at night; `birds` is how many pass high over the crowns by day;
`swell` is how clearly the clearing breathes: while one inhales the fireflies rise and the light through the
crowns grows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from panda3d import core

from scenes import _far, _panorama, _sea
from scenes._birds import Birds
from scenes._choices import PALETTE, companions
from scenes._fireflies import Fireflies
from scenes._geometry import Floats, mesh, shader
from scenes._heavens import GLOW, MIST, NEAR, Heavens
from scenes._parts import add, blend_screen, grid, quads, shown_if, star_cards
from therapy.controls import NEUTRAL, Controls
from therapy.specs import Ambience, Choice, Palette, SceneOption, SceneSpec

__all__ = ["SCENE", "Forest"]

_EYE_M: Final = 1.2
_SHAPE: Final = (256, 2048)
_TANS: Final = (-0.06, 1.05)
_STARS: Final = 1200
_FLIES: Final = 90
_BLADES: Final = 8000
#: What a season does to the grass and to the trees (by component), and how much frost lies on them.
_SEASONS: Final = {
    "summer": ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), 0.0),
    "autumn": ((1.75, 1.10, 0.75), (1.45, 1.0, 0.75), 0.0),
    "winter": ((2.1, 1.75, 3.6), (1.0, 1.05, 1.35), 0.34),
}
_GRASS_SECTORS: Final = 10
#: Azimuth (degrees), distance, width of each shaft of light (metres).
_SHAFTS: Final = (
    (-30.0, 15.0, 3.2),
    (-14.0, 19.0, 2.2),
    (4.0, 16.0, 3.6),
    (21.0, 20.0, 2.6),
    (41.0, 15.0, 3.0),
)


class Forest:
    """The scene. `root` holds it; the eye at rest is at (0, 0, 0), the ground 1.2 m below it.

    Args:
        seed: of trees, grass, fireflies, clouds and stars.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 17])
        self.root = core.NodePath("forest")
        self._heavens = Heavens(self.root, seed, star_cards(rng, _STARS))
        self._land = _wood(rng)
        root = self.root
        add(root, _ground(), shader("grass"), NEAR + 1)
        blades = shader("grass", defines=("BLADE",))
        for sector in _blades(rng):
            add(root, sector, blades, NEAR)
        _far.hang(root, self._land, 22.0)
        self._shafts = blend_screen(add(root, _shafts(), shader("shaft"), MIST))
        homes = _homes(rng)
        self._flies = Fireflies(root, rng, GLOW, homes)
        self._birds = Birds(
            root,
            np.random.default_rng([seed, 71]),
            MIST - 1,
            away_m=(42.0, 95.0),
            high_m=(17.0, 34.0),
            wing_m=1.0,
        )
        self.dress(season="summer", companions="all")
        self.update(NEUTRAL, 0.0)

    def update(self, controls: Controls, scene_s: float) -> None:
        """Show the clearing as `controls` say, `scene_s` seconds after it was built."""
        root, heavens = self.root, self._heavens
        heavens.turn_to(controls.time_of_day_h)
        full = _sea.breath(controls.pacer_phase, controls.inhale_fraction)
        breath = controls.swell * (full - 0.5)
        thick = controls.density
        heavens.set_grade(controls, 1.0 + 0.04 * breath)
        heavens.set_air(controls, scene_s, thick, 0.45 + 0.50 * thick)
        _far.light_land(root, heavens, self._land, 1.0 / 2200.0, 1.0 / 320.0 + thick * thick / 22.0)
        root.set_shader_input(
            "breeze",
            core.LVecBase4f(
                0.15 + 0.85 * controls.weather, scene_s * 0.011, math.fmod(scene_s / 3.7, 1.0), 0.0
            ),
        )
        lights = heavens.lights
        day = min(max((lights.sun_deg + 1.0) / 6.0, 0.0), 1.0)
        warm = np.array(lights.sun_colour) * 0.13 + 0.5 * np.array(heavens.mist_colour) * day
        rays = 0.55 * warm * (1.0 + 0.9 * breath) * (0.35 + 0.65 * thick)
        root.set_shader_input("shafts", core.LVecBase4f(*map(float, rays), scene_s * 0.0016))
        shown_if(self._shafts, float(rays.max()) > 0.004)
        dusk = 1.0 - min(max((lights.sun_deg + 6.0) / 14.0, 0.0), 1.0)
        self._flies.update(
            scene_s,
            rise_m=0.55 * breath,
            shine=(0.25 + 0.75 * dusk) * (1.0 + 0.5 * breath),
            stray=0.6 + 0.6 * controls.weather,
        )
        before_sky = heavens.mean * 0.22 + np.array(heavens.mist_colour, np.float32) * (0.10 + 0.35 * thick)
        self._birds.update(controls.birds, scene_s, before_sky, day)

    def dress(self, *, season: str, companions: str) -> None:
        """Show the clearing in `season`, with fireflies, birds, both (`all`) or nobody."""
        grass, trees, frost = _SEASONS[season]
        self.root.set_shader_input("season", core.LVecBase3f(*grass))
        land = self._land
        up = np.clip(land.facing[..., 2:] * 1.4 + 0.25, 0.0, 1.0) * frost
        matter = land.matter * np.array(trees, np.float32)
        _far.repaint(self.root, land, matter + (np.array([0.42, 0.45, 0.50], np.float32) - matter) * up)
        self._flies.want(companions in ("all", "fireflies"))
        self._birds.want(companions in ("all", "birds"))


def _wood(rng: np.random.Generator) -> _panorama.Panorama:
    """Return conifers all round, rank behind rank, open a little where the sun goes down."""

    def flat(x: Floats, y: Floats) -> Floats:
        return np.full(np.broadcast(x, y).shape, -_EYE_M, np.float32)

    land = _panorama.baked(
        flat, shape=_SHAPE, tans=_TANS, reach_m=np.geomspace(18.0, 120.0, 40, dtype=np.float32)
    )
    land.matter[:] = np.array([0.075, 0.105, 0.035], np.float32)
    count = 900
    azimuth = rng.uniform(-np.pi, np.pi, count)
    gap = np.exp(-((np.degrees(azimuth) / 20.0) ** 2))
    away = rng.uniform(26.0, 130.0, count) * (1.0 + 0.5 * gap)
    tall = rng.uniform(11.0, 23.0, count) * (1.0 - 0.45 * gap)
    pines = np.stack([azimuth, away, tall, np.full(count, -_EYE_M - 0.4)], axis=-1)
    _panorama.planted(land, np.asarray(pines, np.float32), rng)
    is_pine = land.matter[..., :1] < 0.07
    land.matter[:] *= np.where(is_pine, np.array([2.6, 2.5, 1.9], np.float32), 1.0)
    return land


def _ground() -> Any:
    rings = np.concatenate([[0.0], np.geomspace(0.6, 34.0, 16)])
    columns = 49
    r, a = np.meshgrid(rings, np.linspace(0.0, 2.0 * np.pi, columns), indexing="ij")
    place = np.stack([r * np.sin(a), r * np.cos(a), np.full_like(r, -_EYE_M)], axis=-1).reshape(-1, 3)
    blade = np.tile([-1.0, 0.35, 0.0, 0.0], (len(place), 1))
    parts = {"vertex": place.astype(np.float32), "blade": blade.astype(np.float32)}
    return mesh("ground", parts, grid(len(rings), columns))


def _blades(rng: np.random.Generator) -> list[Any]:
    """Blades of grass, none within 0.7 m of the seat, thinner with distance; by sector, near ones first."""
    away = 0.7 + 22.0 * rng.random(_BLADES) ** 1.6
    turn = rng.uniform(0.0, 2.0 * np.pi, _BLADES)
    foot = np.stack([np.sin(turn) * away, np.cos(turn) * away, np.full(_BLADES, -_EYE_M - 0.02)], axis=-1)
    tall = rng.uniform(0.14, 0.40, _BLADES) * (0.8 + 0.02 * away)
    side = np.stack([np.cos(turn), -np.sin(turn), np.zeros(_BLADES)], axis=-1)
    wide = (0.013 + 0.0020 * away)[:, None] * side
    lean = rng.normal(0.0, 0.10, (_BLADES, 3)) * np.array([1.0, 1.0, 0.0])
    tip = foot + lean + tall[:, None] * np.array([0.0, 0.0, 1.0])
    vertex = np.stack([foot - wide, foot + wide, tip], axis=1).reshape(-1, 3)
    shade, phase = np.repeat(rng.random(_BLADES), 3), np.repeat(rng.random(_BLADES), 3)
    blade = np.stack([np.tile([0.0, 0.0, 1.0], _BLADES), shade, phase, phase], axis=-1)
    sectors = []
    for sector in range(_GRASS_SECTORS):
        held = np.flatnonzero((turn * _GRASS_SECTORS / (2.0 * np.pi)).astype(int) == sector)
        held = held[np.argsort(away[held], kind="stable")]
        rows = (3 * held[:, None] + np.arange(3)).reshape(-1)
        parts = {"vertex": vertex[rows].astype(np.float32), "blade": blade[rows].astype(np.float32)}
        faces = np.arange(len(rows), dtype=np.uint32).reshape(-1, 3)
        sectors.append(mesh(f"blades-{sector}", parts, faces))
    return sectors


def _shafts() -> Any:
    """Slanting strips from the crowns to the grass."""
    vertex, own = [], []
    for index, (azimuth, away, wide) in enumerate(_SHAFTS):
        turn = math.radians(azimuth)
        middle = np.array([math.sin(turn) * away, math.cos(turn) * away, -_EYE_M])
        side = np.array([math.cos(turn), -math.sin(turn), 0.0]) * wide
        top = middle + np.array([0.0, 0.0, 13.0]) + side / wide * 5.5
        vertex += [top - 0.35 * side, top + 0.35 * side, middle + side, middle - side]
        own += [float(index)] * 4
    weave = np.tile([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], (len(_SHAFTS), 1))
    parts = {
        "vertex": np.array(vertex, np.float32),
        "weave": weave.astype(np.float32),
        "own": np.array(own, np.float32)[:, None],
    }
    return mesh("shafts", parts, quads(len(_SHAFTS)))


def _homes(rng: np.random.Generator) -> Floats:
    """Where the fireflies live, (count, 3)."""
    away = 3.5 + 14.0 * rng.random(_FLIES)
    turn = rng.normal(0.0, 0.9, _FLIES)
    homes = [np.sin(turn) * away, np.cos(turn) * away, rng.uniform(-0.95, 0.9, _FLIES)]
    return np.stack(homes, axis=-1).astype(np.float32)


def _dress(forest: Forest, choices: Mapping[str, str]) -> None:
    forest.dress(season=choices["season"], companions=choices["companions"])


SCENE: Final = SceneSpec(
    name="forest",
    title="Forest clearing",
    description="Conifers in mist, grass, slanting light, and fireflies that rise as you breathe in.",
    build=Forest,
    contains=frozenset({"fog"}),
    options=(
        SceneOption(
            name="season",
            title="Season",
            choices=(
                Choice(name="summer", title="summer"),
                Choice(name="autumn", title="autumn, golden grass"),
                Choice(name="winter", title="winter, hoar frost"),
            ),
        ),
        companions("fireflies", "birds"),
        PALETTE,
    ),
    dress=_dress,
    palette=Palette(
        instruments={"bell": "flute", "answer": "kalimba", "texture": "harp"},
        soundscapes=(
            Ambience(name="trees"),
            Ambience(name="birds", least=0.3),
            Ambience(name="stream", level=0.5),
            Ambience(name="insects", level=0.7),
            Ambience(name="rain"),
        ),
    ),
)
