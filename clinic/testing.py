"""Rooms for tests of whoever uses the panel's API: in memory, with no patient, no picture and no sound.

`RoomsDouble` keeps to the contract of `clinic.ports.RoomsPort`; what it shows is what the test publishes.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

import msgspec

from clinic.errors import NoSuchRoom, Refused
from clinic.ports import Command, CommandName, LiveItem, SessionStart
from therapy.controls import NEUTRAL
from therapy.personal import TRIGGERS

__all__ = ["RoomsDouble", "empty_state"]

#: From which phase a command leads where (the graph of the session machine; STOP comes from anywhere).
_MOVES: Final[Mapping[CommandName, tuple[frozenset[str], str]]] = {
    "begin": (frozenset({"READY"}), "RUNNING"),
    "pause": (frozenset({"RUNNING"}), "PAUSED"),
    "resume": (frozenset({"PAUSED"}), "RUNNING"),
    "return": (frozenset({"RUNNING", "PAUSED"}), "RETURNING"),
    "stop": (frozenset({"READY", "RUNNING", "PAUSED", "RETURNING", "ENDED", "STOPPED"}), "STOPPED"),
}


def empty_state(room: str = "1") -> dict[str, Any]:
    """Return the state of a room without a session, in the shape of `messages.RoomState`."""
    return {
        "type": "state",
        "at_s": 0.0,
        "room": room,
        "phase": None,
        "condition": None,
        "plan": None,
        "patient": "",
        "elapsed_s": 0.0,
        "stage": None,
        "vitals": {},
        "arousal": {"value": 0.0, "confidence": 0.0},
        "coherence": None,
        "breath_phase": None,
        "pacer_phase": None,
        "controls": dataclasses.asdict(NEUTRAL),
        "wishes": {
            "arousal": 0.0,
            "music_lufs": None,
            "breath_pace_per_min": None,
            "time_of_day_h": None,
            "light": None,
        },
        "why": [],
        "streams": [],
        "headset": {"connected": False, "fps": None, "frame_age_ms": None, "rtt_ms": None},
        "processes": [],
        "recording": {"on": False, "bytes": 0, "path": ""},
        "join": None,
        "alarms": [],
        "guide": None,
    }


class _Mailbox:
    """One watcher's newest state and picture: what it has not taken yet is replaced, never queued."""

    def __init__(self) -> None:
        self._state: str | None = None
        self._picture: bytes | None = None
        self._closed = False
        self._something = asyncio.Event()

    def put(self, item: LiveItem) -> None:
        """Offer a state (`str`) or a picture (`bytes`); an older one that still waits is dropped."""
        if isinstance(item, str):
            self._state = item
        else:
            self._picture = item
        self._something.set()

    def close(self) -> None:
        """Let `items` end after what is waiting."""
        self._closed = True
        self._something.set()

    async def items(self) -> AsyncGenerator[LiveItem, None]:
        """Yield what comes, the state before the picture."""
        while True:
            await self._something.wait()
            self._something.clear()
            state, self._state = self._state, None
            picture, self._picture = self._picture, None
            if state is not None:
                yield state
            if picture is not None:
                yield picture
            if self._closed and self._state is None and self._picture is None:
                return


