"""Rooms and simulated patients that know each other over LSL alone, several side by side in real time.

```
child process: SimulatedPatient ─▶ LSL outlets (ECG, belt, truth) ─▶ inlets ─▶ Ingest ─▶ PatientState ─┐
                     ▲                                                                                │
                     └── inlet ◀── ControlsOutlet ◀── Controls ◀── bound ◀── steer ◀── steadied ◀─────┘
```

The patients live in a process of their own, each with its three outlets, as they do beside a server; the
rooms of this process see of them what their inlets bring. What is true comes from the truth stream, for the
figures only.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping, MutableSequence, Sequence
from multiprocessing.synchronize import Event as Flag
from typing import Final

from benchmarks._kit import BenchmarkFailed
from sensors.closed_loop import STEP_S, Steered
from sensors.devices._patient import PatientTraits
from sensors.devices.simulated_patient import TRUTH_KIND, SimulatedPatientConfig, publish
from sensors.ingest import Ingest
from sensors.inlets import Chunk, Inlets
from sensors.lsl import configure, local_clock
from sensors.outlets import ControlsOutlet
from therapy.controls import Controls
from therapy.events import Beat, Breath, Event
from therapy.patient import PatientState
from therapy.plan import SessionPlan

__all__ = ["Session", "Step", "Truth", "lived_over_lsl"]

#: Until all streams of all patients have come.
START_S: Final = 45.0
#: Of the truth stream: what a row says.
_SAMPLE, _R_PEAK, _INHALE = 0.0, 1.0, 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One tick of one room; `at_s` counts from the plan's begin."""

    at_s: float
    state: PatientState
    controls: Controls


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the patient says is true at one instant, `at_s` from the plan's begin."""

    at_s: float
    breaths_per_min: float
    heart_rate: float
    stress: float


@dataclasses.dataclass(slots=True, kw_only=True)
class Session:
    """What one room and its patient did. Times count from the plan's begin; at rest they are negative.

    `beats` and `breaths` are (when it was by the event, when the event came); `peaks_s` and `inhales_s` are
    true.
    """

    steps: list[Step] = dataclasses.field(default_factory=list)
    truth: list[Truth] = dataclasses.field(default_factory=list)
    beats: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    breaths: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    peaks_s: list[float] = dataclasses.field(default_factory=list)
    inhales_s: list[float] = dataclasses.field(default_factory=list)


def lived_over_lsl(
    people: Sequence[tuple[PatientTraits, SessionPlan]],
    *,
    lsl_session: str,
    rest_s: float,
    told: Callable[[str], None] = lambda _: None,
) -> list[Session]:
    """Live a session of each plan with a patient of each traits, all at the same time, in real time.

    Args:
        people: who, and by which plan. All plans last as long as the longest.
        lsl_session: LSL session id of this process (`sensors.lsl.configure` is called with it).
        rest_s: of the patient's life before the plan begins, at rest in a room that shows nothing yet; longer
            where the streams take longer to come.
        told: takes a line of progress.

    Raises:
        BenchmarkFailed: a patient's streams did not come within `START_S`.
    """
    configure(lsl_session)
    configs = [
        SimulatedPatientConfig(seed=who.seed, lsl_session=lsl_session, room=f"loop{index}", traits=who)
        for index, (who, _) in enumerate(people)
    ]
    spawn = multiprocessing.get_context("spawn")
    stop, born_s = spawn.Event(), spawn.Array("d", len(people))
    patients = spawn.Process(target=_patients, args=(configs, stop, born_s), daemon=True)
    patients.start()
    rooms = [_Room(config.room, plan) for config, (_, plan) in zip(configs, people, strict=True)]
    truth = Inlets(lambda source: "" if source.kind == TRUTH_KIND else None, clock=local_clock)
    try:
        for room in rooms:
            room.ingest.start()
        told("waiting for the patients' streams")
        _wait(rooms, truth)
        for index, room in enumerate(rooms):
            room.begin(max(born_s[index] + rest_s, local_clock()))
        _live(rooms, truth, told)
    finally:
        stop.set()
        for room in rooms:
            room.ingest.stop()
        truth.close()
        patients.join(timeout=START_S)
        if patients.is_alive():
            patients.kill()
    return [room.session for room in rooms]


def _patients(configs: Sequence[SimulatedPatientConfig], stop: Flag, born_s: MutableSequence[float]) -> None:
    """Be all patients, a thread each, until `stop`; tell at `born_s` when each began to live."""
    configure(configs[0].lsl_session)
    end = threading.Event()

    def live(index: int, config: SimulatedPatientConfig) -> None:
        def clock() -> float:
            now_s = local_clock()
            born_s[index] = born_s[index] or now_s
            return now_s

        publish(config, end, clock)

    threads = [threading.Thread(target=live, args=each, daemon=True) for each in enumerate(configs)]
    for thread in threads:
        thread.start()
    stop.wait()
    end.set()
    for thread in threads:
        thread.join()


