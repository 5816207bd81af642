"""The arithmetic of `stillwater bench talk`, from made-up turns."""

import pytest

from benchmarks import talk
from benchmarks._kit import BenchmarkFailed


def test_each_stage_is_told_with_its_middle_its_slow_end_and_how_often_it_came() -> None:
    turns = [
        talk.Timed(heard_s=0.8, line_s=0.9, sound_s=1.0, any_sound_s=1.0, hush_s=0.3),
        talk.Timed(heard_s=0.9, line_s=1.5, mm_s=0.6, sound_s=1.8, any_sound_s=0.6),
        talk.Timed(heard_s=1.0, line_s=1.0, sound_s=1.2, any_sound_s=1.2),
        talk.Timed(alarm_s=-0.2, risk_s=0.9),
    ]
    named = {figure.name: figure for figure in talk.figures(turns)}
    assert named["line, p50"].value == 1.0
    assert named["line, p95"].value == pytest.approx(1.45)
    assert named["first sound of the answer, p50"].ratio == pytest.approx(1.0)
    assert named["acknowledgement, p50"].value == 0.6
    assert named["danger to alarm, p50"].value == -0.2, "a long sentence is screened while it is said"
    assert "1 of 4 turns" in named["barge-in to silence, p50"].note


def test_a_stage_that_never_came_is_a_failure_not_a_zero() -> None:
    with pytest.raises(BenchmarkFailed, match="barge-in"):
        talk.figures([talk.Timed(heard_s=0.8, line_s=0.9, mm_s=0.6, sound_s=1.0, any_sound_s=0.6)])
