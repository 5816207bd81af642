"""When a thought is given up: it hangs, it creeps, it goes round, it never ends."""

import math

import pytest

from voice_guide.think import ThinkSettings
from voice_guide.think._watch import Watch, goes_round

SETTINGS = ThinkSettings(speak_by_s=1.7, stall_s=1.0, slowest_per_s=2.0, deadline_s=8.0, max_tokens=50)


def test_a_model_that_writes_is_waited_for() -> None:
    watch = Watch(SETTINGS, began_s=10.0)
    for n in range(50):
        assert watch.token(f"word{n} ", 10.5 + 0.1 * n) == ""
        if n == 5:
            watch.speakable()
        assert watch.check(10.5 + 0.1 * n) == ""


def test_a_model_that_says_nothing_is_given_up_before_the_line_is_due() -> None:
    watch = Watch(SETTINGS, began_s=0.0)
    assert watch.check(1.6) == ""
    assert "nothing to say" in watch.check(1.71)


def test_a_model_that_hangs_after_its_first_words_is_given_up() -> None:
    watch = Watch(SETTINGS, began_s=0.0)
    watch.token("Take your time. ", 0.5)
    watch.speakable()
    assert watch.check(1.4) == ""
    assert "no token for" in watch.check(1.6)


def test_a_tenth_of_a_token_a_second_is_given_up_within_the_two_seconds() -> None:
    watch = Watch(SETTINGS, began_s=0.0)
    watch.token("Take", 0.1)
    given_up_s = next(t / 100 for t in range(300) if watch.check(t / 100))
    assert given_up_s < 1.8


def test_a_creeping_model_is_given_up_though_it_never_stalls() -> None:
    watch = Watch(SETTINGS, began_s=0.0)
    watch.speakable()
    said = [watch.token(f"{n} ", 0.8 * n) for n in range(4)]
    assert said[0] == ""
    assert "tokens/s" in said[-1]


def test_a_thought_has_an_end() -> None:
    watch = Watch(SETTINGS, began_s=0.0)
    watch.speakable()
    for n in range(80):
        watch.token(f"word{n} ", 0.1 * n)
    assert "more than 50 tokens" in watch.token("x", 7.95)
    assert "not complete" in watch.check(8.1)
    assert "characters" in Watch(SETTINGS, began_s=0.0).token("".join(map(chr, range(32, 5_000))), 0.1)


@pytest.mark.parametrize("now_s", [math.nan, -1.0])
def test_a_clock_that_does_not_go_on_ends_the_thought(now_s: float) -> None:
    assert "clock" in Watch(SETTINGS, began_s=0.0).check(now_s)


@pytest.mark.parametrize(
    "text",
    ["0.3333333333333333333333333333333333", "sea sea sea sea sea sea sea sea ", "I am here. " * 3 + '"}'],
)
def test_going_round_is_noticed(text: str) -> None:
    assert goes_round(text)


@pytest.mark.parametrize(
    "text", ["", "a", "Take your time. Take your time.", "Wait... and breathe...", "0.333333"]
)
def test_what_does_not_go_round_passes(text: str) -> None:
    assert goes_round(text) == ""
