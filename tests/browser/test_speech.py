"""The guide's voice and the patient's microphone in a real browser; the microphone is a file."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import pytest
from chart_server import ChartServer
from numpy.typing import NDArray
from playwright.sync_api import Page, expect, sync_playwright
from watching import CHROMIUM_FLAGS, fresh_context, watched_page

from vr_world.streaming import control, protocol

MIC_HZ: Final = 600.0
VOICE_HZ: Final = 220.0
RATE_HZ: Final = 48_000
FRAMES: Final = 960
#: A caption may have gone by the time that a test on a busy machine looks: the page keeps what it showed.
KEEP_CAPTIONS: Final = """() => {
  const region = document.querySelector("#caption");
  window.__captions = [];
  new MutationObserver(() => {
    const text = region.textContent;
    if (region.dataset.shown && text && window.__captions.at(-1) !== text) window.__captions.push(text);
  }).observe(region, { childList: true, characterData: true, subtree: true, attributes: true });
}"""


def tone(hz: float, seconds: float) -> NDArray[np.float32]:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def opus(pcm: NDArray[np.float32]) -> list[bytes]:
    codec: Any = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = RATE_HZ, "mono", "flt"
    codec.options = {"frame_duration": "20"}
    codec.open()
    packets = []
    for at in range(0, pcm.size - FRAMES + 1, FRAMES):
        frame = av.AudioFrame.from_ndarray(pcm[None, at : at + FRAMES], "flt", "mono")
        frame.sample_rate, frame.pts = RATE_HZ, at
        packets.append(b"".join(bytes(packet) for packet in codec.encode(frame)))
    return packets


def decoded(packets: list[bytes]) -> NDArray[np.float32]:
    codec: Any = av.CodecContext.create("libopus", "r")
    codec.sample_rate, codec.layout = RATE_HZ, "mono"
    frames = [frame for data in packets for frame in codec.decode(av.Packet(data))]
    return np.concatenate([frame.to_ndarray()[0].astype(np.float32) for frame in frames])


@dataclasses.dataclass
class Place:
    """A page in its place, with a microphone that plays `MIC_HZ`, and its server."""

    page: Page
    chart: ChartServer

    def speak(
        self, utterance: int, seconds: float, *, safety: bool = False, caption: str = "", cue: int = 0
    ) -> None:
        """Half of it is over when the caption's letter `cue` is reached."""
        if caption:
            self.chart.say(control.Caption(text=caption, for_s=8.0, utterance=utterance))
            self.chart.say(control.Cue(utterance=utterance, at=cue, ms=500.0 * seconds))
        packets = opus(tone(VOICE_HZ, seconds))
        for seq, payload in enumerate(packets):
            speech = protocol.Speech(
                utterance=utterance,
                seq=seq,
                play_at_s=time.monotonic(),
                payload=payload,
                last=seq == len(packets) - 1,
                safety=safety,
            )
            self.chart.send_sound(protocol.pack_speech(speech))

    def played(self, utterance: int) -> list[control.Played]:
        return [p for p in self.chart.log.texts_of(control.Played) if p.utterance == utterance]

    def until(self, what: Callable[[], object], within_s: float = 20.0) -> None:
        end_s = time.monotonic() + within_s
        while not what():
            assert time.monotonic() < end_s, f"{what} must come true within {within_s} s"
            self.page.wait_for_timeout(20)

    def stats(self) -> dict[str, float]:
        found: dict[str, float] = self.page.evaluate("__stillwater.stats()")
        return found


@pytest.fixture
def place(pages: Path, tmp_path: Path) -> Iterator[Place]:
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert executable, "the browser tests need Chromium: install it or name it in CHROMIUM"
    recording = tmp_path / "mic.wav"
    with wave.open(str(recording), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes((tone(MIC_HZ, 2.0) * 32767).astype("<i2").tobytes())
    flags = [
        *CHROMIUM_FLAGS,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}",
    ]
    chart = ChartServer(pages)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=flags)
        with fresh_context(browser) as context, watched_page(context) as page:
            page.set_viewport_size({"width": 480, "height": 360})
            page.goto(chart.base)
            page.wait_for_selector("body[data-ready]")
            page.locator("#code").fill(chart.code())
            page.get_by_role("button", name="Join").click()
            page.get_by_role("button", name="Look on this screen").wait_for()
            yield Place(page=page, chart=chart)
        browser.close()
    chart.stop()


def test_a_talk(place: Place) -> None:
    """One page and one server: each part begins where the one before has ended."""
    nothing_is_captured_before_the_patient_agreed_and_the_guide_listens(place)
    muting_by_key_lets_the_microphone_go_and_says_so(place)
    speech_is_heard_beside_the_music_with_its_words_and_acknowledged(place)
    a_hush_ends_it_at_once_and_tells_what_was_heard(place)
    a_stop_ends_speech_and_microphone_but_not_a_safety_line(place)


