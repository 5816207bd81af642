"""What patient, guide and therapist say to each other, as values. No I/O.

`Heard` and `Risk` come from listening, a `Briefing` goes to whatever thinks, a `Proposal` comes back, and an
`Utterance` is what is spoken. Patient words are data of these and of events, never of log messages.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Final, Literal, TypeAlias

from therapy.actions import GuideAction

__all__ = [
    "NO_RISK",
    "ApprovedLine",
    "Briefing",
    "GuideMode",
    "Heard",
    "Proposal",
    "Risk",
    "RiskKind",
    "RiskLevel",
    "Source",
    "Turn",
    "Utterance",
]


class GuideMode(enum.Enum):
    """How freely the guide may speak; clinic policy and plan choose, the panel shows it."""

    FREE = "free"
    APPROVED = "approved"
    SCRIPTED = "scripted"
    OFF = "off"


class RiskLevel(enum.Enum):
    """How urgently a human should look."""

    NONE = "none"
    WATCH = "watch"
    URGENT = "urgent"


RiskKind: TypeAlias = Literal["", "self_harm", "harm_to_others", "abuse", "medical", "panic", "stop"]
#: Whose words are spoken.
Source: TypeAlias = Literal["line", "skill", "model", "therapist", "risk", "acknowledgement"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the patient said. `confidence` 0 … 1; a `final` one ends the turn, others are partial."""

    turn: int
    text: str
    confidence: float
    from_s: float
    until_s: float
    final: bool
    language: str = "en"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """What the risk screen found. `evidence` names the rules and exemplars that spoke, strongest first.

    `stop` says that the patient asked to stop, whatever prevails as `kind`.
    """

    level: RiskLevel
    kind: RiskKind = ""
    evidence: tuple[str, ...] = ()
    score: float = 0.0
    stop: bool = False


NO_RISK: Final = Risk(level=RiskLevel.NONE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedLine:
    """A line that a clinician has approved.

    Attributes:
        line_id: its name, stable: `settle.swell`.
        language: BCP 47 tag, `en` or `de`.
        text: the words; `{slot}`s are filled from closed sets only.
        intent: what it answers (`less_waves`, `anxious`, `thanks`, …), empty for lines of a skill.
        actions: what is done with it.
    """

    line_id: str
    language: str
    text: str
    intent: str = ""
    actions: tuple[GuideAction, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of the talk so far; of the guide's words only what was heard."""

    who: Literal["patient", "guide", "therapist"]
    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """All that a model may know for one answer.

    Attributes:
        turn: the turn that is answered; stale answers are dropped by it.
        mode: FREE or APPROVED (the others ask no model).
        language: of the patient.
        words: what the patient said.
        history: the last turns, oldest first.
        stage: name and kind of the stage, with what the guide is to do in it.
        state: the patient's state in words, with confidence.
        limits: the plan's limits in words.
        lines: approved lines to choose from, best first (APPROVED), or examples of tone (FREE).
        controls: what may be moved, with its allowed range now.
        places: where the patient may go.
        remembered: what this patient allowed to be remembered.
    """

    turn: int
    mode: GuideMode
    language: str
    words: str
    history: tuple[Turn, ...] = ()
    stage: str = ""
    state: str = ""
    limits: str = ""
    lines: tuple[ApprovedLine, ...] = ()
    controls: tuple[tuple[str, float, float], ...] = ()
    places: tuple[str, ...] = ()
    remembered: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What the guide would say and do in a turn.

    `line_id` is empty for words of a model. `reason` says in words why (intent, similarity, backend).
    """

    turn: int
    say: str
    line_id: str = ""
    actions: tuple[GuideAction, ...] = ()
    rating: int | None = None
    backend: str = ""
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """Words on their way to the patient. `at_s` is when the first of them is due at the ear."""

    utterance: int
    turn: int
    text: str
    source: Source
    language: str
    line_id: str = ""
