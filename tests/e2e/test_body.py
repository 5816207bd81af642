"""The body steers: a real recording and a simulated patient, through LSL, to picture, music and back."""

import asyncio
import os
import time
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from test_lived_session import load, table, until

from therapy.breath import breath_level
from vr_world.streaming.client import HeadlessHeadset, join

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def offline_heart_rate(stream: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return times and heart rate of the recorded ECG by neurokit2, which never saw it live."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # neurokit2's and its requirements' own deprecations
        import neurokit2 as nk

        stamps_s = stream["time_stamps"]
        labels = [c["label"][0] for c in stream["info"]["desc"][0]["channels"][0]["channel"]]
        lead = next((i for i, label in enumerate(labels) if label.upper() in ("II", "MLII", "ECG")), 0)
        signal = np.asarray(stream["time_series"])[:, lead].astype(float)
        rate_hz = (len(stamps_s) - 1) / (stamps_s[-1] - stamps_s[0])
        _, found = nk.ecg_peaks(nk.ecg_clean(signal, sampling_rate=rate_hz), sampling_rate=rate_hz)
        peaks_s = stamps_s[found["ECG_R_Peaks"]]
    return peaks_s[1:], 60.0 / np.diff(peaks_s)


def shared_recording(name: str) -> str:
    folder = os.environ.get("STILLWATER_DATA")
    if not folder:
        pytest.skip("STILLWATER_DATA names no folder with shared recordings")
    return str(Path(folder) / "biosignals" / name)


@pytest.mark.parametrize("recording", ["sample:ecg", "v102s"])
def test_the_panels_heart_rate_of_a_recording_is_that_of_an_offline_reference(
    stillwater, recording: str
) -> None:
    spec = recording if ":" in recording else shared_recording(recording)
    running = stillwater("--replay", spec)
    shown: list[tuple[float, float]] = []
    end_s = time.monotonic() + 45.0
    while time.monotonic() < end_s:
        state = running.state()
        vital = state["vitals"]["heart_rate"]
        if vital["value"] is not None and vital["age_s"] < 1.0:
            shown.append((state["at_s"], vital["value"]))
        time.sleep(0.5)
    running.command("stop")
    running.until(lambda _: (running.folder() / "SHA256SUMS").exists(), what="the recording is closed")
    streams = load(running.folder() / "session.xdf")
    [ecg] = [s for s in streams.values() if s["info"]["type"][0] == "ECG"]
    beats_s, reference = offline_heart_rate(ecg)
    assert len(shown) > 20
    errors = []
    for at_s, value in shown:
        near = reference[(beats_s > at_s - 10.0) & (beats_s <= at_s)]
        if len(near) >= 4:
            errors.append(abs(value - float(np.median(near))))
    assert len(errors) > 20
    assert float(np.median(errors)) <= 2.0


def test_music_and_sea_follow_the_steering_trace(stillwater) -> None:
    running = stillwater()
    cookie = join(running.origin, running.code)

    async def watch() -> HeadlessHeadset:
        async with HeadlessHeadset.connected(running.origin, cookie, time.monotonic) as headset:
            await until(lambda: len(headset.frames) > 5)
            running.command("steer", steer={"arousal": 1.0, "breath_pace_per_min": 8.0})
            began_s = time.monotonic()
            await until(lambda: time.monotonic() - began_s > 45.0)
        return headset

    headset = asyncio.run(watch())
    running.command("stop")
    running.until(lambda _: (running.folder() / "SHA256SUMS").exists(), what="the recording is closed")
    streams = load(running.folder() / "session.xdf")
    controls_s, controls = table(streams["stillwater-controls"])
    _, levels = table(streams["stillwater-audio-levels"])

    # the beat that was played against the tempo that was asked for, over twenty seconds before the stop
    steady = (levels["bar_at"] > controls_s[-1] - 26.0) & (levels["bar_at"] < controls_s[-1] - 6.0)
    bars, at_s = levels["bar"][steady], levels["bar_at"][steady]
    played_bpm = 4.0 * 60.0 * (bars[-1] - bars[0]) / (at_s[-1] - at_s[0])
    asked = controls["tempo_bpm"][(controls_s > at_s[0]) & (controls_s < at_s[-1])]
    assert asked[-1] > 66.0, "the wish for a livelier world arrived"
    assert played_bpm == pytest.approx(float(np.mean(asked)), abs=1.5)

    # the sea brightens with the inhale: decoded brightness against the pacer that the loop sent
    decoder = av.CodecContext.create("h264", "r")
    render_s, sea = [], []
    for item in headset.frames:
        for frame in decoder.decode(av.Packet(item.message.payload)):
            gray = frame.to_ndarray(format="gray")
            render_s.append(item.message.render_at_s)
            sea.append(float(gray[gray.shape[0] // 2 :].mean()))
    render = np.array(render_s)
    late = render > controls_s[0] + 20.0
    phase = np.interp(render[late], controls_s, np.unwrap(controls["pacer_phase"], period=1.0))
    breath = np.array([breath_level(float(p), 0.4) for p in phase])
    light = np.array(sea)[late]
    trend = np.polyval(np.polyfit(render[late] - render[late][0], light, 3), render[late] - render[late][0])
    assert float(np.corrcoef(breath, light - trend)[0, 1]) > 0.4


def test_pacing_at_six_a_minute_raises_the_patients_coherence_through_the_whole_path(stillwater) -> None:
    running = stillwater()
    before = running.until(lambda s: s["coherence"] is not None, within_s=110, what="a first coherence")
    rate_before = before["vitals"]["breath_rate"]["value"]
    running.command("steer", steer={"breath_pace_per_min": 6.0})
    after = running.until(
        lambda s: (
            (s["coherence"] or 0.0) > before["coherence"] + 0.25
            and s["controls"]["breath_pace_per_min"] < 6.1
        ),
        within_s=150,
        what=f"a coherence well above {before['coherence']}",
    )
    assert after["vitals"]["breath_rate"]["value"] == pytest.approx(6.0, abs=0.8)
    assert rate_before is None or rate_before > 8.0
    assert after["phase"] == "RUNNING"
