"""The therapist's panel in real Chromium, over the clinic's own routes; only the room is a double."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from panel_server import PASSWORD, PanelServer, body_at
from playwright.sync_api import Page, ViewportSize, expect

from clinic.ports import GuideOrder
from clinic.screening import CONTRAINDICATIONS
from clinic.sessions import SessionIndex
from therapy.talk import GuideMode

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
DESK: ViewportSize = {"width": 1280, "height": 800}
TABLET: ViewportSize = {"width": 768, "height": 1024}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def server(pages: Path, tmp_path: Path) -> Iterator[PanelServer]:
    server = PanelServer(pages, tmp_path)
    yield server
    server.stop()


@pytest.fixture
def panel(page: Page, server: PanelServer) -> Page:
    """The panel, signed in."""
    page.set_viewport_size(DESK)
    page.goto(server.url)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Patient label")).to_be_visible()
    return page


def begin(page: Page, server: PanelServer) -> None:
    """Prepare a session, let a headset in, begin."""
    page.get_by_label("Patient label").fill("0142")
    page.get_by_label("I have asked: none of these applies").check()
    page.get_by_role("button", name="Prepare the session").click()
    expect(page.get_by_role("button", name="Begin")).to_be_visible()
    server.publish(join=None, headset={"connected": True, "fps": 30.0, "frame_age_ms": 40.0, "rtt_ms": 5.0})
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    server.publish(**body_at(190.0, time.monotonic()))
    expect(page.get_by_role("group", name="Heart rate", exact=True)).to_contain_text("bpm")


def accessible(page: Page, view: str) -> None:
    """Let axe-core look at the page, wide and narrow."""
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    for size in (DESK, TABLET):
        page.set_viewport_size(size)
        found: list[Any] = page.evaluate(
            "rules => axe.run(document, {runOnly: rules}).then(r => r.violations.map("
            "v => [v.id, v.help, v.nodes.map(n => n.html.slice(0, 160))]))",
            RULES,
        )
        assert found == [], f"{view} at {size['width']} px"
        too_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not too_wide, f"{view} scrolls sideways at {size['width']} px"
    page.set_viewport_size(DESK)


def test_the_first_start_from_the_console_code_to_the_panel(page: Page, pages: Path, tmp_path: Path) -> None:
    server = PanelServer(pages, tmp_path, set_up=False)
    try:
        page.goto(server.url)
        page.get_by_label("Set-up code").fill("2222-2222")
        accessible(page, "set-up")
        page.get_by_label("Password", exact=True).fill("short")
        page.get_by_label("Password again").fill("short")
        page.get_by_role("button", name="Set the password").click()
        expect(page.get_by_role("alert")).to_contain_text("10 or more characters; it has 5")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Set the password").click()
        expect(page.get_by_role("alert")).to_contain_text("not the same")
        page.get_by_label("Password again").fill(PASSWORD)
        page.get_by_role("button", name="Set the password").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong set-up code")
        page.get_by_label("Set-up code").fill(server.accounts.setup_code or "")
        page.get_by_role("button", name="Set the password").click()
        expect(page.get_by_label("Patient label")).to_be_visible()
    finally:
        server.stop()


def test_signing_in_by_keyboard_and_waiting_after_wrong_tries(page: Page, server: PanelServer) -> None:
    page.goto(server.url)
    field = page.get_by_label("Password")
    expect(field).to_be_visible()
    accessible(page, "sign-in")
    page.keyboard.press("Tab")
    expect(field).to_be_focused()
    page.keyboard.type("not this one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("wrong password")
    for _ in range(3):
        field.fill("not this one")
        page.keyboard.press("Enter")
        expect(field).to_have_value("")
    expect(page.get_by_role("alert")).to_contain_text("Too many wrong tries")
    expect(page.get_by_role("button", name=re.compile(r"Wait \d+ s"))).to_be_disabled()


def test_a_session_starts_only_with_every_answer(panel: Page, server: PanelServer) -> None:
    prepare = panel.get_by_role("button", name="Prepare the session")
    accessible(panel, "start")
    prepare.click()
    expect(panel.get_by_role("alert").filter(has_text="Still needed")).to_contain_text("a patient label")
    assert server.run(lambda: server.rooms.starts) == []
    panel.get_by_label("Patient label").fill("0142")
    for text in CONTRAINDICATIONS.values():
        expect(panel.get_by_label(text)).to_be_visible()
    panel.get_by_label("Migraine with aura").check()
    expect(panel.get_by_text("Contraindicated.")).to_be_visible()
    accessible(panel, "start with a contraindication")
    expect(panel.get_by_text("found by rules alone")).to_have_count(0)
    panel.get_by_label("The guide's language").select_option("de")
    expect(panel.get_by_text("In German words of danger are found by rules alone")).to_be_visible()
    prepare.click()
    expect(panel.get_by_role("alert").filter(has_text="Still needed")).to_contain_text("a reason to go on")
    assert server.run(lambda: server.rooms.starts) == []
    panel.get_by_label("Reason to go on").fill("neurologist agreed in writing")
    panel.get_by_label(re.compile("Calm sea")).check()
    prepare.click()
    expect(panel.locator(".digits")).to_contain_text("480 213")
    start = server.run(lambda: server.rooms.starts)[0]
    assert (start.plan_id, start.patient) == ("calm-sea", "0142")
    assert start.screening.present == ("migraine_aura",)
    assert start.screening.override_reason == "neurologist agreed in writing"


def test_a_study_says_how_the_place_answers_the_body_and_may_hide_it(
    panel: Page, server: PanelServer
) -> None:
    panel.get_by_text("For a study").click()
    answers = panel.get_by_label("How the place answers the body")
    expect(answers.get_by_role("option", name="yoked")).to_be_disabled()
    answers.select_option("PACED_ONLY")
    expect(panel.get_by_text("Signals are recorded and steer nothing.")).to_be_visible()
    panel.get_by_label("Hide from this panel").check()
    accessible(panel, "start of a study")
    panel.get_by_label("Patient label").fill("0142")
    panel.get_by_label("I have asked: none of these applies").check()
    panel.get_by_role("button", name="Prepare the session").click()
    expect(panel.locator(".digits")).to_contain_text("480 213")
    start = server.run(lambda: server.rooms.starts)[0]
    assert (start.condition, start.yoked_to, start.blind) == ("PACED_ONLY", "", True)


def test_what_the_guide_may_remember_is_agreed_and_erased(panel: Page, server: PanelServer) -> None:
    show = panel.get_by_role("button", name="Show", exact=True)
    expect(show).to_be_disabled()
    panel.get_by_label("Patient label").fill("0142")
    show.click()
    notes = panel.get_by_label("Notes, one a line")
    expect(notes).to_be_disabled()
    panel.get_by_label("The patient agrees").check()
    notes.fill("prefers it darker")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("Saved.")).to_be_visible()
    server.memory.propose("0142", ["prefers calm water"])
    panel.get_by_label("Patient label").fill("0143")  # another patient: nothing of the first is shown
    expect(notes).to_have_count(0)
    panel.get_by_label("Patient label").fill("0142")
    show.click()
    expect(notes).to_have_value("prefers it darker")
    accessible(panel, "what the guide may remember")
    panel.get_by_role("button", name="Take over: prefers calm water").click()
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("Saved.")).to_be_visible()
    assert server.memory.for_guide("0142")[0] == ("prefers it darker", "prefers calm water")
    panel.get_by_role("button", name="Erase all").click()
    expect(panel.get_by_label("The patient agrees")).not_to_be_checked()
    assert server.memory.for_guide("0142") == ((), False)


def test_none_applies_and_a_finding_exclude_each_other(panel: Page) -> None:
    none, finding = panel.get_by_label("I have asked"), panel.get_by_label("Epilepsy or a past seizure")
    finding.check()
    none.check()
    expect(finding).not_to_be_checked()
    finding.check()
    expect(none).not_to_be_checked()


def test_the_code_is_shown_large_with_its_picture(panel: Page, server: PanelServer) -> None:
    panel.get_by_label("Patient label").fill("0142")
    panel.get_by_label("I have asked").check()
    panel.get_by_role("button", name="Prepare").click()
    digits = panel.locator(".digits")
    expect(digits).to_contain_text("480 213")
    expect(digits).to_contain_text("Code: 4 8 0 2 1 3")
    picture = panel.get_by_role("img", name="QR code")
    expect(picture).to_be_visible()
    panel.wait_for_function("document.querySelector('.qr').naturalWidth > 0")
    assert "480213" not in (picture.get_attribute("src") or "")
    assert float(digits.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 40
    accessible(panel, "ready")
    panel.get_by_role("button", name="New code").first.click()
    expect(digits).to_contain_text("771 905")
    assert server.commands() == [("new_code", {})]


def test_numbers_come_with_unit_quality_and_age_and_follow_the_room(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    heart = panel.get_by_role("group", name="Heart rate", exact=True)
    vitals = server.rooms.now["vitals"]
    for value in (71.4, 64.6):
        server.publish(vitals={**vitals, "heart_rate": {**vitals["heart_rate"], "value": value}})
        expect(heart).to_contain_text(f"{value:.0f}")
    expect(heart).to_contain_text("bpm")
    expect(heart).to_contain_text("good")
    expect(heart).to_contain_text("under 1 s old, over 10 s")
    lost = {**vitals["heart_rate"], "value": None, "quality": 0.0, "reason": "calibrating", "age_s": 7.2}
    server.publish(vitals={**vitals, "heart_rate": lost})
    expect(heart).to_contain_text("calibrating")
    expect(heart).to_contain_text("7 s old")
    expect(heart).not_to_contain_text("bpm")
    breathing = panel.get_by_role("group", name="Breathing", exact=True)
    expect(breathing).to_contain_text("fair")
    chart = panel.get_by_role(
        "img", name=re.compile("Breathing and pacer, the last .*pacer: now 6.0, lowest")
    )
    expect(chart).to_be_visible()
    accessible(panel, "live")


def test_a_chart_can_be_read_as_a_table(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    panel.get_by_text("As a table").first.click()
    table = panel.get_by_role("group", name="Heart rate, 5 minutes, table").get_by_role("table")
    expect(table.get_by_role("columnheader", name="heart, bpm")).to_be_visible()
    expect(table.get_by_role("row").nth(1)).to_contain_text("0 s")
    accessible(panel, "table")


def test_an_arousal_is_against_the_baseline_with_its_certainty_and_can_be_hidden(
    panel: Page, server: PanelServer
) -> None:
    begin(panel, server)
    arousal = panel.get_by_role("group", name="Arousal")
    server.publish(arousal={"value": -0.25, "confidence": 0.7})
    expect(arousal).to_contain_text("−0.25")
    expect(arousal).to_contain_text("70 % sure")
    server.publish(arousal={"value": 0.9, "confidence": 0.05})
    expect(arousal).to_contain_text("not known yet")
    expect(arousal).not_to_contain_text("0.90")
    arousal.get_by_role("button", name="Hide").click()
    expect(arousal).to_contain_text("hidden")
    panel.reload()
    expect(panel.get_by_role("group", name="Arousal")).to_contain_text("hidden")


def test_the_mirror_shows_the_picture_and_says_when_it_is_old(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    mirror = panel.get_by_role("region", name="What the patient sees")
    expect(mirror).to_contain_text(re.compile("mirror, (under )?1 s old"))
    panel.wait_for_function("document.querySelector('.mirror canvas').width === 640")
    row = "c => { const d = c.getContext('2d').getImageData(320, 180, 1, 1).data; return [...d]; }"
    red, _, blue, alpha = mirror.locator("canvas").evaluate(row)
    assert alpha == 255
    assert red > blue, "the evening sky is warm"
    server.run(lambda: setattr(server.rooms, "publish_picture", lambda _jpeg: None))
    expect(mirror).to_contain_text(re.compile(r"stale: [3-9] s old"), timeout=10_000)


def test_steering_by_keyboard_sends_wishes_and_gives_them_back(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    target = panel.get_by_role("slider", name="Target")
    target.focus()
    for _ in range(4):
        panel.keyboard.press("ArrowLeft")
    expect(target).to_have_attribute("aria-valuetext", "−0.20 calmer")
    panel.wait_for_function("document.querySelectorAll('.slider.resting').length === 4")
    server_has(server, ("steer", {"arousal": -0.2}))
    light = panel.get_by_role("slider", name="Light")
    expect(light).to_have_attribute("aria-valuetext", "50 %, automatic")
    light.focus()
    panel.keyboard.press("Home")
    server_has(server, ("steer", {"light": 0.0}))
    expect(light).to_have_attribute("aria-valuetext", "0 %")
    panel.get_by_role("button", name="Automatic: Light").click()
    server_has(server, ("steer", {"light": None}))
    expect(light).to_have_attribute("aria-valuetext", "50 %, automatic")
    panel.get_by_role("button", name="As planned: Target").click()
    server_has(server, ("steer", {"arousal": 0.0}))
    for name, key, wish in (
        ("Breath pace", "Home", {"breath_pace_per_min": 4.0}),
        ("Loudness", "End", {"music_lufs": -20.0}),
        ("Time of day", "Home", {"time_of_day_h": 0.0}),
    ):
        panel.get_by_role("slider", name=name).focus()
        panel.keyboard.press(key)
        server_has(server, ("steer", wish))


def server_has(server: PanelServer, command: tuple[str, dict[str, float | None]]) -> None:
    """Wait until the newest command is `command`."""
    deadline_s = time.monotonic() + 10
    while server.commands()[-1:] != [command]:
        assert time.monotonic() < deadline_s, f"the room never had {command}, had {server.commands()[-3:]}"
        time.sleep(0.02)


def test_pause_resume_and_the_way_back(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    panel.get_by_role("button", name="Pause").click()
    panel.get_by_role("button", name="Resume").click()
    panel.get_by_role("button", name="Guide back").click()
    expect(panel.get_by_text("Returning").first).to_be_visible()
    assert [name for name, _ in server.commands()] == ["begin", "pause", "resume", "return"]


def test_stop_by_keyboard_alone_from_anywhere(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    panel.get_by_role("slider", name="Loudness").focus()
    panel.keyboard.press("Escape")
    expect(panel.get_by_role("alert").get_by_text("Press Esc once more")).to_be_visible()
    assert "stop" not in [name for name, _ in server.commands()]
    panel.keyboard.press("Escape")
    expect(panel.get_by_role("heading", name="Stopped")).to_be_visible()
    assert "stop" in [name for name, _ in server.commands()]
    expect(panel.get_by_role("button", name="STOP")).to_have_count(0)
    accessible(panel, "stopped")
    panel.get_by_role("button", name="Prepare another session").click()
    expect(panel.get_by_label("Patient label")).to_be_visible()


def test_one_escape_alone_and_a_held_key_do_not_stop(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    panel.keyboard.down("Escape")
    panel.keyboard.down("Escape")  # what a held key sends: a repeat
    panel.keyboard.up("Escape")
    armed = panel.get_by_text("Press Esc once more")
    expect(armed).to_be_visible()
    expect(armed).to_have_count(0)
    panel.keyboard.press("Escape")
    expect(armed).to_be_visible()
    assert "stop" not in [name for name, _ in server.commands()]


def test_one_click_stops_over_both_ways(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    with panel.expect_request("**/api/rooms/1/commands") as asked:
        panel.get_by_role("button", name="STOP").click()
    assert asked.value.post_data_json == {"command": "stop"}
    expect(panel.get_by_role("heading", name="Stopped")).to_be_visible()
    deadline_s = time.monotonic() + 10
    while [name for name, _ in server.commands()].count("stop") < 2:
        assert time.monotonic() < deadline_s, "one of the two ways did not carry the STOP"
        time.sleep(0.02)


def test_stop_works_when_http_does_not(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    panel.route("**/api/rooms/1/commands", lambda route: route.abort())
    panel.get_by_role("button", name="STOP").click()
    expect(panel.get_by_role("heading", name="Stopped")).to_be_visible()
    assert [name for name, _ in server.commands()].count("stop") >= 1


def test_stop_reaches_the_room_as_soon_as_the_link_is_back(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    with server.unreachable():
        expect(panel.get_by_role("status").filter(has_text="link to the server is lost")).to_be_visible()
        panel.get_by_role("button", name="STOP").click()
        expect(panel.get_by_text("STOP has not reached the server")).to_be_visible()
        assert "stop" not in [name for name, _ in server.commands()]
    expect(panel.get_by_role("heading", name="Stopped")).to_be_visible(timeout=15_000)
    expect(panel.get_by_text("STOP has not reached the server")).to_have_count(0)


def test_a_lost_link_is_said_values_age_and_it_comes_back(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    heart = panel.get_by_role("group", name="Heart rate", exact=True)
    with server.unreachable():
        lost = panel.get_by_role("status").filter(has_text="link to the server is lost")
        expect(lost).to_be_visible()
        expect(heart).to_contain_text(re.compile(r"[3-9] s old"), timeout=10_000)
        accessible(panel, "link lost")
    expect(lost).to_have_count(0, timeout=15_000)
    expect(heart).to_contain_text("under 1 s old")


def test_a_room_that_falls_silent_is_not_shown_as_fresh(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    server.run(lambda: setattr(server, "speaking", False))
    expect(panel.get_by_role("status").filter(has_text="what is below is old")).to_be_visible(timeout=10_000)


def test_opening_the_page_again_shows_the_session(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    panel.reload()
    expect(panel.get_by_role("group", name="Heart rate", exact=True)).to_contain_text("bpm", timeout=3000)
    expect(panel.get_by_role("button", name="STOP")).to_be_visible()
    panel.wait_for_function("document.querySelector('.mirror canvas').width === 640", timeout=3000)


def test_a_breathing_pace_is_assessed_read_and_kept_for_the_patient(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    panel.get_by_text("Breathing pace at resonance").click()
    kinds = panel.get_by_label("Find the pace")
    for second in range(191, 195):  # the room's news leave the card as the hand has left it
        server.publish(**body_at(float(second), time.monotonic()))
        expect(panel.get_by_role("group", name="Heart rate", exact=True)).to_contain_text("bpm")
        expect(kinds).to_be_visible()
    kinds.select_option("sliding")
    panel.get_by_role("button", name="Begin the assessment").click()
    server_has(server, ("assess", {}))
    assert server.run(lambda: server.rooms.commands)[-1].kind == "sliding"
    running = {
        "kind": "stepped",
        "running": True,
        "step": 3,
        "steps": 5,
        "settled": True,
        "left_s": 312.0,
        "measured": [
            {"per_min": 6.0, "rsa_bpm": 8.4, "share": 0.62, "breaths": 8},
            {"per_min": 4.5, "rsa_bpm": None, "share": None, "breaths": 0},
        ],
        "found": None,
        "ended": "",
    }
    server.publish(assessment=running)
    card = panel.locator(".resonance")
    expect(card).to_contain_text("Step 3 of 5")
    expect(card).to_contain_text("5:12")
    expect(card.get_by_role("row", name="4.5")).to_contain_text("too little was known")
    accessible(panel, "assessment going on")
    card.get_by_role("button", name="End the assessment").click()
    server_has(server, ("assess_stop", {}))
    server.publish(assessment={**running, "running": False, "ended": "the patient feels unwell"})
    expect(card).to_contain_text("No pace was found: the patient feels unwell. Nothing was kept.")
    found = {"per_min": 5.43, "clarity": 0.64, "why": "the swing is greatest there"}
    server.publish(assessment={**running, "running": False, "found": found})
    expect(card).to_contain_text("5.4 breaths a minute, clear.")
    accessible(panel, "assessment that found a pace")
    card.get_by_role("button", name="Use 5.4 /min for this patient").click()
    expect(card).to_contain_text("later sessions lead to 5.4 a minute")
    server_has(server, ("steer", {"breath_pace_per_min": 5.4}))
    [kept] = server.run(lambda: server.figures.of("0142"))
    assert (kept.kind, kept.value, kept.why) == ("resonance", 5.43, "the swing is greatest there")


def test_alarms_stay_on_top_until_acknowledged(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    at_s = time.monotonic()
    alarms = [
        {"id": 1, "at_s": at_s, "level": "watch", "what": "belt is loose", "acknowledged": False},
        {"id": 2, "at_s": at_s, "level": "urgent", "what": "recorder is down", "acknowledged": False},
    ]
    server.publish(alarms=alarms)
    shown = panel.get_by_role("region", name="Alarms")
    expect(shown).to_contain_text(re.compile("Urgent.*recorder is down.*Watch.*belt is loose", re.DOTALL))
    expect(panel.get_by_role("alert").filter(has_text="recorder is down")).to_have_count(1)
    accessible(panel, "alarms")
    panel.get_by_role("button", name="Acknowledge: recorder is down").click()
    expect(shown).not_to_contain_text("recorder is down")
    expect(shown).to_contain_text("belt is loose")
    panel.reload()
    expect(panel.get_by_role("region", name="Alarms")).to_contain_text("belt is loose")
    expect(panel.get_by_text("recorder is down")).to_have_count(0)


def test_why_controls_and_health_are_there(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    why = panel.get_by_role("region", name="What changed, and why")
    expect(why).to_contain_text("Tempo 66.0 bpm → 64.0 bpm")
    expect(why).to_contain_text("arousal above aim (72 % sure)")
    expect(panel.get_by_role("region", name="Controls now")).to_contain_text("4500 K")
    health = panel.get_by_role("region", name="Health")
    expect(health).to_contain_text("chest strap, 250 Hz")
    expect(health).to_contain_text("restarted 1×")
    dead = {"name": "audio", "alive": False, "restarts": 2, "detail": "silent for 1.2 s"}
    server.publish(processes=[dead], recording={"on": False, "bytes": 0, "path": ""})
    expect(health).to_contain_text("audio is down")
    expect(panel.locator("header")).to_contain_text("not recording")


def test_a_refusal_is_said_and_forgotten_after_the_next_success(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    server.publish(phase="PAUSED")
    panel.get_by_role("button", name="Resume").click()
    expect(panel.get_by_role("button", name="Pause")).to_be_visible()
    panel.route(
        "**/api/rooms/1/commands",
        lambda route: route.fulfill(status=409, json={"error": "cannot pause while RETURNING"}),
    )
    panel.get_by_role("button", name="Pause").click()
    expect(panel.get_by_role("alert").filter(has_text="cannot pause while RETURNING")).to_be_visible()
    panel.unroute("**/api/rooms/1/commands")
    panel.get_by_role("button", name="Pause").click()
    expect(panel.get_by_text("cannot pause while RETURNING")).to_have_count(0)


def test_signing_out_leaves_nothing_on_the_page(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    panel.get_by_role("button", name="Sign out").click()
    expect(panel.get_by_label("Password")).to_be_visible()
    expect(panel.get_by_text("0142")).to_have_count(0)
    deadline_s = time.monotonic() + 10
    while server.run(lambda: server.rooms.watchers) > 0:
        assert time.monotonic() < deadline_s, "the socket is still open"
        time.sleep(0.02)


def test_being_signed_out_elsewhere_leads_to_the_door(panel: Page, server: PanelServer) -> None:
    token = next(c for c in panel.context.cookies() if c["name"] == "stillwater_session")
    assert token["httpOnly"]
    assert token["sameSite"] == "Strict"
    server.accounts.sign_out(token["value"])
    expect(panel.get_by_text("You were signed out after a time without activity.")).to_be_visible()


def test_earlier_sessions_are_listed(page: Page, server: PanelServer) -> None:
    from clinic.ports import SessionStart
    from clinic.screening import Screening

    index = SessionIndex(server._store)
    start = SessionStart(plan_id="calm-sea", patient="0099", screening=Screening(), actor="therapist")
    index.started("s1", room="1", start=start, folder=Path("s1"), at_utc_s=1_800_000_000.0)
    index.ended("s1", outcome="STOPPED", at_utc_s=1_800_000_754.0)
    page.goto(server.url)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    row = page.get_by_role("row").filter(has_text="0099")
    expect(row).to_contain_text("12:34")
    expect(row).to_contain_text("stopped")
    accessible(page, "start with earlier sessions")


def guide_state(**changes: Any) -> dict[str, Any]:
    """A guide in the middle of a talk."""
    at_s = time.monotonic()
    return {
        "mode": "scripted",
        "wanted_mode": "approved",
        "approval": True,
        "missing": ["no language model: stillwater models install"],
        "state": "thinking",
        "language": "en",
        "transcript": [
            {"who": "guide", "text": "I am a computer voice.", "at_s": at_s - 80.0, "source": "line"},
            {"who": "patient", "text": "the waves are a bit much", "at_s": at_s - 2.0, "confidence": 0.41},
        ],
        "partial": "",
        "proposal": None,
        "risk": None,
        "ratings": [{"scale": "suds", "value": 40.0, "at_s": at_s - 60.0}],
        "microphone": "on",
        **changes,
    }


def orders(server: PanelServer) -> list[Any]:
    """The guide's orders so far."""
    return server.run(lambda: [(c.name, c.guide) for c in server.rooms.commands if c.guide != GuideOrder()])


