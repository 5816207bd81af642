"""A turn ends at the pace of therapy: later where the patient is not done, never while held."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_guide.listen.turns import (
    Began,
    Finished,
    Paused,
    Resumed,
    TurnDetector,
    TurnEvent,
    TurnSettings,
    sounds_complete,
)

STEP_S = 0.032


def play(
    turns: TurnDetector, *parts: tuple[float, float], from_s: float = 0.0
) -> list[tuple[float, TurnEvent]]:
    """Push (probability, seconds) after each other; return the events with when they were told."""
    told, number = [], 0
    for probability, seconds in parts:
        for _ in range(round(seconds / STEP_S)):
            number += 1
            at_s = from_s + number * STEP_S
            told += [(at_s, event) for event in turns.push(probability, at_s, STEP_S)]
    return told


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("I am better now.", 0.7),
        ("Can we go somewhere else?", 0.7),
        ("Es geht mir gut.", 0.7),
        ("And then he said that.", 1.2),
        ("I was walking and", 1.2),
        ("It is, um,", 1.2),
        ("Ich habe Angst vor dem", 1.2),
        ("maybe", 1.0),
        ("", 1.0),
    ],
)
def test_how_long_it_waits_depends_on_whether_the_words_sound_complete(text: str, wait_s: float) -> None:
    turns = TurnDetector()
    *_, (paused_s, paused) = play(turns, (0.9, 2.0), (0.02, 0.3))
    assert isinstance(paused, Paused)
    turns.hear(text)
    ((told_s, finished),) = play(turns, (0.02, 3.0), from_s=paused_s)
    assert isinstance(finished, Finished)
    assert finished.why == "pause"
    assert finished.until_s == paused.at_s
    assert told_s - finished.until_s == pytest.approx(wait_s, abs=2 * STEP_S)


@pytest.mark.parametrize(
    ("text", "wait_s"), [("It was a place by the sea.", 3.0), ("Yes, please.", 0.7), ("And then", 3.0)]
)
def test_a_held_turn_waits_longer_but_for_a_short_whole_answer(text: str, wait_s: float) -> None:
    turns = TurnDetector()
    turns.hold(True)
    *_, (paused_s, _) = play(turns, (0.9, 1.0), (0.02, 0.3))
    turns.hear(text)
    ((told_s, finished),) = play(turns, (0.02, 5.0), from_s=paused_s)
    assert isinstance(finished, Finished)
    assert told_s - finished.until_s == pytest.approx(wait_s, abs=2 * STEP_S)


def test_a_turn_that_is_let_go_ends_as_any_other() -> None:
    turns = TurnDetector()
    turns.hold(True)
    told = play(turns, (0.9, 1.0), (0.02, 2.0))
    assert [type(event) for _, event in told] == [Began, Paused]
    turns.hold(False)
    ((_, finished),) = play(turns, (0.02, STEP_S), from_s=3.0)
    assert isinstance(finished, Finished)


def test_who_goes_on_after_a_pause_is_in_the_same_turn() -> None:
    told = play(TurnDetector(), (0.9, 1.0), (0.02, 0.5), (0.9, 1.0), (0.02, 2.0))
    assert [type(event) for _, event in told] == [Began, Paused, Resumed, Paused, Finished]
    assert told[2][1] == Resumed(at_s=pytest.approx(1.5, abs=3 * STEP_S))


def test_words_heard_before_a_pause_do_not_shorten_the_next_one() -> None:
    turns = TurnDetector()
    play(turns, (0.9, 1.0), (0.02, 0.3))
    turns.hear("That is all.")
    *_, (end_s, finished) = play(turns, (0.9, 1.0), (0.02, 2.0), from_s=1.3)
    assert isinstance(finished, Finished)
    assert end_s - finished.until_s == pytest.approx(1.0, abs=2 * STEP_S)


def test_a_knock_is_no_turn_and_a_murmur_does_not_begin_one() -> None:
    assert play(TurnDetector(), (0.02, 0.5), (0.9, STEP_S), (0.02, 1.0), (0.45, 3.0)) == []


def test_a_voice_that_sinks_is_still_speaking() -> None:
    told = play(TurnDetector(), (0.9, 0.5), (0.4, 2.0), (0.02, 2.0))
    assert isinstance(told[-1][1], Finished)
    assert told[-1][1].until_s == pytest.approx(2.5, abs=2 * STEP_S)


def test_a_turn_without_end_is_ended() -> None:
    turns = TurnDetector(dataclasses.replace(TurnSettings(), longest_s=10.0))
    told = play(turns, (0.9, 25.0))
    assert [type(event) for _, event in told] == [Began, Finished, Began, Finished, Began]
    assert [event.why for _, event in told if isinstance(event, Finished)] == ["length", "length"]


def test_flush_ends_a_held_turn_and_nothing_else() -> None:
    turns = TurnDetector()
    assert turns.flush() == ()
    turns.hold(True)
    play(turns, (0.9, 1.0))
    (finished,) = turns.flush()
    assert isinstance(finished, Finished)
    assert finished.why == "flush"
    assert not turns.in_turn


@given(st.lists(st.floats(0.0, 1.0), max_size=400), st.lists(st.booleans(), max_size=5))
def test_whatever_is_heard_the_events_make_sense(probabilities: list[float], holds: list[bool]) -> None:
    """Began → (Paused → Resumed)* → Paused? → Finished; no time runs back, no turn is longer than allowed."""
    settings = TurnSettings(longest_s=6.0)
    turns, state, last_s = TurnDetector(settings), "idle", -1.0
    allowed = {
        ("idle", Began): "talk",
        ("talk", Paused): "pause",
        ("pause", Resumed): "talk",
        ("talk", Finished): "idle",
        ("pause", Finished): "idle",
    }
    held, began_s = False, 0.0
    for number, probability in enumerate(probabilities):
        if holds and number % 80 == 79:
            held = holds.pop()
            turns.hold(held)
        at_s = (number + 1) * STEP_S
        for event in turns.push(probability, at_s, STEP_S):
            state = allowed[state, type(event)]
            when_s = event.until_s if isinstance(event, Finished) else event.at_s
            assert last_s - 1e-9 <= when_s <= at_s
            last_s = when_s
            if isinstance(event, Began):
                began_s = event.at_s
            if isinstance(event, Finished) and event.why == "pause":
                assert not held
                assert at_s - event.until_s >= settings.complete_s
        assert turns.in_turn == (state != "idle")
        if state == "talk":
            assert at_s - began_s <= settings.longest_s + settings.open_s


@given(st.text(max_size=60))
def test_any_text_sounds_complete_open_or_neither(text: str) -> None:
    assert sounds_complete(text) in {True, False, None}
