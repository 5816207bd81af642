"""A winter night in the far north: true stars, the Milky Way, and an aurora that breathes over still snow.

The bright stars stand where they do at 62° north, looking south in January towards midnight, Orion ahead;
the fainter ones are seeded. Nothing above turns: a sky that wheels over a still ground makes people ill.

What the controls mean here: `density` is how much aurora there is, and a thin veil of haze before the faint
stars; `weather` is how far its curtains sway; `time_of_day_h` goes from the last blue of dusk (about 13 h)
to the dark of 1 h, for it is always night; `swell` is how clearly the aurora breathes: it reaches higher
and glows a little brighter while one inhales, on the snow too. `light` and `colour_temperature_k` as ever.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from panda3d import core

from scenes import _far, _panorama, _sea, _sky, _stars
from scenes._choices import PALETTE
from scenes._geometry import Bytes, Floats, byte_texture, everywhere, mesh, shader
from scenes._heavens import NEAR, SKY, Heavens, vec3
from scenes._parts import add, blend_screen, grid, stars_at
from therapy.controls import NEUTRAL, Controls
from therapy.specs import Ambience, Palette, SceneSpec

__all__ = ["SCENE", "NightSky"]

_LATITUDE_DEG: Final = 62.0
_SIDEREAL_H: Final = 5.9
_FAINT: Final = 2600
_SHAPE: Final = (96, 2560)
_TANS: Final = (-0.012, 0.17)
#: Height of a seated eye above the snow.
_EYE_M: Final = 1.2
_SNOW_RINGS: Final = np.concatenate([[0.0], np.geomspace(0.5, 260.0, 26)])
#: Each curtain, in heights of its lower edge: distance ahead, half its width, shift right, bend, reach up.
_CURTAINS: Final = ((3.1, 4.6, -0.8, 0.75, 1.5), (2.2, 3.4, -1.6, 0.55, 1.3), (4.4, 5.2, 1.6, 0.95, 1.7))
_ALONG, _UP = 97, 9


class NightSky:
    """The scene. `root` holds it; the eye at rest is at (0, 0, 0), the snow 1.2 m below it.

    Args:
        seed: of hills, pines, aurora, faint stars.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 13])
        self.root = core.NodePath("night-sky")
        pole = _overhead(*(np.array([value]) for value in _stars.GALAXY_POLE))[0]
        self._heavens = Heavens(self.root, seed, _star_mesh(rng, pole), _sky.night)
        self._land = _hills(seed, rng)
        self._build(seed, pole)
        self.update(NEUTRAL, 0.0)

    def update(self, controls: Controls, scene_s: float) -> None:
        """Show the night as `controls` say, `scene_s` seconds after it was built."""
        root, heavens = self.root, self._heavens
        heavens.turn_to(controls.time_of_day_h)
        full = _sea.breath(controls.pacer_phase, controls.inhale_fraction)
        breath = controls.swell * (full - 0.5)
        bright = (0.10 + 0.95 * controls.density) * (1.0 + 0.62 * breath)
        dark = min(max((-6.0 - heavens.lights.sun_deg) / 6.0, 0.0), 1.0)
        bright *= 0.45 + 0.55 * dark
        heavens.set_grade(controls, 1.0 + 0.03 * breath)
        veil = 0.45 * controls.density
        heavens.set_air(controls, scene_s, veil, 0.5 * controls.density)
        root.set_shader_input(
            "cloud", core.LVecBase4f(scene_s * 0.0002, scene_s * 0.0003, 0.62 - 0.10 * controls.density, 0.5)
        )
        _far.light_land(root, heavens, self._land, 1.0 / 9000.0, controls.density / 2500.0)
        glow = np.array([0.022, 0.085, 0.062], np.float32) * bright
        root.set_shader_input("aurora_glow", vec3(glow))
        root.set_shader_input("land_sky", vec3(heavens.mean * 1.05 + 0.008 + 0.25 * glow))
        turn = math.fmod(scene_s / 53.0, 1.0)
        root.set_shader_input(
            "aurora", core.LVecBase4f(bright, 0.10 + 0.90 * controls.weather, turn, 1.0 + 0.30 * breath)
        )
        root.set_shader_input("drift_along", core.LVecBase2f(scene_s * 0.0011, scene_s * 0.0007))

    def _build(self, seed: int, pole: Floats) -> None:
        root = self.root
        add(root, _snow(seed), shader("snow"), NEAR)
        _far.hang(root, self._land, 240.0)
        band = everywhere(add(root, _band(pole), shader("milky_way"), SKY + 1))
        blend_screen(band)
        root.set_shader_input("band_map", byte_texture("milky-way", _band_picture(seed)))
        curtains = shader("aurora")
        for index, shape in enumerate(_CURTAINS):
            path = everywhere(add(root, _curtain(index, shape, seed), curtains, SKY + 2 + index))
            blend_screen(path)


