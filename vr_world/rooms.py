"""The gateway's side of the rooms: started and kept alive, asked, listened to, and shown to the panel.

`LocalRoomHost` runs them as processes of this machine; `RoomLink` speaks with one over its socket; `Rooms`
is what the clinic's API asks (`clinic.ports.RoomsPort`).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import itertools
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from clinic.doses import SoundDoses
from clinic.errors import BadRequest, NoSuchRoom, Refused
from clinic.figures import RESONANCE, PatientFigures
from clinic.memory import GuideMemory
from clinic.ports import Command, LiveItem, SessionStart
from clinic.sessions import SessionIndex
from sensors.pins import Pins
from therapy.discover import declared
from therapy.errors import BadPlan
from therapy.events import ChildDied, ChildReturned, Event
from therapy.guide import FREEDOM, GuideChoice, stricter, within_policy
from therapy.personal import TRIGGERS, check_choices
from therapy.plan import PLANS, in_place
from therapy.ports import RoomHost
from therapy.specs import SceneSpec
from therapy.talk import GuideMode
from voice_guide.service import ServiceConfig, ServiceState
from voice_guide.service import Shutdown as VoiceShutdown
from vr_world.link import Answer, Ask, Remember, StateNow, pack, parse_from_room
from vr_world.room_config import RoomConfig
from vr_world.settings import ServerSettings
from vr_world.streaming.join import JoinDesk
from vr_world.supervise import Child, ChildSpec

__all__ = ["LocalRoomHost", "RoomLink", "Rooms"]

log = logging.getLogger(__name__)

ROOM: Final = "vr_world.room:main"
ROOM_SILENCE_S: Final = 4.0
#: A fade, then the children one after another, the recording last.
ROOM_LEAVES_S: Final = 15.0
RECONNECT_S: Final = 0.05
ASK_S: Final = 5.0
CHECK_S: Final = 0.5
MAX_MESSAGE_BYTES: Final = 8 << 20
#: Share of a week's allowance of sound that may be lost with the gateway: about two minutes at 80 dBA.
DOSE_STEP: Final = 0.001
#: What screening found → flags with which an exercise is not offered (`SkillSpec.not_for`).
GUIDE_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "acute_psychiatric": ("psychosis", "dissociation"),
    "suicidal": ("acute_crisis",),
}
VOICE: Final = "voice_guide.service:main"
VOICE_NAME: Final = "voice"
VOICE_SOCKET: Final = "voice.sock"
#: It beats twice a second from the start; its workers take care of each other.
VOICE_SILENCE_S: Final = 10.0


class LocalRoomHost:
    """Rooms as processes of this machine (`therapy.ports.RoomHost`)."""

    def __init__(self, settings: ServerSettings, run_folder: Path, now_s: Callable[[], float]) -> None:
        self._settings = settings
        self._run_folder = run_folder
        self._now_s = now_s
        self._rooms: dict[str, Child] = {}
        self._died_s: dict[str, float] = {}
        self._voice: Child | None = None
        self.voice_state: ServiceState | None = None
        self._checking = asyncio.create_task(self._check())

    def start_voice(self) -> None:
        """Start the voice service that this machine's rooms share, and keep it alive."""
        settings = self._settings
        spec = ChildSpec(
            name=VOICE_NAME,
            main=VOICE,
            config=lambda: ServiceConfig(
                socket=str(self._run_folder / VOICE_SOCKET),
                think=settings.guide_think,
                voice=settings.guide_voice,
                languages=settings.guide_languages,
            ),
            shutdown=VoiceShutdown(),
            silence_s=VOICE_SILENCE_S,
            on_start=lambda _child: None,
        )
        self._voice = Child(spec, on_message=self._voice_says, on_event=self._tell, now_s=self._now_s)
        self._voice.start()

    def start(self, room: str, snapshot: Callable[[], dict[str, Any] | None]) -> None:
        """Start `room` and keep it alive."""
        spec = ChildSpec(
            name=room,
            main=ROOM,
            config=lambda: self._config(room, snapshot()),
            shutdown="leave",
            silence_s=ROOM_SILENCE_S,
            leaves_within_s=ROOM_LEAVES_S,
            on_start=lambda _child: None,
        )
        child = Child(spec, on_message=lambda _: None, on_event=self._tell, now_s=self._now_s)
        self._rooms[room] = child
        child.start()

    def endpoint(self, room: str) -> str:
        """Return the unix socket that `room` listens on."""
        return str(self._run_folder / f"room-{room}.sock")

    def restarts(self, room: str) -> int:
        """Return how often `room` had to be started again."""
        return self._rooms[room].restarts

    def pid(self, room: str) -> int | None:
        """Return the room's process id."""
        return self._rooms[room].pid

    async def stop(self) -> None:
        """Let every room leave."""
        self._checking.cancel()
        voice = () if self._voice is None else (self._voice,)
        await asyncio.gather(*(child.stop() for child in (*self._rooms.values(), *voice)))

    @property
    def voice_pids(self) -> Mapping[str, int | None]:
        """Process ids of the voice service and its workers, for `doctor`, tests and benchmarks."""
        own = None if self._voice is None else self._voice.pid
        return {"voice": own, **(self.voice_state.pids if self.voice_state is not None else {})}

    def _voice_says(self, state: ServiceState) -> None:
        self.voice_state = state

    def _config(self, room: str, snapshot: dict[str, Any] | None) -> RoomConfig:
        Path(self.endpoint(room)).unlink(missing_ok=True)
        return RoomConfig(
            room=room,
            socket=self.endpoint(room),
            sessions=str(self._settings.home / "sessions"),
            lsl_session=self._settings.lsl_session,
            lan=self._settings.lan,
            pins=Pins(lines=self._settings.pins, room=room, strict=self._settings.lan),
            seed=1 + self._settings.rooms.index(room),
            eye_px=self._settings.eye_px,
            full_scale_dba=self._settings.full_scale_dba,
            sensitive_ears=self._settings.sensitive_ears,
            audio_standby=self._settings.audio_standby,
            guide=self._settings.guide,
            voice_socket=str(self._run_folder / VOICE_SOCKET),
            notify=self._settings.notify,
            snapshot=snapshot,
            died_at_s=self._died_s.get(room),
        )

    def _tell(self, event: Event) -> None:
        match event:
            case ChildDied(at_s=at_s, child=room, reason=reason):
                self._died_s.setdefault(room, at_s)
                log.warning("%s stopped (%s) and is being started again", _named(room), reason)
            case ChildReturned(child=room, gap_s=gap_s):
                self._died_s.pop(room, None)
                log.warning("%s is back after %.1f s", _named(room), gap_s)

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            for child in self._rooms.values():
                child.check()
            if self._voice is not None:
                self._voice.check()


