"""Everything that is recorded or shown, as one union of small frozen values.

A journal line is `{"v": 1, "type": …, "at_s": …, "data": {…}}`; `to_line` and `from_line` convert. Every
event has `at_s`, the session time at which it was true. Patient words and vitals are data of events and
never of log messages.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any, Final, TypeAlias

from therapy.errors import BadValue

__all__ = [
    "AlarmRaised",
    "AssessmentBegun",
    "AssessmentEnded",
    "AssessmentStep",
    "BadInput",
    "Beat",
    "Breath",
    "ChildDied",
    "ChildReturned",
    "Event",
    "GapMarked",
    "GuideActed",
    "GuideHeard",
    "GuideModeChanged",
    "GuideProposed",
    "GuideSaid",
    "HeadsetJoined",
    "HeadsetLeft",
    "IsoPathBegun",
    "MachineMoved",
    "MusicRests",
    "Note",
    "PatientSaid",
    "PatientUnwell",
    "ProposalDecided",
    "RatingGiven",
    "RiskFlagged",
    "SoundDoseReached",
    "StageEntered",
    "StreamChanged",
    "StreamFound",
    "StreamLost",
    "StreamRecovered",
    "TherapistCalled",
    "TherapistCommand",
    "from_line",
    "to_line",
]

VERSION: Final = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A heartbeat: the R peak was at `at_s`. `interval_s` is the IBI before it, `None` for the first."""

    at_s: float
    stream: str
    interval_s: float | None
    quality: float
    artefact: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Breath:
    """A breath: the inhale started at `at_s`; `period_s` is the one before it, `None` for the first."""

    at_s: float
    stream: str
    period_s: float | None
    quality: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StreamFound:
    """A stream was found and is read."""

    at_s: float
    stream: str
    kind: str
    rate_hz: float
    channels: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StreamLost:
    """A stream fell silent or broke."""

    at_s: float
    stream: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecovered:
    """A lost stream came back after `gap_s`; nothing was filled in."""

    at_s: float
    stream: str
    gap_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StreamChanged:
    """A stream came back with another shape (channels, rate) and is treated as a new one."""

    at_s: float
    stream: str
    was: str
    now: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MachineMoved:
    """The session machine moved."""

    at_s: float
    was: str
    now: str
    cause: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StageEntered:
    """A stage of the plan began."""

    at_s: float
    index: int
    name: str
    kind: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IsoPathBegun:
    """The world meets the patient at arousal `met` and leads to `aim` within `duration_s` (`therapy.iso`)."""

    at_s: float
    met: float
    aim: float
    duration_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentBegun:
    """A resonance assessment began: `kind` is `stepped` or `sliding` (`therapy.assessment`)."""

    at_s: float
    kind: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentStep:
    """What one pace of a resonance assessment showed; `None` where too little was known of heart or breath.

    `rsa_bpm` is the heart rate's swing with the breath, `share` how much of its rhythm went with the breath,
    `lag_turns` how far behind the breath it was, `breaths` what it rests on.
    """

    at_s: float
    per_min: float
    rsa_bpm: float | None
    share: float | None
    lag_turns: float | None
    breaths: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentEnded:
    """A resonance assessment ended: `per_min` is the pace that it found, `None` for none; `why` says why."""

    at_s: float
    per_min: float | None
    clarity: float
    why: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TherapistCommand:
    """The therapist did something; `detail` is JSON."""

    at_s: float
    command: str
    detail: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatientUnwell:
    """The patient said, or somebody for them, how unwell they feel: 0 (well again) … 1."""

    at_s: float
    level: float
    source: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeadsetJoined:
    """A headset came in."""

    at_s: float
    headset: str
    agent: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeadsetLeft:
    """A headset's link ended."""

    at_s: float
    headset: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The music played a note; `at_s` is when its first sample is due at the ear."""

    at_s: float
    instrument: str
    midi_note: float
    velocity: float
    duration_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MusicRests:
    """A composed pause begins; near-silence for `duration_s` is on purpose, and the place sounds on."""

    at_s: float
    duration_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChildDied:
    """A process of the room ended or fell silent."""

    at_s: float
    child: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChildReturned:
    """A process of the room is back, with its last controls."""

    at_s: float
    child: str
    gap_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GapMarked:
    """The recording has a hole here; nothing was filled in."""

    at_s: float
    what: str
    gap_s: float
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BadInput:
    """Something from outside was refused: what, the limit, and (short) what came."""

    at_s: float
    source: str
    what: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised:
    """A human should look. `level` is `watch` or `urgent`."""

    at_s: float
    level: str
    what: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SoundDoseReached:
    """The patient's sound of seven days has reached 80 % or 100 % of the allowance (ITU-T H.870).

    `eased` says that the level was eased down for the rest of the session.
    """

    at_s: float
    session_percent: float
    week_percent: float
    eased: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatientSaid:
    """The patient spoke from `at_s` until `until_s`; `confidence` 0 … 1 is the recogniser's."""

    at_s: float
    until_s: float
    turn: int
    text: str
    confidence: float
    language: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RiskFlagged:
    """The risk screen spoke: `level` `watch` or `urgent`, `kind`, and what made it speak."""

    at_s: float
    turn: int
    level: str
    kind: str
    evidence: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuideProposed:
    """The guide would say this; where approval is needed it waits for the therapist. `actions` is JSON."""

    at_s: float
    turn: int
    text: str
    line_id: str
    actions: str
    backend: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDecided:
    """What became of a proposal: `spoken`, `edited`, `dropped`, `timed out` or `stale`, and by whom."""

    at_s: float
    turn: int
    decision: str
    by: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuideSaid:
    """Words of the guide began at `at_s` at the ear.

    `source` says whose they are (line, skill, model, therapist, risk, acknowledgement), `mode` how freely the
    guide may speak.
    """

    at_s: float
    utterance: int
    turn: int
    text: str
    source: str
    line_id: str
    mode: str
    language: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuideHeard:
    """What of an utterance the patient heard: all of it, or what came before it was interrupted."""

    at_s: float
    utterance: int
    text: str
    complete: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuideActed:
    """An action of the guide met the gate. `action` is JSON, `verdict` admitted, clamped or refused."""

    at_s: float
    turn: int
    action: str
    verdict: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuideModeChanged:
    """How freely the guide may speak changed, with why."""

    at_s: float
    was: str
    now: str
    why: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RatingGiven:
    """The patient gave a number on `scale` (`suds` 0 … 100, `mood` 0 … 10)."""

    at_s: float
    scale: str
    value: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TherapistCalled:
    """A human was called over `channel` (panel, second, on-call), `after_s` after the hit."""

    at_s: float
    level: str
    channel: str
    reason: str
    after_s: float


