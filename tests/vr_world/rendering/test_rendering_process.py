"""The renderer process over its real pipe, as the room drives it."""

from __future__ import annotations

import dataclasses
import io
import itertools
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import av
import numpy as np
import numpy.typing as npt
import pytest

from therapy.controls import NEUTRAL
from vr_world.rendering.desk import KEY_EVERY_S
from vr_world.rendering.flight import CAP
from vr_world.rendering.messages import (
    Ack,
    Frame,
    FromRenderer,
    HeadsetOff,
    HeadsetOn,
    KeyRequest,
    Mirror,
    Pose,
    RendererConfig,
    RendererHeartbeat,
    Safe,
    SetControls,
    SetScene,
    Shutdown,
    ToRenderer,
)
from vr_world.rendering.process import main
from vr_world.rendering.studio import Studio
from vr_world.rendering.view import View, widened
from vr_world.streaming.depth import NEAREST_M, NODES, unpack_depth

M = TypeVar("M")
SMALL = RendererConfig(seed=7, eye_px=320, min_eye_px=320, max_eye_px=320, frame_rate_hz=20.0, fade_in_s=0.2)
#: Long enough for a machine that does much else; nothing here waits for it when all is well.
PATIENCE_S = 40.0


class Room:
    """The room's end of the pipe."""

    def __init__(self, config: RendererConfig = SMALL) -> None:
        context = multiprocessing.get_context("spawn")
        self.conn, theirs = context.Pipe()
        self.child = context.Process(target=main, args=(theirs, config), daemon=True)
        self.child.start()
        theirs.close()
        self.acks = True
        self.frames: list[Frame] = []

    def say(self, message: ToRenderer) -> None:
        self.conn.send(message)

    def hear(self) -> FromRenderer:
        assert self.conn.poll(PATIENCE_S), "the renderer fell silent"
        message: FromRenderer = self.conn.recv()
        if isinstance(message, Frame):
            self.frames.append(message)
            if self.acks:
                self.say(Ack(headset="h", frame_id=message.frame_id, decode_ms=1.0))
        return message

    def until(self, kind: type[M], wanted: Callable[[M], bool] = lambda _: True) -> M:
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            message = self.hear()
            if isinstance(message, kind) and wanted(message):
                return message
        raise AssertionError(f"no {kind.__name__} as wanted came")

    def close(self) -> None:
        if self.child.is_alive():
            self.conn.close()
            self.child.join(10.0)
        if self.child.is_alive():
            self.child.kill()
            self.child.join()


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    room.say(HeadsetOn(headset="h"))
    yield room
    room.close()


def a_pose(seq: int, **changes: object) -> Pose:
    pose = Pose(
        headset="h",
        seq=seq,
        client_ms=1000.0 + seq,
        position=(0.02, -0.05, 0.1),
        orientation=(0.0, 0.1736481777, 0.0, 0.9848077530),
        tan_left=(1.1, 0.9, 1.0, 1.05),
        tan_right=(0.9, 1.1, 1.0, 1.05),
        ipd_m=0.064,
    )
    return dataclasses.replace(pose, **changes)


def decoded(frames: list[Frame]) -> list[npt.NDArray[np.uint8]]:
    decoder = av.CodecContext.create(frames[0].codec, "r")
    decoder.thread_count = 1
    out = []
    for frame in frames:
        out += decoder.decode(av.Packet(frame.payload))
    out += decoder.decode(None)
    return [f.reformat(format="bgra", src_colorspace=1).to_ndarray() for f in out]


