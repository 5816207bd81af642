"""One room as a process: the session and its loop, the body, the children, and the sockets to the gateway.

`main` is what a `RoomHost` starts. The room listens on a unix socket: `/link` for the gateway,
`/headset/NAME/video` and `/headset/NAME/control` for a headset, relayed by the gateway byte for byte. When
the gateway is gone the session is eased out; when the room is killed, its children end themselves and the
next room goes on from what the gateway remembers.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import signal
import threading
import zlib
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import msgspec
from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from sensors.ingest import Ingest
from sensors.lsl import configure
from sensors.outlets import ControlsOutlet
from session_records.driven import driven
from therapy.errors import BadValue, TherapyError
from therapy.events import BadInput, ChildReturned, Event
from therapy.plan import PLANS, Condition, SessionPlan, in_place, in_places, personalised
from therapy.session import NotNow
from therapy.steer import Wishes
from therapy.yoke import Trace
from vr_world.clock import session_now_s
from vr_world.link import Answer, Ask, BadLink, Remember, StateNow, pack, parse_ask
from vr_world.loop import TICK_S, NoSession, World, WorldMemory
from vr_world.outputs import RoomOutputs
from vr_world.room_config import RoomConfig

__all__ = ["RoomBusy", "main"]

log = logging.getLogger(__name__)

STATE_EVERY: Final = 2  # ticks: 10 Hz
REMEMBER_EVERY: Final = 10  # ticks: twice a second
#: A stalled loop goes on from now instead of catching up.
LATE_S: Final = 0.25
#: Longest way out of a session whose gateway is gone.
EASE_OUT_S: Final = 60.0
#: The recording stays open this long after a session, for the last fade and the last stamps.
TAPE_RUNS_ON_S: Final = 4.0
#: What a stop's fade takes, and the stamps of its last pictures.
FADE_OUT_S: Final = 0.6
MAX_MESSAGE_BYTES: Final = 1 << 16
SENDS_WAITING: Final = 16


class RoomBusy(TherapyError):
    """A session is going on."""

    def __init__(self, room: str, phase: str) -> None:
        super().__init__(f"room {room} must have no session or one that is over, it is {phase}")


def main(gateway: Connection, config: RoomConfig) -> None:
    """Run a room until its gateway says so or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C goes to the gateway, which asks us
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s room %(levelname)s %(message)s")
    configure(config.lsl_session, lan=config.lan)
    asyncio.run(_live(gateway, config))


async def _live(gateway: Connection, config: RoomConfig) -> None:
    await Room(gateway, config, session_now_s).run()


