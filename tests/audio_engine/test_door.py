from __future__ import annotations

import dataclasses
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from audio_engine.door import MAX_FADE_S, Door
from therapy.controls import MODES, TABLE, Controls, numeric_fields

anything = st.one_of(
    st.floats(), st.none(), st.booleans(), st.text(max_size=3), st.integers(-(10**400), 10**400)
)


@given(
    st.dictionaries(st.sampled_from(numeric_fields()), anything),
    st.one_of(st.sampled_from(list(MODES)), anything),
)
def test_whatever_comes_what_leaves_is_finite_and_in_bounds(changes: dict[str, Any], mode: Any) -> None:
    good = Door(Controls()).admit(dataclasses.replace(Controls(), mode=mode, **changes))
    for name, limit in TABLE.items():
        value = getattr(good, name)
        assert math.isfinite(value)
        assert limit.low <= value <= limit.high
    assert good.mode in MODES


def test_a_nan_keeps_the_last_good_value_and_says_so() -> None:
    door = Door(Controls(tempo_bpm=70.0))
    good = door.admit(Controls(tempo_bpm=math.nan, brightness=0.9))
    assert (good.tempo_bpm, good.brightness) == (70.0, 0.9)
    assert door.refusals == ["tempo_bpm must be a finite number, got nan"]


def test_too_much_is_clamped_and_said() -> None:
    door = Door(Controls())
    assert door.admit(Controls(music_lufs=0.0)).music_lufs == -20.0
    assert door.refusals == ["music_lufs must be in -45…-20, got 0.0"]


def test_an_unknown_scale_keeps_the_last_one() -> None:
    door = Door(Controls(mode="lydian"))
    assert door.admit(Controls(mode="locrian")).mode == "lydian"
    assert door.refusals == ["mode must be a known scale, got locrian"]


def test_good_controls_pass_unchanged_and_unremarked() -> None:
    door = Door(Controls())
    wanted = Controls(tempo_bpm=64.0, pacer_phase=0.3, mode="aeolian")
    assert door.admit(wanted) == wanted
    assert door.refusals == []


def test_something_that_is_no_controls_at_all_changes_nothing() -> None:
    door = Door(Controls(ocean=0.1))
    assert door.admit("rubbish").ocean == 0.1  # type: ignore[arg-type]  # hostile on purpose
    assert len(door.refusals) == len(numeric_fields()) + 1


@given(anything, anything)
def test_a_fade_is_bounded_or_refused(gain: Any, seconds: Any) -> None:
    admitted = Door(Controls()).admit_fade(gain, seconds)
    if admitted is not None:
        assert 0.0 <= admitted[0] <= 1.0
        assert 0.01 <= admitted[1] <= MAX_FADE_S


def test_a_fade_of_nan_is_refused() -> None:
    door = Door(Controls())
    assert door.admit_fade(math.nan, 1.0) is None
    assert door.admit_fade(1.0, math.inf) is None
    assert door.refusals


def test_a_time_far_from_now_is_taken_as_now() -> None:
    door = Door(Controls())
    assert door.admit_time(99.5, 100.0) == 99.5
    for absurd in (math.nan, 1e9, None):
        assert door.admit_time(absurd, 100.0) == 100.0