def test_a_frame_is_the_picture_of_the_pose_that_it_names(room: Room) -> None:
    room.say(a_pose(41))
    room.until(Frame, lambda f: f.pose_seq == 41)
    opened = room.until(Frame, lambda f: not f.safe)
    # the veil is quite open a second later, and later where the machine is slow: unseen time does not count
    room.until(Frame, lambda f: f.render_at_s > opened.render_at_s + 3.0)
    room.say(KeyRequest(headset="h"))
    frame = room.until(Frame, lambda f: f.key)
    pose = a_pose(41)
    assert (frame.eye_width, frame.eye_height) == (320, 320)
    assert frame.pose_client_ms == pose.client_ms
    assert frame.position == pose.position
    assert frame.orientation == pytest.approx(pose.orientation, abs=1e-6)
    assert frame.tan_left == pytest.approx(widened(pose.tan_left, 12.0))
    assert frame.tan_right == pytest.approx(widened(pose.tan_right, 12.0))
    assert frame.render_at_s <= frame.sent_at_s
    shown = decoded([frame])[0]
    assert shown.shape == (320, 640, 4)
    view = View(
        position=frame.position,
        orientation=frame.orientation,
        tan_left=frame.tan_left,
        tan_right=frame.tan_right,
        ipd_m=frame.ipd_m,
    )
    with Studio("ocean", seed=7) as studio:
        drawn = studio.picture(NEUTRAL, 3.0, view=view).astype(int)
        elsewhere = studio.picture(NEUTRAL, 3.0).astype(int)
    sky = slice(0, 130)
    assert np.abs(shown[sky, :, :3] - drawn[sky, :, :3]).mean() < 4.0
    assert np.abs(shown[sky, :, :3] - elsewhere[sky, :, :3]).mean() > 8.0
    near = unpack_depth(frame.depth)[:, :, 24].astype(float)
    assert (near[:, :16] == 0).all(), "the sky is far away"
    ground = near[:, [33, 40, 47]]
    assert (np.diff(ground) > 0).all(), "the sea comes nearer from the horizon down"
    up, down = frame.tan_left[2:]
    below = np.array([33, 40, 47]) / (NODES - 1) * (up + down) - up
    sea_m = 1.2 + pose.position[1]  # and the swell
    np.testing.assert_allclose(ground / (255.0 * NEAREST_M), [below / sea_m] * 2, rtol=0.2)


def test_a_large_frame_says_how_it_is_divided_and_its_parts_show_one_place() -> None:
    large = dataclasses.replace(SMALL, eye_px=768, min_eye_px=768, max_eye_px=768, frame_rate_hz=10.0)
    room = Room(large)
    try:
        room.say(HeadsetOn(headset="h"))
        room.say(a_pose(41))
        opened = room.until(Frame, lambda f: f.pose_seq == 41 and not f.safe)
        room.until(Frame, lambda f: f.render_at_s > opened.render_at_s + 1.0)
        room.say(KeyRequest(headset="h"))
        frame = room.until(Frame, lambda f: f.key)
        mirror = room.until(Mirror)
    finally:
        room.close()
    parts = frame.foveation
    assert parts is not None
    assert (frame.eye_width, frame.eye_height) == (768, 768)
    shown = decoded([frame])[0][..., :3].mean(axis=-1)
    rim, side = parts.rim_px, parts.middle_px
    assert shown.shape == (rim + side, 2 * rim)
    for eye, (tan, inner) in enumerate(
        ((frame.tan_left, parts.middle_left), (frame.tan_right, parts.middle_right))
    ):
        rows = (tan[2] - inner[2], tan[2] + inner[3])
        top, bottom = (round(row / (tan[2] + tan[3]) * rim) for row in rows)
        left, right = (
            round(x / (tan[0] + tan[1]) * rim) + eye * rim for x in (tan[0] - inner[0], tan[0] + inner[1])
        )
        coarse = shown[top:bottom, left:right].mean(axis=1)
        fine = shown[rim:, eye * rim : eye * rim + side].mean(axis=1)
        there = np.interp(np.linspace(0, 1, len(coarse)), np.linspace(0, 1, side), fine)
        assert np.abs(coarse - there).mean() < 4.0
        assert np.ptp(fine) > 20.0, "sky above, sea below"
    with av.open(io.BytesIO(mirror.jpeg)) as picture:
        seen = next(picture.decode(video=0)).to_ndarray(format="gray")
    assert seen.shape == (480, 480)
    assert np.abs(seen.mean() - shown[:rim, :rim].mean()) < 25.0


def test_frames_count_up_and_the_first_can_be_decoded(room: Room) -> None:
    for _ in range(6):
        room.until(Frame)
    ids = [f.frame_id for f in room.frames]
    assert ids == sorted(set(ids))
    assert room.frames[0].key
    assert not any(f.key for f in room.frames[1:])
    assert room.frames[0].pose_seq == 0
    assert len(decoded(room.frames)) == len(room.frames)


def test_a_key_frame_comes_when_asked_for(room: Room) -> None:
    room.until(Frame, lambda f: not f.key)
    room.say(KeyRequest(headset="h"))
    assert room.until(Frame, lambda f: f.key).frame_id > 1


