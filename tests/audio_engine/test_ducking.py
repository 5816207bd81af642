"""The music steps back before the first word: the envelope, and what is heard of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sound_kit import BARE, RATE_HZ, Apart, Sound, high_peak_dbfs

from audio_engine.door import Door
from audio_engine.ducking import AHEAD_S, MAX_DEPTH_DB, Ducker
from therapy.controls import Controls

BLOCK_S = 0.01


def curve(ducker: Ducker, seconds: float) -> np.ndarray:
    return np.array([ducker.gain_db(k * BLOCK_S, BLOCK_S) for k in range(round(seconds / BLOCK_S))])


def test_it_is_down_at_the_first_word_and_comes_back_slowly_after_the_last() -> None:
    ducker = Ducker()
    ducker.announce(2.0, 4.0, 10.0)
    db = curve(ducker, 12.0)
    assert np.all(db[: round((2.0 - AHEAD_S) / BLOCK_S)] == 0.0)
    assert db[200] < -9.0
    assert db[399] == pytest.approx(-10.0, abs=0.05)
    assert -8.0 < db[450] < -5.0, "half a second after the last word it is on its way back"
    assert db[-1] == pytest.approx(0.0, abs=0.001)
    assert np.abs(np.diff(db)).max() < 1.0, "never more than 1 dB in 10 ms"


def test_a_later_announcement_moves_the_end_and_depth_has_a_limit() -> None:
    ducker = Ducker()
    ducker.announce(1.0, 9.0, 99.0)
    assert curve(ducker, 3.0).min() >= -MAX_DEPTH_DB
    ducker.announce(1.0, 1.5, 99.0)
    assert ducker.gain_db(6.0, BLOCK_S) > -MAX_DEPTH_DB


@pytest.mark.parametrize("bad", [math.nan, math.inf, "x", None, True])
def test_what_is_no_number_is_refused_at_the_door(bad: Any) -> None:
    door = Door(Controls())
    assert door.admit_duck(1.0, bad, 10.0, now_s=0.0) is None
    assert "duck" in door.refusals[0]


def test_nobody_silences_the_music_for_longer_than_two_minutes() -> None:
    assert Door(Controls()).admit_duck(0.0, 1e12, 10.0, now_s=50.0) == (0.0, 170.0, 10.0)


def spoken_over(seconds: float, from_s: float | None, until_s: float) -> Sound:
    """Play calm music; words from `from_s` are announced half a second ahead."""
    from audio_engine.engine import Engine

    engine = Engine(seed=3, scene="ocean", controls=BARE)
    engine.fade(1.0, 0.3)
    blocks = []
    for k in range(round(seconds / BLOCK_S)):
        now_s = k * BLOCK_S
        if from_s is not None and k == round((from_s - 0.5) / BLOCK_S):
            engine.duck(from_s, until_s, 10.0, now_s)
        blocks.append(engine.block(now_s).frames)
    engine.close()
    return np.concatenate(blocks)


def test_the_rendered_music_is_ten_decibels_down_while_somebody_speaks_and_never_clicks(apart: Apart) -> None:
    plain, ducked = apart(spoken_over, 8.0, None, 0.0), apart(spoken_over, 8.0, 3.0, 5.0)

    def drop_db(from_s: float, until_s: float) -> float:
        cut = slice(round(from_s * RATE_HZ), round(until_s * RATE_HZ))
        return float(10.0 * np.log10((ducked[cut] ** 2).sum() / (plain[cut] ** 2).sum()))

    assert np.array_equal(plain[: round(2.55 * RATE_HZ)], ducked[: round(2.55 * RATE_HZ)])
    assert drop_db(3.0, 3.1) < -9.0
    assert drop_db(3.3, 5.0) == pytest.approx(-10.0, abs=0.2)
    assert -9.0 < drop_db(5.4, 5.6) < -3.0
    assert drop_db(7.8, 8.0) > -0.7
    assert high_peak_dbfs(ducked) <= high_peak_dbfs(plain) + 0.5
