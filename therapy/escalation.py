"""`Escalation`: from a risk that was found to a human who has taken over. A machine without I/O.

```
    quiet ──urgent──▶ CALLING ──acknowledge──▶ ATTENDED ──release──▶ quiet
                        │  ▲                      │
       30 s: second ────┤  └──── another kind ────┘
      120 s: on-call ───┘
      and again every 120 s
```

Call a method with `now_s`; it returns what is to be done, at once and in that order. Call `tick` often, or at
`due_s`. While a case is open no words of a model reach the patient; only a human's `release` ends that.
A watch only tells the panel. What is said again neither restarts a clock nor floods anybody; another kind
gets its own words, and a human is called anew if one attended already. 30 s and 120 s are this project's.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final, Literal, TypeAlias

from therapy.talk import Risk, RiskKind, RiskLevel

__all__ = [
    "AGAIN_S",
    "ON_CALL_S",
    "RETRY_S",
    "SECOND_S",
    "WATCH_AGAIN_S",
    "BlockModel",
    "Call",
    "Case",
    "Channel",
    "Escalation",
    "EscalationCommand",
    "MakeSafe",
    "PanelAlarm",
    "PanelNotice",
    "SpeakLine",
    "StopSession",
]

#: Unacknowledged for so long: the second channel, the on-call plan, and that again and again.
SECOND_S: Final = 30.0
ON_CALL_S: Final = 120.0
#: The approved words are said again at most this often, however often the patient says it.
AGAIN_S: Final = 20.0
#: The panel is told of a watch of one kind at most this often.
WATCH_AGAIN_S: Final = 60.0
#: A channel that failed is tried again after so long.
RETRY_S: Final = 10.0

Channel: TypeAlias = Literal["second", "on-call"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BlockModel:
    """Let no words of a model reach the patient (`blocked`), also none that are on their way; or let them."""

    blocked: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpeakLine:
    """Say the approved line of `kind` now, over anything else: `urgent` the first time, then `again`."""

    kind: RiskKind
    which: Literal["urgent", "again"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MakeSafe:
    """Bring place and music to their safe, soft state (not dark, not silent: the patient is not punished)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StopSession:
    """The patient asked to stop: the same path as the patient's stop button."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PanelAlarm:
    """Raise the alarm on the panel; it stays until somebody acknowledges it."""

    kind: RiskKind
    evidence: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PanelNotice:
    """Show a notice on the panel; nothing else changes."""

    kind: RiskKind
    evidence: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Call a human over `channel`, `after_s` after it became urgent. Without any of the patient's words."""

    channel: Channel
    kind: RiskKind
    after_s: float


