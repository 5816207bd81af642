"""The loop: twenty times a second from the body to picture and sound. Without I/O of its own.

```
body ─▶ PatientState ─▶ steer() ─▶ safety.bound() ─▶ Controls ─▶ scene, score, LSL, recorder, panel
                            ▲
therapist ─▶ wishes, orders ┘        patient's and therapist's stop ─▶ safe picture and silence, at once
```

`World.tick` is that line. Everything that it reaches is a method of `Outputs`, so that a test or a replay
can live a session as a list of calls.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, assert_never

from therapy.assessment import Assessment, Kind
from therapy.comfort import RESTED, Care, cared, said_unwell, softened
from therapy.controls import START, TABLE, Controls
from therapy.errors import BadValue, TherapyError
from therapy.events import (
    AlarmRaised,
    AssessmentBegun,
    AssessmentEnded,
    Beat,
    Breath,
    Event,
    IsoPathBegun,
    MachineMoved,
    PatientUnwell,
    StageEntered,
    TherapistCommand,
)
from therapy.iso import IsoPath
from therapy.patient import PatientState
from therapy.personal import NOTHING_CHOSEN, Personal
from therapy.plan import Condition, Limits, SessionPlan, in_place
from therapy.safety import Held, bound, settled
from therapy.session import (
    Command,
    EaseIn,
    EaseOut,
    EnterStage,
    Hold,
    Phase,
    Resume,
    SafePicture,
    SessionMachine,
    SessionMemory,
)
from therapy.steer import (
    NO_WISHES,
    WISH_TAU_S,
    Reason,
    Steering,
    Wishes,
    hold,
    seen_under,
    steer,
    toward,
)
from therapy.trust import NOTHING_KNOWN, steadied
from therapy.why import Change, ChangeLog
from therapy.yoke import Trace, follow
from vr_world.assessing import assessable, led, step_event

__all__ = ["TICK_S", "Body", "NoSession", "Outputs", "World", "WorldMemory"]

TICK_S: Final = 0.05
#: Share of its loudness that the music keeps in a pause.
PAUSED_GAIN: Final = 0.4
LINES_KEPT: Final = 200
#: Quality from which a heartbeat counts in an assessment.
CLEAN: Final = 0.5


class NoSession(TherapyError):
    """An order that needs a session."""

    def __init__(self, order: str) -> None:
        super().__init__(f"{order!r} needs a session, there is none")


class Body(Protocol):
    """What is known of the patient; `sensors.ingest.Ingest` is one."""

    def state(self, now_s: float) -> PatientState:
        """Return the newest state. Cheap."""
        ...


class Outputs(Protocol):
    """Everything that a tick may reach. Nothing here waits."""

    def controls(self, controls: Controls, at_s: float) -> None:
        """Give the bounded controls to picture, sound, LSL and the recording."""
        ...

    def picture(self, *, safe: bool, fade_s: float) -> None:
        """Fade to the safe picture, or back to the place."""
        ...

    def sound(self, gain: float, fade_s: float) -> None:
        """Fade all sound to `gain` 0…1."""
        ...

    def scene(self, name: str) -> None:
        """Show another place."""
        ...

    def event(self, event: Event) -> None:
        """Record and show an event."""
        ...

    def changed(self, changes: list[Change]) -> None:
        """Record and show lines of the why-trace."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WorldMemory:
    """All that another process needs to go on with this session."""

    session_id: str
    patient: str
    plan_id: str
    scenes: tuple[str, ...]
    machine: SessionMemory
    controls: Controls
    wishes: Wishes
    personal: Personal = NOTHING_CHOSEN
    care: Care = RESTED
    asked: dict[str, tuple[float, str]] = dataclasses.field(default_factory=dict)
    yoked_to: str = ""
    condition: str = Condition.CONTINGENT.value
    blind: bool = False
    assessing: bool = False
    breath_heard: bool = False


