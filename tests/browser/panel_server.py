"""A small real server for the panel's tests: the clinic's routes and database; the test plays the room.

Only the room is a double (`clinic.testing.RoomsDouble`). It speaks ten times a second and, while its session
runs, shows a picture three times a second, as a room does.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeVar

import argon2
import av
import numpy as np
import segno
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clinic.accounts import Accounts
from clinic.api import panel_routes
from clinic.figures import PatientFigures
from clinic.limiter import TryLimiter
from clinic.memory import GuideMemory
from clinic.sessions import SessionIndex
from clinic.slow import SlowChannel
from clinic.store import open_store
from clinic.testing import RoomsDouble

PASSWORD: Final = "quiet water under stars"
#: The strictest policy that a page can have: whatever needs more fails here.
POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
)
CHEAP: Final = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
STATE_EVERY_S: Final = 0.1

T = TypeVar("T")


def sea(phase: float) -> bytes:
    """A JPEG of something like the sea at dusk; `phase` 0…1 moves it."""
    high, wide = 360, 640
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    up = np.clip(1 - y / 200, 0, 1)[..., None]
    sky = (1 - up) * np.array([232, 150, 104]) + up * np.array([30, 52, 92])
    wave = 0.5 + 0.5 * np.sin((y - 200) / 6 + 0.6 * np.sin(x / 40 + 6.28 * phase) + 6.28 * phase)
    glint = wave * np.exp(-(((x - 330) / (30 + (y - 200).clip(0) * 0.7)) ** 2))
    water = np.array([18, 44, 66]) + glint[..., None] * np.array([190, 120, 70])
    picture = np.where((y < 200)[..., None], sky, water).clip(0, 255).astype(np.uint8)
    codec = av.CodecContext.create("mjpeg", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.time_base = wide, high, "yuvj420p", Fraction(1, 4)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


class Cable:
    """A length of TCP between the browser and the server, which a test can cut and plug in again."""

    def __init__(self, inner_port: int) -> None:
        self.port = 0
        self._inner_port = inner_port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def plug_in(self) -> None:
        """Listen on the port; the same one as before."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Drop what is connected and take nothing new."""
        if self._server is not None:
            self._server.close()
        for end in self._ends:
            end.transport.abort()

    async def _carry(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far_in, far_out = await asyncio.open_connection("127.0.0.1", self._inner_port)
        ends = {near_out, far_out}
        self._ends |= ends
        await asyncio.gather(_copy(near_in, far_out), _copy(far_in, near_out))
        self._ends -= ends


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # a cut cable ends both ways
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


class PanelServer:
    """The server, in a thread of its own. Leave it with `stop()`."""

    def __init__(self, pages: Path, folder: Path, *, set_up: bool = True) -> None:
        self.rooms = RoomsDouble()
        self.speaking = True
        self._store = open_store(folder / "clinic.sqlite")
        self.accounts = Accounts(
            self._store,
            utc_s=time.time,
            now_s=time.monotonic,
            hasher=CHEAP,
            limiter=TryLimiter(per_address=3),
        )
        if set_up:
            self.accounts.set_up(self.accounts.setup_code or "", PASSWORD, "test")
        self.figures = PatientFigures(self._store, utc_s=time.time)
        self.memory = GuideMemory(self._store, utc_s=time.time)
        self._app = self._application(pages)
        self._pictures = [sea(i / 8) for i in range(8)]
        self._began_s = time.monotonic()
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._cable = Cable(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._run, name="panel-server")
        self._thread.start()
        assert self._up.wait(30), "the server did not start"
        self.url = f"http://127.0.0.1:{self._cable.port}/panel/"

    def run(self, work: Callable[[], T]) -> T:
        """Do `work` where the room lives and return its result."""
        done: Future[T] = Future()

        def carry_out() -> None:
            try:
                done.set_result(work())
            except Exception as error:  # noqa: BLE001  # it is raised where it was asked for
                done.set_exception(error)

        self._loop.call_soon_threadsafe(carry_out)
        return done.result(30)

    def publish(self, **changes: Any) -> None:
        """Change the room's state."""
        self.run(lambda: self.rooms.publish(**changes))

    def commands(self) -> list[tuple[str, dict[str, float | None]]]:
        """What the therapist asked for so far."""
        return self.run(lambda: [(c.name, dict(c.steer)) for c in self.rooms.commands])

    @contextlib.contextmanager
    def unreachable(self) -> Iterator[None]:
        """Cut every connection and take no new one."""
        self.run(self._cable.cut)
        yield
        asyncio.run_coroutine_threadsafe(self._cable.plug_in(), self._loop).result(30)

    def stop(self) -> None:
        self.run(lambda: setattr(self._server, "should_exit", True))
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._store.close()

    def _application(self, pages: Path) -> ASGIApp:
        async def join(_request: Request) -> Response:
            picture = io.BytesIO()
            segno.make("https://clinic.test/#480213").save(
                picture, kind="svg", scale=4, border=1, xmldecl=False
            )
            return Response(
                picture.getvalue(), media_type="image/svg+xml", headers={"cache-control": "no-store"}
            )

        app = Starlette(
            routes=[
                Route("/api/rooms/1/join.svg", join),
                *panel_routes(
                    accounts=self.accounts,
                    sessions=SessionIndex(self._store),
                    context=SlowChannel(self._store, utc_s=time.time),
                    memory=self.memory,
                    figures=self.figures,
                    rooms=self.rooms,
                    version="0",
                    check_every_s=0.2,
                ),
                Mount("/", StaticFiles(directory=pages, html=True)),
            ]
        )

        async def with_policy(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_more(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [
                        *message["headers"],
                        (b"content-security-policy", POLICY.encode()),
                    ]
                await send(message)

            await app(scope, receive, send_more)

        return with_policy

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        config = uvicorn.Config(
            self._app,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        playing = asyncio.create_task(self._play())
        await self._cable.plug_in()
        self._loop.call_soon(self._up.set)
        await self._server.serve(sockets=[self._socket])
        self._cable.cut()
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)

    async def _play(self) -> None:
        """Let the room speak."""
        count = 0
        while True:
            await asyncio.sleep(STATE_EVERY_S)
            if not self.speaking:
                continue
            count += 1
            now_s = time.monotonic()
            self.rooms.publish(at_s=now_s)
            if self.rooms.now["phase"] in {"RUNNING", "PAUSED", "RETURNING"} and count % 3 == 0:
                self.rooms.publish_picture(self._pictures[count // 3 % 8])


def body_at(second: float, at_s: float) -> dict[str, Any]:
    """A patient's state, `second` seconds into a session: calm, slowly calmer, with believable noise."""
    ease = math.exp(-second / 240)
    heart = 66 + 9 * ease + 2.2 * math.sin(second / 6.1) + 0.8 * math.sin(second / 1.7)
    breath = 6.1 + 4 * ease + 0.4 * math.sin(second / 17)
    return {
        "elapsed_s": second,
        "stage": {
            "name": "Settle",
            "kind": "SETTLE",
            "index": 1,
            "elapsed_s": max(second - 120, 0),
            "duration_s": 240.0,
        },
        "vitals": {
            "heart_rate": _vital(heart, "bpm", 0.94, 0.4, 10),
            "rmssd": _vital(31 + 14 * (1 - ease) + 2 * math.sin(second / 11), "ms", 0.81, 0.9, 60),
            "breath_rate": _vital(breath, "1/min", 0.58, 1.8, 30),
        },
        "arousal": {"value": 0.42 * ease - 0.1, "confidence": 0.72},
        "coherence": 0.5,
        "breath_phase": second / 10 % 1,
        "pacer_phase": second / 10 % 1,
        "why": [
            _why(at_s - 5, "tempo_bpm", 66.0, 64.0, "arousal above aim", 0.72),
            _why(at_s - 19, "density", 0.31, 0.22, "breath followed the pacer for 60 s", 0.64),
            _why(at_s - 41, "breath_pace_per_min", 7.2, 7.0, "leading towards 6 per minute", 0.58),
            _why(at_s - 63, "weather", 0.42, 0.36, "arousal falls towards the aim", 0.7),
            _why(at_s - 96, "light", 0.44, 0.4, "stage Settle: the evening goes on", 1.0),
        ],
        "streams": [
            {
                "name": "chest strap",
                "kind": "ECG",
                "rate_hz": 250.0,
                "quality": 0.94,
                "alive": True,
                "age_s": 0.1,
            },
            {
                "name": "belt",
                "kind": "Respiration",
                "rate_hz": 25.0,
                "quality": 0.58,
                "alive": True,
                "age_s": 0.2,
            },
        ],
        "headset": {"connected": True, "fps": 29.7, "frame_age_ms": 41.0, "rtt_ms": 6.0},
        "processes": [
            {"name": "renderer", "alive": True, "restarts": 0, "detail": "30 fps, 640 px"},
            {"name": "audio", "alive": True, "restarts": 0, "detail": "0 late blocks, −27.1 LUFS"},
            {"name": "recorder", "alive": True, "restarts": 1, "detail": "0.1 s behind"},
        ],
        "recording": {"on": True, "bytes": 2_430_000, "path": "20261122T190000Z-room1"},
        "join": None,
    }


def _vital(value: float, unit: str, quality: float, age_s: float, window_s: float) -> dict[str, Any]:
    return {
        "value": value,
        "unit": unit,
        "quality": quality,
        "age_s": age_s,
        "window_s": window_s,
        "reason": "",
    }


def _why(
    at_s: float, control: str, was: float, now: float, because: str, confidence: float
) -> dict[str, Any]:
    return {
        "at_s": at_s,
        "control": control,
        "was": was,
        "now": now,
        "because": because,
        "confidence": confidence,
    }
