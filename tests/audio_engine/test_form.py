"""Phrases, sentences, sections, keys and pauses: what the piece is made of."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_engine.composer.harmony import CADENCES, Harmony
from audio_engine.composer.keys import Keys, pivot
from audio_engine.composer.melody import FORMS, VARIATIONS, Melody, stage_of
from audio_engine.composer.phrasing import SECTION_BEATS, Phrase
from audio_engine.composer.score import Composer, Note, Rest, write
from audio_engine.composer.theory import chord_on, pitch_classes, roots
from therapy.controls import MODES, TABLE, Controls


@dataclasses.dataclass(frozen=True)
class Piece:
    """A score with the phrases and pauses it is made of."""

    notes: list[Note]
    phrases: list[Phrase]
    rests: set[Rest]
    tonics: dict[int, int]

    def of(self, phrase: Phrase, *roles: str) -> list[Note]:
        """Notes of the roles that start within the phrase."""
        after = [p.start_beats for p in self.phrases if p.start_beats > phrase.start_beats]
        end = after[0] if after else math.inf
        return [n for n in self.notes if n.instrument in roles and phrase.start_beats <= n.start_beats < end]


def piece(beats: int = 256, seed: str = "ocean/3", phase: float = 0.0, **settings: Any) -> Piece:
    controls = Controls(**settings)
    composer = Composer(seed)
    notes, phrases, rests, tonics = [], [], set(), {}
    for beat in range(beats):
        now = (phase + beat * controls.breath_pace_per_min / controls.tempo_bpm) % 1.0
        notes += composer.beat(beat, controls, now)
        assert composer.phrase is not None
        if composer.phrase not in phrases:
            phrases.append(composer.phrase)
        tonics[composer.phrase.section] = composer.tonic
        if composer.rest is not None:
            rests.add(composer.rest)
    return Piece(notes, phrases, rests, tonics)


@pytest.mark.parametrize("pace", [4.0, 6.0, 8.3, 15.0])
@pytest.mark.parametrize("tempo", [40.0, 96.0])
def test_phrases_begin_with_an_inhale_and_last_about_a_slow_breath(pace: float, tempo: float) -> None:
    played = piece(phase=0.3, tempo_bpm=tempo, breath_pace_per_min=pace)
    starts = [p.start_beats for p in played.phrases]
    for phrase in played.phrases[1:]:
        breaths = 0.3 + phrase.start_beats * pace / tempo
        apart_s = abs(breaths - round(breaths)) * 60.0 / pace
        assert apart_s <= 0.5 * 60.0 / tempo + 1e-6
    gaps_s = [(b - a) * 60.0 / tempo for a, b in itertools.pairwise(starts[1:])]
    whole = [gap for gap, p in zip(gaps_s, played.phrases[1:], strict=False) if not p.closing]
    assert all(5.9 <= gap <= 15.8 for gap in whole)


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_any_controls_make_finite_notes_in_order(data: st.DataObject) -> None:
    names = ("tempo_bpm", "notes_per_s", "tension", "register", "pulse", "breath_pace_per_min", "melody",
             "inhale_fraction", "swell", "dynamics", "silence", "arc")  # fmt: skip
    drawn: dict[str, Any] = {n: data.draw(st.floats(TABLE[n].low, TABLE[n].high), label=n) for n in names}
    played = piece(300, mode=data.draw(st.sampled_from(sorted(MODES))), **drawn)
    assert all(0 <= n.midi_note <= 127 and 0.0 <= n.velocity <= 1.0 for n in played.notes)
    assert all(n.duration_beats > 0.0 and math.isfinite(n.start_beats) for n in played.notes)
    drones = [n for n in played.notes if n.instrument == "drone"]
    spans = [range(int(n.start_beats), math.ceil(n.start_beats + n.duration_beats)) for n in drones]
    covered = {beat for span in spans for beat in span}
    assert covered >= set(range(300))  # never dead: the drone, or the room tone of a pause, always sounds


def _first_chord(played: Piece, phrase: Phrase) -> set[int]:
    pads = played.of(phrase, "pad")
    return {n.midi_note % 12 for n in pads if n.start_beats == pads[0].start_beats}


def _last_chord(played: Piece, phrase: Phrase) -> set[int]:
    pads = played.of(phrase, "pad")
    return {n.midi_note % 12 for n in pads if n.start_beats == pads[-1].start_beats}


@pytest.mark.parametrize("mode", MODES)
def test_sentences_begin_at_home_and_every_second_one_ends_there(mode: str) -> None:
    for seed in ("a", "b"):
        played = piece(256, seed, mode=mode, tension=0.6)
        home = chord_on(Composer(seed).tonic, mode, 0, 0.0).classes[0]
        for phrase in played.phrases:
            if phrase.place == 0 and not phrase.closing:
                assert home in _first_chord(played, phrase)
            if Harmony.closes(phrase) and Harmony.full_close(phrase):
                assert home in _last_chord(played, phrase)
                assert _first_chord(played, phrase) != _last_chord(played, phrase)


def test_a_close_is_approached_by_a_chord_that_leads_home() -> None:
    for mode, ways in CADENCES.items():
        assert set(ways) <= set(roots(mode)) - {0}


def test_a_full_close_ends_the_tune_on_the_tonic() -> None:
    played = piece(256, tension=0.5, notes_per_s=1.5)
    whole = [p for p in played.phrases if p.end_beats <= 256]
    ends = [p for p in whole if Harmony.closes(p) and Harmony.full_close(p)]
    finals = [played.of(p, "bell", "answer")[-1].midi_note % 12 for p in ends]
    assert len(finals) >= 3
    assert set(finals) == {played.tonics[0] % 12}


def test_the_music_goes_away_and_comes_home_by_common_tones() -> None:
    went = 0
    for seed in map(str, range(4)):
        played = piece(4 * SECTION_BEATS + 40, seed, tension=0.5, arc=0.5)
        home, away = played.tonics[0], played.tonics[2]
        assert played.tonics[1] == played.tonics[3] == home
        went += away != home
        scales = [pitch_classes(tonic, "dorian") for tonic in (home, away)]
        assert len(scales[0] & scales[1]) >= 5
        for section in (2, 3):
            first = next(p for p in played.phrases if p.section == section)
            before = played.phrases[played.phrases.index(first) - 1]
            assert len(_last_chord(played, before) & _first_chord(played, first)) >= 2
    assert went == 4


@pytest.mark.parametrize("settings", [{"tension": 0.05}, {"arc": 0.0}, {"arc": 1.0}])
def test_arrival_return_and_calm_stay_in_the_home_key(settings: dict[str, Any]) -> None:
    assert len(set(piece(3 * SECTION_BEATS, **settings).tonics.values())) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_pivot_belongs_to_both_keys(mode: str) -> None:
    for up in (5, 7):
        root = pivot(48, 48 + up, mode)
        new = set(chord_on(48 + up, mode, root, 0.0).classes)
        assert len(new & set(chord_on(48, mode, 0, 0.0).classes)) >= 2


def test_a_key_depends_on_seed_and_section_alone() -> None:
    controls = Controls(tension=0.6, arc=0.5)
    assert [Keys("x").tonic(s, controls) for s in range(9)] == [
        Keys("x").tonic(s, controls) for s in range(9)
    ]


# breath ---------------------------------------------------------------------------------------------------


def _slope(notes: list[Note]) -> float:
    return notes[-1].midi_note - notes[0].midi_note if len(notes) > 1 else 0.0


def test_the_figure_rises_with_every_inhale_and_falls_with_every_exhale() -> None:
    played = piece(300, phase=0.4, tempo_bpm=57.0, breath_pace_per_min=5.5)
    breath_beats = 57.0 / 5.5
    figures = [n for n in played.notes if n.instrument == "texture" and n.start_beats > 12]
    turns: dict[tuple[int, bool], list[Note]] = {}
    for note in figures:
        breaths = 0.4 + note.start_beats / breath_beats
        turns.setdefault((math.floor(breaths + 1e-6), (breaths + 1e-6) % 1.0 < 0.4), []).append(note)
    assert len(turns) > 40
    for (_, inhaling), notes in turns.items():
        pitches = [n.midi_note for n in notes]
        assert pitches == sorted(pitches, reverse=not inhaling)
        assert len(set(pitches)) > 1


def test_calls_rise_with_the_inhale_and_answers_fall_with_the_exhale() -> None:
    calls = answers = 0.0
    for seed in ("a", "b", "c"):
        played = piece(512, seed, notes_per_s=1.2, melody=0.8)
        calls += sum(_slope(played.of(p, "bell")) for p in played.phrases)
        answers += sum(_slope(played.of(p, "answer")) for p in played.phrases)
    assert calls > 100
    assert answers < -100


def test_velocities_swell_with_the_breath_as_far_as_dynamics_go() -> None:
    def spread(dynamics: float) -> float:
        velocities = [
            n.velocity for n in piece(dynamics=dynamics).notes if n.instrument in ("bell", "answer")
        ]
        return max(velocities) - min(velocities)

    widths = [spread(d) for d in (0.0, 0.5, 1.0)]
    assert widths == sorted(widths)
    assert widths[0] < 0.25
    assert widths[2] > 0.5


# tune -----------------------------------------------------------------------------------------------------


def test_motifs_rise_and_their_inversions_fall() -> None:
    for seed in map(str, range(20)):
        for motif in Melody(seed).motifs.values():
            assert sum(motif.steps) > 0
            assert sum(VARIATIONS["inverted"](motif).steps) == -sum(motif.steps)
            assert VARIATIONS["back"](VARIATIONS["back"](motif)) == motif
            assert sum(VARIATIONS["ornamented"](motif).steps) == sum(motif.steps)
            assert set(VARIATIONS["augmented"](motif).rhythm) <= {2 * r for r in motif.rhythm}


def test_a_motif_is_remembered_from_one_sentence_to_the_next() -> None:
    played = piece(256, notes_per_s=1.0, melody=1.0, tension=0.2)
    openings = [p for p in played.phrases if p.place == 0 and p.index]
    tunes = [[(n.start_beats - p.start_beats) for n in played.of(p, "bell")][:4] for p in openings]
    assert len(tunes) >= 3
    assert all(tune[:3] == tunes[0][:3] for tune in tunes)


def test_the_return_mirrors_the_arrival() -> None:
    first, last = FORMS["arrival"], FORMS["return"]
    assert [name for name, _ in first] == [name for name, _ in last][::-1]
    assert last[-1] == first[0]
    assert [stage_of(arc) for arc in (0.0, 0.25, 0.5, 1.0)] == ["arrival", "settling", "deepening", "return"]


def test_less_melody_means_single_chord_tones_and_no_answer() -> None:
    def apart(melody: float) -> float:
        played = piece(384, melody=melody, notes_per_s=1.5, tension=0.1)
        foreign = total = 0
        for phrase in played.phrases:
            if phrase.place < 3:
                tones = played.of(phrase, "bell", "answer")
                foreign += sum(n.midi_note % 12 not in _first_chord(played, phrase) for n in tones)
                total += len(tones)
        return foreign / total

    assert apart(0.0) < apart(0.5) < apart(1.0)
    assert not [n for n in piece(melody=0.1).notes if n.instrument == "answer"]


# silence --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("silence", "tempo"), [(0.2, 60.0), (0.4, 40.0), (0.7, 40.0), (0.7, 90.0)])
def test_pauses_take_their_share_and_never_more_than_two_minutes(silence: float, tempo: float) -> None:
    played = piece(640, silence=silence, tempo_bpm=tempo)
    lengths = [r.end_beats - r.start_beats for r in played.rests]
    assert lengths
    assert all(length * 60.0 / tempo <= 120.0 + 5.1 for length in lengths)
    wanted = min(silence, 120.0 * tempo / 60.0 / SECTION_BEATS)
    assert sum(lengths) / 640 == pytest.approx(wanted, abs=0.05)


def test_in_a_pause_only_the_room_tone_sounds_and_a_close_comes_before_it() -> None:
    played = piece(256, silence=0.4, pulse=1.0)
    rest = min(played.rests, key=lambda r: r.start_beats)
    inside = [n for n in played.notes if rest.start_beats <= n.start_beats < rest.end_beats]
    assert {n.instrument for n in inside} == {"drone"}
    assert max(n.velocity for n in inside) < 0.3
    before = [p for p in played.phrases if p.start_beats < rest.start_beats][-1]
    assert before.closing
    held = [n for n in played.notes if n.instrument == "pad" and n.start_beats < rest.start_beats]
    assert max(n.start_beats + n.duration_beats for n in held) <= rest.start_beats + 1.5


def test_without_the_control_nothing_pauses() -> None:
    assert piece(512, silence=0.0).rests == set()


def test_a_pause_ends_early_when_the_control_says_so() -> None:
    def controls_at(beat: float) -> Controls:
        return Controls(silence=0.7 if beat < 60 else 0.0)

    notes = write("ocean/3", controls_at, 128)
    pads = sorted(n.start_beats for n in notes if n.instrument == "pad")
    assert not [at for at in pads if 45 < at < 60]
    assert [at for at in pads if 60 <= at <= 71]


# seeds ----------------------------------------------------------------------------------------------------


def test_the_same_seed_and_trace_write_the_same_notes_bit_for_bit() -> None:
    def trace(beat: float) -> Controls:
        return Controls(
            tempo_bpm=55.0 + 5.0 * math.sin(beat / 40),
            tension=beat / 600,
            melody=0.5 + 0.4 * math.cos(beat / 70),
            breath_pace_per_min=9.0 - beat / 200,
            silence=0.3,
            arc=beat / 600,
        )

    first, again = write("a/1", trace, 560), write("a/1", trace, 560)
    assert repr(first) == repr(again)
    assert repr(first) != repr(write("a/2", trace, 560))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 400), st.floats(4.0, 15.0), st.floats(40.0, 96.0), st.sampled_from([0.0, 0.4]))
def test_any_beat_is_reached_again_after_a_restart(
    start: int, pace: float, tempo: float, silence: float
) -> None:
    controls = Controls(breath_pace_per_min=pace, tempo_bpm=tempo, silence=silence, tension=0.5, arc=0.5)

    def from_there(begin: float) -> list[str]:
        notes = write("lake/7", lambda _beat: controls, 40 if begin else start + 40, begin)
        return [
            f"{n.instrument} {n.midi_note} {n.velocity:.9f} {n.start_beats:.4f}"
            for n in notes
            if n.start_beats > start + 1e-3
        ]

    assert from_there(float(start)) == from_there(0.0)
