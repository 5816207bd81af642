"""A resonance assessment as time passes: its steps, bad signals, pauses, and what it finds."""

import math
from collections.abc import Callable

import pytest

from therapy.assessment import Assessment, StepDone, needed_s
from therapy.errors import BadValue
from therapy.resonance import PACES_PER_MIN

TICK_S = 0.25
RESONANCE_PER_MIN = 5.5


class Guided:
    """A patient who breathes with the pacer and whose heart answers most at `RESONANCE_PER_MIN`."""

    def __init__(self, assessment: Assessment, *, slope_per_s: float = 0.2) -> None:
        self.it, self.now_s, self.pace, self.slope = assessment, 50.0, 12.0, slope_per_s
        self.breath, self.heart, self.read, self.paces = 0.0, 0.0, [], []
        self.beats: Callable[[float], bool] = lambda _now_s: True

    def live(self, seconds: float) -> "Guided":
        for _ in range(round(seconds / TICK_S)):
            self.step()
        return self

    def finish(self) -> "Guided":
        while not self.it.over:
            self.step()
            assert self.now_s < 3000.0
        return self

    def step(self) -> None:
        self.now_s += TICK_S
        goal = self.it.goal_per_min
        self.pace += max(min(goal - self.pace, self.slope * TICK_S), -self.slope * TICK_S)
        self.paces.append((self.now_s, self.pace, self.it.settled))
        before, self.breath = self.breath, self.breath + self.pace / 60.0 * TICK_S
        if math.floor(self.breath) > math.floor(before):
            self.it.inhale(self.now_s)
        height = 10.0 / (1.0 + ((self.pace - RESONANCE_PER_MIN) / 0.6) ** 2)
        turn = self.breath - 0.4 - 0.21 - 0.12 * (self.pace - RESONANCE_PER_MIN)
        before = self.heart
        self.heart += (66.0 + height * math.cos(2.0 * math.pi * turn)) / 60.0 * TICK_S
        if math.floor(self.heart) > math.floor(before) and self.beats(self.now_s):
            back_s = (self.heart % 1.0) / (self.heart - before) * TICK_S
            self.it.beat("ecg", self.now_s - back_s)
        self.read += self.it.tick(self.now_s, self.pace)


@pytest.mark.parametrize("kind", ["stepped", "sliding"])
def test_the_pace_at_which_the_heart_answers_most_is_found(kind: str) -> None:
    guided = Guided(Assessment(kind, 7))
    assert guided.it.left_s < needed_s(kind)
    guided.finish()
    assert guided.it.choice is not None
    assert guided.it.choice.per_min == pytest.approx(RESONANCE_PER_MIN, abs=0.3)
    assert (guided.it.left_s, guided.it.step) == (0.0, guided.it.steps)
    measured = [done for done in guided.read if done.measured is not None]
    assert len(measured) >= (11 if kind == "sliding" else 5), "of a glide's slow end few breaths are whole"
    if kind == "stepped":
        assert sorted(round(done.per_min, 1) for done in guided.read) == sorted(PACES_PER_MIN)


def test_a_steps_clock_starts_when_the_pacer_has_arrived() -> None:
    guided = Guided(Assessment("stepped", 1), slope_per_s=0.02).finish()  # a pacer that walks for minutes
    settled = [pace for _, pace, there in guided.paces if there]
    assert {min(PACES_PER_MIN, key=lambda p, now=pace: abs(p - now)) for pace in settled} == set(
        PACES_PER_MIN
    )
    assert max(min(abs(p - pace) for p in PACES_PER_MIN) for pace in settled) < 0.06
    assert len(settled) * TICK_S == pytest.approx(600.0, abs=5.0)


def test_a_step_with_a_bad_signal_is_done_once_more_at_the_end() -> None:
    guided = Guided(Assessment("stepped", 3))
    while not guided.it.settled:
        guided.step()
    first, lost_from_s = guided.it.goal_per_min, guided.now_s
    guided.beats = lambda now_s: now_s > lost_from_s + 125.0  # the lead is off during the first step
    guided.finish()
    assert guided.read[0] == StepDone(per_min=first, measured=None)
    assert guided.read[-1].per_min == pytest.approx(first, abs=0.1)
    assert guided.read[-1].measured is not None
    assert guided.it.steps == len(PACES_PER_MIN) + 1
    assert guided.it.choice is not None


def test_without_a_heart_it_ends_and_says_what_was_missing() -> None:
    guided = Guided(Assessment("stepped", 3))
    guided.beats = lambda _now_s: False
    guided.finish()
    assert guided.it.choice is None
    assert guided.it.failed == "resonance assessment must be at least three measured steps, got 0"
    assert len(guided.read) == len(PACES_PER_MIN) + 2, "two repetitions, not more"
    assert guided.it.tick(guided.now_s + 1.0, guided.pace) == []


@pytest.mark.parametrize("kind", ["stepped", "sliding"])
def test_after_a_pause_what_was_going_on_begins_anew_and_all_steps_are_measured(kind: str) -> None:
    guided = Guided(Assessment(kind, 5)).live(200.0)
    left_s = guided.it.left_s
    guided.it.rest()
    assert guided.it.left_s > left_s
    assert not guided.it.settled
    guided.it.rest()  # a pause lasts many ticks
    guided.finish()
    assert guided.it.choice is not None
    assert guided.it.choice.per_min == pytest.approx(RESONANCE_PER_MIN, abs=0.3)
    assert len(guided.it.done) == (15 if kind == "sliding" else 5)


def test_one_sensor_tells_the_beats_of_a_step() -> None:
    guided = Guided(Assessment("stepped", 2))
    while not guided.it.settled:
        guided.step()
    for k in range(30):
        guided.it.beat("pulse", guided.now_s + 0.5 * k)  # wrong, and fewer than the other's
    guided.finish()
    assert guided.it.choice is not None
    assert guided.it.choice.per_min == pytest.approx(RESONANCE_PER_MIN, abs=0.3)


def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(BadValue, match="stepped, sliding"):
        Assessment("random", 1)
