"""The path that the iso-principle takes through a stage."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.errors import BadValue
from therapy.iso import MEET_SHARE, IsoPath

AROUSAL = st.floats(-1.0, 1.0)


def path(met: float = 0.8, aim: float = -0.4) -> IsoPath:
    return IsoPath(begins_s=100.0, duration_s=240.0, met=met, aim=aim)


def test_it_meets_the_patient_first_and_is_at_the_aim_before_the_end() -> None:
    assert path().arousal(0.0) == path().arousal(100.0) == path().arousal(100.0 + MEET_SHARE * 240.0) == 0.8
    assert path().arousal(310.0) == path().arousal(999.0) == pytest.approx(-0.4)
    assert path().arousal(220.0) == pytest.approx(0.2, abs=0.01)


@given(AROUSAL, AROUSAL)
def test_it_never_turns_back_nor_leaves_its_ends_nor_jumps(met: float, aim: float) -> None:
    line = [path(met, aim).arousal(100.0 + at) for at in range(241)]
    steps = [b - a for a, b in itertools.pairwise(line)]
    assert all(step * (aim - met) >= -1e-12 for step in steps)
    assert all(min(met, aim) - 1e-9 <= value <= max(met, aim) + 1e-9 for value in line)
    assert max(map(abs, steps)) <= 2.0 * abs(aim - met) / 150.0 + 1e-12


def test_the_drawn_line_is_the_path() -> None:
    points = path().points()
    assert (points[0].at_s, points[-1].at_s) == (100.0, 340.0)
    assert all(point.arousal == path().arousal(point.at_s) for point in points)


@pytest.mark.parametrize(("confidence", "met"), [(0.0, -0.5), (0.5, 0.2), (1.0, 0.9)])
def test_who_is_not_known_is_met_at_the_aim(confidence: float, met: float) -> None:
    through = IsoPath.through(begins_s=0.0, duration_s=60.0, arousal=0.9, confidence=confidence, aim=-0.5)
    assert through.met == pytest.approx(met)


@pytest.mark.parametrize(
    "changes", [{"duration_s": 0.0}, {"duration_s": float("nan")}, {"met": 1.5}, {"aim": float("nan")}]
)
def test_a_path_that_leads_nowhere_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(BadValue):
        IsoPath(**{"begins_s": 0.0, "duration_s": 60.0, "met": 0.0, "aim": 0.0, **changes})
