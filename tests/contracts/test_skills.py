"""What every exercise keeps to: it ends in time, can be left anywhere, invites, has its words everywhere."""

from __future__ import annotations

import functools
import re

import hypothesis
import pytest
from hypothesis import strategies as st

from therapy.actions import AskRating, PaceBreath
from therapy.errors import BadValue
from therapy.plan import StageKind
from voice_guide.bank import LineBank
from voice_guide.linebank import LONGEST_LINE, load_lines
from voice_guide.skill import (
    LONGEST_SPEECH_S,
    Answered,
    Leave,
    SkillContext,
    SkillSpec,
    SkillState,
    SkillStep,
    Spoken,
    Tick,
    skills,
)
from voice_guide.stages import RETURN_SKILL, stage_steps

SKILLS = skills()
FORMS = [(name, variant) for name, spec in SKILLS.items() for variant in ("", *spec.variants)]
INVITES = {
    "en": re.compile(
        r"you may|if you like|if it|perhaps|might|when it suits|whatever|we can|whenever", re.IGNORECASE
    ),
    "de": re.compile(
        r"dürfen|wenn sie mögen|wenn es|vielleicht|darf|könnten|was weh tut|können wir|möge", re.IGNORECASE
    ),
}
#: Lines that tell how to leave.
EXIT = "exercise.exit"


@functools.cache
def bank(language: str) -> LineBank:
    return load_lines(language)


class Walk:
    """An exercise as it is lived: lines take their time, then `answers` may come."""

    def __init__(self, spec: SkillSpec, context: SkillContext, characters_per_s: float = 12.0) -> None:
        self.spec, self.now_s, self.pace = spec, context.begun_s, characters_per_s
        self.state: SkillState = spec.start(context)
        self.said: list[tuple[float, SkillStep]] = []

    def event(self, event: Tick | Spoken | Answered | Leave) -> None:
        self.state, steps = self.spec.next(self.state, event, self.now_s)
        assert len(steps) <= 1
        for step in steps:
            self.said.append((self.now_s, step))
            self.now_s += len(bank("en").line(step.line_id).text) / self.pace
            self.event(Spoken())

    def until_done(self) -> list[str]:
        while not self.state.done:
            self.event(Tick())
            self.now_s += 1.0
            assert self.now_s < 10_000.0
        return [step.line_id for _, step in self.said]


def walk(name: str, variant: str = "", **context: float) -> Walk:
    return Walk(SKILLS[name], SkillContext(begun_s=100.0, variant=variant, **context))


def test_the_exercises_that_the_guide_has() -> None:
    assert set(SKILLS) == {
        "body_scan", "breathing", "grounding_54321", "loving_kindness", "pmr", "safe_place",
        "session_return", "suds_and_mood", "thought_labelling",
    }  # fmt: skip
    for intent in bank("en").intents.values():
        assert intent.skill in ("", *SKILLS)


@pytest.mark.parametrize(("name", "variant"), FORMS)
def test_it_ends_in_time_with_its_closing_and_each_line_is_there(name: str, variant: str) -> None:
    lived = walk(name, variant)
    lines = lived.until_done()
    assert lived.now_s - 100.0 <= SKILLS[name].longest_s
    assert lines[-1] == SKILLS[name].start(SkillContext(begun_s=0.0)).closing[-1].line_id
    for language in ("en", "de"):
        for line_id in lines:
            assert len(bank(language).line(line_id).text) <= LONGEST_LINE


