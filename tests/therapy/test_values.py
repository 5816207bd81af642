"""Plans, controls, events and plug-ins refuse what they cannot hold, and say what, limit and value."""

import dataclasses
import math
import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy import events
from therapy.breath import breath_level
from therapy.controls import MODES, NEUTRAL, TABLE, Controls, parse_settings
from therapy.discover import declared
from therapy.errors import BadPlan, BadPlugin, BadValue
from therapy.plan import PLANS, Aim, Limits, Range, SessionPlan, Stage, StageKind, in_place
from therapy.specs import DeviceSpec
from therapy.steer import Reason
from therapy.why import ChangeLog


def stage(**changes: object) -> Stage:
    base = PLANS["first-visit"].stages[0]
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


LAST = PLANS["first-visit"].stages[-1]


def test_the_table_holds_every_numeric_control_and_its_neutral_value() -> None:
    names = [f.name for f in dataclasses.fields(Controls) if f.name != "mode"]
    assert list(TABLE) == names
    for name, limit in TABLE.items():
        assert limit.low <= getattr(NEUTRAL, name) <= limit.high
        assert limit.slope_per_s > 0
    assert NEUTRAL.mode in MODES


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({"lihgt": "0.4"}, "control must be one of mode, light"),
        ({"light": "bright"}, "light must be a number in 0…1 1, got 'bright'"),
        ({"light": "nan"}, "light must be in 0…1 1, got 'nan'"),
        ({"tempo_bpm": "400"}, "tempo_bpm must be in 40…96 bpm, got '400'"),
        ({"mode": "locrian"}, "mode must be one of ionian"),
    ],
)
def test_settings_that_make_no_sense_are_refused(pairs: dict[str, str], message: str) -> None:
    with pytest.raises(BadValue, match=message):
        parse_settings(pairs)


def test_settings_are_set() -> None:
    assert parse_settings({"light": "0.4", "mode": "lydian"}) == dataclasses.replace(
        NEUTRAL, light=0.4, mode="lydian"
    )


