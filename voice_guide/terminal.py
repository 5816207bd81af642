"""The guide without a room: words in, what it would say and do out. Behind `stillwater guide`.

The same parts as in a session (risk screen, escalation, chooser or model, the gate), and a world in which
what is admitted has happened at once. Time is an argument; whatever is said, there is an answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from therapy.actions import CallTherapist, Dim, GuideAction, PaceBreath, Say, ShiftMusic, ShiftScene
from therapy.controls import NEUTRAL, Controls
from therapy.escalation import Escalation, SpeakLine, StopSession
from therapy.gate import Refused, Verdict, admit, guide_controls
from therapy.may_say import MaySay
from therapy.plan import Limits
from therapy.talk import Briefing, GuideMode, Proposal, Risk, RiskKind, Turn
from voice_guide.choose import Choice, Chooser, Present
from voice_guide.risk import RiskBook, RiskScreen
from voice_guide.say_screen import SayScreen
from voice_guide.think import Mind

__all__ = ["BASELINE_BREATH_PER_MIN", "Answer", "TerminalGuide"]

#: The patient of the terminal breathes so by themself: the pace is never led faster.
BASELINE_BREATH_PER_MIN: Final = 12.0
_REMEMBERED_TURNS: Final = 12
_REMEMBERED_LINES: Final = 8
_MODELLED: Final = frozenset({GuideMode.FREE, GuideMode.APPROVED})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One action that was wanted, and what the gate made of it; `action` is what happens, if anything."""

    wanted: GuideAction | StopSession
    verdict: str
    reason: str = ""
    action: GuideAction | StopSession | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the guide would do about one utterance. `said` is empty when it is silent."""

    heard: str
    risk: Risk
    said: str
    line_id: str
    source: str
    reason: str
    done: tuple[Done, ...] = ()
    skill: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as the command prints it: `{heard, risk, action, admitted, said, …}`."""
        first = self.done[0] if self.done else None
        return {
            "heard": self.heard,
            "risk": {
                "level": self.risk.level.value,
                "kind": self.risk.kind,
                "evidence": list(self.risk.evidence),
            },
            "action": None if first is None else _plain(first.wanted),
            "admitted": None if first is None else first.action is not None,
            "said": self.said,
            "line_id": self.line_id,
            "source": self.source,
            "reason": self.reason,
            "skill": self.skill,
            "actions": [
                {
                    "wanted": _plain(done.wanted),
                    "verdict": done.verdict,
                    "reason": done.reason,
                    "done": None if done.action is None else _plain(done.action),
                }
                for done in self.done
            ],
        }


