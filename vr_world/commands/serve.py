"""`stillwater serve` and `stillwater demo`: the gateway, with its rooms, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import secrets
import signal
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from clinic.errors import Refused
from clinic.ports import Command, SessionStart
from clinic.screening import Screening
from sensors.devices import replay, simulated_patient
from sensors.devices._process import Shutdown
from sensors.pins import FILE as PINS_FILE
from sensors.pins import load_pins
from therapy.dose import DEFAULT_FULL_SCALE_DBA
from therapy.errors import BadValue
from therapy.plan import PLANS
from therapy.talk import GuideMode
from voice_guide.linebank import languages
from voice_guide.models import MODELS, find
from voice_guide.think import ThinkSettings, backends
from vr_world.clock import session_now_s
from vr_world.edge_door import KEY_FILE, edge_key
from vr_world.notifiers import notifier_from
from vr_world.settings import GUIDE_KEY_VARIABLE, ServerSettings, data_folder
from vr_world.supervise import Child, ChildSpec

if TYPE_CHECKING:
    from vr_world.gateway import Running

__all__ = ["demo", "serve"]

PORT: Final = 8080
TLS_PORT: Final = 8443
_PASSWORD_FILE: Final = "demo-password.txt"  # noqa: S105  # a file's name
_READY_S: Final = 60.0
_SILENCE_S: Final = 5.0


def serve(  # noqa: PLR0913, PLR0917  # a server's options
    port: Annotated[int, typer.Option(help="port for browsers on this machine (plain http)")] = PORT,
    tls_port: Annotated[int, typer.Option(help="port for headsets and other machines (TLS)")] = TLS_PORT,
    host: Annotated[str, typer.Option(help="address that TLS listens on")] = "0.0.0.0",  # noqa: S104  # with TLS
    rooms: Annotated[int, typer.Option(min=1, max=16, help="how many rooms")] = 1,
    lan: Annotated[bool, typer.Option(help="also find LSL streams of other machines")] = False,  # noqa: FBT002  # a flag
    full_scale_dba: Annotated[
        float,
        typer.Option(
            min=60.0, max=140.0, help="level at the ear of sound at 0 LUFS, dBA: measure your headset"
        ),
    ] = DEFAULT_FULL_SCALE_DBA,
    sensitive_ears: Annotated[bool, typer.Option(help="sound dose for children and sensitive ears")] = False,  # noqa: FBT002  # a flag
    standby: Annotated[bool, typer.Option(help="keep a second audio process of each room ready")] = True,  # noqa: FBT002  # a flag
    guide: Annotated[bool, typer.Option(help="run the voice guide (about 1.5 GB with its models)")] = True,  # noqa: FBT002  # a flag
    guide_policy: Annotated[
        GuideMode, typer.Option(help="how freely a guide may speak at most; free is allowed on purpose only")
    ] = GuideMode.APPROVED,
    guide_language: Annotated[
        list[str] | None, typer.Option(help="a language to make ready, the usual one first (en, de)")
    ] = None,
    guide_voice: Annotated[str, typer.Option(help="name of the voice, empty for the best there is")] = "",
    guide_backend: Annotated[str, typer.Option(help=f"what thinks: {', '.join(backends())}")] = "packaged",
    guide_folder: Annotated[str, typer.Option(help="a model's folder, for local_folder")] = "",
    guide_server: Annotated[str, typer.Option(help="address of an OpenAI-compatible server, …/v1")] = "",
    guide_model: Annotated[str, typer.Option(help="name of the model on that server")] = "",
    notify: Annotated[
        str, typer.Option(help="call a human away from the panel: https://… or command:PROGRAM …")
    ] = "",
) -> None:
    """Run the server of a clinic: panel for therapists, page for headsets, LSL for sensors."""
    settings = ServerSettings(
        home=data_folder(),
        host=host,
        port=port,
        tls_port=tls_port,
        rooms=tuple(str(number + 1) for number in range(rooms)),
        lan=lan,
        pins=load_pins(data_folder()),
        edge_key=edge_key(data_folder()),
        full_scale_dba=full_scale_dba,
        sensitive_ears=sensitive_ears,
        audio_standby=standby,
        guide=guide,
        guide_policy=guide_policy,
        guide_languages=_languages(guide_language),
        guide_voice=guide_voice,
        guide_think=ThinkSettings(
            backend=guide_backend,
            folder=guide_folder,
            server_url=guide_server,
            server_model=guide_model,
            server_key=os.environ.get(GUIDE_KEY_VARIABLE, ""),
        ),
        notify=notify,
    )
    if notify:
        notifier_from(notify)  # a wrong one is refused now, not in a crisis
    asyncio.run(_serve(settings))


def _languages(wanted: list[str] | None) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(wanted or ["en"]))
    for language in chosen:
        if language not in languages():
            raise BadValue("--guide-language", f"one of {', '.join(languages())}", language)
    return chosen


async def _serve(settings: ServerSettings) -> None:
    console = Console(highlight=False)
    stop = _stop_on_signals()
    from vr_world.gateway import running_gateway  # a second that --help need not take

    async with running_gateway(settings) as running:
        console.print(f"Therapist panel   [bold]{running.local}panel/[/]")
        for address in running.secure[:2]:
            console.print(f"Headset page      [bold]{address}[/]")
        if running.accounts.setup_code is not None:
            console.print(
                f"First start       set your password there with the code {running.accounts.setup_code}"
            )
        if running.certificates is not None:
            console.print(f"Certificate       headsets trust {running.certificates.authority} once")
            console.print(f"                  SHA-256 {running.certificates.fingerprint_sha256}")
            console.print("                  how: docs/howto/trust-the-certificate.md")
        named = len(settings.pins)
        read = f"{named} streams named in {PINS_FILE}" if named else "every LSL stream of a known type"
        console.print(f"Sensors           {read}")
        console.print(
            f"                  other machines: `stillwater edge`, key in {settings.home / KEY_FILE}"
        )
        console.print("Ctrl-C ends it; a running session fades to the safe picture first.")
        await _first(stop.wait(), asyncio.shield(running.finished))


def demo(
    replay_of: Annotated[
        str | None,
        typer.Option(
            "--replay", metavar="FILE|sample:NAME", help="play a recording instead of the simulated patient"
        ),
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=1.0, help="end by itself after this long")] = None,
    port: Annotated[
        int | None, typer.Option(help=f"port on this machine (default {PORT}, or any free one)")
    ] = None,
    plan: Annotated[str, typer.Option(help=f"one of {', '.join(PLANS)}")] = "sea-at-dusk",
    begin: Annotated[bool, typer.Option(help="begin the session by itself")] = True,  # noqa: FBT002  # a flag
    tls: Annotated[bool, typer.Option(help="also serve headsets on the network (TLS)")] = True,  # noqa: FBT002  # a flag
    seed: Annotated[int, typer.Option(help="seed of the simulated patient")] = 1,
    guide: Annotated[bool, typer.Option(help="run the voice guide, as far as it is installed")] = True,  # noqa: FBT002  # a flag
) -> None:
    """Show all of it on one machine: a session with a simulated patient or a recording, over real LSL."""
    if plan not in PLANS:
        raise BadValue("--plan", f"one of {', '.join(PLANS)}", plan)
    source = _replaying(replay_of) if replay_of is not None else _simulating(seed)
    asyncio.run(_demo(source, seconds=seconds, port=port, plan=plan, begin=begin, tls=tls, guide=guide))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Where the demo's signals come from: what to say of it, and the process that publishes them."""

    title: str
    main: str
    config: object


