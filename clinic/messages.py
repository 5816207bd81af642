"""What crosses the panel's wire, as types. Bodies are validated here once; the OpenAPI page comes from here.

`arousal` in a wish is the therapist's offset to the plan's aim, −1 (calmer) … 1 (livelier). In a state it is
the estimate against the patient's own baseline, with its confidence. `null` means: unknown, or automatic.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from clinic.guide_messages import GuideChoiceBody, GuideState
from clinic.ports import Command, CommandName, Decision, GuideOrder, OpenCondition, Stream
from therapy.assessment import Kind
from therapy.controls import TABLE
from therapy.personal import EYE_HEIGHT_M
from therapy.talk import GuideMode

__all__ = [
    "AccountInfo",
    "CommandBody",
    "Done",
    "ErrorBody",
    "GuideMemoryBody",
    "GuideMemoryInfo",
    "GuideMemoryOf",
    "MemoryAccess",
    "Phase",
    "PlanInfo",
    "RoomInfo",
    "RoomState",
    "SceneInfo",
    "ScreeningItem",
    "SessionInfo",
    "SetUpBody",
    "SignInBody",
    "SocketCommand",
    "StartBody",
    "TriggerInfo",
    "to_command",
]


def _bounds(control: str) -> Meta:
    return Meta(ge=TABLE[control].low, le=TABLE[control].high, description=TABLE[control].meaning)


_Label = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^ *[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$")]


class SetUpBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first start: the code from the console and the password to be."""

    setup_code: Annotated[str, Meta(max_length=40)]
    password: Annotated[str, Meta(max_length=1024)]


class SignInBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password."""

    password: Annotated[str, Meta(max_length=1024)]


class ScreeningBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Contraindications that are present (ids of GET /api/screening), and why to go on all the same."""

    present: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=40)]
    override_reason: Annotated[str, Meta(max_length=500)] = ""


#: What the guide is to say: one line of plain words.
_Words = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=300,
        pattern=r"^ *[^\x00-\x20\x7f-\x9f\u2028\u2029][^\x00-\x1f\x7f-\x9f\u2028\u2029]*$(?!\n)",
    ),
]


class StartBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session to start. `patient` is a label, not a name; an empty `present` says: nothing applies.

    `scene` puts every stage into that place (GET /api/scenes); `null` leaves the plan's own. `options` are
    choices that the places offer; `triggers` (GET /api/triggers) are never shown or heard: a place that
    cannot do without one is refused. `soften` lets motion and detail soften when the patient is unwell.
    `stream`: `view` is stereo for one headset; `panorama` is one picture all round for a group, in which each
    headset joins with a code of its own (the command `new_code` gives the next). For studies: `condition` is
    how the world answers the body (`PACED_ONLY`: not at all, the pacer goes by itself; `OFF`: no pacer
    either), and `yoked_to` instead names an earlier
    session: the world then does what it did in that one, whatever this patient's body does (a study's
    control); `blind` hides from the panel which it is. `guide`: `null` is as usual here.
    """

    plan_id: _Label
    patient: _Label
    screening: ScreeningBody
    scene: _Label | None = None
    options: Annotated[dict[_Label, _Label], Meta(max_length=20)] = {}
    triggers: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=40)] = ()
    eye_height_m: Annotated[float, Meta(ge=0.9, le=1.7, description="of the seated eye above the ground")] = (
        EYE_HEIGHT_M
    )
    soften: bool = True
    stream: Stream = "view"
    condition: OpenCondition = "CONTINGENT"
    yoked_to: _Label | None = None
    blind: bool = False
    guide: GuideChoiceBody | None = None


class Steer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The therapist's wishes. An absent field stays as it is; `null` gives it back to the automatic."""

    arousal: (
        Annotated[float, Meta(ge=-1.0, le=1.0, description="calmer −1 … livelier 1")] | UnsetType | None
    ) = UNSET
    music_lufs: Annotated[float, _bounds("music_lufs")] | UnsetType | None = UNSET
    breath_pace_per_min: Annotated[float, _bounds("breath_pace_per_min")] | UnsetType | None = UNSET
    time_of_day_h: Annotated[float, _bounds("time_of_day_h")] | UnsetType | None = UNSET
    light: Annotated[float, _bounds("light")] | UnsetType | None = UNSET


class CommandBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One command.

    `steer` belongs to `steer`, `alarm` to `acknowledge`, `level` (0 well again … 1) to `unwell`,
    `scene` to `place` (go there through a fade; GET /api/scenes), `kind` to `assess` (a resonance assessment
    leads the pacer through `stepped` paces or one `sliding` one), and to nothing else. Of the guide:
    `mode` and perhaps `approval` belong to `guide_mode`, `text` to `whisper` (the guide says it), `turn` and
    `decision` to `proposal`, with `text` where that is `edit`. `release`: you are with the patient, and the
    guide may go on.
    """

    command: CommandName
    steer: Steer | UnsetType = UNSET
    alarm: int | UnsetType = UNSET
    level: Annotated[float, Meta(ge=0.0, le=1.0)] | UnsetType = UNSET
    scene: _Label | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    mode: GuideMode | UnsetType = UNSET
    approval: bool | UnsetType = UNSET
    text: _Words | UnsetType = UNSET
    turn: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    decision: Decision | UnsetType = UNSET


class SocketCommand(CommandBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command over the panel's socket: the same body with its type."""

    type: Literal["command"]


def to_command(body: CommandBody, actor: str) -> Command:
    """Return `body` as the rooms take it.

    Raises:
        msgspec.ValidationError: an argument that is missing or belongs to another command.
    """
    _fits(body.command == "steer", body.steer, "steer")
    _fits(body.command == "acknowledge", body.alarm, "alarm")
    _fits(body.command == "unwell", body.level, "level")
    _fits(body.command == "place", body.scene, "scene")
    _fits(body.command == "assess", body.kind, "kind")
    guide = _to_guide(body)
    wishes: dict[str, float | None] = {}
    if isinstance(body.steer, Steer):
        wishes = {k: v for k in Steer.__struct_fields__ if (v := getattr(body.steer, k)) is not UNSET}
        if not wishes:
            raise msgspec.ValidationError("Object must have 1 or more wishes - at `$.steer`")
    alarm = None if isinstance(body.alarm, UnsetType) else body.alarm
    level = None if isinstance(body.level, UnsetType) else body.level
    scene = "" if isinstance(body.scene, UnsetType) else body.scene
    return Command(
        name=body.command,
        steer=wishes,
        alarm=alarm,
        level=level,
        scene=scene,
        kind="stepped" if isinstance(body.kind, UnsetType) else body.kind,
        guide=guide,
        actor=actor,
    )


def _to_guide(body: CommandBody) -> GuideOrder:
    _fits(body.command == "guide_mode", body.mode, "mode")
    if body.command != "guide_mode":
        _fits(False, body.approval, "approval")
    _fits(body.command == "proposal", body.turn, "turn")
    _fits(body.command == "proposal", body.decision, "decision")
    _fits(body.command == "whisper" or body.decision == "edit", body.text, "text")
    return GuideOrder(
        mode=None if isinstance(body.mode, UnsetType) else body.mode,
        approval=None if isinstance(body.approval, UnsetType) else body.approval,
        text="" if isinstance(body.text, UnsetType) else body.text.strip(),
        turn=None if isinstance(body.turn, UnsetType) else body.turn,
        decision=None if isinstance(body.decision, UnsetType) else body.decision,
    )


def _fits(wanted: bool, value: object, name: str) -> None:  # noqa: FBT001  # a relation of two facts
    if wanted and value is UNSET:
        raise msgspec.ValidationError(f"Object missing required field `{name}` for this command")
    if not wanted and value is not UNSET:
        raise msgspec.ValidationError(f"Object contains field `{name}`, which this command does not take")


class ErrorBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong, in one line; `retry_after_s` where waiting helps."""

    error: str
    retry_after_s: int | None = None


class Done(Struct, frozen=True, kw_only=True):
    """It is done."""

    done: Literal[True] = True


class AccountInfo(Struct, frozen=True, kw_only=True):
    """Whether there is an account, whether this browser is signed in, and after how long idle it is not."""

    set_up: bool
    signed_in: bool
    idle_s: float


class ScreeningItem(Struct, frozen=True, kw_only=True):
    """A contraindication to ask for."""

    id: str
    text: str


class StageInfo(Struct, frozen=True, kw_only=True):
    """A stage of a plan."""

    name: str
    kind: str
    duration_s: float


class PlanInfo(Struct, frozen=True, kw_only=True):
    """A plan that can be started; `guide`: how freely the voice guide may speak in it at most."""

    plan_id: str
    title: str
    guide: GuideMode
    stages: list[StageInfo]


class ChoiceInfo(Struct, frozen=True, kw_only=True):
    """One way to dress a place, and the triggers that it brings."""

    name: str
    title: str
    contains: list[str]


class OptionInfo(Struct, frozen=True, kw_only=True):
    """Something about a place that may be chosen; the first choice is the usual one."""

    name: str
    title: str
    choices: list[ChoiceInfo]


class TriggerInfo(Struct, frozen=True, kw_only=True):
    """Something that a patient may have to be kept from."""

    name: str
    title: str


class SceneInfo(Struct, frozen=True, kw_only=True):
    """A place, the triggers that are always in it, and what may be chosen about it."""

    name: str
    title: str
    description: str
    contains: list[str] = []
    options: list[OptionInfo] = []


class RoomInfo(Struct, frozen=True, kw_only=True):
    """A room and what it is doing; `phase` is `null` without a session."""

    room: str
    phase: str | None


class Phase(Struct, frozen=True, kw_only=True):
    """The phase after a command."""

    phase: str


class ContextValue(Struct, frozen=True, kw_only=True):
    """One value of a wearable or phone: the unit may be left out when sending."""

    kind: str
    start_utc_s: float
    end_utc_s: float
    value: float
    unit: str = ""
    source: str = ""


class ContextBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values of one patient from one source (an app, a watch). Sending them again changes nothing."""

    patient: _Label
    source: _Label
    values: Annotated[list[ContextValue], Meta(min_length=1, max_length=500)]


class ContextOf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose values to return."""

    patient: _Label


class ContextAdded(Struct, frozen=True, kw_only=True):
    """How many values were new, and how many known."""

    added: int
    known: int


class FigureOf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose figures to return."""

    patient: _Label


class FigureBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure that a human brings: `kind` is `resonance`, or a value at rest."""

    patient: _Label
    kind: str
    value: float
    why: Annotated[str, Meta(max_length=400)] = ""


class Figure(Struct, frozen=True, kw_only=True):
    """What a session measured of its patient, and later ones begin with."""

    kind: str
    value: float
    unit: str
    at_utc_s: float
    session_id: str
    why: str


class SessionInfo(Struct, frozen=True, kw_only=True):
    """A session of the past, or one that is going on (`ended_utc_s` is `null`)."""

    session_id: str
    room: str
    patient: str
    plan_id: str
    folder: str
    started_utc_s: float
    ended_utc_s: float | None
    outcome: str


class GuideMemoryOf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose memory to show or to erase."""

    patient: _Label


class GuideMemoryBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the guide may remember of a patient: replaces what was kept. No consent, no notes."""

    patient: _Label
    consent: bool
    notes: Annotated[list[str], Meta(max_length=100)] = []


class MemoryAccess(Struct, frozen=True, kw_only=True):
    """Who looked at a patient's memory or changed it, and when."""

    at_utc_s: float
    actor: str
    what: str


class GuideMemoryInfo(Struct, frozen=True, kw_only=True):
    """What the guide may remember of a patient; `proposed` waits for a therapist and is not used yet."""

    consent: bool
    consent_utc_s: float | None
    met_before: bool
    notes: list[str]
    proposed: list[str]
    accesses: list[MemoryAccess]


class PlanOfState(Struct, frozen=True, kw_only=True):
    """The plan of the session; `guide`: how freely the voice guide may speak in it at most."""

    plan_id: str
    title: str
    duration_s: float
    guide: GuideMode


class StageOfState(Struct, frozen=True, kw_only=True):
    """The stage that the session is in."""

    name: str
    kind: str
    index: int
    elapsed_s: float
    duration_s: float


class Vital(Struct, frozen=True, kw_only=True):
    """A reading: a value with its unit, quality and age, or `null` with a reason."""

    value: float | None
    unit: str
    quality: float
    age_s: float | None = None
    window_s: float = 0.0
    reason: str = ""


