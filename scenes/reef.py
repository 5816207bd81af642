"""A shallow reef under a bright surface: sand, corals, kelp, slow fish, and a jellyfish that breathes.

What each control means here:

- `light`, `colour_temperature_k`: brightness and white of the whole place.
- `time_of_day_h`: sunlight through the water, its shafts and its net on the sand; moonlight at night.
- `weather`: how the surface is stirred, and with it the sway of kelp and what drifts.
- `density`: how soon the water veils what is far, and how much drifts in it.
- `swell`: how strongly the jellyfish and the light breathe: its bell opens, glows and rises while breathing
  in, closes and sinks while breathing out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from panda3d import core

from scenes import _parts, _props, _reef_life, _sky
from scenes._choices import PALETTE, companions
from scenes._detail import Detail, on_ground, pixel_tan_of
from scenes._geometry import byte_texture, everywhere, mesh, shader, upload
from scenes._noise import cloud_texture, halved
from scenes._props import OVER, Numbers, Shape, blended, glow_over, grid, placed, quads
from scenes._sea import Waves, encoded
from therapy.breath import breath_level
from therapy.controls import NEUTRAL, Controls
from therapy.specs import Ambience, Direction, Palette, SceneSpec

__all__ = ["SCENE", "Reef"]

#: Height of the surface above the eye.
_SURFACE_M: Final = 6.5
_RINGS: Final = np.concatenate([[0.0], np.geomspace(0.9, 42.0, 22)])
_STEPS: Final = 78
#: The sand by distance: from which ring on, in how many sectors, and how it is drawn; each band has its own
#: level of the net and of the grain.
_BANDS: Final = ((0, 3, ("SAND",)), (9, 6, ("SAND",)), (13, 6, ("SAND",)), (16, 6, ("SAND", "FAR")))
#: Texels in a metre: the net spans 1 / 0.21 m, the grain 1 / 0.43 m.
_NET_PER_M: Final = 256 * 0.21
_GRAIN_PER_M: Final = 512 * 0.43
#: The surface is flat and needs fewer rings; beyond one of them it mirrors all.
_SURFACE_RINGS: Final = np.concatenate([[0.0], np.geomspace(1.5, 17.0, 9), np.geomspace(21.0, 42.0, 4)])
_MIRROR_RING: Final = 9
_SURFACE_SECTORS: Final = 5
_SURFACE_STEPS: Final = 40
#: Rocks and corals nearer than this are drawn with a finer net and grain.
_CLOSE_M: Final = 6.0
_SNOW: Final = 260
_SHAFTS: Final = 11
#: Jellyfish: x, y, z, size. The first one leads the breath; none comes nearer than 3 m.
_JELLIES: Final = ((-0.75, 4.6, 0.55, 1.0), (3.7, 9.0, 1.9, 0.75), (-5.0, 10.5, 2.5, 0.7))
#: How far it rises from empty to full at `swell` 1.
_RISE_M: Final = 0.34
_SKY_STEP_H: Final = 0.004
_SOLID, _SAND, _FISH, _SURFACE, _DOME, _SHAFT, _KELP, _JELLY, _DRIFT = range(0, 90, 10)

#: Linear colours by day and by night: below, level, above, and the sky seen through the surface.
_DAY: Final = np.array([[0.014, 0.12, 0.22], [0.040, 0.29, 0.45], [0.26, 0.74, 0.86], [1.05, 1.65, 1.70]])
_NIGHT: Final = np.array(
    [[0.010, 0.026, 0.052], [0.020, 0.055, 0.105], [0.055, 0.13, 0.21], [0.14, 0.24, 0.36]]
)


class Reef:
    """The scene. `root` holds it; the eye at rest is at (0, 0, 0), the sand about 1.7 m below it.

    The renderer may set the input `pixel_tan` on `root`: the tangent of the angle that one pixel spans.

    Args:
        seed: of rocks, corals, kelp, fish, ripples and drift.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 47])
        self.root = core.NodePath("reef")
        self._waves = Waves(seed)
        self._wave_map = byte_texture("waves", encoded(self._waves.surface(0.0)))
        self._jellies_now = core.PTA_LVecBase4f.empty_array(3)
        self._hour = math.inf
        net, grain = _reef_life.caustics(seed), cloud_texture(seed)
        self._net, self._grain = Detail("net", net, 6), Detail("clouds", grain, 7)
        self.root.set_shader_input("mottle_map", byte_texture("mottle", halved(grain, 2)))
        self._build_ground(rng)
        self._build_life(rng)
        self._build_water(rng)
        self._grain.hang(self.root, "cloud_map", 1600.0)
        self.root.set_shader_input("wave_map", self._wave_map)
        self.root.set_shader_input("pixel_tan", 0.0037)
        self.update(NEUTRAL, 0.0)

    def update(self, controls: Controls, scene_s: float) -> None:
        """Show the reef as `controls` say, `scene_s` seconds after it was built."""
        if abs(controls.time_of_day_h - self._hour) >= _SKY_STEP_H:
            self._set_hour(controls.time_of_day_h)
        pixel_tan = pixel_tan_of(self.root)
        self._net.fit(pixel_tan)
        self._grain.fit(pixel_tan)
        upload(self._wave_map, encoded(self._waves.surface(0.7 * scene_s)))
        breath = controls.swell * (breath_level(controls.pacer_phase, controls.inhale_fraction) - 0.5)
        root, stir = self.root, controls.weather
        root.set_shader_input(
            "moves",
            core.LVecBase4f(
                0.06 + 0.34 * stir, math.fmod(scene_s, 20_000.0), 0.05 + 0.14 * stir, 0.5 * breath
            ),
        )
        root.set_shader_input("murk", 0.027 + 0.105 * controls.density**1.3)
        root.set_shader_input("snow", 0.06 + 1.04 * controls.density)
        exposure = (1.0 + 0.10 * breath) * 2.0 ** (1.9 * (controls.light - 0.5)) * 1.05
        white = _sky.tint(controls.colour_temperature_k)
        root.set_shader_input("grade", core.LVecBase3f(*(exposure * w for w in white)))
        root.set_shader_input(
            "bell", core.LVecBase4f(0.5 + breath, self._glow * (1.0 + 0.9 * breath), 0.0, 0.0)
        )
        for index, (x, y, z, size) in enumerate(_JELLIES):
            drift = 0.10 * math.sin(scene_s * 0.09 + 2.1 * index)
            high = z + _RISE_M * breath * size + 0.5 * drift
            self._jellies_now.set_element(index, core.LVecBase4f(x + drift, y, high, size))
        root.set_shader_input("jellies", self._jellies_now)

    def dress(self, *, companions: str) -> None:
        """Have `fish` swim by, or nobody but the jellyfish."""
        if companions == "fish":
            self._fish_node.show()
        else:
            self._fish_node.hide()

    def jellyfish(self) -> list[tuple[float, float, float, float]]:
        """Return where each jellyfish is now (x, y, z; metres) and its size; the first one leads."""
        return [tuple(self._jellies_now.get_element(i)) for i in range(len(_JELLIES))]

    def _set_hour(self, time_of_day_h: float) -> None:
        self._hour = time_of_day_h
        lights = _sky.heaven(time_of_day_h)
        day = float(_props.smooth(-9.0, 30.0, lights.sun_deg))
        colours = _NIGHT + (_DAY - _NIGHT) * day
        low = float(_props.smooth(26.0, 2.0, lights.sun_deg) * _props.smooth(-12.0, 0.0, lights.sun_deg))
        evening = np.array([[0.004, 0.0, 0.02], [0.045, -0.02, 0.06], [0.20, 0.0, 0.10], [1.25, 0.36, 0.05]])
        colours = colours + evening * low
        root = self.root
        for name, colour in zip(("sea_deep", "sea_side", "sea_top", "window_light"), colours, strict=True):
            root.set_shader_input(name, _vec3(colour))
        sun = np.array(lights.sun_colour) * np.array([0.62, 0.80, 0.78])
        moon = np.array([0.12, 0.18, 0.25]) * lights.moon_share
        at = lights.sun if lights.sun_deg > -4.0 else lights.moon
        flat = np.array(at[:2]) / 1.33  # Snell: under water even the horizon stands high
        lamp = (float(flat[0]), float(flat[1]), math.sqrt(max(1.0 - float(flat @ flat), 0.1)))
        root.set_shader_input("lamp", core.LVecBase4f(*lamp, 0.55))
        root.set_shader_input("lamp_colour", _vec3(sun + moon))
        self._glow = 0.62 + 0.85 * day

    def _build_ground(self, rng: np.random.Generator) -> None:
        x, y = _round(_RINGS, _STEPS)
        sand = Shape(vertex=_points(x, y, _reef_life.seabed_m(x, y)), triangles=grid(len(_RINGS), _STEPS + 1))
        normal = _props.normals(sand)
        colour = np.broadcast_to(np.array([[0.62, 0.56, 0.44]], np.float32), normal.shape)
        columns = {"vertex": sand.vertex, "normal": normal, "paint": colour}
        ring, step = np.divmod(np.arange(len(sand.triangles)) // 2, _STEPS)
        ends = [first for first, *_ in _BANDS[1:]] + [len(_RINGS) - 1]
        for (first, sectors, names), after in zip(_BANDS, ends, strict=True):
            program = shader("reef_solid", defines=names)
            away_m = float(np.sqrt(max(_RINGS[first], 1.0) * _RINGS[after]))
            for sector in range(sectors):
                here = (ring >= first) & (ring < after) & (step * sectors // _STEPS == sector)
                path = placed(self.root, _part("ground", columns, sand.triangles[here]), program, _SAND)
                self._hang_detail(path, on_ground(1.0, away_m, _reef_life.SAND_M))
        solid = shader("reef_solid")
        parts = [*_reef_life.rocks(rng), *_reef_life.corals(rng)]
        for group in _props.by_sector(parts, lambda part: part[0], sectors=8):
            away = [float(np.linalg.norm(shape.vertex[:, :2].mean(axis=0))) for shape, _ in group]
            for near, away_m in ((True, 0.75 * _CLOSE_M), (False, 1.6 * _CLOSE_M)):
                these = [part for part, m in zip(group, away, strict=True) if (m < _CLOSE_M) == near]
                if these:
                    path = _props.closed(placed(self.root, _painted(these), solid, _SOLID + (not near)))
                    self._hang_detail(path, away_m)

    def _hang_detail(self, path: Any, metres_per_rad: float) -> None:
        """Let `path` read the net of light and the grain."""
        self._net.hang(path, "net_map", _NET_PER_M * metres_per_rad)
        self._grain.hang(path, "fine_map", _GRAIN_PER_M * metres_per_rad)

    def _build_life(self, rng: np.random.Generator) -> None:
        columns, triangles = _reef_life.fish(rng)
        swarm = everywhere(mesh("fish", columns, triangles))
        self._fish_node = placed(self.root, swarm, shader("reef_fish"), _FISH)
        kelp = blended(placed(self.root, everywhere(_kelp(_reef_life.kelp(rng))), shader("reef_kelp"), _KELP))
        kelp.set_depth_write(False)
        places, faces = _reef_life.jelly_bell()
        threads, strips = _reef_life.jelly_threads(rng)
        for index in range(len(_JELLIES) - 1, -1, -1):  # far ones first
            order = _JELLY + len(_JELLIES) - index
            which = np.full((len(threads), 1), index, np.float32)
            columns = {
                "vertex": np.concatenate([threads[:, :2], which], axis=1),
                "thread": threads[:, 2:],
            }
            path = everywhere(mesh("jelly-threads", columns, strips))
            blended(placed(self.root, path, shader("reef_jelly", defines=("THREAD",)), order), OVER)
            which = np.full((len(places), 1), index, np.float32)
            columns = {
                "vertex": np.concatenate([places, which], axis=1),
                "thread": np.zeros((len(places), 2), np.float32),
            }
            path = everywhere(mesh("jelly-bell", columns, faces))
            blended(placed(self.root, path, shader("reef_jelly"), order), OVER)

    def _build_water(self, rng: np.random.Generator) -> None:
        x, y = _round(_SURFACE_RINGS, _SURFACE_STEPS)
        columns = {"vertex": _points(x, y, np.full_like(x, _SURFACE_M))}
        triangles = grid(len(_SURFACE_RINGS), _SURFACE_STEPS + 1)
        ring, step = np.divmod(np.arange(len(triangles)) // 2, _SURFACE_STEPS)
        for names, far in (((), False), (("FAR",), True)):
            program = shader("reef_surface", defines=names)
            for sector in range(_SURFACE_SECTORS):
                here = ((ring >= _MIRROR_RING) == far) & (step * _SURFACE_SECTORS // _SURFACE_STEPS == sector)
                placed(self.root, _part("surface", columns, triangles[here]), program, _SURFACE)
        # Sand and surface hide all but a strip of it, from wherever one sits or stands.
        placed(self.root, _parts.dome(-14.0, 18.0), shader("reef_dome"), _DOME).set_depth_write(False)
        away = np.linspace(15.0, 4.5, _SHAFTS)
        turn = np.radians(
            np.where(np.arange(_SHAFTS) % 4 == 3, 180.0, 0.0) + rng.uniform(-52.0, 52.0, _SHAFTS)
        )
        foot = _points(np.sin(turn) * away, np.cos(turn) * away, np.full(_SHAFTS, -_reef_life.SAND_M))
        side = np.array([[-1, 0], [1, 0], [1, 1], [-1, 1]], np.float32)
        own = np.stack([rng.uniform(0.5, 1.3, _SHAFTS), rng.uniform(0.0, 6.3, _SHAFTS)], axis=-1)
        columns = {
            "vertex": np.repeat(foot, 4, axis=0),
            "beam": np.concatenate([np.tile(side, (_SHAFTS, 1)), np.repeat(own, 4, axis=0)], axis=1).astype(
                np.float32
            ),
        }
        glow_over(
            placed(
                self.root, everywhere(mesh("shafts", columns, quads(_SHAFTS))), shader("reef_shaft"), _SHAFT
            )
        )
        turn, away = rng.uniform(0.0, 6.3, _SNOW), rng.uniform(1.6, 7.5, _SNOW)
        at = _points(np.sin(turn) * away, np.cos(turn) * away, rng.uniform(-1.7, 3.3, _SNOW))
        rank = np.repeat(rng.random((_SNOW, 1)), 4, axis=0)
        columns = {
            "vertex": np.repeat(at, 4, axis=0),
            "grain": np.concatenate([np.tile(_props.CORNERS, (_SNOW, 1)), rank], axis=1).astype(np.float32),
        }
        blended(
            placed(self.root, everywhere(mesh("snow", columns, quads(_SNOW))), shader("reef_snow"), _DRIFT)
        )


def _vec3(values: Any) -> Any:
    return core.LVecBase3f(*(float(v) for v in values))


def _points(x: Numbers, y: Numbers, z: Numbers) -> Numbers:
    return np.asarray(np.stack([x, y, z], axis=-1).reshape(-1, 3), np.float32)


def _round(rings: Numbers, steps: int) -> tuple[Numbers, Numbers]:
    """Return x and y of a sheet all round, (rings, steps + 1) each."""
    r, a = np.meshgrid(rings, 2.0 * np.pi * np.arange(steps + 1) / steps, indexing="ij")
    return r * np.sin(a), r * np.cos(a)


def _part(name: str, columns: dict[str, Numbers], triangles: Numbers) -> Any:
    """Return a mesh of some `triangles`, with the vertices that they need."""
    used, index = np.unique(triangles, return_inverse=True)
    rows = {k: np.ascontiguousarray(v[used], np.float32) for k, v in columns.items()}
    return mesh(name, rows, index.reshape(-1, 3).astype(np.uint32))


def _painted(parts: list[tuple[Shape, Numbers]]) -> Any:
    whole = _props.together([shape for shape, _ in parts])
    normal = np.concatenate([_props.normals(shape) for shape, _ in parts])
    colour = np.concatenate([np.broadcast_to(paint, shape.vertex.shape) for shape, paint in parts])
    columns = {"vertex": whole.vertex, "normal": normal, "paint": colour.astype(np.float32)}
    return mesh("ground", columns, np.ascontiguousarray(whole.triangles))


def _kelp(plants: dict[str, Numbers]) -> Any:
    rows, count = 10, len(plants["tall"])
    share, side = np.meshgrid(np.linspace(0.0, 1.0, rows), [-1.0, 1.0], indexing="ij")
    strip = np.stack([side.reshape(-1), share.reshape(-1)], axis=-1)
    each = len(strip)
    own = np.stack([plants["tall"], plants["phase"]], axis=-1)
    columns = {
        "vertex": np.repeat(plants["foot"], each, axis=0),
        "blade": np.concatenate([np.tile(strip, (count, 1)), np.repeat(own, each, axis=0)], axis=1),
        "wide": np.repeat(plants["wide"], each)[:, None],
    }
    triangles = np.concatenate([grid(rows, 2) + np.uint32(each * i) for i in range(count)])
    return mesh("kelp", {k: v.astype(np.float32) for k, v in columns.items()}, triangles)


def _dress(reef: Reef, choices: Mapping[str, str]) -> None:
    reef.dress(companions=choices["companions"])


SCENE: Final = SceneSpec(
    name="reef",
    title="Reef in clear water",
    description="Corals under a bright surface, kelp, slow fish, and a jellyfish that breathes with you.",
    build=Reef,
    contains=frozenset({"water", "under_water", "animals"}),
    options=(companions("fish"), PALETTE),
    dress=_dress,
    palette=Palette(
        instruments={"pad": "choir", "answer": "kalimba", "texture": "bell"},
        soundscapes=(
            Ambience(name="underwater"),
            Ambience(name="ocean", level=0.35, direction=Direction(elevation_deg=60.0)),
        ),
    ),
)
