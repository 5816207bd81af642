from __future__ import annotations

import errno
import json
import math
import os
import resource
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records_kit import STARTED, Load, counted, declare

from session_records.chunks import Format
from session_records.errors import BadRow
from session_records.folder import ABOUT, JOURNAL, SUMS, XDF
from session_records.recorder import Recorder
from session_records.recover import scan
from session_records.streams import DERIVED, controls_row, features_row
from session_records.verify import verify
from therapy.controls import MODES, NEUTRAL, TABLE, Controls
from therapy.events import AlarmRaised, Beat, Event, GapMarked, from_line, to_line
from therapy.patient import CALIBRATING, PatientState, Reading

BOOT = "boot-1"
STRAP = declare("strap", 1, Format.FLOAT32)


def recorder(folder: Path, *, at_s: float = 100.0, **rest: Any) -> Recorder:
    return Recorder(folder, {"seeds": [1]}, clock_id=BOOT, started=STARTED, opened_s=at_s, **rest)


def journal(folder: Path) -> list[Event]:
    return [from_line(line) for line in (folder / JOURNAL).read_text("utf-8").splitlines()]


def column(stream: dict[str, Any], name: str, label: str) -> list[float]:
    at = [channel.label for channel in DERIVED[name].channels].index(label)
    return [float(row[at]) for row in stream["time_series"]]


def beat(at_s: float) -> str:
    return to_line(Beat(at_s=at_s, stream="ecg", interval_s=0.8, quality=0.9))


def record_numbers(tape: Recorder, first: int, count: int) -> None:
    stamps, values = counted(first, count)
    tape.clock_offset(STRAP, stamps[0], 0.0)
    tape.raw(STRAP, stamps, values)


def test_a_session_leaves_one_folder_that_reads_back(tmp_path: Path, load: Load) -> None:
    tape = recorder(tmp_path / "s")
    controls = Controls(light=0.1 + 0.2, mode="aeolian", tempo_bpm=61.7)
    tape.rows("controls", (100.05, 100.1), (controls_row(NEUTRAL), controls_row(controls)))
    tape.rows("why", (100.1,), (('{"control":"light"}',),))
    tape.event(100.2, beat(100.2))
    record_numbers(tape, 0, 50)
    assert tape.tick(100.3) == []
    assert tape.status(100.3).recording
    assert tape.close(101.0) == []
    streams = load(tmp_path / "s" / XDF)
    assert {f"stillwater-{name.replace('_', '-')}" for name in DERIVED} | {"strap"} == set(streams)
    got = streams["stillwater-controls"]
    assert column(got, "controls", "light") == [NEUTRAL.light, 0.1 + 0.2]  # bit for bit: a replay needs it
    assert column(got, "controls", "mode_index") == [1.0, float(list(MODES).index("aeolian"))]
    assert got["time_stamps"].tolist() == [100.05, 100.1]
    assert streams["stillwater-why"]["time_series"] == [['{"control":"light"}']]
    assert streams["stillwater-events"]["time_series"] == [[beat(100.2)]]
    assert streams["strap"]["time_series"][:, 0].tolist() == list(range(50))
    assert journal(tmp_path / "s") == [from_line(beat(100.2))]
    about = json.loads((tmp_path / "s" / ABOUT).read_text())
    assert (about["seeds"], about["started"], about["clock_id"]) == ([1], STARTED, BOOT)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700
    assert verify(tmp_path / "s").problems == ()
    assert verify(tmp_path / "s").closed


def test_columns_of_the_controls_carry_the_units_of_the_table() -> None:
    units = {channel.label: channel.unit for channel in DERIVED["controls"].channels}
    assert {name: units[name] for name in TABLE} == {name: limit.unit for name, limit in TABLE.items()}
    assert len(controls_row(NEUTRAL)) == len(units)


