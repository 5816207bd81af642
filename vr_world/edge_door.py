"""Where edge agents come in: `/ws/edge` of the gateway. What they send becomes LSL streams here."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from clinic.errors import TooManyTries
from clinic.limiter import TryLimiter
from sensors.edge import CARRIED, Block, Hello, Landing, Open, Ping, Pong, pack, parse_from_agent
from sensors.errors import BadEdge
from sensors.lsl import Outlet, configure
from sensors.pins import Pin

__all__ = ["EdgeDoor", "edge_key"]

log = logging.getLogger(__name__)

KEY_FILE: Final = "edge-key.txt"
BAD_MESSAGE: Final = 4400
REPLACED: Final = 4409
HELLO_S: Final = 5.0
PUBLISH_S: Final = 0.01
#: A break's worth of samples at once; LSL's readers fetch them within moments.
BUFFERED_S: Final = 120


def edge_key(home: Path) -> str:
    """Return the key that agents must know, made at the first start in `home/edge-key.txt`."""
    path = home / KEY_FILE
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32) + "\n")
    return path.read_text().strip()


class EdgeDoor:
    """The connections of all agents. An agent that connects a second time replaces its first connection.

    Args:
        key: what an agent must know; empty: nobody may come in.
        pins: the table of streams; what it does not name is refused. Empty: what an agent was told to send.
        lsl_session: LSL session id of the rooms.
        lan: as for `sensors.lsl.configure`.
        now_s: the session clock.
    """

    def __init__(
        self, *, key: str, pins: tuple[Pin, ...], lsl_session: str, lan: bool, now_s: Callable[[], float]
    ) -> None:
        self._key = key
        self._pins = pins
        self._lsl = (lsl_session, lan)
        self._now_s = now_s
        self._limiter = TryLimiter()
        self._landings: dict[str, Landing] = {}
        self._sockets: dict[str, WebSocket] = {}

    async def socket(self, socket: WebSocket) -> None:
        """Serve one connection; closed before it is accepted, a socket is answered with HTTP 403."""
        if not self._knows_key(socket):
            await socket.close()
            return
        await socket.accept()
        agent = ""
        try:
            async with asyncio.timeout(HELLO_S):
                hello = parse_from_agent(await _bytes(socket))
            if not isinstance(hello, Hello):
                raise BadEdge("first message", "hello", type(hello).__name__.lower())
            agent = hello.agent
            await self._replace(agent, socket)
            landing = self._landing(agent)
            await socket.send_bytes(pack(landing.hello(hello)))
            await self._serve(socket, landing)
        except (WebSocketDisconnect, TimeoutError):
            pass  # it went, or said nothing
        except BadEdge as error:
            log.warning("edge agent refused: %s", error)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(BAD_MESSAGE, str(error)[:100])
        finally:
            if self._sockets.get(agent) is socket:
                del self._sockets[agent]

    def _knows_key(self, socket: WebSocket) -> bool:
        address = socket.client.host if socket.client else ""
        said = socket.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            self._limiter.admit(address, self._now_s())
        except TooManyTries:
            return False
        if self._key and hmac.compare_digest(said.encode(), self._key.encode()):
            self._limiter.forgive(address)
            return True
        return False

    async def _replace(self, agent: str, socket: WebSocket) -> None:
        before, self._sockets[agent] = self._sockets.get(agent), socket
        if before is not None:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it may be gone for long
                await before.close(REPLACED)

    def _landing(self, agent: str) -> Landing:
        if agent not in self._landings:
            session, lan = self._lsl
            configure(session, lan=lan)
            self._landings[agent] = Landing(lambda stream: _outlet(agent, stream), self._is_pinned)
        return self._landings[agent]

    def _is_pinned(self, stream: Open) -> bool:
        return not self._pins or any(pin.names(stream.name, stream.source_id) for pin in self._pins)

    async def _serve(self, socket: WebSocket, landing: Landing) -> None:
        publishing = asyncio.create_task(_publish(socket, landing))
        try:
            while not publishing.done():
                match parse_from_agent(await _bytes(socket)):
                    case Open() as stream:
                        landing.open(stream)
                    case Block() as block:
                        landing.block(block)
                    case Ping(agent_s=agent_s):
                        await socket.send_bytes(pack(Pong(agent_s=agent_s, server_s=self._now_s())))
                    case Hello():
                        raise BadEdge("hello", "only once", "again")
        finally:
            publishing.cancel()
            with contextlib.suppress(asyncio.CancelledError, RuntimeError, WebSocketDisconnect):
                await publishing


async def _bytes(socket: WebSocket) -> bytes:
    """Return the next message; text is one that nobody understands."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    return message.get("bytes") or b""


async def _publish(socket: WebSocket, landing: Landing) -> None:
    told: set[str] = set()
    while True:
        for ack in landing.publish():
            await socket.send_bytes(pack(ack))
        unread = landing.unread_now()
        for name in unread.keys() - told:
            log.warning(
                "edge stream %s: nobody has read it for a minute, its oldest samples are given up", name
            )
        told = set(unread)
        await asyncio.sleep(PUBLISH_S)


def _outlet(agent: str, stream: Open) -> Outlet:
    return Outlet(
        name=stream.name,
        kind=stream.kind,
        labels=stream.labels,
        rate_hz=stream.rate_hz,
        source_id=f"{CARRIED}{agent}-{stream.source_id}",
        value_format=stream.value_format,
        notes=f"carried by the edge agent {agent}",
        buffered_s=BUFFERED_S,
    )
