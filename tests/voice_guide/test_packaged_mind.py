"""The packaged model chooses among approved lines and never says a word of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from mind_kit import LINES, briefing

from therapy.talk import GuideMode, Proposal
from voice_guide.think import NotUsable, ThinkSettings
from voice_guide.think.packaged import ORDER_WEIGHT, PackagedMind

TEXTS = {line.text for line in LINES}


class FakeModel:
    """Likelihoods as told: of a line alone, and more after words."""

    def __init__(self, more: dict[str, float], clock: list[float] | None = None) -> None:
        self.more = more
        self.clock = clock if clock is not None else [0.0]
        self.weighed: list[str] = []
        self._prompted = ""

    def prompt(self, messages: Sequence[object]) -> str:
        self._prompted = messages[-1].content  # type: ignore[attr-defined]
        return self._prompted

    def tokens(self, text: str) -> str:
        return text

    def likelihoods(self, prompt: str, answers: Sequence[str]) -> list[float]:
        self.clock[0] += 0.4
        self.weighed += answers
        alone = {text: -3.0 + 0.1 * len(text) for text in answers}  # long lines are likelier: that is undone
        said = prompt not in ("hello", "hm")
        return [alone[text] + (self.more.get(text, 0.0) if said else 0.0) for text in answers]


def mind(model: FakeModel, **settings: object) -> PackagedMind:
    usual = ThinkSettings(now_s=lambda: model.clock[0], speak_by_s=60.0, deadline_s=60.0, **settings)  # type: ignore[arg-type]
    return PackagedMind(model, usual)  # type: ignore[arg-type]


def test_the_line_that_the_words_make_likelier_is_chosen_with_its_actions() -> None:
    (got,) = mind(FakeModel({LINES[0].text: 0.1})).think(briefing())
    assert isinstance(got, Proposal)
    assert (got.line_id, got.say, got.actions) == ("less_waves.calmer", LINES[0].text, LINES[0].actions)
    assert got.backend == "packaged"


def test_a_line_further_down_must_be_clearly_preferred() -> None:
    (near,) = mind(FakeModel({LINES[1].text: ORDER_WEIGHT - 0.01})).think(briefing())
    (far,) = mind(FakeModel({LINES[1].text: ORDER_WEIGHT + 0.01})).think(briefing())
    assert isinstance(near, Proposal)
    assert isinstance(far, Proposal)
    assert (near.line_id, far.line_id) == ("less_waves.calmer", "anxious.here")
    assert "place 2" in far.reason


def test_even_asked_for_free_words_it_says_approved_ones() -> None:
    (got,) = mind(FakeModel({})).think(briefing(GuideMode.FREE))
    assert isinstance(got, Proposal)
    assert got.say in TEXTS
    assert got.line_id


def test_likelihoods_that_are_no_numbers_still_give_an_offered_line() -> None:
    (got,) = mind(FakeModel({line.text: math.nan for line in LINES})).think(briefing())
    assert isinstance(got, Proposal)
    assert got.say in TEXTS


def test_lines_that_were_prepared_are_weighed_once_a_turn() -> None:
    model = FakeModel({})
    thinking = mind(model)
    thinking.prepare(LINES)
    model.weighed.clear()
    list(thinking.think(briefing()))
    assert sorted(model.weighed) == sorted(line.text for line in LINES[:4])


def test_a_slow_model_is_given_up_before_the_scripted_line_is_due() -> None:
    model = FakeModel({})
    thinking = PackagedMind(
        model,  # type: ignore[arg-type]
        ThinkSettings(now_s=lambda: model.clock[0], speak_by_s=1.0),
    )
    (got,) = thinking.think(briefing())
    assert isinstance(got, NotUsable)
    assert "nothing to say" in got.reason


def test_it_is_not_asked_in_a_language_that_it_was_not_tuned_for() -> None:
    (got,) = mind(FakeModel({})).think(briefing(language="de"))
    assert isinstance(got, NotUsable)
    assert "'de'" in got.reason
    (got,) = mind(FakeModel({})).think(briefing(language="en-GB"))
    assert isinstance(got, Proposal)


@pytest.mark.parametrize("mode", [GuideMode.SCRIPTED, GuideMode.OFF])
def test_it_is_not_asked_where_no_model_may_be(mode: GuideMode) -> None:
    model = FakeModel({})
    (got,) = mind(model).think(briefing(mode))
    assert isinstance(got, NotUsable)
    assert model.weighed == []


def test_a_thought_is_called_off_between_steps() -> None:
    (got,) = mind(FakeModel({})).think(briefing(), cancelled=lambda: True)
    assert got == NotUsable(turn=7, reason="called off", backend="packaged")
    (got,) = mind(FakeModel({})).think(briefing(GuideMode.FREE, lines=()))
    assert isinstance(got, NotUsable)