class TerminalGuide:
    """One talk. Make another for another patient.

    Args:
        chooser: lines and intents of the language.
        book: the risk book of the language.
        screen: the risk screen of that book.
        mode: how freely it may speak.
        mind: asked in FREE and APPROVED; without one the chooser answers.
        places: where the patient may go.
        limits: of the plan.
    """

    def __init__(
        self,
        *,
        chooser: Chooser,
        book: RiskBook,
        screen: RiskScreen,
        mode: GuideMode,
        mind: Mind | None = None,
        places: Sequence[str] = (),
        limits: Limits | None = None,
    ) -> None:
        self._chooser = chooser
        self._book = book
        self._screen = screen
        self._mode = mode
        self._mind = mind
        self._places = tuple(places)
        self._limits = limits if limits is not None else Limits()
        lines = {line_id: line.text for line_id, line in chooser.bank.lines.items()}
        self._risk_lines = {f"risk.{kind}.{which}": text for (kind, which), text in book.lines.items()}
        self._may_say = MaySay(
            lines=lines | self._risk_lines,
            slots=chooser.bank.fillings(),
            risk_lines=frozenset(self._risk_lines),
            screen=SayScreen(language=chooser.bank.language, also=(self._risky,)),
        )
        self.controls: Controls = NEUTRAL
        self.new_talk()

    def new_talk(self) -> None:
        """Forget what was said, and any open case; the world is as at the start."""
        self.controls = NEUTRAL
        self._escalation = Escalation()
        self._history: tuple[Turn, ...] = ()
        self._said_lines: tuple[str, ...] = ()
        self._here = self._places[0] if self._places else ""
        self._turn = 0

    def release(self, now_s: float) -> None:
        """A human ends the open case."""
        self._escalation.release("terminal", now_s)

    def answer(self, words: str, now_s: float) -> Answer:
        """Return what the guide would say and do about `words`, said at `now_s`."""
        self._turn += 1
        risk = self._screen.assess(words, self._history)
        answer = self._crisis(words, risk, now_s)
        if answer is None:
            answer = self._talk(words, risk)
        self._history = (*self._history, Turn(who="patient", text=words))
        if answer.said:
            self._history = (*self._history, Turn(who="guide", text=answer.said))
        self._history = self._history[-_REMEMBERED_TURNS:]
        if answer.line_id:
            self._said_lines = (*self._said_lines, answer.line_id)[-_REMEMBERED_LINES:]
        return answer

    def _crisis(self, words: str, risk: Risk, now_s: float) -> Answer | None:
        """Return the answer to a risk, or `None` where the talk goes on."""
        commands = self._escalation.hit(risk, now_s)
        stops = [command for command in commands if isinstance(command, StopSession)]
        line = next((command for command in commands if isinstance(command, SpeakLine)), None)
        case = self._escalation.case
        if line is None and not stops and case is None:
            return None
        kind: RiskKind = line.kind if line else (case.kind if case else "stop")
        which = line.which if line else ("again" if case else "urgent")
        said = self._book.line(kind, which)
        line_id = f"risk.{kind}.{which}" if said else ""
        verdict = self._admitted(Say(text=said, line_id=line_id), risk_held=True)
        if self._mode is GuideMode.OFF or isinstance(verdict, Refused):
            said, line_id = "", ""
        done = [Done(wanted=stop, verdict="admitted", action=stop) for stop in stops]
        if risk.level.value == "urgent":
            done.append(self._weighed(CallTherapist(level="urgent", reason=risk.kind)))
        reason = f"{risk.kind}: {'; '.join(risk.evidence)}" if risk.kind else "a risk is not released"
        return Answer(
            heard=words,
            risk=risk,
            said=said,
            line_id=line_id,
            source="risk",
            reason=reason,
            done=tuple(done),
        )

    def _talk(self, words: str, risk: Risk) -> Answer:
        if self._mode is GuideMode.OFF:
            return Answer(heard=words, risk=risk, said="", line_id="", source="", reason="the guide is off")
        choice, source = self._thought(words, risk)
        proposal = choice.proposal
        done = tuple(self._weighed(action) for action in proposal.actions)
        refused = [each for each in done if each.action is None]
        verdict = self._admitted(Say(text=proposal.say, line_id=proposal.line_id))
        if isinstance(verdict, Refused):
            choice, source = self._line("listening", verdict.reason), "line"
        elif refused and len(refused) == len(done):
            name = "held" if isinstance(refused[0].wanted, Dim | PaceBreath | ShiftMusic) else "refused"
            choice, source = self._line(name, refused[0].reason), "line"
        return Answer(
            heard=words,
            risk=risk,
            said=choice.proposal.say,
            line_id=choice.proposal.line_id,
            source=source,
            reason=choice.proposal.reason,
            done=done,
            skill=choice.skill,
        )

    def _thought(self, words: str, risk: Risk) -> tuple[Choice, str]:
        """Return what a model proposes; the chooser's where there is none, it is of no use, or a risk is."""
        scripted = self._chooser.choose(words, self._present(), turn=self._turn, risk=risk)
        if self._mind is None or self._mode not in _MODELLED or risk.kind:
            return scripted, "line"
        last = None
        for thought in self._mind.think(self._briefing(words)):
            last = thought
        if not isinstance(last, Proposal) or not last.say:
            return scripted, "line"
        approved = self._may_say.lines.get(last.line_id) is not None
        intent = self._chooser.bank.line(last.line_id).intent if approved else ""
        skill = self._chooser.bank.intents[intent].skill if intent else ""
        return Choice(proposal=last, intent=intent, skill=skill), "line" if last.line_id else "model"

    def _line(self, intent: str, reason: str) -> Choice:
        return self._chooser.own(intent, self._present(), turn=self._turn, reason=reason)

    def _present(self) -> Present:
        return Present(controls=self.controls, here=self._here, places=self._places, said=self._said_lines)

    def _briefing(self, words: str) -> Briefing:
        lines = self._chooser.lines(words, self._present())
        return Briefing(
            turn=self._turn,
            mode=self._mode,
            language=self._chooser.bank.language,
            words=words,
            history=self._history,
            lines=tuple(line for line, _ in lines),
            controls=guide_controls(self._limits, self.controls, BASELINE_BREATH_PER_MIN),
            places=self._places,
        )

    def _risky(self, sentence: str) -> str:
        found = self._screen.assess(sentence)
        return "" if found.level.value == "none" else f"the risk screen: {found.kind}"

    def _admitted(self, action: GuideAction, *, risk_held: bool = False) -> Verdict:
        return admit(
            action,
            mode=self._mode,
            limits=self._limits,
            controls=self.controls,
            places=frozenset(self._places),
            may_say=self._may_say,
            risk_held=risk_held,
            fastest_breath_per_min=BASELINE_BREATH_PER_MIN,
        )

    def _weighed(self, action: GuideAction) -> Done:
        verdict = self._admitted(action)
        name = type(verdict).__name__.lower()
        if isinstance(verdict, Refused):
            return Done(wanted=action, verdict=name, reason=verdict.reason)
        self._happen(verdict.action)
        return Done(wanted=action, verdict=name, reason=getattr(verdict, "reason", ""), action=verdict.action)

    def _happen(self, action: GuideAction) -> None:
        changed: Mapping[str, float] = {}
        match action:
            case Dim(light=light):
                changed = {"light": light}
            case PaceBreath(breath_pace_per_min=pace):
                changed = {"breath_pace_per_min": pace}
            case ShiftScene(place=place) if place:
                self._here = place
            case ShiftScene(control=control, value=value) | ShiftMusic(control=control, value=value):
                changed = {control: value}
            case _:
                pass
        self.controls = dataclasses.replace(self.controls, **changed)  # type: ignore[arg-type]  # numeric controls


def _plain(action: GuideAction | StopSession) -> dict[str, Any]:
    return {"type": type(action).__name__, **dataclasses.asdict(action)}
