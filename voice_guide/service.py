"""The machine's voice service: one process, three workers, a unix socket with one connection a room.

`main` is a child of the gateway. A room is never kept waiting: what a worker cannot do, or not in time, is
answered with `NotUsable` or `NotSpoken`, and the room has a line of its own for that. Rooms hear nothing of
each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import signal
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from voice_guide.keeper import Keeper
from voice_guide.messages import (
    BadVoiceMessage,
    CancelThinking,
    FromService,
    HoldTurn,
    Hush,
    Join,
    Listen,
    NotSpoken,
    NotUsable,
    Prepare,
    Proposed,
    Speak,
    Spoken,
    Status,
    Think,
    ToService,
    pack,
    parse_to_service,
)
from voice_guide.think import ThinkSettings
from voice_guide.workers._post import Left, WorkerConfig

__all__ = ["WORKERS", "ServiceConfig", "ServiceState", "Shutdown", "main"]

log = logging.getLogger(__name__)

#: Worker → the function that its process runs.
WORKERS: Final[Mapping[str, str]] = {
    "ears": "voice_guide.workers.ears:main",
    "mind": "voice_guide.workers.mind:main",
    "mouth": "voice_guide.workers.mouth:main",
}
_MAX_BYTES: Final = 1 << 20
#: Messages that may wait for one room before it counts as dead.
_WAITING: Final = 3000
_STARTING: Final = "the guide is being made ready"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """How the service starts.

    Attributes:
        socket: where rooms connect; in a folder of our user's own.
        think: which model, within what bounds.
        voice: name of the voice, empty for the best.
        languages: that are made ready.
        workers: what the three processes run.
    """

    socket: str
    think: ThinkSettings = dataclasses.field(default_factory=ThinkSettings)
    voice: str = ""
    languages: tuple[str, ...] = ("en",)
    workers: Mapping[str, str] = dataclasses.field(default_factory=lambda: dict(WORKERS))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """To the gateway, twice a second: how the workers are, and their processes."""

    status: Status
    pids: Mapping[str, int | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Shutdown:
    """From the gateway: leave."""


def main(gateway: Connection, config: ServiceConfig) -> None:
    """Serve until the gateway says so or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path(config.socket).unlink(missing_ok=True)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s voice %(levelname)s %(message)s")
    asyncio.run(_Service(gateway, config).run())


