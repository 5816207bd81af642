"""The ear: words while the patient speaks, words at the end, and never a wait."""

import itertools

import numpy as np
import pytest
from hearing_kit import ByHand, LoudVad, Says, sound, stamped
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_guide import messages
from voice_guide.listen.ear import Ear, EarSettings, Partial, SpeechEnded, SpeechStarted, TurnEnded
from voice_guide.listen.transcript import RATE_HZ
from voice_guide.listen.turns import TurnSettings
from voice_guide.risk import RiskScreen
from voice_guide.riskbook import load_risk_book


def test_a_sentence_becomes_partial_words_and_then_a_turn() -> None:
    ear = Ear(Says("I feel", "I feel calm", "I feel calm now."), LoudVad())
    told = list(stamped(ear, sound(("quiet", 1.0), ("talk", 2.3), ("quiet", 2.0)), from_s=100.0))
    kinds = [type(event) for _, event in told]
    assert kinds == [SpeechStarted, Partial, Partial, SpeechEnded, Partial, TurnEnded]
    assert told[0][0] - 101.0 < 0.12, "noticed"
    heard = told[-1][1].heard
    assert (heard.text, heard.final, heard.turn) == ("I feel calm now.", True, 1)
    assert heard.confidence == pytest.approx(0.9)
    assert heard.from_s == pytest.approx(101.0, abs=0.05)
    assert heard.until_s == pytest.approx(103.3, abs=0.05)
    assert told[-1][0] - heard.until_s == pytest.approx(0.7, abs=0.06), "complete words wait less"


def test_the_words_at_the_end_were_looked_for_in_the_pause() -> None:
    hands, says = ByHand(), Says("Yes.")
    ear = Ear(says, LoudVad(), executor=hands, settings=EarSettings(partial_every_s=9.0))
    pause = list(stamped(ear, sound(("talk", 0.8), ("quiet", 0.34))))
    assert [type(event) for _, event in pause] == [SpeechStarted, SpeechEnded]
    assert len(hands.waiting) == 1
    hands.run_one()
    rest = list(stamped(ear, sound(("quiet", 1.0)), from_s=1.14))
    assert [type(event) for _, event in rest] == [Partial, TurnEnded]
    assert len(says.lengths_s) == 1, "one look was enough"


def test_a_look_that_still_runs_at_the_end_is_the_last_one() -> None:
    hands, says = ByHand(), Says("Maybe")
    ear = Ear(says, LoudVad(), executor=hands, settings=EarSettings(partial_every_s=9.0))
    list(stamped(ear, sound(("talk", 0.8), ("quiet", 1.5))))
    assert ear.busy
    hands.run_one()
    (ended,) = ear.poll()
    assert isinstance(ended, TurnEnded)
    assert not ear.busy
    assert len(says.lengths_s) == 1


def test_words_from_a_pause_that_was_none_do_not_end_the_turn() -> None:
    hands, says = ByHand(), Says("I was.", "I was not well")
    ear = Ear(says, LoudVad(), executor=hands, settings=EarSettings(partial_every_s=9.0))
    list(stamped(ear, sound(("talk", 0.8), ("quiet", 0.4))))
    again = list(stamped(ear, sound(("talk", 0.6)), from_s=1.2))
    assert [type(event) for _, event in again] == [SpeechStarted]
    hands.run_one()
    assert [type(event) for event in ear.poll()] == [Partial]
    told = list(stamped(ear, sound(("quiet", 0.4)), from_s=1.8))
    hands.run_one()
    told += list(stamped(ear, sound(("quiet", 1.2)), from_s=2.2))
    assert [event.heard.text for _, event in told if isinstance(event, TurnEnded)] == ["I was not well"]


def test_a_transcriber_that_never_answers_neither_blocks_nor_grows() -> None:
    hands = ByHand()
    ear = Ear(Says("x"), LoudVad(), executor=hands)
    ended = [
        event.heard
        for _, event in stamped(ear, sound(*[("talk", 1.0), ("quiet", 1.4)] * 12))
        if isinstance(event, TurnEnded)
    ]
    assert len(hands.waiting) == 1, "one runs, the others wait inside"
    assert len(ear._jobs) <= 5
    assert {heard.text for heard in ended} == {"…"}, "what could not be heard is told, not hidden"
    assert {heard.confidence for heard in ended} == {0.0}