EscalationCommand: TypeAlias = (
    BlockModel | SpeakLine | MakeSafe | StopSession | PanelAlarm | PanelNotice | Call
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A crisis that is not released yet.

    Attributes:
        kind: what it was first.
        kinds: everything that was urgent in it, in order.
        since_s: when it was first urgent.
        hits: how often something was urgent.
        acknowledged_by: who attends, empty while nobody does.
        calling_s: since when a human is called; the clocks run from here. `None` once one attends.
        second_s: when the second channel is due, `None` once it was called or is not needed.
        on_call_s: when the on-call plan is due (again), `None` while a human attends.
        spoken_s: when an approved line was said last.
    """

    kind: RiskKind
    kinds: tuple[RiskKind, ...]
    since_s: float
    hits: int
    acknowledged_by: str = ""
    calling_s: float | None
    second_s: float | None
    on_call_s: float | None
    spoken_s: float


class Escalation:
    """What happens after the risk screen spoke, for one session.

    Args:
        case: to go on with after a restart of the room; its clocks are of the same time as `now_s`.
    """

    def __init__(self, case: Case | None = None) -> None:
        self._case = case
        self._now_s = -math.inf if case is None else case.since_s
        self._noticed_s: dict[RiskKind, float] = {}
        self._stopped = False

    @property
    def case(self) -> Case | None:
        """The open case, for the panel and for a restart; `None` when there is none."""
        return self._case

    @property
    def model_blocked(self) -> bool:
        """Whether words of a model may not reach the patient."""
        return self._case is not None

    @property
    def due_s(self) -> float | None:
        """When `tick` has something to do next, `None` while nothing is due."""
        if self._case is None:
            return None
        due = [at_s for at_s in (self._case.second_s, self._case.on_call_s) if at_s is not None]
        return min(due, default=None)

    def hit(self, risk: Risk, now_s: float) -> list[EscalationCommand]:
        """Take what the screen found in a turn, partial or final; a level of `NONE` changes nothing."""
        now_s = self._time(now_s)
        done: list[EscalationCommand] = []
        if risk.stop and not self._stopped:
            self._stopped = True
            done.append(StopSession())
        if risk.level is RiskLevel.URGENT:
            return done + self._urgent(risk, now_s)
        if risk.level is RiskLevel.WATCH:
            last_s = self._noticed_s.get(risk.kind, -math.inf)
            if now_s - last_s >= WATCH_AGAIN_S:
                self._noticed_s[risk.kind] = now_s
                done.append(PanelNotice(kind=risk.kind, evidence=risk.evidence))
        return done

    def tick(self, now_s: float) -> list[EscalationCommand]:
        """Return what is due by now."""
        now_s = self._time(now_s)
        case = self._case
        if case is None or case.calling_s is None:
            return []
        done: list[EscalationCommand] = []
        waited_s = now_s - case.calling_s
        if case.second_s is not None and now_s >= case.second_s:
            done.append(Call(channel="second", kind=case.kind, after_s=waited_s))
            case = dataclasses.replace(case, second_s=None)
        if case.on_call_s is not None and now_s >= case.on_call_s:
            done.append(Call(channel="on-call", kind=case.kind, after_s=waited_s))
            case = dataclasses.replace(case, on_call_s=now_s + ON_CALL_S)
        self._case = case
        return done

    def call_failed(self, channel: Channel, now_s: float) -> list[EscalationCommand]:
        """Take that nobody was reached: the next channel is due at once, the last one soon again."""
        now_s = self._time(now_s)
        case = self._case
        if case is None or case.on_call_s is None:
            return []
        sooner_s = now_s if channel == "second" else now_s + RETRY_S
        self._case = dataclasses.replace(case, on_call_s=min(case.on_call_s, sooner_s))
        return self.tick(now_s)

    def acknowledge(self, by: str, now_s: float) -> list[EscalationCommand]:
        """Take that a human attends (`by` says who): clocks stop, the model stays blocked until `release`."""
        self._time(now_s)
        if self._case is not None and by:
            self._case = dataclasses.replace(
                self._case, acknowledged_by=by, calling_s=None, second_s=None, on_call_s=None
            )
        return []

    def release(self, by: str, now_s: float) -> list[EscalationCommand]:
        """Take that a human ends the case (`by` must say who): words of a model are let again."""
        self._time(now_s)
        if self._case is None or not by:
            return []
        self._case = None
        return [BlockModel(blocked=False)]

    def resumed(self, now_s: float) -> None:
        """Take that the session went on, or a new one began: a spoken stop counts again."""
        self._time(now_s)
        self._stopped = False

    def _urgent(self, risk: Risk, now_s: float) -> list[EscalationCommand]:
        case = self._case
        if case is None:
            self._case = Case(
                kind=risk.kind,
                kinds=(risk.kind,),
                since_s=now_s,
                hits=1,
                calling_s=now_s,
                second_s=now_s + SECOND_S,
                on_call_s=now_s + ON_CALL_S,
                spoken_s=now_s,
            )
            return [
                BlockModel(blocked=True),
                PanelAlarm(kind=risk.kind, evidence=risk.evidence),
                SpeakLine(kind=risk.kind, which="urgent"),
                MakeSafe(),
            ]
        case = dataclasses.replace(case, hits=case.hits + 1)
        if risk.kind not in case.kinds:
            self._case = _widened(case, risk.kind, now_s)
            return [
                PanelAlarm(kind=risk.kind, evidence=risk.evidence),
                SpeakLine(kind=risk.kind, which="urgent"),
            ]
        if now_s - case.spoken_s < AGAIN_S:
            self._case = case
            return []
        self._case = dataclasses.replace(case, spoken_s=now_s)
        return [SpeakLine(kind=risk.kind, which="again")]

    def _time(self, now_s: float) -> float:
        """Return a time that never goes back and is a number."""
        if math.isfinite(now_s):
            self._now_s = max(self._now_s, now_s)
        return self._now_s if math.isfinite(self._now_s) else 0.0


def _widened(case: Case, kind: RiskKind, now_s: float) -> Case:
    """Return `case` with another kind; where somebody attended already, a human is called anew."""
    case = dataclasses.replace(case, kinds=(*case.kinds, kind), spoken_s=now_s)
    if case.calling_s is not None:
        return case
    return dataclasses.replace(
        case,
        kind=kind,
        acknowledged_by="",
        calling_s=now_s,
        second_s=now_s + SECOND_S,
        on_call_s=now_s + ON_CALL_S,
    )