class World:
    """One room's session and what its world does. Belongs to one thread."""

    def __init__(self, body: Body, outputs: Outputs) -> None:
        self.controls = START
        self.wishes = NO_WISHES
        self.machine: SessionMachine | None = None
        self.session_id = ""
        self.patient = ""
        self.state = PatientState(at_s=0.0)
        self.why: deque[Change] = deque(maxlen=LINES_KEPT)
        self.iso_path: IsoPath | None = None
        self._body = body
        self._outputs = outputs
        self._changes = ChangeLog(START)
        self._last_s: float | None = None
        self.care = RESTED
        self._sway_mm: float | None = None
        self._told_triggers: set[str] = set()
        self._known = NOTHING_KNOWN
        self._trace: Trace | None = None
        #: What the patient asked for through the guide: control → (value, why). The therapist's outrank it.
        self.asked: dict[str, tuple[float, str]] = {}
        self._yoked_to = ""
        #: The last resonance assessment of this session, and why it was broken off.
        self.assessment: Assessment | None = None
        self.assessment_ended = ""

    @property
    def phase(self) -> str:
        """The session's phase, `IDLE` when there is none."""
        return "IDLE" if self.machine is None else self.machine.phase.value

    @property
    def going_on(self) -> bool:
        """Whether there is a session that has not ended."""
        return self.machine is not None and not self.machine.over

    def tick(self, now_s: float) -> None:
        """Live one step: the straight line of the module's picture."""
        dt_s = 0.0 if self._last_s is None else now_s - self._last_s
        self._last_s = now_s
        self.state = self._body.state(now_s)
        if self.machine is not None:
            machine = self.machine
            self._do(lambda: machine.tick(now_s), now_s, cause="time")
        wanted = self._assess(self._asked_for(self._steer(dt_s), dt_s), now_s, dt_s)
        wanted = self._care(wanted, now_s, dt_s)
        limits = Limits() if self.machine is None else self.machine.plan.limits
        bounded = bound(wanted.controls, self.controls, limits, dt_s)
        self.controls = bounded.controls
        self._outputs.controls(self.controls, now_s)
        changes = self._changes.update(now_s, self.controls, wanted.why)
        if changes := [*self._kept_out(bounded.held, now_s), *changes]:
            self.why.extendleft(changes)
            self._outputs.changed(changes)

    def open(
        self,
        session_id: str,
        plan: SessionPlan,
        patient: str,
        now_s: float,
        *,
        trace: Trace | None = None,
        yoked_to: str = "",
    ) -> None:
        """Make a session READY: the place waits in the safe picture. Any session before it must be over.

        Raises:
            BadValue: a yoked plan without the `trace` that is to drive it.
        """
        if plan.condition is Condition.YOKED and trace is None:
            raise BadValue("trace of a yoked session", "another session's controls", None)
        self._trace, self._yoked_to, self._known = trace, yoked_to, NOTHING_KNOWN
        self.machine = SessionMachine(plan)
        self.session_id, self.patient = session_id, patient
        self.wishes = NO_WISHES
        self.asked = {}
        self.care, self._sway_mm = RESTED, None
        self._told_triggers.clear()
        self.iso_path = None
        self.assessment, self.assessment_ended = None, ""
        self.why.clear()
        # Behind the safe picture and without sound the world may step: no trigger is met even once.
        self.controls = settled(self.controls, plan.limits)
        self._outputs.scene(plan.stages[0].scene)
        self._outputs.picture(safe=True, fade_s=0.0)
        self._outputs.sound(0.0, 0.25)
        self._outputs.event(MachineMoved(at_s=now_s, was="IDLE", now=self.phase, cause="opened"))

    def order(self, name: str, now_s: float, *, by: str) -> None:
        """Carry out `begin`, `pause`, `resume`, `return` or `stop`.

        Raises:
            therapy.session.NotNow: the phase does not allow it (never for `stop`).
            NoSession: there is no session (`stop` works without one).
            BadValue: no such order.
        """
        if self.machine is None:
            if name != "stop":
                raise NoSession(name)
            self._obey(SafePicture(), now_s)
            return
        machine = self.machine
        orders: dict[str, Callable[[float], list[Command]]] = {
            "begin": machine.begin,
            "pause": machine.pause,
            "resume": machine.resume,
            "return": machine.return_now,
            "stop": machine.stop,
        }
        do = orders.get(name)
        if do is None:
            raise BadValue("order", f"one of {', '.join(orders)}", name)
        self._do(lambda: do(now_s), now_s, cause=by)

    def wish(self, wishes: Wishes, now_s: float, detail: str) -> None:
        """Take the therapist's wishes; they hold until changed or the session ends, before the guide's."""
        for name in [name for name in self.asked if getattr(wishes, name, None) is not None]:
            del self.asked[name]
        if wishes.breath_pace_per_min is not None:
            self.break_off(now_s, "the therapist set the pace")
        self.wishes = wishes
        self._outputs.event(TherapistCommand(at_s=now_s, command="steer", detail=detail))

    def ask(self, control: str, value: float, because: str) -> None:
        """Take what the patient asked for and the gate let through; it holds until the session ends.

        A control that the therapist has wished for stays as they wish.
        """
        if getattr(self.wishes, control, None) is None:
            self.asked[control] = (value, because)

    def go_to(self, scene: str, now_s: float, *, because: str = "the therapist chose it") -> None:
        """Go to another place, and stay there for the rest of the session; the rest of the plan holds.

        Raises:
            NoSession: there is no session that goes on.
            TherapyError: no such place, or one that this patient must not meet; nothing changes.
        """
        if self.machine is None or not self.going_on:
            raise NoSession("place")
        was = self.machine.stage.scene
        if scene == was:
            return
        plan = in_place(self.machine.plan, scene)
        before, self.machine.plan = self.machine.plan, plan
        try:
            self._outputs.scene(scene)
        except TherapyError:
            self.machine.plan = before
            raise
        self._outputs.event(TherapistCommand(at_s=now_s, command="place", detail=scene))
        change = Change(at_s=now_s, control="place", was=was, now=scene, because=because, confidence=1.0)
        self.why.appendleft(change)
        self._outputs.changed([change])

    def unwell(self, level: float, now_s: float, *, source: str) -> None:
        """Take what the patient says of how unwell they feel, 0 … 1; motion and detail follow.

        Raises:
            NoSession: there is no session.
        """
        if self.machine is None:
            raise NoSession("unwell")
        self.care = said_unwell(self.care, level)
        if level > 0.0:
            self.break_off(now_s, "the patient feels unwell")
        self._outputs.event(PatientUnwell(at_s=now_s, level=self.care.said, source=source))

    def assess(self, kind: Kind, seed: int, now_s: float) -> None:
        """Begin a resonance assessment: from now on it leads the pacer, until it ends or is broken off.

        Raises:
            NotAssessable: the session, its plan or the signals do not allow it, or one is going on.
        """
        assessable(self.machine, self.state, kind, going_on=self.assessing)
        self.assessment, self.assessment_ended = Assessment(kind, seed), ""
        self.wishes = dataclasses.replace(self.wishes, breath_pace_per_min=None)
        self._outputs.event(AssessmentBegun(at_s=now_s, kind=kind))

    def break_off(self, now_s: float, why: str) -> None:
        """End an assessment that is going on without a result; the pacer goes where steering leads it."""
        if self.assessing:
            self.assessment_ended = why
            self._outputs.event(AssessmentEnded(at_s=now_s, per_min=None, clarity=0.0, why=why))

    @property
    def assessing(self) -> bool:
        """Whether a resonance assessment is going on."""
        return self.assessment is not None and not (self.assessment.over or self.assessment_ended)

    def felt(self, event: Event) -> None:
        """Take a beat or a breath of the patient: an assessment counts the clean ones."""
        if self.assessment is None or not self.assessing:
            return
        if isinstance(event, Beat) and event.artefact == "" and event.quality >= CLEAN:
            self.assessment.beat(event.stream, event.at_s)
        elif isinstance(event, Breath):
            self.assessment.inhale(event.at_s)

    def sways(self, sway_mm: float | None) -> None:
        """Take how much the head sways now (mm), `None` while it is not known."""
        self._sway_mm = sway_mm

    def memory(self) -> WorldMemory | None:
        """Return what `restore` needs, or `None` without a session."""
        if self.machine is None:
            return None
        return WorldMemory(
            session_id=self.session_id,
            patient=self.patient,
            plan_id=self.machine.plan.plan_id,
            scenes=tuple(stage.scene for stage in self.machine.plan.stages),
            machine=self.machine.memory(),
            controls=self.controls,
            wishes=self.wishes,
            personal=self.machine.plan.personal,
            care=self.care,
            asked=dict(self.asked),
            yoked_to=self._yoked_to,
            condition=self.machine.plan.condition.value,
            blind=self.machine.plan.blind,
            assessing=self.assessing,
            breath_heard=self._known.breath_heard,
        )

    def restore(
        self, memory: WorldMemory, plan: SessionPlan, now_s: float, *, trace: Trace | None = None
    ) -> None:
        """Go on where another process was; picture and sound return in a fade."""
        self._trace, self._yoked_to = trace, memory.yoked_to
        self.machine = SessionMachine.restored(plan, memory.machine, now_s)
        self.session_id, self.patient = memory.session_id, memory.patient
        self.controls, self.wishes = memory.controls, memory.wishes
        self.care, self.asked = memory.care, dict(memory.asked)
        self._known = dataclasses.replace(NOTHING_KNOWN, breath_heard=memory.breath_heard)
        if memory.assessing:
            why = "the room was started again, and heartbeats were missed"
            self._outputs.event(AssessmentEnded(at_s=now_s, per_min=None, clarity=0.0, why=why))
        self._changes = ChangeLog(self.controls)
        self._outputs.scene(self.machine.stage.scene)
        shown = self.machine.phase in (Phase.RUNNING, Phase.RETURNING, Phase.PAUSED)
        self._outputs.picture(safe=not shown, fade_s=1.0)
        gain = PAUSED_GAIN if self.machine.phase is Phase.PAUSED else 1.0
        self._outputs.sound(gain if shown else 0.0, 1.0)

    def _steer(self, dt_s: float) -> Steering:
        machine = self.machine
        if machine is None or machine.phase not in (Phase.RUNNING, Phase.RETURNING):
            return hold(self.controls, dt_s)
        plan = machine.plan
        wishes = self.wishes
        if plan.condition is Condition.OFF:
            wishes = dataclasses.replace(wishes, swell=0.0)
        if plan.condition is Condition.YOKED and self._trace is not None:
            yoked = follow(self._trace, machine.elapsed_s, self.controls, dt_s, wishes)
            if yoked is not None:
                return yoked
        self._known, steady = steadied(self._known, self.state, dt_s)
        seen = seen_under(plan.condition, steady, arousal=plan.arousal)
        strength = self._strength(machine, seen)
        return steer(seen, machine.stage, self.controls, dt_s, wishes, strength=strength)

    def _assess(self, wanted: Steering, now_s: float, dt_s: float) -> Steering:
        """Let a resonance assessment lead the pacer; tell what each step showed, and what was found."""
        assessment, machine = self.assessment, self.machine
        if assessment is None or machine is None or not self.assessing:
            return wanted
        if machine.phase is Phase.PAUSED:
            assessment.rest()
            return wanted
        if machine.phase is not Phase.RUNNING:
            self.break_off(
                now_s, "the way out began" if machine.phase is Phase.RETURNING else "the session ended"
            )
            return wanted
        for done in assessment.tick(now_s, self.controls.breath_pace_per_min):
            self._outputs.event(step_event(done, now_s))
        if assessment.over:
            found, why = assessment.choice, assessment.failed
            self._outputs.event(
                AssessmentEnded(
                    at_s=now_s,
                    per_min=found.per_min if found else None,
                    clarity=found.clarity if found else 0.0,
                    why=found.why if found else why,
                )
            )
        return led(wanted, assessment, self.controls, dt_s)

    def _asked_for(self, wanted: Steering, dt_s: float) -> Steering:
        """Put what the patient asked for in the place of what the steering wants."""
        if not self.asked or self.machine is None or self.machine.over:
            return wanted
        moved = {
            name: toward(name, getattr(self.controls, name), value, dt_s, WISH_TAU_S)
            for name, (value, _) in self.asked.items()
        }
        why = [reason for reason in wanted.why if reason.control not in self.asked]
        for name, (value, because) in self.asked.items():
            was = getattr(self.controls, name)
            if abs(TABLE[name].distance(was, value)) > 1e-3 * (TABLE[name].high - TABLE[name].low):
                why.append(Reason(control=name, was=was, target=value, because=because, confidence=1.0))
        controls = dataclasses.replace(wanted.controls, **moved)  # type: ignore[arg-type]  # names of the table
        return Steering(controls=controls, why=tuple(why))

    def _strength(self, machine: SessionMachine, seen: PatientState) -> float:
        """Return how much the world leads now: from the stage before on along this stage's path."""
        stage, now_s = machine.stage, self._last_s or 0.0
        begins_s = now_s - machine.stage_elapsed_s  # without pauses: the path waits as well
        if self.iso_path is None:
            self.iso_path = IsoPath.through(
                begins_s=begins_s,
                duration_s=stage.duration_s,
                arousal=seen.arousal,
                confidence=seen.arousal_confidence,
                aim=stage.aim.arousal,
            )
            path = self.iso_path
            self._outputs.event(
                IsoPathBegun(at_s=now_s, met=path.met, aim=path.aim, duration_s=path.duration_s)
            )
        self.iso_path = dataclasses.replace(self.iso_path, begins_s=begins_s)
        index = machine.stage_index
        before = machine.plan.stages[index - 1].aim.strength if index else 0.0
        return before + (stage.aim.strength - before) * self.iso_path.lead(now_s)

    def _care(self, wanted: Steering, now_s: float, dt_s: float) -> Steering:
        """Soften what is wanted for a patient who is unwell, and tell the therapist once."""
        if self.machine is None or not self.machine.plan.personal.soften:
            return wanted
        self.care, tell = cared(self.care, self._sway_mm, dt_s)
        if tell:
            self._outputs.event(AlarmRaised(at_s=now_s, level="watch", what=tell))
        return softened(wanted, self.care)

    def _kept_out(self, held: tuple[Held, ...], now_s: float) -> list[Change]:
        """Return one line for each control that the patient's triggers hold, the first time they do."""
        lines = []
        for each in held:
            if each.because and each.control not in self._told_triggers:
                self._told_triggers.add(each.control)
                lines.append(
                    Change(
                        at_s=now_s,
                        control=each.control,
                        was=each.wanted,
                        now=each.got,
                        because=each.because,
                        confidence=1.0,
                    )
                )
        return lines

    def _do(self, transition: Callable[[], list[Command]], now_s: float, *, cause: str) -> None:
        was = self.phase
        for command in transition():
            self._obey(command, now_s)
        if self.phase != was:
            self._outputs.event(MachineMoved(at_s=now_s, was=was, now=self.phase, cause=cause))

    def _obey(self, command: Command, now_s: float) -> None:
        match command:
            case EaseIn(fade_s=fade_s):
                self._outputs.picture(safe=False, fade_s=fade_s)
                self._outputs.sound(1.0, fade_s)
            case EnterStage(index=index, stage=stage):
                self.iso_path = None  # the next tick meets the patient anew
                self._outputs.scene(stage.scene)
                self._outputs.event(
                    StageEntered(at_s=now_s, index=index, name=stage.name, kind=stage.kind.value)
                )
            case Hold(fade_s=fade_s):
                self._outputs.sound(PAUSED_GAIN, fade_s)
            case Resume(fade_s=fade_s):
                self._outputs.sound(1.0, fade_s)
            case EaseOut(fade_s=fade_s) | SafePicture(fade_s=fade_s):
                self._outputs.picture(safe=True, fade_s=fade_s)
                self._outputs.sound(0.0, fade_s)
            case _:
                assert_never(command)