Event: TypeAlias = (
    Beat
    | Breath
    | StreamFound
    | StreamLost
    | StreamRecovered
    | StreamChanged
    | MachineMoved
    | StageEntered
    | IsoPathBegun
    | AssessmentBegun
    | AssessmentStep
    | AssessmentEnded
    | TherapistCommand
    | PatientUnwell
    | HeadsetJoined
    | HeadsetLeft
    | Note
    | MusicRests
    | ChildDied
    | ChildReturned
    | GapMarked
    | BadInput
    | AlarmRaised
    | SoundDoseReached
    | PatientSaid
    | RiskFlagged
    | GuideProposed
    | ProposalDecided
    | GuideSaid
    | GuideHeard
    | GuideActed
    | GuideModeChanged
    | RatingGiven
    | TherapistCalled
)

_TYPES: Final[dict[str, type[Any]]] = {t.__name__: t for t in typing.get_args(Event)}


def to_line(event: Event) -> str:
    """Return `event` as one line of JSON, without the line break."""
    data = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
    at_s = data.pop("at_s")
    line = {"v": VERSION, "type": type(event).__name__, "at_s": at_s, "data": data}
    return json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def from_line(line: str) -> Event:
    """Return the event that `to_line` wrote.

    Raises:
        BadValue: not a journal line of this version, or of an unknown type.
    """
    try:
        raw = json.loads(line)
        if raw["v"] != VERSION:
            raise BadValue("journal line version", str(VERSION), raw["v"])
        event: Event = _TYPES[raw["type"]](at_s=raw["at_s"], **raw["data"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise BadValue("journal line", "an event as `to_line` writes it", line[:120]) from error
    return event