class _Room:
    """One connection, and what of its wishes is unanswered."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.outbox: asyncio.Queue[FromService] = asyncio.Queue(_WAITING)
        self.thinking: dict[int, asyncio.TimerHandle] = {}
        self.speaking: set[int] = set()
        #: What a new worker has to know: the newest of each kind.
        self.standing: dict[type, ToService] = {}


class _Service:
    def __init__(self, gateway: Connection, config: ServiceConfig) -> None:
        self._gateway = gateway
        self._config = config
        self._rooms: dict[str, _Room] = {}
        self._status = Status(ears=_STARTING, mind=_STARTING, mouth=_STARTING)
        self._leave = asyncio.Event()
        self._numbers = 0
        self._keepers: dict[str, Keeper] = {}

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave.set)
        threading.Thread(target=self._watch, args=(loop,), daemon=True).start()
        worker = WorkerConfig(
            think=self._config.think, voice=self._config.voice, languages=self._config.languages
        )
        for name, place in self._config.workers.items():
            self._keepers[name] = self._keeper(name, place, worker)
            self._keepers[name].start()
        async with unix_serve(
            self._serve, self._config.socket, compression=None, max_size=_MAX_BYTES, ping_interval=None
        ):
            beating = asyncio.create_task(self._beat())
            await self._leave.wait()
            beating.cancel()
            for keeper in self._keepers.values():
                keeper.stop()

    def _keeper(self, name: str, place: str, worker: WorkerConfig) -> Keeper:
        def state(missing: str) -> None:
            self._worker_is(name, missing)

        return Keeper(name, place, worker, on_message=self._from_worker, on_state=state)

    async def _beat(self) -> None:
        while True:
            for keeper in self._keepers.values():
                keeper.check()
            pids = {name: keeper.pid for name, keeper in self._keepers.items()}
            self._gateway.send(ServiceState(status=self._status, pids=pids))
            await asyncio.sleep(0.5)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(EOFError, OSError):
            self._gateway.recv()  # whatever it says: it can only be the end
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._leave.set)

    # rooms ----------------------------------------------------------------------------------------------

    async def _serve(self, socket: ServerConnection) -> None:
        self._numbers += 1
        name, room = str(self._numbers), _Room(socket)
        self._rooms[name] = room
        self._tell(name, self._status)
        sending = asyncio.create_task(self._send(room))
        try:
            async for data in socket:
                self._take(name, room, parse_to_service(data if isinstance(data, bytes) else data.encode()))
        except BadVoiceMessage as error:
            await socket.close(4400, str(error)[:100])
        except ConnectionClosed:
            pass  # the room comes again or is gone
        finally:
            sending.cancel()
            del self._rooms[name]
            for timer in room.thinking.values():
                timer.cancel()
            self._to_all(name, Left())

    async def _send(self, room: _Room) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await room.socket.send(pack(await room.outbox.get()))

    def _tell(self, name: str, message: FromService) -> None:
        room = self._rooms.get(name)
        if room is None:
            return
        try:
            room.outbox.put_nowait(message)
        except asyncio.QueueFull:
            log.warning("room %s takes nothing any more: its connection is closed", name)
            room.socket.transport.abort()

    def _take(self, name: str, room: _Room, message: ToService) -> None:
        if isinstance(message, Join | Listen | HoldTurn | Prepare):
            room.standing[type(message)] = message
        match message:
            case Join():
                self._to_all(name, message)
            case Think(briefing=briefing):
                self._ask(name, room, message, briefing.turn)
            case CancelThinking(turn=turn):
                self._answered(room, turn)
                self._keepers["mind"].send(name, message)
            case Speak(utterance=utterance):
                room.speaking.add(utterance.utterance)
                if self._status.mouth:
                    self._unspoken(name, room, utterance.utterance, self._status.mouth)
                elif not self._keepers["mouth"].send(name, message):
                    self._unspoken(name, room, utterance.utterance, "the mouth is too far behind")
            case Hush(utterance=utterance):
                room.speaking -= {utterance} if utterance else set(room.speaking)
                self._keepers["mouth"].send(name, message)
            case Prepare():
                self._keepers["mouth"].send(name, message)
            case _:
                self._keepers["ears"].send(name, message)

    def _ask(self, name: str, room: _Room, think: Think, turn: int) -> None:
        def too_late() -> None:
            if self._answered(room, turn):
                self._keepers["mind"].send(name, CancelThinking(turn=turn))
                self._tell(name, NotUsable(turn=turn, reason="no answer in time"))

        left_s = max(think.until_s - time.monotonic(), 0.0)
        room.thinking[turn] = asyncio.get_running_loop().call_later(left_s, too_late)
        if self._status.mind or not self._keepers["mind"].send(name, think):
            self._answered(room, turn)
            reason = self._status.mind or "the mind is too far behind"
            self._tell(name, NotUsable(turn=turn, reason=reason))

    @staticmethod
    def _answered(room: _Room, turn: int) -> bool:
        """Forget a question; whether it was open."""
        timer = room.thinking.pop(turn, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    def _unspoken(self, name: str, room: _Room, utterance: int, reason: str) -> None:
        room.speaking.discard(utterance)
        self._tell(name, NotSpoken(utterance=utterance, reason=reason))

    def _to_all(self, name: str, message: object) -> None:
        for keeper in self._keepers.values():
            keeper.send(name, message)

    # workers --------------------------------------------------------------------------------------------

    def _from_worker(self, name: str, message: object) -> None:
        room = self._rooms.get(name)
        if room is None:
            return
        match message:
            case Proposed(proposal=proposal):
                if not self._answered(room, proposal.turn):
                    return  # too late: it has been told so
            case NotUsable(turn=turn):
                if not self._answered(room, turn):
                    return
            case Spoken(utterance=utterance, last=last):
                if utterance not in room.speaking:
                    return  # hushed
                if last:
                    room.speaking.discard(utterance)
            case NotSpoken(utterance=utterance):
                room.speaking.discard(utterance)
        self._tell(name, message)  # type: ignore[arg-type]  # workers send messages of the protocol

    def _worker_is(self, worker: str, missing: str) -> None:
        self._status = dataclasses.replace(self._status, **{worker: missing})
        for name, room in self._rooms.items():
            self._tell(name, self._status)
            if missing and worker == "mind":
                for turn in list(room.thinking):
                    self._answered(room, turn)
                    self._tell(name, NotUsable(turn=turn, reason=missing))
            elif missing and worker == "mouth":
                for utterance in list(room.speaking):
                    self._unspoken(name, room, utterance, missing)
            elif not missing:
                for message in room.standing.values():  # a new process knows nobody
                    self._keepers[worker].send(name, message)