def test_an_unknown_vital_is_nan_with_no_quality() -> None:
    readings = {
        "heart_rate": Reading(
            vital="heart_rate", value=72.5, unit="bpm", at_s=9.0, quality=0.8, window_s=5.0
        ),
        "rmssd": Reading(
            vital="rmssd", value=None, unit="ms", at_s=9.0, quality=0.7, window_s=60.0, reason=CALIBRATING
        ),
    }
    row = features_row(PatientState(at_s=9.5, vitals=readings, arousal=0.25, next_beat_s=9.9))
    labels = [channel.label for channel in DERIVED["features"].channels]
    got = dict(zip(labels, row, strict=True))
    assert (got["heart_rate"], got["heart_rate_quality"], got["heart_rate_at"]) == (72.5, 0.8, 9.0)
    assert math.isnan(got["rmssd"])
    assert (got["rmssd_quality"], got["rmssd_window"]) == (0.0, 60.0)
    assert math.isnan(got["breath_rate"])
    assert got["breath_rate_quality"] == 0.0
    assert (got["arousal"], got["next_beat"]) == (0.25, 9.9)
    assert math.isnan(got["coherence"])


@pytest.mark.parametrize(
    ("stream", "stamps", "values"),
    [
        ("nonsense", (1.0,), ((1.0,),)),
        ("controls", (1.0,), ((1.0, 2.0),)),
        ("controls", (math.nan,), (controls_row(NEUTRAL),)),
        ("controls", (1.0, 2.0), (controls_row(NEUTRAL),)),
        ("controls", (1.0,), (("x",) * len(controls_row(NEUTRAL)),)),
        ("controls", (1.0, 2.0), (controls_row(NEUTRAL), (1.0,))),
        ("why", (1.0,), (("a", "b"),)),
        ("why", (1.0,), ((b"a",),)),
        ("why", (1.0,), ((1.0,),)),
    ],
)
def test_rows_that_do_not_fit_are_refused_at_the_door(
    tmp_path: Path, load: Load, stream: str, stamps: Any, values: Any
) -> None:
    tape = recorder(tmp_path)
    with pytest.raises(BadRow):
        tape.rows(stream, stamps, values)
    with pytest.raises(BadRow, match="one line"):
        tape.event(1.0, "a\nb")
    with pytest.raises(BadRow, match="finite"):
        tape.clock_offset(declare(), 1.0, math.inf)
    assert tape.close(101.0) == []
    assert all(len(one["time_series"]) == 0 for one in load(tmp_path / XDF).values())


def test_callers_may_reuse_their_buffers(tmp_path: Path, load: Load) -> None:
    tape = recorder(tmp_path)
    stamps, values = counted(0, 5)
    tape.clock_offset(declare(), 100.0, 0.0)
    tape.raw(declare(), stamps, values)
    values[:] = -1
    stamps[:] = -1
    tape.close(101.0)
    assert load(tmp_path / XDF)["ecg"]["time_series"][:, 0].tolist() == [0, 1, 2, 3, 4]


def test_the_file_is_synced_each_second_and_marked_every_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(descriptor), real(descriptor))[1])
    tape = recorder(tmp_path)
    tape.tick(100.0)
    before = len(synced)
    for tick in range(1, 101):
        record_numbers(tape, tick, 1)
        tape.tick(100.0 + tick / 10)
    assert len(synced) - before == 10
    assert tape.status(110.0).last_fsync_s == pytest.approx(110.0, abs=1.0)
    from session_records.chunks import BOUNDARY_SIGNATURE

    assert (tmp_path / XDF).read_bytes().count(BOUNDARY_SIGNATURE) == 3
    tape.suspend(110.0)


def test_a_second_recorder_goes_on_and_marks_the_gap(tmp_path: Path, load: Load) -> None:
    first = recorder(tmp_path)
    record_numbers(first, 0, 10)
    first.rows("controls", (100.0,), (controls_row(NEUTRAL),))
    first.tick(100.1)
    first.suspend(101.5)
    with (tmp_path / XDF).open("ab") as file:
        file.write(b"\x01\x99\x03\x00\x01")  # a chunk that a dying process began
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"v":1,"type":"Be')
    second = recorder(tmp_path, at_s=104.0)
    record_numbers(second, 300, 10)
    second.tick(104.1)
    second.close(105.0)
    third = recorder(tmp_path, at_s=110.0)
    assert not (tmp_path / SUMS).exists() or verify(tmp_path).closed
    record_numbers(third, 1000, 10)
    third.close(111.0)
    gaps = [event for event in journal(tmp_path) if isinstance(event, GapMarked)]
    assert [gap.at_s for gap in gaps] == [104.0, 110.0]
    assert gaps[0].gap_s == pytest.approx(104.0 - 100.1)
    assert "5 torn bytes" in gaps[0].reason
    assert "after it was closed" in gaps[1].reason
    streams = load(tmp_path / XDF)
    assert [from_line(text) for (text,) in streams["stillwater-events"]["time_series"]] == gaps
    numbers = streams["strap"]["time_series"][:, 0].tolist()
    assert numbers == [*range(10), *range(300, 310), *range(1000, 1010)]
    assert verify(tmp_path).problems == ()


