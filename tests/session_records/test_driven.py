"""What another session did, read back from its recording."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from session_records.driven import driven
from session_records.recorder import Recorder
from session_records.streams import controls_row
from therapy.controls import NEUTRAL
from therapy.errors import BadValue
from therapy.events import MachineMoved, to_line

MOVES = ((100.0, "READY"), (102.0, "RUNNING"), (104.0, "PAUSED"), (110.0, "RUNNING"), (112.0, "ENDED"))


def recorded(folder: Path, moves: tuple[tuple[float, str], ...] = MOVES, *, controls: bool = True) -> Path:
    recorder = Recorder(folder, {}, clock_id="t", started="2026-01-01T00:00:00+00:00", opened_s=100.0)
    for at_s, now in moves:
        recorder.event(at_s, to_line(MachineMoved(at_s=at_s, was="", now=now, cause="test")))
    for k in range(14 if controls else 0):
        row = controls_row(dataclasses.replace(NEUTRAL, tempo_bpm=60.0 + k, mode="lydian"))
        recorder.rows("controls", (100.0 + k,), (row,))
    assert recorder.tick(114.0) == []
    assert recorder.close(114.0) == []
    return folder


def test_controls_are_told_by_the_time_since_the_beginning_without_pauses(tmp_path: Path) -> None:
    trace = driven(recorded(tmp_path / "s"))
    assert trace.times_s == (0.0, 1.0, 2.0, 3.0)
    assert [c.tempo_bpm for c in trace.controls] == [62.0, 63.0, 70.0, 71.0]
    assert {c.mode for c in trace.controls} == {"lydian"}
    again = trace.at(2.5)
    assert again is not None
    assert again.tempo_bpm == 70.0


def test_a_recording_that_breaks_off_is_told_to_its_end(tmp_path: Path) -> None:
    trace = driven(recorded(tmp_path / "s", MOVES[:2]))
    assert trace.times_s[-1] == 11.0


def test_what_cannot_drive_a_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="one that began"):
        driven(recorded(tmp_path / "never", MOVES[:1]))
    with pytest.raises(BadValue, match="one with controls"):
        driven(recorded(tmp_path / "bare", controls=False))
    torn = recorded(tmp_path / "torn")
    (torn / "session.xdf").write_bytes(b"no xdf at all")
    with pytest.raises(BadValue, match=r"session\.xdf of torn must be"):
        driven(torn)
    with pytest.raises(BadValue, match="a folder with"):
        driven(tmp_path)