def test_key_frames_that_are_asked_for_in_a_storm_come_at_a_bearable_rate(room: Room) -> None:
    room.until(Frame)
    end_s = time.monotonic() + 1.0
    while time.monotonic() < end_s:
        room.say(KeyRequest(headset="h"))
        room.until(Frame)
    keys = [f.render_at_s for f in room.frames if f.key]
    assert len(keys) > 1
    assert min(b - a for a, b in itertools.pairwise(keys)) > 0.9 * KEY_EVERY_S


def test_a_request_from_another_headset_changes_nothing(room: Room) -> None:
    room.until(Frame, lambda f: not f.key)
    room.say(KeyRequest(headset="other"))
    for _ in range(5):
        assert not room.until(Frame).key


def test_unacknowledged_frames_stop_at_the_cap_and_go_on_from_a_key_frame(room: Room) -> None:
    room.acks = False
    first = [room.until(Frame) for _ in range(CAP)]
    beats = []
    while (message := room.hear()) and not isinstance(message, Frame):
        if isinstance(message, RendererHeartbeat):
            beats.append(message)
    assert message.key, "what was in flight is taken for lost"
    assert message.sent_at_s - first[-1].sent_at_s >= 0.9
    assert any(b.in_flight == CAP for b in beats)


def test_without_a_headset_there_is_a_mirror_and_no_frame() -> None:
    room = Room()
    for _ in range(2):
        room.until(Mirror)
    beat = room.until(RendererHeartbeat)
    assert not room.frames
    assert beat.encoder == ""
    room.say(HeadsetOn(headset="h", codecs=("vp9", "h264")))
    frame = room.until(Frame)
    assert frame.codec == "vp9"
    assert frame.key
    room.say(HeadsetOff(headset="h"))
    room.until(RendererHeartbeat, lambda b: b.target_hz == SMALL.idle_hz)
    room.close()


def test_the_mirror_shows_the_left_eye(room: Room) -> None:
    mirror = room.until(Mirror)
    assert mirror.jpeg.startswith(b"\xff\xd8")
    assert mirror.jpeg.endswith(b"\xff\xd9")
    assert mirror.at_s > 0.0


BAD: tuple[ToRenderer, ...] = (
    a_pose(9, position=(math.nan, 0.0, 0.0)),
    a_pose(9, orientation=(0.0, 0.0, 0.0, 0.0)),
    a_pose(9, tan_left=(1.0, 1.0, 1e30, 1.0)),
    SetControls(controls=dataclasses.replace(NEUTRAL, light=math.nan), at_s=0.0),
    SetControls(controls=dataclasses.replace(NEUTRAL, weather=7.0), at_s=0.0),
    SetControls(controls=NEUTRAL, at_s=math.inf),
)


def test_bad_input_is_counted_and_the_last_good_stays(room: Room) -> None:
    room.say(a_pose(8))
    room.until(Frame, lambda f: f.pose_seq == 8)
    for count, bad in enumerate(BAD, start=1):
        room.say(bad)
        beat = room.until(RendererHeartbeat, lambda b, count=count: b.refused == count)
        assert "must" in beat.refusal
        assert room.until(Frame).pose_seq == 8


def brightness(picture: npt.NDArray[np.uint8]) -> float:
    return float(picture[..., :3].mean())


def test_it_begins_dark_and_warm_and_opens_slowly() -> None:
    room = Room(dataclasses.replace(SMALL, fade_in_s=2.0))
    room.say(HeadsetOn(headset="h"))
    start = room.until(Frame)
    room.until(Frame, lambda f: f.render_at_s > start.render_at_s + 2.2)
    light = [brightness(p) for p in decoded(room.frames)]
    room.close()
    assert light[-1] > 2.0 * light[0]
    for (a, was), (b, now) in zip(
        zip(room.frames, light, strict=True), zip(room.frames[1:], light[1:], strict=True), strict=False
    ):
        assert abs(now - was) <= 12.0 + 150.0 * (b.render_at_s - a.render_at_s)