class Room:
    """The composition of one room. Everything runs in one event loop but the body's thread."""

    def __init__(self, gateway: Connection, config: RoomConfig, now_s: Callable[[], float]) -> None:
        self._gateway = gateway
        self._config = config
        self._now_s = now_s
        self._links: set[ServerConnection] = set()
        self._leave = asyncio.Event()
        self._idle = asyncio.Event()
        self._closing_tape: asyncio.TimerHandle | None = None
        self._easing_out: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._body = Ingest(on_event=self._from_body, kind_of=config.pins.kind_of)
        outlet = ControlsOutlet(config.room)
        self._outputs = RoomOutputs(
            config,
            publish=outlet.push,
            stop=self._patient_stops,
            mirror=self._broadcast,
            baseline=self._body.baseline,
            now_s=now_s,
        )
        self._world = World(self._body, self._outputs)
        self._outputs.world = self._world

    async def run(self) -> None:
        """Live until the gateway asks to leave, or is gone and the session has been eased out."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave.set)
        threading.Thread(target=_watch, args=(self._gateway, loop, self._gateway_said), daemon=True).start()
        self._body.start()
        self._go_on()
        self._outputs.start()
        async with unix_serve(
            self._serve, self._config.socket, compression=None, max_size=MAX_MESSAGE_BYTES, ping_interval=None
        ):
            self._gateway.send("ready")
            ticking = asyncio.create_task(self._tick_forever())
            ticking.add_done_callback(lambda _: self._leave.set())
            await self._leave.wait()
            failed = ticking.done() and ticking.exception()
            ticking.cancel()
            await self._outputs.stop()
            self._body.stop()
        if failed:
            raise failed

    def _go_on(self) -> None:
        """Take up the session of the room before this one, if there was one."""
        config = self._config
        if config.snapshot is None:
            return
        memory = msgspec.convert(config.snapshot, WorldMemory)
        stream, out = config.snapshot.get("stream", "view"), config.snapshot.get("out", ())
        self._outputs.show_stream(stream, out=out)
        now_s = self._now_s()
        self._outputs.tape.open(self._folder(memory.session_id), {"resumed": True, "room": config.room})
        plan = personalised(in_places(PLANS[memory.plan_id], memory.scenes), memory.personal)
        trace: Trace | None = None
        try:
            plan = _studied(plan, memory.condition, memory.yoked_to, blind=memory.blind)
            trace = self._trace_of(memory.yoked_to)
        except BadValue as error:  # the plan goes on by itself, as when a trace is over; never by the body
            self._outputs.event(BadInput(at_s=now_s, source=memory.yoked_to, what=str(error)))
        self._world.restore(memory, plan, now_s, trace=trace)
        if (dose := config.snapshot.get("dose")) is not None:
            self._outputs.dose.open(max(dose["before"], 0.0), session=dose["session"])
        self._body.rest_again(config.snapshot.get("rest", {}))
        if (guide := config.snapshot.get("guide")) is not None:
            self._outputs.guide.go_on(guide)
        gap_s = now_s - (config.died_at_s if config.died_at_s is not None else now_s)
        self._outputs.event(ChildReturned(at_s=now_s, child="room", gap_s=gap_s))

    async def _tick_forever(self) -> None:
        count = 0
        next_s = self._now_s()
        while True:
            now_s = self._now_s()
            self._world.tick(now_s)
            self._body.set_pace(self._world.controls.breath_pace_per_min)
            self._outputs.check(now_s)
            if self._world.going_on:
                self._idle.clear()
            else:
                self._idle.set()
                self._close_finished_tape()
            if count % STATE_EVERY == 0 and self._links:
                streams = self._body.streams(now_s)
                self._broadcast(
                    pack(StateNow(state=self._outputs.state_message(now_s, streams, self._body.baseline())))
                )
            if count % REMEMBER_EVERY == 0:
                self._remember()
                self._gateway.send("beat")
            count += 1
            next_s += TICK_S
            wait_s = next_s - self._now_s()
            if wait_s < -LATE_S:
                next_s = self._now_s()
            await asyncio.sleep(max(wait_s, 0.0))

    def _remember(self) -> None:
        memory = self._world.memory() if self._world.going_on else None
        snapshot = None
        if memory is not None:
            snapshot = {
                **msgspec.to_builtins(memory),
                "stream": self._outputs.stream,
                "out": self._outputs.out,
                "guide": self._outputs.guide.memory(),
                "dose": self._outputs.dose.memory(),
                "rest": self._body.rest_memory(),
            }
        self._broadcast(pack(Remember(snapshot=snapshot)))

    def _close_finished_tape(self) -> None:
        if not self._outputs.tape.running or self._closing_tape is not None:
            return

        def close() -> None:
            self._closing_tape = None
            self._outputs.tape.close()

        self._closing_tape = asyncio.get_running_loop().call_later(TAPE_RUNS_ON_S, close)

    def _from_body(self, event: Event) -> None:
        """Take an event of the body's thread."""
        self._loop.call_soon_threadsafe(self._felt, event)

    def _felt(self, event: Event) -> None:
        self._outputs.event(event)
        self._world.felt(event)

    def _broadcast(self, message: str | bytes) -> None:
        """Send to every gateway; one that does not keep up misses states and pictures, newer ones come."""
        if len(self._sending) > SENDS_WAITING:
            return
        for link in self._links:
            task = asyncio.get_running_loop().create_task(_send(link, message))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _serve(self, socket: ServerConnection) -> None:
        path = socket.request.path if socket.request else ""
        match path.strip("/").split("/"):
            case ["link"]:
                await self._serve_link(socket)
            case ["headset", name, "video"]:
                await (await self._outputs.headset_named(name)).serve_video(socket)
            case ["headset", name, "control"]:
                await (await self._outputs.headset_named(name)).serve_control(socket)
            case _:
                await socket.close(4404, f"no such socket: {path[:60]}")

    async def _serve_link(self, socket: ServerConnection) -> None:
        self._links.add(socket)
        try:
            async for text in socket:
                try:
                    ask = parse_ask(text)
                except BadLink as error:
                    self._outputs.event(BadInput(at_s=self._now_s(), source="link", what=str(error)[:300]))
                    continue
                await socket.send(pack(self._answer(ask)))
        except ConnectionClosed:
            pass  # the gateway comes again, or is gone: `_watch_gateway` knows
        finally:
            self._links.discard(socket)

    def _answer(self, ask: Ask) -> Answer:
        refused = ""
        try:
            self._obey(ask)
        except TherapyError as error:
            refused = str(error)
        now_s = self._now_s()
        state = self._outputs.state_message(now_s, self._body.streams(now_s), self._body.baseline())
        return Answer(id=ask.id, phase=self._world.phase, refused=refused, state=state)

    def _obey(self, ask: Ask) -> None:
        now_s = self._now_s()
        match ask.name:
            case "open":
                self._open(ask, now_s)
            case "steer":
                wishes = {**dataclasses.asdict(self._world.wishes), **ask.steer}
                wishes["arousal"] = wishes["arousal"] or 0.0
                detail = msgspec.json.encode(ask.steer).decode()
                self._world.wish(Wishes(**wishes), now_s, detail)
            case "place":
                self._world.go_to(ask.scene, now_s)
            case "assess":
                self._world.assess(ask.kind, zlib.crc32(self._world.session_id.encode()), now_s)
                self._outputs.command(f"assess {ask.kind}", now_s)
            case "assess_stop":
                self._world.break_off(now_s, "the therapist ended it")
                self._outputs.command(ask.name, now_s)
            case "unwell":
                level = 1.0 if ask.level is None else ask.level
                self._world.unwell(level, now_s, source=f"therapist: {ask.actor}")
            case "acknowledge":
                self._outputs.acknowledge(ask.alarm, by=ask.actor)
            case "guide_mode" | "whisper" | "proposal" | "release":
                self._obey_about_guide(ask)
            case _:
                self._outputs.command(ask.name, now_s)
                self._world.order(ask.name, now_s, by=f"therapist: {ask.actor}")
                self._outputs.tell_phase()

    def _obey_about_guide(self, ask: Ask) -> None:
        guide, by = self._outputs.guide, f"therapist: {ask.actor}"
        match ask.name:
            case "guide_mode" if ask.mode is not None:
                guide.set_mode(ask.mode.value, ask.approval, by)
            case "whisper":
                guide.whisper(ask.text)
            case "proposal" if ask.turn is not None and ask.decision is not None:
                guide.decide(ask.turn, ask.decision, ask.text)
            case "release":
                guide.release(by)
            case name:
                raise BadValue("link message", f"one with all that {name} takes", ask.id)

    def _open(self, ask: Ask, now_s: float) -> None:
        config = self._config
        if self._world.going_on:
            raise RoomBusy(self._config.room, self._world.phase)
        plan = personalised(in_place(PLANS[ask.plan_id], ask.scene), ask.personal)
        plan = _studied(plan, ask.condition, ask.yoked_to, blind=ask.blind)
        trace = self._trace_of(ask.yoked_to)
        for stage in plan.stages:
            self._outputs.admitted(stage.scene, plan.personal)
        if self._closing_tape is not None:
            self._closing_tape.cancel()
            self._closing_tape = None
            self._outputs.tape.close()
        info = {
            "room": self._config.room,
            "patient": ask.patient,
            "plan": msgspec.to_builtins(plan),
            "seed": self._config.seed,
            "started": ask.started,
            "screening": ask.screening,
            "stream": ask.stream,
            "session_id": ask.session_id,
        }
        self._outputs.tape.open(self._folder(ask.session_id), info)
        self._outputs.show_stream(ask.stream)
        self._outputs.dose.open(max(ask.sound_dose, 0.0))
        if config.guide:
            self._outputs.guide.open(ask.guide)
        self._body.rest(ask.baseline)
        self._world.open(ask.session_id, plan, ask.patient, now_s, trace=trace, yoked_to=ask.yoked_to)
        self._outputs.tell_phase()

    def _trace_of(self, session_id: str) -> Trace | None:
        """Return what drives a session that is yoked to this one, `None` for none.

        The recording is read at once: between sessions nobody sees a tick that comes late.
        """
        if not session_id:
            return None
        if Path(session_id).name != session_id:
            raise BadValue("session to be yoked to", "the id of a session", session_id)
        return driven(self._folder(session_id))

    def _folder(self, session_id: str) -> Path:
        return Path(self._config.sessions) / session_id

    def _patient_stops(self, source: str) -> None:
        self._world.order("stop", self._now_s(), by=f"patient: {source}")
        self._outputs.tell_phase()

    def _gateway_said(self, word: str | None) -> None:
        """Fade and leave when asked to; without a gateway ease the session out first."""
        if self._easing_out is None:
            ending = self._fade_out() if word == "leave" else self._ease_out()
            self._easing_out = asyncio.get_running_loop().create_task(ending)

    async def _fade_out(self) -> None:
        if self._world.going_on:
            self._world.order("stop", self._now_s(), by="the server is ending")
            await asyncio.sleep(FADE_OUT_S)
        self._leave.set()

    async def _ease_out(self) -> None:
        with contextlib.suppress(NotNow, NoSession):
            self._world.order("return", self._now_s(), by="gateway lost")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EASE_OUT_S):
                await self._idle.wait()
        self._leave.set()


def _studied(plan: SessionPlan, condition: str, yoked_to: str, *, blind: bool) -> SessionPlan:
    """Return `plan` as a study wants it."""
    shown = Condition.YOKED if yoked_to else Condition(condition)
    return dataclasses.replace(plan, condition=shown, blind=blind)


def _watch(gateway: Connection, loop: asyncio.AbstractEventLoop, said: Callable[[str | None], None]) -> None:
    """Tell what the gateway says, and its end as `None`. Runs in a thread of its own."""
    with contextlib.suppress(RuntimeError):  # the loop has closed: nobody needs to know
        with contextlib.suppress(EOFError, OSError):
            while True:
                loop.call_soon_threadsafe(said, gateway.recv())
        loop.call_soon_threadsafe(said, None)


async def _send(socket: ServerConnection, message: str | bytes) -> None:
    with contextlib.suppress(ConnectionClosed):  # its own handler tells
        await socket.send(message)
