"""The picture of a score shows what the score has, where it has it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from therapy.controls import Controls

Script = Callable[[str], ModuleType]


def test_every_role_phrase_and_pause_is_drawn(script: Script) -> None:
    roll_of: Any = script("piano_roll")
    roll = roll_of.compose("ocean/3", Controls(silence=0.4, tempo_bpm=60.0), 128)
    assert {n.instrument for n in roll.notes} == set(roll_of.COLOURS)
    assert len(roll.phrases) == 13
    assert len(roll.rests) == 1
    assert len(roll.chords) >= 5
    picture = np.asarray(roll_of.draw(roll, 900))
    assert picture.shape[1] == 900
    colours = {tuple(pixel) for pixel in picture.reshape(-1, 3)}
    for colour in roll_of.COLOURS.values():
        assert tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) in colours  # in the legend, pure
    rests = (picture == [0xEC, 0xE6, 0xF5]).all(axis=2)
    share = np.flatnonzero(rests.any(axis=0))
    left, right = 56, 900 - 16
    begins = left + (right - left) * roll.rests[0].start_beats / 128
    assert abs(share[0] - begins) <= 2
