"""The panel's socket: state and pictures down, commands up (so that STOP need not open a connection)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from clinic import messages, wire
from clinic.accounts import Accounts
from clinic.errors import BadRequest, ClinicError, Forbidden, NoSuchRoom, NotSignedIn
from clinic.ports import RoomsPort

__all__ = ["LiveSocket"]

MAX_TEXT: Final = 4096
_BAD_BEFORE_CLOSE: Final = 3
CLOSE_GONE: Final = 1001
CLOSE_RESTARTING: Final = 1012
CLOSE_BAD: Final = 4400
CLOSE_SIGNED_OUT: Final = 4401
CLOSE_FORBIDDEN: Final = 4403
CLOSE_NO_ROOM: Final = 4404
CLOSE_TOO_BIG: Final = 4413
#: While a patient is inside, watching is activity: the therapist's page must not sign itself out.
_PATIENT_INSIDE: Final = frozenset({"RUNNING", "PAUSED", "RETURNING"})


class _PhaseOnly(msgspec.Struct):
    phase: str | None = None


class _SocketError(msgspec.Struct, kw_only=True, tag="error"):
    what: str


class LiveSocket:
    """Serves `/ws/panel/{room}`. Each connection has three tasks: pump, listen, and a look at the sign-in."""

    def __init__(self, *, accounts: Accounts, rooms: RoomsPort, check_every_s: float) -> None:
        self._accounts = accounts
        self._rooms = rooms
        self._check_every_s = check_every_s

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection until it ends; the close code says why."""
        await socket.accept()  # a browser hears a close code only on an open socket
        token = wire.token_of(socket)
        try:
            wire.check_origin(socket)
            signed_in = await run_in_threadpool(self._accounts.session, token)
        except Forbidden:
            return await socket.close(CLOSE_FORBIDDEN)
        except NotSignedIn:
            return await socket.close(CLOSE_SIGNED_OUT)
        connection = _Connection(socket, self._rooms, signed_in.account)
        code = await _first_of(
            connection.pump(),
            connection.listen(),
            self._watch(connection, token),
        )
        if code is not None:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it may have gone meanwhile
                await socket.close(code)
        return None

    async def _watch(self, connection: _Connection, token: str | None) -> int | None:
        """Return when the sign-in has ended."""
        while True:
            await asyncio.sleep(self._check_every_s)
            if connection.phase() in _PATIENT_INSIDE:
                try:
                    await run_in_threadpool(self._accounts.session, token)
                except NotSignedIn:
                    return CLOSE_SIGNED_OUT
            elif not await run_in_threadpool(self._accounts.peek, token):
                return CLOSE_SIGNED_OUT


class _Connection:
    """One open socket. Its tasks return the close code, or `None` where the other side has gone."""

    def __init__(self, socket: WebSocket, rooms: RoomsPort, actor: str) -> None:
        self._socket = socket
        self._rooms = rooms
        self._actor = actor
        self._room = str(socket.path_params["room"])
        self._sending = asyncio.Lock()
        self._newest = "{}"

    def phase(self) -> str | None:
        """Return the phase of the newest state that went out."""
        return msgspec.json.decode(self._newest, type=_PhaseOnly).phase

    async def pump(self) -> int | None:
        """Send what the room tells, until it ends."""
        try:
            async with contextlib.aclosing(self._rooms.subscribe(self._room)) as items:
                async for item in items:
                    if isinstance(item, str):
                        self._newest = item
                    await self._send(item)
        except WebSocketDisconnect:
            return None
        except NoSuchRoom:
            return CLOSE_NO_ROOM
        except ClinicError:
            return CLOSE_RESTARTING
        return CLOSE_GONE

    async def listen(self) -> int | None:
        """Carry out the commands that come, until the other side goes or keeps sending nonsense."""
        bad = 0
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text")
            if len(text if text is not None else message.get("bytes") or b"") > MAX_TEXT:
                return CLOSE_TOO_BIG
            try:
                await self._carry_out(text)
            except BadRequest as error:
                bad += 1
                if bad >= _BAD_BEFORE_CLOSE:
                    return CLOSE_BAD
                await self._tell(error)
            except ClinicError as error:
                await self._tell(error)

    async def _carry_out(self, text: str | None) -> None:
        if text is None:
            raise BadRequest("message must be text, got binary")
        body = wire.decode(text, messages.SocketCommand)
        try:
            command = messages.to_command(body, self._actor)
        except msgspec.ValidationError as error:
            raise BadRequest(f"body: {error}") from error
        await self._rooms.command(self._room, command)

    async def _tell(self, error: ClinicError) -> None:
        with contextlib.suppress(WebSocketDisconnect):  # `listen` hears of it next
            await self._send(msgspec.json.encode(_SocketError(what=str(error))).decode())

    async def _send(self, item: str | bytes) -> None:
        async with self._sending:
            if isinstance(item, str):
                await self._socket.send_text(item)
            else:
                await self._socket.send_bytes(item)


async def _first_of(*work: Coroutine[Any, Any, int | None]) -> int | None:
    """Run all of `work`, return the first result, and end the rest before returning."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
