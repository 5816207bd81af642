"""A session lived as a list of calls: from the body to picture and sound, and stop above all."""

import dataclasses
import itertools

import msgspec
import pytest

from therapy.controls import START, TABLE
from therapy.errors import BadValue
from therapy.events import (
    AlarmRaised,
    IsoPathBegun,
    MachineMoved,
    PatientUnwell,
    StageEntered,
    TherapistCommand,
)
from therapy.patient import PatientState
from therapy.personal import Personal
from therapy.plan import PLANS, Condition, personalised
from therapy.session import NotNow, Phase
from therapy.steer import Wishes
from therapy.yoke import Trace
from vr_world.link import Ask, pack, parse_ask
from vr_world.loop import TICK_S, NoSession, World, WorldMemory

PLAN = PLANS["first-visit"]


class StillBody:
    """A body that says what the test set."""

    def __init__(self) -> None:
        self.now = PatientState(at_s=0.0)

    def state(self, now_s: float) -> PatientState:
        return dataclasses.replace(self.now, at_s=now_s)


class Calls:
    """An output that remembers."""

    def __init__(self) -> None:
        self.traces, self.pictures, self.sounds, self.scenes, self.events, self.lines = [], [], [], [], [], []

    def controls(self, controls, at_s) -> None:
        self.traces.append((at_s, controls))

    def picture(self, *, safe, fade_s) -> None:
        self.pictures.append((safe, fade_s))

    def sound(self, gain, fade_s) -> None:
        self.sounds.append((gain, fade_s))

    def scene(self, name) -> None:
        self.scenes.append(name)

    def event(self, event) -> None:
        self.events.append(event)

    def changed(self, changes) -> None:
        self.lines += changes


class Lived:
    """A world with its test body and clock."""

    def __init__(self, plan=PLAN) -> None:
        self.body, self.calls, self.now_s = StillBody(), Calls(), 100.0
        self.world = World(self.body, self.calls)
        self.world.open("s1", plan, "0142", self.now_s)

    def live(self, seconds: float) -> "Lived":
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            self.world.tick(self.now_s)
        return self

    def order(self, name: str) -> "Lived":
        self.world.order(name, self.now_s, by="therapist")
        return self


def test_a_session_runs_from_the_safe_picture_through_its_stages_back_to_it() -> None:
    lived = Lived().order("begin").live(PLAN.duration_s + 1)
    assert lived.calls.pictures == [(True, 0.0), (False, 3.0), (True, 3.0)]
    assert lived.calls.sounds == [(0.0, 0.25), (1.0, 3.0), (0.0, 3.0)]
    stages = [event.kind for event in lived.calls.events if isinstance(event, StageEntered)]
    assert stages == ["ARRIVE", "SETTLE", "DEEPEN", "RETURN"]
    moves = [event.now for event in lived.calls.events if isinstance(event, MachineMoved)]
    assert moves == ["READY", "RUNNING", "RETURNING", "ENDED"]


@pytest.mark.parametrize("before", [(), ("begin",), ("begin", "pause"), ("begin", "return"), ("stop",)])
def test_a_stop_makes_the_safe_picture_at_once_from_anywhere(before: tuple[str, ...]) -> None:
    lived = Lived()
    for name in before:
        lived.order(name).live(1)
    lived.order("stop")
    assert lived.calls.pictures[-1] == (True, 0.25)
    assert lived.calls.sounds[-1] == (0.0, 0.25)
    assert lived.world.phase == "STOPPED"


def test_going_to_another_place_keeps_the_plan_and_tells_why() -> None:
    lived = Lived().order("begin").live(2)
    stage = lived.world.machine.stage
    lived.world.go_to("forest", lived.now_s)
    assert lived.calls.scenes[-1] == "forest"
    assert lived.world.machine.stage == dataclasses.replace(stage, scene="forest")
    assert set(lived.world.memory().scenes) == {"forest"}
    line = lived.world.why[0]
    assert (line.control, line.was, line.now, line.because) == (
        "place",
        stage.scene,
        "forest",
        "the therapist chose it",
    )
    assert [e.detail for e in lived.calls.events if isinstance(e, TherapistCommand)] == ["forest"]
    lived.live(PLAN.duration_s)
    assert set(lived.calls.scenes[2:]) == {"forest"}


