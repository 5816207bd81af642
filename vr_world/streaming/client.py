"""`HeadlessHeadset`: a headset without a head, for tests and benchmarks. It speaks the real protocol.

It joins with a code, sends poses, acknowledges every picture and keeps what it received. It decodes nothing
by itself: give its `frames` and `packets` to a decoder.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import math
import ssl
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from vr_world.streaming.control import (
    Hello,
    Ping,
    Pong,
    ServerText,
    pack_client_text,
    parse_server_text,
)
from vr_world.streaming.errors import JoinRefused
from vr_world.streaming.protocol import (
    Ack,
    Down,
    Frame,
    KeyRequest,
    Pose,
    Speech,
    pack_ack,
    pack_key_request,
    pack_pose,
    parse_down,
)

__all__ = ["HeadlessHeadset", "Received", "join"]

#: Half a field of view of 90° per side.
_TAN: Final = (1.0, 1.0, 1.0, 1.0)
_MAX_BYTES: Final = 8 << 20


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A picture or a packet, and when it came (session time on the same machine)."""

    at_s: float
    message: Down


def join(origin: str, code: str, trust: ssl.SSLContext | None = None) -> str:
    """Exchange `code` at `origin` (such as `http://localhost:8080`) for a cookie. Blocks.

    `trust` says which authority to believe for `https`.

    Raises:
        JoinRefused: with the server's reason.
    """
    request = urllib.request.Request(  # noqa: S310  # our own http(s) address
        f"{origin}/api/headset/join",
        data=json.dumps({"code": code}).encode(),
        headers={"content-type": "application/json", "origin": origin},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, context=trust) as answer:  # noqa: S310  # as above
            return str(answer.headers["set-cookie"]).partition(";")[0]
    except urllib.error.HTTPError as error:
        raise JoinRefused(json.loads(error.read())["error"]) from error


class HeadlessHeadset:
    """A connected headset. Make one with `HeadlessHeadset.connected(...)`.

    Args:
        now_s: the clock for stamps; `time.monotonic` is the session clock on the same machine.
        look: yaw in radians at a time, for a head that moves; straight ahead without it.
    """

    def __init__(self, now_s: Callable[[], float], look: Callable[[float], float] | None = None) -> None:
        self.frames: list[Received] = []
        self.packets: list[Received] = []
        self.speech: list[Received] = []
        self.texts: list[ServerText] = []
        self.acknowledging = True
        self.on_frame: Callable[[Frame, float], None] = lambda _frame, _at_s: None
        self.closed: dict[str, int] = {}
        self.sent_poses: dict[int, float] = {}
        self._now_s = now_s
        self._look = look or (lambda _now_s: 0.0)
        self._video: ClientConnection | None = None
        self._control: ClientConnection | None = None
        self._seq = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(
        cls,
        origin: str,
        cookie: str,
        now_s: Callable[[], float],
        *,
        pose_hz: float = 72.0,
        look: Callable[[float], float] | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> AsyncIterator[HeadlessHeadset]:
        """Connect both sockets and send poses while the block lasts."""
        headset = cls(now_s, look)
        base = origin.replace("http", "ws", 1)
        headers = {"cookie": cookie, "origin": origin}
        options: dict[str, Any] = {
            "additional_headers": headers,
            "compression": None,
            "max_size": _MAX_BYTES,
            "ssl": trust,
        }
        async with (
            connect(f"{base}/ws/headset/control", **options) as control,
            connect(f"{base}/ws/headset/video", **options) as video,
        ):
            headset._control, headset._video = control, video
            await control.send(pack_client_text(Hello(version=1, agent="headless")))
            tasks = [
                asyncio.create_task(work)
                for work in (headset._hear(control), headset._see(video), headset._move(video, pose_hz))
            ]
            try:
                yield headset
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def say(self, text: str | bytes) -> None:
        """Send anything on the control socket."""
        if self._control is not None:
            await self._control.send(text)

    async def send_video(self, data: str | bytes) -> None:
        """Send anything on the video socket."""
        if self._video is not None:
            await self._video.send(data)

    async def ping(self) -> Pong:
        """Ask for the server's clock and wait for it."""
        number = len(self.texts)
        await self.say(pack_client_text(Ping(id=number, client_ms=self._now_s() * 1000.0)))
        while True:
            for text in self.texts[number:]:
                if isinstance(text, Pong) and text.id == number:
                    return text
            await asyncio.sleep(0.002)

    async def request_key(self) -> None:
        """Ask for a key frame."""
        await self.send_video(pack_key_request(KeyRequest(reason=0, last_frame_id=0)))

    async def _hear(self, control: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in control:
                if isinstance(message, str):
                    self.texts.append(parse_server_text(message))
                else:
                    received = Received(at_s=self._now_s(), message=parse_down(message))
                    (self.speech if isinstance(received.message, Speech) else self.packets).append(received)
        self.closed["control"] = control.close_code or 1006

    async def _see(self, video: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for data in video:
                frame = parse_down(data if isinstance(data, bytes) else data.encode())
                at_s = self._now_s()
                assert isinstance(frame, Frame)  # noqa: S101  # the video socket carries nothing else
                self.frames.append(Received(at_s=at_s, message=frame))
                self.on_frame(frame, at_s)
                if self.acknowledging:
                    ack = Ack(frame_id=frame.frame_id, received_client_ms=at_s * 1000.0, decode_ms=1.0)
                    await video.send(pack_ack(ack))
        self.closed["video"] = video.close_code or 1006

    async def _move(self, video: ClientConnection, pose_hz: float) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                now_s = self._now_s()
                half = self._look(now_s) / 2.0
                self._seq += 1
                self.sent_poses[self._seq] = now_s
                pose = Pose(
                    seq=self._seq,
                    client_ms=now_s * 1000.0,
                    position=(0.0, 0.0, 0.0),
                    orientation=(0.0, math.sin(half), 0.0, math.cos(half)),
                    tan_left=_TAN,
                    tan_right=_TAN,
                    ipd_m=0.063,
                    display_hz=pose_hz,
                )
                await video.send(pack_pose(pose))
                await asyncio.sleep(1.0 / pose_hz)
