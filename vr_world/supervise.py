"""Child processes that are kept alive: started, spoken to without waiting, watched, and started again.

A child is a function `main(connection, config)` in a process of its own (`multiprocessing`, spawn), named by
its place, so that the parent need not import what only the child uses. It sends
something at least every `silence_s`; an exit or a silence is a death, told as `ChildDied`; the next child
gets a fresh configuration and what `on_start` sends it, and its first message is told as `ChildReturned`.

A child that must not be missed for long has a *standby*: a second process, started and built beforehand, that
sleeps until it is told to take over.
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

__all__ = ["Child", "ChildSpec", "Outbox", "Standby"]

#: A new child may take this long to its first message (imports, compiling shaders on a busy machine).
START_GRACE_S: Final = 30.0
#: Deaths in this window make the next start wait, so that a child that cannot live does not take the cores.
CRASH_WINDOW_S: Final = 30.0
FREE_CRASHES: Final = 3
CRASH_PAUSE_S: Final = 2.0
OUTBOX_LIMIT: Final = 4000
#: A standby that takes over has everything: later than this it is as dead as the one before it.
TAKE_OVER_S: Final = 1.0
#: The next standby is built only when the one that took over has been well for so long.
STANDBY_AFTER_S: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """How a second process waits for the first one's death. It says one message when it is ready.

    Attributes:
        config: makes the configuration that lets a child build and wait.
        prepare: makes the message that lets a waiting one be ready for something else.
        take_over: makes the message that lets a waiting one go on.
        on_ready: is given what a waiting one says.
    """

    config: Callable[[], object]
    prepare: Callable[[], object]
    take_over: Callable[[], object]
    on_ready: Callable[[Any], None]


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
        standby: how the next one waits, or `None`: it is started when it is needed.
    """

    name: str
    main: str
    config: Callable[[], object]
    shutdown: object
    silence_s: float
    on_start: Callable[[Child], None]
    leaves_within_s: float = 4.0
    keeps_mail: bool = False
    standby: Standby | None = None


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


