"""A resonance assessment that is going on: which pace next, what each showed, what was found. Pure.

    heartbeats, inhales ─▶ Assessment ─▶ goal_per_min ─▶ (safety) ─▶ pacer
                               │ each step, once its last beats are known
                               └▶ Measured ─▶ choose ─▶ the pace, and why

A step's clock starts when the pacer has arrived at its pace: the walk from one pace to the next does not
count. A step of which too little is known is done once more at the end. `therapy.resonance` has the
procedure's times, criteria and sources.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
from typing import Final, Literal, TypeAlias, get_args

from therapy.errors import BadValue
from therapy.resonance import (
    PACES_PER_MIN,
    SLIDE_S,
    STEP_S,
    Choice,
    Measured,
    Step,
    choose,
    measure,
    pace_at,
    sliding,
    stepped,
)

__all__ = ["KINDS", "Assessment", "Kind", "StepDone", "needed_s"]

Kind: TypeAlias = Literal["stepped", "sliding"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

#: The pacer is there when it is this near.
_ARRIVED_PER_MIN: Final = 0.05
#: A beat is told one beat late, an inhale when the next extreme has come: steps are read so much later.
_KNOWN_AFTER_S: Final = 10.0
#: Steps that may be done once more.
_REPEATS: Final = 2
#: For the walks between the paces, the last beats and one repetition.
_SPARE_S: Final = 90.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """A step is over: what it showed, `None` if too little was known of heart or breath."""

    per_min: float
    measured: Measured | None


def needed_s(kind: Kind) -> float:
    """Return how long an assessment takes, with something to spare."""
    return _SPARE_S + (SLIDE_S if kind == "sliding" else STEP_S * len(PACES_PER_MIN))


class Assessment:
    """One patient's assessment, from the first pace to the choice. Give it what the body does, and time.

    Args:
        kind: paces in random order, or one glide.
        seed: of the order.

    Raises:
        BadValue: no such kind.
    """

    def __init__(self, kind: Kind, seed: int) -> None:
        if kind not in KINDS:
            raise BadValue("kind of assessment", f"one of {', '.join(KINDS)}", kind)
        self.kind: Kind = kind
        steps = sliding() if kind == "sliding" else stepped(seed)
        #: What is paced without a break: the whole glide, or one step each.
        self._runs = collections.deque([steps] if kind == "sliding" else [(step,) for step in steps])
        self._run: tuple[Step, ...] = ()
        self._ended = 0  # steps of the run that are over
        self._left_per_min = PACES_PER_MIN[0]  # the pace at which the last run ended
        self._unread: collections.deque[Step] = collections.deque()
        self._beats_s: dict[str, list[float]] = {}
        self._inhales_s: list[float] = []
        self._repeats = 0
        self._now_s = 0.0
        self.done: list[StepDone] = []
        self.choice: Choice | None = None
        self.failed = ""

    @property
    def over(self) -> bool:
        """Whether it has come to an end: with a choice, or failed."""
        return self.choice is not None or self.failed != ""

    @property
    def goal_per_min(self) -> float:
        """The pace that is wanted now."""
        if self._run:
            return pace_at(self._run, self._now_s)
        return self._runs[0][0].start_per_min if self._runs else self._left_per_min

    @property
    def settled(self) -> bool:
        """Whether the pacer is at the pace of a step whose time runs."""
        return bool(self._run)

    @property
    def left_s(self) -> float:
        """What is left of it, without the walks between paces."""
        if self.over:
            return 0.0
        run_s = max(self._run[-1].end_s - self._now_s, 0.0) if self._run else 0.0
        return run_s + sum(run[-1].end_s - run[0].start_s for run in self._runs)

    @property
    def steps(self) -> int:
        """How many steps there are in all, as far as is known now."""
        left = len(self._run) - self._ended
        return len(self.done) + len(self._unread) + left + sum(map(len, self._runs))

    @property
    def step(self) -> int:
        """Which step is going on, from 1."""
        return min(len(self.done) + len(self._unread) + 1, self.steps)

    def beat(self, stream: str, at_s: float) -> None:
        """Take a clean heartbeat of one sensor; a beat before the last one is left out."""
        _add(self._beats_s.setdefault(stream, []), at_s)

    def inhale(self, at_s: float) -> None:
        """Take the beginning of the patient's own inhale."""
        _add(self._inhales_s, at_s)

    def rest(self) -> None:
        """Leave the step that is going on; it begins anew once the pacer is there again (after a pause)."""
        if not self._run:
            return
        if self.kind == "sliding":  # a glide is one stretch
            self.done.clear()
            self._unread.clear()
        self._runs.appendleft(_moved(self._run, -self._run[0].start_s))
        self._run, self._ended = (), 0

    def tick(self, now_s: float, pace_per_min: float) -> list[StepDone]:
        """Let time pass with the pacer at `pace_per_min`; return the steps that were read now."""
        self._now_s = now_s
        if self.over:
            return []
        if not self._run and self._runs:
            self._arrive(now_s, pace_per_min)
        while self._ended < len(self._run) and self._run[self._ended].end_s <= now_s:
            self._unread.append(self._run[self._ended])
            self._ended += 1
        if self._run and self._ended == len(self._run):
            self._left_per_min = self._run[-1].end_per_min
            self._run, self._ended = (), 0
        read = []
        while self._unread and self._unread[0].end_s + _KNOWN_AFTER_S <= now_s:
            read.append(self._read(self._unread.popleft()))
        if not (self._run or self._runs or self._unread):
            self._conclude()
        return read

    def _arrive(self, now_s: float, pace_per_min: float) -> None:
        first = self._runs[0][0]
        if abs(pace_per_min - first.start_per_min) <= _ARRIVED_PER_MIN:
            self._run = _moved(self._runs.popleft(), now_s - first.start_s)

    def _read(self, step: Step) -> StepDone:
        measured = measure(step, self._beats_of(step), self._inhales_s)
        done = StepDone(per_min=step.per_min, measured=measured)
        self.done.append(done)
        if measured is None and self.kind == "stepped" and self._repeats < _REPEATS:
            self._repeats += 1
            self._runs.append((step,))
        return done

    def _beats_of(self, step: Step) -> list[float]:
        """Return the beats of the sensor that told most of them in `step`; of equals of the first."""

        def told(beats_s: list[float]) -> int:
            return bisect.bisect_left(beats_s, step.end_s) - bisect.bisect_left(beats_s, step.start_s)

        return max(self._beats_s.values(), key=told, default=[])

    def _conclude(self) -> None:
        try:
            self.choice = choose([done.measured for done in self.done if done.measured is not None])
        except BadValue as error:
            self.failed = str(error)


def _moved(steps: tuple[Step, ...], by_s: float) -> tuple[Step, ...]:
    return tuple(
        dataclasses.replace(step, start_s=step.start_s + by_s, end_s=step.end_s + by_s) for step in steps
    )


def _add(times_s: list[float], at_s: float) -> None:
    if not times_s or at_s > times_s[-1]:
        times_s.append(at_s)
