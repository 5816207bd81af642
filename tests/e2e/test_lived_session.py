"""A whole session over real wires: body in over LSL, picture and sound out, everything on disk."""

import asyncio
import contextlib
import json
import os
import signal
import time
import warnings

import av
import httpx
import numpy as np
import psutil
import pytest
import pyxdf
from websockets.exceptions import ConnectionClosed

from vr_world.streaming.client import HeadlessHeadset, join
from vr_world.streaming.control import PhaseChanged, SafePicture, Stop, pack_client_text
from vr_world.streaming.errors import JoinRefused

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def load(path) -> dict[str, dict]:
    """Return the streams of a recording by name, as pyxdf reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyxdf's own deprecations
        streams, _ = pyxdf.load_xdf(str(path), synchronize_clocks=False, dejitter_timestamps=False)
    return {stream["info"]["name"][0]: stream for stream in streams}


def table(stream: dict) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return stamps and columns by label."""
    labels = [c["label"][0] for c in stream["info"]["desc"][0]["channels"][0]["channel"]]
    return stream["time_stamps"], dict(zip(labels, np.asarray(stream["time_series"]).T, strict=True))


def decode_luma(received) -> list[float]:
    """Return the mean brightness 0 … 255 of each decoded picture."""
    decoder = av.CodecContext.create("h264", "r")
    means: list[float] = []
    for item in received:
        for frame in decoder.decode(av.Packet(item.message.payload)):
            means.append(float(frame.to_ndarray(format="gray").mean()))  # noqa: PERF401
    return means


def decode_sound(received) -> np.ndarray:
    """Return what the packets sound like, (frames, 2), −1 … 1."""
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48000, "stereo"
    resampler = av.AudioResampler(format="flt", layout="stereo", rate=48000)
    blocks = [
        block.to_ndarray().reshape(-1, 2)
        for item in received
        for frame in decoder.decode(av.Packet(item.message.payload))
        for block in resampler.resample(frame)
    ]
    return np.concatenate(blocks)


def test_a_session_reaches_eyes_ears_panel_and_disk(stillwater) -> None:
    running = stillwater()
    cookie = join(running.origin, running.code)
    live_states, pictures = [], []

    async def look_on() -> HeadlessHeadset:
        async with HeadlessHeadset.connected(running.origin, cookie, time.monotonic) as headset:
            await asyncio.to_thread(watch_panel)
            return headset

    def watch_panel() -> None:
        with running.live() as live:
            end_s = time.monotonic() + 12.0
            while time.monotonic() < end_s:
                message = live.recv(timeout=10)
                if isinstance(message, str):
                    live_states.append(json.loads(message))
                else:
                    pictures.append(message)

    headset = asyncio.run(look_on())
    state = running.until(lambda s: s["vitals"]["heart_rate"]["value"], what="a heart rate")
    assert state["phase"] == "RUNNING"
    assert 40 < state["vitals"]["heart_rate"]["value"] < 120
    assert state["vitals"]["heart_rate"]["quality"] > 0.5
    assert {"ECG", "Respiration"} <= {stream["kind"] for stream in state["streams"]}

    assert len(headset.frames) > 20
    first = headset.frames[0].message
    assert first.key
    ids = [item.message.frame_id for item in headset.frames]
    assert ids == sorted(set(ids))
    for item in headset.frames:  # each picture echoes exactly a pose that was sent
        pose_seq = item.message.pose_seq
        if pose_seq:
            assert item.message.pose_client_ms == headset.sent_poses[pose_seq] * 1000.0
    luma = decode_luma(headset.frames)
    assert len(luma) == len(headset.frames)
    assert max(luma) > 20

    seqs = [item.message.seq for item in headset.packets]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), "no sound is missing"
    sound = decode_sound(headset.packets)
    assert np.sqrt(np.mean(np.square(sound[-48000:]))) > 1e-3, "the music can be heard"
    assert np.max(np.abs(sound)) < 1.0

    assert len(live_states) > 30
    assert pictures
    assert pictures[0][:2] == b"\xff\xd8", "a JPEG"
    check_the_recording(running)


