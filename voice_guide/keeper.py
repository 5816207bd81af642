"""`Keeper`: one worker process of the voice service, started again when it ends or falls silent."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final

from voice_guide.errors import NoVoiceStack
from voice_guide.workers._post import Beat, Ready, WorkerConfig

__all__ = ["Keeper"]

#: Loading weights takes this long at most, on a slow disk.
START_S: Final = 120.0
#: A living worker beats twice a second, a mind between tokens.
SILENCE_S: Final = 12.0
#: Pauses before the first, second … next start; a worker that lived this long begins the row anew.
_PAUSES_S: Final = (0.1, 0.5, 2.0, 10.0, 30.0)
_LIVED_S: Final = 60.0
_WAITING: Final = 2000
_BEAT_S: Final = 1.0


class Keeper:
    """Keeps a worker alive. All methods belong to the event loop's thread.

    Args:
        name: for people.
        main: `module:function` that the process runs.
        config: what it is given.
        on_message: told the room and each message.
        on_state: told what is missing, also that it has just died; "" when well.
    """

    def __init__(
        self,
        name: str,
        main: str,
        config: WorkerConfig,
        *,
        on_message: Callable[[str, object], None],
        on_state: Callable[[str], None],
    ) -> None:
        self.name = name
        self.starts = 0
        self._main, self._config = main, config
        self._on_message, self._on_state = on_message, on_state
        self._loop = asyncio.get_running_loop()
        self._spawn = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._outbox: queue.Queue[tuple[str, object] | None] = queue.Queue(_WAITING)
        self._began_s = self._heard_s = 0.0
        self._ready = False
        self._fails = 0
        self._leaving = False

    def start(self) -> None:
        """Start it, or the next one."""
        if self._leaving:
            return
        self.starts += 1
        ours, theirs = self._spawn.Pipe(duplex=True)
        self._outbox = queue.Queue(_WAITING)
        self._process = self._spawn.Process(
            target=_run, args=(self._main, theirs, self._config), name=f"stillwater-{self.name}", daemon=True
        )
        self._process.start()
        theirs.close()
        self._began_s = self._heard_s = self._loop.time()
        self._ready = False
        for work in (self._read, self._write):
            threading.Thread(target=work, args=(ours, self._process, self._outbox), daemon=True).start()

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return None if self._process is None else self._process.pid

    def send(self, room: str, message: object) -> bool:
        """Give it something of `room` without waiting; False when it is too far behind."""
        try:
            self._outbox.put_nowait((room, message))
        except queue.Full:
            return False
        return True

    def check(self) -> None:
        """End it when it has been silent for too long. Call once a second."""
        limit_s = SILENCE_S if self._ready else START_S
        if self._process is not None and self._loop.time() - self._heard_s > limit_s:
            self._process.kill()

    def stop(self) -> None:
        """Let it go for good."""
        self._leaving = True
        with contextlib.suppress(queue.Full):
            self._outbox.put_nowait(None)
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def _read(self, connection: Connection, process: Any, outbox: queue.Queue[Any]) -> None:
        with contextlib.suppress(EOFError, OSError, RuntimeError):  # RuntimeError: our loop has closed
            while True:
                room, message = connection.recv()
                self._loop.call_soon_threadsafe(self._heard, process, room, message)
        with contextlib.suppress(queue.Full):  # then the writer is not waiting for it: the pipe ends it
            outbox.put_nowait(None)
        process.join()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._died, process)

    def _write(self, connection: Connection, _process: Any, outbox: queue.Queue[Any]) -> None:
        with contextlib.suppress(OSError):
            while (found := outbox.get()) is not None:
                connection.send(found)

    def _heard(self, process: Any, room: str, message: object) -> None:
        if process is not self._process:
            return
        self._heard_s = self._loop.time()
        match message:
            case Ready(missing=missing):
                self._ready = True
                self._on_state(missing)
            case Beat():
                pass
            case _:
                self._on_message(room, message)

    def _died(self, process: Any) -> None:
        if process is not self._process or self._leaving:
            return
        if self._loop.time() - self._began_s > _LIVED_S:
            self._fails = 0
        pause_s = _PAUSES_S[min(self._fails, len(_PAUSES_S) - 1)]
        self._fails += 1
        self._on_state(f"{self.name} stopped (exit code {process.exitcode}) and is being started again")
        self._loop.call_later(pause_s, self.start)


def _run(place: str, connection: Connection, config: WorkerConfig) -> None:
    module, _, function = place.partition(":")
    try:
        main = getattr(importlib.import_module(module), function)
    except ImportError as error:
        _do_without(connection, str(NoVoiceStack(error.name or module)))
    else:
        main(connection, config)


def _do_without(connection: Connection, missing: str) -> None:
    """Say what is missing, and stay: to be started again would not help."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection.send(("", Ready(missing)))
    with contextlib.suppress(EOFError, OSError):
        while True:
            if connection.poll(_BEAT_S):
                connection.recv()
            connection.send(("", Beat()))
