"""The arithmetic of `stillwater bench loop_live`, from made-up sessions."""

import pytest

from benchmarks.loop import Ended
from benchmarks.loop_live import CONDITIONS, Lived, figures
from therapy.plan import Condition


def ended(breaths: float, calmer: float) -> Ended:
    return Ended(breaths_per_min=breaths, pace_per_min=6.0, calmer=calmer, coherence=0.5)


def lived(condition: Condition, breaths: float, **changes: float) -> Lived:
    counts = {"beats": 100, "breaths": 20, "bad": 0, "steepest": 0.5, "late": 0, **changes}
    return Lived(condition=condition, live=ended(breaths, 0.3), alone=ended(breaths + 0.2, 0.25), **counts)


def test_both_loops_are_told_for_each_condition_and_how_far_they_are_apart() -> None:
    told = [lived(Condition.CONTINGENT, 6.1), lived(Condition.PACED_ONLY, 6.4), lived(Condition.OFF, 13.0)]
    named = {figure.name: figure for figure in figures(told)}
    assert named["contingent, over LSL: reached the aim"].value == 1.0
    assert named["off, over LSL: reached the aim"].value == 0.0
    assert named["paced only, in one process: distance from the pace"].value == pytest.approx(0.6)
    assert named["LSL against one process, breaths a minute: median difference"].value == pytest.approx(0.2)
    assert named["LSL against one process, fall of stress: median difference"].value == pytest.approx(0.05)
    assert named["beats that arrived"].value == 300
    assert len(CONDITIONS) == 3


def test_the_steepest_control_of_all_sessions_is_held_against_its_slope() -> None:
    told = [lived(condition, 6.0, steepest=0.1) for condition in CONDITIONS]
    told[1] = lived(CONDITIONS[1], 6.0, steepest=1.4, late=3)
    named = {figure.name: figure for figure in figures(told)}
    assert named["steepest control"].ratio > 1.0
    assert named["ticks late by 250 ms"].value == 3