def check_the_recording(running) -> None:
    assert running.command("return").json()["phase"] == "RETURNING"
    assert running.command("stop").json()["phase"] == "STOPPED"
    running.until(lambda s: not s["recording"]["on"], what="the recording closes")
    running.until(lambda _: (running.folder() / "SHA256SUMS").exists(), what="checksums")
    streams = load(running.folder() / "session.xdf")
    assert {
        "stillwater-controls",
        "stillwater-features",
        "stillwater-frames-shown",
        "stillwater-events",
    } & streams.keys()
    controls_s, controls = table(streams["stillwater-controls"])
    assert np.max(np.diff(controls_s)) < 1.0
    assert 0 <= controls["light"].min() <= controls["light"].max() <= 1
    raw = [stream for stream in streams.values() if stream["info"]["type"][0] == "ECG"]
    assert len(raw[0]["time_stamps"]) > 1000
    commands = [
        json.loads(row[0])["data"]["command"] for row in streams["stillwater-commands"]["time_series"]
    ]
    assert commands[-2:] == ["return", "stop"]
    sessions = running.panel.get("/api/sessions").json()
    assert [s["outcome"] for s in sessions] == ["STOPPED"]


def test_a_stop_of_the_patient_and_of_the_therapist_makes_the_safe_picture_and_silence(stillwater) -> None:
    running = stillwater()
    cookie = join(running.origin, running.code)

    async def stop_it() -> tuple[HeadlessHeadset, float]:
        async with HeadlessHeadset.connected(running.origin, cookie, time.monotonic) as headset:
            async with asyncio.timeout(60):
                while not any(isinstance(t, PhaseChanged) for t in headset.texts) or len(headset.frames) < 60:
                    await asyncio.sleep(0.05)
                asked_s = time.monotonic()
                await headset.say(pack_client_text(Stop(source="button")))
                while not any(isinstance(t, SafePicture) and t.on for t in headset.texts):
                    await asyncio.sleep(0.005)
                while not any(r.message.safe for r in headset.frames if r.at_s > asked_s):
                    await asyncio.sleep(0.01)
                await asyncio.sleep(1.0)
            return headset, asked_s

    headset, asked_s = asyncio.run(stop_it())
    assert running.state()["phase"] == "STOPPED"
    assert any("patient stopped" in alarm["what"] for alarm in running.state()["alarms"])
    luma = decode_luma(headset.frames)
    assert luma[-1] < 60, "dark"
    assert any(isinstance(t, PhaseChanged) and t.phase == "STOPPED" for t in headset.texts)
    # sound that is made half a second after the stop is silent
    late = [item for item in headset.packets if item.message.play_at_s > asked_s + 0.8]
    assert late
    assert np.max(np.abs(decode_sound(late)[4800:])) < 2e-3
    assert running.command("stop").json()["phase"] == "STOPPED", "a stop may be repeated"


def test_the_therapist_steers_pauses_and_resumes(stillwater) -> None:
    running = stillwater()
    running.until(lambda s: s["phase"] == "RUNNING")
    assert (
        running.command("steer", steer={"music_lufs": -36.0, "breath_pace_per_min": 8.0}).status_code == 200
    )
    state = running.until(
        lambda s: s["controls"]["music_lufs"] < -33 and s["controls"]["breath_pace_per_min"] > 7,
        what="the wishes",
    )
    assert any(line["because"] == "the therapist asked for it" for line in state["why"])
    assert state["wishes"]["music_lufs"] == -36.0
    assert running.command("pause").json()["phase"] == "PAUSED"
    held = running.state()["controls"]["light"]
    assert running.command("pause").status_code == 409
    assert running.command("resume").json()["phase"] == "RUNNING"
    assert running.state()["controls"]["light"] == pytest.approx(held, abs=0.05)
    refused = running.command("steer", steer={"music_lufs": 5.0})
    assert refused.status_code == 400
    assert "music_lufs" in refused.json()["error"]
    assert running.command("steer", steer={"arousal": None, "music_lufs": None}).status_code == 200
    check_a_group(running)


