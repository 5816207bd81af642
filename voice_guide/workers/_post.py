"""The pipe between the voice service and one of its workers, seen from the worker."""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import threading
import time
from multiprocessing.connection import Connection
from typing import Final

from voice_guide.messages import CancelThinking, Think

__all__ = ["Beat", "Left", "Post", "Ready", "WorkerConfig"]

_BEAT_S: Final = 0.5
#: Messages of all rooms that may wait; sound is 50 a second and room.
_WAITING: Final = 4000


@dataclasses.dataclass(frozen=True, slots=True)
class Ready:
    """The worker has built what it can. `missing` says what it has to do without and what to do, or ""."""

    missing: str


@dataclasses.dataclass(frozen=True, slots=True)
class Beat:
    """The worker lives."""


@dataclasses.dataclass(frozen=True, slots=True)
class Left:
    """The room is gone: forget it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """How a worker starts.

    Attributes:
        think: settings of the mind (`voice_guide.think.ThinkSettings`).
        voice: name of the voice, empty for the best.
        languages: that are made ready.
        threads: of the processor that torch may use.
    """

    think: object = None
    voice: str = ""
    languages: tuple[str, ...] = ("en",)
    threads: int = 1


class Post:
    """What came in waits in a queue; what goes out goes at once. `take` also tells that we live.

    A thread reads, so that a worker that is busy still learns that a room has changed its mind: `cancelled`
    holds (room, turn) of what is not to be thought any more.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox: queue.Queue[tuple[str, object] | None] = queue.Queue(_WAITING)
        self._sending = threading.Lock()
        self._beat_s = 0.0
        self.cancelled: set[tuple[str, int]] = set()
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, room: str, message: object) -> None:
        """Tell the service something of `room`; a service that is gone ends us through `take`."""
        with self._sending, contextlib.suppress(OSError):
            self._connection.send((room, message))

    def beat(self) -> None:
        """Say that we live, now and then."""
        now_s = time.monotonic()
        if now_s - self._beat_s >= _BEAT_S:
            self._beat_s = now_s
            self.send("", Beat())

    def take(self, wait_s: float) -> tuple[str, object] | None:
        """Return the next message with its room, or `None` after `wait_s`.

        Raises:
            EOFError: the service is gone.
        """
        self.beat()
        try:
            found = self._inbox.get(timeout=wait_s)
        except queue.Empty:
            return None
        if found is None:
            raise EOFError
        return found

    def _read(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                room, message = self._connection.recv()
                if isinstance(message, CancelThinking):
                    self.cancelled.add((room, message.turn))
                elif isinstance(message, Think):  # a turn's number comes again in the next session
                    self.cancelled.discard((room, message.briefing.turn))
                with contextlib.suppress(queue.Full):  # a worker that far behind is ended for its silence
                    self._inbox.put_nowait((room, message))
        self._inbox.put(None)