@pytest.mark.parametrize(("name", "variant"), FORMS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_it_invites(name: str, variant: str, language: str) -> None:
    lines = list(dict.fromkeys(walk(name, variant).until_done()))
    inviting = [line_id for line_id in lines if INVITES[language].search(bank(language).line(line_id).text)]
    assert lines[0] in inviting or lines[1] in inviting
    assert len(inviting) >= 0.6 * len(lines), set(lines) - set(inviting)


@pytest.mark.parametrize(("name", "variant"), FORMS)
def test_how_to_leave_and_open_eyes_are_said_in_the_first_minute(name: str, variant: str) -> None:
    lived = walk(name, variant)
    lived.until_done()
    early = [step.line_id for at_s, step in lived.said if at_s <= 160.0]
    if SKILLS[name].longest_s > 240.0:
        assert EXIT in early
    assert "Eyes open" in bank("en").line(EXIT).text


@pytest.mark.parametrize(("name", "variant"), FORMS)
def test_it_can_be_left_at_every_step(name: str, variant: str) -> None:
    whole = walk(name, variant).until_done()
    for steps in range(1, len(whole)):
        lived = walk(name, variant)
        while len(lived.said) < steps:
            lived.event(Tick())
            lived.now_s += 1.0
        lived.event(Answered(intent="skip"))
        left_s = lived.now_s
        lines = lived.until_done()
        assert len(lines) == steps + 1, lines
        assert lines[-1] in ("exercise.leave", "return.off")
        assert lived.now_s - left_s <= LONGEST_SPEECH_S


@pytest.mark.parametrize(("name", "variant"), FORMS)
def test_it_keeps_within_what_is_left_of_the_stage(name: str, variant: str) -> None:
    lived = walk(name, variant, may_last_s=100.0)
    lines = lived.until_done()
    assert lived.now_s - 100.0 <= 100.0 + LONGEST_SPEECH_S
    assert lines[-1] == SKILLS[name].start(SkillContext(begun_s=0.0)).closing[-1].line_id


@pytest.mark.parametrize("name", sorted(SKILLS))
@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(st.lists(st.tuples(st.floats(0.0, 60.0), st.sampled_from(
    ["yes", "no", "okay", "rating", "anxious", "crying", "skip", "listening", "like_it", "unclear", "heard"]
)), max_size=12))  # fmt: skip
def test_whatever_is_answered_it_ends_in_time(name: str, answers: list[tuple[float, str]]) -> None:
    lived = walk(name)
    for after_s, intent in answers:
        if lived.state.done:
            break
        lived.now_s += after_s
        lived.event(Spoken() if intent == "heard" else Answered(intent=intent))
    lines = lived.until_done()
    assert lived.now_s - 100.0 <= SKILLS[name].longest_s + LONGEST_SPEECH_S + 60.0
    assert set(lines) <= bank("de").lines.keys()
    assert lived.spec.next(lived.state, Answered(intent="yes"), lived.now_s) == (lived.state, ())


def test_who_is_distressed_is_asked_whether_to_go_on_and_silence_leaves() -> None:
    lived = walk("body_scan")
    for _ in range(60):
        lived.event(Tick())
        lived.now_s += 1.0
    lived.event(Answered(intent="anxious"))
    assert lived.said[-1][1].line_id == "exercise.ease"
    assert lived.until_done()[-1] == "exercise.leave"


def test_who_wants_to_go_on_does_and_is_left_alone_the_second_time() -> None:
    lived = walk("body_scan")
    lived.event(Tick())
    lived.event(Answered(intent="crying"))
    lived.event(Answered(intent="yes"))
    assert lived.said[-1][1].line_id == "exercise.go_on"
    for _ in range(30):
        lived.event(Tick())
        lived.now_s += 1.0
    assert lived.said[-1][1].line_id.startswith(("body_scan", "exercise.exit"))
    lived.event(Answered(intent="crying"))
    assert lived.until_done()[-1] == "exercise.leave"


def test_the_therapist_ends_it_without_a_word() -> None:
    lived = walk("pmr")
    lived.event(Tick())
    before = len(lived.said)
    lived.event(Leave())
    assert lived.state.done
    assert len(lived.said) == before


def test_a_line_that_nobody_reports_as_heard_does_not_stop_it() -> None:
    spec = SKILLS["breathing"]
    state = spec.start(SkillContext(begun_s=0.0))
    lines, now_s = [], 0.0
    while not state.done:
        state, steps = spec.next(state, Tick(), now_s)
        lines += [step.line_id for step in steps]
        now_s += 1.0
    assert lines[-1] == "breathing.close"
    assert now_s <= spec.longest_s + 2.0


def test_numbers_are_asked_again_once() -> None:
    lived = walk("suds_and_mood")
    while not lived.state.asked:
        lived.event(Tick())
        lived.now_s += 1.0
    assert lived.said[-1][1].action == AskRating(scale="suds")
    lived.event(Answered(intent="listening"))
    assert lived.said[-1][1].line_id == "ask_again.number"
    lived.event(Answered(intent="listening"))
    assert lived.said[-1][1].line_id == "leave_rating.fine"
    assert "ask_mood.ask" in lived.until_done()


def test_breathing_leads_to_six_a_minute_and_never_holds_by_itself() -> None:
    lived = walk("breathing")
    lines = lived.until_done()
    assert [step.action for _, step in lived.said if step.action] == [PaceBreath(breath_pace_per_min=6.0)]
    assert not any("box" in line_id for line_id in lines)
    assert "box" in SKILLS["breathing"].variants
    with pytest.raises(BadValue, match="variant of breathing must be one of four_six, box, got 'square'"):
        walk("breathing", "square")


def test_what_an_exercise_is_not_for_is_declared() -> None:
    assert not SKILLS["breathing"].fits(frozenset({"panic"}))
    assert not SKILLS["body_scan"].fits(frozenset({"trauma"}))
    assert not SKILLS["pmr"].fits(frozenset({"injury", "other"}))
    assert SKILLS["grounding_54321"].fits(frozenset({"panic", "trauma", "psychosis", "dissociation"}))
    assert SKILLS["session_return"].not_for == frozenset()
    assert all(spec.source and spec.title for spec in SKILLS.values())


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_stage_begins_with_two_sentences_and_the_first_meeting_says_what_speaks(language: str) -> None:
    for kind in StageKind:
        for met_before in (False, True):
            for step in stage_steps(kind, met_before=met_before):
                text = bank(language).line(step.line_id).text
                assert len(re.findall(r"[.!?](?:\s|$)", text)) <= 3
    first = stage_steps(StageKind.ARRIVE, met_before=False)[0]
    assert re.search(r"computer voice|Computerstimme", bank(language).line(first.line_id).text)
    again = stage_steps(StageKind.ARRIVE, met_before=True)
    assert len(again) == 1
    assert RETURN_SKILL in SKILLS
