"""What a room and the machine's voice service say to each other, over a unix socket. No I/O.

One connection is one room. To the service: `Join` first, then `Sound`, `Listen`, `HoldTurn`, `Think`,
`CancelThinking`, `Prepare`, `Speak`, `Hush`. From it: `Status` at once and at each change, `SpeechStarted`,
`HeardNow`, `SpeechEnded`, `SentenceReady`, `Proposed` or `NotUsable`, `Spoken` or `NotSpoken`. All `*_s` are
session time. A room waits for none of these: what does not come in time is done without.

They cross pickled, as between a room and its other processes: both ends are this program, and the socket lies
in a folder of its user's own.
"""

from __future__ import annotations

import dataclasses
import pickle
from typing import Final, TypeAlias

from therapy.errors import TherapyError
from therapy.talk import Briefing, Heard, Proposal, Risk, Utterance

__all__ = [
    "BadVoiceMessage",
    "CancelThinking",
    "FromService",
    "HeardNow",
    "HoldTurn",
    "Hush",
    "Join",
    "Listen",
    "NotSpoken",
    "NotUsable",
    "Prepare",
    "Proposed",
    "SentenceReady",
    "Sound",
    "Speak",
    "SpeechEnded",
    "SpeechStarted",
    "Spoken",
    "Status",
    "Think",
    "ToService",
    "pack",
    "parse_from_service",
    "parse_to_service",
]

#: An Opus packet of 20 ms has a few hundred bytes at most.
MAX_PACKET_BYTES: Final = 4000
#: What unpickling raises for bytes that are no pickle, or one of another version of this program.
_UNREADABLE: Final = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
)


class BadVoiceMessage(TherapyError):
    """Bytes that are not a message of the voice service."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A room is here. `voice` and `backend` are names of plug-ins, empty for the default."""

    room: str
    language: str = "en"
    voice: str = ""
    backend: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """20 ms of the patient's microphone: Opus, 48 kHz, mono; `seq` counts from 1, a gap is a loss."""

    seq: int
    at_s: float
    payload: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Begin or end to listen; nothing is heard before."""

    on: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HoldTurn:
    """Let the patient think: while it is on, only a long silence or a short whole answer ends a turn."""

    on: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Think:
    """Answer `briefing` before session time `until_s`."""

    briefing: Briefing
    until_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CancelThinking:
    """The answer of this turn is not wanted any more."""

    turn: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """Render these approved texts ahead, so that they can be spoken at once."""

    language: str
    texts: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Speak:
    """Speak. `pace` 1 is calm speech, 0.8 slower."""

    utterance: Utterance
    pace: float = 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hush:
    """Stop to render this utterance, or all with 0."""

    utterance: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the three workers are: empty is well, else one line on what is missing and what to do."""

    ears: str = ""
    mind: str = ""
    mouth: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted:
    """The patient's voice began at `at_s`."""

    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded:
    """The voice ended at `at_s` without a turn: a cough, a sound, or nothing that the recogniser knew."""

    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeardNow:
    """Words, partial or final, and what the risk screen says of them.

    `paused`: the turn is open, these are all its words so far, and the patient is quiet now.
    """

    heard: Heard
    risk: Risk
    paused: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SentenceReady:
    """The next sentence of an answer in FREE mode that is still being written."""

    turn: int
    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The whole answer."""

    proposal: Proposal


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotUsable:
    """There will be no answer: stalled, nonsense, refused, missing."""

    turn: int
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """20 ms of speech: Opus, 48 kHz, mono, `offset_s` after the utterance's begin.

    `words` are the words that begin in this packet, for captions and for what was heard.
    """

    utterance: int
    seq: int
    offset_s: float
    payload: bytes
    last: bool = False
    words: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotSpoken:
    """This utterance has no sound: no voice, or it failed. Its caption is shown all the same."""

    utterance: int
    reason: str


ToService: TypeAlias = Join | Sound | Listen | HoldTurn | Think | CancelThinking | Prepare | Speak | Hush
FromService: TypeAlias = (
    Status
    | SpeechStarted
    | SpeechEnded
    | HeardNow
    | SentenceReady
    | Proposed
    | NotUsable
    | Spoken
    | NotSpoken
)


def pack(message: ToService | FromService) -> bytes:
    """Return the bytes of a message."""
    return pickle.dumps(message)


def parse_to_service(data: bytes) -> ToService:
    """Parse what a room sent. Raises `BadVoiceMessage`."""
    message = _parsed(data)
    if not isinstance(message, ToService):
        raise BadVoiceMessage(f"a room's message must be a ToService, is {type(message).__name__}")
    return message


def parse_from_service(data: bytes) -> FromService:
    """Parse what the service sent. Raises `BadVoiceMessage`."""
    message = _parsed(data)
    if not isinstance(message, FromService):
        raise BadVoiceMessage(f"the service's message must be a FromService, is {type(message).__name__}")
    return message


def _parsed(data: bytes) -> object:
    try:
        message: object = pickle.loads(data)  # noqa: S301  # our own process, in a folder of our user's own
    except _UNREADABLE as error:
        raise BadVoiceMessage(f"voice message must be of voice_guide.messages: {error}") from error
    if isinstance(message, Sound | Spoken) and len(message.payload) > MAX_PACKET_BYTES:
        raise BadVoiceMessage(
            f"a packet must have at most {MAX_PACKET_BYTES} bytes, has {len(message.payload)}"
        )
    return message
