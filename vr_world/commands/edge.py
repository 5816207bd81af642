"""`stillwater edge`: carry the streams of a sensor's machine to a room, losing nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

import typer
from rich.console import Console

from therapy.errors import BadValue

if TYPE_CHECKING:
    from vr_world.edge_agent import EdgeConfig

__all__ = ["edge"]

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_KEY: Final = "STILLWATER_EDGE_KEY"


def edge(
    to: Annotated[str, typer.Option(metavar="URL", help="the server, such as wss://server:8443")],
    stream: Annotated[list[str], typer.Option(help="name or source id to send; * and ? allowed; repeatable")],
    key_file: Annotated[
        Path | None,
        typer.Option(help=f"file with the server's edge key (its edge-key.txt); or set {_KEY}"),
    ] = None,
    authority: Annotated[
        Path | None, typer.Option(help="the server's certificate authority (its tls/authority.pem)")
    ] = None,
    name: Annotated[str | None, typer.Option(help="name of this machine (default: its host name)")] = None,
    lsl_session: Annotated[str, typer.Option(help="LSL session id of the sensors here")] = "default",
) -> None:
    """Send pinned LSL streams of this machine to a server over one TLS connection.

    A minute is kept: what a broken connection could not carry is sent when it is back.
    """
    from sensors.lsl import configure  # half a second that --help need not take
    from vr_world.edge_agent import EdgeConfig  # same

    address = urlsplit(to)
    if address.scheme not in ("wss", "ws") or not address.hostname:
        raise BadValue("--to", "wss://HOST:PORT", to)
    if address.scheme == "ws" and address.hostname not in _LOCAL:
        raise BadValue("--to", "wss:// to another machine (ws:// is for this one)", to)
    key = os.environ.get(_KEY, "") if key_file is None else key_file.read_text().strip()
    if not key:
        raise BadValue("edge key", f"given by --key-file or {_KEY}", "")
    if authority is not None and not authority.is_file():
        raise BadValue("--authority", "a file that exists", str(authority))
    config = EdgeConfig(
        url=to,
        key=key,
        agent=name or socket.gethostname(),
        streams=tuple(stream),
        authority=None if authority is None else str(authority),
    )
    configure(lsl_session)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_carry(config))


async def _carry(config: EdgeConfig) -> None:
    from vr_world.edge_agent import EdgeAgent  # as above

    console = Console(highlight=False)
    console.print(f"Sending {', '.join(config.streams)} to {config.url} as {config.agent}; Ctrl-C ends it.")
    agent = EdgeAgent(config, lambda line: console.print(line, markup=False))
    running = asyncio.ensure_future(agent.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    await running
