"""The rooms as the clinic's API asks them (`clinic.ports.RoomsPort`): listened to, and shown to the panel."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import msgspec

from clinic.doses import SoundDoses
from clinic.errors import NoSuchRoom, Refused
from clinic.figures import RESONANCE, PatientFigures
from clinic.memory import GuideMemory
from clinic.ports import Command, LiveItem, SessionStart
from clinic.sessions import SessionIndex
from therapy.discover import declared
from therapy.errors import BadPlan
from therapy.guide import FREEDOM, GuideChoice, stricter, within_policy
from therapy.personal import TRIGGERS, check_choices
from therapy.plan import PLANS, SessionPlan, in_place
from therapy.ports import RoomHost
from therapy.specs import SceneSpec
from therapy.talk import GuideMode
from voice_guide.riskbook import load_risk_book
from vr_world.keeping import Keeping
from vr_world.room_link import RoomLink
from vr_world.settings import ServerSettings
from vr_world.streaming.join import JoinDesk

__all__ = ["GUIDE_FLAGS", "Rooms"]

log = logging.getLogger(__name__)

_AGAIN_S: Final = 1.0

#: What screening found → flags with which an exercise is not offered (`SkillSpec.not_for`).
GUIDE_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "acute_psychiatric": ("psychosis", "dissociation"),
    "suicidal": ("acute_crisis",),
}


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
        self._keeping = Keeping(sessions, doses, figures, memory, utc_s=utc_s)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start every room."""
        self._live("what keeps sessions' figures", self._keeping.run)
        for room, link in self._links.items():
            link.on_change = lambda room=room: self._changed(room)  # type: ignore[misc]  # binds the loop's value
            link.on_picture = lambda room=room: self._pictured(room)  # type: ignore[misc]  # same
            self._host.start(room, lambda link=link: link.snapshot)  # type: ignore[misc]  # same
            self._live(f"the link to room {room}", link.run)

    async def stop(self) -> None:
        """Let every room leave."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keeping.finish()
        await self._host.stop()

    def _live(self, what: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run as long as the rooms are there. What fails is told and begins again: no room is left alone."""

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            error = None if task.cancelled() else task.exception()
            if error is not None:
                log.error("%s failed (%s) and begins again", what, type(error).__name__)
                asyncio.get_running_loop().call_later(_AGAIN_S, self._live, what, run)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(ended)

    async def plans(self) -> Sequence[Mapping[str, Any]]:
        """Return the plans that can be started."""
        return [
            {
                "plan_id": plan.plan_id,
                "title": plan.title,
                "guide": plan.guide.value,
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
            "rules_only": [tag for tag in self._settings.guide_languages if not load_risk_book(tag).similar],
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
        if start.yoked_to and start.condition != "CONTINGENT":
            raise Refused(f"a session yoked to another has no condition of its own, got {start.condition}")
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
            condition=start.condition,
            yoked_to=start.yoked_to,
            blind=start.blind,
            stream=start.stream,
            guide=guide,
            session_id=session_id,
            started=started.isoformat(),
            screening=msgspec.json.encode(dataclasses.asdict(start.screening)).decode(),
            sound_dose=dose,
        )
        folder = self._settings.home / "sessions" / session_id
        await asyncio.to_thread(
            self._sessions.started, session_id, room=room, start=start, folder=folder, at_utc_s=utc_s
        )
        self._keeping.began(room, session_id)
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
            running = (link.state or {}).get("plan") or {}
            self._allowed(order.mode, PLANS.get(running.get("plan_id", "")))
        answer = await link.ask(
            command.name,
            command.actor,
            steer=dict(command.steer),
            alarm=command.alarm,
            level=command.level,
            scene=command.scene,
            kind=command.kind,
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
        languages, plan = self._settings.guide_languages, PLANS[start.plan_id]
        usual = stricter(self._usual_mode(), plan.guide)
        choice = start.guide or GuideChoice(mode=usual, language=languages[0])
        self._allowed(choice.mode, plan)
        if choice.language not in languages:
            raise Refused(
                f"the guide's language must be one of {', '.join(languages)}, got {choice.language!r}"
            )
        flags = {flag for found in start.screening.present for flag in GUIDE_FLAGS.get(found, ())}
        return dataclasses.replace(
            choice, met_before=start.met_before, remembered=start.remembered, flags=frozenset(flags)
        )

    def _allowed(self, mode: GuideMode, plan: SessionPlan | None) -> None:
        try:
            within_policy(mode, self._settings.guide_policy, plan)
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
        if link.state is not None:
            self._keeping.take(room, link.state)

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