def test_a_new_recording_has_no_gap(tmp_path: Path) -> None:
    tape = recorder(tmp_path)
    tape.tick(100.0)
    tape.close(100.5)
    assert journal(tmp_path) == []


def test_a_recording_of_another_boot_is_left_alone(tmp_path: Path) -> None:
    recorder(tmp_path).close(101.0)
    before = (tmp_path / XDF).read_bytes()
    tape = Recorder(tmp_path, {}, clock_id="boot-2", started=STARTED, opened_s=3.0)
    record_numbers(tape, 0, 10)
    (alarm,) = tape.tick(3.1)
    assert alarm.level == "urgent"
    assert "boot-1" in alarm.what
    assert not tape.status(3.1).recording
    assert (tmp_path / XDF).read_bytes() == before


def test_two_recorders_never_write_one_file(tmp_path: Path, load: Load) -> None:
    first, second = recorder(tmp_path), recorder(tmp_path)
    first.tick(100.0)
    record_numbers(second, 0, 5)
    (alarm,) = second.tick(100.0)
    assert "one writer" in alarm.what
    first.close(101.0)
    (alarm,) = second.tick(102.0)
    assert "goes on" in alarm.what
    second.close(103.0)
    assert len(load(tmp_path / XDF)["strap"]["time_series"]) == 5