class RoomLink:
    """The gateway's conversation with one room, over any number of the room's lives."""

    def __init__(self, room: str, host: RoomHost) -> None:
        self.room = room
        self.state: dict[str, Any] | None = None
        self.mirror: bytes | None = None
        self.snapshot: dict[str, Any] | None = None
        self.on_change: Callable[[], None] = lambda: None
        self.on_picture: Callable[[], None] = lambda: None
        self._host = host
        self._socket: ClientConnection | None = None
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._ids = itertools.count(1)

    async def run(self) -> None:
        """Connect, listen, and connect again whenever the room comes back. Runs until cancelled."""
        while True:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                async with unix_connect(
                    self._host.endpoint(self.room),
                    "ws://room/link",
                    compression=None,
                    max_size=MAX_MESSAGE_BYTES,
                    ping_interval=None,
                ) as socket:
                    self._socket = socket
                    async for message in socket:
                        self._take(message)
            self._socket = None
            for waiting in self._answers.values():
                if not waiting.done():
                    waiting.set_exception(Refused(f"room {self.room} is being started again"))
            self._answers.clear()
            await asyncio.sleep(RECONNECT_S)

    async def ask(self, name: str, actor: str, **fields: Any) -> Answer:
        """Ask the room for something and wait for its answer.

        Raises:
            Refused: the room refuses, is just being started again, or does not answer.
        """
        if self._socket is None:
            raise Refused(f"room {self.room} is being started again")
        number = next(self._ids)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            await self._socket.send(pack(Ask(id=number, name=name, actor=actor, **fields)))
            told = await asyncio.wait_for(answer, ASK_S)
        except TimeoutError as error:
            raise Refused(f"room {self.room} must answer within {ASK_S:g} s, did not") from error
        except ConnectionClosed as error:
            raise Refused(f"room {self.room} is being started again") from error
        finally:
            self._answers.pop(number, None)
        if told.refused:
            raise Refused(told.refused)
        return told

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.mirror = message
            self.on_picture()
            return
        match parse_from_room(message):
            case Answer() as answer:
                waiting = self._answers.get(answer.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
                self.state = answer.state
                self.on_change()
            case StateNow(state=state):
                self.state = state
                self.on_change()
            case Remember(snapshot=snapshot):
                self.snapshot = snapshot


class _Mailbox:
    """One subscriber's newest state and picture."""

    def __init__(self) -> None:
        self.waiting: dict[str, LiveItem] = {}
        self.filled = asyncio.Event()

    def put(self, kind: str, item: LiveItem) -> None:
        self.waiting[kind] = item
        self.filled.set()


class Rooms:
    """The rooms as the clinic's API sees them (`clinic.ports.RoomsPort`).

    `address` is where headsets reach this server.
    """

    def __init__(  # noqa: PLR0913  # what it serves, keeps and shows each have their own place
        self,
        settings: ServerSettings,
        host: RoomHost,
        desk: JoinDesk,
        sessions: SessionIndex,
        doses: SoundDoses,
        figures: PatientFigures,
        memory: GuideMemory,
        *,
        address: str,
        now_s: Callable[[], float],
        utc_s: Callable[[], float],
    ) -> None:
        self._address = address
        self._settings = settings
        self._host = host
        self._desk = desk
        self._sessions = sessions
        self._now_s = now_s
        self._utc_s = utc_s
        self._links = {room: RoomLink(room, host) for room in settings.rooms}
        self._mailboxes: dict[str, set[_Mailbox]] = {room: set() for room in settings.rooms}
        self._doses = doses
        self.figures = figures
        self._memory = memory
        self._rest_noted: set[str] = set()
        self._going_on: dict[str, str] = {}
        self._dose_noted: dict[str, float] = {}
        self._met_noted: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start every room."""
        for room, link in self._links.items():
            link.on_change = lambda room=room: self._changed(room)  # type: ignore[misc]  # binds the loop's value
            link.on_picture = lambda room=room: self._pictured(room)  # type: ignore[misc]  # same
            self._host.start(room, lambda link=link: link.snapshot)  # type: ignore[misc]  # same
            self._tasks.append(asyncio.create_task(link.run()))

    async def stop(self) -> None:
        """Let every room leave."""
        for task in self._tasks:
            task.cancel()
        await self._host.stop()

    async def plans(self) -> Sequence[Mapping[str, Any]]:
        """Return the plans that can be started."""
        return [
            {
                "plan_id": plan.plan_id,
                "title": plan.title,
                "stages": [
                    {"name": stage.name, "kind": stage.kind.value, "duration_s": stage.duration_s}
                    for stage in plan.stages
                ],
            }
            for plan in PLANS.values()
        ]

    async def scenes(self) -> Sequence[Mapping[str, Any]]:
        """Return the places."""
        return [
            {
                "name": scene.name,
                "title": scene.title,
                "description": scene.description,
                "contains": sorted(scene.contains),
                "options": [
                    {
                        "name": option.name,
                        "title": option.title,
                        "choices": [
                            {"name": c.name, "title": c.title, "contains": sorted(c.contains)}
                            for c in option.choices
                        ],
                    }
                    for option in scene.options
                ],
            }
            for scene in declared("scenes", "SCENE", SceneSpec).values()
        ]

    async def triggers(self) -> Sequence[Mapping[str, Any]]:
        """Return what a list of triggers may hold."""
        return [{"name": name, "title": title} for name, title in TRIGGERS.items()]

    async def guide(self) -> Mapping[str, Any]:
        """Return what guide sessions here may have."""
        if not self._settings.guide:
            return {"on": False, "modes": [], "usual": None, "languages": []}
        modes = FREEDOM[: FREEDOM.index(self._settings.guide_policy) + 1]
        return {
            "on": True,
            "modes": [mode.value for mode in modes],
            "usual": self._usual_mode().value,
            "languages": list(self._settings.guide_languages),
        }

    async def rooms(self) -> Sequence[Mapping[str, Any]]:
        """Return the rooms and their phases."""
        return [
            {"room": room, "phase": None if link.state is None else link.state["phase"]}
            for room, link in self._links.items()
        ]

    async def state(self, room: str) -> Mapping[str, Any]:
        """Return the newest state message."""
        link = self._link(room)
        if link.state is None:
            raise Refused(f"room {room} is starting; try again in a moment")
        return self._with_code(room, link.state)

    async def start_session(self, room: str, start: SessionStart) -> Mapping[str, Any]:
        """Open a session and issue a code for its headset."""
        link = self._link(room)
        if start.plan_id not in PLANS:
            raise Refused(f"plan must be one of {', '.join(PLANS)}, got {start.plan_id[:40]!r}")
        stages = in_place(PLANS[start.plan_id], start.scene).stages
        try:
            names = tuple(stage.scene for stage in stages)
            check_choices(declared("scenes", "SCENE", SceneSpec), names, start.personal)
        except BadPlan as error:
            raise Refused(str(error)) from error
        utc_s = self._utc_s()
        started = dt.datetime.fromtimestamp(utc_s, dt.UTC)
        session_id = f"{started:%Y%m%dT%H%M%SZ}-room{room}-{secrets.token_hex(3)}"
        dose = (
            await asyncio.to_thread(self._doses.week, start.patient, now_utc_s=utc_s)
            if start.patient
            else 0.0
        )
        before = await asyncio.to_thread(self.figures.before, start.patient) if start.patient else {}
        personal = dataclasses.replace(start.personal, breath_pace_per_min=before.pop(RESONANCE, None))
        guide = self._guide_of(start)
        await link.ask(
            "open",
            start.actor,
            plan_id=start.plan_id,
            patient=start.patient,
            scene=start.scene,
            personal=personal,
            baseline=before,
            yoked_to=start.yoked_to,
            blind=start.blind,
            stream=start.stream,
            guide=guide,
            session_id=session_id,
            started=started.isoformat(),
            screening=msgspec.json.encode(dataclasses.asdict(start.screening)).decode(),
            sound_dose=dose,
        )
        self._dose_noted.pop(room, None)
        folder = self._settings.home / "sessions" / session_id
        await asyncio.to_thread(
            self._sessions.started, session_id, room=room, start=start, folder=folder, at_utc_s=utc_s
        )
        self._going_on[room] = session_id
        self._desk.close_room(room)
        self._issue(room)
        return await self.state(room)

    async def command(self, room: str, command: Command) -> Mapping[str, Any]:
        """Carry out a command; a new code is the gateway's own business."""
        link = self._link(room)
        if command.name == "new_code":
            self._issue(room)
            self._changed(room)
            return {"phase": (link.state or {}).get("phase") or "IDLE"}
        order = command.guide
        if order.mode is not None:
            self._allowed(order.mode)
        answer = await link.ask(
            command.name,
            command.actor,
            steer=dict(command.steer),
            alarm=command.alarm,
            level=command.level,
            scene=command.scene,
            mode=order.mode,
            approval=order.approval,
            text=order.text,
            turn=order.turn,
            decision=order.decision,
        )
        return {"phase": answer.phase}

    async def subscribe(self, room: str) -> AsyncGenerator[LiveItem, None]:
        """Yield states and pictures as they come; the newest wins."""
        link = self._link(room)
        mailbox = _Mailbox()
        self._mailboxes[room].add(mailbox)
        try:
            self._fill(room, link, mailbox)
            if link.mirror is not None:
                mailbox.put("mirror", link.mirror)
            while True:
                await mailbox.filled.wait()
                mailbox.filled.clear()
                while mailbox.waiting:
                    yield mailbox.waiting.pop(next(iter(mailbox.waiting)))
        finally:
            self._mailboxes[room].discard(mailbox)

    def code(self, room: str) -> str | None:
        """Return the code that now opens `room`. Raises `NoSuchRoom`."""
        self._link(room)
        code = self._desk.open_code(room, self._now_s())
        return None if code is None else code.code

    def link_to(self, room: str) -> RoomLink:
        """Return the link to `room`. Raises `NoSuchRoom`."""
        return self._link(room)

    def _usual_mode(self) -> GuideMode:
        """Return approved lines, or what the policy allows where that is less."""
        return stricter(GuideMode.APPROVED, self._settings.guide_policy)

    def _guide_of(self, start: SessionStart) -> GuideChoice:
        """Return the guide of a session to be. Raises `Refused`."""
        languages = self._settings.guide_languages
        choice = start.guide or GuideChoice(mode=self._usual_mode(), language=languages[0])
        self._allowed(choice.mode)
        if choice.language not in languages:
            raise Refused(
                f"the guide's language must be one of {', '.join(languages)}, got {choice.language!r}"
            )
        flags = {flag for found in start.screening.present for flag in GUIDE_FLAGS.get(found, ())}
        return dataclasses.replace(
            choice, met_before=start.met_before, remembered=start.remembered, flags=frozenset(flags)
        )

    def _allowed(self, mode: GuideMode) -> None:
        try:
            within_policy(mode, self._settings.guide_policy)
        except BadPlan as error:
            raise Refused(str(error)) from error

    def _link(self, room: str) -> RoomLink:
        link = self._links.get(room)
        if link is None:
            raise NoSuchRoom(room)
        return link

    def _issue(self, room: str) -> None:
        """Show a new code: for the room's headset, or for one more of its group."""
        state = self._links[room].state or {}
        self._desk.issue(room, self._now_s(), group=state.get("stream") == "panorama")

    def _with_code(self, room: str, state: Mapping[str, Any]) -> dict[str, Any]:
        now_s = self._now_s()
        code = self._desk.open_code(room, now_s)
        join = code and {
            "code": code.code,
            "expires_in_s": code.expires_at_s - now_s,
            "address": self._address,
        }
        return {**state, "join": join}

    def _changed(self, room: str) -> None:
        link = self._links[room]
        for mailbox in self._mailboxes[room]:
            self._fill(room, link, mailbox)
        session_id = self._going_on.get(room)
        phase = None if link.state is None else link.state["phase"]
        if session_id is not None and link.state is not None:
            self._note_dose(room, session_id, link.state, over=phase in ("ENDED", "STOPPED"))
            self._note_rest(session_id, link.state)
            self._note_guide(session_id, link.state, over=phase in ("ENDED", "STOPPED"))
        if session_id is not None and phase in ("ENDED", "STOPPED"):
            del self._going_on[room]
            noted = asyncio.to_thread(self._sessions.ended, session_id, outcome=phase, at_utc_s=self._utc_s())
            self._tasks.append(asyncio.create_task(noted))

    def _note_dose(self, room: str, session_id: str, state: Mapping[str, Any], *, over: bool) -> None:
        """Keep the session's sound dose: each thousandth of a week's allowance, and at the end."""
        share, patient = float(state["sound"]["session"]), str(state["patient"])
        if not patient or not (over or share - self._dose_noted.get(room, 0.0) >= DOSE_STEP):
            return
        self._dose_noted[room] = share
        noted = asyncio.to_thread(
            self._doses.note, session_id, patient=patient, share=share, at_utc_s=self._utc_s()
        )
        self._tasks.append(asyncio.create_task(noted))

    def _note_rest(self, session_id: str, state: Mapping[str, Any]) -> None:
        """Keep the patient's values at rest of this session, once they are known."""
        patient, baseline = str(state["patient"]), state.get("baseline") or {}
        if not patient or not baseline or session_id in self._rest_noted:
            return
        self._rest_noted.add(session_id)

        def note() -> None:
            for kind, value in baseline.items():
                with contextlib.suppress(BadRequest):  # no value that a body has: nothing to begin with later
                    self.figures.note(session_id, patient=patient, kind=kind, value=value)

        self._tasks.append(asyncio.create_task(asyncio.to_thread(note)))

    def _note_guide(self, session_id: str, state: Mapping[str, Any], *, over: bool) -> None:
        """Keep that the guide has said what it is, and at the end propose what it may remember."""
        patient, guide = str(state["patient"]), state.get("guide")
        if not patient or guide is None:
            return
        if guide["met"] and session_id not in self._met_noted:
            self._met_noted.add(session_id)
            self._tasks.append(asyncio.create_task(asyncio.to_thread(self._memory.met, patient)))
        if over and guide["notes"]:

            def propose() -> None:
                self._memory.propose(patient, guide["notes"])

            self._tasks.append(asyncio.create_task(asyncio.to_thread(propose)))

    def _pictured(self, room: str) -> None:
        """Pass a new picture on, once: a renderer that makes none must look dead."""
        mirror = self._links[room].mirror
        if mirror is not None:
            for mailbox in self._mailboxes[room]:
                mailbox.put("mirror", mirror)

    def _fill(self, room: str, link: RoomLink, mailbox: _Mailbox) -> None:
        if link.state is not None:
            text = msgspec.json.encode(self._with_code(room, link.state)).decode()
            mailbox.put("state", text)


def _named(child: str) -> str:
    return "the voice service" if child == VOICE_NAME else f"room {child}"
