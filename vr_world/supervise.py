"""Child processes that are kept alive: started, spoken to without waiting, watched, and started again.

A child is a function `main(connection, config)` in a process of its own (`multiprocessing`, spawn), named by
its place, so that the parent need not import what only the child uses. It sends
something at least every `silence_s`; an exit or a silence is a death, told as `ChildDied`; the next child
gets a fresh configuration and what `on_start` sends it, and its first message is told as `ChildReturned`.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import importlib
import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final

from therapy.events import ChildDied, ChildReturned, Event

__all__ = ["Child", "ChildSpec", "Outbox"]

#: A new child may take this long to its first message (imports, compiling shaders on a busy machine).
START_GRACE_S: Final = 30.0
#: Deaths in this window make the next start wait, so that a child that cannot live does not take the cores.
CRASH_WINDOW_S: Final = 30.0
FREE_CRASHES: Final = 3
CRASH_PAUSE_S: Final = 2.0
OUTBOX_LIMIT: Final = 4000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """What to run and how to watch it.

    Attributes:
        name: as the panel and the recording call it.
        main: where `main(connection, config)` is, as `package.module:function`.
        config: makes the configuration of the next start.
        shutdown: message that asks the child to leave.
        silence_s: longest silence of a living child.
        on_start: called for each new child; sends it what it needs to go on.
        leaves_within_s: how long it may take to leave when asked, before it is ended.
        keeps_mail: whether the next child gets what the last one did not take any more. For a recorder; a
            player needs only what is true now, which `on_start` sends.
    """

    name: str
    main: str
    config: Callable[[], object]
    shutdown: object
    silence_s: float
    on_start: Callable[[Child], None]
    leaves_within_s: float = 4.0
    keeps_mail: bool = False


class Outbox:
    """Messages on their way to a child. Within a key the newest wins; without one, order is kept."""

    def __init__(self, limit: int = OUTBOX_LIMIT) -> None:
        self._limit = limit
        self._waiting: collections.OrderedDict[object, object] = collections.OrderedDict()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, message: object, key: str | None = None) -> bool:
        """Take `message`; returns False (and drops it) when `limit` messages already wait."""
        with self._changed:
            if key is None or key not in self._waiting:
                if len(self._waiting) >= self._limit:
                    return False
                self._waiting[object() if key is None else key] = message
            else:
                self._waiting[key] = message
            self._changed.notify()
            return True

    def take(self) -> object | None:
        """Wait for and return the oldest message; `None` once closed."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return None if self._closed else self._waiting.popitem(last=False)[1]

    def left(self) -> list[object]:
        """Return what was never taken, oldest first."""
        with self._changed:
            return list(self._waiting.values())

    def close(self) -> None:
        """Let nothing more be taken: what waits stays for `left`."""
        with self._changed:
            self._closed = True
            self._changed.notify()


class Child:
    """One supervised child. All methods belong to the event loop's thread."""

    def __init__(
        self,
        spec: ChildSpec,
        *,
        on_message: Callable[[Any], None],
        on_event: Callable[[Event], None],
        now_s: Callable[[], float],
    ) -> None:
        self.name = spec.name
        self.restarts = 0
        self._spec = spec
        self._on_message = on_message
        self._on_event = on_event
        self._now_s = now_s
        self._loop = asyncio.get_running_loop()
        self._spawn = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._outbox = Outbox()
        self._generation = 0
        self._heard_s: float | None = None
        self._started_s = 0.0
        self._died_s: float | None = None
        self._deaths: collections.deque[float] = collections.deque(maxlen=FREE_CRASHES)
        self._reason = ""
        self._leaving = False
        self._gone = asyncio.Event()

    @property
    def alive(self) -> bool:
        """Whether the present child has spoken and has not died."""
        return self._heard_s is not None

    @property
    def pid(self) -> int | None:
        """The present child's process id."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the child, or the next one."""
        if self._leaving:
            return
        self._generation += 1
        self._started_s = self._now_s()
        self._heard_s = None
        left = self._outbox.left() if self._spec.keeps_mail else []
        self._outbox = Outbox()
        ours, theirs = self._spawn.Pipe(duplex=True)
        self._process = self._spawn.Process(
            target=_run, args=(self._spec.main, theirs, self._spec.config()), name=f"stillwater-{self.name}"
        )
        self._process.start()
        theirs.close()
        for work in (self._read, self._write):
            threading.Thread(target=work, args=(ours, self._outbox, self._generation), daemon=True).start()
        self._spec.on_start(self)
        for message in left:
            self._outbox.put(message)

    def send(self, message: object, key: str | None = None) -> bool:
        """Give `message` to the child without waiting; False when it has fallen too far behind."""
        return self._outbox.put(message, key)

    def check(self) -> None:
        """End a child that has been silent for too long. Call a few times a second."""
        heard_s = self._heard_s
        last_s, limit_s = (
            (self._started_s, START_GRACE_S) if heard_s is None else (heard_s, self._spec.silence_s)
        )
        silent_s = self._now_s() - last_s
        if silent_s > limit_s and self._process is not None and self._process.is_alive():
            self._reason = f"silent for {silent_s:.1f} s"
            self._process.kill()

    async def stop(self) -> None:
        """Ask the child to leave, and end it when it does not."""
        self._leaving = True
        if self._process is None or self._died_s is not None:
            return
        self._outbox.put(self._spec.shutdown)
        try:
            await asyncio.wait_for(self._gone.wait(), self._spec.leaves_within_s)
        except TimeoutError:
            self._process.kill()
            await self._gone.wait()

    def _read(self, connection: Connection, outbox: Outbox, generation: int) -> None:
        with contextlib.suppress(EOFError, OSError, RuntimeError):  # RuntimeError: our loop has closed
            while True:
                message = connection.recv()
                self._loop.call_soon_threadsafe(self._heard, generation, message)
        outbox.close()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._died, generation)

    def _write(self, connection: Connection, outbox: Outbox, _generation: int) -> None:
        with contextlib.suppress(OSError):  # the reader tells of the death
            while (message := outbox.take()) is not None:
                connection.send(message)

    def _heard(self, generation: int, message: object) -> None:
        if generation != self._generation:
            return
        now_s = self._now_s()
        if self._heard_s is None and self._died_s is not None:
            self._on_event(ChildReturned(at_s=now_s, child=self.name, gap_s=now_s - self._died_s))
            self._died_s = None
        self._heard_s = now_s
        self._on_message(message)

    def _died(self, generation: int) -> None:
        if generation != self._generation:
            return
        self._process.join()
        reason = self._reason or f"exit code {self._process.exitcode}"
        self._reason = ""
        self._heard_s = None
        if self._leaving:
            self._gone.set()
            return
        now_s = self._now_s()
        self._died_s = self._died_s or now_s
        self._on_event(ChildDied(at_s=now_s, child=self.name, reason=reason))
        self.restarts += 1
        full = len(self._deaths) == FREE_CRASHES and now_s - self._deaths[0] < CRASH_WINDOW_S
        self._deaths.append(now_s)
        self._loop.call_later(CRASH_PAUSE_S if full else 0.0, self.start)


def _run(place: str, connection: Connection, config: object) -> None:
    """Run the child's function, in the child."""
    module, _, function = place.partition(":")
    getattr(importlib.import_module(module), function)(connection, config)