def test_stop_is_a_dark_warm_picture_within_a_quarter_second_and_the_place_comes_back(room: Room) -> None:
    room.until(Frame, lambda f: f.frame_id > 20)
    said_s = time.monotonic()
    room.say(Safe(on=True, fade_s=5.0))
    room.until(Frame, lambda f: f.safe)
    room.say(KeyRequest(headset="h"))
    safe = room.until(Frame, lambda f: f.key)
    # The frame drawn just before the fade's end is not safe yet; the room's word took a moment to arrive.
    late = [f for f in room.frames if f.render_at_s > said_s + 0.5]
    assert all(f.safe for f in late)
    picture = decoded([safe])[0][..., :3].astype(float)
    assert 10.0 < picture.mean() < 50.0
    assert picture[..., 2].mean() > 1.3 * picture[..., 0].mean()
    assert picture[:, :320].std() < 12.0
    room.say(Safe(on=False, fade_s=1.0))
    opened = room.until(Frame, lambda f: not f.safe)
    room.until(Frame, lambda f: f.render_at_s > opened.render_at_s + 1.2)
    room.say(KeyRequest(headset="h"))
    bright = room.until(Frame, lambda f: f.key)
    assert brightness(decoded([bright])[0]) > 2.0 * picture.mean()


def test_an_unknown_scene_is_refused_and_the_old_one_comes_back(room: Room) -> None:
    room.say(SetScene(name="nowhere"))
    beat = room.until(RendererHeartbeat, lambda b: b.refused == 1)
    assert "nowhere" in beat.refusal
    assert not room.until(Frame, lambda f: not f.safe).safe


def test_another_place_comes_through_calm_while_frames_go_on(room: Room) -> None:
    shown = room.until(Frame, lambda f: not f.safe)
    room.until(Frame, lambda f: f.render_at_s > shown.render_at_s + 1.2)
    before = len(room.frames)
    room.say(SetScene(name="night_sky"))
    assert room.until(RendererHeartbeat, lambda b: b.scene == "night_sky").scene == "night_sky"
    calm = room.until(Frame, lambda f: f.safe)
    back = room.until(Frame, lambda f: not f.safe)
    room.until(Frame, lambda f: f.render_at_s > back.render_at_s + 1.2)
    built_beside = [f for f in room.frames[before:] if f.render_at_s < calm.render_at_s]
    assert len(built_beside) > 10  # the old place was drawn while the new one was built, and while it faded
    first_key = max(i for i, f in enumerate(room.frames[: before + 1]) if f.key)
    pictures = decoded(room.frames[first_key:])[before - first_key :]
    light = np.array([brightness(picture) for picture in pictures])
    assert np.abs(np.diff(light)).max() < 0.35 * (light.max() - light.min() + 1.0)  # never a cut
    assert np.abs(pictures[-1].astype(float) - pictures[0].astype(float)).mean() > 5.0


def test_too_much_work_shrinks_the_picture_and_the_new_size_begins_with_a_key_frame() -> None:
    room = Room(dataclasses.replace(SMALL, eye_px=640, min_eye_px=320, max_eye_px=640, frame_rate_hz=2000.0))
    room.say(HeadsetOn(headset="h"))
    frame = room.until(Frame, lambda f: f.eye_width < 640)
    room.close()
    assert frame.key
    assert decoded([frame])[0].shape == (frame.eye_height, 2 * frame.eye_width, 4)


def test_a_respawned_renderer_goes_on_at_the_scenes_age() -> None:
    room = Room(dataclasses.replace(SMALL, scene_s=1000.0))
    assert 1000.0 <= room.until(RendererHeartbeat).scene_s < 1000.0 + PATIENCE_S
    room.close()


def test_it_ends_cleanly_on_shutdown(room: Room) -> None:
    room.until(Frame)
    room.say(Shutdown())
    room.child.join(PATIENCE_S)
    assert room.child.exitcode == 0


def test_it_ends_cleanly_when_the_room_is_gone() -> None:
    room = Room()
    room.until(RendererHeartbeat)
    room.conn.close()
    room.child.join(PATIENCE_S)
    assert room.child.exitcode == 0


def test_a_scene_that_is_not_there_ends_it_with_a_reason(capfd: pytest.CaptureFixture[str]) -> None:
    room = Room(dataclasses.replace(SMALL, scene="nowhere"))
    room.child.join(PATIENCE_S)
    assert room.child.exitcode == 1
    assert "the scene must be one of forest, " in capfd.readouterr().err
    room.close()
