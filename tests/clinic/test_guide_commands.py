"""The therapist's hold on the guide, at the API: what is taken, what is refused, what reaches the room."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from small_clinic import Clinic

from clinic import messages
from clinic.guide_messages import GuideInfo
from clinic.ports import Command, GuideOrder
from therapy.guide import GuideChoice
from therapy.talk import GuideMode

START: dict[str, Any] = {"plan_id": "calm-sea", "patient": "0142", "screening": {"present": []}}
GUIDE: dict[str, Any] = {
    "mode": "approved",
    "wanted_mode": "approved",
    "approval": True,
    "missing": ["the small model is not installed"],
    "state": "thinking",
    "language": "en",
    "transcript": [
        {"who": "patient", "text": "less waves", "at_s": 3.0, "confidence": 0.4},
        {"who": "guide", "text": "Softer now.", "at_s": 4.0, "source": "line", "interrupted": True},
    ],
    "partial": "and",
    "proposal": {
        "turn": 7,
        "text": "The waves become softer.",
        "line_id": "waves.softer",
        "actions": ["weather to 20 %"],
        "reason": "less_waves 0.82",
        "backend": "rules",
        "until_s": 12.0,
    },
    "risk": {
        "level": "urgent",
        "kind": "panic",
        "evidence": ["cannot breathe"],
        "at_s": 2.0,
        "words": "I cannot breathe",
        "acknowledged": False,
    },
    "ratings": [{"scale": "mood", "value": 6.0, "at_s": 1.0}],
    "microphone": "on",
}


async def in_a_session(clinic: Clinic, body: dict[str, Any]) -> tuple[int, str]:
    async with clinic.signed_in() as browser:
        await browser.post("/api/rooms/1/session", json=START)
        clinic.rooms.publish(guide=GUIDE)
        answer = await browser.post("/api/rooms/1/commands", json=body)
    return answer.status_code, answer.json().get("error", "")


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ({"command": "guide_mode", "mode": "off"}, {"mode": GuideMode.OFF}),
        (
            {"command": "guide_mode", "mode": "scripted", "approval": False},
            {"mode": GuideMode.SCRIPTED, "approval": False},
        ),
        ({"command": "whisper", "text": "Ich bin da. Ganz ruhig."}, {"text": "Ich bin da. Ganz ruhig."}),
        ({"command": "whisper", "text": "x" * 300}, {"text": "x" * 300}),
        ({"command": "proposal", "turn": 7, "decision": "speak"}, {"turn": 7, "decision": "speak"}),
        ({"command": "proposal", "turn": 0, "decision": "drop"}, {"turn": 0, "decision": "drop"}),
        (
            {"command": "proposal", "turn": 7, "decision": "edit", "text": "Softer."},
            {"turn": 7, "decision": "edit", "text": "Softer."},
        ),
        ({"command": "release"}, {}),
    ],
)
async def test_what_a_therapist_wants_of_the_guide_reaches_the_room(
    clinic: Clinic, body: dict[str, Any], arguments: dict[str, Any]
) -> None:
    assert await in_a_session(clinic, body) == (200, "")
    assert clinic.rooms.commands == [
        Command(name=body["command"], actor="therapist", guide=GuideOrder(**arguments))
    ]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"command": "guide_mode"}, "missing required field `mode`"),
        ({"command": "guide_mode", "mode": "wild"}, "wild"),
        ({"command": "guide_mode", "mode": "free", "approval": 1}, "approval"),
        ({"command": "release", "approval": True}, "`approval`, which this command does not take"),
        ({"command": "stop", "mode": "off"}, "`mode`, which this command does not take"),
        ({"command": "whisper"}, "missing required field `text`"),
        ({"command": "whisper", "text": ""}, "text"),
        ({"command": "whisper", "text": "   "}, "text"),
        ({"command": "whisper", "text": "x" * 301}, "300"),
        ({"command": "whisper", "text": "one\ntwo"}, "text"),
        ({"command": "whisper", "text": "one\n"}, "text"),
        ({"command": "whisper", "text": "bell \x07"}, "text"),
        ({"command": "whisper", "text": "next\x85line"}, "text"),
        ({"command": "whisper", "text": "line\u2028"}, "text"),
        ({"command": "proposal", "decision": "speak"}, "missing required field `turn`"),
        ({"command": "proposal", "turn": 7}, "missing required field `decision`"),
        ({"command": "proposal", "turn": -1, "decision": "drop"}, "turn"),
        ({"command": "proposal", "turn": 7, "decision": "shout"}, "shout"),
        ({"command": "proposal", "turn": 7, "decision": "edit"}, "missing required field `text`"),
        ({"command": "proposal", "turn": 7, "decision": "speak", "text": "Hello"}, "does not take"),
    ],
)
async def test_what_does_not_fit_a_command_of_the_guide_is_refused(
    clinic: Clinic, body: dict[str, Any], says: str
) -> None:
    status, error = await in_a_session(clinic, body)
    assert status == 400
    assert says in error
    assert clinic.rooms.commands == []


async def test_a_session_says_how_its_guide_is_to_be(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        wanted = {"mode": "scripted", "language": "de", "approval": True}
        assert (
            await browser.post("/api/rooms/1/session", json={**START, "guide": wanted})
        ).status_code == 200
        for wrong in ({"mode": "loud"}, {"language": "d"}, {"approval": "yes"}, {"volume": 1}):
            answer = await browser.post("/api/rooms/1/session", json={**START, "guide": {**wanted, **wrong}})
            assert answer.status_code == 400
            assert next(iter(wrong)) in answer.json()["error"]
    start = clinic.rooms.starts[0]
    assert start.guide == GuideChoice(mode=GuideMode.SCRIPTED, language="de", approval=True)


async def test_what_is_shown_of_the_guide_has_its_documented_shape(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        offer = msgspec.json.decode((await browser.get("/api/guide")).content, type=GuideInfo)
        clinic.rooms.publish(guide=GUIDE)
        state = msgspec.json.decode((await browser.get("/api/rooms/1")).content, type=messages.RoomState)
    assert offer.usual is GuideMode.APPROVED
    assert state.guide is not None
    assert state.guide.proposal is not None
    assert state.guide.risk is not None
    assert [line.interrupted for line in state.guide.transcript] == [False, True]
