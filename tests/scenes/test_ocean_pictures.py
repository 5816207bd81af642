"""The sea as a patient's eyes get it: real pictures from the real engine."""

from __future__ import annotations

import dataclasses
import itertools
import math
import multiprocessing

import numpy as np
import numpy.typing as npt
import pytest

from scenes.ocean import SCENE, Ocean
from therapy.controls import NEUTRAL, TABLE, Controls
from therapy.personal import SceneLook
from vr_world.rendering.studio import Studio
from vr_world.rendering.view import View

Grey = npt.NDArray[np.float64]


def with_(**changes: float) -> Controls:
    return dataclasses.replace(NEUTRAL, **changes)


def luminance(picture: npt.NDArray[np.uint8]) -> Grey:
    """Relative luminance 0 … 1 (sRGB), as flash and slope limits count it."""
    coded = picture[..., :3].astype(np.float64) / 255.0
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.0722, 0.7152, 0.2126]))


def eyes(picture: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    half = picture.shape[1] // 2
    return picture[:, :half], picture[:, half:]


def upper(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return picture[: picture.shape[0] * 4 // 9]


def lower(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return picture[picture.shape[0] * 5 // 9 :]


def test_there_is_a_picture_with_sky_and_water(studio: Studio) -> None:
    picture = studio.picture(NEUTRAL, 20.0)
    assert picture.shape == (320, 640, 4)
    assert luminance(picture).std() > 0.02
    red, blue = picture[150, 160, 2], picture[300, 160, 0]
    assert red > picture[150, 160, 0], "the dusk horizon is warm"
    assert blue > picture[300, 160, 2], "the near water is cool"


def test_the_two_eyes_see_it_from_two_places(studio: Studio) -> None:
    left, right = eyes(studio.picture(NEUTRAL, 20.0))
    assert np.any(left != right)
    one_eyed = View(ipd_m=0.0)
    left, right = eyes(studio.picture(NEUTRAL, 20.0, view=one_eyed))
    assert np.abs(left.astype(int) - right).mean() < 0.6, "only the still grain differs"


def lantern(index: int, controls: Controls, at_s: float) -> tuple[float, float, float]:
    ocean = Ocean(7)
    ocean.update(controls, at_s)
    x, y, z, _ = ocean.lanterns()[index]
    return x, y, z


@pytest.mark.parametrize("index", [0, 2, 5])
def test_a_lanterns_disparity_is_what_its_distance_asks_for(studio: Studio, index: int) -> None:
    night = with_(time_of_day_h=20.05, swell=0.0, weather=0.0)  # neither sun nor moon glitters
    x, y, z = lantern(index, night, 20.0)
    away, yaw = math.hypot(x, y), -math.atan2(x, y)
    tan, px, ipd_m = 0.25, 448, 0.08
    down = z + 0.15
    centre = down / away
    view = View(
        orientation=(0.0, math.sin(yaw / 2), 0.0, math.cos(yaw / 2)),
        tan_left=(tan, tan, tan + centre, tan - centre),
        tan_right=(tan, tan, tan + centre, tan - centre),
        ipd_m=ipd_m,
    )
    columns = []
    for eye in eyes(studio.picture(night, 20.0, view=view, eye_px=px)):
        reach = round(0.3 / away / (2.0 * tan / px)) + 5  # around the lantern itself: others float near it
        near = slice(px // 2 - reach, px // 2 + reach)
        light = luminance(eye)[near, near]
        flame = np.clip(light - 0.75 * light.max(), 0.0, None)
        columns.append(float((flame * np.arange(2 * reach)).sum() / flame.sum()))
    expected = ipd_m / away / (2.0 * tan / px)
    assert columns[0] - columns[1] == pytest.approx(expected, rel=0.08, abs=0.5)


def test_far_land_and_horizon_have_no_disparity_and_the_horizon_is_level(studio: Studio) -> None:
    noon = with_(time_of_day_h=13.0, weather=0.6)
    usual = {option.name: option.choices[0].name for option in SCENE.options}
    alone = SceneLook(options={**usual, "companions": "none"})
    picture = studio.picture(noon, 20.0, eye_px=512, look=alone)
    left, right = eyes(picture)
    later = studio.picture(noon, 21.0, eye_px=512, look=alone)
    studio.picture(noon, 21.0, eye_px=512, look=SceneLook(options=usual))  # the next test sees the usual sea
    moves = np.abs(left.astype(int) - eyes(later)[0]).max(axis=-1) > 6
    water = [int(np.argmax(moves[:, c : c + 64].sum(axis=1) > 6)) for c in range(0, 512, 64)]
    assert max(water) - min(water) <= 8
    assert all(254 <= row <= 275 for row in water), "the eye is level, so the water begins in the middle"
    assert np.abs(left[:235].astype(int) - right[:235]).max() <= 12, "the sky lies at infinity"


def test_it_moves_and_the_same_moment_is_the_same_picture(studio: Studio) -> None:
    pictures = [studio.picture(NEUTRAL, at_s) for at_s in (0.0, 0.5, 1.0, 60.0)]
    for one, other in itertools.combinations(pictures, 2):
        assert np.any(one != other)
    assert np.array_equal(pictures[1], studio.picture(NEUTRAL, 0.5))


def test_another_process_with_the_same_seed_draws_the_same_and_another_seed_does_not(studio: Studio) -> None:
    here = studio.picture(NEUTRAL, 12.0)
    with Studio("ocean", seed=7) as again:
        assert np.array_equal(here, again.picture(NEUTRAL, 12.0))
    with Studio("ocean", seed=8) as other:
        assert np.any(here != other.picture(NEUTRAL, 12.0))


def test_nothing_in_the_sky_flashes_from_one_frame_to_the_next(studio: Studio) -> None:
    night = with_(time_of_day_h=23.5)
    frames = [luminance(upper(studio.picture(night, 40.0 + i / 30.0))) for i in range(12)]
    steps = [np.abs(b - a).max() for a, b in itertools.pairwise(frames)]
    assert max(steps) < 0.06


def test_the_swell_lifts_lanterns_on_the_inhale_and_lets_them_go_on_the_exhale() -> None:
    heights = [
        lantern(0, with_(swell=1.0, pacer_phase=phase, weather=0.0), 20.0)[2] for phase in (0.0, 0.4, 0.9)
    ]
    still = [
        lantern(0, with_(swell=0.0, pacer_phase=phase, weather=0.0), 20.0)[2] for phase in (0.0, 0.4, 0.9)
    ]
    assert heights[1] - heights[0] > 0.15
    assert heights[1] - heights[2] > 0.15
    assert max(still) - min(still) < 1e-6


def test_the_swell_is_seen_in_the_water_and_not_at_the_horizon(studio: Studio) -> None:
    def moved(swell: float) -> tuple[float, float]:
        one = studio.picture(with_(swell=swell, pacer_phase=0.0), 20.0).astype(int)
        other = studio.picture(with_(swell=swell, pacer_phase=0.4), 20.0).astype(int)
        change = np.abs(one - other)
        return float(lower(change).mean()), float(change[:150].mean())

    water, sky = moved(1.0)
    assert water > 2.0 * max(moved(0.0)[0], 0.5)
    assert water > 1.5 * sky


def test_brighter_light_is_brighter(studio: Studio) -> None:
    light = [luminance(studio.picture(with_(light=v), 20.0)).mean() for v in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert all(b > 1.15 * a for a, b in itertools.pairwise(light))


def test_a_higher_colour_temperature_is_bluer(studio: Studio) -> None:
    def blue_share(kelvin: float) -> float:
        mean = studio.picture(with_(colour_temperature_k=kelvin), 20.0)[..., :3].mean(axis=(0, 1))
        return float(mean[0] / mean[2])

    assert blue_share(2500.0) < 0.85 * blue_share(4500.0) < 0.85 * 0.9 * blue_share(8500.0)


def test_weather_roughens_the_water(studio: Studio) -> None:
    def rough(weather: float) -> float:
        light = lower(luminance(studio.picture(with_(weather=weather, swell=0.0), 20.0)))
        return float(np.abs(np.diff(light, axis=0)).mean())

    assert rough(0.0) < 0.9 * rough(0.4) < 0.9 * rough(1.0)


def test_density_hides_the_land_in_mist(studio: Studio) -> None:
    def contrast(density: float) -> float:
        yaw = math.radians(40.0)
        view = View(orientation=(0.0, math.sin(yaw / 2), 0.0, math.cos(yaw / 2)))
        light = luminance(studio.picture(with_(density=density, time_of_day_h=13.0), 20.0, view=view))
        return float(light[140:159, 40:280].std())

    assert contrast(1.0) < 0.5 * contrast(0.0)


def test_night_is_dark_with_stars_and_noon_is_bright_without(studio: Studio) -> None:
    night = upper(studio.picture(with_(time_of_day_h=23.5), 20.0, eye_px=512))
    noon = upper(studio.picture(with_(time_of_day_h=13.0), 20.0, eye_px=512))
    assert luminance(noon).mean() > 6.0 * luminance(night).mean()

    def points(picture: npt.NDArray[np.uint8]) -> int:
        light = luminance(eyes(picture)[0])
        around = np.stack([np.roll(light, s, a) for a in (0, 1) for s in (-3, 3)]).max(axis=0)
        return int((light > around + 0.05).sum())

    assert points(night) > 60
    assert points(noon) < 5


CORNERS = [
    dataclasses.replace(NEUTRAL, **dict(zip(names, values, strict=True)))
    for names in [("light", "weather", "density", "swell", "time_of_day_h", "colour_temperature_k")]
    for values in itertools.product(
        (0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (1.0,), (0.0, 6.2, 13.0, 19.5, 20.5), (2000.0, 9000.0)
    )
]


def test_no_corner_of_the_controls_is_black_or_blown_out(studio: Studio) -> None:
    for controls in CORNERS:
        left = eyes(studio.picture(controls, 20.0, eye_px=96))[0]
        coded = left[..., :3].max(axis=-1)
        assert np.median(lower(left)[..., :3].max(axis=-1)) >= 14, f"near-black water at {controls}"
        assert (coded >= 254).mean() < 0.06, f"blown out at {controls}"
        assert coded.std() > 1.5, f"a blank picture at {controls}"


@pytest.mark.parametrize(
    "name", ["light", "weather", "density", "time_of_day_h", "swell", "colour_temperature_k"]
)
@pytest.mark.parametrize("hour", [13.0, 19.5, 20.3])
def test_a_control_at_its_greatest_slope_changes_luminance_by_a_tenth_in_a_second(
    studio: Studio, name: str, hour: float
) -> None:
    limit = TABLE[name]
    base = with_(time_of_day_h=hour, light=0.6)
    was = getattr(base, name)
    one = luminance(studio.picture(base, 20.0, eye_px=96))
    moved = dataclasses.replace(base, **{name: limit.clamp(was + limit.slope_per_s)})
    other = luminance(studio.picture(moved, 20.0, eye_px=96))
    assert abs(other.mean() - one.mean()) <= 0.1


def test_the_whole_day_has_no_jump(studio: Studio) -> None:
    hours = np.arange(0.0, 24.0, 0.2)
    light = [luminance(studio.picture(with_(time_of_day_h=float(h)), 20.0, eye_px=64)).mean() for h in hours]
    around = [*light, light[0]]
    assert max(abs(b - a) for a, b in itertools.pairwise(around)) < 0.05


def test_looking_behind_shows_another_part_of_the_same_place(studio: Studio) -> None:
    behind = studio.picture(NEUTRAL, 20.0, view=View(orientation=(0.0, 1.0, 0.0, 0.0)))
    ahead = studio.picture(NEUTRAL, 20.0)
    assert np.any(behind != ahead)
    assert luminance(behind).std() > 0.01


def test_a_process_without_an_engine_can_build_the_place() -> None:
    """Building needs no driver: a bad scene is found before a pipe is opened."""
    assert multiprocessing.current_process().name == "MainProcess"
    assert Ocean(1).root.find_all_matches("**/water-*").get_num_paths() > 10