def nothing_is_captured_before_the_patient_agreed_and_the_guide_listens(place: Place) -> None:
    page, log = place.page, place.chart.log
    without = page.get_by_role("button", name="Without microphone")
    expect(without).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Use the microphone").click()
    expect(page.locator("#mic-trouble")).to_contain_text("It is on")
    page.get_by_role("button", name="Look on this screen").click()
    place.until(lambda: log.texts_of(control.Mic))
    assert log.texts_of(control.Mic)[-1].state == "on"
    expect(page.locator("#mic")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("() => __stillwater.stats().audioRms > 0.13")
    assert log.mic == [], "the guide has not said that it listens"
    place.chart.say(control.Listen(on=True))
    place.until(lambda: len(log.mic) >= 150)
    expect(page.locator("#mic-live")).to_have_text("Microphone on, the guide listens")
    expect(page.locator("#mic")).to_have_attribute("data-heard", "yes")
    assert [p.seq for p in log.mic[:150]] == list(range(1, 151))
    heard = decoded([packet.payload for packet in log.mic[50:150]])
    power = np.abs(np.fft.rfft(heard * np.hanning(heard.size))) ** 2
    loudest_hz = float(np.argmax(power)) * RATE_HZ / heard.size
    assert loudest_hz == pytest.approx(MIC_HZ, abs=5.0)
    spacing_ms = np.diff([packet.client_ms for packet in log.mic[:150]])
    assert np.median(spacing_ms) == pytest.approx(20.0, abs=5.0)


def muting_by_key_lets_the_microphone_go_and_says_so(place: Place) -> None:
    page, log = place.page, place.chart.log
    page.keyboard.press("m")
    expect(page.locator("#mic-live")).to_have_text("Microphone off")
    place.until(lambda: log.texts_of(control.Mic)[-1].state == "off")
    page.wait_for_timeout(200)
    sent = len(log.mic)
    page.wait_for_timeout(300)
    assert len(log.mic) == sent
    page.locator("#mic").click()
    expect(page.locator("#mic-live")).to_have_text("Microphone on, the guide listens")
    place.until(lambda: len(log.mic) > sent + 10)


def speech_is_heard_beside_the_music_with_its_words_and_acknowledged(place: Place) -> None:
    page = place.page
    page.evaluate(KEEP_CAPTIONS)
    place.speak(1, 1.0, caption="Let the chair hold you. The sea does not mind at all.", cue=24)
    page.wait_for_function("() => __stillwater.stats().speechRms > 0.1")
    assert place.stats()["audioRms"] == pytest.approx(0.2 / np.sqrt(2), rel=0.1)
    assert place.stats()["speechStep"] < 0.02, "220 Hz of 0.3 move by 0.009 a sample"
    place.until(lambda: place.played(1) and place.played(1)[-1].done)
    shown = page.evaluate("() => __captions")
    assert shown == ["Let the chair hold you.", "The sea does not mind at all."]
    assert place.played(1)[0].ms == 0.0
    assert place.played(1)[-1].ms == pytest.approx(1000.0, abs=1.0)
    assert 4 <= len(place.played(1)) <= 8


def a_hush_ends_it_at_once_and_tells_what_was_heard(place: Place) -> None:
    place.speak(2, 6.0)
    place.until(lambda: place.played(2) and place.played(2)[-1].ms > 400)
    before_ms = place.played(2)[-1].ms
    place.chart.say(control.Hush(utterance=0, fade_s=0.03))
    place.until(lambda: place.played(2)[-1].done)
    assert before_ms < place.played(2)[-1].ms < 5000.0
    place.page.wait_for_function("() => __stillwater.stats().speechRms === 0")
    place.speak(3, 0.2)
    place.until(lambda: place.played(3) and place.played(3)[-1].done)


def a_stop_ends_speech_and_microphone_but_not_a_safety_line(place: Place) -> None:
    page, log = place.page, place.chart.log
    place.speak(4, 8.0)
    place.until(lambda: place.played(4))
    page.locator("#stop").click()
    place.until(lambda: place.played(4)[-1].done)
    place.until(lambda: log.texts_of(control.Mic)[-1].state == "off")
    place.speak(5, 1.0)
    place.until(lambda: place.played(5) and place.played(5)[-1].done)
    assert place.played(5)[-1].ms == 0.0
    place.speak(6, 1.0, safety=True)
    place.until(lambda: place.played(6) and place.played(6)[-1].done)
    assert place.played(6)[-1].ms == pytest.approx(1000.0, abs=1.0)
    assert log.refused == []
