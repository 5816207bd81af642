"""The product itself in real Chromium: a patient's page and a therapist's page, one running Stillwater."""

import re
import time

import pytest
from playwright.sync_api import Browser, expect
from watching import fresh_context, watched_page

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_a_therapist_watches_steers_and_stops_what_a_patient_sees(browser: Browser, stillwater) -> None:
    running = stillwater()
    with (
        fresh_context(browser) as hers,
        fresh_context(browser) as his,
        watched_page(his) as patient,
        watched_page(hers) as therapist,
    ):
        therapist.set_default_timeout(60_000)
        patient.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        patient.goto(f"{running.origin}/#code={running.code}")
        patient.get_by_role("button", name="Join").click()
        patient.get_by_role("button", name="Look on this screen").click()
        patient.wait_for_function("() => __stillwater.stats().picture > 0.5")

        therapist.goto(f"{running.origin}/panel/")
        therapist.get_by_label("Password").fill(running.password)
        therapist.get_by_role("button", name="Sign in").click()
        heart = therapist.get_by_role("group", name="Heart rate", exact=True)
        expect(heart).to_contain_text(re.compile(r"\d+(\.\d+)?\s*bpm"))
        expect(therapist.get_by_role("button", name="Pause")).to_be_visible()
        state = running.until(lambda s: s["headset"]["connected"])
        assert state["phase"] == "RUNNING"

        # three places agree on the sound: it was decoded, it is played, and it is not silence
        patient.wait_for_function("() => __stillwater.stats().audioBufferMs > 0")

        therapist.keyboard.press("Escape")
        therapist.keyboard.press("Escape")
        running.until(lambda s: s["phase"] == "STOPPED")
        # the safe picture lies over whatever still comes, and nothing is heard any more
        patient.wait_for_function("() => __stillwater.stats().stopped === 1 && __stillwater.stats().safe === 1")
        patient.wait_for_function("() => __stillwater.stats().audioRms < 1e-6")
        expect(therapist.get_by_role("button", name="Pause")).not_to_be_visible()
    running.until(lambda _: (running.folder() / "SHA256SUMS").exists(), what="the recording is closed")
    commands = [line for line in running.journal() if line["type"] == "TherapistCommand"]
    # the panel says STOP twice, over its socket and over HTTP, so that either may fail
    assert [line["data"]["command"] for line in commands] == ["begin", "stop", "stop"]
    assert time.monotonic() > commands[0]["at_s"]
