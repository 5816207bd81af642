"""The music of a recorded session can be read back: notes, pauses and the tempo, on one clock."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from session_records.errors import NotXdf
from session_records.played import played
from session_records.recorder import Recorder
from session_records.streams import controls_row
from therapy.controls import NEUTRAL
from therapy.errors import BadValue
from therapy.events import Beat, MusicRests, Note, to_line

NOTES = tuple(
    Note(at_s=100.0 + i, instrument="bell", midi_note=60.0 + i, velocity=0.5, duration_s=1.0)
    for i in range(3)
)
REST = MusicRests(at_s=102.5, duration_s=40.0)


def recorded(folder: Path, *, controls: bool = True) -> Path:
    recorder = Recorder(folder, {}, clock_id="t", started="2026-01-01T00:00:00+00:00", opened_s=100.0)
    beat = Beat(at_s=101.0, stream="strap", interval_s=None, quality=0.9)
    for event in (*NOTES, beat, REST):
        recorder.event(event.at_s, to_line(event))
    for at_s, bpm in ((100.0, 60.0), (101.0, 60.0), (102.0, 58.5)):
        if controls:
            recorder.rows("controls", (at_s,), (controls_row(dataclasses.replace(NEUTRAL, tempo_bpm=bpm)),))
    assert recorder.tick(103.0) == []
    assert recorder.close(103.0) == []
    return folder


def test_what_was_played_is_read_back(tmp_path: Path) -> None:
    music = played(recorded(tmp_path / "session"))
    assert music.notes == NOTES
    assert music.rests == (REST,)
    assert music.tempo == ((100.0, 60.0), (102.0, 58.5))


def test_every_control_is_recorded() -> None:
    row = controls_row(NEUTRAL)
    numbers = [getattr(NEUTRAL, f.name) for f in dataclasses.fields(NEUTRAL) if f.name != "mode"]
    assert list(row[:-1]) == numbers


def test_a_folder_without_music_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"journal\.jsonl"):
        played(tmp_path)
    with pytest.raises(NotXdf, match="stillwater-controls"):
        played(recorded(tmp_path / "session", controls=False))