def check_a_group(running) -> None:
    """The same server, then with a group: two codes, two headsets, one stream; the slow one slows nobody."""
    assert running.command("stop").json()["phase"] == "STOPPED"
    start = {"plan_id": "sea-at-dusk", "patient": "0011", "screening": {"present": []}, "stream": "panorama"}
    opened = running.panel.post("/api/rooms/1/session", json=start)
    assert opened.status_code in (200, 201), opened.text
    first, second = join(running.origin, opened.json()["join"]["code"]), running.headset_cookie()

    async def look() -> tuple[HeadlessHeadset, HeadlessHeadset]:
        async with (
            HeadlessHeadset.connected(running.origin, first, time.monotonic) as quick,
            HeadlessHeadset.connected(running.origin, second, time.monotonic) as slow,
        ):
            slow.acknowledging = False
            state = await asyncio.to_thread(running.until, lambda s: len(s["headsets"]) == 2)
            assert state["stream"] == "panorama"
            while len(quick.frames) < 30:
                await asyncio.sleep(0.05)
            await one_stops(quick, slow)
            return quick, slow

    async def one_stops(stays: HeadlessHeadset, stops: HeadlessHeadset) -> None:
        await stops.say(pack_client_text(Stop(source="button")))
        state = await asyncio.to_thread(running.until, lambda s: len(s["headsets"]) == 1)
        assert state["phase"] == opened.json()["phase"], "the others' session goes on"
        assert any("the others of the group go on" in alarm["what"] for alarm in state["alarms"])
        frames = len(stays.frames)
        await until(lambda: len(stays.frames) > frames + 10)
        await until(lambda: any(isinstance(t, PhaseChanged) and t.phase == "STOPPED" for t in stops.texts))
        assert not any(isinstance(t, PhaseChanged) and t.phase == "STOPPED" for t in stays.texts)
        heard = len(stops.packets)
        sounds = len(stays.packets)
        await until(lambda: len(stays.packets) > sounds + 50)
        assert len(stops.packets) <= heard + 1, "no sound comes to who has stopped"
        await stays.say(pack_client_text(Stop(source="button")))
        await asyncio.to_thread(running.until, lambda s: s["phase"] == "STOPPED")

    quick, slow = asyncio.run(asyncio.wait_for(look(), 40.0))
    ids = [received.message.frame_id for received in quick.frames]
    assert ids == list(range(ids[0], ids[0] + len(ids))), "nothing is left out for the quick one"
    assert all(received.message.panorama for received in quick.frames)
    assert quick.frames[0].message.eye_width == 2 * quick.frames[0].message.eye_height
    assert quick.closed == slow.closed == {}, "nobody had to go"
    sent = {received.message.frame_id: received.message.payload for received in quick.frames}
    seen = [received.message for received in slow.frames]
    assert seen, "a picture comes to the slow one too"
    assert seen[0].key
    assert len(seen) < len(ids), "it is left out while it does not answer"
    assert all(frame.payload == sent[frame.frame_id] for frame in seen if frame.frame_id in sent)


@pytest.mark.parametrize("child", ["renderer", "audio", "recorder"])
def test_a_killed_child_comes_back_and_the_session_goes_on(stillwater, child: str) -> None:
    running = stillwater()
    cookie = join(running.origin, running.code)
    running.until(
        lambda s: s["recording"]["on"] and all(p["alive"] for p in s["processes"]) and s["elapsed_s"] > 3
    )

    async def live_through() -> HeadlessHeadset:
        async with HeadlessHeadset.connected(running.origin, cookie, time.monotonic) as headset:
            await until(lambda: len(headset.frames) > 5 and len(headset.packets) > 50)
            await asyncio.to_thread(lambda: os.kill(running.pid(child), signal.SIGKILL))
            back = await asyncio.to_thread(
                running.until,
                lambda s: any(
                    p["name"] == child and p["restarts"] == 1 and p["alive"] for p in s["processes"]
                ),
            )
            assert back["phase"] == "RUNNING"
            frames, packets = len(headset.frames), len(headset.packets)
            await until(lambda: len(headset.frames) > frames + 5 and len(headset.packets) > packets + 50)
        return headset

    headset = asyncio.run(live_through())
    for numbers in ([i.message.frame_id for i in headset.frames], [i.message.seq for i in headset.packets]):
        assert numbers == sorted(set(numbers)), "numbers never go back"
    assert headset.closed == {}, "the headset's link lived on"
    assert any(f"{child} stopped" in alarm["what"] for alarm in running.state()["alarms"])
    running.command("stop")
    running.until(lambda _: (running.folder() / "SHA256SUMS").exists(), what="the recording is closed")
    kinds = [
        (line["type"], line["data"].get("child") or line["data"].get("what")) for line in running.journal()
    ]
    assert ("ChildDied", child) in kinds
    assert ("ChildReturned", child) in kinds
    controls_s, _ = table(load(running.folder() / "session.xdf")["stillwater-controls"])
    if child == "recorder":
        assert any(kind == "GapMarked" for kind, _ in kinds)
    else:
        assert np.max(np.diff(controls_s)) < 1.5, "the loop never stopped"


