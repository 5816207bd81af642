"""A MIDI file says when every note was heard, in a tempo map and a track for each instrument."""

from __future__ import annotations

import itertools
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_engine.errors import BadRender
from audio_engine.messages import NotePlayed
from audio_engine.midi import TempoMap, midi_file, sounding, write_midi

TEMPO = [(0.0, 60.0), (4.0, 75.0), (9.5, 50.0)]


def note(at_s: float, pitch: float = 60.0, instrument: str = "bell", duration_s: float = 0.5) -> NotePlayed:
    return NotePlayed(at_s=at_s, instrument=instrument, midi_note=pitch, velocity=0.5, duration_s=duration_s)


def heard(path: Path) -> list[tuple[float, str, int]]:
    """(seconds, kind, pitch) of every note message, in the file's own time."""
    now_s, found = 0.0, []
    for message in mido.MidiFile(path):
        now_s += message.time
        if message.type in ("note_on", "note_off"):
            found.append((now_s, message.type, message.note))
    return found


@given(st.lists(st.floats(0.0, 60.0), min_size=1, max_size=12))
def test_notes_keep_their_times_under_a_changing_tempo(times_s: list[float]) -> None:
    map_ = TempoMap(TEMPO)
    ticks = [map_.ticks(at_s) for at_s in sorted(times_s)]
    assert ticks == sorted(ticks)
    for at_s, tick in zip(sorted(times_s), ticks, strict=True):
        known = [(t, tempo) for t, tempo in map_.changes() if t <= tick]
        spent = sum((b[0] - a[0]) * a[1] for a, b in itertools.pairwise(known))
        played_s = (spent + (tick - known[-1][0]) * known[-1][1]) / 960 / 1e6
        assert played_s == pytest.approx(at_s, abs=0.003)


def test_the_file_loads_with_a_track_for_each_instrument(tmp_path: Path) -> None:
    path = tmp_path / "played.mid"
    notes = [note(1.0), note(5.0, 64.0), note(2.0, 48.0, "pad", 9.0), note(11.0, 36.0, "drone", 4.0)]
    write_midi(path, notes, TEMPO)
    names = [track.name for track in mido.MidiFile(path).tracks[1:]]
    assert names == ["bell", "drone", "pad"]
    onsets = [(at_s, pitch) for at_s, kind, pitch in heard(path) if kind == "note_on"]
    assert [pitch for _, pitch in onsets] == [60, 48, 64, 36]
    assert [at_s for at_s, _ in onsets] == pytest.approx([1.0, 2.0, 5.0, 11.0], abs=0.002)
    ends = {pitch: at_s for at_s, kind, pitch in heard(path) if kind == "note_off"}
    assert ends == pytest.approx({60: 1.5, 48: 11.0, 64: 5.5, 36: 15.0}, abs=0.002)


def test_a_note_that_is_struck_again_ends_first_and_none_is_stuck(tmp_path: Path) -> None:
    path = tmp_path / "played.mid"
    write_midi(path, [note(1.0, duration_s=5.0), note(2.0, duration_s=1.0)], TEMPO)
    assert [kind for _, kind, _ in heard(path)] == ["note_on", "note_off", "note_on", "note_off"]


def test_held_notes_that_are_tied_are_one_note_and_struck_ones_are_not(tmp_path: Path) -> None:
    held = [note(float(at), 60.0, "pad", 4.5) for at in (1, 5, 9)] + [note(20.0, 60.0, "pad", 4.0)]
    struck = [note(1.0, 72.0, duration_s=3.0), note(2.0, 72.0, duration_s=1.0)]
    assert [(n.at_s, n.duration_s) for n in sounding(held)] == [(1.0, 12.5), (20.0, 4.0)]
    assert [(n.at_s, n.duration_s) for n in sounding(struck[::-1])] == [(1.0, 1.0), (2.0, 1.0)]
    path = tmp_path / "played.mid"
    write_midi(path, held + struck, [(0.0, 60.0)])
    assert [at_s for at_s, kind, pitch in heard(path) if kind == "note_on" and pitch == 60] == [1.0, 20.0]


def test_a_session_starts_its_file_where_it_began() -> None:
    file = midi_file([note(1000.0), note(1003.0), note(990.0)], [(990.0, 60.0)], start_s=1000.0)
    onsets = [m for m in file.tracks[1] if m.type == "note_on"]
    assert len(onsets) == 2
    assert sum(m.time for m in file.tracks[1]) == round(3.5 * 960)


@pytest.mark.parametrize("tempo", [[], [(0.0, 0.0)]])
def test_a_tempo_that_is_none_is_refused(tempo: list[tuple[float, float]]) -> None:
    with pytest.raises(BadRender, match="tempo map"):
        midi_file([note(1.0)], tempo)


def test_a_file_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadRender, match="MIDI file must be writable"):
        write_midi(tmp_path / "no" / "such.mid", [note(1.0)], TEMPO)
