"""What a musician would ask of the tune, the chords under it and the breath's figure: judged on the notes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_engine.composer.melody import Tone, held_over
from audio_engine.composer.phrasing import BEATS_PER_BAR
from audio_engine.composer.score import Composer, Note, write
from audio_engine.composer.theory import chord_on, muddy, parallels, voice
from therapy.controls import Controls

BEATS = 256
SEEDS = ("ocean/1", "forest/2", "reef/3", "lake/4")
#: Calm and lively; in each of them the tune must hold.
SETTINGS = {
    "calm": Controls(notes_per_s=0.6, melody=0.45, tension=0.1, mode="lydian", register=60.0, arc=0.5),
    "lively": Controls(notes_per_s=1.3, melody=0.7, tension=0.4, tempo_bpm=72.0, breath_pace_per_min=9.0),
    "of five tones": Controls(notes_per_s=0.9, mode="major_pentatonic", arc=0.9),
}


@functools.cache
def score(setting: str, seed: str) -> list[Note]:
    return write(seed, lambda _beat: SETTINGS[setting], BEATS)


def tune(notes: list[Note]) -> list[Note]:
    return [n for n in notes if n.instrument in ("bell", "answer")]


def chords(notes: list[Note]) -> list[tuple[float, list[int]]]:
    """(beat, the pad's notes low to high), in order."""
    pads = itertools.groupby((n for n in notes if n.instrument == "pad"), key=lambda n: n.start_beats)
    return [(at, sorted(n.midi_note for n in chord)) for at, chord in pads]


def over_chords(setting: str) -> Iterator[tuple[Note, list[int]]]:
    """Each note of the tune with the chord that it sounds over."""
    for seed in SEEDS:
        changes = chords(score(setting, seed))
        for note in tune(score(setting, seed)):
            yield note, [chord for at, chord in changes if at <= note.start_beats][-1]


def share(hits: list[bool]) -> float:
    assert len(hits) > 40
    return sum(hits) / len(hits)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_tune_lies_over_the_chords_and_not_in_them(setting: str) -> None:
    assert share([note.midi_note < chord[-1] for note, chord in over_chords(setting)]) < 0.25


@pytest.mark.parametrize("setting", SETTINGS)
def test_bars_begin_with_tones_of_the_chord_and_no_strong_beat_rubs_against_it(setting: str) -> None:
    strong = [(n, c) for n, c in over_chords(setting) if n.start_beats % 2 == 0]
    bars = [n.midi_note % 12 in {p % 12 for p in c} for n, c in strong if n.start_beats % 4 == 0]
    assert share(bars) > 0.85
    rubs = [
        all((n.midi_note - p) % 12 != 0 for p in c) and any((n.midi_note - p) % 12 in (1, 11) for p in c)
        for n, c in strong
    ]
    assert share(rubs) < 0.06


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_tune_can_be_sung(setting: str) -> None:
    moves = [
        abs(b.midi_note - a.midi_note)
        for seed in SEEDS
        for a, b in itertools.pairwise(tune(score(setting, seed)))
    ]
    assert share([move <= 4 for move in moves]) > 0.7, "steps and thirds carry it"
    assert share([move > 7 for move in moves]) < 0.04
    assert max(moves) <= 12
    three = [move == after == 0 for move, after in itertools.pairwise(moves)]
    assert share(three) < 0.04, "no note is hammered"


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_tune_moves_mostly_by_step(setting: str) -> None:
    step = 3 if "five" in setting else 2
    moves = [
        abs(b.midi_note - a.midi_note)
        for seed in (*SEEDS, "night_sky/5", "zen_garden/6")
        for a, b in itertools.pairwise(tune(score(setting, seed)))
    ]
    assert share([move <= step for move in moves if move]) > 0.6


@pytest.mark.parametrize("setting", SETTINGS)
def test_close_intervals_are_rare_where_they_growl(setting: str) -> None:
    growls = []
    for seed in SEEDS:
        held = [n for n in score(setting, seed) if n.instrument in ("pad", "drone")]
        for a, b in itertools.combinations(held, 2):
            together = min(a.start_beats + a.duration_beats, b.start_beats + b.duration_beats)
            if max(a.start_beats, b.start_beats) < together:
                growls.append(muddy(a.midi_note, b.midi_note))
    assert share(growls) < 0.03


def test_a_close_interval_growls_below_c3_alone() -> None:
    assert muddy(47, 51)
    assert muddy(51, 47)
    assert not muddy(48, 52)
    assert not muddy(45, 52)
    assert not muddy(45, 45)


def test_a_sentence_sets_out_higher_in_its_third_phrase_than_in_its_first() -> None:
    first: dict[int, list[int]] = {0: [], 2: []}
    for seed in SEEDS:
        composer, controls = Composer(seed), SETTINGS["lively"]
        known: set[int] = set()
        for beat in range(BEATS):
            phase = beat * controls.breath_pace_per_min / controls.tempo_bpm % 1.0
            called = [n for n in composer.beat(beat, controls, phase) if n.instrument == "bell"]
            phrase = composer.phrase
            assert phrase is not None
            if called and phrase.start_beats not in known:
                known.add(phrase.start_beats)
                first.setdefault(phrase.place, []).append(called[0].midi_note)
    low, high = (sum(first[place]) / len(first[place]) for place in (0, 2))
    assert high > low + 2.0


# over the bar ---------------------------------------------------------------------------------------------


def tone(at_beats: float, role: str = "bell", lasts: float = 1.0) -> Tone:
    return Tone(role=role, at_beats=at_beats, midi_note=60, velocity=0.5, duration_beats=lasts)


def test_a_tone_before_a_bar_line_is_held_over_it_and_the_next_one_waits() -> None:
    before, late, after = held_over([tone(6.5), tone(8.0), tone(9.0)])
    assert late.at_beats == 8.5
    assert before.at_beats + before.duration_beats >= 8.5, "it sounds until the next one comes"
    assert after.at_beats == 9.0


@pytest.mark.parametrize(
    "tones",
    [
        [tone(6.5), tone(7.5), tone(9.0)],  # no tone on a bar line
        [tone(5.0), tone(8.0), tone(9.0)],  # too far before it
        [tone(7.0), tone(8.0, "answer"), tone(9.0)],  # the exhale's answer waits for nobody
        [tone(8.0)],
        [],
    ],
)
def test_what_cannot_be_tied_stays_as_it_is(tones: list[Tone]) -> None:
    assert held_over(tones) == tones


@given(st.lists(st.integers(1, 12), max_size=12))
def test_tying_keeps_every_tone_and_their_order(quarters: list[int]) -> None:
    tones = [tone(0.25 * at) for at in itertools.accumulate(quarters)]
    tied = held_over(tones)
    assert len(tied) == len(tones)
    assert [t.at_beats for t in tied] == sorted({t.at_beats for t in tied})
    assert sum(a != b for a, b in zip(tones, tied, strict=True)) <= 2


@pytest.mark.parametrize("setting", SETTINGS)
def test_phrases_breathe_over_bar_lines(setting: str) -> None:
    ties = bars = 0
    for seed in SEEDS:
        notes = tune(score(setting, seed))
        onsets = {n.start_beats for n in notes}
        bars += BEATS // BEATS_PER_BAR
        for a, b in itertools.pairwise(notes):
            line = (a.start_beats // BEATS_PER_BAR + 1) * BEATS_PER_BAR
            held = line - a.start_beats <= 2.0 and line < b.start_beats <= line + 1.0 and line not in onsets
            ties += held and a.start_beats + a.duration_beats >= b.start_beats
    assert ties > bars / 16, "at least one in about four phrases"


# chords ---------------------------------------------------------------------------------------------------


def test_parallel_fifths_and_octaves_are_counted() -> None:
    assert parallels((48, 55, 60, 64), (50, 57, 62, 65)) == 2
    assert parallels((48, 55, 60, 64), (48, 57, 60, 65)) == 0
    assert parallels((48, 55), (50, 57)) == 1
    assert parallels((48, 55), (55, 50)) == 0, "against each other is no parallel"
    assert parallels((), (48, 55, 60, 64)) == 0


@pytest.mark.parametrize("setting", ["calm", "lively"])
def test_chords_seldom_go_in_parallel_fifths_or_octaves(setting: str) -> None:
    changes = [
        parallels(a, b)
        for seed in SEEDS
        for (_, a), (_, b) in itertools.pairwise(chords(score(setting, seed)))
        if a != b
    ]
    assert share([count > 0 for count in changes]) < 0.15


@given(st.floats(55.0, 65.0), st.floats(40.0, 90.0), st.integers(0, 6), st.floats(0.0, 1.0))
def test_a_voicing_stays_under_its_ceiling_and_out_of_the_mud(
    centre: float, ceiling: float, root: int, colour: float
) -> None:
    notes = voice(chord_on(48, "dorian", root, colour), (), centre, ceiling)
    assert len(set(notes)) == 4
    assert notes[0] >= round(centre) - 11
    assert notes[-1] <= max(ceiling, round(centre) + 6.0) + 0.5


# the breath's figure ----------------------------------------------------------------------------------------


def test_the_figure_of_a_breath_is_seldom_that_of_the_breath_before() -> None:
    controls = Controls(breath_pace_per_min=6.0, tempo_bpm=60.0, tension=0.0, notes_per_s=0.0, swell=0.8)
    texture = [n for n in write("ocean/3", lambda _beat: controls, BEATS) if n.instrument == "texture"]
    breaths = [
        [n.midi_note for n in b] for _, b in itertools.groupby(texture, key=lambda n: n.start_beats // 10)
    ]
    same = [a == b for a, b in itertools.pairwise(breaths)]
    assert len(same) > 20
    assert sum(same) < 0.2 * len(same)
    assert {len(b) for b in breaths} >= {6, 7, 8}
    assert len({round(n.velocity, 6) for n in texture}) > 0.9 * len(texture)


def test_a_short_breath_has_a_shorter_figure() -> None:
    def closest(pace: float) -> float:
        controls = Controls(breath_pace_per_min=pace, tempo_bpm=60.0, swell=0.8)
        texture = [n for n in write("ocean/3", lambda _beat: controls, 128) if n.instrument == "texture"]
        gaps = [b.start_beats - a.start_beats for a, b in itertools.pairwise(texture)]
        return min(gaps)

    assert closest(15.0) > 0.5, "never faster than about two in a second"
    assert closest(5.0) > closest(15.0)
