"""The loop over real LSL, in real time: does it lead as the one in a single process does?

Each patient of a small seeded population lives a whole session in each condition, all at the same time, each
in a process and an LSL session of its own:

    simulated patient ─▶ ECG, belt ─LSL▶ ingest ─▶ World (20 Hz) ─▶ controls ─LSL▶ what the patient sees

What is told is true of the patient (a third stream), not what was estimated. The same patients then live the
same session in one process (`sensors.closed_loop`): few patients prove no order by themselves, but that both
loops end alike lets the figures of `bench loop`, which has forty, stand for this one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Final

import numpy as np

from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from benchmarks.loop import PLAN, REST_S, Ended, ended, summed
from sensors.closed_loop import lived
from sensors.devices._population import population
from sensors.devices.simulated_patient import TRUTH_KIND, PatientTraits, SimulatedPatientConfig, publish
from sensors.ingest import Ingest
from sensors.inlets import Chunk, Inlets
from sensors.lsl import configure, local_clock
from sensors.outlets import ControlsOutlet
from therapy.controls import TABLE, Controls
from therapy.events import BadInput, Beat, Breath, Event
from therapy.plan import PLANS, Condition, SessionPlan, StageKind
from therapy.why import Change
from vr_world.loop import TICK_S, World

__all__ = ["BENCH", "Lived", "live_room"]

PEOPLE: Final = 3
CONDITIONS: Final = (Condition.CONTINGENT, Condition.PACED_ONLY, Condition.OFF)
#: Signals are found and believed before the rest begins.
SETTLE_S: Final = 20.0
LAST_S: Final = 60.0
_ROOM: Final = "1"
_INHALE: Final = 2.0
#: A tick later than this would have let the patient see a world that stands.
LATE_S: Final = 0.25


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """One session over LSL, and how the same one ended in a single process."""

    condition: Condition
    live: Ended
    alone: Ended
    beats: int
    breaths: int
    bad: int
    steepest: float
    late: int


class _Outputs:
    """Outputs of a room without picture and sound: controls go to LSL, and are held against their slopes."""

    def __init__(self, outlet: ControlsOutlet) -> None:
        self._outlet = outlet
        self._before: tuple[Controls, float] | None = None
        self.on = False
        self.steepest = 0.0

    def controls(self, controls: Controls, at_s: float) -> None:
        if not self.on:
            return
        self._outlet.push(controls, at_s)
        if self._before is not None:
            before, then_s = self._before
            for name, limit in TABLE.items():
                way = abs(limit.distance(getattr(before, name), getattr(controls, name)))
                self.steepest = max(self.steepest, way / (limit.slope_per_s * (at_s - then_s)))
        self._before = (controls, at_s)

    def picture(self, *, safe: bool, fade_s: float) -> None: ...
    def sound(self, gain: float, fade_s: float) -> None: ...
    def scene(self, name: str) -> None: ...
    def event(self, event: Event) -> None: ...
    def changed(self, changes: list[Change]) -> None: ...


class _Truth:
    """What is true of the patient: inhales and stress, from the patient's own stream."""

    def __init__(self) -> None:
        self.inhales_s: list[float] = []
        self.stress: list[tuple[float, float]] = []
        self._inlets = Inlets(lambda source: "" if source.kind == TRUTH_KIND else None, clock=local_clock)

    def poll(self) -> None:
        for happened in self._inlets.poll():
            if isinstance(happened, Chunk):
                for row, raw_s in zip(happened.samples, happened.raw_stamps_s, strict=True):
                    at_s = float(raw_s) + happened.offset_s
                    self.stress.append((at_s, float(row[4])))
                    if row[0] == _INHALE:
                        self.inhales_s.append(at_s)

    def close(self) -> None:
        self._inlets.close()


def live_room(traits: PatientTraits, condition: Condition, plan: SessionPlan, rest_s: float) -> Lived:
    """Live `plan` with a patient of `traits` over LSL, then the same in this process alone."""
    plan = dataclasses.replace(plan, condition=condition)
    configure(f"bench-loop-{os.getpid()}")
    events: list[Event] = []
    outputs = _Outputs(ControlsOutlet(_ROOM))
    with _patient(traits), contextlib.closing(_Truth()) as truth, _ingest(events) as ingest:
        world = World(ingest, outputs)
        coherence, late = _session(world, outputs, ingest, truth, plan, rest_s)
        told = _ended(truth, coherence, plan)
    return Lived(
        condition=condition,
        live=told,
        alone=ended(list(lived(traits, plan, rest_s=rest_s)), plan),
        beats=sum(isinstance(event, Beat) for event in events),
        breaths=sum(isinstance(event, Breath) for event in events),
        bad=sum(isinstance(event, BadInput) for event in events),
        steepest=outputs.steepest,
        late=late,
    )


