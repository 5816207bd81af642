"""The garden as a patient's eyes get it: real pictures from the real engine."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from scenes import _garden
from scenes.zen_garden import ZenGarden
from therapy.controls import NEUTRAL, TABLE, Controls
from vr_world.rendering.studio import Studio
from vr_world.rendering.view import View

Grey = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def garden() -> Iterator[Studio]:
    with Studio("zen_garden", seed=7) as studio:
        yield studio


def with_(**changes: float) -> Controls:
    return dataclasses.replace(NEUTRAL, **changes)


def luminance(picture: npt.NDArray[np.uint8]) -> Grey:
    coded = picture[..., :3].astype(np.float64) / 255.0
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.0722, 0.7152, 0.2126]))


def eyes(picture: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    half = picture.shape[1] // 2
    return picture[:, :half], picture[:, half:]


def towards(x: float, y: float, z: float, tan: float, ipd_m: float) -> View:
    """A narrow view whose middle is the point, with level eyes."""
    away, yaw = math.hypot(x, y), -math.atan2(x, y)
    shift = -z / away
    quad = (tan, tan, tan - shift, tan + shift)
    return View(
        orientation=(0.0, math.sin(yaw / 2), 0.0, math.cos(yaw / 2)),
        tan_left=quad,
        tan_right=quad,
        ipd_m=ipd_m,
    )


def test_the_same_seed_and_moment_are_the_same_picture_and_time_moves_it(garden: Studio) -> None:
    one = garden.picture(NEUTRAL, 12.0)
    assert np.any(one != garden.picture(NEUTRAL, 12.5))
    assert np.array_equal(one, garden.picture(NEUTRAL, 12.0))
    with Studio("zen_garden", seed=7) as again:
        assert np.array_equal(one, again.picture(NEUTRAL, 12.0))
    with Studio("zen_garden", seed=8) as other:
        assert np.any(one != other.picture(NEUTRAL, 12.0))


@pytest.mark.parametrize("index", [0, 3])
def test_a_lanterns_disparity_is_what_its_distance_asks_for(garden: Studio, index: int) -> None:
    x, y, z, _ = (float(v) for v in _garden.lamps()[index])
    night = with_(time_of_day_h=23.0, swell=0.0, weather=0.0, density=0.0)
    tan, px, ipd_m = 0.10, 384, 0.08
    picture = garden.picture(night, 20.0, view=towards(x, y, z, tan, ipd_m), eye_px=px)
    middle = slice(px // 2 - 40, px // 2 + 40)
    columns = []
    for eye in eyes(picture):
        light = luminance(eye)[middle]
        pane = np.clip(light - 0.7 * light.max(), 0.0, None).sum(axis=0)
        columns.append(float((pane * np.arange(px)).sum() / pane.sum()))
    expected = ipd_m / math.hypot(x, y) / (2.0 * tan / px)
    assert columns[0] - columns[1] == pytest.approx(expected, rel=0.15)


def test_the_lantern_on_the_islet_is_brightest_when_the_inhale_ends(garden: Studio) -> None:
    scene = ZenGarden(7)

    def shine(phase: float, swell: float) -> float:
        scene.update(with_(pacer_phase=phase, swell=swell, inhale_fraction=0.4), 20.0)
        return scene.flames()[0][3]

    breaths = [shine(p, 1.0) for p in (0.0, 0.2, 0.4, 0.7, 0.999)]
    assert max(breaths) == breaths[2] > 2.0 * breaths[0]
    assert breaths[0] < breaths[1] < breaths[2] > breaths[3] > breaths[4]
    assert shine(0.0, 0.0) == pytest.approx(shine(0.4, 0.0))
    x, y, z, _ = (float(v) for v in _garden.lamps()[0])
    view = towards(x, y, z, 0.3, 0.063)
    empty, full = (
        luminance(garden.picture(with_(pacer_phase=p, swell=1.0), 20.0, view=view)).mean() for p in (0.0, 0.4)
    )
    assert full > 1.1 * empty, "and it is seen, not only computed"


def test_the_mist_over_the_pond_rises_with_the_breath(garden: Studio) -> None:
    empty, full = (
        garden.picture(with_(pacer_phase=p, swell=1.0, time_of_day_h=13.0), 20.0).astype(int)
        for p in (0.0, 0.4)
    )
    change = np.abs(full - empty).mean(axis=(1, 2))
    assert change[160:220].mean() > 2.0 * change[:100].mean(), "over the water, not in the sky"


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("weather", 0.0, 1.0),
        ("density", 0.0, 1.0),
        ("time_of_day_h", 13.0, 20.0),
        ("light", 0.3, 0.7),
        ("colour_temperature_k", 2500.0, 8500.0),
        ("rain", 0.0, 1.0),
    ],
)
def test_each_control_moves_the_picture(garden: Studio, name: str, low: float, high: float) -> None:
    base = with_(weather=0.0, swell=0.0)
    one, other = (
        garden.picture(dataclasses.replace(base, **{name: v}), 20.0).astype(int) for v in (low, high)
    )
    assert np.abs(one - other).mean() > 0.15


def test_density_veils_the_hills_and_warm_light_is_warm(garden: Studio) -> None:
    clear, veiled = (
        luminance(garden.picture(with_(density=d, time_of_day_h=13.0), 20.0))[128:158].std() for d in (0, 1)
    )
    assert veiled < 0.6 * clear
    warm, cold = (
        garden.picture(with_(colour_temperature_k=k), 20.0)[..., :3].mean(axis=(0, 1)) for k in (2500, 8500)
    )
    assert warm[0] / warm[2] < 0.7 * cold[0] / cold[2]


def test_no_corner_of_the_controls_is_black_or_blown_out(garden: Studio) -> None:
    names = ("light", "weather", "density", "time_of_day_h", "colour_temperature_k")
    for values in itertools.product((0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.0, 13.0, 20.2), (2000.0, 9000.0)):
        controls = with_(**dict(zip(names, values, strict=True)), swell=1.0)
        left = eyes(garden.picture(controls, 20.0, eye_px=80))[0]
        coded = left[..., :3].max(axis=-1)
        assert np.median(coded) >= 14, f"near-black at {controls}"
        assert (coded >= 254).mean() < 0.06, f"blown out at {controls}"
        assert coded.std() > 1.5, f"a blank picture at {controls}"


@pytest.mark.parametrize("name", ["light", "weather", "density", "time_of_day_h", "swell"])
def test_a_control_at_its_greatest_slope_changes_luminance_by_a_tenth_in_a_second(
    garden: Studio, name: str
) -> None:
    limit = TABLE[name]
    base = with_(light=0.6, pacer_phase=0.4)
    moved = dataclasses.replace(base, **{name: limit.clamp(getattr(base, name) + limit.slope_per_s)})
    one, other = (luminance(garden.picture(c, 20.0, eye_px=96)).mean() for c in (base, moved))
    assert abs(other - one) <= 0.1


def test_nothing_is_nearer_than_half_a_metre() -> None:
    scene = ZenGarden(3)
    for path in scene.root.find_all_matches("**/+GeomNode"):
        if path.name in {"dome", "stars", "moon", "glow"}:
            continue  # at infinity, or where a flame stands
        data = path.node().get_geom(0).get_vertex_data()
        stride = data.get_array(0).get_array_format().get_stride() // 4
        rows = np.frombuffer(memoryview(data.get_array(0)).cast("B"), np.float32).reshape(-1, stride)
        assert np.linalg.norm(rows[:, :3], axis=1).min() > 0.5, path.name


def test_the_ground_has_no_hole_under_the_seat(garden: Studio) -> None:
    down = View(orientation=(math.sin(-math.pi / 4), 0.0, 0.0, math.cos(math.pi / 4)))
    one = luminance(garden.picture(with_(time_of_day_h=13.0, swell=0.0, weather=0.0), 20.0, view=down))
    assert one[140:180, 140:180].min() > 0.3 * one.mean()