def test_a_killed_room_comes_back_where_it_was(stillwater) -> None:
    running = stillwater()
    before = running.until(lambda s: s["elapsed_s"] > 6 and s["recording"]["on"])
    room = psutil.Process(running.room_pid())
    children = room.children()
    folder = running.folder()
    room.kill()
    time_of_death_s = time.monotonic()
    after = running.until(
        lambda s: s["elapsed_s"] > before["elapsed_s"] and s["at_s"] > time_of_death_s + 0.5,
        what="the room is back",
    )
    assert after["phase"] == "RUNNING"
    assert after["elapsed_s"] < before["elapsed_s"] + (after["at_s"] - before["at_s"])
    assert after["stage"]["name"] == before["stage"]["name"]
    psutil.wait_procs(children, timeout=10)
    assert not any(child.is_running() for child in children), "no orphans"
    running.until(lambda s: s["recording"]["on"] and s["vitals"]["heart_rate"]["value"])
    assert running.folder() == folder, "one folder for the session"
    running.command("stop")
    running.until(lambda _: (folder / "SHA256SUMS").exists(), what="the recording is closed")
    kinds = [line["type"] for line in running.journal()]
    assert "GapMarked" in kinds
    stamps_s, _ = table(load(folder / "session.xdf")["stillwater-controls"])
    assert stamps_s[0] < time_of_death_s < stamps_s[-1]


def test_nonsense_from_a_headset_is_refused_and_nobody_notices(stillwater) -> None:
    running = stillwater()
    for code in ("000000", "", "12", "９９９９９９", "a" * 300):
        with pytest.raises(JoinRefused):
            join(running.origin, code)
    cookie = join(running.origin, running.code)
    with pytest.raises(JoinRefused, match="another headset"):
        join(running.origin, running.code)
    bad = [b"", b"\x02", b"\xff" * 84, os.urandom(84), b"\x02\x09" + b"\0" * 82, bytes(84)]

    async def bombard() -> None:
        for payload in bad:
            async with HeadlessHeadset.connected(
                running.origin, cookie, time.monotonic, pose_hz=5
            ) as headset:
                await until(lambda h=headset: len(h.frames) > 0)
                with_closed = False
                for _ in range(4):
                    try:
                        await headset.send_video(payload)
                    except ConnectionClosed:
                        with_closed = True
                await until(lambda h=headset: "video" in h.closed)
                assert with_closed or headset.closed["video"] == 4400
        for text, code in (("{", 4400), ('{"type":"stop","source":"nobody"}', 4400), ("x" * 5000, 4413)):
            async with HeadlessHeadset.connected(
                running.origin, cookie, time.monotonic, pose_hz=5
            ) as headset:
                await until(lambda h=headset: len(h.texts) > 0)
                with contextlib.suppress(ConnectionClosed):
                    for _ in range(3):
                        await headset.say(text)
                await until(lambda h=headset: "control" in h.closed)
                assert headset.closed["control"] == code
        async with HeadlessHeadset.connected(running.origin, cookie, time.monotonic) as headset:
            with contextlib.suppress(ConnectionClosed):
                await headset.send_video(b"\0" * 200_000)
            await until(lambda: "video" in headset.closed)

    asyncio.run(bombard())
    state = running.state()
    assert state["phase"] == "RUNNING"
    assert all(process["restarts"] == 0 for process in state["processes"])
    assert any(line["type"] == "BadInput" for line in running.journal())


def test_strangers_get_nothing(stillwater) -> None:
    running = stillwater()
    stranger = httpx.Client(base_url=running.origin)
    for path in ("/api/rooms", "/api/rooms/1", "/api/sessions", "/api/rooms/1/join.svg"):
        assert stranger.get(path).status_code == 401, path
    assert stranger.post("/api/rooms/1/commands", json={"command": "stop"}).status_code in (401, 403)
    assert stranger.get("/api/headset/state").json() == {"joined": False}
    picture = running.panel.get("/api/rooms/1/join.svg")
    assert picture.status_code == 200
    assert picture.text.startswith("<svg")
    page = stranger.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert stranger.get("/panel/").status_code == 200
    stranger.close()


async def until(happened, within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while not happened():
            await asyncio.sleep(0.02)
