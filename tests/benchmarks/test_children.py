from __future__ import annotations

import os
import signal
import time
from multiprocessing.connection import Connection
from typing import Any

import psutil
import pytest

from benchmarks import _children
from benchmarks._children import ChildProcess, cpu_s, leaving_politely, running
from benchmarks._kit import BenchmarkFailed


def echo(conn: Connection, config: Any) -> None:
    conn.send(config)
    conn.recv()


def deaf(conn: Connection, _config: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    conn.send("here")
    time.sleep(60.0)


def short(_conn: Connection, _config: object) -> None:
    raise SystemExit(3)


def gone(child: ChildProcess) -> bool:
    return not psutil.pid_exists(child.pid) or psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE


def test_a_child_gets_its_config_and_leaves_when_its_pipe_ends() -> None:
    with running("echo", echo, {"eye_px": 640}) as child:
        assert child.answer(30.0) == {"eye_px": 640}
        assert cpu_s(child.pid) > 0.0
    assert gone(child)


def test_a_child_that_does_not_leave_is_killed_when_the_benchmark_is_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_children, "_LEAVES_WITHIN_S", 0.2)
    left: list[ChildProcess] = []

    def interrupted() -> None:
        with running("deaf", deaf, None) as child:
            left.append(child)
            assert child.answer(30.0) == "here"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert gone(left[0])


def test_a_child_that_ends_too_early_is_told_with_its_exit_code() -> None:
    with running("short", short, None) as child, pytest.raises(BenchmarkFailed, match=r"short .* code 3"):
        child.answer(30.0)


def test_a_child_that_says_nothing_is_told() -> None:
    with running("echo", echo, None) as child:
        child.answer(30.0)
        with pytest.raises(BenchmarkFailed, match=r"echo must answer within 0\.05 s"):
            child.answer(0.05)


def test_a_polite_kill_leaves_through_the_same_doors() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def killed() -> None:
        with leaving_politely():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5.0)

    with pytest.raises(SystemExit) as left:
        killed()
    assert left.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
