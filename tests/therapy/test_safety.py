"""No float, NaN included, gets past a bound or a slope."""

import dataclasses
import math

from hypothesis import given
from hypothesis import strategies as st

from therapy.controls import MODES, NEUTRAL, TABLE, Controls
from therapy.plan import Limits, Range
from therapy.safety import MAX_STEP_S, bound

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def any_controls(draw: st.DrawFn) -> Controls:
    return Controls(**{name: draw(ANY_FLOAT) for name in TABLE}, mode=draw(st.text(max_size=12)))


@st.composite
def possible_controls(draw: st.DrawFn) -> Controls:
    values = {
        name: draw(st.floats(limit.low, limit.high, exclude_max=limit.cyclic))
        for name, limit in TABLE.items()
    }
    return Controls(**values, mode=draw(st.sampled_from(sorted(MODES))))


@st.composite
def any_limits(draw: st.DrawFn) -> Limits:
    ranges = {}
    for name, limit in TABLE.items():
        if not limit.cyclic and draw(st.booleans()):
            low, high = sorted(
                [draw(st.floats(limit.low, limit.high)), draw(st.floats(limit.low, limit.high))]
            )
            ranges[name] = Range(low=low, high=high)
    return Limits(ranges=ranges)


@given(any_controls(), possible_controls(), any_limits(), ANY_FLOAT)
def test_nothing_gets_past_a_bound_or_a_slope(
    wanted: Controls, previous: Controls, limits: Limits, dt_s: float
) -> None:
    got = bound(wanted, previous, limits, dt_s).controls
    step_s = min(max(dt_s, 0.0), MAX_STEP_S) if math.isfinite(dt_s) else 0.0
    assert got.mode in MODES
    for name, limit in TABLE.items():
        value = getattr(got, name)
        assert math.isfinite(value), name
        assert limit.low <= value <= limit.high, name
        moved = abs(limit.distance(getattr(previous, name), value))
        span = limit.high - limit.low
        assert moved <= limit.slope_per_s * step_s + 1e-9 * span, name


@given(any_controls(), st.lists(st.sampled_from([0.05, 0.01, 0.25, 3.0]), max_size=30))
def test_a_plans_range_holds_once_reached(wanted: Controls, steps: list[float]) -> None:
    limits = Limits(ranges={"music_lufs": Range(low=-40.0, high=-25.0)})
    controls = dataclasses.replace(NEUTRAL, music_lufs=-27.0)
    for dt_s in steps:
        controls = bound(wanted, controls, limits, dt_s).controls
        assert -40.0 <= controls.music_lufs <= -25.0


def test_a_narrowed_range_is_entered_along_the_slope() -> None:
    limits = Limits(ranges={"light": Range(low=0.0, high=0.2)})
    controls = dataclasses.replace(NEUTRAL, light=0.9)
    controls = bound(controls, controls, limits, 0.1).controls
    assert controls.light == 0.9 - TABLE["light"].slope_per_s * 0.1


def test_what_was_held_back_is_named_with_its_limit() -> None:
    held = bound(dataclasses.replace(NEUTRAL, light=math.nan), NEUTRAL, Limits(), 0.05).held
    assert [h.control for h in held] == ["light"]
    assert "0…1" in held[0].limit


def test_midnight_is_crossed_the_short_way() -> None:
    late = dataclasses.replace(NEUTRAL, time_of_day_h=23.999)
    early = dataclasses.replace(NEUTRAL, time_of_day_h=0.5)
    got = bound(early, late, Limits(), 0.25).controls.time_of_day_h
    assert got > 23.999 or got < 0.5


def test_reachable_wishes_pass_unchanged() -> None:
    wanted = dataclasses.replace(NEUTRAL, light=NEUTRAL.light + 0.001, mode="lydian")
    assert bound(wanted, NEUTRAL, Limits(), 0.05) == type(bound(wanted, NEUTRAL, Limits(), 0.05))(
        controls=wanted, held=()
    )