def _overhead(ascension_h: Floats, declination_deg: Floats) -> Floats:
    return _stars.overhead(ascension_h, declination_deg, latitude_deg=_LATITUDE_DEG, sidereal_h=_SIDEREAL_H)


def _star_mesh(rng: np.random.Generator, pole: Floats) -> Any:
    known = _stars.catalogue()
    ways = _overhead(np.array([s.ascension_h for s in known]), np.array([s.declination_deg for s in known]))
    magnitude = np.array([s.magnitude for s in known], np.float32)
    hue = _stars.hues([s.spectrum for s in known])
    seen = ways[:, 2] > 0.02
    more, faint = _stars.faint(rng, _FAINT, pole)
    pale = np.clip(1.0 + rng.normal(0.0, 0.5, (_FAINT, 1)) * np.array([0.12, 0.0, -0.14]), 0.75, 1.15)
    every = np.concatenate([magnitude[seen], faint])
    rank = np.clip((every - 0.3) / 6.4, -0.28, 0.99).astype(np.float32)
    return stars_at(
        np.concatenate([ways[seen], more]),
        np.concatenate([hue[seen], pale]),
        rank,
        rng.random(len(every), np.float32),
    )


def _hills(seed: int, rng: np.random.Generator) -> _panorama.Panorama:
    """Return low snowy hills with a dark rim of pines."""
    relief = _panorama.Relief(seed, 7000.0)

    def height(x: Floats, y: Floats) -> Floats:
        rise = np.clip((np.hypot(x, y) - 260.0) / 3600.0, 0.0, 1.0)
        return np.asarray(560.0 * rise * relief.at(x, y) ** 1.3 - _EYE_M, np.float32)

    land = _panorama.baked(
        height, shape=_SHAPE, tans=_TANS, reach_m=np.geomspace(150.0, 8000.0, 120, dtype=np.float32)
    )
    steep = np.clip((0.80 - land.facing[..., 2:]) / 0.2, 0.0, 1.0)
    snow, rock = np.array([0.62, 0.66, 0.72]), np.array([0.10, 0.10, 0.11])
    land.matter[:] = snow + (rock - snow) * steep
    count = 1000
    azimuth = rng.uniform(-np.pi, np.pi, count)
    clump = 0.5 + 0.5 * np.sin(4.0 * azimuth + 0.7) * np.sin(9.0 * azimuth + rng.uniform(0.0, 6.0))
    held = rng.random(count) < 0.12 + 0.88 * clump
    tall = rng.uniform(5.0, 13.0, count) * (0.6 + 0.9 * clump)
    away = rng.uniform(120.0, 250.0, count)
    pines = np.stack([azimuth, away, tall, np.full(count, -_EYE_M - 0.2)], axis=-1)[held]
    _panorama.planted(land, np.asarray(pines, np.float32), rng)
    return land


def _snow(seed: int) -> Any:
    """The snow all round: level under the seat, soft drifts farther out."""
    columns = 73
    relief = _panorama.Relief(seed + 2, 160.0)
    r, a = np.meshgrid(_SNOW_RINGS, np.linspace(0.0, 2.0 * np.pi, columns), indexing="ij")
    x, y = r * np.sin(a), r * np.cos(a)

    def high(px: Floats, py: Floats) -> Floats:
        far = np.hypot(px, py)
        drift = 0.5 * np.clip((far - 3.0) / 14.0, 0.0, 1.0) * np.clip((240.0 - far) / 120.0, 0.0, 1.0)
        return np.asarray(drift * (relief.at(px, py) - 0.5))

    z = high(x, y)
    slope = np.stack([-(high(x + 0.5, y) - z) / 0.5, -(high(x, y + 0.5) - z) / 0.5, np.ones_like(z)], axis=-1)
    slope /= np.linalg.norm(slope, axis=-1, keepdims=True)
    columns_of = {
        "vertex": np.stack([x, y, z - _EYE_M], axis=-1).reshape(-1, 3).astype(np.float32),
        "facing": slope.reshape(-1, 3).astype(np.float32),
    }
    return mesh("snow", columns_of, grid(len(_SNOW_RINGS), columns))


