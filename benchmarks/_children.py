"""Child processes of a benchmark: spoken to through a pipe, and gone when the block is left."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, Final

import psutil

from benchmarks._kit import BenchmarkFailed

__all__ = ["ChildProcess", "cpu_s", "leaving_politely", "running"]

_LEAVES_WITHIN_S: Final = 3.0


class ChildProcess:
    """A running child. Make one with `running`."""

    def __init__(self, connection: Connection, process: Any) -> None:
        self.pid: int = process.pid
        self._connection = connection
        self._process = process

    def send(self, message: object) -> None:
        """Send a message; may wait for a child that does not read."""
        self._connection.send(message)

    def receive(self, until_s: float) -> Iterator[tuple[float, Any]]:
        """Yield messages with the monotonic time of their arrival until `until_s`.

        Raises:
            BenchmarkFailed: it ended before that; its own stderr says why.
        """
        while (wait_s := until_s - time.monotonic()) > 0.0:
            if not self._connection.poll(wait_s):
                return
            try:
                message = self._connection.recv()
            except (EOFError, OSError) as error:
                self._process.join(_LEAVES_WITHIN_S)
                code = self._process.exitcode
                raise BenchmarkFailed(
                    f"{self._process.name} must live, ended with exit code {code}"
                ) from error
            yield time.monotonic(), message

    def answer(self, within_s: float) -> Any:
        """Return the next message.

        Raises:
            BenchmarkFailed: none came, or the child ended before one came.
        """
        for _, message in self.receive(time.monotonic() + within_s):
            return message
        raise BenchmarkFailed(f"{self._process.name} must answer within {within_s:g} s, did not")


@contextlib.contextmanager
def running(name: str, main: Callable[[Connection, Any], None], config: object) -> Iterator[ChildProcess]:
    """Run `main(connection, config)` in a spawned process while the block lasts.

    Every child of this project leaves when its pipe ends; one that does not is killed.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=True)
    process = spawn.Process(target=main, args=(theirs, config), name=name, daemon=True)
    with leaving_politely():
        process.start()
        theirs.close()
        try:
            yield ChildProcess(ours, process)
        finally:
            ours.close()
            process.join(_LEAVES_WITHIN_S)
            if process.is_alive():
                process.kill()
                process.join()


@contextlib.contextmanager
def leaving_politely() -> Iterator[None]:
    """Let SIGTERM leave the block as Ctrl-C does: through every `finally`."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used so far, user and system, seconds."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
