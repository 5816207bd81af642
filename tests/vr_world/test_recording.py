from __future__ import annotations

import contextlib
import itertools
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from session_records.folder import JOURNAL, XDF
from session_records.messages import (
    EventLine,
    OpenSession,
    RecorderAlarm,
    RecorderHeartbeat,
    Rows,
    Shutdown,
)
from session_records.recover import scan
from session_records.streams import controls_row
from session_records.verify import verify
from therapy.controls import NEUTRAL
from therapy.events import Beat, Event, GapMarked, StreamChanged, from_line, to_line
from vr_world.recording import RecorderConfig, main

PATIENCE_S = 30.0


def until(found: Callable[[], Any]) -> Any:
    """Return what `found` finds, waiting for it."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        answer = found()
        if answer:
            return answer
        time.sleep(0.01)
    raise AssertionError(f"nothing found within {PATIENCE_S:g} s")


def load(path: Path) -> dict[str, Any]:
    import pyxdf

    logging.getLogger("pyxdf").setLevel(logging.ERROR)
    streams, _ = pyxdf.load_xdf(str(path))
    return {stream["info"]["name"][0]: stream for stream in streams}


def journal(folder: Path) -> list[Event]:
    return [from_line(line) for line in (folder / JOURNAL).read_text("utf-8").splitlines()]


OUTLETS = """
import sys, time
import numpy as np
from sensors.lsl import Outlet, configure, local_clock
from sensors.outlets import ControlsOutlet
from therapy.controls import NEUTRAL

configure(sys.argv[1])
channels = int(sys.argv[2])
labels = [f"c{index}" for index in range(channels)]
strap = Outlet(name="strap", kind="ECG", labels=labels, rate_hz=500.0, source_id="strap-1", unit="mV")
words = Outlet(
    name="words", kind="Markers", labels=["word"], rate_hz=0.0, source_id="", value_format="string"
)
room = ControlsOutlet("7")
number = 0
while True:
    at_s = local_clock()
    count = np.arange(10)
    samples = np.repeat(number + count[:, None], channels, 1).astype(np.float32)
    strap.push(samples, at_s + 0.002 * (count - 9))
    words.push_one([f"w\u00f6rd {number}"], at_s)
    room.push(NEUTRAL, at_s)
    number += 10
    print(at_s, number, flush=True)
    time.sleep(0.02)
"""


class Sensors:
    """A process that sends counted ECG samples, words and a room's controls over LSL."""

    def __init__(self, lsl_session: str, channels: int = 2) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", OUTLETS, lsl_session, str(channels)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def kill(self) -> float:
        """End it at once; return when its last samples had been sent."""
        self._process.kill()
        lines, _ = self._process.communicate()
        return float([line for line in lines.splitlines() if line.count(" ") == 1][-2].split()[0])


class Child:
    """A recorder process, as a room sees it."""

    def __init__(self, lsl_session: str) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe(duplex=True)
        self.process = spawn.Process(target=main, args=(theirs, RecorderConfig(lsl_session=lsl_session)))
        self.process.start()
        theirs.close()
        self.alarms: list[RecorderAlarm] = []
        self.beat: RecorderHeartbeat | None = None

    def open(self, folder: Path) -> None:
        self.pipe.send(OpenSession(folder=str(folder), about={"plan": "first-visit"}))
        self.wait_for(lambda beat: beat.recording)

    def listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while self.pipe.poll(0.05):
                match self.pipe.recv():
                    case RecorderHeartbeat() as beat:
                        self.beat = beat
                    case RecorderAlarm() as alarm:
                        self.alarms.append(alarm)

    def wait_for(self, is_so: Callable[[RecorderHeartbeat], bool]) -> RecorderHeartbeat:
        def found() -> RecorderHeartbeat | None:
            self.listen()
            return self.beat if self.beat is not None and is_so(self.beat) else None

        beat: RecorderHeartbeat = until(found)
        return beat

    def controls(self) -> None:
        at_s = time.monotonic()
        self.pipe.send(Rows(stream="controls", stamps_s=(at_s,), values=(controls_row(NEUTRAL),)))

    def safe(self) -> None:
        """Wait until what was sent before is on the disk."""
        self.wait_for(lambda _: True)
        now_s = time.monotonic()
        self.wait_for(lambda beat: beat.last_fsync_s is not None and beat.last_fsync_s > now_s + 0.2)

    def gone(self) -> int:
        self.process.join(PATIENCE_S)
        assert self.process.exitcode is not None
        return self.process.exitcode


