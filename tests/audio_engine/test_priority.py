"""What may not wait: the audio process comes before others, and looks for garbage between blocks alone."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from typing import Any

import pytest
from sound_kit import Apart, collections

from audio_engine import priority
from audio_engine.messages import AudioConfig, AudioHeartbeat
from audio_engine.process import main

_ASK = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))"


def may_be_realtime() -> bool:
    """Whether a process like this one may have real-time priority."""
    return subprocess.run([sys.executable, "-c", _ASK], capture_output=True, check=False).returncode == 0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note what is asked of the system, and grant it."""
    calls: list[Any] = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda *args: calls.append(args))
    monkeypatch.setattr(os, "setpriority", lambda *args: calls.append(args))
    return calls


def refuse(*_args: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_real_time_is_asked_for_first(asked: list[Any]) -> None:
    given = priority.prioritise()
    assert given.realtime
    assert given.what == "real-time priority 10"
    assert [(who, how) for who, how, _ in asked] == [(0, os.SCHED_RR)]
    assert asked[0][2].sched_priority == 10


def test_where_it_is_refused_a_better_nice_value_is_asked_for(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    given = priority.prioritise()
    assert not given.realtime
    assert given.what == "nice -11 (real-time: Operation not permitted)"
    assert asked == [(os.PRIO_PROCESS, 0, -11)]
    monkeypatch.setattr(os, "setpriority", refuse)
    assert priority.prioritise().what == "normal priority (real-time: Operation not permitted)"


@pytest.mark.parametrize("wanted", [True, False])
def test_the_audio_process_has_the_priority_that_it_says_it_has(*, wanted: bool) -> None:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=True)
    process = spawn.Process(target=main, args=(theirs, AudioConfig(seed=1, gain=1.0, realtime=wanted)))
    process.start()
    theirs.close()
    try:
        assert process.pid is not None
        beat = None
        while beat is None:
            assert ours.poll(60.0)
            heard = ours.recv()
            beat = heard if isinstance(heard, AudioHeartbeat) else None
        assert beat.realtime == (wanted and may_be_realtime())
        assert (os.sched_getscheduler(process.pid) == os.SCHED_RR) == beat.realtime
    finally:
        ours.close()
        process.join(10.0)
    assert process.exitcode == 0


def test_no_block_is_interrupted_to_look_for_garbage(apart: Apart) -> None:
    seen = apart(collections, enabled=False)
    assert seen.blocks >= 250
    assert seen.inside_blocks == 0
    assert apart(collections, enabled=True).inside_blocks > 50, "it would be, had it not been turned off"
