"""`Conversation`: the course of the talk between patient and guide, as a state machine without I/O. Pure.

```
heard ─▶ risk? ──urgent──▶ approved line, a human is called, no model until released
   │ no
   ▼
exercise or chooser or model ─▶ proposal ─▶ (therapist) ─▶ gate ─▶ words and actions
```

Give it what happens with `take(what, now_s)` and call `tick(now_s)` often; both return what is to be done.
Whatever the voice service does or does not do, a line is on its way `answer_within_s` after the patient's
last word: the chooser needs no process and no model. One utterance at a time; what the patient did not hear
does not enter the memory; a stop leaves nothing but safety lines.
"""

from __future__ import annotations

import dataclasses
from typing import Final, Literal

from therapy.actions import AskRating, GuideAction, Hold, Say
from therapy.events import (
    GuideModeChanged,
    RatingGiven,
    RiskFlagged,
)
from therapy.gate import Refused, Verdict
from therapy.plan import StageKind
from therapy.talk import (
    GuideMode,
    Heard,
    Proposal,
    Risk,
    RiskLevel,
    Source,
)
from voice_guide.choose import Choice, Present
from voice_guide.context import Context, action_in_words
from voice_guide.dialogue import (
    Act,
    Ask,
    CancelAsk,
    Command,
    ConversationMemory,
    ConversationSettings,
    Decide,
    Escalate,
    GuideView,
    HoldNow,
    Input,
    ListenNow,
    Played,
    Release,
    SessionEnded,
    SetMode,
    Somebody,
    StageBegan,
    StopSession,
    Unwell,
    Whisper,
)
from voice_guide.floor import Floor
from voice_guide.listen.turns import sounds_complete
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
from voice_guide.minutes import Minutes
from voice_guide.remember import worth_remembering
from voice_guide.rules import normal
from voice_guide.skill import OPT_OUT, Answered, Leave, SkillContext, SkillState, Spoken, Tick
from voice_guide.speech import AHEAD_S, AT_ONCE_S, Speech, Words, length_s
from voice_guide.stages import RETURN_SKILL, stage_steps

__all__ = ["Conversation"]

#: The line that says to a patient what the guide is.
DISCLOSURE: Final = "arrive.computer_voice"
#: Fewer words are mostly an answer themselves: no "mm" follows them.
_LEAST_WORDS: Final = 3
#: What listeners say to say that they listen.
BACK_CHANNEL: Final = frozenset(
    {"mm", "mhm", "mm hm", "mmhm", "mm hmm", "mmm", "hm", "hmm", "uh huh", "yeah", "yes", "yep", "okay", "ok"}
    | {"ja", "aha", "genau", "gut", "right", "sure"}
)
#: A turn's words are told this long after the last of them at most: the pause that ends it, and Whisper.
_TOLD_LATE_S: Final = 1.5
#: Half unwell, as the button on the page says it fully: words may mean less.
_UNWELL: Final = 0.6


@dataclasses.dataclass(slots=True, eq=False)
class _Asked:
    """A turn that the model is to answer; `fallback` is said when it does not."""

    turn: int
    ended_s: float
    fallback: Proposal
    spoke: bool = False


@dataclasses.dataclass(slots=True, eq=False)
class _Waiting:
    """A proposal that waits for the therapist."""

    proposal: Proposal
    source: Source
    until_s: float


