from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from small_clinic import PASSWORD, Clinic

from clinic import messages
from clinic.guide_messages import GuideInfo
from clinic.ports import COMMANDS, GuideOrder, SessionStart
from clinic.screening import CONTRAINDICATIONS, Screening
from clinic.wire import COOKIE, MAX_BODY
from therapy.controls import TABLE
from therapy.guide import GuideChoice
from therapy.personal import TRIGGERS, Personal
from therapy.talk import GuideMode

NOTHING_APPLIES: dict[str, Any] = {"present": []}
START: dict[str, Any] = {"plan_id": "calm-sea", "patient": "0142", "screening": NOTHING_APPLIES}
GUARDED = [
    "/api/screening",
    "/api/plans",
    "/api/scenes",
    "/api/triggers",
    "/api/guide",
    "/api/rooms",
    "/api/rooms/1",
    "/api/sessions",
]
UNSAFE = [
    "/api/account/setup",
    "/api/account/sign-in",
    "/api/account/sign-out",
    "/api/context",
    "/api/context/newest",
    "/api/guide-memory",
    "/api/guide-memory/of",
    "/api/guide-memory/erase",
    "/api/rooms/1/session",
    "/api/rooms/1/commands",
]


async def run(browser: httpx.AsyncClient, command: str, **more: Any) -> httpx.Response:
    return await browser.post("/api/rooms/1/commands", json={"command": command, **more})


# signing in ---------------------------------------------------------------------------------------


async def test_a_first_visit_from_set_up_to_sign_out(fresh: Clinic) -> None:
    async with fresh.browser() as browser:
        assert (await browser.get("/api/account")).json() == {
            "set_up": False,
            "signed_in": False,
            "idle_s": 900.0,
        }
        body = {"setup_code": fresh.accounts.setup_code, "password": PASSWORD}
        assert (await browser.post("/api/account/setup", json=body)).status_code == 200
        assert (await browser.get("/api/account")).json()["signed_in"] is True
        assert (await browser.get("/api/plans")).status_code == 200
        assert (await browser.post("/api/account/sign-out", json={})).status_code == 200
        assert COOKIE not in browser.cookies
        assert (await browser.get("/api/plans")).status_code == 401


async def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_http(clinic: Clinic) -> None:
    async with clinic.browser() as browser:
        answer = await browser.post("/api/account/sign-in", json={"password": PASSWORD})
    flags = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "secure", "path=/"} <= flags


async def test_on_plain_http_of_this_machine_the_cookie_works_too(clinic: Clinic) -> None:
    transport = httpx.ASGITransport(app=clinic.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as browser:
        ours = {"X-Stillwater": "1", "Origin": "http://localhost:8000"}
        answer = await browser.post("/api/account/sign-in", json={"password": PASSWORD}, headers=ours)
        assert "secure" not in answer.headers["set-cookie"].lower()
        assert (await browser.get("/api/plans")).status_code == 200


async def test_guessing_is_slowed_down_with_a_time_to_wait(clinic: Clinic) -> None:
    async with clinic.browser() as guesser, clinic.browser(address="198.51.100.4") as other:
        for _ in range(3):
            answer = await guesser.post("/api/account/sign-in", json={"password": "not this one"})
            assert answer.status_code == 401
        answer = await guesser.post("/api/account/sign-in", json={"password": PASSWORD})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) == answer.json()["retry_after_s"] > 0
        assert (await other.post("/api/account/sign-in", json={"password": PASSWORD})).status_code == 200


async def test_no_secret_comes_back_in_an_error(fresh: Clinic) -> None:
    async with fresh.browser() as browser:
        body = {"setup_code": "secret" * 20, "password": "hunter22hunter22"}
        answer = await browser.post("/api/account/setup", json=body)
        assert answer.status_code == 400
        assert "setup_code" in answer.json()["error"]
        assert "secretsecret" not in answer.text
        answer = await browser.post("/api/account/setup", json={"setup_code": "x", "password": ["tellme"]})
        assert "tellme" not in answer.text


@pytest.mark.parametrize("path", GUARDED)
async def test_nothing_is_shown_to_strangers(clinic: Clinic, path: str) -> None:
    async with clinic.browser() as stranger:
        answer = await stranger.get(path)
    assert answer.status_code == 401
    assert answer.json() == {"error": "sign in first"}