def test_a_place_that_is_refused_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lived = Lived().order("begin").live(1)
    plan = lived.world.machine.plan

    def refuse(name: str) -> None:
        raise BadValue("place", "one of ocean", name)

    monkeypatch.setattr(lived.calls, "scene", refuse)
    with pytest.raises(BadValue, match="nowhere"):
        lived.world.go_to("nowhere", lived.now_s)
    assert lived.world.machine.plan == plan
    lived.order("stop")
    with pytest.raises(NoSession):
        lived.world.go_to("forest", lived.now_s)


def test_a_stop_works_without_any_session() -> None:
    calls = Calls()
    World(StillBody(), calls).order("stop", 1.0, by="therapist")
    assert calls.pictures == [(True, 0.25)]


def test_controls_move_within_their_slopes_whatever_the_body_says() -> None:
    lived = Lived().order("begin")
    for arousal in (1.0, -1.0, 1.0, -1.0):
        lived.body.now = PatientState(
            at_s=0.0, arousal=arousal, arousal_confidence=1.0, breath_rate_per_min=30 + 20 * arousal
        )
        lived.live(3)
    trace = [controls for _, controls in lived.calls.traces]
    for before, after in itertools.pairwise(trace):
        for name, limit in TABLE.items():
            assert abs(limit.distance(getattr(before, name), getattr(after, name))) <= (
                limit.slope_per_s * TICK_S * 1.000001 + 1e-9
            ), name


def test_a_pause_holds_everything_but_the_breath() -> None:
    lived = Lived().order("begin").live(5).order("pause")
    held = lived.world.controls
    lived.live(2)
    now = lived.world.controls
    assert dataclasses.replace(now, pacer_phase=0.0) == dataclasses.replace(held, pacer_phase=0.0)
    assert now.pacer_phase != held.pacer_phase
    assert lived.calls.sounds[-1] == (0.4, 2.0)
    lived.order("resume")
    assert lived.calls.sounds[-1] == (1.0, 2.0)


def test_lines_say_why_and_are_kept_newest_first() -> None:
    lived = Lived().order("begin")
    lived.body.now = PatientState(at_s=0.0, arousal=0.9, arousal_confidence=1.0)
    lived.live(20)
    assert lived.calls.lines
    assert all(line.because for line in lived.calls.lines)
    assert lived.world.why[0].at_s >= lived.world.why[-1].at_s


def test_under_off_the_place_does_not_breathe() -> None:
    lived = Lived(dataclasses.replace(PLAN, condition=Condition.OFF)).order("begin").live(20)
    assert lived.world.controls.swell < 0.02


def test_another_process_goes_on_where_this_one_was() -> None:
    lived = Lived().order("begin").live(70)
    lived.world.wish(Wishes(arousal=-0.5), lived.now_s, "{}")
    memory = lived.world.memory()
    assert memory is not None
    calls = Calls()
    other = World(StillBody(), calls)
    other.restore(memory, PLAN, lived.now_s + 9)
    assert other.memory() == memory
    assert other.machine is not None
    assert other.machine.phase is Phase.RUNNING
    other.tick(lived.now_s + 9.05)
    assert other.machine.elapsed_s == pytest.approx(lived.world.machine.elapsed_s + 0.05, abs=1e-6)
    assert calls.pictures == [(False, 1.0)]


def test_a_room_that_is_started_again_waits_for_a_breath_that_was_heard() -> None:
    lived = Lived().order("begin").live(70)
    lived.body.now = PatientState(at_s=0.0, breath_rate_per_min=12.0)
    lived.live(5)
    other = World(StillBody(), Calls())
    other.restore(lived.world.memory(), PLAN, lived.now_s + 2.0)
    pace = other.controls.breath_pace_per_min
    assert pace > 8.0
    for tick in range(round(20.0 / TICK_S)):
        other.tick(lived.now_s + 2.0 + tick * TICK_S)
    assert 0.0 <= pace - other.controls.breath_pace_per_min <= 20.0 / 60.0


def test_orders_at_the_wrong_time_are_refused_and_change_nothing() -> None:
    lived = Lived()
    with pytest.raises(NotNow, match="READY"):
        lived.order("pause")
    with pytest.raises(BadValue, match="order must be one of begin"):
        lived.order("dance")
    with pytest.raises(NoSession, match="'pause' needs a session"):
        World(StillBody(), Calls()).order("pause", 1.0, by="therapist")
    assert lived.world.phase == "READY"
    assert lived.world.controls == START


