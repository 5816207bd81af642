"""The reef as a patient's eyes get it: real pictures from the real engine."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from scenes.reef import Reef
from therapy.controls import NEUTRAL, TABLE, Controls
from vr_world.rendering.studio import Studio
from vr_world.rendering.view import View

Grey = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def reef() -> Iterator[Studio]:
    with Studio("reef", seed=7) as studio:
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
    yaw, pitch = -0.5 * math.atan2(x, y), 0.5 * math.atan2(z, math.hypot(x, y))
    quad = (tan, tan, tan, tan)
    return View(
        orientation=(
            math.cos(yaw) * math.sin(pitch),
            math.sin(yaw) * math.cos(pitch),
            -math.sin(yaw) * math.sin(pitch),
            math.cos(yaw) * math.cos(pitch),
        ),
        tan_left=quad,
        tan_right=quad,
        ipd_m=ipd_m,
    )


def test_the_same_seed_and_moment_are_the_same_picture_and_time_moves_it(reef: Studio) -> None:
    one = reef.picture(NEUTRAL, 12.0)
    assert np.any(one != reef.picture(NEUTRAL, 12.5))
    assert np.array_equal(one, reef.picture(NEUTRAL, 12.0))
    with Studio("reef", seed=7) as again:
        assert np.array_equal(one, again.picture(NEUTRAL, 12.0))


@pytest.mark.parametrize("index", [0, 1])
def test_a_jellyfishs_disparity_is_what_its_distance_asks_for(reef: Studio, index: int) -> None:
    night = with_(time_of_day_h=23.5, swell=0.0, weather=0.0, density=0.0)
    scene = Reef(7)
    scene.update(night, 20.0)
    x, y, z, size = scene.jellyfish()[index]
    tan, px, ipd_m = 0.9 * size / math.hypot(x, y), 320, 0.08
    picture = reef.picture(night, 20.0, view=towards(x, y, z + 0.2 * size, tan, ipd_m), eye_px=px)
    one, other = (luminance(eye)[100:170] for eye in eyes(picture))
    expected = ipd_m / math.hypot(x, y, z) / (2.0 * tan / px)
    shifts = range(round(2.0 * expected) + 4)
    miss = [np.abs(one[:, 60 : px - 60] - np.roll(other, s, axis=1)[:, 60 : px - 60]).mean() for s in shifts]
    assert int(np.argmin(miss)) == pytest.approx(expected, rel=0.15, abs=1.0)


def test_the_jellyfish_is_highest_when_the_inhale_ends_and_keeps_its_distance() -> None:
    scene = Reef(7)

    def height(phase: float, swell: float) -> float:
        scene.update(with_(pacer_phase=phase, swell=swell, inhale_fraction=0.4), 20.0)
        assert all(math.dist((0.0, 0.0, 0.0), (x, y, z)) > 3.0 for x, y, z, _ in scene.jellyfish())
        return scene.jellyfish()[0][2]

    breaths = [height(p, 1.0) for p in (0.0, 0.2, 0.4, 0.7, 0.999)]
    assert breaths[0] < breaths[1] < breaths[2] > breaths[3] > breaths[4]
    assert breaths[2] - breaths[0] > 0.2
    assert height(0.0, 0.0) == pytest.approx(height(0.4, 0.0))


def test_its_bell_opens_and_glows_on_the_inhale(reef: Studio) -> None:
    def middle(phase: float, swell: float) -> Grey:
        controls = with_(pacer_phase=phase, swell=swell, time_of_day_h=22.0, inhale_fraction=0.4)
        return luminance(reef.picture(controls, 20.0, view=towards(-0.75, 4.6, 0.5, 0.3, 0.063)))

    assert middle(0.4, 1.0).mean() > 1.15 * middle(0.0, 1.0).mean()
    assert np.array_equal(middle(0.4, 0.0), middle(0.0, 0.0))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("weather", 0.0, 1.0),
        ("density", 0.0, 1.0),
        ("time_of_day_h", 13.0, 20.0),
        ("light", 0.3, 0.7),
        ("colour_temperature_k", 2500.0, 8500.0),
    ],
)
def test_each_control_moves_the_picture(reef: Studio, name: str, low: float, high: float) -> None:
    base = with_(weather=0.0, swell=0.0)
    one, other = (reef.picture(dataclasses.replace(base, **{name: v}), 20.0).astype(int) for v in (low, high))
    assert np.abs(one - other).mean() > 0.15


def test_density_veils_the_distance_and_warm_light_is_warm(reef: Studio) -> None:
    clear, veiled = (
        luminance(reef.picture(with_(density=d, time_of_day_h=13.0), 20.0))[150:200].std() for d in (0, 1)
    )
    assert veiled < 0.6 * clear
    warm, cold = (
        reef.picture(with_(colour_temperature_k=k), 20.0)[..., :3].mean(axis=(0, 1)) for k in (2500, 8500)
    )
    assert warm[0] / warm[2] < 0.7 * cold[0] / cold[2]


def test_the_surface_above_is_brighter_than_the_deep_at_any_hour(reef: Studio) -> None:
    up = View(orientation=(math.sin(0.4), 0.0, 0.0, math.cos(0.4)))
    for hour in (1.0, 8.0, 13.0, 19.5):
        above, level = (
            luminance(reef.picture(with_(time_of_day_h=hour), 20.0, view=v)).mean() for v in (up, View())
        )
        assert above > level


def test_no_corner_of_the_controls_is_black_or_blown_out(reef: Studio) -> None:
    names = ("light", "weather", "density", "time_of_day_h", "colour_temperature_k")
    for values in itertools.product((0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.0, 13.0, 20.2), (2000.0, 9000.0)):
        controls = with_(**dict(zip(names, values, strict=True)), swell=1.0)
        left = eyes(reef.picture(controls, 20.0, eye_px=80))[0]
        coded = left[..., :3].max(axis=-1)
        assert np.median(coded) >= 14, f"near-black at {controls}"
        assert (coded >= 254).mean() < 0.06, f"blown out at {controls}"
        assert coded.std() > 1.5, f"a blank picture at {controls}"


@pytest.mark.parametrize("name", ["light", "weather", "density", "time_of_day_h", "swell"])
def test_a_control_at_its_greatest_slope_changes_luminance_by_a_tenth_in_a_second(
    reef: Studio, name: str
) -> None:
    limit = TABLE[name]
    base = with_(light=0.6, pacer_phase=0.4)
    moved = dataclasses.replace(base, **{name: limit.clamp(getattr(base, name) + limit.slope_per_s)})
    one, other = (luminance(reef.picture(c, 20.0, eye_px=96)).mean() for c in (base, moved))
    assert abs(other - one) <= 0.1


def test_nothing_is_nearer_than_half_a_metre() -> None:
    scene = Reef(3)
    for path in scene.root.find_all_matches("**/+GeomNode"):
        if path.name in {"dome", "fish", "jelly-bell", "jelly-threads"}:
            continue  # their shaders place them
        data = path.node().get_geom(0).get_vertex_data()
        stride = data.get_array(0).get_array_format().get_stride() // 4
        rows = np.frombuffer(memoryview(data.get_array(0)).cast("B"), np.float32).reshape(-1, stride)
        assert np.linalg.norm(rows[:, :3], axis=1).min() > 0.5, path.name


def test_the_surface_stands_at_its_height_for_both_eyes(reef: Studio) -> None:
    tan, px, ipd_m, high_m = 0.35, 320, 0.1, 6.5
    view = View(
        orientation=(math.sin(math.pi / 4), 0.0, 0.0, math.cos(math.pi / 4)),
        tan_left=(tan, tan, tan, tan),
        tan_right=(tan, tan, tan, tan),
        ipd_m=ipd_m,
    )
    controls = with_(time_of_day_h=13.0, swell=0.0, weather=1.0, density=0.0)
    pair = eyes(reef.picture(controls, 20.0, view=view, eye_px=px))
    # Ripples stand at the surface; the light behind them, the broad shapes, stands at infinity.
    one, other = (luminance(eye) - gaussian_filter(luminance(eye), 3.0) for eye in pair)
    expected = ipd_m / high_m / (2.0 * tan / px)
    shifts = range(round(2.0 * expected) + 4)
    miss = [np.abs(one[:, 40 : px - 40] - np.roll(other, s, axis=1)[:, 40 : px - 40]).mean() for s in shifts]
    assert int(np.argmin(miss)) == pytest.approx(expected, abs=1.0)
