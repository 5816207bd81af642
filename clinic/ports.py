"""What `clinic` needs of the rooms. `vr_world` implements it; tests bring their own."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, get_args

from clinic.screening import Screening
from therapy.assessment import Kind
from therapy.guide import GuideChoice
from therapy.personal import NOTHING_CHOSEN, Personal
from therapy.talk import GuideMode

__all__ = [
    "COMMANDS",
    "Command",
    "CommandName",
    "Decision",
    "GuideOrder",
    "LiveItem",
    "OpenCondition",
    "RoomsPort",
    "SessionStart",
    "Stream",
]

CommandName: TypeAlias = Literal[
    "begin",
    "pause",
    "resume",
    "return",
    "stop",
    "steer",
    "new_code",
    "acknowledge",
    "unwell",
    "place",
    "assess",
    "assess_stop",
    "guide_mode",
    "whisper",
    "proposal",
    "release",
]
COMMANDS: tuple[CommandName, ...] = get_args(CommandName)

#: How the world of a session answers the body (`therapy.plan.Condition`); yoked follows from its session.
OpenCondition: TypeAlias = Literal["CONTINGENT", "PACED_ONLY", "OFF"]

#: Stereo for one head, or one panorama for a group.
Stream: TypeAlias = Literal["view", "panorama"]

#: What becomes of words that the guide proposes: spoken, spoken as edited, or dropped.
Decision: TypeAlias = Literal["speak", "edit", "drop"]

#: `str` is a state message (JSON), `bytes` one JPEG of what the patient sees.
LiveItem: TypeAlias = str | bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuideOrder:
    """What a therapist wants of the guide.

    Attributes:
        mode: for `guide_mode` only: how freely it may speak.
        approval: for `guide_mode` only: whether each answer waits for the therapist; `None` leaves that.
        text: for `whisper`: what the guide is to say; for an edited `proposal`: what it says instead.
        turn: for `proposal` only: which one.
        decision: for `proposal` only: what becomes of it.
    """

    mode: GuideMode | None = None
    approval: bool | None = None
    text: str = ""
    turn: int | None = None
    decision: Decision | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a therapist wants of a room, already checked against the bounds of `therapy.controls.TABLE`.

    Attributes:
        name: which command.
        steer: for `steer` only: wish by name (`arousal`, `music_lufs`, `breath_pace_per_min`,
            `time_of_day_h`, `light`). `None` gives the control back to the automatic; an absent one stays.
        alarm: for `acknowledge` only: the alarm's id.
        level: for `unwell` only: how unwell the patient feels, 0 (well again) … 1.
        scene: for `place` only: the place to go to.
        kind: for `assess` only: how the resonance assessment goes.
        guide: for `guide_mode`, `whisper` and `proposal` only.
        actor: the account that asked.
    """

    name: CommandName
    steer: Mapping[str, float | None] = dataclasses.field(default_factory=dict)
    alarm: int | None = None
    level: float | None = None
    scene: str = ""
    kind: Kind = "stepped"
    guide: GuideOrder = GuideOrder()
    actor: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionStart:
    """A session that a therapist wants to start, with what the screening found.

    `scene` is the place to go to, empty for the plan's own; `personal` is what was chosen for the patient;
    `stream` what is sent: with `"panorama"` the session is a group's, each headset with a code of its own.
    `guide` is how the guide is to be, `None` for what is usual here.
    `remembered` is what the guide may know of the patient, with their consent; `met_before` whether it has
    already told them what it is.
    `condition` is how the world answers the body, unless `yoked_to` names the session whose controls drive
    this one; `blind` hides which it is from the panel.
    """

    plan_id: str
    patient: str
    screening: Screening
    actor: str
    scene: str = ""
    personal: Personal = NOTHING_CHOSEN
    stream: Stream = "view"
    guide: GuideChoice | None = None
    remembered: tuple[str, ...] = ()
    met_before: bool = False
    condition: OpenCondition = "CONTINGENT"
    yoked_to: str = ""
    blind: bool = False


class RoomsPort(Protocol):
    """The rooms of this server. Every method may raise `NoSuchRoom` for a room and `Refused(reason)`.

    Mappings are JSON objects in the shapes of `clinic.messages`.
    """

    async def plans(self) -> Sequence[Mapping[str, Any]]:
        """Return the plans that can be started (`messages.PlanInfo`)."""
        ...

    async def scenes(self) -> Sequence[Mapping[str, Any]]:
        """Return the places that plans may use (`messages.SceneInfo`)."""
        ...

    async def triggers(self) -> Sequence[Mapping[str, Any]]:
        """Return what a list of triggers may hold (`messages.TriggerInfo`)."""
        ...

    async def guide(self) -> Mapping[str, Any]:
        """Return what guide sessions here may have (`messages.GuideInfo`)."""
        ...

    async def rooms(self) -> Sequence[Mapping[str, Any]]:
        """Return the rooms and their phases (`messages.RoomInfo`)."""
        ...

    async def state(self, room: str) -> Mapping[str, Any]:
        """Return the newest state message (`messages.RoomState`)."""
        ...

    async def start_session(self, room: str, start: SessionStart) -> Mapping[str, Any]:
        """Start a session (READY, with a join code) and return the state. `Refused` while one is going on."""
        ...

    async def command(self, room: str, command: Command) -> Mapping[str, Any]:
        """Carry out `command` and return `{"phase": …}`. `Refused` where the phase does not allow it."""
        ...

    def subscribe(self, room: str) -> AsyncGenerator[LiveItem, None]:
        """Yield states (≤ 10 Hz) and pictures as they come, newest wins, starting with the present state.

        Ends when the room is gone for good; closing it ends the subscription. Raises `NoSuchRoom` on the
        first step.
        """
        ...
