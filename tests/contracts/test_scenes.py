"""What every place must keep to, whichever plug-in brings it: comfort first.

Pictures are small: what a cell of 8 × 8 of them does is what a patient sees in an area of 8°.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from therapy.controls import NEUTRAL, TABLE, Controls
from therapy.discover import declared
from therapy.errors import BadPlan
from therapy.personal import HELD_BY_TRIGGER, TRIGGERS, Personal, look_for
from therapy.plan import Limits
from therapy.safety import bound
from therapy.specs import InstrumentSpec, SceneSpec, SoundscapeSpec
from vr_world.rendering.comfort import (
    MOST_FLASHES,
    FlashMeter,
    disparity,
    faults,
    relative_luminance,
    steepest_per_s,
)
from vr_world.rendering.ease import phase_after
from vr_world.rendering.patterns import stripes
from vr_world.rendering.studio import Studio
from vr_world.rendering.view import View

Bytes = npt.NDArray[np.uint8]
SCENES = declared("scenes", "SCENE", SceneSpec)
EYE_PX = 96
RATE_HZ = 15
#: A step of the whole place's luminance in a second, when every control runs at its greatest slope at once.
#: Each alone is held to 0.1.
MOST_AT_ONCE_PER_S = 0.2


@pytest.fixture(scope="module", params=sorted(SCENES))
def studio(request: pytest.FixtureRequest) -> Iterator[Studio]:
    with Studio(request.param, seed=7) as studio:
        yield studio


def left_of(picture: Bytes) -> Bytes:
    return picture[:, : picture.shape[1] // 2]


def right_of(picture: Bytes) -> Bytes:
    return picture[:, picture.shape[1] // 2 :]


def moods() -> list[Controls]:
    """Opposite corners one after the other, the breath as fast and as strong as it may be."""
    fast = dataclasses.replace(NEUTRAL, swell=1.0, breath_pace_per_min=15.0)
    corners = itertools.product((1.0, 0.0), (0.0, 1.0), (1.0, 0.0))
    return [
        dataclasses.replace(
            fast,
            light=light,
            weather=weather,
            density=density,
            time_of_day_h=hour,
            colour_temperature_k=9000.0 if light else 2000.0,
        )
        for (light, weather, density), hour in zip(
            corners, (13.0, 19.9, 6.0, 20.6, 0.0, 19.2, 5.4, 21.0), strict=True
        )
    ]


def run_to(studio: Studio, start: Controls, goal: Controls, seconds: float) -> tuple[FlashMeter, list[float]]:
    """Drive from `start` towards `goal` as fast as `therapy.safety` lets anything change."""
    meter, light, now = FlashMeter(), [], start
    for index in range(round(seconds * RATE_HZ)):
        wanted = dataclasses.replace(goal, pacer_phase=phase_after(now, 1 / RATE_HZ).pacer_phase)
        now = bound(wanted, now, Limits(), 1 / RATE_HZ).controls
        picture = left_of(studio.picture(now, 30.0 + index / RATE_HZ, eye_px=EYE_PX))
        meter.push(picture, index / RATE_HZ)
        light.append(float(relative_luminance(picture).mean()))
    return meter, light


def test_nothing_flashes_however_fast_everything_changes(studio: Studio) -> None:
    corners = moods()
    for start, goal in itertools.pairwise(corners):
        meter, light = run_to(studio, start, goal, 2.4)
        assert meter.general <= MOST_FLASHES, f"general flashes on the way to {goal}"
        assert meter.red <= MOST_FLASHES, f"red flashes on the way to {goal}"
        at_s = np.arange(len(light)) / RATE_HZ
        assert steepest_per_s(np.array(light), at_s) <= MOST_AT_ONCE_PER_S, f"a step of light to {goal}"


@pytest.mark.parametrize(
    "name", ["light", "weather", "density", "time_of_day_h", "swell", "colour_temperature_k"]
)
def test_one_control_at_its_greatest_slope_changes_luminance_by_a_tenth_in_a_second(
    studio: Studio, name: str
) -> None:
    limit = TABLE[name]
    for hour in (13.0, 19.5, 23.0):
        base = dataclasses.replace(NEUTRAL, time_of_day_h=hour, light=0.6)
        moved = dataclasses.replace(base, **{name: limit.clamp(getattr(base, name) + limit.slope_per_s)})
        one, other = (
            relative_luminance(left_of(studio.picture(c, 20.0, eye_px=EYE_PX))).mean() for c in (base, moved)
        )
        assert abs(other - one) <= 0.1


def test_no_corner_is_black_or_blown_out_or_broken(studio: Studio) -> None:
    for light, weather, density, hour, kelvin in itertools.product(
        (0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.0, 6.2, 13.0, 19.5), (2000.0, 9000.0)
    ):
        controls = dataclasses.replace(
            NEUTRAL,
            light=light,
            weather=weather,
            density=density,
            swell=1.0,
            time_of_day_h=hour,
            colour_temperature_k=kelvin,
        )
        picture = left_of(studio.picture(controls, 20.0, eye_px=EYE_PX))
        assert faults(picture) == [], f"at {controls}"


def test_the_eyes_agree_and_nothing_is_nearer_than_half_a_metre(studio: Studio) -> None:
    """Crossed disparity only, and less than that of a thing at 0.5 m: the eyes' distance over 0.5 m."""
    view = View()
    nearest_px = view.ipd_m / 0.5 * 320 / 2.0
    calm = dataclasses.replace(NEUTRAL, weather=0.0, density=0.0)
    picture = studio.picture(calm, 20.0, view=view, eye_px=320)
    seen = disparity(left_of(picture), right_of(picture), reach_px=16)
    assert seen.blocks >= 3
    assert seen.least >= -1.0
    assert seen.most <= nearest_px


