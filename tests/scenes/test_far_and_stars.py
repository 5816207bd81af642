"""Baked land and true stars, without a picture."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from scenes import _panorama, _sky, _stars
from scenes.forest import Forest
from scenes.mountain_lake import MountainLake
from scenes.night_sky import NightSky
from therapy.controls import NEUTRAL


def test_the_catalogue_has_the_brightest_stars_once_each() -> None:
    stars = _stars.catalogue()
    assert stars[0].name == "Sirius"
    assert all(a.magnitude <= b.magnitude for a, b in itertools.pairwise(stars))
    places = {(s.ascension_h, s.declination_deg) for s in stars}
    assert len(places) == len(stars) > 90
    assert {"Rigel", "Betelgeuse", "Vega", "Polaris"} <= {s.name for s in stars}


def test_a_star_on_the_meridian_stands_due_south_at_its_height() -> None:
    way = _stars.overhead(np.array([5.5]), np.array([-1.2]), latitude_deg=62.0, sidereal_h=5.5)[0]
    assert way[0] == pytest.approx(0.0, abs=1e-6)
    assert way[1] > 0.0
    assert math.degrees(math.asin(way[2])) == pytest.approx(90.0 - 62.0 - 1.2, abs=1e-3)


def test_the_pole_stands_behind_at_the_latitude_and_the_west_is_on_the_right() -> None:
    pole = _stars.overhead(np.array([2.5]), np.array([90.0]), latitude_deg=62.0, sidereal_h=5.5)[0]
    assert math.degrees(math.asin(pole[2])) == pytest.approx(62.0)
    assert pole[1] < 0.0
    setting = _stars.overhead(np.array([2.0]), np.array([0.0]), latitude_deg=62.0, sidereal_h=5.5)[0]
    assert setting[0] > 0.5


def test_faint_stars_are_many_and_crowd_towards_the_milky_way() -> None:
    pole = np.array([0.8, 0.25, 0.545]) / np.linalg.norm([0.8, 0.25, 0.545])
    ways, magnitude = _stars.faint(np.random.default_rng(1), 3000, pole)
    assert np.linalg.norm(ways, axis=-1) == pytest.approx(1.0, abs=1e-5)
    assert ways[:, 2].min() > 0.0
    counts = [int(((magnitude >= m) & (magnitude < m + 1)).sum()) for m in (3.0, 4.0, 5.0)]
    assert 2.0 < counts[1] / counts[0] < 4.5
    assert 2.0 < counts[2] / counts[1] < 4.5
    off = np.abs(ways @ pole)
    assert (off < 0.2).mean() > 0.25


def test_land_is_seen_where_it_stands_at_its_distance_and_faces_the_seat() -> None:
    def ring(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.clip(np.hypot(x, y) - 1000.0, 0.0, 300.0).astype(np.float32)

    land = _panorama.baked(ring, shape=(60, 128), tans=(0.0, 0.3), reach_m=np.linspace(500.0, 3000.0, 300))
    top = (land.cover > 0.5).sum(axis=0) / 60 * 0.3
    assert top == pytest.approx(300.0 / 1300.0, abs=0.01)
    x, y = _panorama.ways(128)
    slope = land.facing[20, :, 0] * x + land.facing[20, :, 1] * y
    assert slope.max() < -0.6, "a slope that rises outwards faces inwards"
    assert land.away_m[20] == pytest.approx(1000.0 / (1.0 - (20.5 / 60) * 0.3), rel=0.02)


def test_a_tree_covers_what_is_behind_it_and_nothing_beside_it() -> None:
    def flat(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.full(np.broadcast(x, y).shape, -1.2, np.float32)

    land = _panorama.baked(flat, shape=(80, 1024), tans=(-0.01, 0.2), reach_m=np.geomspace(100.0, 900.0, 30))
    before = land.cover.copy()
    _panorama.planted(land, np.array([[0.3, 200.0, 20.0, -1.2]], np.float32), np.random.default_rng(1))
    changed = np.flatnonzero((land.cover > before + 0.5).any(axis=0))
    middle = int(_panorama.turn_of(np.float32(0.3)) * 1024)
    assert abs(int(np.median(changed)) - middle) <= 1
    assert len(changed) < 30


def test_a_turned_sky_keeps_its_heights() -> None:
    lights = _sky.heaven(18.0)
    moved = _sky.turned(lights, -38.0)
    assert moved.sun[2] == lights.sun[2]
    assert math.atan2(*moved.sun[:2]) == pytest.approx(math.atan2(*lights.sun[:2]) - math.radians(38.0))


def test_it_is_always_night_in_the_north() -> None:
    assert all(_sky.night(h / 4).sun_deg <= -7.0 + 1e-9 for h in range(97))
    assert _sky.night(1.0).stars == 1.0


@pytest.mark.parametrize("place", [Forest, MountainLake, NightSky])
def test_a_place_is_built_without_a_driver(place: type) -> None:
    built = place(3)
    built.update(NEUTRAL, 5.0)
    assert built.root.find_all_matches("**/+GeomNode").get_num_paths() > 5


def test_the_lanterns_stay_away_from_the_seat_and_lift_with_the_breath() -> None:
    lake = MountainLake(3)
    found = {}
    for phase in (0.0, 0.4):
        lake.update(dataclasses.replace(NEUTRAL, swell=1.0, pacer_phase=phase), 20.0)
        found[phase] = lake.lanterns()
        assert all(math.hypot(x, y) > 5.0 for x, y, _, _ in found[phase])
    assert found[0.4][0][2] > found[0.0][0][2] + 0.03
    assert found[0.4][0][3] > found[0.0][0][3]