def test_the_guide_is_in_the_therapists_hand(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    expect(panel.get_by_role("region", name="Voice guide")).to_have_count(0)
    proposal = {
        "turn": 7,
        "text": "I can calm the waves.",
        "line_id": "settle.waves",
        "actions": ["swell to 20 %"],
        "reason": "less_waves, likeness 0.81",
        "backend": "packaged",
        "until_s": time.monotonic() + 20.0,
    }
    server.publish(guide=guide_state(proposal=proposal))
    guide = panel.get_by_role("region", name="Voice guide")
    expect(guide.get_by_role("log")).to_contain_text("Patient the waves are a bit much")
    expect(guide).to_contain_text("heard with 41 % certainty")
    expect(guide).to_contain_text("no language model: stillwater models install")
    expect(guide).to_contain_text("Distress (SUDS) 40")
    waiting = guide.get_by_role("group", name="The guide would say")
    expect(waiting).to_contain_text("I can calm the waves.")
    expect(waiting).to_contain_text("swell to 20 %")
    expect(waiting).to_contain_text(re.compile(r"dropped in 1\d s"))
    accessible(panel, "guide")

    waiting.get_by_role("button", name="Edit").click()
    waiting.get_by_label("What to say instead").fill("The sea is getting calmer.")
    waiting.get_by_role("button", name="Say this").click()
    expect(waiting).to_have_count(0)
    guide.get_by_label("Say it yourself").fill("  I am with you.  ")
    guide.get_by_label("Say it yourself").press("Enter")
    expect(guide.get_by_role("log")).to_contain_text("You, by the guide I am with you.")
    guide.get_by_label("How freely it speaks").select_option("off")
    guide.get_by_label("Each answer waits for my approval").uncheck()
    expect(guide.get_by_label("How freely it speaks").get_by_role("option", name="Free")).to_have_count(0)
    wanted = [
        ("proposal", GuideOrder(turn=7, decision="edit", text="The sea is getting calmer.")),
        ("whisper", GuideOrder(text="I am with you.")),
        ("guide_mode", GuideOrder(mode=GuideMode.OFF)),
        ("guide_mode", GuideOrder(mode=GuideMode.OFF, approval=False)),
    ]
    deadline_s = time.monotonic() + 10
    while orders(server) != wanted:
        assert time.monotonic() < deadline_s, orders(server)
        time.sleep(0.02)


def test_a_risk_is_on_top_until_a_human_lets_the_guide_go_on(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    at_s = time.monotonic()
    risk = {
        "level": "urgent",
        "kind": "self_harm",
        "evidence": ["rule: better off without"],
        "at_s": at_s,
        "words": "they would be better off without me",
        "acknowledged": False,
    }
    alarm = {
        "id": 5,
        "at_s": at_s,
        "level": "urgent",
        "what": "the patient may need you",
        "acknowledged": False,
    }
    server.publish(alarms=[alarm], guide=guide_state(state="crisis", risk=risk))
    banner = panel.get_by_role("region", name="Self-harm: the patient may need you now")
    expect(banner).to_contain_text("they would be better off without me")
    expect(banner).to_contain_text("rule: better off without")
    expect(banner).to_contain_text("others are called")
    expect(banner.get_by_role("alert")).to_contain_text("they would be better off without me")
    accessible(panel, "risk")
    banner.get_by_role("button", name="I have seen it").click()
    expect(banner).to_contain_text("others are called")  # until the room has taken it
    server.publish(guide=guide_state(state="crisis", risk={**risk, "acknowledged": True}))
    expect(banner).to_contain_text("nobody else is being called")
    banner.get_by_role("button", name="I am with the patient").click()
    expect(banner).to_have_count(0)
    assert server.commands()[-2:] == [("acknowledge", {}), ("release", {})]
