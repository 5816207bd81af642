from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_engine.breath import BreathClock
from therapy.breath import breath_level


@given(st.floats(0.0, 0.999), st.floats(0.3, 0.55))
def test_the_curve_rises_while_inhaling_and_falls_while_exhaling(phase: float, inhale: float) -> None:
    now, soon = breath_level(phase, inhale), breath_level(min(phase + 0.001, 1.0), inhale)
    assert 0.0 <= now <= 1.0
    if phase + 0.001 < inhale:
        assert soon >= now
    elif phase > inhale:
        assert soon <= now


def test_the_breath_goes_on_through_a_minute_without_messages() -> None:
    clock = BreathClock(0.0, 6.0)
    clock.sync(0.25, 100.0, 6.0)
    for k in range(6000):
        phase = clock.advance(0.01, 100.0 + (k + 1) * 0.01)
    assert phase == pytest.approx(0.25, abs=1e-3)


def test_the_first_message_is_taken_at_once() -> None:
    clock = BreathClock(0.0, 6.0)
    clock.sync(0.5, 10.0, 6.0)
    assert clock.advance(0.01, 10.01) == pytest.approx(0.5 + 0.001, abs=1e-3)


@given(st.floats(0.0, 0.999))
def test_a_jump_of_the_pacer_is_caught_up_without_running_backwards(jump: float) -> None:
    clock = BreathClock(0.0, 6.0)
    clock.sync(0.0, 0.0, 6.0)
    clock.sync(jump, 0.0, 6.0)
    before = 0.0
    for k in range(2000):
        phase = clock.advance(0.01, (k + 1) * 0.01)
        step = (phase - before) % 1.0
        assert step <= 0.0021
        before = phase
    assert abs((phase - (jump + 2.0) + 0.5) % 1.0 - 0.5) < 0.02


def test_without_a_pacer_it_runs_free_at_its_pace() -> None:
    clock = BreathClock(0.0, 6.0)
    clock.set_pace(12.0)
    for k in range(500):
        phase = clock.advance(0.01, k * 0.01)
    assert min(phase, 1.0 - phase) < 1e-6
