"""The panel's socket over a real wire: uvicorn and a WebSocket client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from small_clinic import PASSWORD, Clinic
from sqlalchemy import func, select
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from clinic.api import panel_routes
from clinic.ports import SessionStart
from clinic.screening import Screening
from clinic.slow import SlowChannel
from clinic.tables import SignInSession
from clinic.wire import COOKIE

START = SessionStart(plan_id="calm-sea", patient="0142", screening=Screening(), actor="therapist")


class Wire:
    def __init__(self, clinic: Clinic, port: int) -> None:
        self.clinic = clinic
        self.port = port
        self.token = clinic.accounts.sign_in(PASSWORD, "here")

    def connect(self, room: str = "1", **headers: str) -> Any:
        sent = {"Cookie": f"{COOKIE}={self.token}", **{k: v for k, v in headers.items() if v}}
        return connect(
            f"ws://127.0.0.1:{self.port}/ws/panel/{room}",
            additional_headers=sent,
            compression=None,
            proxy=None,
        )


@pytest.fixture
async def wire(clinic: Clinic) -> AsyncIterator[Wire]:
    routes = panel_routes(
        accounts=clinic.accounts,
        sessions=clinic.sessions,
        context=SlowChannel(clinic.store, utc_s=clinic.clock),
        rooms=clinic.rooms,
        version="0",
        check_every_s=0.02,
    )
    config = uvicorn.Config(
        Starlette(routes=routes),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield Wire(clinic, listening.getsockname()[1])
    server.should_exit = True
    await serving
    assert clinic.rooms.watchers == 0, "a subscription was left behind"


async def next_state(live: ClientConnection) -> dict[str, Any]:
    while True:
        message = await asyncio.wait_for(live.recv(), 10)
        if isinstance(message, str):
            state: dict[str, Any] = json.loads(message)
            return state


async def close_code(live: ClientConnection) -> int:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await asyncio.wait_for(live.recv(), 10)
    assert live.close_code is not None
    return live.close_code


def last_seen(clinic: Clinic) -> float:
    with clinic.store.reading() as db:
        return db.scalars(select(func.max(SignInSession.last_seen_utc_s))).one() or 0.0


async def test_a_watcher_sees_the_present_state_at_once_then_what_comes(wire: Wire) -> None:
    rooms = wire.clinic.rooms
    rooms.publish_picture(b"\xff\xd8 the newest picture")
    async with wire.connect() as live:
        assert (await next_state(live))["phase"] is None
        assert await asyncio.wait_for(live.recv(), 10) == b"\xff\xd8 the newest picture"
        rooms.publish(elapsed_s=12.0)
        assert (await next_state(live))["elapsed_s"] == 12.0


async def test_two_panels_see_the_same_room(wire: Wire) -> None:
    async with wire.connect() as one, wire.connect() as other:
        await next_state(one)
        await next_state(other)
        wire.clinic.rooms.publish(patient="0142")
        assert (await next_state(one))["patient"] == (await next_state(other))["patient"] == "0142"


async def test_stop_over_the_socket_reaches_the_room(wire: Wire) -> None:
    await wire.clinic.rooms.start_session("1", START)
    async with wire.connect() as live:
        await live.send('{"type":"command","command":"stop"}')
        while (await next_state(live))["phase"] != "STOPPED":
            pass
    assert [(c.name, c.actor) for c in wire.clinic.rooms.commands] == [("stop", "therapist")]


async def test_what_is_refused_is_told_and_the_link_stays(wire: Wire) -> None:
    async with wire.connect() as live:
        await next_state(live)
        for _ in range(5):
            await live.send('{"type":"command","command":"begin"}')
            told = await next_state(live)
            assert told["type"] == "error"
            assert "no session" in told["what"]


async def test_nonsense_is_told_twice_and_then_ends_it(wire: Wire) -> None:
    async with wire.connect() as live:
        await next_state(live)
        await live.send("{")
        assert "JSON" in (await next_state(live))["what"]
        await live.send(b"\x00\x01")
        assert "binary" in (await next_state(live))["what"]
        await live.send('{"type":"command","command":"explode"}')
        assert await close_code(live) == 4400


async def test_too_much_ends_it(wire: Wire) -> None:
    async with wire.connect() as live:
        await live.send("x" * 5000)
        assert await close_code(live) == 4413


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Cookie": f"{COOKIE}=nonsense"}, 4401),
        ({"Cookie": "a=b"}, 4401),
        ({"Origin": "https://evil.test"}, 4403),
    ],
)
async def test_strangers_and_other_sites_see_nothing(wire: Wire, headers: dict[str, str], code: int) -> None:
    async with wire.connect(**headers) as live:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(live.recv(), 10)
        assert live.close_code == code


async def test_our_own_page_may_connect(wire: Wire) -> None:
    async with wire.connect(Origin=f"http://127.0.0.1:{wire.port}") as live:
        assert (await next_state(live))["type"] == "state"


async def test_a_room_that_is_not_there(wire: Wire) -> None:
    async with wire.connect("7") as live:
        assert await close_code(live) == 4404


async def test_a_room_that_goes_ends_it(wire: Wire) -> None:
    async with wire.connect() as live:
        await next_state(live)
        wire.clinic.rooms.close()
        assert await close_code(live) == 1001


async def test_signing_out_closes_the_window(wire: Wire) -> None:
    async with wire.connect() as live:
        await next_state(live)
        wire.clinic.accounts.sign_out(wire.token)
        assert await close_code(live) == 4401


async def test_an_idle_panel_without_a_patient_is_signed_out(wire: Wire) -> None:
    async with wire.connect() as live:
        await next_state(live)
        wire.clinic.clock.s += 901
        assert await close_code(live) == 4401


async def test_watching_a_patient_is_activity(wire: Wire) -> None:
    rooms = wire.clinic.rooms
    async with wire.connect() as live:
        rooms.publish(phase="RUNNING")
        while (await next_state(live))["phase"] != "RUNNING":
            pass
        for _ in range(4):  # 40 minutes, looking only
            wire.clinic.clock.s += 600
            async with asyncio.timeout(10):
                while last_seen(wire.clinic) != wire.clinic.clock.s:
                    await asyncio.sleep(0.01)
        assert wire.clinic.accounts.peek(wire.token)


async def test_a_panel_that_does_not_read_gets_the_newest_and_costs_nothing(wire: Wire) -> None:
    rooms = wire.clinic.rooms
    async with wire.connect() as live:
        await next_state(live)
        for number in range(3000):
            rooms.publish(elapsed_s=float(number))
        seen = [(await next_state(live))["elapsed_s"]]
        while seen[-1] != 2999.0:
            seen.append((await next_state(live))["elapsed_s"])
    assert len(seen) < 10, "states were queued"
    assert seen == sorted(seen)
