"""What the gateway and a room say to each other over their WebSocket, as tagged JSON. No I/O.

`Ask`s go to the room and are answered by one `Answer` with the same `id`; `StateNow` and `Remember` come by
themselves. A binary message is a JPEG of what the patient sees.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec

from therapy.assessment import Kind
from therapy.errors import TherapyError
from therapy.guide import GuideChoice
from therapy.personal import NOTHING_CHOSEN, Personal
from therapy.plan import Condition
from therapy.talk import GuideMode

__all__ = [
    "Answer",
    "Ask",
    "BadLink",
    "FromRoom",
    "Remember",
    "StateNow",
    "pack",
    "parse_ask",
    "parse_from_room",
]


class BadLink(TherapyError):
    """Text that is not a message of the link."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Do something.

    `name` is `open` (plan_id, scene, personal, patient, session_id, sound_dose,
    baseline, condition, yoked_to, blind, stream, guide), `begin`, `pause`, `resume`,
    `return`, `stop`, `steer` (steer), `place` (scene), `assess` (kind), `assess_stop`, `unwell` (level),
    `acknowledge` (alarm), `guide_mode` (mode, approval), `whisper` (text), `proposal` (turn, decision, text),
    or `release`.
    `sound_dose` is the share of a week's allowance of sound that the patient has had before this session,
    `baseline` what earlier sessions found at rest, by vital; `yoked_to` the session whose controls drive it.
    """

    id: int
    name: str
    actor: str
    plan_id: str = ""
    patient: str = ""
    scene: str = ""
    personal: Personal = NOTHING_CHOSEN
    session_id: str = ""
    started: str = ""
    screening: str = ""
    sound_dose: float = 0.0
    baseline: dict[str, float] = {}
    condition: str = Condition.CONTINGENT.value
    yoked_to: str = ""
    blind: bool = False
    stream: Literal["view", "panorama"] = "view"
    guide: GuideChoice = GuideChoice()
    steer: dict[str, float | None] = {}
    alarm: int | None = None
    level: float | None = None
    kind: Kind = "stepped"
    mode: GuideMode | None = None
    approval: bool | None = None
    text: str = ""
    turn: int | None = None
    decision: Literal["speak", "edit", "drop"] | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag="answer"):
    """The answer to an `Ask`; `refused` says why not, and is empty when it was done."""

    id: int
    phase: str
    state: dict[str, Any]
    refused: str = ""


class StateNow(msgspec.Struct, frozen=True, kw_only=True, tag="state"):
    """The room's state message for the panel, without the join code (the gateway's)."""

    state: dict[str, Any]


class Remember(msgspec.Struct, frozen=True, kw_only=True, tag="remember"):
    """What the next process of this room needs to go on; `null` without a session. Once a second."""

    snapshot: dict[str, Any] | None


FromRoom: TypeAlias = Answer | StateNow | Remember

_ASK: Final = msgspec.json.Decoder(Ask)
_FROM_ROOM: Final[msgspec.json.Decoder[FromRoom]] = msgspec.json.Decoder(FromRoom)


def pack(message: Ask | FromRoom) -> str:
    """Return the text of a message."""
    return msgspec.json.encode(message).decode()


def parse_ask(text: str | bytes) -> Ask:
    """Parse what a gateway sent. Raises `BadLink`."""
    try:
        return _ASK.decode(text)
    except msgspec.MsgspecError as error:
        raise BadLink(f"link message must be an Ask: {error}") from error


def parse_from_room(text: str | bytes) -> FromRoom:
    """Parse what a room sent. Raises `BadLink`."""
    try:
        return _FROM_ROOM.decode(text)
    except msgspec.MsgspecError as error:
        raise BadLink(f"link message must come from a room: {error}") from error
