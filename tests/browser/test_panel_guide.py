"""The therapist listens in on the guide, speaks through it, and takes a patient at risk back from it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from panel_server import PASSWORD, PanelServer
from playwright.sync_api import Page, expect
from test_panel import DESK, accessible, begin

from clinic.ports import Command, CommandName, GuideOrder
from therapy.guide import GuideChoice
from therapy.talk import GuideMode


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


def guide_at(now_s: float, **changes: Any) -> dict[str, Any]:
    """A guide in the middle of a talk, as `RoomGuide.view` shows it."""
    return {
        "mode": "approved",
        "wanted_mode": "approved",
        "approval": True,
        "missing": [],
        "state": "listening",
        "language": "en",
        "transcript": [
            {
                "who": "guide",
                "text": "I am the guide of this place, a computer. How are you?",
                "at_s": now_s - 64,
                "source": "line",
                "interrupted": False,
            },
            {"who": "patient", "text": "Quite good so far.", "at_s": now_s - 55, "confidence": 0.93},
            {
                "who": "guide",
                "text": "Good. Let your shoulders sink, and feel the chair carry you.",
                "at_s": now_s - 50,
                "source": "skill",
                "interrupted": True,
            },
            {"who": "patient", "text": "the waves are two loud", "at_s": now_s - 12, "confidence": 0.41},
            {
                "who": "therapist",
                "text": "I hear you, one moment.",
                "at_s": now_s - 8,
                "source": "therapist",
                "interrupted": False,
            },
        ],
        "partial": "could it be",
        "proposal": None,
        "risk": None,
        "ratings": [{"scale": "mood", "value": 6.0, "at_s": now_s - 130}],
        "microphone": "on",
        **changes,
    }


def proposal(until_s: float) -> dict[str, Any]:
    return {
        "turn": 4,
        "text": "I let the waves become softer now.",
        "line_id": "less_waves.1",
        "actions": ["weather to 20 %"],
        "reason": "less_waves, likeness 0.82",
        "backend": "rules",
        "until_s": until_s,
    }


def order(name: CommandName, **arguments: Any) -> Command:
    return Command(name=name, actor="therapist", guide=GuideOrder(**arguments))


def heard(server: PanelServer, wanted: Command) -> None:
    """Wait until the newest command is `wanted`."""
    deadline_s = time.monotonic() + 10
    while server.run(lambda: server.rooms.commands[-1]) != wanted:
        assert time.monotonic() < deadline_s, f"the room never had {wanted}"
        time.sleep(0.02)


def look(page: Page, name: str) -> None:
    """Keep a picture where `STILLWATER_PICTURES` says, for whoever wants to judge the page by eye."""
    if folder := os.environ.get("STILLWATER_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_therapist_hears_steers_and_releases_the_guide(panel: Page, server: PanelServer) -> None:
    mode = panel.get_by_label("Voice guide", exact=True)
    expect(mode).to_have_value("approved")
    expect(mode.get_by_role("option", name="Free")).to_have_count(0)  # this clinic's policy
    mode.select_option("scripted")
    panel.get_by_label("The guide's language").select_option("de")
    panel.get_by_label("Each answer of the guide waits").check()
    accessible(panel, "start with a guide")
    look(panel, "start")
    begin(panel, server)
    start = server.run(lambda: server.rooms.starts[-1])
    assert start.guide == GuideChoice(mode=GuideMode.SCRIPTED, language="de", approval=True)

    now_s = time.monotonic()
    server.publish(guide=guide_at(now_s, missing=["the voice is not installed"]))
    card = panel.get_by_role("region", name="Voice guide")
    said = card.get_by_role("log", name="What was said")
    expect(said).to_contain_text("Quite good so far.")
    expect(said.locator("s")).to_have_text("Good. Let your shoulders sink, and feel the chair carry you.")
    struck = said.locator("p").filter(has_text="shoulders")
    assert struck.evaluate("p => getComputedStyle(p).display") == "block", "a turn reads as one line of text"
    expect(said.locator("p").filter(has_text="two loud")).to_contain_text("41 % certainty")
    expect(card.locator(".partial")).to_contain_text("could it be …")
    expect(card).to_contain_text("the voice is not installed")
    expect(card).to_contain_text("microphone on")
    card.get_by_label("How freely it speaks").select_option("scripted")
    heard(server, order("guide_mode", mode=GuideMode.SCRIPTED))

    card.get_by_label("Say it yourself").fill("You are safe here.")
    panel.keyboard.press("Enter")
    heard(server, order("whisper", text="You are safe here."))
    expect(card.get_by_label("Say it yourself")).to_have_value("")

    server.publish(guide=guide_at(now_s, proposal=proposal(time.monotonic() + 30)))
    expect(card.get_by_role("status").first).to_have_text("needs you")
    offer = card.get_by_role("group", name="The guide would say")
    expect(offer).to_contain_text("weather to 20 %")
    expect(offer).to_contain_text("dropped in")
    accessible(panel, "a proposal waits")
    look(panel, "proposal")
    offer.get_by_role("button", name="Edit").press("Enter")
    words = offer.get_by_label("What to say instead")
    expect(words).to_be_focused()
    words.fill("Softer waves,\nlike this.")
    offer.get_by_role("button", name="Say this").click()
    edited = "Softer waves, like this."
    heard(server, order("proposal", turn=4, decision="edit", text=edited))
    expect(offer).to_have_count(0)
    expect(card.get_by_role("heading", name="Voice guide")).to_be_focused()


def test_words_being_edited_outlive_their_proposal(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    now_s = time.monotonic()
    server.publish(guide=guide_at(now_s, proposal=proposal(now_s + 30)))
    card = panel.get_by_role("region", name="Voice guide")
    card.get_by_role("button", name="Edit").click()
    card.get_by_label("What to say instead").fill("Half a thought")
    server.publish(guide=guide_at(now_s))
    expect(card.get_by_label("Say it yourself")).to_have_value("Half a thought")
    expect(card).to_contain_text("The proposal is over; what you were writing is here.")


def test_a_risk_stands_on_top_until_a_human_is_with_the_patient(panel: Page, server: PanelServer) -> None:
    begin(panel, server)
    now_s = time.monotonic()
    risk = {
        "level": "urgent",
        "kind": "self_harm",
        "evidence": ["rule: not be here any more"],
        "at_s": now_s - 7,
        "words": "I do not want to be here any more",
        "acknowledged": False,
    }
    server.publish(guide=guide_at(now_s, state="crisis", risk=risk, partial=""))
    banner = panel.get_by_role("region", name="Self-harm")
    alert = banner.get_by_role("alert")
    expect(alert).to_contain_text("the patient may need you now")
    expect(alert).to_contain_text("I do not want to be here any more")
    expect(banner).to_contain_text("Until you acknowledge, others are called")
    expect(banner).to_contain_text("not be here any more")
    accessible(panel, "a risk")
    look(panel, "risk")
    banner.get_by_role("button", name="I am with the patient").click()
    heard(server, order("release"))
    expect(banner).to_have_count(0)
    expect(panel.get_by_role("heading", name="Voice guide")).to_be_focused()
