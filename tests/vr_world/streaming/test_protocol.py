from __future__ import annotations

import dataclasses
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vr_world.streaming import protocol
from vr_world.streaming.errors import BadMessage
from vr_world.streaming.protocol import Ack, Audio, AudioPlace, Foveation, Frame, KeyRequest, Pose, Shown

LEFT = (1.25, 1.0, 1.125, 1.5)
RIGHT = (1.0, 1.25, 1.125, 1.5)
FRAME = Frame(
    frame_id=7,
    pose_seq=5,
    eye_width=640,
    eye_height=704,
    render_at_s=12.5,
    sent_at_s=12.75,
    pose_client_ms=3456.789,
    position=(0.5, 1.25, -2.0),
    orientation=(0.5, -0.5, 0.5, -0.5),
    tan_left=LEFT,
    tan_right=RIGHT,
    ipd_m=0.0625,
    key=True,
    payload=b"\x00\x00\x00\x01\x67",
)
POSE = Pose(
    seq=5,
    client_ms=3456.789,
    position=(0.5, 1.25, -2.0),
    orientation=(0.5, -0.5, 0.5, -0.5),
    tan_left=LEFT,
    tan_right=RIGHT,
    ipd_m=0.0625,
    display_hz=72.0,
)
UP = [
    (POSE, protocol.pack_pose, 84),
    (dataclasses.replace(POSE, emulated=True), protocol.pack_pose, 84),
    (Ack(frame_id=2**32 - 1, received_client_ms=1.5, decode_ms=2.5), protocol.pack_ack, 24),
    (KeyRequest(reason=2, last_frame_id=9), protocol.pack_key_request, 8),
    (Shown(frame_id=9, shown_client_ms=99.25, pose_seq=4, age_ms=-0.5), protocol.pack_shown, 24),
]