@contextlib.contextmanager
def _patient(traits: PatientTraits) -> Iterator[None]:
    stop = threading.Event()
    config = SimulatedPatientConfig(seed=traits.seed, room=_ROOM, traits=traits)
    patient = threading.Thread(target=publish, args=(config, stop))
    patient.start()
    try:
        yield
    finally:
        stop.set()
        patient.join()


@contextlib.contextmanager
def _ingest(events: list[Event]) -> Iterator[Ingest]:
    ingest = Ingest(on_event=events.append)
    ingest.start()
    try:
        yield ingest
    finally:
        ingest.stop()


def _session(  # the parts of a room
    world: World, outputs: _Outputs, ingest: Ingest, truth: _Truth, plan: SessionPlan, rest_s: float
) -> tuple[list[float], int]:
    """Rest, then live until the way out; return the last minute's coherence and how many ticks were late."""
    begins_s = local_clock() + SETTLE_S + rest_s
    ends_s = begins_s + _leading_s(plan)
    coherence: list[float] = []
    late, next_s = 0, local_clock()
    while (now_s := local_clock()) < ends_s:
        if now_s >= begins_s and not outputs.on:
            world.open("bench", plan, "bench", now_s)
            world.order("begin", now_s, by="bench")
            outputs.on = True
        world.tick(now_s)
        ingest.set_pace(world.controls.breath_pace_per_min)
        truth.poll()
        if now_s >= ends_s - LAST_S:
            coherence.append(world.state.coherence or 0.0)
        next_s += TICK_S
        if now_s - next_s > LATE_S:
            late, next_s = late + 1, now_s
        time.sleep(max(next_s - local_clock(), 0.0))
    return coherence, late


def _leading_s(plan: SessionPlan) -> float:
    return sum(stage.duration_s for stage in plan.stages if stage.kind is not StageKind.RETURN)


def _ended(truth: _Truth, coherence: list[float], plan: SessionPlan) -> Ended:
    ends_s = truth.stress[-1][0]
    begins_s = ends_s - _leading_s(plan)
    last = [at_s for at_s in truth.inhales_s if at_s > ends_s - LAST_S]
    if len(last) < 2:
        raise BenchmarkFailed(f"a patient must breathe twice in the last minute, did {len(last)} times")
    rest = next(stress for at_s, stress in truth.stress if at_s >= begins_s)
    pace = plan.stages[-2].aim.breath_pace_per_min
    return Ended(
        breaths_per_min=60.0 * (len(last) - 1) / (last[-1] - last[0]),
        pace_per_min=6.0 if pace is None else pace,
        calmer=rest - float(np.mean([s for at_s, s in truth.stress if at_s > ends_s - LAST_S])),
        coherence=float(np.mean(coherence)),
    )


def figures(told: list[Lived]) -> list[Figure]:
    """Return the figures of each condition, of both loops and how far they are apart."""
    found: list[Figure] = []
    for condition in CONDITIONS:
        of = [one for one in told if one.condition is condition]
        name = condition.value.lower().replace("_", " ")
        found += summed(f"{name}, over LSL", [one.live for one in of])
        found += summed(f"{name}, in one process", [one.alone for one in of])
    apart = {
        "breaths a minute": [abs(one.live.breaths_per_min - one.alone.breaths_per_min) for one in told],
        "fall of stress": [abs(one.live.calmer - one.alone.calmer) for one in told],
        "coherence": [abs(one.live.coherence - one.alone.coherence) for one in told],
    }
    for what, values in apart.items():
        found.append(
            Figure(
                name=f"LSL against one process, {what}: median difference",
                value=float(np.median(values)),
                unit="per min" if "breaths" in what else "1",
                note=f"largest {max(values):.2f}; {len(values)} sessions",
            )
        )
    beats, breaths = sum(one.beats for one in told), sum(one.breaths for one in told)
    steepest = max(one.steepest for one in told)
    note = f"{len(told)} sessions; {breaths} breaths, {sum(one.bad for one in told)} bad-input events"
    found.append(Figure(name="beats that arrived", value=beats, unit="beats", note=note))
    found.append(Figure(name="steepest control", value=steepest, unit="of its slope", limit=1.001))
    found.append(Figure(name="ticks late by 250 ms", value=sum(one.late for one in told), unit="ticks"))
    return found


def _run(progress: Progress) -> list[Figure]:
    plan, people = PLANS[PLAN], population(PEOPLE)
    jobs = list(itertools.product(people, CONDITIONS))
    minutes = (SETTLE_S + REST_S + _leading_s(plan)) / 60.0
    progress(f"{len(jobs)} sessions at the same time, {minutes:.0f} minutes")
    with ProcessPoolExecutor(len(jobs), mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: list[Any] = [
            pool.submit(live_room, traits, condition, plan, REST_S) for traits, condition in jobs
        ]
        told: list[Lived] = []
        for one in as_completed(waiting):
            told.append(one.result())
            progress(f"{len(told)} of {len(jobs)} sessions")
    return figures(told)


BENCH: Final = Benchmark(name="loop_live", title="The loop over real LSL, in real time", run=_run)
