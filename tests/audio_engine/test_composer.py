from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_engine.composer.melody import place
from audio_engine.composer.score import Composer, Note, write
from audio_engine.composer.theory import chord_on, distance_from_home, pitch, pitch_classes, roots, voice
from audio_engine.conductor import Conductor
from therapy.controls import MODES, Controls


def _score(
    beats: int = 256, start: float = 0.0, seed: str = "ocean/3", **settings: float | str
) -> list[Note]:
    controls = Controls(**settings)  # type: ignore[arg-type]  # names and types as in Controls
    return write(seed, lambda _beat: controls, beats, start)


def _of(notes: list[Note], *roles: str) -> list[Note]:
    return [n for n in notes if n.instrument in roles]


def _chords(notes: list[Note]) -> list[tuple[int, ...]]:
    pads = itertools.groupby(_of(notes, "pad"), key=lambda n: n.start_beats)
    return [tuple(n.midi_note for n in chord) for _, chord in pads]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tension", [0.0, 0.5, 1.0])
def test_every_note_belongs_to_the_scale(mode: str, tension: float) -> None:
    for seed in ("a", "b", "c"):
        notes = _score(seed=seed, mode=mode, tension=tension, notes_per_s=2.0, pulse=1.0)
        allowed = pitch_classes(Composer(seed).tonic, mode)
        assert {n.midi_note % 12 for n in notes} <= allowed


def test_the_same_seed_writes_the_same_piece_and_another_one_another() -> None:
    assert _score() == _score()
    assert _score() != _score(seed="ocean/4")


@pytest.mark.parametrize("notes_per_s", [0.1, 0.5, 1.0, 2.5, 4.0])
@pytest.mark.parametrize("tempo_bpm", [40.0, 66.0, 96.0])
def test_density_is_notes_per_second_whatever_the_tempo(notes_per_s: float, tempo_bpm: float) -> None:
    beats = 512
    bells = _of(_score(beats, notes_per_s=notes_per_s, tempo_bpm=tempo_bpm), "bell", "answer")
    assert len(bells) / (beats * 60 / tempo_bpm) == pytest.approx(notes_per_s, rel=0.1, abs=0.03)


def test_no_density_means_no_tune_no_pulse_no_beat_and_no_swell_no_figure() -> None:
    assert {n.instrument for n in _score(notes_per_s=0.0, pulse=0.0, swell=0.0)} == {"pad", "drone"}


def test_a_calm_melody_rests_in_every_sentence() -> None:
    onsets = sorted(n.start_beats for n in _of(_score(notes_per_s=0.8), "bell", "answer"))
    rests = [b - a for a, b in itertools.pairwise(onsets) if b - a >= 4.0]
    assert len(rests) >= 6


def test_chords_move_by_small_steps() -> None:
    chords = _chords(_score(tension=0.6))
    moves = [sum(abs(a - b) for a, b in zip(x, y, strict=True)) for x, y in itertools.pairwise(chords)]
    assert all(len(c) == 4 for c in chords)
    assert sum(moves) / len(moves) < 10
    assert max(moves) <= 24


def _friction(chord: tuple[int, ...]) -> float:
    """Dissonant pairs of pitch classes: semitones, tritones, whole tones."""
    weight = {1: 1.0, 6: 0.8, 2: 0.5}
    pairs = itertools.combinations(sorted({n % 12 for n in chord}), 2)
    return sum(weight.get(min(b - a, 12 - b + a), 0.0) for a, b in pairs)


@pytest.mark.parametrize("mode", ["dorian", "ionian"])
def test_tension_leads_further_from_home_into_more_friction(mode: str) -> None:
    def strain(tension: float) -> tuple[float, float]:
        foreign = friction = 0.0
        for seed in map(str, range(8)):
            home = set(chord_on(Composer(seed).tonic, mode, 0, 0.0).classes)
            for chord in _chords(_score(128, seed=seed, tension=tension, mode=mode)):
                foreign += len({n % 12 for n in chord} - home)
                friction += _friction(chord)
        return foreign, friction

    low, middle, high = strain(0.0), strain(0.5), strain(1.0)
    assert low[0] < middle[0] < high[0]
    assert low[1] < middle[1] < high[1]


@pytest.mark.parametrize("register", [50.0, 62.0, 76.0])
def test_the_melody_stays_around_its_register(register: float) -> None:
    pitches = [n.midi_note for n in _of(_score(register=register, notes_per_s=2.0), "bell", "answer")]
    assert abs(sum(pitches) / len(pitches) - (register + 7)) < 4
    assert max(pitches) - min(pitches) <= 26


