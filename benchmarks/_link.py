"""A bad network between a headset and its server: a TCP proxy with delay, jitter, a narrow pipe and losses.

What TCP makes of a lost packet is what is modelled: nothing is missing, but everything behind it on that
connection waits until it has been sent again. All connections of one direction share the pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import random
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

__all__ = ["LinkQuality", "SimulatedLink"]

_PACKET_BYTES: Final = 1460
_READ_BYTES: Final = 16 * _PACKET_BYTES
#: Bytes of one connection that may wait on the way, as in a router and two kernels; more blocks the sender.
_BUFFER_BYTES: Final = 256 * 1024
_STARTS_WITHIN_S: Final = 10.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LinkQuality:
    """How bad a link is, each way.

    Attributes:
        delay_s: of every packet.
        jitter_s: up to this much more or less, evenly spread, in order.
        bits_per_s: width of the pipe.
        loss: share of packets that are lost once.
        stall_s: until a lost packet has come after all. `None`: a round trip, and three packets of 10 ms that
            tell the sender (fast retransmit).
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    bits_per_s: float = math.inf
    loss: float = 0.0
    stall_s: float | None = None

    @property
    def stalls_s(self) -> float:
        """How long a loss holds up what follows."""
        return 2.0 * self.delay_s + 0.03 if self.stall_s is None else self.stall_s


class Way:
    """One direction: when does what enters now come out? Pure; connections of a direction share the pipe."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._free_at_s = 0.0

    def arrival_s(self, size_bytes: int, now_s: float, after_s: float, quality: LinkQuality) -> float:
        """Return when `size_bytes` that enter at `now_s` are through, never before `after_s`."""
        packets = math.ceil(size_bytes / _PACKET_BYTES)
        self._free_at_s = max(self._free_at_s, now_s) + 8.0 * size_bytes / quality.bits_per_s
        at_s = self._free_at_s + quality.delay_s + quality.jitter_s * self._chance.uniform(-1.0, 1.0)
        if self._chance.random() < 1.0 - (1.0 - quality.loss) ** packets:
            at_s += quality.stalls_s
        return max(at_s, after_s, now_s)


class SimulatedLink:
    """The proxy, in a thread of its own. Use it as a context manager.

    Args:
        to_port: where the server listens on the local machine.
        quality: how bad it is; set `quality` to change it while it runs.
        seed: the same seed loses the same packets.

    Attributes:
        port: where headsets connect.
        passed_bytes: what has come through, both ways.
    """

    def __init__(self, to_port: int, quality: LinkQuality, seed: int = 0) -> None:
        self.quality = quality
        self.passed_bytes = 0
        self._to_port = to_port
        chance = random.Random(seed)  # noqa: S311  # a dice, not a secret
        self._ways = (Way(chance), Way(chance))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._whole = asyncio.Event()
        self._whole.set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="link", daemon=True)

    def cut(self) -> None:
        """Let nothing pass either way; connections stay open, as out of a radio's reach."""
        self._do(self._whole.clear)

    def mend(self) -> None:
        """Let everything pass again, what has waited first."""
        self._do(self._whole.set)

    def _do(self, word: Callable[[], None]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(word)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(_STARTS_WITHIN_S):
            raise TimeoutError(f"the simulated link must start within {_STARTS_WITHIN_S:g} s, did not")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ended is not None:
            self._do(self._ended.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        connections: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                connections.add(task)
            with contextlib.suppress(OSError, asyncio.CancelledError):  # either end went: so does the other
                await self._connect(reader, writer)
            if task is not None:
                connections.discard(task)

        server = await asyncio.start_server(serve, sock=self._listener)
        self._started.set()
        await self._ended.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, far_writer, self._ways[0]))
                both.create_task(self._pass(far_reader, writer, self._ways[1]))
        except* OSError:
            pass
        finally:
            for each in (writer, far_writer):
                each.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_BUFFER_BYTES // _READ_BYTES)
        sender = asyncio.create_task(self._send(under_way, writer))
        last_s = 0.0
        try:
            while data := await reader.read(_READ_BYTES):
                last_s = way.arrival_s(len(data), time.monotonic(), last_s, self.quality)
                await under_way.put((last_s, data))
            await under_way.put((last_s, b""))
            await sender
        finally:
            sender.cancel()

    async def _send(
        self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            at_s, data = await under_way.get()
            await asyncio.sleep(max(at_s - time.monotonic(), 0.0))
            await self._whole.wait()
            if not data:
                writer.write_eof()
                return
            self.passed_bytes += len(data)
            writer.write(data)
            await writer.drain()