class Conversation:
    """One patient's talk with the guide. Belongs to one thread."""

    def __init__(self, settings: ConversationSettings, *, memory: ConversationMemory | None = None) -> None:
        self._settings = settings
        self._context = Context(settings)
        self._bank = settings.chooser.bank
        self.mode = settings.mode if memory is None else GuideMode(memory.mode)
        self.approval = settings.approval if memory is None else memory.approval
        self._status = Status()
        self._out: list[Command] = []
        self._floor = Floor(self._out)
        self._minutes = Minutes(self._out)
        self._words = ""
        self._asked: _Asked | None = None
        self._acknowledged = 0
        self._waiting: _Waiting | None = None
        self._crisis: Risk | None = None
        self._crisis_words = ""
        self._crisis_s = 0.0
        self._skill: SkillState | None = None
        self._turn_held = False
        self._held_until_s = 0.0
        self._awaiting: AskRating | None = None
        self._asked_again = False
        self._ratings: list[RatingGiven] = []
        self._speech = Speech(
            language=settings.language,
            out=self._out,
            transcript=self._minutes.transcript,
            finished=self._finished_words,
            mode=lambda: self._effective().value,
            utterances=0 if memory is None else memory.utterance,
        )
        self._turn = 0 if memory is None else memory.turn
        self._somebody = False
        self._live = False
        self._over = False
        self._intents: list[str] = []
        self._finished: list[str] = []
        self._met = False
        if memory is not None and memory.crisis_kind:
            self._crisis = Risk(level=RiskLevel.URGENT, kind=memory.crisis_kind)  # type: ignore[arg-type]

    # what happens ---------------------------------------------------------------------------------------

    def take(  # noqa: C901, PLR0912  # one branch for each thing that may happen
        self, what: Input, now_s: float
    ) -> list[Command]:
        """Take what happened at `now_s`; return what is to be done, in order."""
        match what:
            case Status():
                self._status = what
                if what.ears:  # nobody would tell that the voice has ended
                    self._voice_ended(now_s)
            case SpeechStarted(at_s=at_s):
                speaking = self._speech.now
                self._floor.voice(at_s, now_s, soften=speaking is not None and not speaking.safety)
            case SpeechEnded():
                self._voice_ended(now_s)
            case HeardNow(heard=heard, risk=risk, paused=paused):
                self._heard(heard, risk, now_s)
                if paused:
                    self._paused(heard, risk, now_s)
            case SentenceReady(turn=turn, text=text):
                self._sentence(turn, text, now_s)
            case Proposed(proposal=proposal):
                self._proposed(proposal, now_s)
            case NotUsable(turn=turn, reason=reason):
                if self._asked is not None and turn == self._asked.turn:
                    self._fall_back(reason, now_s)
            case NotSpoken(utterance=utterance):
                self._speech.soundless(utterance, now_s)
            case Played():
                self._speech.played(what, now_s)
            case Somebody(there=there):
                self._somebody = there
            case Whisper(text=text):
                self._whispered(text, now_s)
            case Decide():
                self._decided(what, now_s)
            case SetMode():
                self._set_mode(what, now_s)
            case Release():
                self._crisis = None
            case StageBegan(kind=kind):
                self._stage_began(kind, now_s)
            case SessionEnded(stopped=stopped):
                self._ended(stopped=stopped)
        self._go_on(now_s)
        return self._done()

    def tick(self, now_s: float) -> list[Command]:
        """Let time pass; return what it brings about."""
        self._interrupted(now_s)
        asked = self._asked
        if asked is not None:
            if now_s >= asked.ended_s + self._settings.answer_within_s:
                self._fall_back("no answer in time", now_s)
            elif now_s >= asked.ended_s + self._settings.acknowledge_after_s:
                self._acknowledge(asked)
        waiting = self._waiting
        if waiting is not None and now_s >= waiting.until_s:
            self._waiting = None
            self._minutes.decided(waiting.proposal.turn, "timed out", "time", now_s)
            self._say_line("moment", turn=waiting.proposal.turn)
        self._speech.pass_time(now_s)
        self._go_on(now_s)
        return self._done()

    def begin(self, now_s: float) -> list[Command]:
        """The session is there: listen, unless the guide is off."""
        self._live, self._over = True, False
        if self._crisis is not None and self._crisis_s == 0.0:
            self._crisis_s = now_s
        self._out.append(ListenNow(self.mode is not GuideMode.OFF))
        return self._done()

    def memory(self) -> ConversationMemory:
        """Return what another process needs to go on."""
        return ConversationMemory(
            mode=self.mode.value,
            approval=self.approval,
            crisis_kind="" if self._crisis is None else self._crisis.kind,
            turn=self._turn,
            utterance=self._speech.utterances,
        )

    def view(self, now_s: float) -> GuideView:
        """Return what the panel shows."""
        waiting, crisis = self._waiting, self._crisis
        return {
            "mode": self._effective().value,
            "wanted_mode": self.mode.value,
            "approval": self.approval,
            "missing": list(dict.fromkeys(filter(None, dataclasses.astuple(self._status)))),
            "state": self._state(now_s),
            "language": self._settings.language,
            "transcript": list(self._minutes.transcript),
            "partial": self._floor.words,
            "proposal": None
            if waiting is None
            else {
                "turn": waiting.proposal.turn,
                "text": waiting.proposal.say,
                "line_id": waiting.proposal.line_id,
                "actions": [action_in_words(action) for action in waiting.proposal.actions],
                "reason": waiting.proposal.reason,
                "backend": waiting.proposal.backend,
                "until_s": waiting.until_s,
            },
            "risk": None
            if crisis is None
            else {
                "level": crisis.level.value,
                "kind": crisis.kind,
                "evidence": list(crisis.evidence),
                "at_s": self._crisis_s,
                "words": self._crisis_words,
            },
            "met": self._met,
            "notes": list(worth_remembering(self._intents, finished_skills=self._finished)),
            "ratings": [
                {"scale": rating.scale, "value": rating.value, "at_s": rating.at_s}
                for rating in self._ratings
            ],
        }

    # listening ------------------------------------------------------------------------------------------

    def _voice_ended(self, now_s: float) -> None:
        self._floor.left()
        self._resume(now_s)

    def _interrupted(self, now_s: float) -> None:
        """End the guide's words when the patient really speaks; what was cut goes on after a mere "mm-hm"."""
        speaking = self._speech.now
        if speaking is not None and not speaking.safety and self._floor.interrupts(now_s):
            self._speech.interrupt(now_s)

    def _heard(self, heard: Heard, risk: Risk, now_s: float) -> None:
        if self._over or not self._live:
            return
        if risk.stop or risk.kind == "stop":
            self._out.append(StopSession(why="the patient said stop"))
        if risk.level is not RiskLevel.NONE and risk.kind != "stop":
            self._risk(heard, risk, now_s)
        if not heard.final:
            self._floor.words = heard.text
            self._interrupted(now_s)
            return
        self._floor.left()
        self._words = heard.text
        self._turn = max(self._turn, heard.turn)
        self._minutes.patient(heard, now_s)
        if self._crisis is None and not (risk.stop or risk.kind == "stop"):
            self._answer(heard, risk, now_s)

    def _paused(self, heard: Heard, risk: Risk, now_s: float) -> None:
        """The patient is quiet within a turn: say "mm" if the words are whole and an answer will take time.

        A turn ends after 0.7 s of quiet at the soonest, and what is not clear takes the model a second more.
        """
        if self._over or not self._live or heard.final:
            return
        self._floor.pause()
        busy = self._speech.now is not None or self._speech.waiting or self._skill is not None
        if busy or self._crisis is not None or risk.level is not RiskLevel.NONE or risk.stop:
            return
        if now_s < self._held_until_s or self._awaiting is not None or not self._somebody:
            return
        if len(heard.text.split()) < _LEAST_WORDS or not sounds_complete(heard.text):
            return
        choice = self._settings.chooser.choose(
            heard.text, self._now(), turn=heard.turn, confidence=heard.confidence, risk=risk
        )
        if self._asks_model(choice) and self._say_heard(heard.turn):
            self._speech.begin(now_s)

    def _answer(self, heard: Heard, risk: Risk, now_s: float) -> None:
        if self.mode is GuideMode.OFF:
            return
        if normal(heard.text) in BACK_CHANNEL and self._awaiting is None and self._skill is None:
            self._resume(now_s)
            return
        self._speech.cut = None
        self._drop_model_words(now_s)
        choice = self._settings.chooser.choose(
            heard.text, self._now(), turn=heard.turn, confidence=heard.confidence, risk=risk
        )
        self._rate(choice, now_s)
        if choice.sure:
            self._intents.append(choice.intent)
        if self._in_skill(choice, now_s):
            return
        if now_s < self._held_until_s and not choice.sure:
            return  # silence was asked for: only a clear wish ends it
        self._held_until_s = 0.0
        if choice.intent == "unwell" and choice.sure:
            self._out.append(Unwell(level=_UNWELL))
        if choice.skill and not self._settings.skills[choice.skill].fits(self._settings.flags):
            why = f"the exercise {choice.skill} is not for this patient"
            choice = self._settings.chooser.own("offer_therapist", self._now(), turn=heard.turn, reason=why)
        if choice.skill:
            self._begin_skill(choice.skill, now_s)
        if self._asks_model(choice):
            self._ask(heard, choice, now_s)
        else:
            self._offer(choice.proposal, "line", now_s)

    def _rate(self, choice: Choice, now_s: float) -> None:
        """Keep a number that was asked for; ask again once, then let it be."""
        if choice.proposal.rating is not None and self._awaiting is not None:
            rating = RatingGiven(at_s=now_s, scale=self._awaiting.scale, value=float(choice.proposal.rating))
            self._ratings.append(rating)
            self._minutes.tell(rating)
        if self._awaiting is not None:
            again = choice.proposal.rating is None and choice.intent == "ask_again"
            self._awaiting, self._asked_again = (self._awaiting, True) if again else (None, False)

    def _asks_model(self, choice: Choice) -> bool:
        """Whether the model is asked: not for what is clear already, and never where it may not speak."""
        if self._effective() not in (GuideMode.APPROVED, GuideMode.FREE) or choice.intent == "unclear":
            return False
        if self.mode is GuideMode.FREE:
            return not choice.proposal.actions and not choice.skill
        return not choice.sure

    def _ask(self, heard: Heard, choice: Choice, now_s: float) -> None:
        # The promise counts from the last word, which the recogniser tells late; clocks may disagree.
        ended_s = min(max(heard.until_s, now_s - _TOLD_LATE_S), now_s)
        self._asked = _Asked(turn=heard.turn, ended_s=ended_s, fallback=choice.proposal)
        until_s = ended_s + self._settings.answer_within_s
        self._out.append(
            Ask(
                briefing=self._context.briefing(heard, self.mode, self._minutes.turns, self._now()),
                until_s=until_s,
            )
        )

    # the model's answer ---------------------------------------------------------------------------------

    def _sentence(self, turn: int, text: str, now_s: float) -> None:
        asked = self._asked
        if asked is None or turn != asked.turn or self.approval or self.mode is not GuideMode.FREE:
            return
        verdict = self._gate(Say(text=text))
        if isinstance(verdict, Refused):
            self._fall_back(verdict.reason, now_s)
            return
        asked.spoke = True
        self._speech.waiting.append(Words(text=text, source="model", turn=turn, ahead_s=AT_ONCE_S))

    def _proposed(self, proposal: Proposal, now_s: float) -> None:
        asked = self._asked
        if asked is None or proposal.turn != asked.turn:
            self._minutes.decided(proposal.turn, "stale", "time", now_s)
            return
        self._asked = None
        if asked.spoke:
            self._minutes.proposed(proposal, now_s)
            self._act_all(proposal, now_s)
            return
        self._offer(proposal, "line" if proposal.line_id else "model", now_s)

    def _fall_back(self, reason: str, now_s: float) -> None:
        asked = self._asked
        if asked is None:
            return
        self._asked = None
        self._out.append(CancelAsk(turn=asked.turn))
        if not asked.spoke:
            self._offer(dataclasses.replace(asked.fallback, reason=f"scripted: {reason}"), "line", now_s)

    def _acknowledge(self, asked: _Asked) -> None:
        if not (asked.spoke or self._speech.now is not None or self._speech.waiting):
            self._say_heard(asked.turn)

    def _say_heard(self, turn: int) -> bool:
        """Say that the patient was heard, once a turn; return whether it is said now."""
        if turn == self._acknowledged:
            return False
        self._acknowledged = turn
        self._say_line(
            "acknowledge", turn=turn, source="acknowledgement", ahead_s=0.0
        )  # as soon as it can be
        return True

    # from a proposal to words and actions ---------------------------------------------------------------

    def _offer(self, proposal: Proposal, source: Source, now_s: float) -> None:
        self._minutes.proposed(proposal, now_s)
        if self.approval:
            until_s = now_s + self._settings.approval_s
            self._waiting = _Waiting(proposal=proposal, source=source, until_s=until_s)
            self._say_heard(proposal.turn)  # nobody is left in silence while the therapist reads
            return
        self._carry_out(proposal, source, now_s)

    def _carry_out(self, proposal: Proposal, source: Source, now_s: float) -> None:
        verdict = self._gate(Say(text=proposal.say, line_id=proposal.line_id))
        if isinstance(verdict, Refused):
            self._minutes.acted(
                proposal.turn, Say(text=proposal.say, line_id=proposal.line_id), verdict, now_s
            )
            self._say_line("listening", turn=proposal.turn)
            return
        self._speech.waiting.append(
            Words(
                text=proposal.say,
                source=source,
                line_id=proposal.line_id,
                turn=proposal.turn,
                ahead_s=AT_ONCE_S,  # the music stepped back when the patient began to speak
            )
        )
        self._act_all(proposal, now_s)

    def _act_all(self, proposal: Proposal, now_s: float) -> None:
        for action in proposal.actions:
            self._do(proposal.turn, action, proposal.reason, now_s)

    def _do(self, turn: int, action: GuideAction, because: str, now_s: float) -> None:
        verdict = self._gate(action)
        self._minutes.acted(turn, action, verdict, now_s)
        if isinstance(verdict, Refused):
            return
        admitted = verdict.action
        if isinstance(admitted, Hold):
            self._held_until_s = now_s + admitted.for_s
            self._leave_skill(now_s)
        elif isinstance(admitted, AskRating):
            self._awaiting, self._asked_again = admitted, False
        self._out.append(Act(turn=turn, action=admitted, verdict=verdict, because=because))

    def _decided(self, decide: Decide, now_s: float) -> None:
        waiting = self._waiting
        if waiting is None or waiting.proposal.turn != decide.turn:
            self._minutes.decided(decide.turn, "stale", "therapist", now_s)
            return
        self._waiting = None
        match decide.decision:
            case "drop":
                self._minutes.decided(decide.turn, "dropped", "therapist", now_s)
            case "edit":
                self._minutes.decided(decide.turn, "edited", "therapist", now_s)
                self._speech.waiting.append(Words(text=decide.text, source="therapist", turn=decide.turn))
                self._act_all(waiting.proposal, now_s)
            case "speak":
                self._minutes.decided(decide.turn, "spoken", "therapist", now_s)
                self._carry_out(waiting.proposal, waiting.source, now_s)

    def _whispered(self, text: str, now_s: float) -> None:
        """Say the therapist's words: before any others, and instead of the guide's present ones."""
        if self._over:
            return
        self._drop_model_words(now_s)
        self._speech.silence(now_s)
        self._speech.waiting.appendleft(
            Words(text=text, source="therapist", turn=self._turn, ahead_s=AT_ONCE_S)
        )

    # risk -----------------------------------------------------------------------------------------------

    def _risk(self, heard: Heard, risk: Risk, now_s: float) -> None:
        again = self._crisis is not None
        known = self._crisis is not None and self._crisis.kind == risk.kind
        if heard.final or not known:
            evidence = "; ".join(risk.evidence)
            flagged = RiskFlagged(
                at_s=now_s, turn=heard.turn, level=risk.level.value, kind=risk.kind, evidence=evidence
            )
            self._minutes.tell(flagged)
            self._out.append(Escalate(risk=risk, turn=heard.turn))
        if risk.level is not RiskLevel.URGENT or known:
            return
        self._crisis, self._crisis_words, self._crisis_s = risk, heard.text, now_s
        self._floor.loud()
        self._drop_model_words(now_s)
        self._leave_skill(now_s)
        self._waiting = self._speech.cut = None
        self._speech.silence(now_s)
        text = self._settings.book.line(risk.kind, "again" if again else "urgent")
        text = text or self._settings.book.line(risk.kind)
        if text:
            self._speech.waiting.append(
                Words(
                    text=text,
                    source="risk",
                    line_id=f"risk.{risk.kind}",
                    turn=heard.turn,
                    safety=True,
                    ahead_s=AT_ONCE_S,
                )
            )

    # exercises and stages -------------------------------------------------------------------------------

    def _stage_began(self, kind: StageKind, now_s: float) -> None:
        self._leave_skill(now_s)
        self._speech.keep("therapist", "risk")
        if self.mode is GuideMode.OFF or self._crisis is not None or self._over:
            return
        if kind is StageKind.RETURN:
            self._begin_skill(RETURN_SKILL, now_s)
            return
        at_s = now_s + 3.0 if kind is StageKind.ARRIVE else now_s  # the place appears over three seconds
        for step in stage_steps(kind, met_before=self._settings.met_before):
            line = self._bank.line(step.line_id)
            self._speech.waiting.append(
                Words(text=line.text, source="line", line_id=line.line_id, not_before_s=at_s)
            )
            at_s += length_s(line.text) + step.pause_after_s

    def _begin_skill(self, name: str, now_s: float) -> None:
        spec = self._settings.skills.get(name)
        if spec is None or not spec.fits(self._settings.flags):
            return
        left_s = max(self._context.around().stage_left_s, 30.0)
        self._skill = spec.start(SkillContext(begun_s=now_s, may_last_s=left_s, flags=self._settings.flags))

    def _in_skill(self, choice: Choice, now_s: float) -> bool:
        """Give an answer to the exercise first; return whether it was all that it was for."""
        if self._skill is None:
            return False
        wish = choice.sure and bool(choice.proposal.actions or choice.skill)
        if not wish:
            self._step_skill(Answered(intent=choice.intent), now_s)
            return True
        if choice.intent in OPT_OUT:
            self._leave_skill(now_s)  # the answer to the wish is what is said
        return False

    def _step_skill(self, event: Answered | Spoken | Tick | Leave, now_s: float) -> None:
        state = self._skill
        if state is None:
            return
        state, steps = self._settings.skills[state.skill].next(state, event, now_s)
        if state.done and not isinstance(event, Leave | Answered):
            self._finished.append(state.skill)
        self._skill = None if state.done else state
        for step in steps:
            line = self._bank.line(step.line_id)
            self._speech.waiting.append(
                Words(text=line.text, source="skill", line_id=line.line_id, step=step)
            )
            if step.action is not None:
                self._do(self._turn, step.action, f"exercise {state.skill}", now_s)

    def _leave_skill(self, now_s: float) -> None:
        self._step_skill(Leave(), now_s)
        self._skill = None

    # speaking -------------------------------------------------------------------------------------------

    def _go_on(self, now_s: float) -> None:
        """Say the next words if nobody speaks; let the exercise go on."""
        free = not self._speech.waiting and self._speech.now is None and self._quiet()
        if free and self._somebody and self._crisis is None:
            self._step_skill(Tick(), now_s)
        if self._speech.now is not None or not self._speech.waiting or not self._somebody:
            return
        first = self._speech.waiting[0]
        at_once = first.safety or first.source == "therapist"
        waits = self._waiting is not None and first.source != "acknowledgement"
        waits = waits or self._floor.taken or now_s < first.not_before_s or self._over
        if at_once or not waits:
            self._speech.begin(now_s)

    def _quiet(self) -> bool:
        return not self._floor.taken and self._waiting is None

    def _finished_words(self, words: Words, now_s: float, complete: bool) -> None:  # noqa: FBT001  # a callback
        if words.heard:
            who: Literal["therapist", "guide"] = "therapist" if words.source == "therapist" else "guide"
            self._minutes.heard(who, words.heard)
        if complete and words.line_id == DISCLOSURE:
            self._met = True
        elif complete and words.step is not None:
            self._step_skill(Spoken(), now_s)

    def _resume(self, now_s: float) -> None:
        if self._over or self._crisis is not None:
            self._speech.cut = None
        self._speech.resume(now_s)

    def _drop_model_words(self, now_s: float) -> None:
        """A newer turn outranks an older answer."""
        if self._asked is not None:
            self._out.append(CancelAsk(turn=self._asked.turn))
            self._asked = None
        if self._waiting is not None:
            self._minutes.decided(self._waiting.proposal.turn, "stale", "patient", now_s)
            self._waiting = None
        self._speech.keep("skill", "therapist", "risk", "acknowledgement")

    def _say_line(self, intent: str, *, turn: int, source: Source = "line", ahead_s: float = AHEAD_S) -> None:
        present = self._now()
        choice = self._bank.pick(intent, self._settings.chooser.slots("", present), said=present.said)
        self._speech.waiting.append(
            Words(text=choice.text, source=source, line_id=choice.line_id, turn=turn, ahead_s=ahead_s)
        )

    # the rest -------------------------------------------------------------------------------------------

    def _set_mode(self, wanted: SetMode, now_s: float) -> None:
        was = self.mode
        self.mode = wanted.mode
        if wanted.approval is not None:
            self.approval = wanted.approval
        if was is wanted.mode:
            return
        self._minutes.tell(GuideModeChanged(at_s=now_s, was=was.value, now=self.mode.value, why=wanted.why))
        self._drop_model_words(now_s)
        if self.mode is GuideMode.OFF:
            self._leave_skill(now_s)
            self._speech.silence(now_s)
        if self._live and not self._over:
            self._out.append(ListenNow(self.mode is not GuideMode.OFF))

    def _ended(self, *, stopped: bool) -> None:
        """Nothing is said any more but what is for safety; a session that ends by itself is heard out."""
        self._over, self._live = True, False
        self._asked = self._waiting = self._skill = None
        self._floor.left()
        self._speech.end(at_once=stopped)
        self._out.append(ListenNow(on=False))

    def _effective(self) -> GuideMode:
        """How freely the guide can speak: without a model it is scripted."""
        if self.mode in (GuideMode.FREE, GuideMode.APPROVED) and self._status.mind:
            return GuideMode.SCRIPTED
        return self.mode

    def _state(self, now_s: float) -> str:
        if self._crisis is not None:
            return "crisis"
        if self.mode is GuideMode.OFF:
            return "off"
        if self._speech.now is not None:
            return "speaking"
        if self._floor.taken:
            return "listening"
        if self._asked is not None or self._waiting is not None:
            return "thinking"
        return "held" if now_s < self._held_until_s else "idle"

    def _now(self) -> Present:
        return self._context.present(self._speech.said, self._awaiting, asked_again=self._asked_again)

    def _gate(self, action: GuideAction) -> Verdict:
        held = self._crisis is not None
        return self._context.admitted(action, self.mode, heard=self._words, risk_held=held)

    def _done(self) -> list[Command]:
        hold = self._skill is not None and self._skill.asked is not None
        if hold != self._turn_held:
            self._turn_held = hold
            self._out.append(HoldNow(hold))
        out = list(self._out)
        self._out.clear()
        return out
