"""The text half of the control socket: JSON objects with a `type`, validated once, here. No I/O.

A headset first sends `Hello`; then `Ping`, `Clock`, `Stats`, `Unwell`, `Stop` and `Bye` as it needs. The
server answers with `Welcome` and `Pong` and tells `PhaseChanged`, `Caption`, `Cue`, `SafePicture` and
`Refusal` when they happen. `parse_text` and `pack_text` are for the server, `parse_server_text` and
`pack_client_text` for clients in Python (tests, benchmarks).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from vr_world.streaming.errors import BadMessage
from vr_world.streaming.protocol import VERSION, Codec

__all__ = [
    "MAX_TEXT_UP_BYTES",
    "Bye",
    "Caption",
    "ClientText",
    "Clock",
    "Cue",
    "Hello",
    "Hush",
    "Listen",
    "Mic",
    "PhaseChanged",
    "Ping",
    "Played",
    "Pong",
    "Refusal",
    "SafePicture",
    "ServerText",
    "Soften",
    "Stats",
    "Stop",
    "Unwell",
    "Welcome",
    "pack_client_text",
    "pack_text",
    "parse_server_text",
    "parse_text",
]

#: A longer client text closes the control socket with 4413.
MAX_TEXT_UP_BYTES: Final = 4096

_T = TypeVar("_T")
_Milliseconds: TypeAlias = Annotated[float, Meta(ge=0.0, le=1e12)]
_Number: TypeAlias = Annotated[float, Meta(ge=-1e12, le=1e12)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]


class _Text(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of every control message: `type` is the tag."""


class Hello(_Text, tag="hello", frozen=True, kw_only=True):
    """First message of a headset, within 5 s of the connection.

    `space`: it turns the sounds of the place with the head; without it they come folded into two channels.
    """

    version: int
    agent: Annotated[str, Meta(max_length=512)] = ""
    codecs: Annotated[tuple[Codec, ...], Meta(min_length=1, max_length=8)] = ("h264",)
    audio: bool = True
    space: bool = False


class Ping(_Text, tag="ping", frozen=True, kw_only=True):
    """Asks for a `Pong` with the server's clock."""

    id: _Count
    client_ms: _Milliseconds


class Clock(_Text, tag="clock", frozen=True, kw_only=True):
    """The headset's estimate: session time = client_ms / 1000 + `offset_s`."""

    offset_s: _Number
    rtt_ms: _Milliseconds


class Stop(_Text, tag="stop", frozen=True, kw_only=True):
    """The patient stops. It outranks everything."""

    source: Literal["button", "key", "controller", "gaze", "page"]


class Unwell(_Text, tag="unwell", frozen=True, kw_only=True):
    """The patient says how unwell they feel: 0 (well again) … 1."""

    level: Annotated[float, Meta(ge=0.0, le=1.0)]


class Played(_Text, tag="played", frozen=True, kw_only=True):
    """So much of an utterance has left the loudspeaker; `done` when nothing of it is to come."""

    utterance: _Count
    ms: _Milliseconds
    done: bool = False


class Mic(_Text, tag="mic", frozen=True, kw_only=True):
    """What became of the microphone: sending, muted or not wanted, refused by the patient, or none there."""

    state: Literal["on", "off", "denied", "missing"]


class Bye(_Text, tag="bye", frozen=True, kw_only=True):
    """The headset leaves on purpose."""


class Stats(_Text, tag="stats", frozen=True, kw_only=True):
    """How well it runs on the headset; `None` where nothing was measured yet."""

    fps: _Milliseconds | None = None
    frame_age_ms_p50: _Number | None = None
    audio_buffer_ms: _Milliseconds | None = None
    underruns: _Count | None = None
    visible: bool = True


class Welcome(_Text, tag="welcome", frozen=True, kw_only=True):
    """The server's answer to `Hello`; `session` is what the page may show (phase, stage name)."""

    version: int = VERSION
    headset: str
    session: dict[str, str | float | None]


class Pong(_Text, tag="pong", frozen=True, kw_only=True):
    """Echo of a `Ping` with `server_s`, the session clock when it was answered."""

    id: int
    client_ms: float
    server_s: float


class PhaseChanged(_Text, tag="phase", frozen=True, kw_only=True):
    """The session moved on."""

    phase: Literal["READY", "RUNNING", "PAUSED", "RETURNING", "ENDED", "STOPPED"]
    stage: str = ""


class Caption(_Text, tag="caption", frozen=True, kw_only=True):
    """Words to show for `for_s` seconds: at once, or when `utterance` (not 0) begins to be heard."""

    text: str
    for_s: float
    utterance: int = 0
    language: str = "en"


class Cue(_Text, tag="cue", frozen=True, kw_only=True):
    """The words at letter `at` of an utterance's caption sound `ms` after its beginning."""

    utterance: int
    at: _Count
    ms: _Milliseconds


class Hush(_Text, tag="hush", frozen=True, kw_only=True):
    """Fade the guide's words within `fade_s` and forget what of them waits; 0 means all utterances."""

    utterance: int = 0
    fade_s: float = 0.03


class Soften(_Text, tag="soften", frozen=True, kw_only=True):
    """The patient's voice began: the guide's steps back (`on`), or comes back."""

    on: bool


class Listen(_Text, tag="listen", frozen=True, kw_only=True):
    """The microphone is wanted (`on`), if the patient agreed, or not any more."""

    on: bool


class SafePicture(_Text, tag="safe", frozen=True, kw_only=True):
    """Fade to the safe picture and silence (`on`), or back, over `fade_s`."""

    on: bool
    fade_s: float


class Refusal(_Text, tag="error", frozen=True, kw_only=True):
    """What the server did not accept, in one line."""

    what: str


ClientText: TypeAlias = Hello | Ping | Clock | Stop | Unwell | Played | Mic | Bye | Stats
ServerText: TypeAlias = (
    Welcome | Pong | PhaseChanged | Caption | Cue | Hush | Soften | Listen | SafePicture | Refusal
)

_CLIENT: Final[msgspec.json.Decoder[ClientText]] = msgspec.json.Decoder(ClientText)
_SERVER: Final[msgspec.json.Decoder[ServerText]] = msgspec.json.Decoder(ServerText)


def parse_text(text: str | bytes) -> ClientText:
    """Parse one text message of a headset.

    Raises:
        BadMessage: too long, not JSON, an unknown type, or a field missing, of another type or outside its
            limit; also a `Hello` of another protocol version.
    """
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if len(data) > MAX_TEXT_UP_BYTES:
        raise BadMessage(f"control text must have at most {MAX_TEXT_UP_BYTES} bytes, got {len(data)}")
    message = _decode(_CLIENT, data)
    if isinstance(message, Hello) and message.version != VERSION:
        raise BadMessage(f"hello version must be {VERSION}, got {message.version}")
    return message


def parse_server_text(text: str | bytes) -> ServerText:
    """Parse one text message of the server.

    Raises:
        BadMessage: as `parse_text`.
    """
    return _decode(_SERVER, text.encode("utf-8", "replace") if isinstance(text, str) else text)


def pack_text(message: ServerText) -> str:
    """Return the JSON text of a server message."""
    return msgspec.json.encode(message).decode()


def pack_client_text(message: ClientText) -> str:
    """Return the JSON text of a headset's message."""
    return msgspec.json.encode(message).decode()


def _decode(decoder: msgspec.json.Decoder[_T], data: bytes) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"control text must be a message of the protocol: {error}") from error
