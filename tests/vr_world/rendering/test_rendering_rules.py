"""The pure parts of rendering: ladder, easing, veil, flight, views."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.controls import NEUTRAL
from therapy.errors import BadValue
from vr_world.rendering.ease import Easer, finite, phase_after
from vr_world.rendering.errors import BadView
from vr_world.rendering.fade import SAFE_WITHIN_S, Veil
from vr_world.rendering.flight import CAP, SILENT_AFTER_S, Flight
from vr_world.rendering.focus import regions
from vr_world.rendering.quality import EYE_SIZES_PX, Ladder, Rung
from vr_world.rendering.view import View, checked, orientation_to_panda, position_to_panda, widened


def machine(ladder: Ladder, *, ms_per_megapixel: float, fixed_ms: float, seconds: float) -> list[Rung]:
    """Run a ladder on a machine whose frames cost a fixed part and a part by pixels."""
    now_s, rungs = 0.0, []
    while now_s < seconds:
        rung = ladder.rung
        took_s = (fixed_ms + ms_per_megapixel * 2.0 * rung.eye_px**2 / 1e6) / 1000.0
        now_s += max(took_s, 1.0 / rung.rate_hz)
        ladder.saw(took_s, now_s)
        rungs.append(rung)
    return rungs


def a_ladder(eye_px: int = 640) -> Ladder:
    return Ladder(eye_px=eye_px, min_eye_px=384, max_eye_px=1440, rate_hz=30.0)


def test_a_machine_that_copes_keeps_its_rung() -> None:
    assert {r.eye_px for r in machine(a_ladder(), ms_per_megapixel=31.0, fixed_ms=2.0, seconds=30.0)} == {640}


def test_sharpness_gives_way_before_the_frame_rate() -> None:
    rungs = machine(a_ladder(), ms_per_megapixel=60.0, fixed_ms=2.0, seconds=30.0)
    assert rungs[-1].eye_px < 640
    assert {r.rate_hz for r in rungs} == {30.0}


def test_only_at_the_smallest_size_does_the_rate_step_down() -> None:
    rungs = machine(a_ladder(), ms_per_megapixel=150.0, fixed_ms=10.0, seconds=60.0)
    assert rungs[-1].rate_hz < 30.0
    assert all(r.eye_px == 384 for r in rungs if r.rate_hz < 30.0)


def test_a_fast_machine_climbs_to_the_top_and_stays() -> None:
    rungs = machine(a_ladder(), ms_per_megapixel=1.0, fixed_ms=1.0, seconds=120.0)
    assert rungs[-1] == Rung(eye_px=1440, rate_hz=30.0)


def test_it_settles_instead_of_going_up_and_down() -> None:
    for cost in (20.0, 30.0, 40.0, 55.0, 80.0):
        rungs = machine(a_ladder(), ms_per_megapixel=cost, fixed_ms=5.0, seconds=120.0)
        late = rungs[len(rungs) // 2 :]
        changes = sum(a != b for a, b in itertools.pairwise(late))
        assert changes <= 2, f"at {cost} ms per megapixel"


def test_one_hiccup_moves_nothing() -> None:
    ladder = a_ladder()
    for i in range(100):
        ladder.saw(0.5 if i == 50 else 0.026, i / 30.0)
    assert ladder.rung == Rung(eye_px=640, rate_hz=30.0)


def test_when_the_load_goes_it_climbs_back() -> None:
    ladder = a_ladder()
    assert machine(ladder, ms_per_megapixel=70.0, fixed_ms=2.0, seconds=20.0)[-1].eye_px < 640
    assert machine(ladder, ms_per_megapixel=10.0, fixed_ms=2.0, seconds=90.0)[-1].eye_px >= 640


@given(st.lists(st.floats(0.0, 10.0), max_size=300))
def test_the_ladder_never_leaves_its_sizes_and_rates(times: list[float]) -> None:
    ladder = a_ladder()
    for i, took_s in enumerate(times):
        rung = ladder.saw(took_s, i / 30.0)
        assert rung.eye_px in EYE_SIZES_PX
        assert 384 <= rung.eye_px <= 1440
        assert 15.0 <= rung.rate_hz <= 30.0


def test_the_breath_runs_on_between_controls() -> None:
    easer = Easer(NEUTRAL, 100.0)
    assert easer.at(105.0).pacer_phase == pytest.approx(0.5, abs=1e-6)
    assert phase_after(NEUTRAL, 7.5).pacer_phase == pytest.approx(0.75)


def test_the_phase_shown_follows_the_rooms_without_a_jump() -> None:
    easer = Easer(NEUTRAL, 0.0)
    shown = []
    for frame in range(1, 300):
        now_s = frame / 30.0
        if frame % 2 == 0:
            phase = math.fmod(0.05 + now_s / 10.0, 1.0)
            easer.take(dataclasses.replace(NEUTRAL, pacer_phase=phase), now_s)
        shown.append(easer.at(now_s).pacer_phase)
    steps = [math.remainder(b - a, 1.0) for a, b in itertools.pairwise(shown)]
    assert all(0.0 <= s < 0.03 for s in steps)
    assert math.remainder(shown[-1] - (0.05 + 299 / 300.0), 1.0) == pytest.approx(0.0, abs=0.01)


def test_a_step_of_the_controls_is_eased_in_and_arrives() -> None:
    easer = Easer(NEUTRAL, 0.0)
    easer.take(dataclasses.replace(NEUTRAL, light=0.6, time_of_day_h=20.0), 0.0)
    light = [easer.at(i / 60.0).light for i in range(1, 60)]
    assert all(0.0 <= b - a < 0.02 for a, b in itertools.pairwise(light))
    assert light[-1] == pytest.approx(0.6, abs=1e-3)


def test_the_hour_goes_the_short_way_past_midnight() -> None:
    easer = Easer(dataclasses.replace(NEUTRAL, time_of_day_h=23.9), 0.0)
    easer.take(dataclasses.replace(NEUTRAL, time_of_day_h=0.1), 0.0)
    hours = [easer.at(i / 60.0).time_of_day_h for i in range(1, 90)]
    assert all(h > 23.8 or h < 0.2 for h in hours)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1.5, -0.1, "0.5", None])
def test_what_is_not_a_number_in_bounds_is_refused_and_the_aim_stays(bad: float) -> None:
    easer = Easer(NEUTRAL, 0.0)
    with pytest.raises(BadValue, match=r"light must be a number in 0…1"):
        easer.take(dataclasses.replace(NEUTRAL, light=bad), 0.1)
    assert easer.at(1.0).light == NEUTRAL.light
    with pytest.raises(BadValue):
        finite(dataclasses.replace(NEUTRAL, light=bad))


def test_a_time_that_is_not_finite_is_refused() -> None:
    with pytest.raises(BadValue, match="at_s"):
        Easer(NEUTRAL, 0.0).take(NEUTRAL, math.nan)


@given(st.floats(0.0, 10.0), st.floats(0.0, 1.0))
def test_the_veil_closes_within_its_time_from_wherever_it_is(fade_s: float, into_s: float) -> None:
    veil = Veil()
    veil.open(0.0, 3.0)
    veil.close(into_s, min(fade_s, SAFE_WITHIN_S))
    assert veil.at(into_s + SAFE_WITHIN_S) == pytest.approx(1.0)


def test_stop_during_a_slow_close_is_not_slowed_down() -> None:
    veil = Veil()
    veil.open(0.0, 1.0)
    veil.close(5.0, 1.5)
    veil.close(5.1, 0.15)
    assert veil.at(5.26) == pytest.approx(1.0)


def test_a_repeated_word_does_not_put_the_end_off() -> None:
    veil = Veil()
    veil.open(0.0, 1.0)
    for i in range(10):
        veil.close(5.0 + i * 0.05, 0.15)
    assert veil.at(5.2) == pytest.approx(1.0)


def test_words_in_turn_can_not_make_it_flash() -> None:
    veil = Veil()
    veil.open(0.0, 1.0)
    seen = []
    for frame in range(60):
        now_s = 5.0 + frame / 60.0
        if frame % 6 == 0:
            (veil.close if frame % 12 == 0 else veil.open)(now_s, 0.05)
        seen.append(veil.at(now_s))
    rises = sum(b < a - 0.1 for a, b in itertools.pairwise(seen))
    assert rises <= 3, "it opens slowly, so it cannot flash"


def test_the_flight_holds_its_cap_and_an_ack_takes_all_before_it() -> None:
    flight = Flight()
    for i in range(1, CAP + 1):
        assert flight.may_send()
        flight.sent(i, 0.0)
    assert not flight.may_send()
    flight.acked(99, 0.1)
    assert len(flight) == CAP
    flight.acked(2, 0.1)
    assert len(flight) == CAP - 2


def test_silence_for_a_second_gives_the_flight_up_once() -> None:
    flight = Flight()
    for i in range(1, CAP + 1):
        flight.sent(i, 10.0)
    assert not flight.lost(10.0 + SILENT_AFTER_S - 0.01)
    assert flight.lost(10.0 + SILENT_AFTER_S)
    assert flight.may_send()
    assert not flight.lost(10.0 + 2.0 * SILENT_AFTER_S)


def test_the_focus_is_where_the_eyes_look_even_if_the_frustum_is_not_symmetric() -> None:
    tan = widened((0.8, 1.2, 1.0, 1.0), 12.0)
    view = View(tan_left=tan, tan_right=(tan[1], tan[0], tan[2], tan[3]))
    left, right, seen_left, _, whole = regions(view, 12.0, 600, 500)
    ahead_px = 600 * tan[0] / (tan[0] + tan[1])
    assert left.left + left.width / 2 == pytest.approx(ahead_px, abs=1.0)
    assert right.left + right.width / 2 == pytest.approx(1200 - ahead_px, abs=1.0)
    assert left.top + left.height / 2 == pytest.approx(250.0, abs=1.0)
    assert seen_left.left == round((tan[0] - 0.8) * 600 / (tan[0] + tan[1]))
    assert (whole.left, whole.top, whole.width, whole.height) == (0, 0, 1200, 500)
    assert left.coarser < seen_left.coarser == 0.0 < whole.coarser


def test_webxr_turns_into_panda_axes() -> None:
    assert position_to_panda((1.0, 2.0, -3.0)) == (1.0, 3.0, 2.0)
    half = math.sin(math.pi / 4)
    assert orientation_to_panda((0.0, half, 0.0, half)) == pytest.approx((half, 0.0, 0.0, half))


def test_overscan_widens_each_side_by_its_angle_and_ends_at_eighty_degrees() -> None:
    wide = widened((1.0, 0.8, 1.0, 50.0), 12.0)
    assert [math.degrees(math.atan(t)) for t in wide] == pytest.approx([57.0, 50.6598, 57.0, 80.0], abs=1e-3)


@pytest.mark.parametrize(
    "bad",
    [
        {"position": (math.nan, 0.0, 0.0)},
        {"position": (0.0, 1000.0, 0.0)},
        {"orientation": (0.0, 0.0, 0.0, 0.0)},
        {"orientation": (0.0, 0.0, 0.0, math.inf)},
        {"tan_left": (0.0, 1.0, 1.0, 1.0)},
        {"tan_right": (1.0, 1.0, 1.0, 1e9)},
        {"tan_right": (1.0, -1.0, 1.0, 1.0)},
        {"ipd_m": -0.06},
        {"ipd_m": 3.0},
    ],
)
def test_a_view_that_no_head_can_have_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(BadView, match="must be"):
        checked(dataclasses.replace(View(), **bad))


def test_a_quaternion_a_little_off_is_made_one() -> None:
    assert checked(View(orientation=(0.0, 0.0, 0.0, 1.1))).orientation == (0.0, 0.0, 0.0, 1.0)
