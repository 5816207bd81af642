from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vr_world.streaming import control
from vr_world.streaming.errors import BadMessage

CLIENT = [
    control.Hello(version=1, agent="a browser", codecs=("h264", "vp9"), audio=True),
    control.Ping(id=3, client_ms=12.5),
    control.Clock(offset_s=-3.25, rtt_ms=4.0),
    control.Stop(source="controller"),
    control.Unwell(level=0.5),
    control.Bye(),
    control.Played(utterance=3, ms=1240.0, done=True),
    control.Mic(state="denied"),
    control.Stats(fps=71.5, frame_age_ms_p50=40.0, audio_buffer_ms=80.0, underruns=1, visible=False),
]
SERVER = [
    control.Welcome(headset="headset-1", session={"phase": "READY", "stage": None}),
    control.Pong(id=3, client_ms=12.5, server_s=99.125),
    control.PhaseChanged(phase="RUNNING", stage="settle"),
    control.Caption(text="You can let the chair hold you.", for_s=4.0),
    control.Caption(text="Let it go.", for_s=2.0, utterance=4, language="en"),
    control.Cue(utterance=4, at=7, ms=420.0),
    control.Hush(utterance=0, fade_s=0.03),
    control.Soften(on=True),
    control.Listen(on=True),
    control.SafePicture(on=True, fade_s=0.25),
    control.Refusal(what="hello must come first"),
]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("message", CLIENT, ids=lambda m: type(m).__name__)
def test_what_a_headset_says_is_understood(message: Any) -> None:
    assert control.parse_text(control.pack_client_text(message)) == message


@pytest.mark.parametrize("message", SERVER, ids=lambda m: type(m).__name__)
def test_what_the_server_says_is_understood(message: Any) -> None:
    assert control.parse_server_text(control.pack_text(message)) == message


def test_the_type_is_in_the_field_that_the_wire_contract_names() -> None:
    assert json.loads(control.pack_text(SERVER[2])) == {
        "type": "phase",
        "phase": "RUNNING",
        "stage": "settle",
    }


def test_unknown_extra_fields_of_a_newer_page_do_no_harm() -> None:
    assert control.parse_text('{"type":"stop","source":"key","mood":"calm"}') == control.Stop(source="key")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "{}",
        '{"type":"dance"}',
        '{"type":"stop"}',
        '{"type":"stop","source":"mind"}',
        '{"type":"unwell"}',
        '{"type":"played","utterance":-1,"ms":1}',
        '{"type":"played","utterance":1,"ms":-1}',
        '{"type":"mic","state":"loud"}',
        '{"type":"unwell","level":1.2}',
        '{"type":"ping","id":-1,"client_ms":1}',
        '{"type":"ping","id":1,"client_ms":NaN}',
        '{"type":"ping","id":1,"client_ms":1e999}',
        '{"type":"clock","offset_s":1e300,"rtt_ms":1}',
        '{"type":"hello","version":2}',
        '{"type":"hello","version":1,"codecs":[]}',
        '{"type":"hello","version":1,"codecs":["mpeg1"]}',
        '{"type":"stats","fps":"many"}',
        '{"type":"bye","x":' + "[" * 2000 + "]" * 2000 + "}",
        '{"type":"stop","source":"\ud800"}',
        '{"type":"bye","pad":"' + "x" * 5000 + '"}',
    ],
)
def test_bad_text_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        control.parse_text(text)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_random_text_is_refused_or_understood(text: str) -> None:
    for parse in (control.parse_text, control.parse_server_text):
        try:
            parse(text)
        except BadMessage:
            continue


@given(
    st.sampled_from(["hello", "ping", "clock", "stop", "bye", "stats", "played", "mic"]),
    st.dictionaries(
        st.sampled_from(
            [
                "version",
                "agent",
                "codecs",
                "audio",
                "id",
                "client_ms",
                "offset_s",
                "rtt_ms",
                "fps",
                "utterance",
                "ms",
            ]
        ),
        anything,
    ),
)
def test_known_types_with_random_fields_are_refused_or_understood(kind: Any, fields: Any) -> None:
    text = json.dumps({**fields, "type": kind})
    try:
        message = control.parse_text(text)
    except BadMessage:
        return
    assert isinstance(message, msgspec.Struct)
