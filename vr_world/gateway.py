"""The gateway process: web server on plain http (this machine) and TLS (headsets), rooms, clinic database."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import secrets
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import uvicorn

from clinic.accounts import Accounts
from clinic.doses import SoundDoses
from clinic.figures import PatientFigures
from clinic.memory import GuideMemory
from clinic.sessions import SessionIndex
from clinic.slow import SlowChannel
from clinic.store import open_store
from therapy.errors import TherapyError
from vr_world.app import make_app
from vr_world.clock import session_now_s
from vr_world.edge_door import EdgeDoor
from vr_world.room_host import LocalRoomHost
from vr_world.rooms import Rooms
from vr_world.settings import ServerSettings
from vr_world.streaming.join import JoinDesk
from vr_world.tls import Certificates, ensure_certificates, local_names

__all__ = ["CannotListen", "Running", "running_gateway"]

#: A control message has at most 4 kB; the room closes with 4413 above its own limits, uvicorn far above.
MAX_UP_BYTES: Final = 64 * 1024
START_S: Final = 30.0
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104  # compared with, not bound to


class CannotListen(TherapyError):
    """A port that cannot be had."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        super().__init__(f"port {port} on {host} must be free, is not: {error.strerror or error}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A gateway that serves.

    Attributes:
        local: address for browsers on this machine.
        secure: addresses for headsets (TLS), the best one first.
        accounts: for the set-up code, or to set a password.
        rooms: the rooms.
        host: the processes of the rooms.
        certificates: the authority to trust; `None` without TLS.
        finished: ends when the server was told to.
    """

    local: str
    secure: list[str]
    accounts: Accounts
    rooms: Rooms
    host: LocalRoomHost
    certificates: Certificates | None
    finished: asyncio.Task[None]


@contextlib.asynccontextmanager
async def running_gateway(settings: ServerSettings) -> AsyncIterator[Running]:
    """Serve until the block is left.

    Raises:
        CannotListen: a port is taken.
        clinic.errors.StoreError: the database cannot be used.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    plain = _listen("127.0.0.1", settings.port)
    tls_socket = None if settings.tls_port is None else _listen(settings.host, settings.tls_port)
    certificates = None
    if tls_socket is not None:
        certificates = ensure_certificates(settings.home, local_names(), dt.datetime.now(dt.UTC))
    local = f"http://localhost:{plain.getsockname()[1]}/"
    secure = [] if tls_socket is None else _secure_addresses(settings.host, tls_socket.getsockname()[1])

    store = open_store(settings.home / "stillwater.sqlite")
    with contextlib.closing(store), tempfile.TemporaryDirectory(prefix="stillwater-") as run_folder:
        accounts = Accounts(store, utc_s=time.time, now_s=session_now_s, idle_s=settings.idle_s)
        sessions = SessionIndex(store)
        sessions.interrupt_open(at_utc_s=time.time())
        desk = JoinDesk(secrets.randbelow, lambda: secrets.token_urlsafe(32))
        host = LocalRoomHost(settings, Path(run_folder), session_now_s)
        address = [*secure, local][0]
        memory = GuideMemory(store, utc_s=time.time)
        rooms = Rooms(
            settings,
            host,
            desk,
            sessions,
            SoundDoses(store),
            PatientFigures(store, utc_s=time.time),
            memory,
            address=address,
            now_s=session_now_s,
            utc_s=time.time,
        )
        app = make_app(
            accounts=accounts,
            sessions=sessions,
            context=SlowChannel(store, utc_s=time.time),
            memory=memory,
            rooms=rooms,
            desk=desk,
            endpoint=host.endpoint,
            edge=EdgeDoor(
                key=settings.edge_key,
                pins=settings.pins,
                lsl_session=settings.lsl_session,
                lan=settings.lan,
                now_s=session_now_s,
            ),
            address=address,
            now_s=session_now_s,
        )
        servers = [_Server(_config(app), plain)]
        if tls_socket is not None and certificates is not None:
            servers.append(_Server(_config(app, certificates), tls_socket))
        if settings.guide:
            host.start_voice()
        rooms.start()
        finished = asyncio.create_task(_serve_all(servers))
        try:
            async with asyncio.timeout(START_S):
                await asyncio.gather(*(server.up.wait() for server in servers))
            yield Running(
                local=local,
                secure=secure,
                accounts=accounts,
                rooms=rooms,
                host=host,
                certificates=certificates,
                finished=finished,
            )
        finally:
            for server in servers:
                server.should_exit = True
            await rooms.stop()
            await finished


class _Server(uvicorn.Server):
    """A uvicorn server on a socket of ours, which leaves signals to the command line."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on our socket, and say so."""
        await super().startup(sockets=[*(sockets or ()), self._listening])
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def _config(app: object, certificates: Certificates | None = None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI 3 callable
        ws="websockets-sansio",
        ws_max_size=MAX_UP_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=10.0,
        ws_ping_timeout=20.0,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
        ssl_certfile=None if certificates is None else str(certificates.certificate),
        ssl_keyfile=None if certificates is None else str(certificates.key),
    )
    if certificates is not None:
        config.load()
        assert config.ssl is not None  # noqa: S101  # load() made it
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    return config


async def _serve_all(servers: list[_Server]) -> None:
    await asyncio.gather(*(server.serve() for server in servers))


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise CannotListen(host, port, error) from error
    listening.setblocking(False)
    return listening


def _secure_addresses(host: str, port: int) -> list[str]:
    """Return the TLS addresses that listening on `host` serves: networks' first, names and loopback last."""
    if host != ANY_ADDRESS:
        return [f"https://{'localhost' if host == '127.0.0.1' else host}:{port}/"]
    names = [n for n in local_names() if ":" not in n]
    networks = [n for n in names if n[0].isdigit() and not n.startswith("127.")]
    rest = [n for n in names if n not in networks and n != "127.0.0.1"]
    return [f"https://{name}:{port}/" for name in (*networks, *rest)]
