"""The talk as a list of calls: what is said, when, and what never is."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from therapy.actions import Hold
from therapy.events import GuideHeard, ProposalDecided, RatingGiven
from therapy.plan import StageKind
from therapy.talk import GuideMode, Heard, Proposal, Risk, RiskLevel
from voice_guide.choose import Chooser
from voice_guide.conversation import Conversation
from voice_guide.dialogue import (
    ANSWER_WITHIN_S,
    Act,
    Ask,
    CancelAsk,
    ConversationSettings,
    Decide,
    Escalate,
    HoldNow,
    HushNow,
    ListenNow,
    Played,
    Release,
    SessionEnded,
    SetMode,
    Soften,
    Somebody,
    SpeakNow,
    StageBegan,
    StopSession,
    Surroundings,
    Tell,
    Unwell,
    Whisper,
)
from voice_guide.linebank import load_lines
from voice_guide.messages import (
    HeardNow,
    NotSpoken,
    NotUsable,
    Proposed,
    SentenceReady,
    SpeechEnded,
    SpeechStarted,
    Status,
)
from voice_guide.risk import NO_RISK
from voice_guide.riskbook import load_risk_book
from voice_guide.skill import skills

BANK = load_lines("en")
CHOOSER = Chooser(BANK)
BOOK = load_risk_book("en")
SKILLS = skills()
AROUND = Surroundings(here="ocean", places=("ocean", "forest"), stage=StageKind.DEEPEN, stage_name="Deepen")


class Talk:
    """A conversation with its own clock, and everything that it asked for."""

    def __init__(self, mode: GuideMode = GuideMode.APPROVED, **changes: Any) -> None:
        self.now_s = 100.0
        self.all: list[Any] = []
        self.turn = 0
        self.it = Conversation(
            ConversationSettings(
                chooser=CHOOSER,
                book=BOOK,
                surroundings=lambda: AROUND,
                skills=SKILLS,
                mode=mode,
                **{"screen": lambda _text, _heard: "", **changes},
            )
        )
        self.keep(self.it.begin(self.now_s))
        self.take(Somebody(True))

    def keep(self, commands: list[Any]) -> list[Any]:
        self.all += commands
        return commands

    def take(self, what: Any) -> list[Any]:
        return self.keep(self.it.take(what, self.now_s))

    def wait(self, seconds: float) -> list[Any]:
        found = []
        for _ in range(round(seconds / 0.05)):
            self.now_s += 0.05
            found += self.keep(self.it.tick(self.now_s))
        return found

    def says(
        self,
        text: str,
        risk: Risk = NO_RISK,
        *,
        final: bool = True,
        paused: bool = False,
        told_late_s: float = 0.0,
    ) -> list[Any]:
        self.turn += final
        heard = Heard(
            turn=self.turn + (not final),
            text=text,
            confidence=0.9,
            from_s=self.now_s - told_late_s - 1,
            until_s=self.now_s - told_late_s,
            final=final,
        )
        return self.take(HeardNow(heard=heard, risk=risk, paused=paused))

    def hears_out(self) -> list[Any]:
        """The patient hears what is being said to its end."""
        speaking = [c for c in self.all if isinstance(c, SpeakNow)][-1].utterance
        return self.take(
            Played(utterance=speaking.utterance, until_ms=5000.0, done=True, heard=speaking.text)
        )


def of(commands: list[Any], kind: type) -> list[Any]:
    return [command for command in commands if isinstance(command, kind)]


def said(commands: list[Any]) -> list[Any]:
    return [command.utterance for command in of(commands, SpeakNow)]


def events(commands: list[Any], kind: type) -> list[Any]:
    return [command.event for command in of(commands, Tell) if isinstance(command.event, kind)]


def test_a_clear_wish_is_answered_and_done_at_once_without_a_model() -> None:
    talk = Talk()
    found = talk.says("the waves are a bit much")
    assert said(found)[0].source == "line"
    assert any("weather" in str(act.action) or "swell" in str(act.action) for act in of(found, Act))
    assert not of(found, Ask)


def test_what_is_unclear_goes_to_the_model_and_a_line_comes_in_two_seconds_when_it_is_silent() -> None:
    talk = Talk()
    found = talk.says("my grandmother used to bake on such evenings")
    [ask] = of(found, Ask)
    assert ask.briefing.lines
    assert ask.until_s == pytest.approx(talk.now_s + ANSWER_WITHIN_S)
    found = talk.wait(0.7)
    assert [words.source for words in said(found)] == ["acknowledgement"]
    talk.hears_out()
    found = talk.wait(1.5)
    assert of(found, CancelAsk)
    assert [words.source for words in said(found)] == ["line"]
    found = talk.take(Proposed(proposal=Proposal(turn=talk.turn, say="Too late.", line_id="x.y")))
    assert events(found, ProposalDecided)[0].decision == "stale"
    assert not said(found)


@pytest.mark.parametrize(
    ("told_late_s", "left_s"),
    [(0.8, ANSWER_WITHIN_S - 0.8), (-3.0, ANSWER_WITHIN_S), (600.0, ANSWER_WITHIN_S - 1.5)],
)
def test_two_seconds_count_from_the_last_word_whenever_it_is_told(told_late_s: float, left_s: float) -> None:
    talk = Talk()
    found = talk.says("my grandmother used to bake on such evenings", told_late_s=told_late_s)
    assert of(found, Ask)[0].until_s == pytest.approx(talk.now_s + left_s)
    found = talk.wait(max(0.1, left_s - ANSWER_WITHIN_S + 0.7))
    assert [words.source for words in said(found)] == ["acknowledgement"]
    talk.hears_out()
    found = talk.wait(2.0)
    assert [words.source for words in said(found)] == ["line"]


def test_words_of_a_model_are_never_said_where_lines_must_be_approved() -> None:
    talk = Talk()
    talk.says("my grandmother used to bake on such evenings")
    found = talk.take(Proposed(proposal=Proposal(turn=talk.turn, say="You are cured, my dear.")))
    found += talk.wait(0.5)
    assert "cured" not in " ".join(words.text for words in said(found))
    assert said(found)[0].line_id


def test_free_sentences_are_said_as_they_come_and_a_screened_one_ends_the_answer() -> None:
    talk = Talk(GuideMode.FREE)
    talk.says("my grandmother used to bake on such evenings")
    found = talk.take(SentenceReady(turn=talk.turn, text="That sounds warm."))
    assert [words.source for words in said(found)] == ["model"]
    strict = Talk(GuideMode.FREE, screen=lambda _text, _heard: "no")
    strict.says("my grandmother used to bake on such evenings")
    found = strict.take(SentenceReady(turn=strict.turn, text="Take this pill."))
    assert of(found, CancelAsk)
    assert said(found)[0].source == "line"


def test_a_voice_softens_the_guide_ends_it_after_a_quarter_second_and_only_what_was_heard_is_remembered() -> (
    None
):
    talk = Talk()
    talk.says("hello")
    words = said(talk.all)[-1]
    talk.take(Played(utterance=words.utterance, until_ms=400.0, done=False, heard="Hello"))
    talk.take(SpeechStarted(at_s=talk.now_s))
    found = talk.wait(0.3)
    assert of(found, HushNow)
    heard = events(found, GuideHeard)[0]
    assert (heard.text, heard.complete) == ("Hello", False)
    assert talk.it._minutes.turns[-1].text == "Hello"


def test_what_a_mere_mm_hm_has_cut_goes_on() -> None:
    talk = Talk()
    talk.take(Whisper(text="You are safe here. The sea goes on."))
    [words] = said(talk.all)
    talk.take(Played(utterance=words.utterance, until_ms=1500.0, done=False, heard="You are safe here. The"))
    talk.take(SpeechStarted(at_s=talk.now_s))
    assert of(talk.wait(0.3), HushNow)
    found = talk.says("mm-hm") + talk.wait(0.5)
    assert [words.text for words in said(found)] == ["The sea goes on."]


@pytest.mark.parametrize("final", [True, False])
def test_a_risk_is_answered_at_once_by_an_approved_line_and_calls_a_human(final: bool) -> None:  # noqa: FBT001
    talk = Talk(GuideMode.FREE)
    talk.says("my grandmother used to bake on such evenings")
    risk = Risk(level=RiskLevel.URGENT, kind="self_harm", evidence=("rule",))
    found = talk.says("i do not want to be here any more", risk, final=final)
    assert of(found, CancelAsk)
    assert of(found, Escalate)
    [words] = said(found)
    assert (words.source, words.text) == ("risk", BOOK.line("self_harm"))
    talk.hears_out()
    assert not said(talk.says("tell me about the sea"))
    assert talk.it.view(talk.now_s)["state"] == "crisis"
    talk.take(Release())
    assert of(talk.says("tell me about the trains of my childhood"), Ask)


def test_a_spoken_stop_is_the_button() -> None:
    talk = Talk()
    risk = Risk(level=RiskLevel.WATCH, kind="stop", stop=True)
    found = talk.says("stop please", risk)
    assert of(found, StopSession)
    found = talk.take(SessionEnded(stopped=True))
    assert of(found, ListenNow)[-1].on is False
    talk.take(Whisper(text="Hello?"))
    assert not said(talk.says("hello") + talk.wait(3.0))


def test_a_proposal_waits_for_the_therapist_and_times_out_into_a_neutral_line() -> None:
    talk = Talk(approval=True)
    found = talk.says("the waves are a bit much")
    assert [words.source for words in said(found)] == ["acknowledgement"]
    talk.hears_out()
    assert not of(found, Act)
    assert talk.it.view(talk.now_s)["proposal"]["text"]
    found = talk.take(Decide(turn=talk.turn, decision="speak"))
    assert said(found)
    assert of(found, Act)
    talk.hears_out()
    talk.says("the waves are a bit much")
    found = talk.wait(21.0)
    assert events(found, ProposalDecided)[0].decision == "timed out"
    assert said(found)[0].line_id.startswith("moment.")


def test_an_edited_proposal_is_the_therapists_words() -> None:
    talk = Talk(approval=True)
    talk.says("the waves are a bit much")
    talk.hears_out()
    found = talk.take(Decide(turn=talk.turn, decision="edit", text="I make the sea calmer."))
    assert [(w.text, w.source) for w in said(found)] == [("I make the sea calmer.", "therapist")]
    assert of(found, Act)


def test_the_therapists_words_come_before_the_guides() -> None:
    talk = Talk()
    talk.says("hello")
    found = talk.take(Whisper(text="I am here with you."))
    assert of(found, HushNow)
    assert said(found)[0].source == "therapist"


def test_silence_that_was_asked_for_is_kept_until_a_clear_wish() -> None:
    talk = Talk()
    found = talk.says("please be quiet for a while")
    assert any(isinstance(act.action, Hold) for act in of(found, Act))
    talk.hears_out()
    assert not said(talk.says("such a long way it was to the lighthouse") + talk.wait(3.0))
    assert said(talk.says("the waves are a bit much"))


def test_a_rating_is_asked_heard_and_kept() -> None:
    talk = Talk(GuideMode.SCRIPTED)
    talk.take(StageBegan(kind=StageKind.RETURN))
    for _ in range(40):
        talk.wait(5.0)
        if talk.it._awaiting is not None:
            break
        if talk.it._speech.now is not None:
            talk.hears_out()
    talk.hears_out()
    found = talk.says("about a three")
    assert events(found, RatingGiven)[0].value in (3.0, 30.0)


def test_stages_begin_with_their_lines_and_a_first_meeting_says_that_it_is_a_computer() -> None:
    talk = Talk(met_before=False)
    found = talk.take(StageBegan(kind=StageKind.ARRIVE))
    assert not said(found), "the place appears first"
    assert "computer" in said(talk.wait(3.2))[0].text


def test_to_nobody_nothing_is_said() -> None:
    talk = Talk()
    talk.take(Somebody(False))
    talk.take(StageBegan(kind=StageKind.ARRIVE))
    assert not said(talk.wait(8.0))
    assert said(talk.take(Somebody(True)))


def test_off_says_and_hears_nothing_and_scripted_never_asks() -> None:
    off = Talk(GuideMode.OFF)
    assert of(off.all, ListenNow) == [ListenNow(False)]
    off.take(StageBegan(kind=StageKind.ARRIVE))
    assert not said(off.says("hello") + off.wait(4.0))
    scripted = Talk(GuideMode.SCRIPTED)
    found = scripted.says("my grandmother used to bake on such evenings")
    assert said(found)
    assert not of(found, Ask)


def test_words_without_sound_are_read_and_the_talk_goes_on() -> None:
    talk = Talk()
    talk.says("hello")
    talk.take(NotSpoken(utterance=said(talk.all)[-1].utterance, reason="no voice"))
    found = talk.wait(8.0)
    assert events(found, GuideHeard)[0].complete


def test_a_model_that_is_missing_makes_it_scripted_and_says_so() -> None:
    talk = Talk()
    talk.take(Status(mind="no model: stillwater models install"))
    view = talk.it.view(talk.now_s)
    assert (view["mode"], view["wanted_mode"]) == ("scripted", "approved")
    assert view["missing"]


def test_memory_holds_no_words() -> None:
    talk = Talk()
    talk.says("i do not want to be here", Risk(level=RiskLevel.URGENT, kind="self_harm"))
    memory = talk.it.memory()
    again = Conversation(talk.it._settings, memory=memory)
    assert again.view(0.0)["state"] == "crisis"
    assert "want" not in repr(memory)


TEXTS = st.sampled_from(
    [
        *("mm-hm", "hello", "the waves are a bit much", "go to the forest", "be quiet", "seven", "xyzzy", ""),
        *("stop", "i am scared", "louder", "let us do the body scan", "no", "can we end this"),
    ]
)
RISKS = st.sampled_from([NO_RISK] * 6 + [Risk(level=RiskLevel.URGENT, kind=k) for k in ("medical", "panic")])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("says"), TEXTS, RISKS, st.booleans()),
        st.tuples(st.just("model"), st.sampled_from(["made up", "", "x" * 900]), st.integers(-2, 1)),
        st.tuples(st.just("sentence"), st.just("Free words."), st.integers(-1, 0)),
        st.tuples(st.just("unusable"), st.integers(-1, 0)),
        st.tuples(st.just("wait"), st.floats(0.05, 4.0)),
        st.tuples(st.just("heard"), st.booleans()),
        st.tuples(st.just("voice"), st.booleans()),
        st.tuples(st.just("mode"), st.sampled_from(list(GuideMode))),
        st.tuples(st.just("stage"), st.sampled_from(list(StageKind))),
        st.tuples(st.just("whisper")),
        st.tuples(st.just("release")),
        st.tuples(st.just("decide"), st.sampled_from(["speak", "edit", "drop"])),
        st.tuples(st.just("end"), st.booleans()),
    ),
    max_size=25,
)


def play(  # noqa: C901, PLR0911, PLR0912  # one branch a kind of step
    talk: Talk, step: tuple[Any, ...]
) -> list[Any]:
    match step:
        case ("says", text, risk, final):
            return talk.says(text, risk, final=final)
        case ("model", text, off):
            return talk.take(Proposed(proposal=Proposal(turn=talk.turn + off, say=text)))
        case ("sentence", text, off):
            return talk.take(SentenceReady(turn=talk.turn + off, text=text))
        case ("unusable", off):
            return talk.take(NotUsable(turn=talk.turn + off, reason="test"))
        case ("wait", seconds):
            return talk.wait(seconds)
        case ("heard", done):
            spoken = said(talk.all)
            if not spoken:
                return []
            heard = spoken[-1].text if done else spoken[-1].text[:5]
            return talk.take(Played(utterance=spoken[-1].utterance, until_ms=1.0, done=done, heard=heard))
        case ("voice", on):
            return talk.take(SpeechStarted(at_s=talk.now_s) if on else SpeechEnded(at_s=talk.now_s))
        case ("mode", mode):
            return talk.take(SetMode(mode=mode, why="test"))
        case ("stage", kind):
            return talk.take(StageBegan(kind=kind))
        case ("whisper",):
            return talk.take(Whisper(text="The therapist speaks."))
        case ("release",):
            return talk.take(Release())
        case ("decide", decision):
            return talk.take(Decide(turn=talk.turn, decision=decision, text="Edited words."))
        case ("end", stopped):
            return talk.take(SessionEnded(stopped=stopped))
    raise AssertionError(step)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mode=st.sampled_from(list(GuideMode)), approval=st.booleans(), steps=STEPS)
def test_whatever_happens_nothing_is_said_that_must_not_be(
    mode: GuideMode,
    approval: bool,  # noqa: FBT001  # drawn by hypothesis
    steps: list[tuple[Any, ...]],
) -> None:
    talk = Talk(mode, approval=approval)
    ended = False
    speaking: int | None = None
    for step in steps:
        was = talk.it.mode
        crisis = talk.it._crisis is not None
        found = play(talk, step)
        for command in found:
            if isinstance(command, Ask):
                assert was in (GuideMode.APPROVED, GuideMode.FREE)
                assert not crisis
            if isinstance(command, HushNow) or (
                isinstance(command, Tell) and isinstance(command.event, GuideHeard)
            ):
                speaking = None
            if isinstance(command, SpeakNow):
                words = command.utterance
                assert speaking is None, "two at once"
                speaking = words.utterance
                assert not ended or command.safety
                if words.source == "model":
                    assert GuideMode.FREE in (was, talk.it.mode)
                    assert words.text == "Free words."
                elif words.source in ("line", "skill", "acknowledgement") and words.line_id:
                    assert words.line_id in BANK.lines
                assert was is not GuideMode.OFF or words.source in ("therapist", "risk")
                if crisis:
                    assert words.source in ("risk", "therapist") or step[0] == "release"
        if step[0] == "says" and step[2] is not NO_RISK and not ended and not crisis:
            assert of(found, Escalate)
        ended = ended or step[0] == "end"


@settings(max_examples=60, deadline=None)
@given(
    text=TEXTS.filter(bool), mode=st.sampled_from([GuideMode.APPROVED, GuideMode.FREE, GuideMode.SCRIPTED])
)
def test_a_turn_is_answered_within_two_seconds_whatever_the_model_does(text: str, mode: GuideMode) -> None:
    talk = Talk(mode)
    found = talk.says(text)
    if text == "mm-hm":
        return  # a listener's sound wants no answer
    found += talk.wait(2.05)
    assert said(found)


def test_the_guide_is_loud_again_once_the_patient_has_spoken_and_a_risk_line_is_never_soft() -> None:
    talk = Talk()
    talk.says("hello")
    assert of(talk.take(SpeechStarted(at_s=talk.now_s)), Soften) == [Soften(True)]
    talk.wait(0.3)
    assert of(talk.says("the waves are a bit much"), Soften) == [Soften(False)]
    talk.hears_out()
    talk.says("hello")
    talk.take(SpeechStarted(at_s=talk.now_s))
    risk = Risk(level=RiskLevel.URGENT, kind="self_harm", evidence=("rule",))
    found = talk.says("i do not want to be here", risk, final=False)
    assert [type(c) for c in found if isinstance(c, Soften | SpeakNow)] == [Soften, SpeakNow]


def test_ears_that_die_while_the_patient_speaks_do_not_silence_the_guide() -> None:
    talk = Talk()
    talk.take(SpeechStarted(at_s=talk.now_s))
    talk.take(Status(ears="ears stopped"))
    assert said(talk.take(StageBegan(kind=StageKind.SETTLE)))


def test_a_proposal_that_waits_is_acknowledged_at_once_and_only_once() -> None:
    talk = Talk(approval=True)
    found = talk.says("the waves are a bit much")
    assert [words.source for words in said(found)] == ["acknowledgement"]
    talk.hears_out()
    assert not said(talk.wait(5.0))
    talk.says("my grandmother used to bake on such evenings")
    talk.hears_out()
    found = talk.wait(0.7)
    talk.hears_out()
    found += talk.wait(3.0)
    assert [words.source for words in said(found)] == ["acknowledgement"]


def test_an_itching_headset_is_no_illness() -> None:
    assert not of(Talk().says("the headset is itchy"), Unwell)
    assert of(Talk().says("i feel dizzy"), Unwell)


def test_silence_that_is_asked_for_ends_an_exercise() -> None:
    talk = Talk()
    talk.says("let us do the body scan")
    assert talk.it._skill is not None
    talk.hears_out()
    talk.says("please be quiet for a while")
    assert talk.it._skill is None
    assert {words.source for words in said(talk.wait(60.0))} <= {"line"}, "the answer alone"


def test_an_exercise_that_is_not_for_this_patient_is_not_begun_and_a_human_is_offered() -> None:
    talk = Talk(flags=frozenset({"dissociation"}))
    found = talk.says("let us do the body scan")
    assert talk.it._skill is None
    assert said(found)[0].line_id.startswith("offer_therapist.")


def test_free_words_are_screened_with_what_the_patient_said() -> None:
    asked: list[tuple[str, str]] = []

    def screen(text: str, heard: str) -> str:
        asked.append((text, heard))
        return ""

    talk = Talk(GuideMode.FREE, screen=screen)
    talk.says("my grandmother used to bake on such evenings")
    talk.take(SentenceReady(turn=talk.turn, text="That sounds warm."))
    assert asked == [("That sounds warm.", "my grandmother used to bake on such evenings")]


def test_a_question_of_an_exercise_gives_time_to_think_and_no_longer() -> None:
    talk = Talk()
    talk.says("Can we do the safe place exercise?")
    for _ in range(40):
        talk.wait(3.0)
        if of(talk.all, HoldNow):
            break
        talk.hears_out()
    assert of(talk.all, HoldNow) == [HoldNow(True)]
    talk.says("Stop this exercise, please.")
    talk.wait(1.0)
    assert of(talk.all, HoldNow) == [HoldNow(True), HoldNow(False)]


LONG = "I do not really know what to say about this week."


def test_mm_is_said_within_the_pause_where_an_answer_takes_time_and_only_once() -> None:
    talk = Talk()
    talk.take(SpeechStarted(at_s=talk.now_s))
    talk.wait(3.0)
    found = talk.says(LONG, final=False, paused=True)
    assert [words.source for words in said(found)] == ["acknowledgement"]
    assert of(found, SpeakNow)[0].at_s - talk.now_s <= 0.1
    assert said(talk.says(LONG, final=False, paused=True)) == []
    talk.hears_out()
    talk.now_s += 0.3
    assert of(talk.says(LONG), Ask)
    assert "acknowledgement" not in [words.source for words in said(talk.wait(1.0))]
    answered = talk.wait(1.5)
    assert [words.source for words in said(answered)] == ["line"]


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("I wanted to say that", NO_RISK),  # they will go on
        ("Yes.", NO_RISK),
        ("Please make it darker.", NO_RISK),  # its answer comes at once
        (LONG, Risk(level=RiskLevel.WATCH, kind="self_harm", evidence=("…",))),
    ],
)
def test_no_mm_before_more_words_to_few_before_an_answer_or_to_what_may_be_a_risk(
    text: str, risk: Risk
) -> None:
    talk = Talk()
    talk.take(SpeechStarted(at_s=talk.now_s))
    talk.wait(2.0)
    assert said(talk.says(text, risk, final=False, paused=True)) == []


def test_no_mm_into_silence_that_was_asked_for_into_an_exercise_or_over_other_words() -> None:
    for before in ("Please be quiet for a while.", "Can we do the body scan?"):
        talk = Talk()
        talk.says(before)
        talk.wait(1.0)
        talk.hears_out()
        talk.take(SpeechStarted(at_s=talk.now_s))
        assert said(talk.says(LONG, final=False, paused=True)) == []


def test_an_answer_does_not_wait_for_the_report_of_an_mm() -> None:
    talk = Talk()
    talk.take(SpeechStarted(at_s=talk.now_s))
    talk.says(LONG, final=False, paused=True)
    talk.now_s += 0.3
    talk.says(LONG)
    line = Proposal(turn=1, say=BANK.lines["listening.hear_you"].text, line_id="listening.hear_you")
    talk.take(Proposed(proposal=line))
    answered = talk.wait(1.0)
    assert [words.source for words in said(answered)] == ["line"]


def test_a_pause_in_a_turn_lets_nothing_else_be_said() -> None:
    talk = Talk()
    talk.take(SpeechStarted(at_s=talk.now_s))
    talk.says(LONG, final=False, paused=True)
    talk.hears_out()
    talk.take(StageBegan(kind=StageKind.DEEPEN))
    assert said(talk.wait(10.0)) == []


def test_an_mm_that_is_talked_over_is_let_go() -> None:
    talk = Talk()
    talk.take(SpeechStarted(at_s=talk.now_s))
    talk.says(LONG, final=False, paused=True)
    talk.wait(0.2)
    talk.take(SpeechStarted(at_s=talk.now_s))  # they go on
    assert of(talk.wait(0.3), HushNow)
    talk.take(SpeechEnded(at_s=talk.now_s))
    assert said(talk.wait(2.0)) == []


def test_the_guide_is_silent_soon_after_the_patients_first_sound_however_late_it_is_told() -> None:
    talk = Talk()
    talk.says("I feel anxious today.")
    talk.wait(1.0)
    began_s = talk.now_s
    talk.now_s += 0.15  # the detector needs 60 ms, packets and processes the rest
    talk.take(SpeechStarted(at_s=began_s))
    while not of(talk.wait(0.05), HushNow):
        assert talk.now_s < began_s + 0.3
    assert talk.now_s <= began_s + 0.26