class RoomsDouble:
    """One room, `"1"`. `commands` and `starts` hold what was asked, oldest first."""

    def __init__(self) -> None:
        self.now = empty_state()
        self.commands: list[Command] = []
        self.starts: list[SessionStart] = []
        self._watchers: set[_Mailbox] = set()
        self._picture: bytes | None = None

    @property
    def watchers(self) -> int:
        """How many subscriptions are open."""
        return len(self._watchers)

    def publish(self, **changes: Any) -> None:
        """Change fields of the state and show it to every watcher."""
        self.now = {**self.now, **changes}
        text = msgspec.json.encode(self.now).decode()
        for watcher in self._watchers:
            watcher.put(text)

    def publish_picture(self, jpeg: bytes) -> None:
        """Show a picture to every watcher."""
        self._picture = jpeg
        for watcher in self._watchers:
            watcher.put(jpeg)

    def close(self) -> None:
        """End every subscription, as a room does that is gone for good."""
        for watcher in self._watchers:
            watcher.close()

    async def plans(self) -> Sequence[Mapping[str, Any]]:
        """Return two plans."""
        return [
            {
                "plan_id": "first-visit",
                "title": "First visit",
                "guide": "approved",
                "stages": [
                    {"name": "Arrive", "kind": "ARRIVE", "duration_s": 120.0},
                    {"name": "Settle", "kind": "SETTLE", "duration_s": 120.0},
                    {"name": "Return", "kind": "RETURN", "duration_s": 60.0},
                ],
            },
            {
                "plan_id": "calm-sea",
                "title": "Calm sea",
                "guide": "free",
                "stages": [
                    {"name": "Arrive", "kind": "ARRIVE", "duration_s": 120.0},
                    {"name": "Settle", "kind": "SETTLE", "duration_s": 240.0},
                    {"name": "Deepen", "kind": "DEEPEN", "duration_s": 480.0},
                    {"name": "Return", "kind": "RETURN", "duration_s": 180.0},
                ],
            },
        ]

    async def scenes(self) -> Sequence[Mapping[str, Any]]:
        """Return one place."""
        choices = [
            {"name": "birds", "title": "sea birds", "contains": ["birds"]},
            {"name": "none", "title": "nobody", "contains": []},
        ]
        return [
            {
                "name": "ocean",
                "title": "The sea at dusk",
                "description": "An open sea",
                "contains": ["water"],
                "options": [{"name": "companions", "title": "Companions", "choices": choices}],
            }
        ]

    async def triggers(self) -> Sequence[Mapping[str, Any]]:
        """Return what a list of triggers may hold."""
        return [{"name": name, "title": title} for name, title in TRIGGERS.items()]

    async def guide(self) -> Mapping[str, Any]:
        """Return a guide that may choose among approved lines."""
        return {
            "on": True,
            "modes": ["off", "scripted", "approved"],
            "usual": "approved",
            "languages": ["en", "de"],
            "rules_only": ["de"],
        }

    async def rooms(self) -> Sequence[Mapping[str, Any]]:
        """Return the room."""
        return [{"room": "1", "phase": self.now["phase"]}]

    async def state(self, room: str) -> Mapping[str, Any]:
        """Return the state."""
        self._known(room)
        return self.now

    async def start_session(self, room: str, start: SessionStart) -> Mapping[str, Any]:
        """Start a session of a known plan where none is going on."""
        self._known(room)
        if self.now["phase"] not in {None, "ENDED", "STOPPED"}:
            raise Refused(f"a session is {self.now['phase']} in room {room}: end it first")
        plan = next((p for p in await self.plans() if p["plan_id"] == start.plan_id), None)
        if plan is None:
            raise Refused(f"no plan {start.plan_id!r}")
        self.starts.append(start)
        total_s = sum(stage["duration_s"] for stage in plan["stages"])
        self.publish(
            phase="READY",
            condition="CONTINGENT",
            plan={
                "plan_id": start.plan_id,
                "title": plan["title"],
                "duration_s": total_s,
                "guide": plan["guide"],
            },
            patient=start.patient,
            elapsed_s=0.0,
            stage=None,
            join={"code": "480213", "expires_in_s": 300.0},
        )
        return self.now

    async def command(self, room: str, command: Command) -> Mapping[str, Any]:
        """Move as the session machine would."""
        self._known(room)
        if self.now["phase"] is None:
            raise Refused(f"no session in room {room}: start one first")
        self.commands.append(command)
        match command.name:
            case "steer":
                self.publish(wishes={**self.now["wishes"], **command.steer})
            case "place":
                self.publish(scene=command.scene)
            case "new_code":
                self.publish(join={"code": "771905", "expires_in_s": 300.0})
            case "unwell" | "assess" | "assess_stop":
                pass  # these change no phase; `commands` holds them
            case "guide_mode" | "whisper" | "proposal" | "release":
                self._guide_takes(command)
            case "acknowledge":
                self._acknowledge(command.alarm)
            case name:
                allowed, then = _MOVES[name]
                if self.now["phase"] not in allowed:
                    raise Refused(f"cannot {name} while {self.now['phase']}")
                self.publish(phase=then)
        return {"phase": self.now["phase"]}

    async def subscribe(self, room: str) -> AsyncGenerator[LiveItem, None]:
        """Yield the present state and picture, then what is published."""
        self._known(room)
        mailbox = _Mailbox()
        mailbox.put(msgspec.json.encode(self.now).decode())
        if self._picture is not None:
            mailbox.put(self._picture)
        self._watchers.add(mailbox)
        try:
            async for item in mailbox.items():
                yield item
        finally:
            self._watchers.discard(mailbox)

    def _guide_takes(self, command: Command) -> None:
        """Do to the guide that the test published what a room would."""
        guide, order = self.now["guide"], command.guide
        if guide is None:
            raise Refused("guide must be a session that it belongs to, got None")
        match command.name:
            case "guide_mode" if order.mode is not None:
                approval = guide["approval"] if order.approval is None else order.approval
                name = order.mode.value
                guide = {**guide, "mode": name, "wanted_mode": name, "approval": approval}
            case "whisper":
                said = {"who": "therapist", "text": order.text, "at_s": self.now["at_s"]}
                guide = {**guide, "transcript": [*guide["transcript"], said]}
            case "proposal":
                guide = {**guide, "proposal": None}
            case _:
                guide = {**guide, "risk": None, "state": "listening"}
        self.publish(guide=guide)

    def _acknowledge(self, alarm: int | None) -> None:
        if alarm not in {a["id"] for a in self.now["alarms"]}:
            raise Refused(f"no alarm {alarm}")
        self.publish(
            alarms=[{**a, "acknowledged": a["acknowledged"] or a["id"] == alarm} for a in self.now["alarms"]]
        )

    def _known(self, room: str) -> None:
        if room != "1":
            raise NoSuchRoom(room)