def test_a_monologue_is_heard_in_pieces_and_told_as_one() -> None:
    numbers = (f"part {n}" for n in itertools.count())
    says = Says("")
    says.texts = [next(numbers) for _ in range(200)]
    ear = Ear(says, LoudVad(), settings=EarSettings(partial_every_s=5.0))
    breathing = [("talk", 6.7), ("quiet", 0.4)] * 9
    told = [event for _, event in stamped(ear, sound(*breathing, ("quiet", 1.5)))]
    (ended,) = [event for event in told if isinstance(event, TurnEnded)]
    assert ended.heard.until_s - ended.heard.from_s == pytest.approx(63.5, abs=0.5)
    assert ended.heard.text.count("part") >= 3
    assert max(says.lengths_s) <= 28.0
    assert sum(isinstance(event, Partial) for event in told) >= 5


def test_sixty_seconds_without_a_breath_stay_within_the_buffer() -> None:
    says = Says("on and on")
    ear = Ear(says, LoudVad(), settings=EarSettings(partial_every_s=10.0))
    (ended,) = [
        event
        for _, event in stamped(ear, sound(("talk", 60.0), ("quiet", 1.5)))
        if isinstance(event, TurnEnded)
    ]
    assert max(says.lengths_s) <= 28.0
    assert ended.heard.text == "on and on on and on on and on"


def test_a_held_turn_keeps_what_follows_a_long_silence_and_little_of_the_silence() -> None:
    says = Says("Well", "Yes and no")
    turns = TurnSettings(held_s=60.0)
    ear = Ear(says, LoudVad(), settings=EarSettings(partial_every_s=99.0, turns=turns))
    ear.hold(True)
    told = list(stamped(ear, sound(("talk", 1.0), ("quiet", 40.0), ("talk", 1.0), ("quiet", 2.0))))
    assert not any(isinstance(event, TurnEnded) for _, event in told)
    assert 2.0 < says.lengths_s[-1] < 3.5
    ear.hold(False)
    told = list(stamped(ear, sound(("quiet", 0.1)), from_s=44.0))
    assert [event.heard.text for _, event in told if isinstance(event, TurnEnded)] == ["Yes and no"]


def test_a_knock_is_told_as_sound_and_its_end_but_never_as_words() -> None:
    says = Says("Thank you.")
    ear = Ear(says, LoudVad())
    told = [event for _, event in stamped(ear, sound(("quiet", 1.0), ("talk", 0.12), ("quiet", 2.0)))]
    assert isinstance(told[0], SpeechStarted)
    assert isinstance(told[-1], TurnEnded)
    assert told[-1].heard.text == ""
    assert says.lengths_s == []


@pytest.mark.parametrize("long_s", [0.3, 1.5])
def test_speech_without_words_is_told_as_a_turn_without_words(long_s: float) -> None:
    ear = Ear(Says(""), LoudVad())
    told = [event for _, event in stamped(ear, sound(("talk", long_s), ("quiet", 2.0)))]
    (ended,) = [event for event in told if isinstance(event, TurnEnded)]
    assert (ended.heard.text, ended.heard.confidence) == ("", 0.0)
    assert not any(isinstance(event, Partial) for event in told)


def test_a_gap_in_the_sound_counts_as_quiet() -> None:
    vad = LoudVad()
    ear = Ear(Says("Good."), vad)
    list(stamped(ear, sound(("talk", 1.0))))
    told = [event for _, event in stamped(ear, sound(("quiet", 0.1)), from_s=9.0)]
    assert [type(event) for event in told] == [SpeechEnded, TurnEnded]
    assert vad.resets == 1


def test_time_that_jumps_back_ends_what_was_open() -> None:
    ear = Ear(Says("Before"), LoudVad(), settings=EarSettings(partial_every_s=9.0))
    list(stamped(ear, sound(("talk", 1.0)), from_s=500.0))
    told = [event for _, event in stamped(ear, sound(("talk", 1.0), ("quiet", 2.0)), from_s=0.0)]
    ended = [event.heard for event in told if isinstance(event, TurnEnded)]
    assert [(heard.turn, heard.until_s > 400) for heard in ended] == [(1, True), (2, False)]


