"""Does the loop lead? A seeded population in each condition, and each sensor broken in turn.

Patients live side by side, one for each core; what is told of time is processor time of one.
"""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks._kit import Benchmark, Figure, Progress
from sensors.closed_loop import STEP_S, Moment, lived
from sensors.devices._guided import assessed
from sensors.devices._patient import PatientTraits
from sensors.devices._population import Fault, FaultKind, population
from therapy.controls import TABLE
from therapy.plan import PLANS, Condition, SessionPlan, StageKind, paced
from therapy.resonance import sliding, stepped
from therapy.yoke import Trace

__all__ = ["BENCH", "Ended", "ended", "interval", "paired", "session", "steepest", "summed"]

PEOPLE: Final = 40
ASSESSED: Final = 50
#: Comparisons of many patients take longer steps and intervals for a heart; `WHOLE_S` of one take it all.
COARSE_S: Final = 0.5
WHOLE_S: Final = 120.0
DRAWS: Final = 2000
#: A patient who breathes fourteen times a minute is led to six in eight minutes: shorter plans end before.
PLAN: Final = "sea-at-dusk"
FAULT_PLAN: Final = "first-visit"
#: Before each session the patient sits at rest for so long, for the baseline.
REST_S: Final = 120.0
#: The aim is reached when the patient breathes within this of the plan's pace and is calmer by this.
NEAR_PER_MIN: Final = 1.0
CALMER: Final = 0.2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one patient was over the last minute before RETURN, in truth; `calmer` against the time at rest."""

    breaths_per_min: float
    pace_per_min: float
    calmer: float
    coherence: float

    @property
    def reached(self) -> bool:
        """Whether the aim was reached."""
        return abs(self.breaths_per_min - self.pace_per_min) < NEAR_PER_MIN and self.calmer >= CALMER


def run(progress: Progress) -> list[Figure]:
    """Measure in processes of its own."""
    people = population(PEOPLE)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:

        def each(what: str, work: Callable[..., Any], *lists: Iterable[Any]) -> list[Any]:
            waiting = [pool.submit(work, *given) for given in zip(*lists, strict=True)]
            done = []
            for count, one in enumerate(waiting):
                progress(f"{what}: {count} of {len(waiting)}")
                done.append(one.result())
            return done

        ends = _conditions(each, people)
        figures = [figure for name, told in ends.items() for figure in summed(name, told)]
        figures += [f for name in ends if name != "contingent" for f in paired(ends, "contingent", name)]
        figures += [*_faults(each, people[0]), *_resonances(each)]
    return [*figures, _speed(progress, people[0])]


_Each: TypeAlias = Callable[..., list[Any]]


def _conditions(each: _Each, people: Sequence[PatientTraits]) -> dict[str, list[Ended]]:
    ends: dict[str, list[Ended]] = {}
    traces: list[Trace | None] = [None] * len(people)
    for condition in Condition:
        name = condition.value.lower().replace("_", " ")
        driven = traces[1:] + traces[:1] if condition is Condition.YOKED else [None] * len(people)
        told = each(name, _one, people, [condition] * len(people), driven)
        ends[name] = [end for end, _ in told]
        if condition is Condition.CONTINGENT:
            traces = [trace for _, trace in told]
    ends["contingent at the own resonance"] = each(
        "at the own resonance", _resonant, people, range(len(people))
    )
    return ends


def _one(traits: PatientTraits, condition: Condition, trace: Trace | None) -> tuple[Ended, Trace]:
    plan = PLANS[PLAN]
    moments = session(traits, dataclasses.replace(plan, condition=condition), trace)
    return ended(moments, plan), traced(moments)


def _resonant(traits: PatientTraits, seed: int) -> Ended:
    return resonant(traits, PLANS[PLAN], seed)


def session(traits: PatientTraits, plan: SessionPlan, trace: Trace | None = None) -> list[Moment]:
    """Return a session with time at rest before it, in coarse steps."""
    return list(lived(traits, plan, trace=trace, rest_s=REST_S, step_s=COARSE_S, waves=False))


def resonant(traits: PatientTraits, plan: SessionPlan, seed: int) -> Ended:
    """Return how a contingent session ends that leads to the pace which the assessment found."""
    own = paced(plan, assessed(traits, stepped(seed)).per_min)
    return ended(session(traits, own), own)


def traced(moments: list[Moment]) -> Trace:
    """Return what drove a session, for one that is yoked to it."""
    return Trace(times_s=tuple(m.at_s for m in moments), controls=tuple(m.controls for m in moments))


def ended(moments: list[Moment], plan: SessionPlan) -> Ended:
    """Return how the patient was over the last minute before RETURN."""
    leading = [m for m in moments if m.stage.kind is not StageKind.RETURN]
    last = [m for m in leading if m.at_s > leading[-1].at_s - 60.0]
    inhales = [at_s for m in last for at_s in m.inhales_s]
    pace = plan.stages[-2].aim.breath_pace_per_min
    return Ended(
        breaths_per_min=60.0 * (len(inhales) - 1) / (inhales[-1] - inhales[0]),
        pace_per_min=6.0 if pace is None else pace,
        calmer=moments[0].body.stress - float(np.mean([m.body.stress for m in last])),
        coherence=float(np.mean([m.state.coherence or 0.0 for m in last])),
    )


def summed(name: str, ends: list[Ended]) -> list[Figure]:
    """Return the figures of one condition."""
    note = f"{len(ends)} simulated patients, last minute before return"
    away = [abs(e.breaths_per_min - e.pace_per_min) for e in ends]
    return [
        Figure(name=f"{name}: reached the aim", value=_mean([e.reached for e in ends]), unit="1", note=note),
        Figure(name=f"{name}: distance from the pace", value=_mean(away), unit="per min"),
        Figure(name=f"{name}: fall of stress", value=_mean([e.calmer for e in ends]), unit="1"),
        Figure(name=f"{name}: coherence", value=_mean([e.coherence for e in ends]), unit="1"),
    ]


def paired(ends: Mapping[str, list[Ended]], one: str, other: str) -> list[Figure]:
    """Return by how much `one` is ahead of `other` in the same patients, with intervals of 95 %."""
    figures = []
    for what, of in (("reached the aim", lambda e: float(e.reached)), ("fall of stress", lambda e: e.calmer)):
        apart = np.array([of(a) - of(b) for a, b in zip(ends[one], ends[other], strict=True)])
        low, high = interval(apart)
        figures.append(
            Figure(
                name=f"{one} before {other}: {what}",
                value=float(np.mean(apart)),
                unit="1",
                note=f"paired, {apart.size} patients; 95 % of bootstraps {low:+.2f} … {high:+.2f}",
            )
        )
    return figures


def interval(apart: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return where the mean of paired differences (n,) lies in 95 % of bootstraps."""
    rng = np.random.default_rng(1)
    means = np.mean(rng.choice(apart, size=(DRAWS, apart.size)), axis=1)
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _speed(progress: Progress, traits: PatientTraits) -> Figure:
    progress("speed with signals")
    began_s = time.process_time()
    steps = sum(1 for _ in itertools.islice(lived(traits, PLANS[PLAN]), round(WHOLE_S / STEP_S)))
    return Figure(
        name="simulated time over CPU time, signals included",
        value=steps * STEP_S / (time.process_time() - began_s),
        unit="times",
    )


