"""Exercises that the guide leads: what a skill is, and the machine that runs its script. Pure, sans-I/O.

A skill is one file in `voice_guide/skills/` that declares `SKILL`. Its script is made of `Speak`, `Ask` and
`Wait`; the words are approved lines. The caller asks `next` often with `Tick` and whenever something happens,
speaks what comes back and tells `Spoken` when a line has been heard: pauses run from then. Silence is an
answer everywhere, leaving is possible everywhere, and no skill lasts longer than it declares.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from therapy.actions import GuideAction
from therapy.discover import declared
from therapy.errors import BadValue

__all__ = [
    "DISTRESS",
    "EASE",
    "LEAVE",
    "LONGEST_SPEECH_S",
    "OPT_OUT",
    "Answered",
    "Ask",
    "Leave",
    "Part",
    "SkillContext",
    "SkillEvent",
    "SkillSpec",
    "SkillState",
    "SkillStep",
    "Speak",
    "Spoken",
    "Tick",
    "Wait",
    "advance",
    "scripted",
    "skills",
]

#: A line that was not reported as heard is taken as heard after so long (220 characters at a calm pace).
LONGEST_SPEECH_S: Final = 20.0
#: Intents that leave an exercise, at any moment.
OPT_OUT: Final = frozenset({"skip", "finish", "silence", "therapist"})
#: Intents after which it is asked whether to go on, and left without an answer.
DISTRESS: Final = frozenset(
    {"anxious", "chest_tight", "unwell", "crying", "hard_memory", "scared_of_place", "pain", "angry"}
)
#: Said when an exercise is left, and when it becomes hard.
LEAVE: Final = "exercise.leave"
EASE: Final = "exercise.ease"
_EASE_WAIT_S: Final = 15.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SkillStep:
    """Say this line (with what is done), then be silent for `pause_after_s` once it has been heard."""

    line_id: str
    pause_after_s: float
    action: GuideAction | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Speak:
    """A line, and the silence after it."""

    line_id: str
    pause_after_s: float
    action: GuideAction | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """Silence."""

    for_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """A line that may be answered for `wait_s`.

    `answers` says by intent what follows; `otherwise` follows any other answer, and nothing follows silence.
    """

    line_id: str
    wait_s: float
    answers: Mapping[str, tuple[Part, ...]] = dataclasses.field(default_factory=dict)
    otherwise: tuple[Part, ...] = ()
    action: GuideAction | None = None


Part: TypeAlias = Speak | Wait | Ask


@dataclasses.dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Spoken:
    """The line that was returned last has been heard to its end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The patient said something that means `intent` (`voice_guide.choose`)."""

    intent: str


@dataclasses.dataclass(frozen=True, slots=True)
class Leave:
    """The therapist, or the session, ends the exercise."""


SkillEvent: TypeAlias = Tick | Spoken | Answered | Leave


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SkillContext:
    """What a skill may depend on.

    Attributes:
        begun_s: session time now.
        variant: one of the skill's variants, empty for the usual one.
        may_last_s: what is left of the stage; the skill keeps within it.
        flags: what the plan says about the patient (`panic`, `trauma`, `injury`, …).
    """

    begun_s: float
    variant: str = ""
    may_last_s: float = float("inf")
    flags: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SkillState:
    """Where an exercise is.

    Attributes:
        skill: its name.
        queue: what is still to come.
        closing: how it ends when time runs out.
        leaving: what is said when the patient leaves it.
        until_s: when it has to be over.
        due_s: when the next thing is due.
        pause_s: silence that begins when the line under way has been heard; `None` when none is under way.
        asked: the question that may be answered now.
        eased: whether it has been asked already whether to go on.
        closes: whether the closing has begun.
        done: nothing follows any more.
    """

    skill: str
    queue: tuple[Part, ...]
    closing: tuple[Part, ...]
    leaving: tuple[Part, ...]
    until_s: float
    due_s: float
    pause_s: float | None = None
    asked: Ask | None = None
    eased: bool = False
    closes: bool = False
    done: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SkillSpec:
    """An exercise.

    Attributes:
        name: as in its file and in `voice_guide/lines/skills.*.toml`.
        title: for people.
        longest_s: it never lasts longer.
        not_for: flags with which it is not offered without the therapist.
        variants: other forms that may be asked for.
        source: what its structure follows.
        start: begins it.
        next: goes on.
    """

    name: str
    title: str
    longest_s: float
    not_for: frozenset[str]
    variants: tuple[str, ...]
    source: str
    start: Callable[[SkillContext], SkillState]
    next: Callable[[SkillState, SkillEvent, float], tuple[SkillState, tuple[SkillStep, ...]]]

    def fits(self, flags: frozenset[str]) -> bool:
        """Whether it may be offered to a patient with `flags`."""
        return not self.not_for & flags


def skills() -> dict[str, SkillSpec]:
    """Return every skill by its name."""
    return declared("voice_guide.skills", "SKILL", SkillSpec)


def scripted(  # noqa: PLR0913  # the declaration of a skill, by name
    *,
    name: str,
    title: str,
    longest_s: float,
    script: tuple[Part, ...],
    closing: tuple[Part, ...],
    source: str,
    not_for: frozenset[str] = frozenset(),
    variants: Mapping[str, tuple[Part, ...]] = types.MappingProxyType({}),
    leaving: tuple[Part, ...] = (Speak(LEAVE, 0.0),),
) -> SkillSpec:
    """Return the skill that a script makes.

    Args:
        name: its name.
        title: for people.
        longest_s: it never lasts longer.
        script: its usual form, without the closing.
        closing: how it ends, also when time runs out.
        source: what its structure follows.
        not_for: flags with which it is not offered without the therapist.
        variants: other forms, by name.
        leaving: what is said when the patient leaves it.
    """

    def start(context: SkillContext) -> SkillState:
        if context.variant and context.variant not in variants:
            allowed = ", ".join(variants) or "empty"
            raise BadValue(f"variant of {name}", f"one of {allowed}", context.variant)
        may_last_s = min(longest_s, context.may_last_s)
        return SkillState(
            skill=name,
            queue=(*(variants[context.variant] if context.variant else script), *closing),
            closing=closing,
            leaving=leaving,
            until_s=context.begun_s + may_last_s,
            due_s=context.begun_s,
        )

    return SkillSpec(
        name=name,
        title=title,
        longest_s=longest_s,
        not_for=not_for,
        variants=tuple(variants),
        source=source,
        start=start,
        next=advance,
    )


def advance(state: SkillState, event: SkillEvent, now_s: float) -> tuple[SkillState, tuple[SkillStep, ...]]:
    """Return the state after `event` at `now_s`, and what is to be said now (at most one line)."""
    if state.done:
        return state, ()
    match event:
        case Leave():
            return _left(state, now_s)
        case Answered(intent=intent):
            state = _answered(state, intent, now_s)
        case Spoken():
            if state.pause_s is not None:
                state = dataclasses.replace(state, due_s=now_s + state.pause_s, pause_s=None)
        case Tick():
            pass
    return _due(state, now_s)


def _answered(state: SkillState, intent: str, now_s: float) -> SkillState:
    if intent in OPT_OUT and not (state.asked and intent in state.asked.answers):
        return _now(state, now_s, queue=state.leaving, closes=True)
    if state.asked is not None:
        follows = state.asked.answers.get(intent, state.asked.otherwise)
        return _now(state, now_s, queue=(*follows, *state.queue))
    if intent in DISTRESS and not state.closes:
        if state.eased:
            return _now(state, now_s, queue=state.leaving, closes=True)
        stay: tuple[Part, ...] = (Speak("exercise.go_on", 5.0), *state.queue)
        goes_on = dict.fromkeys(("yes", "okay", "better"), stay)
        eased = _now(state, now_s, queue=(Ask(EASE, _EASE_WAIT_S, goes_on), *state.leaving))
        return dataclasses.replace(eased, eased=True)
    return state


def _now(
    state: SkillState, now_s: float, *, queue: tuple[Part, ...], closes: bool | None = None
) -> SkillState:
    return dataclasses.replace(
        state,
        queue=queue,
        due_s=now_s,
        pause_s=None,
        asked=None,
        closes=state.closes if closes is None else closes,
    )


def _left(state: SkillState, now_s: float) -> tuple[SkillState, tuple[SkillStep, ...]]:
    """Leave without a word: whoever ended it speaks."""
    return dataclasses.replace(_now(state, now_s, queue=()), done=True), ()


def _due(state: SkillState, now_s: float) -> tuple[SkillState, tuple[SkillStep, ...]]:
    if not state.closes and now_s >= state.until_s - _longest(state.closing):
        state = _now(state, now_s, queue=state.closing, closes=True)
    if now_s < state.due_s and now_s < state.until_s:
        return state, ()
    if not state.queue or now_s >= state.until_s:
        return dataclasses.replace(state, asked=None, queue=(), done=True), ()
    part, rest = state.queue[0], state.queue[1:]
    match part:
        case Wait(for_s=for_s):
            return dataclasses.replace(state, queue=rest, due_s=now_s + for_s, asked=None), ()
        case Speak():
            pause_s, asked = part.pause_after_s, None
        case Ask():
            pause_s, asked = part.wait_s, part
    state = dataclasses.replace(
        state, queue=rest, due_s=now_s + LONGEST_SPEECH_S + pause_s, pause_s=pause_s, asked=asked
    )
    step = SkillStep(line_id=part.line_id, pause_after_s=pause_s, action=part.action)
    return state, (step,)


def _longest(parts: tuple[Part, ...]) -> float:
    """Return how long `parts` take at most."""
    total_s = 0.0
    for part in parts:
        match part:
            case Wait(for_s=for_s):
                total_s += for_s
            case Speak(pause_after_s=pause_s):
                total_s += LONGEST_SPEECH_S + pause_s
            case Ask():
                follows = [*part.answers.values(), part.otherwise]
                total_s += LONGEST_SPEECH_S + part.wait_s + max(_longest(each) for each in follows)
    return total_s
