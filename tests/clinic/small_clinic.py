"""A clinic for tests: real routes and database, a clock that stands still, one room in memory."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import argon2
import httpx
from starlette.applications import Starlette

from clinic.accounts import Accounts
from clinic.api import panel_routes
from clinic.figures import PatientFigures
from clinic.limiter import TryLimiter
from clinic.memory import GuideMemory
from clinic.sessions import SessionIndex
from clinic.slow import SlowChannel
from clinic.store import Store, open_store
from clinic.testing import RoomsDouble

PASSWORD = "quiet water under stars"
ORIGIN = "https://clinic.test"
#: What the panel's own pages send with everything that changes something.
OURS = {"X-Stillwater": "1", "Origin": ORIGIN}


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.s


@dataclasses.dataclass
class Clinic:
    """A clinic with an account (unless made without), its application and a browser of its own."""

    store: Store
    accounts: Accounts
    sessions: SessionIndex
    rooms: RoomsDouble
    clock: Clock
    app: Starlette

    def browser(self, *, address: str = "192.0.2.7") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, client=(address, 50000))
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=OURS)

    @contextlib.asynccontextmanager
    async def signed_in(self) -> AsyncIterator[httpx.AsyncClient]:
        async with self.browser() as browser:
            answer = await browser.post("/api/account/sign-in", json={"password": PASSWORD})
            assert answer.status_code == 200, answer.text
            yield browser


def make_clinic(folder: Path) -> Clinic:
    clock = Clock()
    store = open_store(folder / "clinic.sqlite")
    accounts = Accounts(
        store,
        utc_s=clock,
        now_s=clock,
        hasher=argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
        limiter=TryLimiter(per_address=3, overall=6, window_s=60.0),
    )
    rooms = RoomsDouble()
    sessions = SessionIndex(store)
    context = SlowChannel(store, utc_s=clock)
    memory = GuideMemory(store, utc_s=clock)
    app = Starlette(
        routes=panel_routes(
            accounts=accounts,
            sessions=sessions,
            context=context,
            rooms=rooms,
            version="1.2.3",
            memory=memory,
            figures=PatientFigures(store, utc_s=clock),
        )
    )
    return Clinic(store, accounts, sessions, rooms, clock, app)