def test_triggers_hold_from_the_first_tick_and_say_why_once() -> None:
    plan = personalised(PLAN, Personal(triggers=frozenset({"water", "fog"})))
    lived = Lived(plan).order("begin").live(20)
    assert all(controls.ocean == controls.density == 0.0 for _, controls in lived.calls.traces)
    why = [line for line in lived.calls.lines if "list of triggers" in line.because]
    assert sorted(line.control for line in why) == ["density", "ocean"]


def test_an_unwell_patient_gets_a_calmer_place_with_a_why_and_an_alarm() -> None:
    lived = Lived().order("begin")
    lived.body.now = PatientState(at_s=0.0, arousal=0.9, arousal_confidence=1.0)
    lived.live(40)
    stirred = lived.world.controls
    lived.world.unwell(1.0, lived.now_s, source="patient: test")
    lived.live(12)
    assert lived.world.controls.weather < 0.5 * stirred.weather
    assert lived.world.controls.density < 0.5 * stirred.density
    assert [event.level for event in lived.calls.events if isinstance(event, PatientUnwell)] == [1.0]
    assert [event.level for event in lived.calls.events if isinstance(event, AlarmRaised)] == ["watch"]
    assert any(
        line.because == "the patient feels unwell: less motion and detail" for line in lived.calls.lines
    )
    memory = lived.world.memory()
    assert memory is not None
    assert memory.care.amount == 1.0


def test_softening_can_be_switched_off_and_needs_a_session() -> None:
    lived = Lived(personalised(PLAN, Personal(soften=False))).order("begin").live(5)
    lived.world.unwell(1.0, lived.now_s, source="patient: test")
    weather = lived.world.controls.weather
    lived.live(10)
    assert lived.world.controls.weather >= 0.6 * weather
    with pytest.raises(NoSession, match="unwell"):
        World(StillBody(), Calls()).unwell(1.0, 1.0, source="test")


def test_what_was_chosen_crosses_the_link_and_outlives_the_room() -> None:
    personal = Personal(options={"season": "winter"}, triggers=frozenset({"fire", "dark"}), eye_height_m=1.0)
    ask = Ask(id=1, name="open", actor="therapist", plan_id=PLAN.plan_id, personal=personal)
    assert parse_ask(pack(ask)) == ask
    lived = Lived(personalised(PLAN, personal)).order("begin").live(3)
    lived.world.unwell(0.5, lived.now_s, source="patient: test")
    lived.live(3)
    memory = lived.world.memory()
    told = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(memory)))
    assert msgspec.convert(told, WorldMemory) == memory


def test_each_stage_meets_the_patient_and_then_leads_along_its_path() -> None:
    lived = Lived()
    lived.body.now = PatientState(at_s=0.0, arousal=0.6, arousal_confidence=1.0)
    lived.order("begin").live(PLAN.stages[0].duration_s + 2)
    begun = [event for event in lived.calls.events if isinstance(event, IsoPathBegun)]
    assert [(event.met, event.aim) for event in begun] == [(0.6, s.aim.arousal) for s in PLAN.stages[:2]]
    path = lived.world.iso_path
    assert path is not None
    before_s = path.begins_s
    lived.order("pause").live(3).order("resume").live(1)
    assert lived.world.iso_path is not None
    assert lived.world.iso_path.begins_s == pytest.approx(before_s + 3, abs=0.2)  # the path waits as well


def test_a_yoked_session_stays_yoked_and_blind_in_another_process():
    bright = dataclasses.replace(START, light=0.9)
    trace = Trace(times_s=(0.0, 60.0), controls=(bright, bright))
    plan = dataclasses.replace(PLAN, condition=Condition.YOKED, blind=True)
    first = World(StillBody(), Calls())
    first.open("s", plan, "p", 0.0, trace=trace, yoked_to="earlier")
    memory = msgspec.convert(msgspec.to_builtins(first.memory()), WorldMemory)
    assert (memory.yoked_to, memory.blind) == ("earlier", True)
    second = World(StillBody(), Calls())
    second.restore(memory, plan, 1.0, trace=trace)
    assert second.memory() == memory