@pytest.mark.parametrize("start", [7.0, 36.5, 127.25, 130.0, 300.0])
def test_a_restart_goes_on_with_the_same_bars(start: float) -> None:
    whole = [n for n in _score(int(start) + 64) if n.start_beats >= start]
    again = [n for n in _score(64, start) if n.start_beats >= start]
    begun = {(n.instrument, n.midi_note) for n in again if n.start_beats == start} - {
        (n.instrument, n.midi_note) for n in whole if n.start_beats == start
    }
    assert [n for n in again if n.start_beats > start] == [n for n in whole if n.start_beats > start]
    # What was held over the cut is struck again there, and nothing else.
    assert {instrument for instrument, _ in begun} <= {"pad", "drone"}
    sounding = {n.midi_note for n in again if n.instrument == "pad" and n.start_beats == start}
    assert len(sounding) == 4


@given(st.integers(0, 32), st.sampled_from([8, 16, 32]), st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_a_rhythm_puts_each_note_on_a_step_of_its_own(onsets: int, steps: int, rhythm: list[int]) -> None:
    places = place(min(onsets, steps), steps, rhythm)
    assert len(set(places)) == min(onsets, steps)
    assert all(0 <= p < steps for p in places)
    assert places == sorted(places)


def test_no_chord_stands_on_a_diminished_fifth() -> None:
    assert 6 not in roots("ionian")
    assert 5 not in roots("dorian")
    for mode in MODES:
        assert 0 in roots(mode)
        assert distance_from_home(mode, 0) == 0.0


def test_a_pitch_below_the_tonic_is_in_the_octave_below() -> None:
    assert pitch(60, "ionian", -1) == 59
    assert pitch(60, "minor_pentatonic", 5) == 72


def test_a_voicing_keeps_common_tones() -> None:
    first = voice(chord_on(48, "ionian", 0, 0.0), (), 59.0)
    second = voice(chord_on(48, "ionian", 5, 0.0), first, 59.0)
    assert len(set(first) & set(second)) >= 2


# the conductor ------------------------------------------------------------------------------------------


def _phase(controls: Controls, block: int) -> float:
    return block * 0.01 * controls.breath_pace_per_min / 60.0 % 1.0


def _conduct(controls: Controls, seconds: float, start_beats: float = 0.0) -> list[tuple[float, Note]]:
    conductor = Conductor(Composer("ocean/3"), start_beats, controls, 0.0)
    heard = []
    for k in range(round(seconds * 100)):
        onsets, _ = conductor.block(controls, 0.01, _phase(controls, k))
        heard += [(k * 0.01 + o.offset_s, o.note) for o in onsets]
    return heard


@pytest.mark.parametrize("tempo_bpm", [40.0, 58.7, 96.0])
def test_beats_fall_on_the_tempo_to_the_sample(tempo_bpm: float) -> None:
    beats = [
        at for at, n in _conduct(Controls(pulse=1.0, tempo_bpm=tempo_bpm), 30.0) if n.instrument == "pulse"
    ]
    for index, at_s in enumerate(beats):
        assert at_s == pytest.approx(index * 60 / tempo_bpm, abs=1 / 48_000)


def test_the_tempo_leans_into_a_change_and_arrives() -> None:
    conductor = Conductor(Composer("ocean/3"), 0.0, Controls(tempo_bpm=60.0), 0.0)
    conductor.block(Controls(tempo_bpm=80.0), 0.01, 0.0)
    assert conductor.tempo_bpm < 60.2
    for _ in range(1500):
        conductor.block(Controls(tempo_bpm=80.0), 0.01, 0.0)
    assert conductor.tempo_bpm == pytest.approx(80.0, abs=0.1)


def test_every_held_note_is_released_at_its_end() -> None:
    controls = Controls(tempo_bpm=96.0, notes_per_s=0.0, pulse=0.0, swell=0.0)
    conductor = Conductor(Composer("ocean/3"), 0.0, controls, 0.0)
    held: dict[int, Note] = {}
    most = 0
    for k in range(6150):
        onsets, releases = conductor.block(controls, 0.01, _phase(controls, k))
        held.update({id(o.note): o.note for o in onsets})
        for release in releases:
            del held[id(release.note)]
        most = max(most, len(held))
    assert most <= 12  # two chords of six while one crosses over into the next
    assert len(held) <= 6


def test_the_bar_counts_on_from_where_it_was() -> None:
    controls = Controls(tempo_bpm=60.0)
    conductor = Conductor(Composer("ocean/3"), 9.5 * 4, controls, 0.0)
    for k in range(200):
        conductor.block(controls, 0.01, _phase(controls, k))
    assert conductor.bar == pytest.approx(10.0)
