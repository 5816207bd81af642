"""The body steers: a real recording and a simulated patient, through LSL, to picture, music and back."""

import asyncio
import os
import time
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from test_lived_session import load, table

from therapy.breath import breath_level
from vr_world.streaming.client import HeadlessHeadset

#: Minutes of a session, most of them waiting: beside the others, in a lane of its own (`tests/conftest.py`).
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def offline_heart_rate(stream: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return times and heart rate of the recorded ECG by neurokit2, which never saw it live."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # neurokit2's and its requirements' own deprecations
        import neurokit2 as nk

        stamps_s = stream["time_stamps"]
        labels = [c["label"][0] for c in stream["info"]["desc"][0]["channels"][0]["channel"]]
        # in lead II of v102s the file wraps at 12 bits, and the reference loses beats: its lead V is true
        lead = next((i for i, label in enumerate(labels) if label.upper() in ("V", "ECG")), 0)
        signal = np.asarray(stream["time_series"])[:, lead].astype(float)
        rate_hz = (len(stamps_s) - 1) / (stamps_s[-1] - stamps_s[0])
        _, found = nk.ecg_peaks(nk.ecg_clean(signal, sampling_rate=rate_hz), sampling_rate=rate_hz)
        peaks_s = stamps_s[found["ECG_R_Peaks"]]
    return peaks_s[1:], 60.0 / np.diff(peaks_s)


def shared_recordings(*names: str) -> list[str]:
    """Return the shared recordings, none where the folder is absent (`make test` says so at its start)."""
    folder = os.environ.get("STILLWATER_DATA")
    return [str(Path(folder) / "biosignals" / name) for name in names] if folder else []


def test_the_panels_heart_rate_of_recordings_is_that_of_an_offline_reference(stillwater) -> None:
    specs = ["sample:ecg", *shared_recordings("v102s")]
    rooms = {spec: stillwater("--replay", spec) for spec in specs}  # side by side: each takes its time
    shown: dict[str, list[tuple[float, float]]] = {spec: [] for spec in specs}
    end_s = time.monotonic() + 30.0
    while time.monotonic() < end_s:
        for spec, running in rooms.items():
            state = running.state()
            vital = state["vitals"]["heart_rate"]
            if vital["value"] is not None and vital["age_s"] < 1.0:
                shown[spec].append((state["at_s"], vital["value"]))
        time.sleep(0.5)
    for running in rooms.values():
        running.command("stop")
    for spec, running in rooms.items():
        running.until(lambda _, r=running: (r.folder() / "SHA256SUMS").exists(), what="the recording closes")
        assert len(shown[spec]) > 20
        check_against_offline(load(running.folder() / "session.xdf"), shown[spec])


def check_against_offline(streams: dict[str, dict], shown: list[tuple[float, float]]) -> None:
    """Compare what the panel showed with the recorded ECG's beats, found by somebody else."""
    [ecg] = [s for s in streams.values() if s["info"]["type"][0] == "ECG"]
    beats_s, reference = offline_heart_rate(ecg)
    errors = []
    for at_s, value in shown:
        near = reference[(beats_s > at_s - 10.0) & (beats_s <= at_s)]
        if len(near) >= 4:
            errors.append(abs(value - float(np.median(near))))
    assert len(errors) > 20
    assert float(np.median(errors)) <= 2.0


def test_pacing_at_six_raises_coherence_while_music_and_sea_follow_the_trace(stillwater) -> None:
    running = stillwater()
    before = running.until(lambda s: s["coherence"] is not None, within_s=110, what="a first coherence")
    assert before["vitals"]["breath_rate"]["value"] > 8.0, "the patient's own breath, before it is paced"
    running.command("steer", steer={"breath_pace_per_min": 6.0})
    cookie = running.headset_cookie()

    lowest = before["coherence"]

    def in_step(state: dict) -> bool:
        """Whether heart and breath are together at six, after they were apart while the pacer walked."""
        nonlocal lowest
        coherence = state["coherence"] or 0.0
        lowest = min(lowest, coherence)
        paced = state["controls"]["breath_pace_per_min"] < 6.1
        return paced and lowest < 0.3 and coherence > 0.65

    async def live_on() -> tuple[HeadlessHeadset, dict]:
        async with HeadlessHeadset.connected(running.origin, cookie, time.monotonic) as headset:
            after = await asyncio.to_thread(
                running.until,
                in_step,
                within_s=150,
                what="a coherence above 0.65 at six a minute",
            )
        return headset, after

    headset, after = asyncio.run(live_on())
    assert after["vitals"]["breath_rate"]["value"] == pytest.approx(6.0, abs=0.8)
    assert after["phase"] == "RUNNING"
    running.command("stop")
    running.until(lambda _: (running.folder() / "SHA256SUMS").exists(), what="the recording is closed")
    streams = load(running.folder() / "session.xdf")
    controls_s, controls = table(streams["stillwater-controls"])
    check_the_beat(controls_s, controls, table(streams["stillwater-audio-levels"])[1])
    check_the_sea(controls_s, controls, headset)


def check_the_beat(controls_s: np.ndarray, controls: dict, levels: dict) -> None:
    """Compare the beat that was played with the tempo that the loop asked for, all session long."""
    asked_range = np.ptp(controls["tempo_bpm"])
    assert asked_range > 2.0, "the tempo was steered"
    checked = 0
    for start_s in np.arange(controls_s[0] + 10.0, controls_s[-1] - 30.0, 20.0):
        part = (levels["bar_at"] > start_s) & (levels["bar_at"] < start_s + 20.0)
        bars, at_s = levels["bar"][part], levels["bar_at"][part]
        played_bpm = 4.0 * 60.0 * (bars[-1] - bars[0]) / (at_s[-1] - at_s[0])
        asked = controls["tempo_bpm"][(controls_s > at_s[0]) & (controls_s < at_s[-1])]
        assert played_bpm == pytest.approx(float(np.mean(asked)), abs=1.0)
        checked += 1
    assert checked >= 4


def check_the_sea(controls_s: np.ndarray, controls: dict, headset: HeadlessHeadset) -> None:
    """Compare the brightness of the decoded sea with the breath that the loop sent: inhaling brightens it."""
    decoder = av.CodecContext.create("h264", "r")
    render_s, sea = [], []
    for item in headset.frames:
        for frame in decoder.decode(av.Packet(item.message.payload)):
            gray = frame.to_ndarray(format="gray")
            parts = item.message.foveation  # on a machine that draws large pictures
            side = item.message.eye_height if parts is None else parts.rim_px
            render_s.append(item.message.render_at_s)
            sea.append(float(gray[side // 2 : side, :side].mean()))
    last = np.array(render_s) > render_s[-1] - 35.0  # three breaths at six a minute
    at_s, light = np.array(render_s)[last], np.array(sea)[last]
    phase = np.interp(at_s, controls_s, np.unwrap(controls["pacer_phase"], period=1.0))
    breath = np.array([breath_level(float(p), 0.4) for p in phase])
    trend = np.polyval(np.polyfit(at_s - at_s[0], light, 3), at_s - at_s[0])
    assert float(np.corrcoef(breath, light - trend)[0, 1]) > 0.4