class Arousal(Struct, frozen=True, kw_only=True):
    """Activation against the patient's own baseline, −1 … 1."""

    value: float
    confidence: float


class IsoPoint(Struct, frozen=True, kw_only=True):
    """The stage's path leads through `arousal`, −1 … 1, at session time `at_s`."""

    at_s: float
    arousal: float


class IsoPath(Struct, frozen=True, kw_only=True):
    """How the world leads through the stage: from where it met the patient to the aim."""

    points: list[IsoPoint]
    now: IsoPoint


class Why(Struct, frozen=True, kw_only=True):
    """One change of a control, and what it was made for."""

    at_s: float
    control: str
    was: float | str | None
    now: float | str | None
    because: str
    confidence: float


class StreamInfo(Struct, frozen=True, kw_only=True):
    """A signal that comes in."""

    name: str
    kind: str
    rate_hz: float
    quality: float | None
    alive: bool
    age_s: float | None


class HeadsetInfo(Struct, frozen=True, kw_only=True):
    """The link of a headset; in `headset` it is the one that came first."""

    connected: bool
    name: str = ""
    fps: float | None = None
    frame_age_ms: float | None = None
    rtt_ms: float | None = None


class ProcessInfo(Struct, frozen=True, kw_only=True):
    """A process of the room."""

    name: str
    alive: bool
    restarts: int
    pid: int | None = None
    detail: str = ""


class Recording(Struct, frozen=True, kw_only=True):
    """Whether the session is written down, and how much there is."""

    on: bool
    bytes: int = 0
    path: str = ""


class SoundInfo(Struct, frozen=True, kw_only=True):
    """How much sound the patient has had; shares are of a week's allowance (ITU-T H.870).

    `level_dba` is an estimate at the ear, `null` in silence. `eased`: the level was eased down at the limit.
    """

    level_dba: float | None
    session: float
    week: float
    eased: bool


class JoinCode(Struct, frozen=True, kw_only=True):
    """The code that the patient types, and where: the address that a headset can reach."""

    code: str
    expires_in_s: float
    address: str = ""


class Alarm(Struct, frozen=True, kw_only=True):
    """A human should look."""

    id: int
    at_s: float
    level: Literal["watch", "urgent"]
    what: str
    acknowledged: bool


class AssessedStep(Struct, frozen=True, kw_only=True):
    """What one pace showed: the heart rate's swing with the breath (peak to trough), its share of the rhythm.

    `null` where too little was known of heart or breath.
    """

    per_min: float
    rsa_bpm: float | None
    share: float | None
    breaths: int


class AssessedPace(Struct, frozen=True, kw_only=True):
    """The pace that an assessment found, how clearly (0 … 1), and why."""

    per_min: float
    clarity: float
    why: str


class AssessmentState(Struct, frozen=True, kw_only=True):
    """The session's resonance assessment; `ended` says why it was broken off or found nothing.

    `settled`: the pacer has arrived, and the step's time runs. `left_s` is without the walks between paces.
    """

    kind: Kind
    running: bool
    step: int
    steps: int
    settled: bool
    left_s: float
    measured: list[AssessedStep]
    found: AssessedPace | None
    ended: str


class RoomState(Struct, frozen=True, kw_only=True):
    """Everything that a therapist sees of a room. `phase` is `null` without a session.

    `baseline` holds the patient's values at rest in this session, by vital, once two minutes of it are known.
    """

    type: Literal["state"]
    at_s: float
    room: str
    phase: str | None
    condition: str | None
    plan: PlanOfState | None
    patient: str
    elapsed_s: float
    stage: StageOfState | None
    scene: str | None = None
    vitals: dict[str, Vital]
    arousal: Arousal
    iso_path: IsoPath | None = None
    coherence: float | None
    breath_phase: float | None
    pacer_phase: float | None
    controls: dict[str, float | str]
    wishes: dict[str, float | None]
    why: list[Why]
    streams: list[StreamInfo]
    headset: HeadsetInfo
    headsets: list[HeadsetInfo] = []
    stream: Stream = "view"
    processes: list[ProcessInfo]
    recording: Recording
    sound: SoundInfo | None = None
    baseline: dict[str, float] = {}
    join: JoinCode | None
    alarms: list[Alarm]
    guide: GuideState | None = None
    assessment: AssessmentState | None = None
