"""The web application: pages, the clinic's API, a headset's way in and the relay to its room."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import segno
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from clinic.accounts import Accounts
from clinic.api import panel_routes, signed_in_as
from clinic.errors import ClinicError, Forbidden, NoSuchRoom
from clinic.memory import GuideMemory
from clinic.sessions import SessionIndex
from clinic.slow import SlowChannel
from clinic.wire import (
    address_of,
    check_origin,
    decode,
    error_response,
    json_response,
    read_body,
)
from vr_world import VERSION
from vr_world.edge_door import EdgeDoor
from vr_world.rooms import Rooms
from vr_world.streaming.errors import JoinRefused, TooManyTries
from vr_world.streaming.join import JOINED_VALID_S, JoinDesk, Joined

__all__ = ["HEADSET_COOKIE", "STATIC", "make_app"]

STATIC: Final = Path(__file__).parent / "static"
HEADSET_COOKIE: Final = "stillwater_headset"
#: A frame at the highest quality stays far below; a room is ours, but a bound costs nothing.
MAX_DOWN_BYTES: Final = 8 << 20

NOT_JOINED: Final = 4401
OTHER_ORIGIN: Final = 4403
RESTARTING: Final = 1012

_PAGE_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "permissions-policy": "xr-spatial-tracking=(self), microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}


class _JoinBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str


def make_app(  # noqa: PLR0913  # every part of the server, once
    *,
    accounts: Accounts,
    sessions: SessionIndex,
    context: SlowChannel,
    memory: GuideMemory,
    rooms: Rooms,
    desk: JoinDesk,
    endpoint: Callable[[str], str],
    edge: EdgeDoor,
    address: str,
    now_s: Callable[[], float],
) -> ASGIApp:
    """Return the application.

    Args:
        accounts: who may sign in to the panel.
        sessions: the index of sessions.
        context: what wearables know.
        memory: what the guide may remember of patients.
        rooms: the rooms, running.
        desk: issues and takes join codes.
        endpoint: the unix socket of a room.
        edge: where edge agents come in.
        address: where headsets reach this server, for the QR code.
        now_s: the session clock.
    """
    doors = _HeadsetDoors(desk, endpoint, now_s)

    async def join_picture(request: Request) -> Response:
        """Return a QR code that opens the headset page with the room's code filled in."""
        try:
            await signed_in_as(accounts, request)
            code = rooms.code(str(request.path_params["room"]))
            if code is None:
                raise NoSuchRoom(str(request.path_params["room"]))
        except ClinicError as error:
            return error_response(error)
        picture = io.BytesIO()
        # the code is behind '#': a browser sends it to nobody
        segno.make(f"{address}#code={code}", error="m").save(
            picture, kind="svg", scale=6, border=2, dark="#10151c", light="#ffffff", xmldecl=False
        )
        return Response(picture.getvalue(), media_type="image/svg+xml", headers={"cache-control": "no-store"})

    routes: list[BaseRoute] = [
        Route("/", _page("index.html")),
        Route("/panel/", _page("panel/index.html")),
        Route("/panel", _page("panel/index.html")),
        Route("/api/headset/join", doors.join, methods=["POST"]),
        Route("/api/headset/state", doors.state, methods=["GET"]),
        Route("/api/rooms/{room}/join.svg", join_picture, methods=["GET"]),
        WebSocketRoute("/ws/headset/{kind:str}", doors.socket),
        WebSocketRoute("/ws/edge", edge.socket),
        *panel_routes(
            accounts=accounts,
            sessions=sessions,
            context=context,
            rooms=rooms,
            version=VERSION,
            memory=memory,
            figures=rooms.figures,
        ),
    ]
    app = Starlette(routes=routes)
    app.mount("/", StaticFiles(directory=STATIC, check_dir=False))
    return _with_headers(app)


def _page(name: str) -> Callable[[Request], Response]:
    def page(_request: Request) -> Response:
        path = STATIC / name
        if not path.exists():
            text = f"the web pages are not built: run `make setup` ({path.name} is missing)"
            return Response(text, 503, media_type="text/plain")
        return FileResponse(path, headers={"cache-control": "no-cache"})

    return page


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Give every answer the page headers that it does not have of its own."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                held = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in _PAGE_HEADERS.items() if k.encode() not in held),
                ]
            await send(message)

        await app(scope, receive, send_more)

    return wrapped


class _HeadsetDoors:
    """A headset's way in, and its sockets."""

    def __init__(self, desk: JoinDesk, endpoint: Callable[[str], str], now_s: Callable[[], float]) -> None:
        self._desk = desk
        self._endpoint = endpoint
        self._now_s = now_s

    async def join(self, request: Request) -> Response:
        """Exchange a code for a cookie."""
        try:
            check_origin(request)
            body = decode(await read_body(request), _JoinBody)
            joined, secret = self._desk.redeem(
                body.code,
                peer=address_of(request),
                secret=request.cookies.get(HEADSET_COOKIE),
                now_s=self._now_s(),
            )
        except ClinicError as error:
            return error_response(error)
        except JoinRefused as error:
            headers = (
                {"retry-after": str(int(error.retry_after_s) + 1)} if isinstance(error, TooManyTries) else {}
            )
            return json_response({"error": str(error)}, error.status, headers)
        response = json_response({"headset": joined.headset, "room": joined.room})
        response.set_cookie(
            HEADSET_COOKIE,
            secret,
            max_age=int(JOINED_VALID_S),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    async def state(self, request: Request) -> Response:
        """Say whether this browser is still joined."""
        return json_response({"joined": self._who(request) is not None})

    async def socket(self, socket: WebSocket) -> None:
        """Relay one of a headset's sockets to its room, byte for byte, with its close code."""
        await socket.accept()  # a browser hears a close code only on an open socket
        kind = str(socket.path_params["kind"])
        joined = self._who(socket)
        try:
            check_origin(socket)
        except Forbidden:
            return await socket.close(OTHER_ORIGIN)
        if joined is None or kind not in ("video", "control"):
            return await socket.close(NOT_JOINED)
        try:
            async with unix_connect(
                self._endpoint(joined.room),
                f"ws://room/headset/{joined.headset}/{kind}",
                compression=None,
                max_size=MAX_DOWN_BYTES,
                max_queue=4,
                ping_interval=None,
            ) as room:
                await _relay(socket, room)
        except (OSError, InvalidHandshake, TimeoutError):
            await _close(socket, RESTARTING)
        return None

    def _who(self, connection: HTTPConnection) -> Joined | None:
        return self._desk.who(connection.cookies.get(HEADSET_COOKIE), self._now_s())


async def _relay(headset: WebSocket, room: ClientConnection) -> None:
    """Carry messages both ways until either side closes, and tell the other how it closed."""
    tasks = [asyncio.create_task(_up(headset, room)), asyncio.create_task(_down(headset, room))]
    _, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    code = room.close_code
    await _close(headset, RESTARTING if code is None or code == 1006 else code)


async def _up(headset: WebSocket, room: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            message = await headset.receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes")
            await room.send(data if data is not None else message["text"])


async def _down(headset: WebSocket, room: ClientConnection) -> None:
    with contextlib.suppress(WebSocketDisconnect, ConnectionClosed):
        async for message in room:
            if isinstance(message, str):
                await headset.send_text(message)
            else:
                await headset.send_bytes(message)


async def _close(socket: WebSocket, code: int) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it went meanwhile
            await socket.close(code)
