"""What the edge link loses when its connection is cut again and again, and when it is gone for a minute."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import os
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from sensors.edge import CARRIED
from sensors.lsl import Outlet, configure, local_clock
from sensors.raw import Chunk, RawInlets
from vr_world.clock import session_now_s
from vr_world.edge_agent import EdgeAgent, EdgeConfig
from vr_world.edge_door import EdgeDoor
from vr_world.tls import Certificates, ensure_certificates

__all__ = ["BENCH", "Carried", "carry"]

RATE_HZ: Final = 250.0
CHANNELS: Final = 4
CUTS: Final = 100
EVERY_S: Final = 0.3
OUTAGE_S: Final = 60.0
_KEY: Final = "benchmark-key"
_ALL_S: Final = 60.0
_PUSH_S: Final = 0.02


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What was sent and what arrived: sample numbers and stamps, in order of arrival."""

    sent: int
    numbers: np.ndarray
    stamps_s: np.ndarray
    sent_stamps_s: np.ndarray
    connections: int

    @property
    def lost(self) -> int:
        """Samples that never arrived."""
        return self.sent - len(np.unique(self.numbers))

    @property
    def twice(self) -> int:
        """Samples that arrived more than once."""
        return len(self.numbers) - len(np.unique(self.numbers))

    @property
    def stamp_error_s(self) -> float:
        """Largest difference of an arrived stamp to the one it was sent with."""
        return float(np.max(np.abs(self.stamps_s - self.sent_stamps_s[self.numbers])))


class _Proxy:
    """A TCP proxy that can be cut: connections are reset, and refused while `open` is not set."""

    def __init__(self, to_port: int) -> None:
        self.open = True
        self.port = 0
        self._to = to_port
        self._writers: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self.cut()

    def cut(self) -> None:
        """Break every connection at once, in the middle of whatever it carries."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        pair = {writer, far_writer}
        self._writers |= pair
        with contextlib.suppress(OSError):
            await asyncio.wait(
                [
                    asyncio.ensure_future(_pump(reader, far_writer)),
                    asyncio.ensure_future(_pump(far_reader, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        for each in pair:
            each.transport.abort()
        self._writers -= pair


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


class _Sensor(threading.Thread):
    """An LSL outlet of numbered samples, as a device would push them."""

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self.stamps_s: list[float] = []
        self.end = threading.Event()
        self.outlet = Outlet(
            name=name,
            kind="ECG",
            labels=[f"c{i}" for i in range(CHANNELS)],
            rate_hz=RATE_HZ,
            source_id=f"{name}-device",
        )

    def run(self) -> None:
        while not self.end.wait(_PUSH_S):
            if not self.outlet.has_readers():
                continue
            now_s = local_clock()
            began_s = self.stamps_s[-1] if self.stamps_s else now_s - 1.0 / RATE_HZ
            count = int((now_s - began_s) * RATE_HZ)
            first = len(self.stamps_s)
            stamps_s = began_s + np.arange(1, count + 1) / RATE_HZ
            numbers = np.arange(first, first + count, dtype=np.float32)
            self.stamps_s += stamps_s.tolist()
            self.outlet.push(np.repeat(numbers[:, None], CHANNELS, axis=1), stamps_s)


class _Reader(threading.Thread):
    """What a room's recorder sees of the carried stream."""

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self.numbers: list[float] = []
        self.stamps_s: list[float] = []
        self.end = threading.Event()
        self._name = name

    def run(self) -> None:
        raw = RawInlets(lambda s: s.name == self._name and s.source_id.startswith(CARRIED))
        while not self.end.wait(0.02):
            for happening in raw.poll():
                if isinstance(happening, Chunk):
                    self.numbers += happening.samples[:, 0].tolist()
                    self.stamps_s += happening.raw_stamps_s.tolist()
        raw.close()


