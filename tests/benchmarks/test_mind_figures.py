"""The figures of thinking from made-up measurements; nothing is made up where llama.cpp is missing."""

from __future__ import annotations

import dataclasses
import math

import pytest

from benchmarks._kit import BenchmarkFailed
from benchmarks.mind import ASKED, LINES, Thinking, figures
from voice_guide.say_screen import SayScreen

MEASURED = Thinking(
    read_per_s=(300.0, 100.0),
    written_per_s=(10.0, 50.0),
    mask_ms=[0.2, 0.4],
    choose_ms=[400.0, 600.0],
    right=9,
    asked=12,
    usable=5,
    written=6,
)


def test_torch_is_held_against_llama_cpp_and_choosing_against_the_scripted_line() -> None:
    named = {figure.name: figure for figure in figures(MEASURED)}
    assert all(math.isfinite(figure.value) for figure in named.values())
    assert named["prompt of 400 tokens read"].ratio == pytest.approx(3.0)
    assert named["tokens written"].ratio == pytest.approx(0.2)
    assert named["a line chosen from 4 p95"].value == pytest.approx(590.0)
    assert named["a line chosen from 4 p95"].limit == 2000.0
    assert named["the line that a person would choose"].value == 75.0
    assert named["answers under the schema that could be used"].value == pytest.approx(83.33, abs=0.01)


def test_without_llama_cpp_there_is_no_ratio() -> None:
    alone = dataclasses.replace(MEASURED, read_per_s=(300.0, None), written_per_s=(10.0, None))
    named = {figure.name: figure for figure in figures(alone)}
    assert named["tokens written"].ratio is None
    assert "not installed" in named["tokens written"].note


def test_nothing_measured_is_refused() -> None:
    with pytest.raises(BenchmarkFailed):
        figures(dataclasses.replace(MEASURED, choose_ms=[]))


def test_what_is_asked_has_an_answer_that_may_be_spoken() -> None:
    assert {wanted for _, wanted in ASKED} == set(LINES)
    assert SayScreen()(LINES["less_waves"]) == ""
