"""A patient speaks into the real page: heard, answered by voice, done, shown, recorded."""

from __future__ import annotations

import json
import os
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright
from watching import CHROMIUM_FLAGS, fresh_context, watched_page

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

#: What the patient says.
WISH = "The light is too bright. Please make it darker."
RATE_HZ = 48_000


def recorded(path: Path) -> None:
    """Write `WISH` in the packaged voice, with quiet round it; the browser plays it as a microphone."""
    from voice_guide.voice import best_voice, levelled, resampled

    voice = best_voice("en").open("en")
    try:
        sound = levelled(resampled(*voice.render(WISH, 1.0)))
    finally:
        voice.close()
    quiet = np.zeros(RATE_HZ * 4, np.float32)
    pcm = (np.concatenate([quiet, sound, quiet, quiet]) * 32767.0).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm.tobytes())


def test_a_spoken_wish_is_heard_answered_by_voice_done_shown_and_recorded(
    voice_ready: None,  # noqa: ARG001  # skips
    stillwater,
    tmp_path: Path,
) -> None:
    microphone = tmp_path / "wish.wav"
    recorded(microphone)
    running = stillwater("--guide")
    running.until(lambda state: state["guide"] and not state["guide"]["missing"], 90.0, "models are loaded")
    before = running.state()["controls"]
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=executable,
            args=[*CHROMIUM_FLAGS, *flags, f"--use-file-for-fake-audio-capture={microphone}"],
        ) as browser,
        fresh_context(browser) as context,
        watched_page(context) as patient,
    ):
        patient.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        patient.goto(f"{running.origin}/#code={running.code}")
        patient.get_by_role("button", name="Join").click()
        patient.get_by_role("button", name="Use the microphone").click()
        patient.get_by_role("button", name="Look on this screen").click()
        patient.wait_for_function("() => __stillwater.stats().picture > 0.5")

        def done(state: dict) -> bool:
            spoken = [line for line in state["guide"]["transcript"] if line["who"] == "patient"]
            return (
                bool(spoken)
                and "bright" in json.dumps(spoken).lower()
                and "guide" in json.dumps(state["why"])
            )

        state = running.until(done, 90.0, "the wish is heard and done")
        patient.wait_for_function("() => (document.querySelector('#caption')?.textContent ?? '').length > 3")
        running.until(
            lambda _: any(
                event["type"] == "GuideHeard" and event["data"]["complete"] for event in running.journal()
            ),
            60.0,
            "the page has played the guide's words to their end",
        )
    light = running.state()["controls"]["light"]
    assert before["light"] - 0.6 < light < before["light"], "darker, within the limits"
    assert state["guide"]["microphone"] == "on"
    kinds = {event["type"] for event in running.journal()}
    assert {"PatientSaid", "GuideProposed", "GuideActed", "GuideSaid", "GuideHeard"} <= kinds
