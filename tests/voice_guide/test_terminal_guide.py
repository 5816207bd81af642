"""The guide without a room: an answer for whatever is said, in limits, and a human where it matters."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st
from typer.testing import CliRunner

from therapy.plan import PLANS
from therapy.talk import Briefing, GuideMode, Proposal
from voice_guide.choose import Chooser
from voice_guide.linebank import load_lines
from voice_guide.risk import RiskScreen, load_risk_book
from voice_guide.terminal import TerminalGuide
from voice_guide.think import NotUsable, Sentence
from vr_world.commands.app import app

PLACES = ("ocean", "forest", "reef")


@functools.cache
def parts(language: str) -> tuple[Chooser, object, RiskScreen]:
    book = load_risk_book(language)
    return Chooser(load_lines(language)), book, RiskScreen(book, None)


def talk(mode: str = "scripted", *, language: str = "en", mind: object = None) -> TerminalGuide:
    chooser, book, screen = parts(language)
    return TerminalGuide(
        chooser=chooser,
        book=book,
        screen=screen,
        mode=GuideMode(mode),
        mind=mind,
        places=PLACES,
        limits=PLANS["first-visit"].limits,
    )


class Says:
    """A mind that thinks what it was given."""

    def __init__(self, *thoughts: object) -> None:
        self.thoughts = thoughts
        self.asked: list[Briefing] = []

    def think(self, briefing: Briefing, **_: object) -> Iterator[object]:
        self.asked.append(briefing)
        yield from self.thoughts

    def close(self) -> None:
        pass


def test_the_waves_become_smaller_again_and_again_until_they_cannot() -> None:
    guide = talk()
    said = [guide.answer("the waves are a bit much", float(turn)) for turn in range(5)]
    assert said[0].as_json()["admitted"] is True
    assert said[0].as_json()["action"]["control"] == "weather"
    assert len({answer.line_id for answer in said[:3]}) == 3
    assert guide.controls.weather == 0.0
    assert guide.controls.swell == 0.0
    assert said[-1].line_id == "held.as_far"


def test_a_risk_is_answered_with_its_line_and_holds_everything_until_released() -> None:
    guide = talk()
    first = guide.answer("I want to die", 0.0)
    assert first.as_json()["risk"]["level"] == "urgent"
    assert first.line_id == "risk.self_harm.urgent"
    assert first.as_json()["action"] == {"type": "CallTherapist", "level": "urgent", "reason": "self_harm"}
    held = guide.answer("it is too bright", 1.0)
    assert held.line_id == "risk.self_harm.again"
    assert held.done == ()
    guide.release(2.0)
    assert guide.answer("it is too bright", 3.0).line_id.startswith("too_bright")


def test_stop_stops() -> None:
    answer = talk().answer("stop", 0.0).as_json()
    assert answer["action"] == {"type": "StopSession"}
    assert answer["line_id"] == "risk.stop.urgent"


def test_off_says_nothing_and_still_calls() -> None:
    guide = talk("off", mind=Says(Proposal(turn=1, say="Hello.", line_id="hello.hello")))
    assert guide.answer("hello", 0.0).said == ""
    crisis = guide.answer("I want to die", 1.0)
    assert crisis.said == ""
    assert crisis.as_json()["admitted"] is True


def test_an_approved_line_of_a_model_is_said_and_other_words_of_it_are_not() -> None:
    bank = parts("en")[0].bank
    line = bank.line("tired.rest")
    mind = Says(Proposal(turn=1, say=line.text, line_id=line.line_id))
    assert talk("approved", mind=mind).answer("hm, my lids are like lead", 0.0).line_id == "tired.rest"
    assert mind.asked[0].lines[-1].intent == "listening"
    assert "light" in {name for name, _, _ in mind.asked[0].controls}
    for bad in (
        Proposal(turn=1, say="You have a disorder.", line_id=""),
        Proposal(turn=1, say="Other words.", line_id="tired.rest"),
        Proposal(turn=1, say="", line_id=""),
        NotUsable(turn=1, reason="stalled"),
        Sentence(turn=1, text="Half a thought."),
    ):
        answer = talk("approved", mind=Says(bad)).answer("hm, my lids are like lead", 0.0)
        assert answer.line_id in bank.lines
        assert answer.said != bad.__class__.__name__
        assert answer.said not in ("You have a disorder.", "Other words.", "Half a thought.")


def test_free_words_pass_only_through_the_screens() -> None:
    fine = talk("free", mind=Says(Proposal(turn=1, say="You may let the sound come to you."))).answer(
        "hm, well", 0.0
    )
    assert (fine.said, fine.source) == ("You may let the sound come to you.", "model")
    bad = talk("free", mind=Says(Proposal(turn=1, say="You should stop taking your tablets.")))
    assert bad.answer("hm, well", 0.0).line_id.startswith("listening")


def test_where_the_risk_screen_watches_no_model_is_asked() -> None:
    mind = Says(Proposal(turn=1, say="How lovely."))
    guide = talk("free", mind=mind)
    watched = next(
        answer
        for words in (
            "I can't go on like this",
            "I don't see the point any more",
            "everyone would be better off",
        )
        if (answer := guide.answer(words, 0.0)).risk.kind
    )
    assert mind.asked == [] or watched.source == "line"
    assert watched.said != "How lovely."


@pytest.mark.parametrize("language", ["en", "de"])
@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(words=st.lists(st.text(max_size=120), max_size=4))
def test_whatever_is_said_there_is_an_answer_in_limits(language: str, words: list[str]) -> None:
    guide = talk(language=language)
    for turn, each in enumerate(words):
        answer = guide.answer(each, float(turn))
        assert answer.said
        json.dumps(answer.as_json(), allow_nan=False)


def test_the_command_prints_one_line_of_json_for_each_utterance(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(
        "the waves are a bit much\n\nI want to die\n\xff\xfe\nit's too bright\n".encode("latin-1")
    )
    ran = CliRunner().invoke(app, ["guide", "--file", str(file), "--no-model"])
    assert ran.exit_code == 0, ran.output
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert rows[0]["heard"] == "the waves are a bit much"
    assert len(rows) == 4
    assert all({"heard", "risk", "action", "admitted", "said"} <= row.keys() for row in rows)
    assert rows[1]["risk"]["level"] == "urgent"
    assert rows[3]["line_id"].startswith("too_bright")  # each line a talk of its own
    together = CliRunner().invoke(app, ["guide", "--file", str(file), "--no-model", "--conversation"])
    assert json.loads(together.stdout.splitlines()[3])["line_id"] == "risk.self_harm.again"


def test_a_wrong_option_is_told(tmp_path: Path) -> None:
    for arguments, told in (
        (["--mode", "loud"], "--mode must be one of free, approved, scripted, off, got 'loud'"),
        (["--language", "xx"], "language must be one of de, en, got 'xx'"),
        (["--file", str(tmp_path / "none.txt")], "none.txt"),
    ):
        ran = CliRunner().invoke(app, ["guide", "--no-model", *arguments], input="hello\n")
        assert ran.exit_code != 0
        assert told in str(ran.exception)