def test_the_breath_is_seen(studio: Studio) -> None:
    def change(swell: float) -> float:
        empty, full = (
            studio.picture(
                dataclasses.replace(NEUTRAL, swell=swell, pacer_phase=phase), 20.0, eye_px=EYE_PX
            ).astype(int)
            for phase in (0.0, 0.4)
        )
        return float(np.abs(full - empty).mean())

    assert change(0.0) == 0.0
    assert change(1.0) > 0.4


def test_it_lives_and_the_same_words_give_the_same_picture(studio: Studio) -> None:
    one = studio.picture(NEUTRAL, 20.0, eye_px=EYE_PX)
    later = studio.picture(NEUTRAL, 26.0, eye_px=EYE_PX)
    again = studio.picture(NEUTRAL, 20.0, eye_px=EYE_PX)
    assert np.any(one != later)
    assert np.array_equal(one, again)


def test_the_horizon_stands_still_whatever_the_breath_does(studio: Studio) -> None:
    """What stands just above the level line straight ahead fits itself best unmoved."""
    calm = dataclasses.replace(NEUTRAL, swell=1.0, density=0.1, weather=0.0)

    def light(phase: float) -> npt.NDArray[np.float64]:
        picture = studio.picture(dataclasses.replace(calm, pacer_phase=phase), 20.0, eye_px=192)
        return np.sqrt(relative_luminance(left_of(picture)))

    rest = light(0.0)
    for phase in (0.2, 0.4, 0.7):
        moved = light(phase)
        misses = [float(np.abs(moved[76 + s : 96 + s] - rest[76:96]).mean()) for s in (-3, -2, -1, 0)]
        assert int(np.argmin(misses)) == 3


def test_there_are_several_places_and_each_says_what_it_is() -> None:
    assert len(SCENES) >= 3
    assert all(spec.title and spec.description.endswith(".") for spec in SCENES.values())


def test_nothing_is_striped(studio: Studio) -> None:
    for hour, weather in ((13.0, 1.0), (19.5, 0.3)):
        controls = dataclasses.replace(NEUTRAL, time_of_day_h=hour, weather=weather, density=0.0)
        seen = stripes(left_of(studio.picture(controls, 20.0, eye_px=192)))
        assert not seen.harmful, f"{seen} at {controls}"


def test_every_choice_shows_a_good_picture_and_can_be_taken_back(studio: Studio) -> None:
    spec = SCENES[studio.scene]
    usual = look_for(spec, Personal())
    bright = dataclasses.replace(NEUTRAL, time_of_day_h=18.8, birds=1.0, weather=0.6)
    before = studio.picture(bright, 20.0, eye_px=EYE_PX, look=usual)
    for option in spec.options:
        for choice in option.choices:
            look = look_for(spec, Personal(options={option.name: choice.name}))
            assert faults(left_of(studio.picture(bright, 20.0, eye_px=EYE_PX, look=look))) == [], choice
    assert np.array_equal(studio.picture(bright, 20.0, eye_px=EYE_PX, look=usual), before)


def test_the_eye_can_be_higher(studio: Studio) -> None:
    low, high = (
        studio.picture(
            NEUTRAL, 20.0, eye_px=EYE_PX, look=look_for(SCENES[studio.scene], Personal(eye_height_m=m))
        )
        for m in (0.95, 1.6)
    )
    assert np.any(low != high)


@pytest.mark.parametrize("name", sorted(SCENES))
def test_what_a_place_contains_is_said_in_the_words_of_a_list_of_triggers(name: str) -> None:
    spec = SCENES[name]
    held = {control for left in HELD_BY_TRIGGER.values() for control in left}
    names = [option.name for option in spec.options]
    assert len(set(names)) == len(names)
    assert spec.contains <= TRIGGERS.keys()
    for option in spec.options:
        assert len({choice.name for choice in option.choices}) == len(option.choices) >= 2
        for choice in option.choices:
            assert choice.contains <= TRIGGERS.keys()
            assert not choice.shifts.keys() & held, "a shift must not bring back what a trigger holds"


@pytest.mark.parametrize("trigger", sorted(TRIGGERS))
def test_some_place_is_left_for_every_trigger_but_none_shows_it(trigger: str) -> None:
    personal = Personal(triggers=frozenset({trigger}))
    shown = []
    for name, spec in SCENES.items():
        try:
            look = look_for(spec, personal)
        except BadPlan as error:
            assert name in str(error)
            assert trigger in str(error)
            continue
        shown.append(name)
        chosen = [c for o in spec.options for c in o.choices if look.options[o.name] == c.name]
        assert trigger not in spec.contains.union(*(choice.contains for choice in chosen))
    assert shown


def test_what_a_soundscape_contains_silences_its_control() -> None:
    for spec in declared("audio_engine.soundscapes", "SOUNDSCAPE", SoundscapeSpec).values():
        for tag in spec.contains:
            assert tag in TRIGGERS, (spec.name, tag)
            left = HELD_BY_TRIGGER.get(tag, {}).get(spec.control)
            assert left is None or left.low == left.high == 0.0, (spec.name, tag)
    for instrument in declared("audio_engine.instruments", "INSTRUMENT", InstrumentSpec).values():
        assert instrument.contains <= TRIGGERS.keys()
