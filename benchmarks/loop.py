"""Does the loop lead? A seeded population in each condition, and each sensor broken in turn."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Final

import numpy as np

from benchmarks._kit import Benchmark, Figure, Progress
from sensors.closed_loop import STEP_S, Moment, lived
from sensors.devices._guided import assessed
from sensors.devices._patient import PatientTraits
from sensors.devices._population import Fault, FaultKind, population
from therapy.controls import TABLE
from therapy.plan import PLANS, Condition, SessionPlan
from therapy.resonance import sliding, stepped
from therapy.yoke import Trace

__all__ = ["BENCH", "compared", "steepest"]

PEOPLE: Final = 6
ASSESSED: Final = 50
#: A patient who breathes fourteen times a minute is led to six in eight minutes: shorter plans end before.
PLAN: Final = "sea-at-dusk"
FAULT_PLAN: Final = "first-visit"
#: Before each session the patient sits at rest for so long, for the baseline.
REST_S: Final = 120.0
#: The aim is reached when the patient breathes within this of six a minute and is calmer than at the start.
NEAR_PER_MIN: Final = 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one patient was over the last minute before RETURN."""

    breaths_per_min: float
    calmer: float
    coherence: float
    heart_rate: float

    @property
    def reached(self) -> bool:
        """Whether the aim was reached."""
        return abs(self.breaths_per_min - 6.0) < NEAR_PER_MIN and self.calmer > 0.0


def run(progress: Progress) -> list[Figure]:
    """Measure in this process."""
    plan = PLANS[PLAN]
    people = population(PEOPLE)
    figures: list[Figure] = []
    began_s = time.process_time()
    traces: list[Trace] = []
    for condition in Condition:
        progress(f"{condition.value}: {PEOPLE} patients")
        ends = []
        for index, traits in enumerate(people):
            trace = traces[(index + 1) % PEOPLE] if condition is Condition.YOKED else None
            moments = _session(traits, dataclasses.replace(plan, condition=condition), trace)
            ends.append(ended(moments, traits.stress))
            if condition is Condition.CONTINGENT:
                traces.append(traced(moments))
        figures += compared(condition, ends)
    sessions_s = len(Condition) * PEOPLE * (plan.duration_s + REST_S)
    speed = sessions_s / (time.process_time() - began_s)
    figures.append(Figure(name="simulated time over CPU time, signals included", value=speed, unit="times"))
    return [*figures, *_faults(progress, people[0], PLANS[FAULT_PLAN]), *_resonances(progress)]


def _session(traits: PatientTraits, plan: SessionPlan, trace: Trace | None) -> list[Moment]:
    return list(lived(traits, plan, trace=trace, rest_s=REST_S))


def traced(moments: list[Moment]) -> Trace:
    """Return what drove a session, for one that is yoked to it."""
    return Trace(times_s=tuple(m.at_s for m in moments), controls=tuple(m.controls for m in moments))


def ended(moments: list[Moment], stress: float) -> Ended:
    """Return how the patient was over the last minute before RETURN."""
    leading = [m for m in moments if m.stage.kind.value != "RETURN"]
    last = [m for m in leading if m.at_s > leading[-1].at_s - 60.0]
    return Ended(
        breaths_per_min=float(np.mean([m.body.breaths_per_min for m in last])),
        calmer=stress - float(np.mean([m.body.stress for m in last])),
        coherence=float(np.mean([m.state.coherence or 0.0 for m in last])),
        heart_rate=float(np.mean([m.body.heart_rate for m in last])),
    )


def compared(condition: Condition, ends: list[Ended]) -> list[Figure]:
    """Return the figures of one condition."""
    name = condition.value.lower().replace("_", " ")
    note = f"{len(ends)} simulated patients, last minute before return"
    return [
        Figure(
            name=f"{name}: reached the aim",
            value=float(np.mean([e.reached for e in ends])),
            unit="1",
            note=note,
        ),
        Figure(
            name=f"{name}: distance from six breaths a minute",
            value=float(np.mean([abs(e.breaths_per_min - 6.0) for e in ends])),
            unit="per min",
        ),
        Figure(name=f"{name}: fall of stress", value=float(np.mean([e.calmer for e in ends])), unit="1"),
        Figure(name=f"{name}: coherence", value=float(np.mean([e.coherence for e in ends])), unit="1"),
    ]


def steepest(moments: list[Moment]) -> float:
    """Return the greatest change of any control over what its slope allows."""
    worst = 0.0
    for a, b in itertools.pairwise(moments):
        for name, limit in TABLE.items():
            way = abs(limit.distance(getattr(a.controls, name), getattr(b.controls, name)))
            worst = max(worst, way / (limit.slope_per_s * STEP_S))
    return worst


def _resonances(progress: Progress) -> list[Figure]:
    figures = []
    people = population(ASSESSED)
    for kind in ("stepped", "sliding"):
        progress(f"resonance, {kind}: {ASSESSED} patients")
        apart = [
            abs(assessed(p, stepped(k) if kind == "stepped" else sliding()).per_min - p.resonance_per_min)
            for k, p in enumerate(people)
        ]
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


def _faults(progress: Progress, traits: PatientTraits, plan: SessionPlan) -> list[Figure]:
    worst = 0.0
    for kind in FaultKind:
        for sensor in ("ECG", "Respiration"):
            progress(f"{kind.value} of {sensor}")
            worst = max(worst, steepest(list(lived(traits, plan, fault=Fault(kind=kind, sensor=sensor)))))
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