@pytest.fixture
def lsl_session() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def start(lsl_session: str) -> Iterator[Callable[[], Child]]:
    children: list[Child] = []

    def started() -> Child:
        children.append(Child(lsl_session))
        return children[-1]

    yield started
    for child in children:
        child.process.kill()
        child.process.join()
        child.process.close()
        child.pipe.close()


Start = Callable[[], Child]


def beat(at_s: float) -> EventLine:
    return EventLine(at_s=at_s, line=to_line(Beat(at_s=at_s, stream="ecg", interval_s=0.8, quality=1.0)))


def test_shutdown_closes_the_recording(tmp_path: Path, start: Start) -> None:
    child = start()
    child.open(tmp_path / "s")
    child.controls()
    child.pipe.send(beat(1.0))
    child.pipe.send(Shutdown())
    child.listen()
    assert child.gone() == 0
    assert child.alarms == []
    streams = load(tmp_path / "s" / XDF)
    assert len(streams["stillwater-controls"]["time_series"]) == 1
    assert len(streams["stillwater-events"]["time_series"]) == 1
    assert [type(event) for event in journal(tmp_path / "s")] == [Beat]
    verdict = verify(tmp_path / "s")
    assert verdict.closed
    assert verdict.problems == ()


def test_a_term_signal_closes_it_too(tmp_path: Path, start: Start) -> None:
    child = start()
    child.open(tmp_path)
    child.controls()
    written = child.wait_for(lambda _: True).bytes_written
    child.wait_for(lambda beat: beat.bytes_written > written)
    os.kill(child.process.pid or 0, signal.SIGINT)  # a Ctrl-C reaches the whole group: the room decides
    os.kill(child.process.pid or 0, signal.SIGTERM)
    assert child.gone() == 0
    assert verify(tmp_path).closed
    assert len(load(tmp_path / XDF)["stillwater-controls"]["time_series"]) == 1


def test_when_the_room_dies_the_recording_can_be_gone_on_with(tmp_path: Path, start: Start) -> None:
    first = start()
    first.open(tmp_path)
    for _ in range(10):
        first.controls()
    first.pipe.close()
    assert first.gone() == 0
    assert not scan(tmp_path / XDF).closed
    assert scan(tmp_path / XDF).torn_bytes == 0
    second = start()
    second.open(tmp_path)
    second.controls()
    second.pipe.send(Shutdown())
    assert second.gone() == 0
    assert len(load(tmp_path / XDF)["stillwater-controls"]["time_series"]) == 11
    (gap,) = journal(tmp_path)
    assert isinstance(gap, GapMarked)
    assert gap.gap_s > 0
    assert verify(tmp_path).problems == ()


def test_kill_9_keeps_what_was_safe_and_marks_the_gap(tmp_path: Path, start: Start) -> None:
    child = start()
    child.open(tmp_path)
    for number in itertools.count():
        child.controls()
        child.pipe.send(beat(float(number)))
        if number == 200:
            break
    child.safe()
    child.controls()
    child.process.kill()
    child.gone()
    assert len(load(tmp_path / XDF)["stillwater-controls"]["time_series"]) >= 201
    again = start()
    again.open(tmp_path)
    again.pipe.send(Shutdown())
    assert again.gone() == 0
    events = journal(tmp_path)
    assert len([event for event in events if isinstance(event, Beat)]) == 201
    assert len([event for event in events if isinstance(event, GapMarked)]) == 1
    assert verify(tmp_path).problems == ()


def test_messages_that_do_not_fit_are_told_and_recording_goes_on(tmp_path: Path, start: Start) -> None:
    child = start()
    child.controls()
    child.open(tmp_path)
    child.pipe.send(Rows(stream="controls", stamps_s=(1.0,), values=((1.0,),)))
    child.pipe.send(Rows(stream="nonsense", stamps_s=(1.0,), values=((1.0,),)))
    child.pipe.send(OpenSession(folder=str(tmp_path / "other"), about={}))
    child.controls()

    def told() -> bool:
        child.listen()
        return len(child.alarms) >= 2

    until(told)
    assert "before its session" in child.alarms[0].what
    assert "one session" in child.alarms[1].what
    child.pipe.send(Shutdown())
    assert child.gone() == 0
    assert len(load(tmp_path / XDF)["stillwater-controls"]["time_series"]) == 1