@pytest.mark.parametrize(
    ("stages", "limits", "message"),
    [
        ((), Limits(), "at least one stage"),
        ((stage(),), Limits(), "end in its only RETURN"),
        ((LAST, stage(), LAST), Limits(), "end in its only RETURN"),
        ((stage(duration_s=0.0), LAST), Limits(), "longer than 0 s, lasts 0.0"),
        ((stage(duration_s=math.nan), LAST), Limits(), "longer than 0 s, lasts nan"),
        ((stage(duration_s=1e5), LAST), Limits(), "at most 1800 s"),
        (
            (stage(aim=Aim(arousal=-2, breath_pace_per_min=None, strength=0)), LAST),
            Limits(),
            "arousal in −1…1",
        ),
        ((stage(aim=Aim(arousal=0, breath_pace_per_min=2.0, strength=0)), LAST), Limits(), "4…15 breaths"),
        (
            (stage(aim=Aim(arousal=0, breath_pace_per_min=None, strength=7)), LAST),
            Limits(),
            "strength in 0…1",
        ),
        ((LAST,), Limits(ranges={"loudness": Range(low=0, high=1)}), "name a numeric control"),
        ((LAST,), Limits(ranges={"light": Range(low=0.5, high=1.5)}), "lie in 0…1"),
        ((LAST,), Limits(ranges={"time_of_day_h": Range(low=1, high=2)}), "cyclic"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(
    stages: tuple[Stage, ...], limits: Limits, message: str
) -> None:
    with pytest.raises(BadPlan, match=message):
        SessionPlan(plan_id="x", title="x", stages=stages, limits=limits)


def test_a_plan_can_be_lived_in_another_place() -> None:
    plan = PLANS["first-visit"]
    assert {stage.scene for stage in in_place(plan, "forest").stages} == {"forest"}
    assert in_place(plan, "") is plan


def test_shipped_plans_end_in_return() -> None:
    assert all(plan.stages[-1].kind is StageKind.RETURN for plan in PLANS.values())


@given(st.floats(0, 1), st.floats(TABLE["inhale_fraction"].low, TABLE["inhale_fraction"].high))
def test_a_breath_is_a_smooth_rise_and_fall(phase: float, inhale: float) -> None:
    assert 0.0 <= breath_level(phase, inhale) <= 1.0
    assert breath_level(inhale, inhale) == pytest.approx(1.0)
    assert breath_level(0.0, inhale) == pytest.approx(breath_level(1.0, inhale), abs=1e-12)
    assert abs(breath_level(phase + 1e-4, inhale) - breath_level(phase, inhale)) < 1e-3


ANY_EVENT = st.one_of(
    st.builds(
        events.Beat,
        at_s=st.floats(0, 1e6),
        stream=st.text(max_size=9),
        interval_s=st.one_of(st.none(), st.floats(0.2, 3)),
        quality=st.floats(0, 1),
        artefact=st.sampled_from(["", "missed"]),
    ),
    st.builds(events.BadInput, at_s=st.floats(0, 1e6), source=st.text(max_size=9), what=st.text(max_size=60)),
    st.builds(
        events.MachineMoved,
        at_s=st.floats(0, 1e6),
        was=st.just("READY"),
        now=st.just("RUNNING"),
        cause=st.text(),
    ),
)


@given(ANY_EVENT)
def test_a_journal_line_gives_its_event_back(event: events.Event) -> None:
    line = events.to_line(event)
    assert "\n" not in line
    assert events.from_line(line) == event


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", '{"v":2,"type":"Beat","at_s":1,"data":{}}', '{"v":1,"type":"Nope"}']
)
def test_a_line_that_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(BadValue, match="journal line"):
        events.from_line(line)


def test_the_change_log_speaks_when_a_control_has_moved_noticeably() -> None:
    log = ChangeLog(NEUTRAL)
    why = [Reason(control="tempo_bpm", was=60, target=50, because="arousal above the aim", confidence=0.7)]
    assert log.update(1.0, dataclasses.replace(NEUTRAL, tempo_bpm=59.0), why) == []
    [line] = log.update(2.0, dataclasses.replace(NEUTRAL, tempo_bpm=57.0), why)
    assert (line.control, line.was, line.now, line.because) == (
        "tempo_bpm",
        60.0,
        57.0,
        "arousal above the aim",
    )
    [mode] = log.update(3.0, dataclasses.replace(NEUTRAL, tempo_bpm=57.0, mode="lydian"), [])
    assert (mode.control, mode.was, mode.now) == ("mode", "dorian", "lydian")


@pytest.fixture
def plug_ins(tmp_path, monkeypatch):
    def make(**modules: str) -> str:
        home = tmp_path / "plugins_under_test"
        home.mkdir()
        (home / "__init__.py").write_text("")
        head = "from therapy.specs import DeviceSpec\n"
        for name, body in modules.items():
            (home / f"{name}.py").write_text(head + body)
        monkeypatch.syspath_prepend(tmp_path)
        return home.name

    yield make
    for name in [n for n in sys.modules if n.startswith("plugins_under_test")]:
        del sys.modules[name]


ONE = "DEVICE = DeviceSpec(name='one', title='', help='', available=lambda: '')"


def test_plug_ins_are_found_by_name(plug_ins) -> None:
    package = plug_ins(a=ONE, _helper="X = 1")
    found = declared(package, "DEVICE", DeviceSpec)
    assert list(found) == ["one"]
    assert isinstance(sys.modules[package], types.ModuleType)


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"a": ONE, "b": ONE}, "declared by both"),
        ({"a": "X = 1"}, "must declare DEVICE"),
        ({"a": "DEVICE = 3"}, "must be a DeviceSpec, is int"),
        ({}, "at least one module"),
    ],
)
def test_a_missing_or_double_plug_in_raises(plug_ins, modules: dict[str, str], message: str) -> None:
    with pytest.raises(BadPlugin, match=message):
        declared(plug_ins(**modules), "DEVICE", DeviceSpec)
