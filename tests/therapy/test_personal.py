"""What a patient must not meet is nowhere: not in the place, not in the controls, whatever asks for it."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.controls import START, TABLE, Controls
from therapy.errors import BadPlan
from therapy.personal import (
    EYE_HEIGHT_M,
    HELD_BY_TRIGGER,
    TRIGGERS,
    Personal,
    SceneLook,
    check_choices,
    dressed,
    look_for,
)
from therapy.plan import PLANS, Limits, Range, personalised
from therapy.safety import bound, settled
from therapy.specs import Choice, SceneOption, SceneSpec

ANY_TRIGGERS = st.frozensets(st.sampled_from(sorted(TRIGGERS)))
ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


def place(**changes) -> SceneSpec:
    lanterns = SceneOption(
        name="lanterns",
        title="Lanterns",
        choices=(
            Choice(
                name="lit", title="lit", contains=frozenset({"fire"}), shifts={"colour_temperature_k": -500.0}
            ),
            Choice(name="none", title="none"),
        ),
    )
    plain = SceneSpec(
        name="pool",
        title="A pool",
        description="Still water.",
        build=lambda _seed: None,  # type: ignore[arg-type,return-value]  # never built here
        contains=frozenset({"water"}),
        options=(lanterns,),
    )
    return dataclasses.replace(plain, **changes)


def test_a_place_with_a_trigger_is_refused_by_name() -> None:
    with pytest.raises(BadPlan, match=r"place 'pool'.*'water'"):
        look_for(place(), Personal(triggers=frozenset({"water"})))


def test_content_that_a_place_can_do_without_is_left_out() -> None:
    look = look_for(place(), Personal(triggers=frozenset({"fire"})))
    assert look.options == {"lanterns": "none"}
    assert look.shifts == {}


def test_content_that_a_place_cannot_do_without_refuses_it() -> None:
    always = SceneOption(
        name="hearth", title="Hearth", choices=(Choice(name="on", title="on", contains=frozenset({"fire"})),)
    )
    with pytest.raises(BadPlan, match=r"'pool' cannot do without its hearth.*'fire'"):
        look_for(place(options=(always,)), Personal(triggers=frozenset({"fire"})))


def test_a_choice_that_triggers_is_refused_not_changed() -> None:
    with pytest.raises(BadPlan, match="'lit' contains 'fire'"):
        look_for(place(), Personal(options={"lanterns": "lit"}, triggers=frozenset({"fire"})))


@pytest.mark.parametrize(
    ("personal", "says"),
    [
        (Personal(options={"lanterns": "blue"}), "must be one of lit, none, got 'blue'"),
        (Personal(options={"season": "winter"}), "must be one of lanterns, got 'season'"),
    ],
)
def test_choices_must_be_offered(personal: Personal, says: str) -> None:
    with pytest.raises(BadPlan, match=says):
        check_choices({"pool": place()}, ("pool",), personal)


def test_an_unknown_place_is_refused() -> None:
    with pytest.raises(BadPlan, match="place must be one of pool, got 'moon'"):
        check_choices({"pool": place()}, ("pool", "moon"), Personal())


@pytest.mark.parametrize("height_m", [0.5, 3.0, math.nan, math.inf])
def test_the_eye_stays_within_reach(height_m: float) -> None:
    with pytest.raises(BadPlan, match=r"0.9…1.7 m"):
        Personal(eye_height_m=height_m)


def test_an_unknown_trigger_is_refused() -> None:
    with pytest.raises(BadPlan, match="a trigger must be one of"):
        Personal(triggers=frozenset({"clowns"}))


def test_the_look_lifts_the_eye_and_moves_the_white_within_the_table() -> None:
    look = look_for(place(), Personal(eye_height_m=1.5))
    assert look.eye_lift_m == pytest.approx(1.5 - EYE_HEIGHT_M)
    cold = dataclasses.replace(START, colour_temperature_k=2100.0)
    assert dressed(cold, look).colour_temperature_k == TABLE["colour_temperature_k"].low
    assert dressed(START, SceneLook()) is START


def test_a_plan_must_hold_its_own_triggers() -> None:
    plan = PLANS["first-visit"]
    personal = Personal(triggers=frozenset({"rain"}))
    assert personalised(plan, personal).limits.triggers == {"rain"}
    with pytest.raises(BadPlan, match=r"must hold the triggers \['rain'\]"):
        dataclasses.replace(plan, personal=personal)


@given(ANY_TRIGGERS, st.lists(st.fixed_dictionaries(dict.fromkeys(TABLE, ANY_FLOAT)), max_size=12))
def test_no_wish_brings_back_what_triggers(triggers: frozenset[str], wishes: list[dict[str, float]]) -> None:
    """From the moment a session opens, every held control stays inside what is left of it."""
    limits = Limits(ranges={"density": Range(low=0.2, high=0.6)}, triggers=triggers)
    now = settled(START, limits)
    for wish in [{}, *wishes]:
        now = bound(Controls(**wish), now, limits, 0.25).controls
        for trigger in triggers:
            for control, left in HELD_BY_TRIGGER.get(trigger, {}).items():
                assert left.low <= getattr(now, control) <= left.high, (trigger, control)


@given(ANY_TRIGGERS, st.floats(0.0, 1.0))
def test_what_is_held_says_why(triggers: frozenset[str], rain: float) -> None:
    limits = Limits(triggers=triggers)
    start = settled(START, limits)
    held = bound(dataclasses.replace(start, rain=rain), start, limits, 10.0).held
    because = {each.control: each.because for each in held if each.because}
    holds = rain > 0.0 and bool(triggers & {"rain", "water"})
    assert ("rain" in because) == holds
    if holds:
        assert because["rain"].startswith("on this patient's list of triggers: ")