def test_a_folder_that_cannot_be_made_is_an_alarm_and_recording_starts_when_it_can(
    tmp_path: Path, start: Start
) -> None:
    (tmp_path / "s").write_text("a file in the way")
    child = start()
    child.pipe.send(OpenSession(folder=str(tmp_path / "s"), about={}))
    child.controls()

    def told() -> bool:
        child.listen()
        return bool(child.alarms)

    until(told)
    assert child.alarms[0].level == "urgent"
    assert child.beat is None or not child.beat.recording
    (tmp_path / "s").unlink()
    child.wait_for(lambda beat: beat.recording)
    child.pipe.send(Shutdown())
    assert child.gone() == 0
    assert len(load(tmp_path / "s" / XDF)["stillwater-controls"]["time_series"]) == 1
    assert any("goes on" in alarm.what for alarm in child.alarms)


def sampled(folder: Path, name: str, channels: int = 2) -> int:
    """How many samples of a stream are on file."""
    found = [one for one in scan(folder / XDF).streams.values() if one.declaration.name == name]
    return sum(one.samples for one in found if len(one.declaration.channels) == channels)


def numbers(stream: dict[str, Any]) -> list[int]:
    return [int(row[0]) for row in stream["time_series"]]


def test_streams_are_recorded_as_sent_and_a_killed_recorder_loses_at_most_a_second(
    tmp_path: Path, start: Start, lsl_session: str
) -> None:
    sensors = Sensors(lsl_session)
    child = start()
    child.open(tmp_path)
    child.wait_for(lambda beat: beat.sources == 2)
    child.safe()
    child.process.kill()
    killed_s = time.monotonic()
    child.gone()
    before = load(tmp_path / XDF)["strap"]
    assert before["time_stamps"][-1] > killed_s - 1.0
    again = start()
    again.open(tmp_path)
    again.wait_for(lambda beat: beat.sources == 2)
    again.safe()
    again.pipe.send(Shutdown())
    assert again.gone() == 0
    sensors.kill()
    streams = load(tmp_path / XDF)
    strap = streams["strap"]
    got, held = numbers(strap), len(before["time_series"])
    assert got[:held] == numbers(before)
    assert len(got) > held + 100
    steps = [b - a for a, b in itertools.pairwise(got)]
    assert steps.count(1) == len(steps) - 1  # one gap, and only there
    assert steps[held - 1] > 1
    (gap,) = journal(tmp_path)
    assert isinstance(gap, GapMarked)
    assert gap.what == "recording"
    assert strap["info"]["channel_format"] == ["float32"]
    assert strap["info"]["source_id"] == ["strap-1"]
    assert strap["info"]["desc"][0]["channels"][0]["channel"][1] == {"label": ["c1"], "unit": ["mV"]}
    assert abs(strap["clock_values"][0]) < 0.001
    words = [row[0] for row in streams["words"]["time_series"]]
    assert len(words) > 10
    assert all(word.startswith("w\u00f6rd ") for word in words)
    assert "stillwater-room" not in streams  # the room's own controls come through its pipe
    assert verify(tmp_path).problems == ()


def test_a_device_that_comes_back_is_gone_on_with_and_another_shape_is_another_stream(
    tmp_path: Path, start: Start, lsl_session: str
) -> None:
    child = start()
    child.open(tmp_path)
    sensors = Sensors(lsl_session)
    child.safe()
    child.wait_for(lambda beat: beat.sources == 2)
    until(lambda: sampled(tmp_path, "strap") > 50)
    sensors.kill()
    again = Sensors(lsl_session)

    def back() -> bool:
        child.listen()
        return any(
            isinstance(event, GapMarked) and event.what == "stream strap" for event in journal(tmp_path)
        )

    until(back)
    again.kill()
    wider = Sensors(lsl_session, channels=3)

    def changed() -> bool:
        child.listen()
        return sampled(tmp_path, "strap", channels=3) > 50

    until(changed)
    child.pipe.send(Shutdown())
    assert child.gone() == 0
    wider.kill()
    straps = [one for one in scan(tmp_path / XDF).streams.values() if one.declaration.name == "strap"]
    assert [len(one.declaration.channels) for one in straps] == [2, 3]
    assert all(one.samples > 50 for one in straps)
    assert any(isinstance(event, StreamChanged) for event in journal(tmp_path))
    assert verify(tmp_path).problems == ()