def _replaying(spec: str) -> _Source:
    recording = replay.load_recording(spec)  # a corrupt one is refused before anything starts
    kinds = ", ".join(sorted({stream.kind for stream in recording.streams}))
    return _Source(
        title=f"the recording {spec} ({kinds})",
        main="sensors.devices.replay:main",
        config=replay.ReplayConfig(spec=spec, lsl_session=_LSL_SESSION),
    )


def _simulating(seed: int) -> _Source:
    return _Source(
        title="a simulated patient (plausible, not physiologically validated)",
        main="sensors.devices.simulated_patient:main",
        config=simulated_patient.SimulatedPatientConfig(seed=seed, lsl_session=_LSL_SESSION, room="1"),
    )


#: A demo does not see the streams of a clinic on the same machine, nor another demo's.
_LSL_SESSION: Final = f"stillwater-demo-{secrets.token_hex(4)}"


async def _demo(  # the command's own options
    source: _Source,
    *,
    seconds: float | None,
    port: int | None,
    plan: str,
    begin: bool,
    tls: bool,
    guide: bool,
) -> None:
    console = Console(highlight=False)
    stop = _stop_on_signals()
    console.print("Starting picture, music, recording and signals …")
    async with _demo_gateway(port, tls=tls, guide=guide) as running, _publishing(source):
        password = await asyncio.to_thread(_demo_password, running)
        code = await _open_session(running, plan, begin=begin)
        console.print()
        console.print(f"Therapist panel   [bold]{running.local}panel/[/]   password  {password}")
        console.print(f"Headset page      [bold]{running.local}#code={code}[/]   code  {code[:3]} {code[3:]}")
        for address in running.secure[:1]:
            console.print(f"                  {address} from a headset or phone on your network")
        console.print(f"Signals           {source.title}")
        if guide:
            console.print(f"Guide             {_guide_in_words()}")
        console.print("Ctrl-C ends it.")
        await _first(stop.wait(), asyncio.shield(running.finished), asyncio.sleep(seconds or 1e9))