def steepest(moments: list[Moment]) -> float:
    """Return the greatest change of any control over what its slope allows."""
    worst = 0.0
    for a, b in itertools.pairwise(moments):
        for name, limit in TABLE.items():
            way = abs(limit.distance(getattr(a.controls, name), getattr(b.controls, name)))
            worst = max(worst, way / (limit.slope_per_s * STEP_S))
    return worst


def _apart(traits: PatientTraits, kind: str, seed: int) -> float:
    found = assessed(traits, stepped(seed) if kind == "stepped" else sliding())
    return abs(found.per_min - traits.resonance_per_min)


def _resonances(each: _Each) -> list[Figure]:
    figures = []
    people = population(ASSESSED)
    for kind in ("stepped", "sliding"):
        apart = each(f"resonance, {kind}", _apart, people, [kind] * ASSESSED, range(ASSESSED))
        figures.append(
            Figure(
                name=f"resonance, {kind}: within 0.5 a minute of the truth",
                value=float(np.mean(np.array(apart) <= 0.5)),
                unit="1",
                limit=0.9,
                note=f"{ASSESSED} simulated patients, coached; median error {float(np.median(apart)):.2f}",
            )
        )
    return figures


def _steepest(traits: PatientTraits, fault: Fault) -> float:
    return steepest(list(lived(traits, PLANS[FAULT_PLAN], fault=fault)))


def _faults(each: _Each, traits: PatientTraits) -> list[Figure]:
    faults = [Fault(kind=kind, sensor=sensor) for kind in FaultKind for sensor in ("ECG", "Respiration")]
    worst = max(each("faults", _steepest, [traits] * len(faults), faults))
    return [
        Figure(
            name="each sensor faulted in turn: steepest control",
            value=worst,
            unit="of its slope",
            limit=1.0,
            note=f"{len(FaultKind)} faults of two sensors",
        )
    ]


BENCH: Final = Benchmark(name="loop", title="The loop with simulated patients, in each condition", run=run)