def test_sound_that_is_none_is_quiet() -> None:
    class Remembers(LoudVad):
        def probability(self, chunk):
            assert np.isfinite(chunk).all()
            return super().probability(chunk)

    says = Says("Yes.")
    ear = Ear(says, Remembers())
    pcm = sound(("talk", 1.0), ("quiet", 2.0))
    pcm[20_000:] = np.nan
    told = [type(event) for _, event in stamped(ear, pcm)]
    assert told[-1] is TurnEnded


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.005, 0.3]),
            st.floats(0.0, 3.0),
            st.floats(-5.0, 40.0) | st.just(0.0),
        ),
        max_size=12,
    )
)
def test_whatever_comes_it_neither_grows_nor_confuses_turns(parts: list[tuple[float, float, float]]) -> None:
    """Loudness, length and jump of each part; transcriptions come back whenever."""
    hands = ByHand()
    ear = Ear(Says("words"), LoudVad(), executor=hands)
    at_s, ended = 0.0, []
    for number, (loud, seconds, jump_s) in enumerate(parts):
        pcm = np.full(round(seconds * RATE_HZ), loud, np.float32)
        at_s += jump_s
        events = ear.push(pcm, at_s)
        at_s += len(pcm) / RATE_HZ
        if number % 3 == 2 and hands.waiting:
            hands.run_one()
        ended += [event.heard.turn for event in events if isinstance(event, TurnEnded)]
        assert len(ear._jobs) <= 5
        assert len(hands.waiting) <= 1
        assert ear._filled <= len(ear._sound)
    for event in ear.flush():
        ended += [event.heard.turn] if isinstance(event, TurnEnded) else []
    while hands.waiting:
        hands.run_one()
        ended += [event.heard.turn for event in ear.poll() if isinstance(event, TurnEnded)]
    assert ended == sorted(set(ended)), "each turn ends once, in order"
    assert not ear.busy


def test_closing_the_microphone_ends_the_turn_at_once() -> None:
    ear = Ear(Says("Wait"), LoudVad(), settings=EarSettings(partial_every_s=9.0))
    list(stamped(ear, sound(("talk", 1.0))))
    assert [type(event) for event in ear.flush()] == [SpeechEnded, TurnEnded]
    assert ear.flush() == []


def test_how_sound_is_cut_into_packets_changes_nothing() -> None:
    pcm = sound(("quiet", 0.5), ("talk", 1.4), ("quiet", 1.6))
    by_packet = [event for _, event in stamped(Ear(Says("Same."), LoudVad()), pcm)]
    whole = Ear(Says("Same."), LoudVad()).push(pcm, 0.0)
    assert by_packet == whole


def test_partial_words_take_at_most_half_of_the_time() -> None:
    says = Says("slow", took_s=2.0)
    list(stamped(Ear(says, LoudVad()), sound(("talk", 12.5))))
    assert len(says.lengths_s) <= 4


def test_the_ear_copies_what_a_thread_will_read() -> None:
    hands = ByHand()
    seen: list[np.ndarray] = []

    class Keeps(Says):
        def transcribe(self, pcm):
            seen.append(pcm.copy())
            return super().transcribe(pcm)

    ear = Ear(Keeps("x"), LoudVad(), executor=hands)
    pcm = sound(("talk", 1.2))
    list(stamped(ear, pcm))
    list(stamped(ear, sound(("talk", 0.5)), from_s=1.2))
    hands.run_one()
    assert np.array_equal(seen[0], pcm[: len(seen[0])])
    assert len(seen[0]) > RATE_HZ


@pytest.mark.parametrize("long_s", [0.12, 0.4])
def test_after_a_cough_the_room_is_told_that_the_voice_has_ended(long_s: float) -> None:
    worker = pytest.importorskip("voice_guide.workers.ears", reason="the extra `voice` is not installed")
    sent: list = []

    class Outbox:
        def send(self, _room: str, message: object) -> None:
            sent.append(message)

    ear = Ear(Says(""), LoudVad())
    room = worker._Room(ear, RiskScreen(load_risk_book("en")))
    for _, event in stamped(ear, sound(("talk", long_s), ("quiet", 2.0))):
        worker._tell(Outbox(), "1", room, [event])
    assert [type(message) for message in sent] == [messages.SpeechStarted, messages.SpeechEnded]