def _guide_in_words() -> str:
    """Return how the guide is, as far as it can be seen without loading anything."""
    missing = [name for name in MODELS if find(name) is None]
    if not missing:
        return "listens, chooses approved lines, speaks"
    return f"scripted, for {', '.join(missing)} are not installed: make voice, or stillwater models install"


@contextlib.asynccontextmanager
async def _demo_gateway(port: int | None, *, tls: bool, guide: bool) -> AsyncIterator[Running]:
    """Serve on the usual ports, or on free ones where nobody asked for a certain one and they are taken."""
    from vr_world.gateway import CannotListen, running_gateway  # as in `_serve`

    settings = ServerSettings(
        home=data_folder() / "demo",
        port=PORT if port is None else port,
        tls_port=TLS_PORT if tls else None,
        lsl_session=_LSL_SESSION,
        idle_s=4 * 3600.0,
        guide=guide,
    )
    async with contextlib.AsyncExitStack() as stack:
        try:
            running = await stack.enter_async_context(running_gateway(settings))
        except CannotListen:
            if port is not None:
                settings = dataclasses.replace(settings, tls_port=0 if tls else None)
            else:
                settings = dataclasses.replace(settings, port=0, tls_port=0 if tls else None)
            running = await stack.enter_async_context(running_gateway(settings))
        yield running


@contextlib.asynccontextmanager
async def _publishing(source: _Source) -> AsyncIterator[None]:
    """Run the source's process while the block lasts."""
    child = Child(
        ChildSpec(
            name="signals",
            main=source.main,
            config=lambda: source.config,
            shutdown=Shutdown(),
            silence_s=_SILENCE_S,
            on_start=lambda _child: None,
        ),
        on_message=lambda _message: None,
        on_event=lambda _event: None,
        now_s=session_now_s,
    )
    child.start()
    try:
        yield
    finally:
        await child.stop()


def _demo_password(running: Running) -> str:
    """Return the demo's password, made at its first start and kept beside its data."""
    path = data_folder() / "demo" / _PASSWORD_FILE
    if running.accounts.setup_code is None:
        return path.read_text().strip() if path.exists() else "(the one that you set)"
    password = f"calm-sea-{secrets.token_hex(4)}"
    running.accounts.set_up(running.accounts.setup_code, password, "demo")
    path.touch(mode=0o600)
    path.write_text(password + "\n")
    return password


async def _open_session(running: Running, plan: str, *, begin: bool) -> str:
    """Open a session as a therapist would; return its join code."""
    start = SessionStart(plan_id=plan, patient="demo", screening=Screening(), actor="demo")
    async with asyncio.timeout(_READY_S):
        while True:
            try:
                state = await running.rooms.start_session("1", start)
                break
            except Refused:  # the room's process is still starting
                await asyncio.sleep(0.1)
    if begin:
        await running.rooms.command("1", Command(name="begin", actor="demo"))
    return str(state["join"]["code"])


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _first(*work: object) -> None:
    tasks = [asyncio.ensure_future(each) for each in work]  # type: ignore[call-overload]  # awaitables all
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
