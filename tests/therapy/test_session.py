"""The machine never leaves its graph, and STOP wins from every state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from therapy.plan import PLANS, StageKind
from therapy.session import (
    EaseIn,
    EaseOut,
    EnterStage,
    Hold,
    NotNow,
    Phase,
    Resume,
    SafePicture,
    SessionMachine,
)

PLAN = PLANS["first-visit"]
EDGES = {
    Phase.READY: {Phase.RUNNING},
    Phase.RUNNING: {Phase.PAUSED, Phase.RETURNING, Phase.ENDED},
    Phase.PAUSED: {Phase.RUNNING, Phase.RETURNING},
    Phase.RETURNING: {Phase.PAUSED, Phase.ENDED},
    Phase.ENDED: set(),
    Phase.STOPPED: set(),
}
ORDERS = ("begin", "pause", "resume", "return_now")


class AnySession(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.machine = SessionMachine(PLAN)
        self.now_s = 1000.0
        self.stopped = False

    @rule(order=st.sampled_from(ORDERS))
    def order(self, order: str) -> None:
        before = self.machine.phase
        try:
            commands = getattr(self.machine, order)(self.now_s)
        except NotNow as error:
            assert self.machine.phase is before
            assert before.value in str(error)
        else:
            assert commands
            self._followed_an_edge(before)

    @rule(later_s=st.sampled_from([-5.0, 0.0, 0.05, 1.0, 30.0, 200.0, 5000.0]))
    def tick(self, later_s: float) -> None:
        self.now_s += later_s
        before = self.machine.phase
        commands = self.machine.tick(self.now_s)
        self._followed_an_edge(before)
        if before in (Phase.READY, Phase.PAUSED, Phase.ENDED, Phase.STOPPED):
            assert commands == []

    @rule()
    def stop(self) -> None:
        assert self.machine.stop(self.now_s) == [SafePicture()]
        assert self.machine.phase is Phase.STOPPED
        self.stopped = True

    @precondition(lambda self: self.machine.phase is not Phase.READY)
    @rule()
    def moves_to_another_process(self) -> None:
        memory = self.machine.memory()
        self.machine = SessionMachine.restored(PLAN, memory, self.now_s)
        assert self.machine.memory() == memory

    @invariant()
    def a_stop_is_for_good(self) -> None:
        assert not self.stopped or self.machine.phase is Phase.STOPPED

    @invariant()
    def the_stage_is_one_of_the_plan(self) -> None:
        assert self.machine.stage is PLAN.stages[self.machine.stage_index]
        if self.machine.phase is Phase.RETURNING:
            assert self.machine.stage.kind is StageKind.RETURN

    def _followed_an_edge(self, before: Phase) -> None:
        now = self.machine.phase
        assert now is before or now in EDGES[before], f"{before} → {now}"


TestAnySession = AnySession.TestCase


def test_a_whole_session_passes_its_stages_in_order() -> None:
    machine = SessionMachine(PLAN)
    commands = machine.begin(0.0)
    for second in range(1, int(PLAN.duration_s) + 2):
        commands += machine.tick(float(second))
    assert commands[0] == EaseIn()
    assert [c.index for c in commands if isinstance(c, EnterStage)] == [0, 1, 2, 3]
    assert commands[-1] == EaseOut()
    assert machine.phase is Phase.ENDED


def test_a_pause_takes_no_time_from_the_session() -> None:
    machine = SessionMachine(PLAN)
    machine.begin(0.0)
    machine.tick(10.0)
    assert machine.pause(10.0) == [Hold()]
    assert machine.resume(500.0) == [Resume()]
    machine.tick(501.0)
    assert machine.elapsed_s == 11.0


def test_a_return_from_a_pause_goes_on_and_leads_home() -> None:
    machine = SessionMachine(PLAN)
    machine.begin(0.0)
    machine.pause(5.0)
    commands = machine.return_now(6.0)
    assert isinstance(commands[0], Resume)
    assert isinstance(commands[1], EnterStage)
    assert machine.phase is Phase.RETURNING


def test_an_order_at_the_wrong_time_names_what_it_needs() -> None:
    with pytest.raises(NotNow, match="'resume' needs the session to be PAUSED, it is READY"):
        SessionMachine(PLAN).resume(0.0)


@given(st.floats(0.0, 1e6))
def test_one_long_tick_ends_where_many_short_ones_do(later_s: float) -> None:
    machine = SessionMachine(PLAN)
    machine.begin(0.0)
    machine.tick(later_s)
    spent_s = 0.0
    for stage in PLAN.stages:
        if later_s < spent_s + stage.duration_s:
            assert machine.stage is stage
            return
        spent_s += stage.duration_s
    assert machine.phase is Phase.ENDED
