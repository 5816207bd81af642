"""The headset's two sockets as values: bytes and text in, frozen dataclasses out, and back. No I/O.

Video socket (binary, little-endian): `Frame` goes down; `Pose`, `Ack`, `KeyRequest` and `Shown` come up.
Control socket: `Audio`, `AudioPlace` and `Speech` (binary) go down, `Microphone` comes up; JSON text goes
both ways, see `control`. Every binary message begins with `u8 type, u8 version, u16 flags`. Axes are
WebXR's: metres, x right, y up, −z forward; orientations are unit quaternions (x, y, z, w); a tan-FOV is the
tangents (left, right, up, down) of the half angles, all positive.

Whatever a peer sends, `parse_up` and `parse_down` return a message whose every number is finite and inside
its limit, or raise `BadMessage`.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias, TypeVar

from vr_world.streaming.errors import BadMessage

__all__ = [
    "MAX_MICROPHONE_BYTES",
    "MAX_VIDEO_UP_BYTES",
    "VERSION",
    "Ack",
    "Audio",
    "AudioPlace",
    "Codec",
    "Down",
    "Fov",
    "Foveation",
    "Frame",
    "KeyRequest",
    "Microphone",
    "Pose",
    "Quaternion",
    "Shown",
    "Speech",
    "Up",
    "Vector",
    "pack_ack",
    "pack_audio",
    "pack_audio_place",
    "pack_frame",
    "pack_key_request",
    "pack_microphone",
    "pack_pose",
    "pack_shown",
    "pack_speech",
    "parse_down",
    "parse_microphone",
    "parse_up",
]

VERSION: Final = 1
#: A longer client message closes the video socket with 4413; our longest (a pose) has 84 bytes.
MAX_VIDEO_UP_BYTES: Final = 1024
#: 20 ms of Opus have 60 to 200 bytes; a longer packet of a microphone is refused.
MAX_MICROPHONE_BYTES: Final = 1024
MAX_POSITION_M: Final = 100.0
MIN_TAN: Final = 0.01
#: tan 80.5°: wider than any headset that WebXR knows, overscan included.
MAX_TAN: Final = 6.0
MAX_IPD_M: Final = 0.2
MAX_DISPLAY_HZ: Final = 1000.0

_FRAME_TYPE: Final = 1
_POSE_TYPE: Final = 2
_ACK_TYPE: Final = 3
_KEY_REQUEST_TYPE: Final = 4
_SHOWN_TYPE: Final = 5
_AUDIO_TYPE: Final = 16
_SPEECH_TYPE: Final = 17
_AUDIO_PLACE_TYPE: Final = 18
_MICROPHONE_TYPE: Final = 19

_FRAME: Final = struct.Struct("<BBHIIHHddd3f4f4f4ff")
_DEPTH: Final = struct.Struct("<H")
_FOVEATION: Final = struct.Struct("<HH4f4f")
_POSE: Final = struct.Struct("<BBHId3f4f4f4fff")
_ACK: Final = struct.Struct("<BBHIdff")
_KEY_REQUEST: Final = struct.Struct("<BBHI")
_SHOWN: Final = struct.Struct("<BBHIdIf")
_AUDIO: Final = struct.Struct("<BBHId")
_AUDIO_PLACE: Final = struct.Struct("<BBHIdHH")
_SPEECH: Final = struct.Struct("<BBHIdI")
_MICROPHONE: Final = struct.Struct("<BBHId")

_KEY_FLAG: Final = 1
_VP9_FLAG: Final = 2
_SAFE_FLAG: Final = 4
_DEPTH_FLAG: Final = 8
_PANORAMA_FLAG: Final = 32
_FOVEATED_FLAG: Final = 64
_EMULATED_FLAG: Final = 1
_LAST_FLAG: Final = 1
_SAFETY_FLAG: Final = 2

_M = TypeVar("_M")

Codec: TypeAlias = Literal["h264", "vp9"]
Vector: TypeAlias = tuple[float, float, float]
Quaternion: TypeAlias = tuple[float, float, float, float]
Fov: TypeAlias = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Foveation:
    """A picture that is coarse (the rim: the whole view, `rim_px` a side) with a fine middle (`middle_px`).

    The encoded picture has the rims of both eyes side by side and below them, each at the left of its eye's
    half, the middles, whose tan-FOVs these are.
    """

    rim_px: int
    middle_px: int
    middle_left: Fov
    middle_right: Fov


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One encoded stereo picture, both eyes side by side, and exactly how it was made.

    `pose_seq` 0 means that no pose had come yet. `position`, `orientation` and the tan-FOVs (overscan
    included) are those it was *rendered* for; `pose_client_ms` echoes the pose's clock. `safe` says that
    this is the safe picture. `depth` is its coarse depth (see `depth.pack_depth`), empty without one.
    `panorama` says that it is no stereo picture: equirectangular, −z in the middle, +x to its right, and
    `eye_width` is the whole width; the pose and the tan-FOVs say nothing then. `foveation` says that the
    picture is divided; `eye_width` and `eye_height` are then those of a picture as fine as its middle.
    """

    frame_id: int
    pose_seq: int
    eye_width: int
    eye_height: int
    render_at_s: float
    sent_at_s: float
    pose_client_ms: float
    position: Vector
    orientation: Quaternion
    tan_left: Fov
    tan_right: Fov
    ipd_m: float
    key: bool
    payload: bytes
    codec: Codec = "h264"
    safe: bool = False
    depth: bytes = b""
    panorama: bool = False
    foveation: Foveation | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where the head is. `seq` counts from 1; `display_hz` 0 means unknown; `emulated` means a screen."""

    seq: int
    client_ms: float
    position: Vector
    orientation: Quaternion
    tan_left: Fov
    tan_right: Fov
    ipd_m: float
    display_hz: float
    emulated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The headset has received (and decoded, in `decode_ms`) a frame: it may have another."""

    frame_id: int
    received_client_ms: float
    decode_ms: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """The headset cannot decode on: it needs a key frame. `last_frame_id` is the last one it received."""

    reason: int
    last_frame_id: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A frame was drawn for the first time, `age_ms` after it was rendered (by the mapped clocks)."""

    frame_id: int
    shown_client_ms: float
    pose_seq: int
    age_ms: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """One 10 ms Opus packet (48 kHz stereo) to be heard at `play_at_s` session time, as it is."""

    seq: int
    play_at_s: float
    payload: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AudioPlace:
    """The sounds of the place that belong to the `Audio` with the same `seq`, which comes right after it.

    First-order ambisonics (ACN order, SN3D; ahead is −z of the pose's axes) in two stereo Opus packets:
    `payload` is (W, Y), `second` is (Z, X). Sent only to a headset that said so in its hello.
    """

    seq: int
    play_at_s: float
    payload: bytes
    second: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """20 ms of the guide's voice: Opus, 48 kHz, mono, due at the ear at `play_at_s` session time.

    `seq` counts from 0 in each `utterance`; `last` ends it. `safety` says that it is heard also after a stop.
    """

    utterance: int
    seq: int
    play_at_s: float
    payload: bytes
    last: bool = False
    safety: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Microphone:
    """20 ms of the patient's microphone: Opus, 48 kHz, mono. `seq` counts from 1; a gap is a loss."""

    seq: int
    client_ms: float
    payload: bytes


Up: TypeAlias = Pose | Ack | KeyRequest | Shown
Down: TypeAlias = Frame | Audio | AudioPlace | Speech


def pack_frame(frame: Frame) -> bytes:
    """Return the wire bytes of `frame`: a 104-byte header, 36 bytes of foveation, depth, the payload."""
    flags = frame.key * _KEY_FLAG | (frame.codec == "vp9") * _VP9_FLAG | frame.safe * _SAFE_FLAG
    flags |= bool(frame.depth) * _DEPTH_FLAG | frame.panorama * _PANORAMA_FLAG
    parts = frame.foveation
    flags |= (parts is not None) * _FOVEATED_FLAG
    header = _pack(
        _FRAME,
        *(_FRAME_TYPE, VERSION, flags, frame.frame_id, frame.pose_seq, frame.eye_width, frame.eye_height),
        *(frame.render_at_s, frame.sent_at_s, frame.pose_client_ms),
        *frame.position,
        *frame.orientation,
        *frame.tan_left,
        *frame.tan_right,
        frame.ipd_m,
    )
    foveation = b""
    if parts is not None:
        tans = (*parts.middle_left, *parts.middle_right)
        foveation = _pack(_FOVEATION, parts.rim_px, parts.middle_px, *tans)
    depth = (_pack(_DEPTH, len(frame.depth)), frame.depth) if frame.depth else ()
    return b"".join((header, foveation, *depth, frame.payload))


def pack_audio(audio: Audio) -> bytes:
    """Return the wire bytes of `audio`: a 16-byte header, then the Opus packet."""
    header = _pack(_AUDIO, _AUDIO_TYPE, VERSION, 0, audio.seq, audio.play_at_s)
    return b"".join((header, audio.payload))


def pack_audio_place(place: AudioPlace) -> bytes:
    """Return the wire bytes of `place`: a 20-byte header with the length of `payload`, then both packets."""
    sizes = len(place.payload), len(place.second)
    header = _pack(_AUDIO_PLACE, _AUDIO_PLACE_TYPE, VERSION, 0, place.seq, place.play_at_s, sizes[0], 0)
    return b"".join((header, place.payload, place.second))


def pack_speech(speech: Speech) -> bytes:
    """Return the wire bytes of `speech`: a 20-byte header, then the Opus packet."""
    flags = speech.last * _LAST_FLAG | speech.safety * _SAFETY_FLAG
    header = _pack(_SPEECH, _SPEECH_TYPE, VERSION, flags, speech.seq, speech.play_at_s, speech.utterance)
    return b"".join((header, speech.payload))


def pack_microphone(packet: Microphone) -> bytes:
    """Return the wire bytes of `packet`: a 16-byte header, then the Opus packet."""
    header = _pack(_MICROPHONE, _MICROPHONE_TYPE, VERSION, 0, packet.seq, packet.client_ms)
    return b"".join((header, packet.payload))


def parse_microphone(data: bytes) -> Microphone:
    """Parse one binary message of a headset's control socket.

    Raises:
        BadMessage: as `parse_up`, an empty payload, or one above `MAX_MICROPHONE_BYTES`.
    """
    return _parser(data, _CONTROL_UP)(data)


def pack_pose(pose: Pose) -> bytes:
    """Return the 84 wire bytes of `pose` (what a headset, a test or a benchmark sends)."""
    return _pack(
        _POSE,
        *(_POSE_TYPE, VERSION, pose.emulated * _EMULATED_FLAG, pose.seq, pose.client_ms),
        *pose.position,
        *pose.orientation,
        *pose.tan_left,
        *pose.tan_right,
        *(pose.ipd_m, pose.display_hz),
    )


def pack_ack(ack: Ack) -> bytes:
    """Return the 24 wire bytes of `ack`."""
    return _pack(_ACK, _ACK_TYPE, VERSION, 0, ack.frame_id, ack.received_client_ms, ack.decode_ms, 0.0)


def pack_key_request(request: KeyRequest) -> bytes:
    """Return the 8 wire bytes of `request`."""
    return _pack(_KEY_REQUEST, _KEY_REQUEST_TYPE, VERSION, request.reason, request.last_frame_id)


def pack_shown(shown: Shown) -> bytes:
    """Return the 24 wire bytes of `shown`."""
    fields = (shown.frame_id, shown.shown_client_ms, shown.pose_seq, shown.age_ms)
    return _pack(_SHOWN, _SHOWN_TYPE, VERSION, 0, *fields)


def parse_up(data: bytes) -> Up:
    """Parse one binary message of a headset.

    Raises:
        BadMessage: wrong length, type or version, or a number that is not finite or outside its limit.
    """
    if len(data) > MAX_VIDEO_UP_BYTES:
        raise BadMessage(f"headset message must have at most {MAX_VIDEO_UP_BYTES} bytes, got {len(data)}")
    return _parser(data, _UP)(data)


def parse_down(data: bytes) -> Down:
    """Parse one binary message of the server (for clients in Python: tests and benchmarks).

    Raises:
        BadMessage: as `parse_up`, and an empty payload.
    """
    return _parser(data, _DOWN)(data)


def _parse_frame(data: bytes) -> Frame:
    f = _unpack(_FRAME, data, exact=False)
    flags = f[2]
    foveation = _foveation(data) if flags & _FOVEATED_FLAG else None
    begin = _FRAME.size + (0 if foveation is None else _FOVEATION.size)
    depth, payload = _depth_and_payload(data, begin, has_depth=bool(flags & _DEPTH_FLAG))
    return Frame(
        frame_id=f[3],
        pose_seq=f[4],
        eye_width=f[5],
        eye_height=f[6],
        render_at_s=_within("frame render_at_s", f[7], -math.inf, math.inf),
        sent_at_s=_within("frame sent_at_s", f[8], -math.inf, math.inf),
        pose_client_ms=_within("frame pose_client_ms", f[9], -math.inf, math.inf),
        position=_position(f[10:13]),
        orientation=_orientation(f[13:17]),
        tan_left=_fov("left", f[17:21]),
        tan_right=_fov("right", f[21:25]),
        ipd_m=_within("ipd_m", f[25], 0.0, MAX_IPD_M),
        key=bool(flags & _KEY_FLAG),
        codec="vp9" if flags & _VP9_FLAG else "h264",
        safe=bool(flags & _SAFE_FLAG),
        panorama=bool(flags & _PANORAMA_FLAG),
        foveation=foveation,
        depth=depth,
        payload=payload,
    )


def _foveation(data: bytes) -> Foveation:
    if len(data) < _FRAME.size + _FOVEATION.size:
        raise BadMessage(
            f"foveated frame must have at least {_FRAME.size + _FOVEATION.size} bytes, got {len(data)}"
        )
    rim_px, middle_px, *middles = _FOVEATION.unpack_from(data, _FRAME.size)
    tans = tuple(middles)
    if not 0 < middle_px <= rim_px:
        raise BadMessage(f"frame's middle must have 1…{rim_px} px a side, got {middle_px}")
    return Foveation(
        rim_px=rim_px,
        middle_px=middle_px,
        middle_left=_fov("left middle", tans[:4]),
        middle_right=_fov("right middle", tans[4:]),
    )


def _depth_and_payload(data: bytes, begin: int, *, has_depth: bool) -> tuple[bytes, bytes]:
    size = 0
    if has_depth:
        if len(data) < begin + _DEPTH.size:
            raise BadMessage(
                f"frame with depth must have at least {begin + _DEPTH.size} bytes, got {len(data)}"
            )
        size = int(_DEPTH.unpack_from(data, begin)[0])
        begin += _DEPTH.size
    depth, payload = data[begin : begin + size], data[begin + size :]
    if has_depth and not depth:
        raise BadMessage("frame depth must have at least 1 byte, got 0")
    if not payload:
        raise BadMessage("frame payload must have at least 1 byte, got 0")
    return depth, payload


def _parse_audio(data: bytes) -> Audio:
    _, _, _, seq, play_at_s = _unpack(_AUDIO, data, exact=False)
    payload = data[_AUDIO.size :]
    if not payload:
        raise BadMessage("audio payload must have at least 1 byte, got 0")
    return Audio(seq=seq, play_at_s=_within("play_at_s", play_at_s, -math.inf, math.inf), payload=payload)


def _parse_audio_place(data: bytes) -> AudioPlace:
    _, _, _, seq, play_at_s, size, _ = _unpack(_AUDIO_PLACE, data, exact=False)
    packets = data[_AUDIO_PLACE.size :]
    if not 0 < size < len(packets):
        raise BadMessage(f"audio place must have two packets, got {len(packets)} bytes, {size} of the first")
    return AudioPlace(
        seq=seq,
        play_at_s=_within("play_at_s", play_at_s, -math.inf, math.inf),
        payload=packets[:size],
        second=packets[size:],
    )


def _parse_speech(data: bytes) -> Speech:
    _, _, flags, seq, play_at_s, utterance = _unpack(_SPEECH, data, exact=False)
    payload = data[_SPEECH.size :]
    if not payload:
        raise BadMessage("speech payload must have at least 1 byte, got 0")
    return Speech(
        utterance=utterance,
        seq=seq,
        play_at_s=_within("speech play_at_s", play_at_s, -math.inf, math.inf),
        payload=payload,
        last=bool(flags & _LAST_FLAG),
        safety=bool(flags & _SAFETY_FLAG),
    )


def _parse_microphone(data: bytes) -> Microphone:
    _, _, _, seq, client_ms = _unpack(_MICROPHONE, data, exact=False)
    payload = data[_MICROPHONE.size :]
    if not 0 < len(payload) <= MAX_MICROPHONE_BYTES:
        raise BadMessage(f"microphone payload must have 1…{MAX_MICROPHONE_BYTES} bytes, got {len(payload)}")
    return Microphone(
        seq=seq, client_ms=_within("microphone client_ms", client_ms, 0.0, math.inf), payload=payload
    )


def _parse_pose(data: bytes) -> Pose:
    f = _unpack(_POSE, data)
    if f[3] == 0:
        raise BadMessage("pose seq must be at least 1, got 0")
    return Pose(
        seq=f[3],
        client_ms=_within("pose client_ms", f[4], 0.0, math.inf),
        position=_position(f[5:8]),
        orientation=_orientation(f[8:12]),
        tan_left=_fov("left", f[12:16]),
        tan_right=_fov("right", f[16:20]),
        ipd_m=_within("ipd_m", f[20], 0.0, MAX_IPD_M),
        display_hz=_within("display_hz", f[21], 0.0, MAX_DISPLAY_HZ),
        emulated=bool(f[2] & _EMULATED_FLAG),
    )


def _parse_ack(data: bytes) -> Ack:
    _, _, _, frame_id, received_client_ms, decode_ms, _ = _unpack(_ACK, data)
    return Ack(
        frame_id=frame_id,
        received_client_ms=_within("ack received_client_ms", received_client_ms, 0.0, math.inf),
        decode_ms=_within("ack decode_ms", decode_ms, 0.0, math.inf),
    )


def _parse_key_request(data: bytes) -> KeyRequest:
    _, _, reason, last_frame_id = _unpack(_KEY_REQUEST, data)
    return KeyRequest(reason=reason, last_frame_id=last_frame_id)


def _parse_shown(data: bytes) -> Shown:
    _, _, _, frame_id, shown_client_ms, pose_seq, age_ms = _unpack(_SHOWN, data)
    return Shown(
        frame_id=frame_id,
        shown_client_ms=_within("shown shown_client_ms", shown_client_ms, 0.0, math.inf),
        pose_seq=pose_seq,
        # two clocks that are mapped by ping may disagree by a little: a small negative age is honest
        age_ms=_within("shown age_ms", age_ms, -math.inf, math.inf),
    )


_UP: Final[Mapping[int, Callable[[bytes], Up]]] = {
    _POSE_TYPE: _parse_pose,
    _ACK_TYPE: _parse_ack,
    _KEY_REQUEST_TYPE: _parse_key_request,
    _SHOWN_TYPE: _parse_shown,
}
_DOWN: Final[Mapping[int, Callable[[bytes], Down]]] = {
    _FRAME_TYPE: _parse_frame,
    _AUDIO_TYPE: _parse_audio,
    _AUDIO_PLACE_TYPE: _parse_audio_place,
    _SPEECH_TYPE: _parse_speech,
}
_CONTROL_UP: Final[Mapping[int, Callable[[bytes], Microphone]]] = {_MICROPHONE_TYPE: _parse_microphone}


def _parser(data: bytes, table: Mapping[int, Callable[[bytes], _M]]) -> Callable[[bytes], _M]:
    if len(data) < 4:
        raise BadMessage(f"message must have at least 4 bytes, got {len(data)}")
    parse = table.get(data[0])
    if parse is None:
        raise BadMessage(f"message type must be one of {sorted(table)}, got {data[0]}")
    if data[1] != VERSION:
        raise BadMessage(f"message version must be {VERSION}, got {data[1]}")
    return parse


def _unpack(layout: struct.Struct, data: bytes, *, exact: bool = True) -> tuple[Any, ...]:
    if len(data) < layout.size or (exact and len(data) > layout.size):
        limit = f"{layout.size} bytes" if exact else f"at least {layout.size} bytes"
        raise BadMessage(f"message of type {data[0]} must have {limit}, got {len(data)}")
    return layout.unpack_from(data)


def _pack(layout: struct.Struct, *values: float) -> bytes:
    try:
        return layout.pack(*values)
    except (struct.error, OverflowError) as error:
        raise BadMessage(f"message of type {values[0]} must fit its layout: {error}") from error


def _within(what: str, value: float, low: float, high: float) -> float:
    if not math.isfinite(value) or not low <= value <= high:
        limit = "finite" if math.isinf(low) else f"finite and within {low:g}…{high:g}"
        raise BadMessage(f"{what} must be {limit}, got {value!r}")
    return value


def _position(values: tuple[float, ...]) -> Vector:
    x, y, z = (_within("position_m", v, -MAX_POSITION_M, MAX_POSITION_M) for v in values)
    return x, y, z


def _orientation(values: tuple[float, ...]) -> Quaternion:
    x, y, z, w = (_within("orientation", v, -1.01, 1.01) for v in values)
    norm = math.hypot(x, y, z, w)
    _within("orientation norm", norm, 0.99, 1.01)
    return x, y, z, w


def _fov(eye: str, values: tuple[float, ...]) -> Fov:
    left, right, up, down = (_within(f"{eye}-eye tan-FOV", v, MIN_TAN, MAX_TAN) for v in values)
    return left, right, up, down
