"""The gateway's conversation with one room over its unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from clinic.errors import Refused
from therapy.ports import RoomHost
from vr_world.link import Answer, Ask, Remember, StateNow, pack, parse_from_room

__all__ = ["RoomLink"]

RECONNECT_S: Final = 0.05
ASK_S: Final = 5.0
MAX_MESSAGE_BYTES: Final = 8 << 20


class RoomLink:
    """The gateway's conversation with one room, over any number of the room's lives."""

    def __init__(self, room: str, host: RoomHost) -> None:
        self.room = room
        self.state: dict[str, Any] | None = None
        self.mirror: bytes | None = None
        self.snapshot: dict[str, Any] | None = None
        self.on_change: Callable[[], None] = lambda: None
        self.on_picture: Callable[[], None] = lambda: None
        self._host = host
        self._socket: ClientConnection | None = None
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._ids = itertools.count(1)

    async def run(self) -> None:
        """Connect, listen, and connect again whenever the room comes back. Runs until cancelled."""
        while True:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                async with unix_connect(
                    self._host.endpoint(self.room),
                    "ws://room/link",
                    compression=None,
                    max_size=MAX_MESSAGE_BYTES,
                    ping_interval=None,
                ) as socket:
                    self._socket = socket
                    async for message in socket:
                        self._take(message)
            self._socket = None
            for waiting in self._answers.values():
                if not waiting.done():
                    waiting.set_exception(Refused(f"room {self.room} is being started again"))
            self._answers.clear()
            await asyncio.sleep(RECONNECT_S)

    async def ask(self, name: str, actor: str, **fields: Any) -> Answer:
        """Ask the room for something and wait for its answer.

        Raises:
            Refused: the room refuses, is just being started again, or does not answer.
        """
        if self._socket is None:
            raise Refused(f"room {self.room} is being started again")
        number = next(self._ids)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            await self._socket.send(pack(Ask(id=number, name=name, actor=actor, **fields)))
            told = await asyncio.wait_for(answer, ASK_S)
        except TimeoutError as error:
            raise Refused(f"room {self.room} must answer within {ASK_S:g} s, did not") from error
        except ConnectionClosed as error:
            raise Refused(f"room {self.room} is being started again") from error
        finally:
            self._answers.pop(number, None)
        if told.refused:
            raise Refused(told.refused)
        return told

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.mirror = message
            self.on_picture()
            return
        match parse_from_room(message):
            case Answer() as answer:
                waiting = self._answers.get(answer.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
                self.state = answer.state
                self.on_change()
            case StateNow(state=state):
                self.state = state
                self.on_change()
            case Remember(snapshot=snapshot):
                self.snapshot = snapshot
