"""Subnormal numbers are zero while pyo works, and only then."""

from __future__ import annotations

import platform

import numpy as np
import pytest
from sound_kit import Apart, tail_of_silence

from audio_engine.denormals import flushed

SUBNORMAL = np.full(8, 1e-39, np.float32)
known = pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="this processor's control register is not known",
)


@known
def test_what_is_too_small_to_hear_is_zero_inside_and_itself_after() -> None:
    inside: list[float] = []
    half = np.float32(0.5)
    flushed(lambda: inside.append(float((SUBNORMAL * half).max())))()
    assert inside == [0.0]
    assert float((SUBNORMAL * half).max()) > 0.0


@known
def test_it_is_as_before_also_after_an_error() -> None:
    def fail() -> None:
        raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError, match="on purpose"):
        flushed(fail)()
    assert float((SUBNORMAL * np.float32(0.5)).max()) > 0.0


@known
def test_a_tail_rings_down_to_nothing_at_all(apart: Apart) -> None:
    ends = apart(tail_of_silence)
    assert ends["sounding"] > 1e-3
    assert ends["subnormal"] == 0
