"""What goes into a conversation and what comes out of it, as values. No I/O."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

from therapy.actions import GuideAction
from therapy.controls import NEUTRAL, Controls
from therapy.events import Event
from therapy.gate import Verdict
from therapy.plan import Limits, StageKind
from therapy.talk import Briefing, GuideMode, Risk, Utterance
from voice_guide.choose import Chooser
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
from voice_guide.riskbook import RiskBook
from voice_guide.skill import SkillSpec

__all__ = [
    "Act",
    "Ask",
    "Assessing",
    "CancelAsk",
    "Command",
    "ConversationMemory",
    "ConversationSettings",
    "Decide",
    "Escalate",
    "GuideView",
    "HoldNow",
    "HushNow",
    "Input",
    "ListenNow",
    "Played",
    "Release",
    "SessionEnded",
    "SetMode",
    "Soften",
    "Somebody",
    "SpeakNow",
    "StageBegan",
    "StopSession",
    "Surroundings",
    "Tell",
    "Unwell",
    "Whisper",
]

#: A line is on its way this long after the patient's last word, so that it is heard within two seconds.
ANSWER_WITHIN_S: Final = 1.65
#: When an answer takes longer than this, an acknowledgement says that it was heard.
ACKNOWLEDGE_AFTER_S: Final = 0.6
#: A proposal waits this long for the therapist.
APPROVAL_S: Final = 20.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the conversation may know of the session now.

    Attributes:
        controls: what the world does.
        limits: the plan's.
        here: the place that is shown.
        places: where the patient may go.
        stage: kind of the present stage, `None` before and after a session.
        stage_name: its name.
        stage_left_s: what is left of it.
        minutes_left: of the session.
        baseline_breath_per_min: the patient's own, `None` while unknown.
        state: the patient's state in words, with confidence.
    """

    controls: Controls = NEUTRAL
    limits: Limits = dataclasses.field(default_factory=Limits)
    here: str = ""
    places: tuple[str, ...] = ()
    stage: StageKind | None = None
    stage_name: str = ""
    stage_left_s: float = 600.0
    minutes_left: int | None = None
    baseline_breath_per_min: float | None = None
    state: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSettings:
    """How a conversation is held.

    Attributes:
        mode: how freely the guide may speak, at first.
        approval: whether the therapist must approve each answer.
        met_before: whether this patient knows already that the guide is a computer.
        flags: what the plan says about the patient (`panic`, `trauma`, …): some exercises are not for them.
        remembered: what this patient allowed to be remembered.
        chooser: the approved lines and what they answer.
        book: the risk screen's approved lines.
        skills: exercises by name.
        screen: of a model's words in FREE, given what the patient said: why they may not be said, or "".
        surroundings: what the session is like now.
    """

    chooser: Chooser
    book: RiskBook
    surroundings: Callable[[], Surroundings]
    skills: Mapping[str, SkillSpec]
    screen: Callable[[str, str], str]
    mode: GuideMode = GuideMode.APPROVED
    approval: bool = False
    met_before: bool = False
    flags: frozenset[str] = frozenset()
    remembered: tuple[str, ...] = ()
    answer_within_s: float = ANSWER_WITHIN_S
    acknowledge_after_s: float = ACKNOWLEDGE_AFTER_S
    approval_s: float = APPROVAL_S

    @property
    def language(self) -> str:
        """BCP 47 tag."""
        return self.chooser.bank.language


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConversationMemory:
    """What another process needs to go on: never words."""

    mode: str
    approval: bool
    crisis_kind: str
    turn: int
    utterance: int


# in: besides the voice service's messages -----------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The headset has played an utterance until `until_ms`; `heard` is what of it was heard so far."""

    utterance: int
    until_ms: float
    done: bool
    heard: str


@dataclasses.dataclass(frozen=True, slots=True)
class Somebody:
    """A headset is there, or none is: to nobody nothing is said."""

    there: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Whisper:
    """The therapist's own words: the guide says them."""

    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """The therapist's word on a proposal."""

    turn: int
    decision: Literal["speak", "edit", "drop"]
    text: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SetMode:
    """Speak as freely as `mode` from now on; `approval` `None` leaves that as it is."""

    mode: GuideMode
    why: str
    approval: bool | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Release:
    """A human is with the patient: the guide may go on."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StageBegan:
    """A stage of the plan began."""

    kind: StageKind


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Assessing:
    """A resonance assessment began, found a pace, or ended without one."""

    what: Literal["began", "found", "ended"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """The session has ended or was stopped: from now on only safety lines."""

    stopped: bool


Input: TypeAlias = (
    Status
    | SpeechStarted
    | SpeechEnded
    | HeardNow
    | SentenceReady
    | Proposed
    | NotUsable
    | NotSpoken
    | Played
    | Somebody
    | Whisper
    | Decide
    | SetMode
    | Release
    | StageBegan
    | Assessing
    | SessionEnded
)

# out -----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpeakNow:
    """Speak, the first word due at `at_s` at the ear; `safety` lines outlive a stop. Music steps back."""

    utterance: Utterance
    at_s: float
    safety: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class HushNow:
    """End the guide's present words: faded, emptied."""


@dataclasses.dataclass(frozen=True, slots=True)
class Soften:
    """The patient's voice began: the guide's steps back at once, or comes back."""

    on: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Ask the model; what comes after `until_s` comes too late."""

    briefing: Briefing
    until_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsk:
    """The model's answer is not wanted any more."""

    turn: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Do this: the gate has let it through."""

    turn: int
    action: GuideAction
    verdict: Verdict
    because: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unwell:
    """The patient said that they feel unwell."""

    level: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Record and show this."""

    event: Event


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StopSession:
    """The patient asked to stop: as if they had pressed the button."""

    why: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    """Call a human (`therapy.escalation`)."""

    risk: Risk
    turn: int


@dataclasses.dataclass(frozen=True, slots=True)
class ListenNow:
    """Begin or end to listen."""

    on: bool


@dataclasses.dataclass(frozen=True, slots=True)
class HoldNow:
    """A question that takes thought was asked, or no longer: the patient may be quiet for longer."""

    on: bool


Command: TypeAlias = (
    SpeakNow
    | HushNow
    | Soften
    | Ask
    | CancelAsk
    | Act
    | Unwell
    | Tell
    | StopSession
    | Escalate
    | ListenNow
    | HoldNow
)
#: What the panel shows, JSON-able.
GuideView: TypeAlias = dict[str, Any]
