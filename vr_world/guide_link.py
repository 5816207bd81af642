"""A room's line to the machine's voice service: connects again for ever, never keeps the room waiting."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import Callable
from typing import Final

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from voice_guide.messages import (
    BadVoiceMessage,
    FromService,
    HoldTurn,
    Join,
    Listen,
    Prepare,
    Sound,
    Status,
    ToService,
    pack,
    parse_from_service,
)

__all__ = ["GONE", "GuideLink"]

GONE: Final = "the voice service is not there and is being looked for"
_AGAIN_S: Final = 0.5
#: Sound that may wait: two seconds; older sound goes first.
_SOUND: Final = 100
_WAITING: Final = 500
_MAX_BYTES: Final = 1 << 20


class GuideLink:
    """One room's connection. All methods belong to the event loop's thread.

    Args:
        socket: the service's.
        join: who we are.
        on_message: told each message; `Status` with `GONE` while there is no connection.
        on_failure: told what ended the link itself; it begins again by itself.
    """

    def __init__(
        self,
        socket: str,
        join: Join,
        on_message: Callable[[FromService], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._socket = socket
        self._standing: dict[type, ToService] = {Join: join}
        self._on_message = on_message
        self._on_failure = on_failure
        self._outbox: collections.deque[ToService] = collections.deque()
        self._waits = asyncio.Event()
        self._connected = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Let go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def send(self, message: ToService) -> bool:
        """Send without waiting; False when it cannot arrive. What stands (join, listen …) is said again."""
        if isinstance(message, Join | Listen | HoldTurn | Prepare):
            self._standing[type(message)] = message
        if not self._connected:
            return False
        if isinstance(message, Sound):
            waiting = [old for old in self._outbox if isinstance(old, Sound)]
            if len(waiting) >= _SOUND:
                self._outbox.remove(waiting[0])
        elif len(self._outbox) >= _WAITING:
            return False
        self._outbox.append(message)
        self._waits.set()
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._connected = False
            self._on_failure(error)
            asyncio.get_running_loop().call_later(_AGAIN_S, self.start)

    async def _run(self) -> None:
        self._on_message(Status(ears=GONE, mind=GONE, mouth=GONE))
        while True:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake, BadVoiceMessage):
                async with unix_connect(
                    self._socket, compression=None, max_size=_MAX_BYTES, ping_interval=None
                ) as socket:
                    await self._live(socket)
            if self._connected:
                self._connected = False
                self._on_message(Status(ears=GONE, mind=GONE, mouth=GONE))
            await asyncio.sleep(_AGAIN_S)

    async def _live(self, socket: ClientConnection) -> None:
        self._outbox.clear()
        self._outbox.extend(self._standing.values())
        self._waits.set()
        self._connected = True
        sending = asyncio.create_task(self._send(socket))
        try:
            async for data in socket:
                self._on_message(parse_from_service(data if isinstance(data, bytes) else data.encode()))
        finally:
            sending.cancel()

    async def _send(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._waits.wait()
                self._waits.clear()
                while self._outbox:
                    await socket.send(pack(self._outbox.popleft()))
