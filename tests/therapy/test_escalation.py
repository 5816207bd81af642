import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.escalation import (
    AGAIN_S,
    ON_CALL_S,
    RETRY_S,
    SECOND_S,
    WATCH_AGAIN_S,
    BlockModel,
    Call,
    Case,
    Escalation,
    MakeSafe,
    PanelAlarm,
    PanelNotice,
    SpeakLine,
    StopSession,
)
from therapy.talk import NO_RISK, Risk, RiskLevel


def urgent(kind="self_harm", **more):
    return Risk(level=RiskLevel.URGENT, kind=kind, evidence=("why",), **more)


def watch(kind="panic", **more):
    return Risk(level=RiskLevel.WATCH, kind=kind, evidence=("why",), **more)


def test_an_urgent_hit_does_everything_at_once_and_the_block_comes_first() -> None:
    assert Escalation().hit(urgent(), 10.0) == [
        BlockModel(blocked=True),
        PanelAlarm(kind="self_harm", evidence=("why",)),
        SpeakLine(kind="self_harm", which="urgent"),
        MakeSafe(),
    ]


def test_a_watch_tells_the_panel_and_nothing_else_and_not_too_often() -> None:
    machine = Escalation()
    assert machine.hit(watch(), 0.0) == [PanelNotice(kind="panic", evidence=("why",))]
    assert machine.hit(watch(), WATCH_AGAIN_S - 1.0) == []
    assert len(machine.hit(watch(), WATCH_AGAIN_S)) == 1
    assert not machine.model_blocked
    assert machine.hit(NO_RISK, 200.0) == []


def test_nobody_answers_so_the_next_channel_is_called_on_time_and_again() -> None:
    machine = Escalation()
    machine.hit(urgent(), 100.0)
    assert machine.due_s == 100.0 + SECOND_S
    assert machine.tick(100.0 + SECOND_S - 0.01) == []
    assert machine.tick(100.0 + SECOND_S) == [Call(channel="second", kind="self_harm", after_s=SECOND_S)]
    assert machine.tick(100.0 + ON_CALL_S - 0.01) == []
    assert machine.tick(100.0 + ON_CALL_S) == [Call(channel="on-call", kind="self_harm", after_s=ON_CALL_S)]
    assert len(machine.tick(100.0 + 2.0 * ON_CALL_S)) == 1


def test_repeated_hits_neither_restart_clocks_nor_flood() -> None:
    machine = Escalation()
    machine.hit(urgent(), 0.0)
    said = [machine.hit(urgent(), at) for at in (1.0, 5.0, AGAIN_S, AGAIN_S + 1.0)]
    assert said == [[], [], [SpeakLine(kind="self_harm", which="again")], []]
    assert machine.due_s == SECOND_S
    assert machine.case is not None
    assert machine.case.hits == 5


def test_an_acknowledgement_stops_the_clocks_but_only_a_release_frees_the_model() -> None:
    machine = Escalation()
    machine.hit(urgent(), 0.0)
    machine.acknowledge("", 1.0)
    assert machine.due_s == SECOND_S
    machine.acknowledge("therapist", 2.0)
    assert machine.tick(1000.0) == []
    assert machine.model_blocked
    assert machine.release("", 1001.0) == []
    assert machine.release("therapist", 1002.0) == [BlockModel(blocked=False)]
    assert not machine.model_blocked
    assert machine.hit(urgent(), 1003.0)[0] == BlockModel(blocked=True)


def test_another_kind_gets_its_own_words_and_calls_anew_whom_the_first_had_calmed() -> None:
    machine = Escalation()
    machine.hit(urgent(), 0.0)
    assert SpeakLine(kind="medical", which="urgent") in machine.hit(urgent("medical"), 3.0)
    assert machine.due_s == SECOND_S
    machine.acknowledge("therapist", 4.0)
    machine.hit(urgent("abuse"), 50.0)
    assert machine.tick(50.0 + SECOND_S) == [Call(channel="second", kind="abuse", after_s=SECOND_S)]


def test_a_channel_that_fails_brings_the_next_one_at_once_and_the_last_one_again_soon() -> None:
    machine = Escalation()
    machine.hit(urgent(), 0.0)
    machine.tick(SECOND_S)
    assert [call.channel for call in machine.call_failed("second", SECOND_S + 1.0)] == ["on-call"]
    assert machine.call_failed("on-call", SECOND_S + 2.0) == []
    assert [call.channel for call in machine.tick(SECOND_S + 2.0 + RETRY_S)] == ["on-call"]
    machine.acknowledge("therapist", 60.0)
    assert machine.call_failed("on-call", 61.0) == []


def test_a_spoken_stop_stops_once_whatever_else_was_said() -> None:
    machine = Escalation()
    assert machine.hit(watch("stop", stop=True), 0.0)[0] == StopSession()
    assert StopSession() not in machine.hit(watch("stop", stop=True), 0.5)
    machine.resumed(10.0)
    assert machine.hit(urgent("medical", stop=True), 11.0)[:2] == [StopSession(), BlockModel(blocked=True)]


def test_a_room_that_starts_again_goes_on_with_the_case() -> None:
    machine = Escalation()
    machine.hit(urgent(), 0.0)
    again = Escalation(Case(**dataclasses.asdict(machine.case)))
    assert again.model_blocked
    assert [call.channel for call in again.tick(200.0)] == ["second", "on-call"]


ORDERS = {
    "urgent": lambda machine, now_s: machine.hit(urgent(), now_s),
    "medical": lambda machine, now_s: machine.hit(urgent("medical"), now_s),
    "watch": lambda machine, now_s: machine.hit(watch(), now_s),
    "stop": lambda machine, now_s: machine.hit(watch("stop", stop=True), now_s),
    "tick": lambda machine, now_s: machine.tick(now_s),
    "acknowledge": lambda machine, now_s: machine.acknowledge("somebody", now_s),
    "release": lambda machine, now_s: machine.release("somebody", now_s),
    "failed": lambda machine, now_s: machine.call_failed("second", now_s),
}
STEPS = st.lists(st.tuples(st.sampled_from(sorted(ORDERS)), st.floats(min_value=0.0, max_value=90.0)))


@given(STEPS)
def test_in_an_open_case_no_model_speaks_and_somebody_attends_or_is_called(steps) -> None:
    machine, now_s, blocked, last_s = Escalation(), 0.0, False, -math.inf
    for order, later_s in steps:
        now_s += later_s
        for command in ORDERS[order](machine, now_s):
            match command:
                case BlockModel():
                    blocked = command.blocked
                case SpeakLine():
                    assert command.which == "urgent" or now_s - last_s >= AGAIN_S
                    last_s = now_s
        assert blocked == machine.model_blocked == (machine.case is not None)
        if machine.case is not None and not machine.case.acknowledged_by:
            assert machine.due_s is not None
            assert machine.due_s <= now_s + ON_CALL_S


@pytest.mark.parametrize("time_s", [math.nan, math.inf, -math.inf, -5.0])
def test_a_broken_clock_still_calls(time_s) -> None:
    machine = Escalation()
    assert len(machine.hit(urgent(), time_s)) == 4
    assert machine.tick(time_s) == []
    assert [call.channel for call in machine.tick(1000.0)] == ["second", "on-call"]