class FullDisk:
    """`os.write` that takes `room` bytes and then part of a chunk, and then nothing."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._real = os.write

    def __call__(self, descriptor: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self._real(descriptor, data[: self.room])
        self.room -= taken
        return taken


def test_a_full_disk_costs_nothing_while_memory_lasts(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = recorder(tmp_path)
    alarms: list[AlarmRaised] = []
    disk = FullDisk(12_000)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", disk)
        for tick in range(200):
            at_s = 100.0 + tick / 10
            record_numbers(tape, tick * 10, 10)
            tape.rows("controls", (at_s,), (controls_row(NEUTRAL),))
            tape.event(at_s, beat(at_s))
            alarms += tape.tick(at_s)
        assert disk.room == 0
        assert [alarm.level for alarm in alarms] == ["urgent"]
        assert "No space left" in alarms[0].what
        status = tape.status(120.0)
        assert not status.recording
        assert status.behind_s > 10
        assert verify(tmp_path).problems == ()  # nothing that was written is harmed
    alarms = tape.tick(121.0)
    assert "goes on after" in alarms[0].what
    assert tape.close(122.0) == []
    streams = load(tmp_path / XDF)
    assert streams["strap"]["time_series"][:, 0].tolist() == list(range(2000))
    assert len(streams["stillwater-controls"]["time_series"]) == 200
    events = journal(tmp_path)
    assert len([event for event in events if isinstance(event, Beat)]) == 200
    assert len(events) == 200
    assert sorted(to_line(event) for event in events) == sorted(
        text for (text,) in streams["stillwater-events"]["time_series"]
    )
    assert verify(tmp_path).problems == ()


def test_a_disk_that_is_full_from_the_start_is_waited_for(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "s"
    tape = recorder(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", FullDisk(300))
        for tick in range(100):
            record_numbers(tape, tick, 1)
            tape.tick(100.0 + tick / 10)
    tape.tick(111.0)
    tape.close(112.0)
    assert load(folder / XDF)["strap"]["time_series"][:, 0].tolist() == list(range(100))
    assert verify(folder).problems == ()


def test_an_overflow_says_how_much_was_lost(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = recorder(tmp_path, memory_bytes=50_000)
    tape.tick(100.0)
    alarms: list[AlarmRaised] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", FullDisk(0))
        for tick in range(300):
            record_numbers(tape, tick * 10, 10)
            alarms += tape.tick(100.1 + tick / 10)
        tape.event(130.0, beat(130.0))  # a line still finds room
    assert 2 <= len([alarm for alarm in alarms if "full" in alarm.what]) <= 5
    alarms += tape.tick(131.5)
    lost = tape.status(131.5).refused
    assert tape.close(132.0) == []
    streams = load(tmp_path / XDF)
    numbers = streams["strap"]["time_series"][:, 0].tolist()
    missing = 3000 - len(numbers)
    assert numbers == list(range(len(numbers)))
    assert 0 < missing <= lost <= missing + 1  # the event's marker may have found no room either
    (gap,) = [event for event in journal(tmp_path) if isinstance(event, GapMarked)]
    assert f"{lost} samples" in gap.reason
    assert gap.gap_s > 0
    assert any(isinstance(event, Beat) for event in journal(tmp_path))


def test_a_disk_that_never_answers_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = recorder(tmp_path)
    record_numbers(tape, 0, 10)
    monkeypatch.setattr(os, "write", FullDisk(0))
    alarms = tape.close(101.0)
    assert any("did not take" in alarm.what for alarm in alarms)


def test_filling_goes_on_from_another_thread_while_the_disk_is_slow(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = recorder(tmp_path)
    tape.tick(100.0)
    entered, leave = threading.Event(), threading.Event()
    real = os.fsync

    def slow(descriptor: int) -> None:
        entered.set()
        assert leave.wait(30)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    record_numbers(tape, 0, 10)
    disk = threading.Thread(target=tape.tick, args=(101.5,))
    disk.start()
    assert entered.wait(30)
    record_numbers(tape, 10, 10)
    status = tape.status(104.0)
    assert status.waiting_bytes > 0
    assert status.behind_s == pytest.approx(4.0)
    leave.set()
    disk.join()
    tape.close(105.0)
    assert len(load(tmp_path / XDF)["strap"]["time_series"]) == 20


def test_a_file_size_limit_of_the_system_is_survived(tmp_path: Path, load: Load) -> None:
    script = f"""
        import resource, signal, sys
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_recorder import record_numbers, recorder
        tape = recorder(Path({str(tmp_path)!r}))
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        alarms = []
        for tick in range(100):
            record_numbers(tape, tick * 50, 50)
            alarms += tape.tick(100.0 + tick / 10)
        assert 1 <= len(alarms) <= 2, alarms  # "no space" for the part that fits, "too large" after it
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        tape.tick(112.0)
        assert tape.close(113.0) == []
    """
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=60)
    assert load(tmp_path / XDF)["strap"]["time_series"][:, 0].tolist() == list(range(5000))


WRITES_UNTIL_KILLED = """
    import sys, time
    sys.path.insert(0, {tests!r})
    from pathlib import Path
    from test_recorder import beat, record_numbers, recorder
    tape = recorder(Path({folder!r}), at_s=time.monotonic())
    number = {first}
    while True:
        record_numbers(tape, number, 20)
        tape.event(time.monotonic(), beat(float(number)))
        number += 20
        tape.tick(time.monotonic())
        print(time.monotonic(), number, flush=True)
        time.sleep(0.002)
"""


@pytest.mark.parametrize("seed", range(4))
def test_kill_9_loses_nothing_older_than_a_second(tmp_path: Path, load: Load, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = 0
    for _ in range(2):
        script = WRITES_UNTIL_KILLED.format(
            tests=str(Path(__file__).parent), folder=str(tmp_path), first=first
        )
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline()]
            timer = threading.Timer(rng.uniform(0.05, 1.0), child.kill)
            timer.start()
            lines += child.stdout.readlines()
            killed_s = time.monotonic()
            timer.join()
        acked = [line.split() for line in lines if line.endswith("\n")]
        safe = max([int(number) for at_s, number in acked if float(at_s) < killed_s - 1.0], default=0)
        newest = int(acked[-1][1])
        on_file = load(tmp_path / XDF)["strap"]["time_series"][:, 0].astype(int).tolist()
        assert on_file == list(range(len(on_file)))
        assert len(on_file) >= safe
        assert len(on_file) >= newest  # what the kernel was given outlives the process
        first = len(on_file)
    tape = recorder(tmp_path, at_s=time.monotonic())
    record_numbers(tape, first, 10)
    assert tape.close(time.monotonic()) == []
    streams = load(tmp_path / XDF)
    assert streams["strap"]["time_series"][:, 0].tolist() == list(range(first + 10))
    assert len([event for event in journal(tmp_path) if isinstance(event, GapMarked)]) == 2
    assert verify(tmp_path).problems == ()
    assert scan(tmp_path / XDF).closed