@dataclasses.dataclass(slots=True, eq=False)
class _Process:
    """One process of a child: the present one, one that waits, or one that is gone."""

    process: Any
    outbox: Outbox
    started_s: float
    start_within_s: float = START_GRACE_S
    heard_s: float | None = None


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
        self._now: _Process | None = None
        self._waiting: _Process | None = None
        self._checked_s: float | None = None
        self._stood_still_s = 0.0
        self._died_s: float | None = None
        self._deaths: collections.deque[float] = collections.deque(maxlen=FREE_CRASHES)
        self._reason = ""
        self._leaving = False
        self._gone = asyncio.Event()

    @property
    def alive(self) -> bool:
        """Whether the present child has spoken and has not died."""
        return self._now is not None and self._now.heard_s is not None

    @property
    def pid(self) -> int | None:
        """The present child's process id."""
        return None if self._now is None else self._now.process.pid

    @property
    def standby_pid(self) -> int | None:
        """Process id of the child that is ready to take over, `None` if there is none."""
        waiting = self._waiting
        return None if waiting is None or waiting.heard_s is None else waiting.process.pid

    def start(self) -> None:
        """Start the child, or the next one: the standby where there is one."""
        if self._leaving:
            return
        left = self._now.outbox.left() if self._now is not None and self._spec.keeps_mail else []
        standby, waiting = self._spec.standby, self._waiting
        if standby is not None and waiting is not None and waiting.heard_s is not None:
            self._now, self._waiting = waiting, None
            waiting.started_s, waiting.heard_s, waiting.start_within_s = self._now_s(), None, TAKE_OVER_S
            waiting.outbox.put(standby.take_over())
        else:
            self._now = self._begin(self._spec.config())
        self._spec.on_start(self)
        for message in left:
            self._now.outbox.put(message)

    def send(self, message: object, key: str | None = None) -> bool:
        """Give `message` to the child without waiting; False when it has fallen too far behind."""
        return self._now is not None and self._now.outbox.put(message, key)

    def prepare(self) -> None:
        """Let the standby, if there is one, be ready for what is to be gone on with now."""
        if self._waiting is not None and self._spec.standby is not None:
            self._waiting.outbox.put(self._spec.standby.prepare(), key="prepare")

    def check(self) -> None:
        """End a child that has been silent for too long. Call a few times a second."""
        now_s, now, limit_s = self._now_s(), self._now, self._spec.silence_s
        if self._checked_s is not None and now_s - self._checked_s > limit_s / 2.0:
            # Whoever stood still himself has heard no silence: what was said meanwhile is not read yet.
            self._stood_still_s = now_s
        self._checked_s = now_s
        if now is None:
            return
        last_s = max(now.started_s if now.heard_s is None else now.heard_s, self._stood_still_s)
        silent_s = now_s - last_s
        if silent_s > (now.start_within_s if now.heard_s is None else limit_s) and now.process.is_alive():
            self._reason = f"silent for {silent_s:.1f} s"
            now.process.kill()

    async def stop(self) -> None:
        """Ask the child to leave, and end it when it does not."""
        self._leaving = True
        if self._waiting is not None:
            self._waiting.process.kill()
        if self._now is None or self._died_s is not None:
            return
        self._now.outbox.put(self._spec.shutdown)
        try:
            await asyncio.wait_for(self._gone.wait(), self._spec.leaves_within_s)
        except TimeoutError:
            self._now.process.kill()
            await self._gone.wait()

    def _begin(self, config: object) -> _Process:
        ours, theirs = self._spawn.Pipe(duplex=True)
        process = self._spawn.Process(
            target=_run, args=(self._spec.main, theirs, config), name=f"stillwater-{self.name}"
        )
        process.start()
        theirs.close()
        begun = _Process(process, Outbox(), self._now_s())
        for work in (self._read, self._write):
            threading.Thread(target=work, args=(ours, begun), daemon=True).start()
        return begun

    def _wait_with_another(self) -> None:
        """Start a standby, unless there is one or the child itself is not well."""
        if self._spec.standby is not None and self._waiting is None and self.alive and not self._leaving:
            self._waiting = self._begin(self._spec.standby.config())

    def _read(self, connection: Connection, begun: _Process) -> None:
        with contextlib.suppress(EOFError, OSError, RuntimeError):  # RuntimeError: our loop has closed
            while True:
                message = connection.recv()
                self._loop.call_soon_threadsafe(self._heard, begun, message)
        begun.outbox.close()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._died, begun)

    def _write(self, connection: Connection, begun: _Process) -> None:
        with contextlib.suppress(OSError):  # the reader tells of the death
            while (message := begun.outbox.take()) is not None:
                connection.send(message)

    def _heard(self, begun: _Process, message: object) -> None:
        now_s = self._now_s()
        if begun is self._waiting and self._spec.standby is not None:
            begun.heard_s = now_s
            self._spec.standby.on_ready(message)
        if begun is not self._now:
            return
        if begun.heard_s is None:
            if self._died_s is not None:
                self._on_event(ChildReturned(at_s=now_s, child=self.name, gap_s=now_s - self._died_s))
                self._died_s = None
            self._loop.call_later(STANDBY_AFTER_S, self._wait_with_another)
        begun.heard_s = now_s
        self._on_message(message)

    def _died(self, begun: _Process) -> None:
        begun.process.join()
        if begun is self._waiting:
            self._waiting = None
            self._loop.call_later(CRASH_PAUSE_S, self._wait_with_another)
            return
        if begun is not self._now:
            return
        reason = self._reason or f"exit code {begun.process.exitcode}"
        self._reason = ""
        begun.heard_s = None
        if self._leaving:
            self._gone.set()
            return
        now_s = self._now_s()
        self._died_s = self._died_s or now_s
        self._on_event(ChildDied(at_s=now_s, child=self.name, reason=reason))
        self.restarts += 1
        full = len(self._deaths) == FREE_CRASHES and now_s - self._deaths[0] < CRASH_WINDOW_S
        self._deaths.append(now_s)
        # One that waits costs nothing to take: it was itself built at leisure.
        self._loop.call_later(CRASH_PAUSE_S if full and self.standby_pid is None else 0.0, self.start)


def _run(place: str, connection: Connection, config: object) -> None:
    """Run the child's function, in the child."""
    module, _, function = place.partition(":")
    getattr(importlib.import_module(module), function)(connection, config)