async def test_strangers_command_nothing(clinic: Clinic) -> None:
    async with clinic.browser() as stranger:
        assert (await run(stranger, "stop")).status_code == 401
        assert (await stranger.post("/api/rooms/1/session", json=START)).status_code == 401
    assert clinic.rooms.commands == []
    assert clinic.rooms.starts == []


# other sites --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", UNSAFE)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Stillwater": ""},
        {"X-Stillwater": "2"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://clinic.test"},
        {"Origin": "https://clinic.test:8443"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_sites_page_changes_nothing(clinic: Clinic, path: str, headers: dict[str, str]) -> None:
    async with clinic.signed_in() as browser:
        answer = await browser.post(path, json=START, headers=headers)
    assert answer.status_code == 403
    assert clinic.rooms.starts == []


async def test_a_program_without_an_origin_may_use_the_api(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        del browser.headers["Origin"]
        assert (await browser.post("/api/rooms/1/session", json=START)).status_code == 200


async def test_a_form_cannot_speak_json(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        answer = await browser.post(
            "/api/rooms/1/commands", content=b'{"command":"stop"}', headers={"Content-Type": "text/plain"}
        )
    assert answer.status_code == 400
    assert "application/json" in answer.json()["error"]


async def test_answers_are_neither_kept_nor_framed(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        headers = (await browser.get("/api/rooms/1")).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


# starting -----------------------------------------------------------------------------------------


async def test_a_session_starts_with_a_code_and_is_known_by_whom(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        answer = await browser.post("/api/rooms/1/session", json={**START, "patient": " 0142 "})
    assert answer.status_code == 200
    state = msgspec.json.decode(answer.content, type=messages.RoomState)
    assert state.phase == "READY"
    assert state.join is not None
    assert clinic.rooms.starts == [
        SessionStart(plan_id="calm-sea", patient="0142", screening=Screening(), actor="therapist")
    ]


async def test_what_is_chosen_for_a_patient_reaches_the_room(clinic: Clinic) -> None:
    chosen = {
        "options": {"companions": "none"},
        "triggers": ["birds", "fire"],
        "eye_height_m": 1.0,
        "soften": False,
    }
    async with clinic.signed_in() as browser:
        answer = await browser.post("/api/rooms/1/session", json={**START, **chosen})
        triggers = (await browser.get("/api/triggers")).json()
    assert answer.status_code == 200
    assert clinic.rooms.starts[0].personal == Personal(
        options={"companions": "none"}, triggers=frozenset({"birds", "fire"}), eye_height_m=1.0, soften=False
    )
    assert {each["name"] for each in triggers} == set(TRIGGERS)


async def test_a_patient_who_is_unwell_is_told_of_by_level(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        await browser.post("/api/rooms/1/session", json=START)
        assert (await run(browser, "unwell", level=0.5)).status_code == 200
        assert (await run(browser, "unwell")).status_code == 400
        assert (await run(browser, "unwell", level=1.5)).status_code == 400
    assert [(c.name, c.level) for c in clinic.rooms.commands] == [("unwell", 0.5)]


@pytest.mark.parametrize("reason", ["", "   ", "too short", "         x         "])
async def test_a_contraindication_blocks_the_start(clinic: Clinic, reason: str) -> None:
    screening = {"present": ["seizures", "eye"], "override_reason": reason}
    async with clinic.signed_in() as browser:
        answer = await browser.post("/api/rooms/1/session", json={**START, "screening": screening})
    assert answer.status_code == 409
    assert CONTRAINDICATIONS["seizures"] in answer.json()["error"]
    assert clinic.rooms.starts == []


async def test_a_contraindication_is_overridden_with_a_reason(clinic: Clinic) -> None:
    screening = {"present": ["seizures"], "override_reason": "neurologist agreed in writing"}
    async with clinic.signed_in() as browser:
        answer = await browser.post("/api/rooms/1/session", json={**START, "screening": screening})
    assert answer.status_code == 200
    assert clinic.rooms.starts[0].screening == Screening(
        present=("seizures",), override_reason="neurologist agreed in writing"
    )


async def test_a_second_session_waits_for_the_first(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        await browser.post("/api/rooms/1/session", json=START)
        answer = await browser.post("/api/rooms/1/session", json=START)
    assert answer.status_code == 409
    assert "READY" in answer.json()["error"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"screening": None}, "screening"),
        ({"screening": {}}, "present"),
        ({"screening": {"present": ["bad mood"]}}, "bad mood"),
        ({"screening": {"present": ["seizures"] * 41}}, "40"),
        ({"patient": ""}, "patient"),
        ({"patient": "   "}, "patient"),
        ({"patient": "x" * 81}, "80"),
        ({"patient": "a\nb"}, "patient"),
        ({"patient": 142}, "142"),
        ({"plan_id": ["calm-sea"]}, "plan_id"),
        ({"colour": "blue"}, "colour"),
        ({"triggers": ["clowns"]}, "clowns"),
        ({"triggers": "fire"}, "triggers"),
        ({"options": {"season": 3}}, "options"),
        ({"eye_height_m": 3.0}, "1.7"),
        ({"soften": "yes"}, "soften"),
    ],
)
async def test_a_start_that_is_not_as_documented_is_refused(
    clinic: Clinic, change: dict[str, Any], says: str
) -> None:
    async with clinic.signed_in() as browser:
        answer = await browser.post("/api/rooms/1/session", json={**START, **change})
    assert answer.status_code == 400, answer.text
    assert says in answer.json()["error"]
    assert clinic.rooms.starts == []


# commands -----------------------------------------------------------------------------------------


async def test_the_way_through_a_session(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        await browser.post("/api/rooms/1/session", json=START)
        phases = [
            (await run(browser, c)).json()["phase"] for c in ("begin", "pause", "resume", "return", "stop")
        ]
    assert phases == ["RUNNING", "PAUSED", "RUNNING", "RETURNING", "STOPPED"]
    assert {c.actor for c in clinic.rooms.commands} == {"therapist"}


async def test_a_command_that_does_not_fit_says_why(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        assert (await run(browser, "pause")).status_code == 409
        await browser.post("/api/rooms/1/session", json=START)
        answer = await run(browser, "resume")
    assert answer.status_code == 409
    assert answer.json() == {"error": "cannot resume while READY"}


async def test_steering_passes_wishes_and_gives_back_what_is_null(clinic: Clinic) -> None:
    wishes = {"arousal": -0.5, "music_lufs": -30, "light": None}
    async with clinic.signed_in() as browser:
        await browser.post("/api/rooms/1/session", json=START)
        assert (await run(browser, "steer", steer=wishes)).status_code == 200
    assert dict(clinic.rooms.commands[-1].steer) == wishes


@pytest.mark.parametrize("control", ["music_lufs", "breath_pace_per_min", "time_of_day_h", "light"])
async def test_wishes_keep_to_the_table_of_controls(clinic: Clinic, control: str) -> None:
    limit = TABLE[control]
    async with clinic.signed_in() as browser:
        await browser.post("/api/rooms/1/session", json=START)
        for good in (limit.low, limit.high):
            assert (await run(browser, "steer", steer={control: good})).status_code == 200
        for bad in (limit.low - 0.01, limit.high + 0.01, 1e300):
            answer = await run(browser, "steer", steer={control: bad})
            assert answer.status_code == 400
            error = answer.json()["error"]
            assert error.startswith(f"steer.{control}: ")
            assert repr(bad) in error


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (b'{"command":"explode"}', "explode"),
        (b'{"command":"steer"}', "missing required field `steer`"),
        (b'{"command":"steer","steer":{}}', "1 or more"),
        (b'{"command":"steer","steer":{"swell":1}}', "swell"),
        (b'{"command":"steer","steer":{"light":"0.5"}}', "steer.light"),
        (b'{"command":"steer","steer":{"light":true}}', "steer.light"),
        (b'{"command":"steer","steer":{"light":NaN}}', "JSON"),
        (b'{"command":"steer","steer":{"light":1e999}}', "JSON"),
        (b'{"command":"steer","steer":{"arousal":1.01}}', "1.01"),
        (b'{"command":"stop","steer":{"light":0.5}}', "does not take"),
        (b'{"command":"acknowledge"}', "missing required field `alarm`"),
        (b'{"command":"acknowledge","alarm":1.5}', "alarm"),
        (b'{"command":"stop","now":true}', "now"),
        (b"[" * 30_000 + b"]" * 30_000, "JSON"),
    ],
)
async def test_a_command_that_is_not_as_documented_is_refused(clinic: Clinic, body: bytes, says: str) -> None:
    async with clinic.signed_in() as browser:
        await browser.post("/api/rooms/1/session", json=START)
        answer = await browser.post(
            "/api/rooms/1/commands", content=body, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert says in error
    assert "\n" not in error
    assert len(error) < 300
    assert clinic.rooms.commands == []


async def test_a_body_has_a_limit(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        answer = await browser.post(
            "/api/rooms/1/commands",
            content=b'"' + b"x" * MAX_BODY + b'"',
            headers={"Content-Type": "application/json"},
        )
    assert answer.status_code == 413
    assert str(MAX_BODY) in answer.json()["error"]


async def test_an_alarm_is_acknowledged(clinic: Clinic) -> None:
    alarm = {"id": 4, "at_s": 1.0, "level": "urgent", "what": "no signal", "acknowledged": False}
    async with clinic.signed_in() as browser:
        await browser.post("/api/rooms/1/session", json=START)
        clinic.rooms.publish(alarms=[alarm])
        assert (await run(browser, "acknowledge", alarm=5)).status_code == 409
        assert (await run(browser, "acknowledge", alarm=4)).status_code == 200
        assert (await browser.get("/api/rooms/1")).json()["alarms"] == [{**alarm, "acknowledged": True}]


# reading ------------------------------------------------------------------------------------------


async def test_everything_that_is_shown_has_its_documented_shape(clinic: Clinic) -> None:
    start = SessionStart(plan_id="calm-sea", patient="0142", screening=Screening(), actor="therapist")
    clinic.sessions.started("s1", room="1", start=start, folder=Path("x"), at_utc_s=5.0)
    shapes: dict[str, Any] = {
        "/api/screening": list[messages.ScreeningItem],
        "/api/plans": list[messages.PlanInfo],
        "/api/scenes": list[messages.SceneInfo],
        "/api/rooms": list[messages.RoomInfo],
        "/api/rooms/1": messages.RoomState,
        "/api/sessions": list[messages.SessionInfo],
    }
    async with clinic.signed_in() as browser:
        for path, shape in shapes.items():
            assert msgspec.json.decode((await browser.get(path)).content, type=shape), path


@pytest.mark.parametrize("path", ["/api/rooms/2", "/api/rooms/%2e%2e", "/api/rooms/" + "9" * 500])
async def test_a_room_that_is_not_there(clinic: Clinic, path: str) -> None:
    async with clinic.signed_in() as browser:
        answer = await browser.get(path)
    assert answer.status_code == 404
    assert len(answer.text) < 200


async def test_an_expired_session_reads_nothing(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        clinic.clock.s += 901
        assert (await browser.get("/api/rooms/1")).status_code == 401
        assert (await browser.get("/api/account")).json()["signed_in"] is False


# the description ----------------------------------------------------------------------------------


async def test_every_route_is_described_and_nothing_else(clinic: Clinic) -> None:
    async with clinic.browser() as browser:
        described = (await browser.get("/api/openapi.json")).json()
    listed = {(path, method.upper()) for path, ops in described["paths"].items() for method in ops}
    routes = {
        (route.path, method)
        for route in clinic.app.routes
        for method in getattr(route, "methods", None) or ()
        if method != "HEAD"
    }
    assert listed == routes - {("/api/openapi.json", "GET")}
    assert described["openapi"].startswith("3.1")
    assert described["info"]["version"] == "1.2.3"


async def test_the_description_points_only_at_what_it_holds(clinic: Clinic) -> None:
    async with clinic.browser() as browser:
        text = (await browser.get("/api/openapi.json")).text
    described = json.loads(text)
    schemas = described["components"]["schemas"]
    pointed = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert pointed <= set(schemas)
    assert {"RoomState", "SocketCommand", "StartBody", "CommandBody", "ErrorBody"} <= set(schemas)
    assert set(schemas["CommandBody"]["properties"]["command"]["enum"]) == set(COMMANDS)
    identifiers = [op["operationId"] for ops in described["paths"].values() for op in ops.values()]
    assert len(identifiers) == len(set(identifiers))
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["summary"]
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert named == ({"room"} if "{room}" in path else set())


async def test_only_the_ways_in_are_open(clinic: Clinic) -> None:
    async with clinic.browser() as browser:
        described = (await browser.get("/api/openapi.json")).json()
    open_to_all = {
        path for path, ops in described["paths"].items() for op in ops.values() if not op["security"]
    }
    assert open_to_all == {
        "/api/account",
        "/api/account/setup",
        "/api/account/sign-in",
        "/api/account/sign-out",
    }


# the guide ----------------------------------------------------------------------------------------

TALKING: dict[str, Any] = {
    "mode": "approved",
    "wanted_mode": "approved",
    "approval": False,
    "missing": [],
    "state": "listening",
    "language": "en",
    "transcript": [{"who": "patient", "text": "hello", "at_s": 3.0, "confidence": 0.9}],
    "partial": "",
    "proposal": None,
    "risk": None,
    "ratings": [],
    "microphone": "on",
}
#: A command about the guide, and what of it the rooms get.
GUIDE_COMMANDS = [
    ({"command": "guide_mode", "mode": "scripted"}, GuideOrder(mode=GuideMode.SCRIPTED)),
    (
        {"command": "guide_mode", "mode": "free", "approval": True},
        GuideOrder(mode=GuideMode.FREE, approval=True),
    ),
    ({"command": "whisper", "text": " You are safe. "}, GuideOrder(text="You are safe.")),
    ({"command": "proposal", "turn": 0, "decision": "speak"}, GuideOrder(turn=0, decision="speak")),
    ({"command": "proposal", "turn": 3, "decision": "drop"}, GuideOrder(turn=3, decision="drop")),
    (
        {"command": "proposal", "turn": 3, "decision": "edit", "text": "Softer."},
        GuideOrder(turn=3, decision="edit", text="Softer."),
    ),
    ({"command": "release"}, GuideOrder()),
]
WRONG_GUIDE_COMMANDS = [
    {"command": "guide_mode"},
    {"command": "guide_mode", "mode": "loud"},
    {"command": "guide_mode", "approval": True},
    {"command": "whisper"},
    {"command": "whisper", "text": ""},
    {"command": "whisper", "text": "   "},
    {"command": "whisper", "text": "two\nlines"},
    {"command": "whisper", "text": "x" * 301},
    {"command": "proposal", "turn": 3},
    {"command": "proposal", "decision": "speak"},
    {"command": "proposal", "turn": -1, "decision": "speak"},
    {"command": "proposal", "turn": 3, "decision": "edit"},
    {"command": "proposal", "turn": 3, "decision": "speak", "text": "Softer."},
    {"command": "release", "turn": 3},
    {"command": "pause", "mode": "off"},
    {"command": "stop", "approval": False},
]


@pytest.mark.parametrize(("body", "order"), GUIDE_COMMANDS)
async def test_the_guide_does_what_the_therapist_says(
    clinic: Clinic, body: dict[str, Any], order: GuideOrder
) -> None:
    async with clinic.signed_in() as browser:
        await browser.post("/api/rooms/1/session", json=START)
        assert (await browser.post("/api/rooms/1/commands", json=body)).status_code == 409
        clinic.rooms.publish(guide=TALKING)
        answer = await browser.post("/api/rooms/1/commands", json=body)
        assert answer.status_code == 200, answer.text
    assert clinic.rooms.commands[-1].guide == order


@pytest.mark.parametrize("body", WRONG_GUIDE_COMMANDS)
async def test_what_the_guide_cannot_take_is_refused_in_one_line(
    clinic: Clinic, body: dict[str, Any]
) -> None:
    async with clinic.signed_in() as browser:
        await browser.post("/api/rooms/1/session", json=START)
        answer = await browser.post("/api/rooms/1/commands", json=body)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]
    assert clinic.rooms.commands == []


async def test_a_session_starts_with_the_guide_that_was_chosen(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        allowed = (await browser.get("/api/guide")).json()
        msgspec.convert(allowed, GuideInfo)
        wanted = {"mode": "scripted", "approval": True, "language": "de"}
        answer = await browser.post("/api/rooms/1/session", json={**START, "guide": wanted})
        assert answer.status_code == 200, answer.text
        clinic.rooms.publish(guide=TALKING)
        state = msgspec.convert((await browser.get("/api/rooms/1")).json(), messages.RoomState)
        assert state.guide is not None
        assert state.guide.transcript[0].text == "hello"
        bad = await browser.post("/api/rooms/1/session", json={**START, "guide": {"mode": "loud"}})
        assert bad.status_code == 400
    assert clinic.rooms.starts[0].guide == GuideChoice(mode=GuideMode.SCRIPTED, approval=True, language="de")