class _Room:
    """One room: inlets, steering, an outlet of its controls, and the notes for the figures."""

    def __init__(self, name: str, plan: SessionPlan) -> None:
        self.prefix = f"simulated-patient-{name} "
        self.session = Session()
        self.duration_s = plan.duration_s
        self.begins_s = 0.0
        self._last_s: float | None = None
        self._steered = Steered(plan)
        self._outlet = ControlsOutlet(name)
        self._events: list[tuple[Event, float]] = []
        self.ingest = Ingest(
            on_event=lambda event: self._events.append((event, local_clock())),
            kind_of=lambda source: source.kind if source.name.startswith(self.prefix) else None,
        )

    def ready(self, now_s: float) -> bool:
        """Whether ECG and belt come."""
        rows = self.ingest.streams(now_s)
        return len(rows) == 2 and all(row["alive"] and row["age_s"] < 0.5 for row in rows)

    def begin(self, at_s: float) -> None:
        """Let the plan begin at session time `at_s`; until then the patient rests."""
        self.begins_s = at_s

    def step(self, now_s: float) -> None:
        """Live one tick: at rest nothing is shown and the pacer is not known."""
        at_s = now_s - self.begins_s
        state = self.ingest.state(now_s)
        if at_s >= 0.0:
            step_s = STEP_S if self._last_s is None else now_s - self._last_s
            self._last_s = now_s
            controls = self._steered.step(at_s, state, step_s)
            self._outlet.push(controls, now_s)
            self.ingest.set_pace(controls.breath_pace_per_min)
            self.session.steps.append(Step(at_s=at_s, state=state, controls=controls))

    def take(self, row: Sequence[float], stamp_s: float) -> None:
        """Take one row of the truth stream."""
        at_s = stamp_s - self.begins_s
        if row[0] == _R_PEAK:
            self.session.peaks_s.append(at_s)
        elif row[0] == _INHALE:
            self.session.inhales_s.append(at_s)
        elif row[0] == _SAMPLE:
            self.session.truth.append(
                Truth(at_s=at_s, breaths_per_min=row[2], heart_rate=row[3], stress=row[4])
            )

    def end(self) -> None:
        """Put what was told into the session."""
        for event, came_s in self._events:
            pair = (event.at_s - self.begins_s, came_s - self.begins_s)
            if isinstance(event, Beat):
                self.session.beats.append(pair)
            elif isinstance(event, Breath):
                self.session.breaths.append(pair)


def _wait(rooms: Sequence[_Room], truth: Inlets) -> None:
    """Wait until all streams of all patients come."""
    end_s = local_clock() + START_S
    known: set[str] = set()
    while True:
        known |= {happened.source.name for happened in truth.poll() if isinstance(happened, Chunk)}
        if len(known) == len(rooms) and all(room.ready(local_clock()) for room in rooms):
            return
        if local_clock() > end_s:
            here = sum(room.ready(local_clock()) for room in rooms)
            raise BenchmarkFailed(
                f"streams of {len(rooms)} patients must come within {START_S:g} s, of {here} did"
            )
        time.sleep(0.02)


def _live(rooms: Sequence[_Room], truth: Inlets, told: Callable[[str], None]) -> None:
    """Tick all rooms until the longest plan is over."""
    now_s = local_clock()
    by_source: Mapping[str, _Room] = {f"{room.prefix}truth": room for room in rooms}
    end_s = max(room.begins_s + room.duration_s for room in rooms)
    whole_s = end_s - now_s
    next_s, said = now_s, -1
    while now_s < end_s:
        for room in rooms:
            room.step(local_clock())
        _hear(truth, by_source)
        if int(now_s - end_s + whole_s) // 10 != said:
            said = int(now_s - end_s + whole_s) // 10
            told(f"{len(rooms)} rooms, {10 * said} of {whole_s:.0f} s")
        next_s = max(next_s + STEP_S, local_clock() - STEP_S)
        time.sleep(max(next_s - local_clock(), 0.0))
        now_s = local_clock()
    _hear(truth, by_source)
    for room in rooms:
        room.end()


def _hear(truth: Inlets, rooms: Mapping[str, _Room]) -> None:
    for happened in truth.poll():
        if isinstance(happened, Chunk) and happened.source.name in rooms:
            room = rooms[happened.source.name]
            stamps_s = happened.raw_stamps_s + happened.offset_s
            for row, stamp_s in zip(happened.samples.tolist(), stamps_s.tolist(), strict=True):
                room.take(row, stamp_s)
