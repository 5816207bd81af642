"""A small real server for the headset page's tests: it streams a *chart*, a world of known directions.

White dots lie at `DOTS` (infinitely far), one at `NEAR_POINT` (1 m), patches of known colour at `PATCHES`.
Every picture is rendered for exactly the pose and field of view that its header names, encoded by the same
codecs as the product, and everything that passes the wire is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import relief
import uvicorn
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from vr_world.rendering.foveated import FOVEATED_FROM_PX, foveation, packed_shape
from vr_world.rendering.view import View
from vr_world.streaming import control, protocol
from vr_world.streaming.errors import BadMessage, JoinRefused
from vr_world.streaming.join import JoinDesk

COOKIE: Final = "stillwater_headset"
#: (azimuth, elevation) in degrees, azimuth to the right.
DOTS: Final = tuple((float(a), float(e)) for e in (-10, 0, 10) for a in (-40, -24, -8, 8, 24, 40))
DOT_RADIUS_DEG: Final = 1.5
NEAR_POINT: Final = (0.0, -0.404, -1.0)  # elevation −22°
PATCHES: Final = {(-12.0, 22.0): (190, 60, 50), (0.0, 22.0): (60, 150, 70), (12.0, 22.0): (70, 80, 190)}
PATCH_RADIUS_DEG: Final = 3.0
BACKGROUND: Final = (26, 28, 34)
OVERSCAN: Final = math.radians(12.0)
EYE_PX: Final = 384
FPS: Final = 20
MAX_IN_FLIGHT: Final = 3
TONE_HZ: Final = (330.0, 440.0)
PLACE_HZ = 3000.0
TONE_AMPLITUDE: Final = 0.2
DEFAULT_TAN: Final = (1.0, 1.0, 1.0, 1.0)
CSP: Final = "default-src 'self'"


def direction(azimuth_deg: float, elevation_deg: float) -> NDArray[np.float64]:
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    return np.array([math.sin(a) * math.cos(e), math.sin(e), -math.cos(a) * math.cos(e)])


def rotation(q: protocol.Quaternion) -> NDArray[np.float64]:
    x, y, z, w = np.array(q) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def render_eye(
    pose: protocol.Pose, tan: protocol.Fov, eye_offset_m: float, size_px: int = EYE_PX
) -> NDArray[np.uint8]:
    """Return what one eye sees, shape (size, size, 3), RGB."""
    turn = rotation(pose.orientation)
    picture = np.empty((size_px, size_px, 3), np.float32)
    picture[:] = BACKGROUND
    eye = eye_at(pose, eye_offset_m)
    near = np.array(NEAR_POINT) - eye
    white = (235, 235, 235)
    _spot(picture, tan, turn.T @ (near / np.linalg.norm(near)), DOT_RADIUS_DEG, white)
    for where in DOTS:
        _spot(picture, tan, turn.T @ direction(*where), DOT_RADIUS_DEG, white)
    for where, rgb in PATCHES.items():
        _spot(picture, tan, turn.T @ direction(*where), PATCH_RADIUS_DEG, rgb)
    return (picture + 0.5).astype(np.uint8)


def render_divided(
    pose: protocol.Pose, tans: Sequence[protocol.Fov], parts: protocol.Foveation
) -> NDArray[np.uint8]:
    """Return what both eyes see, coarse with a fine middle, as one picture."""
    rim, middle = parts.rim_px, parts.middle_px
    picture = np.zeros((rim + middle, 2 * rim, 3), np.uint8)
    fine = (parts.middle_left, parts.middle_right)
    for index, (tan, inner, side) in enumerate(zip(tans, fine, (-1, 1), strict=True)):
        left, offset_m = index * rim, side * pose.ipd_m / 2
        picture[:rim, left : left + rim] = render_eye(pose, tan, offset_m, rim)
        picture[rim:, left : left + middle] = render_eye(pose, inner, offset_m, middle)
    return picture


def render_round(size_px: int = EYE_PX) -> NDArray[np.uint8]:
    """Return the chart as an equirectangular picture, shape (size, 2 size, 3), RGB: −z in the middle."""
    azimuth = np.radians((np.arange(2 * size_px) + 0.5) / (2 * size_px) * 360.0 - 180.0)
    elevation = np.radians(90.0 - (np.arange(size_px) + 0.5) / size_px * 180.0)[:, None]
    flat = np.cos(elevation)
    rays = np.stack([np.sin(azimuth) * flat, np.sin(elevation) + 0 * azimuth, -np.cos(azimuth) * flat], -1)
    picture = np.empty((size_px, 2 * size_px, 3), np.float32)
    picture[:] = BACKGROUND
    near = np.array(NEAR_POINT) / np.linalg.norm(NEAR_POINT)
    white = [(direction(*where), DOT_RADIUS_DEG, (235, 235, 235)) for where in DOTS]
    coloured = [(direction(*where), PATCH_RADIUS_DEG, rgb) for where, rgb in PATCHES.items()]
    for towards, radius_deg, rgb in [(near, DOT_RADIUS_DEG, (235, 235, 235)), *white, *coloured]:
        angle = np.arccos(np.clip(rays @ towards, -1.0, 1.0))
        cover = np.clip((math.radians(radius_deg) - angle) / (math.pi / size_px) + 0.5, 0.0, 1.0)[..., None]
        picture += (cover * (np.array(rgb) - picture)).astype(np.float32)
    return (picture + 0.5).astype(np.uint8)


def eye_at(pose: protocol.Pose, eye_offset_m: float) -> NDArray[np.float64]:
    at: NDArray[np.float64] = np.array(pose.position) + rotation(pose.orientation) @ [eye_offset_m, 0.0, 0.0]
    return at


def render_relief(pose: protocol.Pose, tan: protocol.Fov, eye_offset_m: float) -> NDArray[np.uint8]:
    """Return what one eye sees of the room of `relief`: its dots."""
    turn, eye = rotation(pose.orientation), eye_at(pose, eye_offset_m)
    picture = np.empty((EYE_PX, EYE_PX, 3), np.float32)
    picture[:] = BACKGROUND
    for point in relief.POINTS:
        towards = turn.T @ (np.array(point) - eye)
        _spot(picture, tan, towards / np.linalg.norm(towards), DOT_RADIUS_DEG, (235, 235, 235))
    return (picture + 0.5).astype(np.uint8)


def _spot(
    picture: NDArray[np.float32],
    tan: protocol.Fov,
    towards: NDArray[np.float64],
    radius_deg: float,
    rgb: tuple[int, int, int],
) -> None:
    """Draw an anti-aliased disc of `radius_deg` around the direction `towards` (eye axes)."""
    left, right, up, down = tan
    size_px = picture.shape[0]
    x, y, z = towards
    if z > -0.2:
        return
    across, along = (left + right) / size_px, (up + down) / size_px
    column, row = (x / -z + left) / across, (up - y / -z) / along
    reach_px = 3 + math.tan(math.radians(radius_deg)) / (z * z) / min(across, along) * 1.2
    c0, c1 = (int(np.clip(column + s * reach_px, 0, size_px)) for s in (-1, 1))
    r0, r1 = (int(np.clip(row + s * reach_px, 0, size_px)) for s in (-1, 1))
    rays = np.empty((r1 - r0, c1 - c0, 3))
    rays[..., 0] = (np.arange(c0, c1) + 0.5) * across - left
    rays[..., 1] = (up - (np.arange(r0, r1) + 0.5) * along)[:, None]
    rays[..., 2] = -1.0
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    angle = np.arccos(np.clip(rays @ towards, -1.0, 1.0))
    cover = np.clip((math.radians(radius_deg) - angle) / across + 0.5, 0.0, 1.0)[..., None]
    window = picture[r0:r1, c0:c1]
    window += (cover * (np.array(rgb) - window)).astype(np.float32)


class Encoder:
    """One stream of stereo pictures: H.264 as the product sends it, or VP9 4:4:4, not uploaded as planes."""

    def __init__(self, codec: protocol.Codec, width: int = 2 * EYE_PX, height: int = EYE_PX) -> None:
        self.codec = codec
        h264 = codec == "h264"
        self._context: Any = av.CodecContext.create("libx264" if h264 else "libvpx-vp9", "w")
        self._context.width, self._context.height = width, height
        self._context.pix_fmt = "yuv420p" if h264 else "yuv444p"
        self._context.time_base = Fraction(1, 1000)
        self._context.framerate = Fraction(FPS)
        self._context.colorspace, self._context.color_range = 1, 1  # BT.709, limited: as the product
        self._context.bit_rate = 6_000_000
        self._context.gop_size = 1_000_000
        self._context.options = (
            {
                "preset": "ultrafast",
                "tune": "zerolatency",
                "profile": "baseline",
                "x264-params": "keyint=infinite:scenecut=0:repeat-headers=1",
            }
            if h264
            else {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"}
        )
        self._count = 0

    def encode(self, rgb: NDArray[np.uint8], *, key: bool) -> tuple[bytes, bool]:
        picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
            format=self._context.pix_fmt, dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        picture.pts = self._count * 1000 // FPS
        self._count += 1
        picture.pict_type = av.video.frame.PictureType.I if key else av.video.frame.PictureType.NONE
        packets = self._context.encode(picture)
        return b"".join(bytes(p) for p in packets), any(p.is_keyframe for p in packets)


@dataclasses.dataclass
class Log:
    """Everything that passed the wire, in order."""

    frames: list[protocol.Frame] = dataclasses.field(default_factory=list)
    poses: list[protocol.Pose] = dataclasses.field(default_factory=list)
    shown: list[protocol.Shown] = dataclasses.field(default_factory=list)
    acks: list[protocol.Ack] = dataclasses.field(default_factory=list)
    key_requests: list[protocol.KeyRequest] = dataclasses.field(default_factory=list)
    texts: list[control.ClientText] = dataclasses.field(default_factory=list)
    mic: list[protocol.Microphone] = dataclasses.field(default_factory=list)
    refused: list[str] = dataclasses.field(default_factory=list)

    def texts_of(self, kind: type[Any]) -> list[Any]:
        return [t for t in self.texts if isinstance(t, kind)]


class ChartServer:
    """Runs in a thread of the test's process. `base` is its address.

    With `relief` it shows the room of `relief`, with its depth as long as `with_depth` says so. While `held`
    is a pose, every picture is drawn for that one, wherever the head is: a picture that comes too late.
    """

    def __init__(
        self,
        pages: Path,
        codec: protocol.Codec = "h264",
        port: int = 0,
        *,
        relief: bool = False,
        panorama: bool = False,
        foveated: bool = False,
    ) -> None:
        self.relief = relief
        self.foveated = foveated
        self.round = render_round() if panorama else None
        self.with_depth = True
        self.held: protocol.Pose | None = None
        self.log = Log()
        self.codec = codec
        self.desk = JoinDesk(secrets.randbelow, secrets.token_urlsafe)
        self.frozen = False
        self.place = False  # sockets stay open, nothing is sent
        self.cut_off = False  # sockets are closed and refused
        self.phase = "RUNNING"
        self._sockets: dict[str, WebSocket] = {}
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        self.base = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            self._app(pages),
            log_level="error",
            ws="websockets-sansio",
            lifespan="off",
            ws_per_message_deflate=False,
        )
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chart-server", daemon=True)
        self._thread.start()
        assert self._started.wait(20), "chart server did not start"

    def code(self) -> str:
        return self.desk.issue("1", time.monotonic()).code

    def stop(self) -> None:
        """Go away as a killed process does: sockets are dropped, nobody listens."""
        if not self._thread.is_alive():
            return
        self._server.force_exit = True
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "chart server did not stop"

    def cut(self) -> None:
        """Close both sockets as a restarting room does (1012) and refuse new ones."""
        self.cut_off = True
        for name in list(self._sockets):
            self._do(self._sockets[name].close(1012))

    def send_video(self, data: bytes) -> None:
        self._do(self._sockets["video"].send_bytes(data))

    def send_video_text(self, text: str) -> None:
        self._do(self._sockets["video"].send_text(text))

    def send_sound(self, data: bytes) -> None:
        self._do(self._sockets["control"].send_bytes(data))

    def send_text(self, text: str) -> None:
        self._do(self._sockets["control"].send_text(text))

    def say(self, message: control.ServerText) -> None:
        self.send_text(control.pack_text(message))

    def close_sockets(self, code: int) -> None:
        for name in list(self._sockets):
            with contextlib.suppress(RuntimeError):  # the page closes the second one itself
                self._do(self._sockets[name].close(code))

    def _do(self, coroutine: Any) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._started.set()
            await self._server.serve(sockets=[self._listener])

        asyncio.run(serve())

    def _app(self, pages: Path) -> Starlette:
        routes = [
            Route("/api/headset/join", self._join, methods=["POST"]),
            Route("/api/headset/state", self._state),
            WebSocketRoute("/ws/headset/video", self._video),
            WebSocketRoute("/ws/headset/control", self._control),
            Mount("/", StaticFiles(directory=pages, html=True)),
        ]
        return Starlette(routes=routes, middleware=[Middleware(_Policy)])

    # ---- joining ----

    async def _join(self, request: Request) -> Response:
        body = await request.json()
        try:
            joined, secret = self.desk.redeem(
                str(body["code"]), peer="browser", secret=request.cookies.get(COOKIE), now_s=time.monotonic()
            )
        except JoinRefused as refused:
            return JSONResponse({"error": str(refused)}, status_code=refused.status)
        answer = JSONResponse({"headset": joined.headset, "room": joined.room})
        answer.set_cookie(COOKIE, secret, httponly=True, samesite="strict", path="/")
        return answer

    async def _state(self, request: Request) -> Response:
        joined = self.desk.who(request.cookies.get(COOKIE), time.monotonic())
        return JSONResponse({"joined": joined is not None})

    async def _admitted(self, ws: WebSocket, name: str) -> bool:
        if self.cut_off:
            await ws.close(1012)
            return False
        await ws.accept()  # a refusal before the accept would reach the page without its code
        if self.desk.who(ws.cookies.get(COOKIE), time.monotonic()) is None:
            await ws.close(4401)
            return False
        self._sockets[name] = ws
        if self.cut_off:  # since the accept: the page has it open already, and `cut` may not have seen it
            await ws.close(1012)
            return False
        return True

    # ---- video ----

    async def _video(self, ws: WebSocket) -> None:
        if not await self._admitted(ws, "video"):
            return
        link = _VideoLink(self, ws)
        sender = asyncio.create_task(link.send())
        try:
            await link.receive()
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await sender

    # ---- control and sound ----

    async def _control(self, ws: WebSocket) -> None:
        if not await self._admitted(ws, "control"):
            return
        sender = asyncio.create_task(self._play_place(ws) if self.place else self._play(ws))
        try:
            async for said in _messages(ws):
                if isinstance(said, bytes):
                    self._hear(said)
                else:
                    await self._answer(ws, said)
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await sender

    def _hear(self, data: bytes) -> None:
        try:
            self.log.mic.append(protocol.parse_microphone(data))
        except BadMessage as bad:
            self.log.refused.append(str(bad))

    async def _play_place(self, ws: WebSocket) -> None:
        """Send a soft, high tone from straight ahead, and a bed of silence."""
        bed, places = _opus(), (_opus(), _opus())
        start_s, seq = time.monotonic(), 0
        while True:
            tone = 0.2 * np.sin(2 * np.pi * PLACE_HZ * (np.arange(480) + 480 * seq) / 48_000)
            silence = np.zeros(480)
            # W and X alike: from ahead; Y and Z: not from a side, not from above
            pairs = [
                _packet(
                    codec, np.stack([tone if i == 0 else silence, silence if i == 0 else tone], axis=1), seq
                )
                for i, codec in enumerate(places)
            ]
            at_s = start_s + seq * 0.01 + 0.06
            place = protocol.AudioPlace(seq=seq, play_at_s=at_s, payload=pairs[0], second=pairs[1])
            payload = _packet(bed, np.stack([silence, silence], axis=1), seq)
            await ws.send_bytes(protocol.pack_audio_place(place))
            await ws.send_bytes(protocol.pack_audio(protocol.Audio(seq=seq, play_at_s=at_s, payload=payload)))
            seq += 1
            await asyncio.sleep(max(0.0, start_s + seq * 0.01 - time.monotonic()))

    async def _answer(self, ws: WebSocket, text: str) -> None:
        try:
            message = control.parse_text(text)
        except BadMessage as bad:
            self.log.refused.append(str(bad))
            return
        self.log.texts.append(message)
        if self.frozen:
            return
        match message:
            case control.Hello():
                await ws.send_text(
                    control.pack_text(control.Welcome(headset="h", session={"phase": self.phase}))
                )
            case control.Ping(id=ping_id, client_ms=client_ms):
                pong = control.Pong(id=ping_id, client_ms=client_ms, server_s=time.monotonic())
                await ws.send_text(control.pack_text(pong))
            case control.Stop():
                self.phase = "STOPPED"
                await ws.send_text(control.pack_text(control.PhaseChanged(phase="STOPPED")))
            case _:
                pass

    async def _play(self, ws: WebSocket) -> None:
        encoder: Any = av.CodecContext.create("libopus", "w")
        encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "flt"
        encoder.time_base = Fraction(1, 48_000)
        encoder.options = {"frame_duration": "10"}
        start_s, seq = time.monotonic(), 0
        while True:
            t = (np.arange(480) + 480 * seq) / 48_000
            wave = TONE_AMPLITUDE * np.sin(2 * np.pi * np.stack([f * t for f in TONE_HZ], axis=1))
            sound = av.AudioFrame.from_ndarray(wave.astype(np.float32).reshape(1, -1), "flt", "stereo")
            sound.sample_rate, sound.pts = 48_000, 480 * seq
            for packet in encoder.encode(sound):
                play_at_s = start_s + seq * 0.01 + 0.06
                if not self.frozen:
                    message = protocol.Audio(seq=seq, play_at_s=play_at_s, payload=bytes(packet))
                    await ws.send_bytes(protocol.pack_audio(message))
            seq += 1
            await asyncio.sleep(max(0.0, start_s + seq * 0.01 - time.monotonic()))


def _opus() -> Any:
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = 48_000, "stereo", "flt"
    codec.options = {"frame_duration": "10"}
    codec.open()
    return codec


def _packet(codec: Any, sound: np.ndarray, seq: int) -> bytes:
    frame = av.AudioFrame.from_ndarray(sound.astype(np.float32).reshape(1, -1), "flt", "stereo")
    frame.sample_rate, frame.pts = 48_000, 480 * seq
    return b"".join(bytes(packet) for packet in codec.encode(frame))


class _VideoLink:
    def __init__(self, server: ChartServer, ws: WebSocket) -> None:
        self.server, self.ws, self.log = server, ws, server.log
        self.pose: protocol.Pose | None = None
        self.key_wanted = True
        self.in_flight: set[int] = set()
        self.last_ack_s = time.monotonic()

    async def receive(self) -> None:
        async for data in _binaries(self.ws):
            try:
                message = protocol.parse_up(data)
            except BadMessage as bad:
                self.log.refused.append(str(bad))
                continue
            match message:
                case protocol.Pose():
                    self.pose = message
                    self.log.poses.append(message)
                case protocol.Ack():
                    self.in_flight.discard(message.frame_id)
                    self.last_ack_s = time.monotonic()
                    self.log.acks.append(message)
                case protocol.KeyRequest():
                    self.key_wanted = True
                    self.log.key_requests.append(message)
                case protocol.Shown():
                    self.log.shown.append(message)

    async def send(self) -> None:
        size = packed_shape(FOVEATED_FROM_PX)[::-1] if self.server.foveated else (2 * EYE_PX, EYE_PX)
        encoder = Encoder(self.server.codec, *size)
        frame_id = len(self.log.frames)
        while True:
            due_s = time.monotonic() + 1 / FPS
            if time.monotonic() - self.last_ack_s > 1.0:
                self.in_flight.clear()
                self.last_ack_s, self.key_wanted = time.monotonic(), True
            if not self.server.frozen and len(self.in_flight) < MAX_IN_FLIGHT:
                frame_id += 1
                key, self.key_wanted = self.key_wanted, False
                frame = await asyncio.to_thread(self._frame, encoder, frame_id, self.pose, key=key)
                self.log.frames.append(frame)
                self.in_flight.add(frame_id)
                await self.ws.send_bytes(protocol.pack_frame(frame))
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    def _frame(
        self, encoder: Encoder, frame_id: int, pose: protocol.Pose | None, *, key: bool
    ) -> protocol.Frame:
        render_at_s = time.monotonic()
        pose = self.server.held or pose
        seen = pose or IDLE
        tans = [_wider(tan) for tan in (seen.tan_left, seen.tan_right)]
        draw = render_relief if self.server.relief else render_eye
        if self.server.round is not None:
            return self._panorama(encoder, frame_id, render_at_s, key=key)
        eyes = [draw(seen, tan, side * seen.ipd_m / 2) for tan, side in zip(tans, (-1, 1), strict=True)]
        picture, parts = np.concatenate(eyes, axis=1), None
        if self.server.foveated:
            parts = foveation(View(tan_left=tans[0], tan_right=tans[1]), FOVEATED_FROM_PX)
            assert parts is not None
            picture = render_divided(seen, tans, parts)
        depth = b""
        if self.server.relief and self.server.with_depth:
            places = [eye_at(seen, side * seen.ipd_m / 2) for side in (-1, 1)]
            depth = relief.packed_depth(places, rotation(seen.orientation), tans)
        payload, is_key = encoder.encode(picture, key=key)
        return protocol.Frame(
            frame_id=frame_id,
            pose_seq=pose.seq if pose else 0,
            eye_width=EYE_PX,
            eye_height=EYE_PX,
            render_at_s=render_at_s,
            sent_at_s=time.monotonic(),
            pose_client_ms=seen.client_ms,
            position=seen.position,
            orientation=seen.orientation,
            tan_left=tans[0],
            tan_right=tans[1],
            ipd_m=seen.ipd_m,
            key=is_key,
            codec=encoder.codec,
            payload=payload,
            depth=depth,
            foveation=parts,
        )

    def _panorama(self, encoder: Encoder, frame_id: int, render_at_s: float, *, key: bool) -> protocol.Frame:
        assert self.server.round is not None
        payload, is_key = encoder.encode(self.server.round, key=key)
        return protocol.Frame(
            frame_id=frame_id,
            pose_seq=0,
            eye_width=2 * EYE_PX,
            eye_height=EYE_PX,
            render_at_s=render_at_s,
            sent_at_s=time.monotonic(),
            pose_client_ms=0.0,
            position=IDLE.position,
            orientation=IDLE.orientation,
            tan_left=IDLE.tan_left,
            tan_right=IDLE.tan_right,
            ipd_m=0.0,
            key=is_key,
            codec=encoder.codec,
            payload=payload,
            panorama=True,
        )


IDLE: Final = protocol.Pose(
    seq=1,
    client_ms=0.0,
    position=(0.0, 0.0, 0.0),
    orientation=(0.0, 0.0, 0.0, 1.0),
    tan_left=DEFAULT_TAN,
    tan_right=DEFAULT_TAN,
    ipd_m=0.064,
    display_hz=0.0,
)


def _wider(tan: protocol.Fov) -> protocol.Fov:
    left, right, up, down = (float(np.float32(math.tan(math.atan(t) + OVERSCAN))) for t in tan)
    return left, right, up, down


async def _binaries(ws: WebSocket) -> AsyncIterator[bytes]:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            yield await ws.receive_bytes()


async def _messages(ws: WebSocket) -> AsyncIterator[str | bytes]:
    while (message := await ws.receive())["type"] == "websocket.receive":
        data = message.get("bytes")
        yield message["text"] if data is None else data


class _Policy:
    """The product's content policy on every page, so that the tests see what it forbids."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", CSP.encode())]
            await send(message)

        await self.app(scope, receive, with_policy if scope["type"] == "http" else send)


MakeChart = Callable[..., ChartServer]