def _curtain(index: int, shape: tuple[float, float, float, float, float], seed: int) -> Any:
    """A standing, folded strip high above; see `aurora.vert` for its units."""
    ahead, wide, right, bend, reach = shape
    rng = np.random.default_rng([seed, 60 + index])
    t = np.linspace(-1.0, 1.0, _ALONG)
    x, y = right + wide * t, np.full_like(t, ahead) + 0.5 * bend * t**2
    for wave, size in ((2.1, 0.6), (4.7, 0.34), (9.5, 0.13)):
        turn = rng.uniform(0.0, 2.0 * np.pi)
        y += bend * size * np.sin(wave * t + turn)
        x += bend * size * 0.22 * np.cos(wave * t * 1.3 + turn)
    up = np.linspace(0.0, 1.0, _UP)
    vertex = np.stack([np.tile(x, _UP), np.tile(y, _UP), np.repeat(1.0 + reach * up, _ALONG)], axis=-1)
    weave = np.stack([np.tile(0.5 + 0.5 * t, _UP), np.repeat(up, _ALONG)], axis=-1)
    own = np.full((len(vertex), 1), float(index), np.float32)
    columns = {"vertex": vertex.astype(np.float32), "weave": weave.astype(np.float32), "own": own}
    return mesh(f"curtain-{index}", columns, grid(_UP, _ALONG))


def _band(pole: Floats) -> Any:
    """A strip of the sky 20° to each side of the galaxy's plane."""
    side = np.cross(pole, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    other = np.cross(pole, side)
    along, off = np.linspace(0.0, 2.0 * np.pi, 97), np.radians(np.linspace(-20.0, 20.0, 9))
    o, a = np.meshgrid(off, along, indexing="ij")
    ways = np.cos(o)[..., None] * (np.cos(a)[..., None] * side + np.sin(a)[..., None] * other)
    ways = ways + np.sin(o)[..., None] * pole
    weave = np.stack([a / (2.0 * np.pi), (o - off[0]) / (off[-1] - off[0])], axis=-1)
    columns = {
        "vertex": ways.reshape(-1, 3).astype(np.float32),
        "weave": weave.reshape(-1, 2).astype(np.float32),
    }
    return mesh("milky-way", columns, grid(len(off), len(along)))


def _band_picture(seed: int) -> Bytes:
    """(192, 1536, 4): clouds of unresolved stars with darker lanes, blue first, coded as their root."""
    rows, columns = 192, 1536
    rng = np.random.default_rng([seed, 71])
    wave = np.hypot(
        np.fft.fftfreq(rows, 1.0 / rows)[:, None] * 8.0, np.fft.rfftfreq(columns, 1.0 / columns)[None]
    )
    fields = []
    for fall in (1.25, 1.5):
        size = np.where(wave > 3.0, np.maximum(wave, 1.0) ** -fall, 0.0)
        field = np.fft.irfft2(size * np.exp(2j * np.pi * rng.random(wave.shape)), s=(rows, columns))
        fields.append(field / field.std())
    cloud, lane = fields
    v = (np.arange(rows) + 0.5)[:, None] / rows * 2.0 - 1.0
    bend = 0.07 * np.sin(2.0 * np.pi * 3.0 * np.arange(columns) / columns)[None]
    core_ = np.exp(-(((v + bend) / 0.42) ** 2)) * (1.0 - v**2) ** 1.5
    dust = np.clip(0.75 * np.exp(-(((v + bend * 1.6) / 0.17) ** 2)) * (0.55 + 0.8 * lane), 0.0, 0.8)
    light = np.clip(core_ * (0.62 + 0.26 * cloud) * (1.0 - dust), 0.0, 1.0)
    warm = np.clip(0.5 + 0.35 * lane, 0.0, 1.0)[..., None]
    hue = np.array([0.92, 0.90, 1.12]) * (1.0 - warm) + np.array([1.10, 0.90, 0.92]) * warm
    out = np.full((rows, columns, 4), 255, np.uint8)
    out[..., :3] = np.rint(255.0 * np.clip(np.sqrt(light[..., None] * hue)[..., ::-1], 0.0, 1.0))
    return out


SCENE: Final = SceneSpec(
    name="night_sky",
    title="Northern night",
    description="Orion over snow, the Milky Way, and an aurora that rises and glows as you breathe in.",
    build=NightSky,
    contains=frozenset({"dark"}),
    options=(PALETTE,),
    palette=Palette(
        instruments={"pad": "choir", "answer": "bowl", "texture": "piano"},
        soundscapes=(Ambience(name="wind", least=0.2), Ambience(name="fire")),
    ),
)
