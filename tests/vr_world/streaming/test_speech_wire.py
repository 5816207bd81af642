from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vr_world.streaming import protocol
from vr_world.streaming.errors import BadMessage
from vr_world.streaming.protocol import Microphone, Speech, pack_microphone, pack_speech, parse_microphone

SPEECH = Speech(seq=7, play_at_s=12.5, utterance=3, payload=b"opus", last=True, safety=True)
u32 = st.integers(0, 2**32 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
packets = st.binary(min_size=1, max_size=1024)


def test_speech_lies_as_the_wire_contract_says() -> None:
    data = pack_speech(SPEECH)
    assert struct.unpack("<BBHIdI", data[:20]) == (17, 1, 3, 7, 12.5, 3)
    assert data[20:] == b"opus"


def test_a_microphone_packet_lies_as_the_wire_contract_says() -> None:
    data = pack_microphone(Microphone(seq=9, client_ms=1500.25, payload=b"opus"))
    assert struct.unpack("<BBHId", data[:16]) == (19, 1, 0, 9, 1500.25)
    assert data[16:] == b"opus"


@given(u32, finite, u32, packets, st.booleans(), st.booleans())
def test_all_lawful_speech_survives_the_wire(
    seq: int, play_at_s: float, utterance: int, payload: bytes, last: Any, safety: Any
) -> None:
    speech = Speech(
        seq=seq, play_at_s=play_at_s, utterance=utterance, payload=payload, last=last, safety=safety
    )
    assert protocol.parse_down(pack_speech(speech)) == speech


@given(u32, st.floats(0, 1e12), packets)
def test_every_lawful_microphone_packet_survives_the_wire(seq: int, client_ms: float, payload: bytes) -> None:
    mic = Microphone(seq=seq, client_ms=client_ms, payload=payload)
    assert protocol.parse_microphone(pack_microphone(mic)) == mic


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "4 bytes"),
        (pack_speech(SPEECH), "type must be one of \\[19\\], got 17"),
        (struct.pack("<BBHId", 19, 2, 0, 1, 1.0) + b"x", "version"),
        (struct.pack("<BBHI", 19, 1, 0, 1), "at least 16 bytes"),
        (struct.pack("<BBHId", 19, 1, 0, 1, 1.0), "payload must have 1…1024 bytes, got 0"),
        (struct.pack("<BBHId", 19, 1, 0, 1, 1.0) + bytes(1025), "got 1025"),
        (struct.pack("<BBHId", 19, 1, 0, 1, float("nan")) + b"x", "client_ms"),
        (struct.pack("<BBHId", 19, 1, 0, 1, -1.0) + b"x", "client_ms"),
    ],
)
def test_a_microphone_packet_of_the_wrong_shape_is_refused_and_named(data: Any, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        protocol.parse_microphone(data)


@given(st.binary(max_size=80))
def test_random_bytes_after_a_true_head_are_refused_or_give_a_packet(body: bytes) -> None:
    try:
        mic = parse_microphone(bytes([19, 1]) + body)
    except BadMessage:
        return
    assert mic.client_ms >= 0.0
    assert mic.payload