def carry(*, cuts: int, every_s: float, outage_s: float, lsl_session: str) -> Carried:
    """Carry a stream over TLS through a proxy that is cut `cuts` times, and then for `outage_s`."""
    configure(lsl_session)
    name = f"carried-{os.getpid()}-{time.monotonic_ns()}"
    with tempfile.TemporaryDirectory(prefix="stillwater-edge-") as folder:
        certificates = ensure_certificates(Path(folder), ("localhost", "127.0.0.1"), dt.datetime.now(dt.UTC))
        sensor, reader = _Sensor(name), _Reader(name)
        sensor.start()
        reader.start()
        try:
            connections = asyncio.run(
                _carry(
                    name,
                    certificates,
                    sensor,
                    reader,
                    lsl_session=lsl_session,
                    cuts=(cuts, every_s, outage_s),
                )
            )
        finally:
            for thread in (sensor, reader):
                thread.end.set()
                thread.join()
    return Carried(
        sent=len(sensor.stamps_s),
        numbers=np.asarray(reader.numbers, dtype=np.int64),
        stamps_s=np.asarray(reader.stamps_s),
        sent_stamps_s=np.asarray(sensor.stamps_s),
        connections=connections,
    )


async def _carry(
    name: str,
    certificates: Certificates,
    sensor: _Sensor,
    reader: _Reader,
    *,
    lsl_session: str,
    cuts: tuple[int, float, float],
) -> int:
    count, every_s, outage_s = cuts
    async with _serving(lsl_session, certificates) as port:
        proxy = _Proxy(port)
        async with proxy.running():
            config = EdgeConfig(
                url=f"wss://localhost:{proxy.port}",
                key=_KEY,
                agent=name,
                streams=(name,),
                authority=str(certificates.authority),
            )
            agent = EdgeAgent(config, lambda _line: None)
            running = asyncio.create_task(agent.run())
            try:
                await _until(lambda: len(reader.numbers) > 0, running)
                for _ in range(count):
                    await asyncio.sleep(every_s)
                    before = agent.connections
                    proxy.cut()
                    await _until(lambda seen=before: agent.connections > seen, running)  # type: ignore[misc]  # binds the loop's value
                if outage_s:
                    proxy.open = False
                    proxy.cut()
                    await asyncio.sleep(outage_s)
                    proxy.open = True
                sensor.end.set()
                await _until(
                    lambda: bool(reader.numbers) and reader.numbers[-1] == len(sensor.stamps_s) - 1, running
                )
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    return agent.connections


async def _until(happened: Callable[[], bool], running: asyncio.Task[None]) -> None:
    end_s = time.monotonic() + _ALL_S
    while not happened():
        if running.done():
            running.result()
        if time.monotonic() > end_s:
            raise BenchmarkFailed(
                f"every sample must arrive within {_ALL_S:g} s after the last cut, some did not"
            )
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _serving(lsl_session: str, certificates: Certificates) -> AsyncIterator[int]:
    door = EdgeDoor(key=_KEY, pins=(), lsl_session=lsl_session, lan=False, now_s=session_now_s)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Starlette(routes=[WebSocketRoute("/ws/edge", door.socket)]),
        ws="websockets-sansio",
        lifespan="off",
        log_level="error",
        ssl_certfile=str(certificates.certificate),
        ssl_keyfile=str(certificates.key),
        timeout_graceful_shutdown=1,
    )
    config.load()
    assert config.ssl is not None  # noqa: S101  # load() made it
    config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


def run(progress: Progress) -> list[Figure]:
    """Carry a stream for about a minute and a half."""
    session = f"stillwater-bench-{os.getpid()}"
    progress(f"cutting the connection {CUTS} times")
    cut = carry(cuts=CUTS, every_s=EVERY_S, outage_s=0.0, lsl_session=session)
    progress(f"pulling the plug for {OUTAGE_S:g} s")
    gone = carry(cuts=0, every_s=EVERY_S, outage_s=OUTAGE_S - 2.0, lsl_session=session)
    return [
        Figure(name="connections made", value=cut.connections, unit="1", note=f"after {CUTS} cuts"),
        Figure(name="lost in cuts", value=cut.lost, unit="samples", limit=cut.sent, note="of all sent"),
        Figure(name="twice in cuts", value=cut.twice, unit="samples", limit=cut.sent, note="of all sent"),
        Figure(
            name="stamps moved by", value=1000.0 * cut.stamp_error_s, unit="ms", limit=1.0, note="one machine"
        ),
        Figure(
            name=f"lost in {OUTAGE_S - 2.0:g} s without a network",
            value=gone.lost,
            unit="samples",
            limit=gone.sent,
            note="of all sent",
        ),
    ]


BENCH: Final = Benchmark(name="edge", title="Edge link through a cut TLS connection", run=run)