u32 = st.integers(0, 2**32 - 1)
u16 = st.integers(0, 2**16 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
f32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
tans = st.tuples(*[st.floats(0.0625, 5.5, width=32)] * 4)
metres = st.tuples(*[st.floats(-100.0, 100.0, width=32)] * 3)


@pytest.mark.parametrize(("message", "pack", "size"), UP)
def test_what_a_headset_packs_is_what_the_server_parses(message: Any, pack: Any, size: int) -> None:
    data = pack(message)
    assert len(data) == size
    assert protocol.parse_up(data) == message


@pytest.mark.parametrize("codec", ["h264", "vp9"])
@pytest.mark.parametrize("key", [True, False])
@pytest.mark.parametrize("safe", [True, False])
def test_a_frame_comes_through_whole(codec: Any, key: Any, safe: Any) -> None:
    frame = dataclasses.replace(FRAME, codec=codec, key=key, safe=safe)
    assert protocol.parse_down(protocol.pack_frame(frame)) == frame


def test_a_panorama_says_so_in_bit_five() -> None:
    frame = dataclasses.replace(FRAME, panorama=True, depth=b"")
    data = protocol.pack_frame(frame)
    assert data[2] & 32
    assert not protocol.pack_frame(dataclasses.replace(frame, panorama=False))[2] & 32
    assert protocol.parse_down(data) == frame


def test_depth_goes_between_the_header_and_the_picture() -> None:
    frame = dataclasses.replace(FRAME, depth=b"\x02\x00\x07")
    data = protocol.pack_frame(frame)
    assert len(data) == 104 + 2 + 3 + len(FRAME.payload)
    assert struct.unpack_from("<H", data, 2)[0] == 1 | 8
    assert protocol.parse_down(data) == frame


@pytest.mark.parametrize(
    ("size", "what"), [(105, "with depth must have at least"), (106, "depth"), (109, "payload")]
)
def test_a_frame_that_ends_in_its_depth_is_refused(size: int, what: str) -> None:
    data = protocol.pack_frame(dataclasses.replace(FRAME, depth=b"\x02\x00\x07"))
    with pytest.raises(BadMessage, match=what):
        protocol.parse_down(data[:size])


DIVIDED = dataclasses.replace(
    FRAME,
    foveation=Foveation(rim_px=608, middle_px=352, middle_left=LEFT, middle_right=RIGHT),
)


@pytest.mark.parametrize("depth", [b"", b"\x02\x00\x07"])
def test_how_a_picture_is_divided_goes_before_its_depth(depth: bytes) -> None:
    frame = dataclasses.replace(DIVIDED, depth=depth)
    data = protocol.pack_frame(frame)
    assert data[2] & 64
    assert struct.unpack_from("<HH", data, 104) == (608, 352)
    assert protocol.parse_down(data) == frame


@pytest.mark.parametrize(
    ("offset", "layout", "value", "what"),
    [(106, "<H", 609, "1…608 px"), (106, "<H", 0, "got 0"), (108, "<f", math.nan, "left middle")],
)
def test_a_picture_that_is_divided_wrongly_is_refused(
    offset: int, layout: str, value: float, what: str
) -> None:
    data = bytearray(protocol.pack_frame(DIVIDED))
    struct.pack_into(layout, data, offset, value)
    with pytest.raises(BadMessage, match=what):
        protocol.parse_down(bytes(data))
    with pytest.raises(BadMessage, match="at least 140 bytes, got 139"):
        protocol.parse_down(protocol.pack_frame(DIVIDED)[:139])


def test_an_audio_packet_comes_through_whole() -> None:
    place = AudioPlace(seq=3, play_at_s=1234.5678, payload=b"front", second=b"side")
    packed = protocol.pack_audio_place(place)
    assert packed[0] == 18
    assert len(packed) == 20 + 9
    assert protocol.parse_down(packed) == place
    with pytest.raises(BadMessage, match="two packets"):
        protocol.parse_down(packed[:25])
    audio = Audio(seq=3, play_at_s=1234.5678, payload=b"opus")
    data = protocol.pack_audio(audio)
    assert len(data) == 16 + 4
    assert protocol.parse_down(data) == audio


def test_the_frame_header_lies_as_the_wire_contract_says() -> None:
    data = protocol.pack_frame(FRAME)
    assert data[:2] == bytes([1, 1])
    assert data[104:] == FRAME.payload
    for offset, layout, value in [
        (2, "<H", (1,)),
        (4, "<I", (7,)),
        (8, "<I", (5,)),
        (12, "<2H", (640, 704)),
        (16, "<3d", (12.5, 12.75, 3456.789)),
        (40, "<3f", FRAME.position),
        (52, "<4f", FRAME.orientation),
        (68, "<4f", LEFT),
        (84, "<4f", RIGHT),
        (100, "<f", (0.0625,)),
    ]:
        assert struct.unpack_from(layout, data, offset) == value


def test_the_pose_lies_as_the_wire_contract_says() -> None:
    data = protocol.pack_pose(POSE)
    for offset, layout, value in [
        (4, "<I", (5,)),
        (8, "<d", (3456.789,)),
        (16, "<3f", POSE.position),
        (28, "<4f", POSE.orientation),
        (44, "<4f", LEFT),
        (60, "<4f", RIGHT),
        (76, "<2f", (0.0625, 72.0)),
    ]:
        assert struct.unpack_from(layout, data, offset) == value


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_or_give_finite_numbers(data: Any) -> None:
    for parse in (protocol.parse_up, protocol.parse_down, protocol.parse_microphone):
        try:
            message = parse(data)
        except BadMessage:
            continue
        assert_finite(message)


@given(
    st.sampled_from([1, 2, 3, 4, 5, 16, 17, 18, 19]), st.sampled_from([8, 16, 24, 84, 104, 120]), st.data()
)
def test_bytes_with_a_true_head_are_refused_or_give_finite_numbers(kind: Any, size: int, data: Any) -> None:
    body = data.draw(st.binary(min_size=size - 2, max_size=size - 2))
    for parse in (protocol.parse_up, protocol.parse_down, protocol.parse_microphone):
        try:
            message = parse(bytes([kind, 1]) + body)
        except BadMessage:
            continue
        assert_finite(message)


@given(u32.filter(bool), st.floats(0, 1e12), metres, tans, tans, st.floats(0, 0.125, width=32))
def test_every_lawful_pose_survives_the_wire(
    seq: int, client_ms: float, position: Any, left: Any, right: Any, ipd_m: float
) -> None:
    pose = dataclasses.replace(
        POSE, seq=seq, client_ms=client_ms, position=position, tan_left=left, tan_right=right, ipd_m=ipd_m
    )
    assert protocol.parse_up(protocol.pack_pose(pose)) == pose


@given(u32, u32, u16, finite, finite, metres, tans, st.binary(min_size=1, max_size=64))
def test_every_lawful_frame_survives_the_wire(
    frame_id: int,
    pose_seq: int,
    width: int,
    render_at_s: float,
    pose_client_ms: float,
    position: Any,
    tan: Any,
    payload: bytes,
) -> None:
    frame = dataclasses.replace(
        FRAME,
        frame_id=frame_id,
        pose_seq=pose_seq,
        eye_width=width,
        render_at_s=render_at_s,
        pose_client_ms=pose_client_ms,
        position=position,
        tan_right=tan,
        payload=payload,
    )
    assert protocol.parse_down(protocol.pack_frame(frame)) == frame


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seq": 0}, "seq"),
        ({"client_ms": math.nan}, "client_ms"),
        ({"client_ms": -1.0}, "client_ms"),
        ({"position": (0.0, math.inf, 0.0)}, "position_m"),
        ({"position": (0.0, 101.0, 0.0)}, "position_m"),
        ({"orientation": (0.0, 0.0, 0.0, 0.0)}, "norm"),
        ({"orientation": (1.0, 1.0, 0.0, 0.0)}, "norm"),
        ({"orientation": (math.nan, 0.0, 0.0, 1.0)}, "orientation"),
        ({"tan_left": (1.0, 1.0, 1.0, -1.0)}, "left-eye"),
        ({"tan_right": (1.0, 1.0, 1e9, 1.0)}, "right-eye"),
        ({"ipd_m": 0.5}, "ipd_m"),
        ({"display_hz": -72.0}, "display_hz"),
    ],
)
def test_an_impossible_head_is_refused_and_named(change: Any, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        protocol.parse_up(protocol.pack_pose(dataclasses.replace(POSE, **change)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "4 bytes, got 0"),
        (b"\x02\x01", "4 bytes, got 2"),
        (bytes([99, 1, 0, 0]), "type"),
        (bytes([2, 2, 0, 0]), "version must be 1, got 2"),
        (bytes([2, 1]) + bytes(81), "84 bytes, got 83"),
        (bytes([2, 1]) + bytes(83), "84 bytes, got 85"),
        (bytes([2, 1]) + bytes(1023), "1024 bytes, got 1025"),
        (protocol.pack_frame(FRAME), "type"),
    ],
)
def test_a_headset_message_of_the_wrong_shape_is_refused_and_named(data: Any, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        protocol.parse_up(data)


@pytest.mark.parametrize("data", [protocol.pack_frame(FRAME)[:104], protocol.pack_frame(FRAME)[:60]])
def test_a_torn_frame_is_refused(data: Any) -> None:
    with pytest.raises(BadMessage, match="at least"):
        protocol.parse_down(data)


@pytest.mark.parametrize(
    "change", [{"frame_id": -1}, {"frame_id": 2**32}, {"eye_width": 70000}, {"ipd_m": 1e300}]
)
def test_what_does_not_fit_the_wire_is_refused_when_packed(change: Any) -> None:
    with pytest.raises(BadMessage, match="fit its layout"):
        protocol.pack_frame(dataclasses.replace(FRAME, **change))


def assert_finite(message: Any) -> None:
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        for number in value if isinstance(value, tuple) else (value,):
            assert not isinstance(number, float) or math.isfinite(number), field.name
