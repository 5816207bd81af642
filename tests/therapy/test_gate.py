"""No action that the gate lets through is outside of table, plan, triggers or step, whatever came in."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.actions import (
    Advance,
    AskRating,
    CallTherapist,
    Dim,
    GuideAction,
    Hold,
    PaceBreath,
    Say,
    ShiftMusic,
    ShiftScene,
)
from therapy.bounds import allowed_range
from therapy.controls import MODES, NEUTRAL, TABLE, Controls
from therapy.gate import (
    DARKEST,
    LONGEST_HOLD_S,
    MUSIC_CONTROLS,
    SCENE_CONTROLS,
    Admitted,
    Clamped,
    Refused,
    Verdict,
    guide_controls,
    largest_step,
    open_places,
)
from therapy.may_say import MaySay, fills
from therapy.personal import TRIGGERS, Personal
from therapy.plan import Limits, Range, StageKind
from therapy.safety import admit
from therapy.specs import SceneSpec
from therapy.talk import GuideMode

PLACES = frozenset({"ocean", "forest"})
LINES = {"settle.swell": "You can let the waves carry the breath.", "go.place": "We could go to the {place}."}
RISK = {"risk.stay": "Your therapist is coming now."}
MAY_SAY = MaySay(
    lines={**LINES, **RISK},
    slots={"place": frozenset({"sea", "forest"})},
    risk_lines=frozenset(RISK),
    screen=lambda text: "" if text == "Take your time." else "not of this test",
)

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([10**400, -(10**400), 0, True])
ANY_NAME = st.sampled_from([*TABLE, "", "mode", "volume"]) | st.text(max_size=8)
ANY_ACTION = st.one_of(
    st.builds(Say, text=st.sampled_from([*LINES.values(), "Take your time."]) | st.text(max_size=20)),
    st.builds(
        Say, text=st.sampled_from([*LINES.values(), *RISK.values()]), line_id=st.sampled_from([*LINES, "x"])
    ),
    st.builds(PaceBreath, breath_pace_per_min=ANY_FLOAT),
    st.builds(Dim, light=ANY_FLOAT),
    st.builds(
        ShiftScene, control=ANY_NAME, value=ANY_FLOAT, place=st.sampled_from(["", "", "ocean", "cliff"])
    ),
    st.builds(ShiftMusic, control=ANY_NAME, value=ANY_FLOAT),
    st.builds(Hold, for_s=ANY_FLOAT),
    st.builds(Advance),
    st.builds(AskRating, scale=st.sampled_from(["suds", "mood", "pain"])),
    st.builds(CallTherapist, level=st.sampled_from(["watch", "urgent", "no"]), reason=st.text(max_size=300)),
)


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
    for name in draw(st.sets(st.sampled_from(sorted(TABLE)))):
        limit = TABLE[name]
        if not limit.cyclic:
            ends = [draw(st.floats(limit.low, limit.high)), draw(st.floats(limit.low, limit.high))]
            ranges[name] = Range(low=min(ends), high=max(ends))
    return Limits(
        ranges=ranges, triggers=frozenset(draw(st.sets(st.sampled_from(sorted(TRIGGERS)), max_size=3)))
    )


def decide(action: GuideAction, **changes) -> Verdict:
    usual = {
        "mode": GuideMode.FREE,
        "limits": Limits(),
        "controls": NEUTRAL,
        "places": PLACES,
        "may_say": MAY_SAY,
        "fastest_breath_per_min": 9.0,
        "stage": StageKind.SETTLE,
    }
    return admit(action, **{**usual, **changes})


def passed(verdict: Verdict) -> GuideAction | None:
    return None if isinstance(verdict, Refused) else verdict.action


def moved(action: GuideAction) -> tuple[str, float] | None:
    """Return what control an action moves and whereto."""
    match action:
        case PaceBreath():
            return "breath_pace_per_min", action.breath_pace_per_min
        case Dim():
            return "light", action.light
        case ShiftScene(control=control) if control:
            return control, action.value
        case ShiftMusic():
            return action.control, action.value
    return None


@given(
    ANY_ACTION,
    possible_controls(),
    any_limits(),
    st.sampled_from(GuideMode),
    st.booleans(),
    st.none() | st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(StageKind),
)
def test_nothing_that_passes_is_outside_of_a_limit(action, controls, limits, mode, risk, baseline, stage):
    verdict = decide(
        action,
        mode=mode,
        limits=limits,
        controls=controls,
        risk_held=risk,
        fastest_breath_per_min=baseline,
        stage=stage,
    )
    got = passed(verdict)
    if isinstance(action, CallTherapist):
        assert got is not None
        assert got.level in ("watch", "urgent")
        return
    if got is None:
        assert isinstance(verdict, Refused)
        assert verdict.reason
        return
    assert mode is not GuideMode.OFF
    assert not risk or isinstance(got, Say | Hold)
    assert type(got) is type(action)
    check_movement(got, controls, limits, baseline)
    check_rest(got, mode, stage, risk=risk)


def check_movement(got: GuideAction, controls: Controls, limits: Limits, baseline: float | None) -> None:
    move = moved(got)
    if move is None:
        return
    control, value = move
    allowed = allowed_range(control, limits)
    now = getattr(controls, control)
    assert control in (*SCENE_CONTROLS, *MUSIC_CONTROLS, "breath_pace_per_min")
    assert math.isfinite(value)
    assert allowed.low <= value <= allowed.high
    inside = allowed.low <= now <= allowed.high
    if control == "light":
        assert value >= min(DARKEST, allowed.high)
        inside = inside and now >= DARKEST
    if control == "breath_pace_per_min":
        known = baseline is not None and math.isfinite(baseline)
        ceiling = TABLE[control].clamp(baseline) if known else now
        assert value <= ceiling
        inside = inside and now <= ceiling
    if inside:
        assert abs(TABLE[control].distance(now, value)) <= largest_step(control) * (1 + 1e-9)


def check_rest(got: GuideAction, mode: GuideMode, stage: StageKind, *, risk: bool) -> None:
    match got:
        case ShiftScene(place=place) if place:
            assert place in PLACES
            assert stage is not StageKind.RETURN
        case Hold():
            assert 0.0 < got.for_s <= LONGEST_HOLD_S
        case Advance():
            assert stage is not StageKind.RETURN
        case Say(line_id=""):
            assert got.text == "Take your time."
            assert mode is GuideMode.FREE
        case Say():
            assert fills(got.text, MAY_SAY.lines[got.line_id], MAY_SAY.slots)
            assert not risk or got.line_id in MAY_SAY.risk_lines


@given(possible_controls(), any_limits())
def test_what_is_told_to_a_model_is_what_the_gate_lets_through(controls: Controls, limits: Limits) -> None:
    for control, low, high in guide_controls(limits, controls, 9.0):
        allowed = allowed_range(control, limits)
        assert allowed.low <= low < high <= allowed.high, control


def test_less_than_wanted_is_said_with_its_reason() -> None:
    verdict = decide(ShiftMusic(control="music_lufs", value=-10.0))
    assert isinstance(verdict, Refused), "no plan says how loud: not above the usual"
    plan = Limits(ranges={"music_lufs": Range(low=-40.0, high=-23.0)})
    verdict = decide(ShiftMusic(control="music_lufs", value=-10.0), limits=plan)
    assert verdict == Clamped(
        action=ShiftMusic(control="music_lufs", value=-23.0),
        reason="music_lufs must be in -40…-23 LUFS, was to be -10.0",
    )
    verdict = decide(ShiftScene(control="weather", value=1.0))
    assert verdict == Clamped(
        action=ShiftScene(control="weather", value=0.55),
        reason="weather moves by at most 0.25 1 at once, was to be 1.0",
    )


def test_what_lies_within_passes_as_it_is() -> None:
    for action in (
        ShiftScene(control="weather", value=0.2),
        ShiftScene(place="forest"),
        PaceBreath(breath_pace_per_min=5.5),
        Dim(light=0.4),
        Hold(for_s=60.0),
        Advance(),
        AskRating(scale="suds"),
        Say(text=LINES["settle.swell"], line_id="settle.swell"),
        Say(text="We could go to the forest.", line_id="go.place"),
        Say(text="Take your time."),
    ):
        assert decide(action) == Admitted(action=action)


def test_the_light_never_goes_out_and_a_trigger_outranks_it() -> None:
    dusk = dataclasses.replace(NEUTRAL, light=0.2)
    assert passed(decide(Dim(light=0.0), controls=dusk)) == Dim(light=DARKEST)
    verdict = decide(Dim(light=0.0), limits=Limits(triggers=frozenset({"dark"})))
    assert isinstance(verdict, Refused)
    assert "dark" in verdict.reason


def test_a_breath_is_never_led_faster_than_the_patients_own() -> None:
    assert passed(decide(PaceBreath(breath_pace_per_min=14.0), fastest_breath_per_min=7.0)) == PaceBreath(
        breath_pace_per_min=7.0
    )
    assert isinstance(decide(PaceBreath(breath_pace_per_min=14.0), fastest_breath_per_min=None), Refused)
    slow_patient = Limits(ranges={"breath_pace_per_min": Range(low=6.0, high=10.0)})
    assert isinstance(
        decide(PaceBreath(breath_pace_per_min=6.0), limits=slow_patient, fastest_breath_per_min=5.0), Refused
    )


@pytest.mark.parametrize(
    "text",
    [
        "Take your time",  # not the words that the screen passes
        "",
        "   ",
        "x" * 301,
        "Take your\ntime.",
        "Take \u202eyour time.",
        "See www.example.org.",
        "Take 20 mg of it.",
        "Take \uff12\uff10 mg of it.",
        "Call 030 1234567.",
        "<b>Take your time.</b>",
    ],
)
def test_words_of_a_model_that_must_not_be_said(text: str) -> None:
    assert isinstance(decide(Say(text=text)), Refused)
    lenient = dataclasses.replace(MAY_SAY, screen=lambda _: "")
    assert (text == "Take your time") is isinstance(decide(Say(text=text), may_say=lenient), Admitted)


@pytest.mark.parametrize("mode", [GuideMode.APPROVED, GuideMode.SCRIPTED])
def test_only_approved_lines_are_said_outside_of_free(mode: GuideMode) -> None:
    assert isinstance(decide(Say(text="Take your time."), mode=mode), Refused)
    assert isinstance(decide(Say(text=LINES["settle.swell"]), mode=mode), Refused)
    assert isinstance(decide(Say(text="Something else.", line_id="settle.swell"), mode=mode), Refused)
    assert isinstance(decide(Say(text="We could go to the cliff.", line_id="go.place"), mode=mode), Refused)
    assert isinstance(decide(Say(text=LINES["settle.swell"], line_id="settle.swell"), mode=mode), Admitted)


def test_without_a_screen_a_model_says_nothing() -> None:
    assert isinstance(decide(Say(text="Take your time."), may_say=MaySay()), Refused)


def test_while_a_risk_is_held_only_its_lines_pass() -> None:
    risk_line = Say(text=RISK["risk.stay"], line_id="risk.stay")
    assert decide(risk_line, risk_held=True) == Admitted(action=risk_line)
    for action in (
        Say(text="Take your time."),
        Say(text=LINES["settle.swell"], line_id="settle.swell"),
        Dim(light=0.45),
        ShiftScene(place="forest"),
        Advance(),
        AskRating(scale="suds"),
    ):
        assert isinstance(decide(action, risk_held=True), Refused)
    assert isinstance(decide(Hold(for_s=30.0), risk_held=True), Admitted)


def test_a_call_passes_whatever_else_is_wrong() -> None:
    call = CallTherapist(level="urgent", reason="asked for a person")
    assert decide(call, mode=GuideMode.OFF, risk_held=True) == Admitted(action=call)
    verdict = decide(CallTherapist(level="later", reason="a\x00b" * 200))  # type: ignore[arg-type]
    assert isinstance(verdict, Clamped)
    assert verdict.action.level == "urgent"
    assert verdict.action.reason.isprintable()
    assert len(verdict.action.reason) == 200


def test_on_the_way_out_there_is_neither_a_new_place_nor_another_way_out() -> None:
    assert isinstance(decide(Advance(), stage=StageKind.RETURN), Refused)
    assert isinstance(decide(ShiftScene(place="forest"), stage=StageKind.RETURN), Refused)


def test_a_place_and_a_control_are_not_moved_by_one_action() -> None:
    assert isinstance(decide(ShiftScene(control="weather", value=0.2, place="forest")), Refused)
    assert isinstance(decide(ShiftScene()), Refused)


@pytest.mark.parametrize(
    "control", ["pacer_phase", "inhale_fraction", "arc", "binaural", "mode", "volume", ""]
)
def test_what_is_not_the_guides_is_not_moved(control: str) -> None:
    assert isinstance(decide(ShiftMusic(control=control, value=0.5)), Refused)
    assert isinstance(decide(ShiftScene(control=control, value=0.5)), Refused)


def test_places_that_hold_a_trigger_are_not_open() -> None:
    def place(name: str, contains: frozenset[str]) -> SceneSpec:
        return SceneSpec(name=name, title=name, description="", build=lambda _: None, contains=contains)

    scenes = {"ocean": place("ocean", frozenset({"water"})), "forest": place("forest", frozenset())}
    assert open_places(scenes, Personal(triggers=frozenset({"water"}))) == {"forest"}
    assert open_places(scenes, Personal()) == {"ocean", "forest"}


def test_a_slot_is_filled_from_its_closed_set_alone() -> None:
    slots = {"place": frozenset({"sea", "se"})}
    assert fills("to the sea.", "to the {place}.", slots)
    assert not fills("to the seas.", "to the {place}.", slots)
    assert not fills("to the {place}.", "to the {place}.", slots)
    assert not fills("to the sea.", "to the {place}.", {})
    assert not fills("to the xsea.", "to the .{place}.", slots)
