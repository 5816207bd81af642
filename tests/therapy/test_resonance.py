import itertools
import math

import pytest

from therapy.errors import BadValue
from therapy.resonance import PACES_PER_MIN, Measured, Step, choose, measure, pace_at, sliding, stepped


def test_the_order_is_random_and_the_seed_decides_it() -> None:
    orders = {tuple(step.per_min for step in stepped(seed)) for seed in range(10)}
    assert len(orders) > 5
    assert all(sorted(order, reverse=True) == list(PACES_PER_MIN) for order in orders)
    assert stepped(3) == stepped(3)


def test_the_glide_has_no_steps() -> None:
    steps = sliding()
    paces = [pace_at(steps, k * 0.5) for k in range(round(steps[-1].end_s / 0.5))]
    assert paces[0] == PACES_PER_MIN[0]
    assert max(a - b for a, b in itertools.pairwise(paces)) < 0.005
    assert pace_at(steps, 1e6) == PACES_PER_MIN[-1]


def heart(step: Step, swing_bpm: float, lag: float, mean_bpm: float = 65.0):
    """Return beats of a heart that swings with the breath, fastest `lag` turns after the inhale's end."""
    beats, at, phase = [], step.start_s, 0.0
    while at < step.end_s:
        turn = (at - step.start_s) * step.per_min / 60.0
        rate = mean_bpm + 0.5 * swing_bpm * math.cos(2.0 * math.pi * (turn - 0.4 - lag))
        phase += rate / 60.0 * 0.01
        at += 0.01
        if phase >= 1.0:
            phase -= 1.0
            beats.append(at)
    period = 60.0 / step.per_min
    return beats, [step.start_s + k * period for k in range(int((step.end_s - step.start_s) / period) + 1)]


def test_swing_and_lag_are_measured() -> None:
    step = Step(start_s=100.0, end_s=220.0, start_per_min=6.0, end_per_min=6.0)
    told = measure(step, *heart(step, 12.0, 0.1))
    assert told is not None
    assert told.per_min == pytest.approx(6.0)
    assert told.rsa_bpm == pytest.approx(12.0, rel=0.1)
    assert told.phase == pytest.approx(0.1, abs=0.02)
    assert told.share > 0.9
    assert measure(step, [], []) is None


def told(per_min: float, rsa: float, phase: float) -> Measured:
    return Measured(per_min=per_min, rsa_bpm=rsa, share=0.8, phase=phase, breaths=9)


def test_the_lag_tells_where_the_swing_is_misled_by_a_calmer_heart() -> None:
    choice = choose([told(p, 20.0 - p, 0.21 + 0.1 * (p - 5.6)) for p in PACES_PER_MIN])
    assert choice.per_min == pytest.approx(5.6)
    assert "lag" in choice.why


def test_without_a_lag_that_rises_the_swing_decides() -> None:
    choice = choose([told(p, 10.0 - 4.0 * (p - 5.5) ** 2, 0.0) for p in PACES_PER_MIN])
    assert choice.per_min == pytest.approx(5.5, abs=0.1)
    assert "swing is greatest" in choice.why


def test_too_little_is_no_choice() -> None:
    with pytest.raises(BadValue, match="three"):
        choose([told(6.0, 5.0, 0.1)])
