"""`SessionMachine`: the course of a session as a state machine without I/O.

```
READY ──begin──▶ RUNNING ⇄ PAUSED        any ──stop──▶ STOPPED
                    │  return, or the last stage       (final, as is ENDED)
                    ▼
                RETURNING ──its time is over──▶ ENDED
```

Call a method with `now_s`; it returns what is to be done. Call `tick` often. Time that is spent paused does
not count. A stop wins from every state, also from ENDED, so that no order of clicks can make it fail.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TypeAlias

from therapy.errors import TherapyError
from therapy.plan import SessionPlan, Stage, StageKind

__all__ = [
    "Command",
    "EaseIn",
    "EaseOut",
    "EnterStage",
    "Hold",
    "NotNow",
    "Phase",
    "Resume",
    "SafePicture",
    "SessionMachine",
    "SessionMemory",
]


class Phase(enum.Enum):
    """Where a session is."""

    READY = "READY"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    RETURNING = "RETURNING"
    ENDED = "ENDED"
    STOPPED = "STOPPED"


class NotNow(TherapyError):
    """An order that the present phase does not allow. `stop` never raises it."""

    def __init__(self, order: str, phase: Phase, allowed: tuple[Phase, ...]) -> None:
        names = " or ".join(p.value for p in allowed)
        super().__init__(f"{order!r} needs the session to be {names}, it is {phase.value}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EaseIn:
    """Let the place and the music appear over `fade_s`."""

    fade_s: float = 3.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EnterStage:
    """The stage began."""

    index: int
    stage: Stage


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Keep the place, soften the music, steer nothing."""

    fade_s: float = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Go on from where `Hold` began."""

    fade_s: float = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EaseOut:
    """Let picture and sound go gently; the session is over."""

    fade_s: float = 3.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SafePicture:
    """Dark-warm picture and fading sound, at once. `fade_s` is the promise of the storyboard."""

    fade_s: float = 0.25


Command: TypeAlias = EaseIn | EnterStage | Hold | Resume | EaseOut | SafePicture


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionMemory:
    """All that a machine needs to go on in another process (`SessionMachine.memory`, `.restored`)."""

    phase: str
    index: int
    stage_spent_s: float
    total_spent_s: float
    before_pause: str


class SessionMachine:
    """The course of one session through `plan`. See the module's picture."""

    def __init__(self, plan: SessionPlan) -> None:
        self.plan = plan
        self.phase = Phase.READY
        self._index = 0
        self._stage_spent_s = 0.0
        self._total_spent_s = 0.0
        self._before_pause = Phase.RUNNING
        self._last_s: float | None = None

    @property
    def stage(self) -> Stage:
        """The stage that the session is in (the first before it began, the last after it ended)."""
        return self.plan.stages[self._index]

    @property
    def stage_index(self) -> int:
        """The index of `stage` in the plan."""
        return self._index

    @property
    def stage_elapsed_s(self) -> float:
        """Time spent in `stage`, without pauses."""
        return self._stage_spent_s

    @property
    def elapsed_s(self) -> float:
        """Time spent in the session, without pauses."""
        return self._total_spent_s

    @property
    def over(self) -> bool:
        """Whether the session has ended or was stopped."""
        return self.phase in (Phase.ENDED, Phase.STOPPED)

    def begin(self, now_s: float) -> list[Command]:
        """Start the first stage. Raises `NotNow` unless READY."""
        self._need("begin", Phase.READY)
        self._last_s = now_s
        return [EaseIn(), *self._enter(0)]

    def pause(self, now_s: float) -> list[Command]:
        """Hold everything. Raises `NotNow` unless RUNNING or RETURNING."""
        self._need("pause", Phase.RUNNING, Phase.RETURNING)
        self._spend(now_s)
        self._before_pause = self.phase
        self.phase = Phase.PAUSED
        return [Hold()]

    def resume(self, now_s: float) -> list[Command]:
        """Go on where `pause` held. Raises `NotNow` unless PAUSED."""
        self._need("resume", Phase.PAUSED)
        self._last_s = now_s
        self.phase = self._before_pause
        return [Resume()]

    def return_now(self, now_s: float) -> list[Command]:
        """Skip to the RETURN stage. Raises `NotNow` unless RUNNING or PAUSED before it."""
        self._need("return", Phase.RUNNING, Phase.PAUSED)
        was_paused = self.phase is Phase.PAUSED
        if was_paused and self._before_pause is Phase.RETURNING:
            return self.resume(now_s)
        self._spend(now_s)
        self._last_s = now_s
        entered = self._enter(len(self.plan.stages) - 1)
        return [Resume(), *entered] if was_paused else entered

    def stop(self, now_s: float) -> list[Command]:
        """Stop at once, from any phase; never raises. Repeating it repeats the safe picture."""
        self._spend(now_s)
        self.phase = Phase.STOPPED
        return [SafePicture()]

    def tick(self, now_s: float) -> list[Command]:
        """Let time pass; returns what it brings about (often nothing)."""
        if self.phase not in (Phase.RUNNING, Phase.RETURNING):
            return []
        self._spend(now_s)
        commands: list[Command] = []
        while self._stage_spent_s >= self.stage.duration_s:
            surplus_s = self._stage_spent_s - self.stage.duration_s
            if self.stage.kind is StageKind.RETURN:
                self.phase = Phase.ENDED
                return [*commands, EaseOut()]
            commands += self._enter(self._index + 1)
            self._stage_spent_s = surplus_s
        return commands

    def memory(self) -> SessionMemory:
        """Return what `restored` needs to go on elsewhere."""
        return SessionMemory(
            phase=self.phase.value,
            index=self._index,
            stage_spent_s=self._stage_spent_s,
            total_spent_s=self._total_spent_s,
            before_pause=self._before_pause.value,
        )

    @classmethod
    def restored(cls, plan: SessionPlan, memory: SessionMemory, now_s: float) -> SessionMachine:
        """Return a machine that goes on from `memory`; the time between does not count."""
        machine = cls(plan)
        machine.phase = Phase(memory.phase)
        machine._index = memory.index
        machine._stage_spent_s = memory.stage_spent_s
        machine._total_spent_s = memory.total_spent_s
        machine._before_pause = Phase(memory.before_pause)
        machine._last_s = now_s
        return machine

    def _need(self, order: str, *allowed: Phase) -> None:
        if self.phase not in allowed:
            raise NotNow(order, self.phase, allowed)

    def _enter(self, index: int) -> list[Command]:
        self._index = index
        self._stage_spent_s = 0.0
        stage = self.plan.stages[index]
        self.phase = Phase.RETURNING if stage.kind is StageKind.RETURN else Phase.RUNNING
        return [EnterStage(index=index, stage=stage)]

    def _spend(self, now_s: float) -> None:
        """Count the time since the last call; a clock that goes back counts nothing."""
        if self.phase in (Phase.RUNNING, Phase.RETURNING) and self._last_s is not None:
            spent_s = max(now_s - self._last_s, 0.0)
            self._stage_spent_s += spent_s
            self._total_spent_s += spent_s
        self._last_s = now_s
