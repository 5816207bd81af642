"""`stillwater edge`: beside the sensor. Reads the pinned LSL streams of this machine, sends them to a room.

    sensor ─▶ LSL ─▶ RawInlets ─▶ Backlog (60 s) ─▶ one TLS web socket ─▶ the server's `edge_door`

Reading never waits for the network. A broken connection is made again at once, then ever more slowly, and
goes on from the sample that the server lacks.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from sensors.edge import (
    CARRIED,
    Ack,
    Backlog,
    ClockTie,
    Hello,
    Open,
    Ping,
    Pong,
    Welcome,
    pack,
    parse_from_server,
)
from sensors.edge import VERSION as EDGE_VERSION
from sensors.pins import Pin
from sensors.raw import Changed, Chunk, Found, Lost, RawInlets, Recovered, Source
from therapy.errors import TherapyError
from vr_world.clock import session_now_s

__all__ = ["EdgeAgent", "EdgeConfig", "EdgeRefused"]

POLL_S: Final = 0.01
PING_S: Final = 2.0
ANSWER_S: Final = 5.0
#: Waiting times between tries: a plug pulled out and in should cost no more than a moment.
FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 2.0
#: Close codes of `edge_door` after which the same agent would only be closed again, and what was wanted.
_FINAL: Final = {4400: "understand our messages", 4409: "know no other agent of our name"}


class EdgeRefused(TherapyError):
    """The server does not take us, and would not at another try."""

    def __init__(self, url: str, must: str, answer: object) -> None:
        super().__init__(f"the server at {url} must {must}, it answered {answer}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """How an agent works.

    Attributes:
        url: `wss://server:8443` (plain `ws://` only on this machine).
        key: what the server's `edge-key.txt` holds.
        agent: name of this machine for the server, unique among its agents.
        streams: names or source ids to send, with `*` and `?`; nothing else is ever sent.
        authority: file of the server's certificate authority, `None` for the system's or without TLS.
    """

    url: str
    key: str
    agent: str
    streams: tuple[str, ...]
    authority: str | None = None


class EdgeAgent:
    """One agent; `run` until cancelled. `say` takes lines for a person: what was found, lost, reconnected."""

    def __init__(self, config: EdgeConfig, say: Callable[[str], None]) -> None:
        self.backlog = Backlog()
        self.connections = 0
        self._config = config
        self._say = say
        self._pins = [Pin(stream=text, kind="any") for text in config.streams]
        self._tie = ClockTie()
        self._run = secrets.token_hex(8)
        self._something = asyncio.Event()
        self._reopened: dict[str, int] = {}

    async def run(self) -> None:
        """Read and send.

        Raises:
            EdgeRefused: the server does not know our key.
        """
        await _first_of(self._read(), self._keep_sending())

    async def _read(self) -> None:
        inlets = RawInlets(self._is_pinned)
        try:
            while True:
                for happening in inlets.poll():
                    match happening:
                        case Found(source=source):
                            self._found(source)
                        case Chunk(source=source):
                            if source.value_format != "string":
                                stamps_s = happening.raw_stamps_s + happening.offset_s
                                self.backlog.add(self._key(source), happening.samples, stamps_s)
                                self._something.set()
                        case Lost(source=source, reason=reason):
                            self._say(f"{source.name}: {reason}")
                        case Recovered(source=source, gap_s=gap_s):
                            self._say(f"{source.name}: sends again after {gap_s:.1f} s")
                        case Changed(source=source):
                            self._reopened[source.key] = self._reopened.get(source.key, 0) + 1
                            self._say(f"{source.name}: came back with another shape")
                await asyncio.sleep(POLL_S)
        finally:
            await asyncio.to_thread(inlets.close)

    def _is_pinned(self, source: Source) -> bool:
        if source.source_id.startswith(CARRIED):  # on the server's own machine: what we sent ourselves
            return False
        return any(pin.names(source.name, source.source_id) for pin in self._pins)

    def _key(self, source: Source) -> str:
        """A stream that came back with another shape is another one."""
        return f"{source.key}|{self._reopened.get(source.key, 0)}"

    def _found(self, source: Source) -> None:
        if source.value_format == "string":
            self._say(f"{source.name}: text is not sent")
            return
        labels = (*source.labels, *[""] * source.channels)[: source.channels]
        self.backlog.open(
            Open(
                key=self._key(source),
                name=source.name,
                kind=source.kind,
                source_id=source.source_id or source.name,
                labels=tuple(label or f"{i}" for i, label in enumerate(labels)),
                rate_hz=source.rate_hz,
                value_format=source.value_format,
            )
        )
        self._say(f"{source.name}: {source.channels} channels at {source.rate_hz:g} Hz, type {source.kind}")

    async def _keep_sending(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async with self._connected() as socket:
                    wait_s = FIRST_WAIT_S
                    await self._send(socket)
            except InvalidStatus as error:
                status = error.response.status_code
                if status in (401, 403):
                    raise EdgeRefused(self._config.url, "know our key", status) from error
            except ConnectionClosed as error:
                closed = error.rcvd
                if closed is not None and closed.code in _FINAL:  # trying again would end the same way
                    must, answer = _FINAL[closed.code], closed.reason or closed.code
                    raise EdgeRefused(self._config.url, must, answer) from error
            except (OSError, InvalidHandshake, TimeoutError):
                pass  # the network: try again
            self.backlog.disconnected()
            await asyncio.sleep(wait_s)
            wait_s = min(2.0 * wait_s, LONGEST_WAIT_S)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[ClientConnection]:
        config = self._config
        async with connect(
            f"{config.url.rstrip('/')}/ws/edge",
            additional_headers={"authorization": f"Bearer {config.key}"},
            ssl=_trust(config),
            compression=None,
            open_timeout=ANSWER_S,
            ping_interval=ANSWER_S,
            ping_timeout=ANSWER_S,
            close_timeout=1.0,
        ) as socket:
            await socket.send(pack(Hello(version=EDGE_VERSION, agent=config.agent, run=self._run)))
            async with asyncio.timeout(ANSWER_S):
                welcome = parse_from_server(_bytes(await socket.recv()))
            if not isinstance(welcome, Welcome):
                raise EdgeRefused(config.url, "answer our hello with welcome", type(welcome).__name__)
            self.connections += 1
            self.backlog.resume(welcome)
            again = "again " if self.connections > 1 else ""
            self._say(f"connected {again}to {config.url}, {self.backlog.waiting} samples waiting")
            yield socket

    async def _send(self, socket: ClientConnection) -> None:
        """Send what comes until the connection breaks. Block stamps need the clocks tied first."""
        await socket.send(pack(Ping(agent_s=session_now_s())))
        await _first_of(self._listen(socket), self._ping(socket), self._pour(socket))

    async def _listen(self, socket: ClientConnection) -> None:
        async for data in socket:
            message = parse_from_server(_bytes(data))
            if isinstance(message, Ack):
                self.backlog.acknowledged(message)
            elif isinstance(message, Pong):
                now_s = session_now_s()
                self._tie.pong(message, now_s)
                self._something.set()

    async def _ping(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(PING_S)
            await socket.send(pack(Ping(agent_s=session_now_s())))

    async def _pour(self, socket: ClientConnection) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            offset_s = self._tie.offset_s(session_now_s())
            if offset_s is None:
                continue
            for message in self.backlog.outgoing(offset_s):
                await socket.send(pack(message))


async def _first_of(*work: Coroutine[None, None, None]) -> None:
    """Run all until the first ends or fails; end the others, raise what it raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _bytes(data: str | bytes) -> bytes:
    return data if isinstance(data, bytes) else data.encode()


def _trust(config: EdgeConfig) -> ssl.SSLContext | None:
    if config.url.startswith("ws://"):
        return None
    context = ssl.create_default_context(cafile=config.authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
