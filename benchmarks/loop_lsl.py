"""The loop over real LSL: simulated patients in real time, each in three conditions, beside each other.

A window of four minutes is too short to lead anybody from fourteen breaths a minute to six, and three
patients are too few to prove an order (`bench loop` does that, with forty and a whole session). What this
shows is that the loop through outlets, inlets and clocks is the same loop as in process: the same patients by
the same plan, once over LSL and once in process. They cannot be the same to the sample, because the length of
its steps decides which noise a patient has; so they are held to how far two in-process sessions are apart
whose noise differs.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from benchmarks._kit import Benchmark, Figure, Progress
from benchmarks._lsl_rooms import Session, lived_over_lsl
from sensors.closed_loop import Moment, lived
from sensors.devices._population import population
from sensors.quality import Floats
from therapy.patient import PatientState
from therapy.plan import PLANS, Condition, SessionPlan

__all__ = ["BENCH", "Line", "apart", "of_moments", "of_session", "short_plan", "signals"]

PEOPLE: Final = 3
#: Of each patient, with other noise: one pair by chance may be near or far.
TWINS: Final = 3
REST_S: Final = 60.0
ARRIVE_S: Final = 30.0
LEAD_S: Final = 140.0
CONDITIONS: Final = (Condition.CONTINGENT, Condition.PACED_ONLY, Condition.OFF)
#: A beat or breath that is told belongs to a true one this near.
SAME_BEAT_S: Final = 0.05
SAME_BREATH_S: Final = 0.75
#: Estimators learn at first; at the end what is due may be on its way.
SKIP_S: Final = 5.0
LATE_S: Final = 3.0
#: The end that is compared, and the grid of comparisons.
LAST_S: Final = 30.0
GRID_S: Final = 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One session on a grid of `GRID_S` from the plan's begin, each (n,); unknown is NaN.

    `pace`, `heart` and `breath` are the pacer's and the told rates per minute; the others are true.
    """

    pace: Floats
    heart: Floats
    breath: Floats
    true_breath: Floats
    stress: Floats


def short_plan(condition: Condition, arrive_s: float = ARRIVE_S, lead_s: float = LEAD_S) -> SessionPlan:
    """Return a plan that listens, then leads to six a minute, and a return that nobody waits for."""
    plan = PLANS["sea-at-dusk"]
    arrive, lead, back = (
        dataclasses.replace(stage, duration_s=seconds)
        for stage, seconds in zip(
            (plan.stages[0], plan.stages[1], plan.stages[-1]), (arrive_s, lead_s, 1.0), strict=True
        )
    )
    return dataclasses.replace(plan, stages=(arrive, lead, back), condition=condition)


def run(progress: Progress) -> list[Figure]:
    """Live each in process, four times, then all over LSL at once: some five minutes."""
    people = [(who, short_plan(condition)) for condition in CONDITIONS for who in population(PEOPLE)]
    inside, twins = [], []
    for index, (who, plan) in enumerate(people):
        progress(f"in process: {index} of {len(people)}")
        inside.append(of_moments(list(lived(who, plan, rest_s=REST_S)), plan))
        for twin in range(1, TWINS + 1):
            other = dataclasses.replace(who, seed=who.seed + twin)
            twins.append((inside[-1], of_moments(list(lived(other, plan, rest_s=REST_S)), plan)))
    sessions = lived_over_lsl(
        people, lsl_session=f"stillwater-bench-{os.getpid()}", rest_s=REST_S, told=progress
    )
    lines = [of_session(session, plan) for session, (_, plan) in zip(sessions, people, strict=True)]
    figures = signals(sessions)
    for at, condition in enumerate(CONDITIONS):
        part = slice(at * PEOPLE, (at + 1) * PEOPLE)
        name = condition.value.lower().replace("_", " ")
        figures += _ends(name, lines[part], inside[part])
    return [*figures, *apart(lines, inside, twins)]


def signals(sessions: Sequence[Session]) -> list[Figure]:
    """Return what came through LSL of what was true, and how late."""
    figures = []
    for what, told, true, same_s in (
        ("beats", [s.beats for s in sessions], [s.peaks_s for s in sessions], SAME_BEAT_S),
        ("breaths", [s.breaths for s in sessions], [s.inhales_s for s in sessions], SAME_BREATH_S),
    ):
        found: list[tuple[float, float]] = []
        due = many = 0
        for events, truth in zip(told, true, strict=True):
            pairs, count = _matched(events, truth, same_s)
            found += pairs
            due += count
            many += sum(1 for at_s, _ in events if truth[0] + SKIP_S < at_s < truth[-1] - LATE_S)
        late_ms = 1e3 * np.array([late for _, late in found] or [np.nan])
        off_ms = 1e3 * np.array([off for off, _ in found] or [np.nan])
        figures += [
            Figure(
                name=f"{what} over LSL: told of the true ones",
                value=len(found) / max(due, 1),
                unit="1",
                limit=0.95,
                note=f"{due} of {len(sessions)} patients within {same_s:g} s; more is better; told {many}",
            ),
            Figure(
                name=f"{what} over LSL: stamp, median of its distance from the truth",
                value=float(np.median(np.abs(off_ms))),
                unit="ms",
                note="one clock",
            ),
            *(
                Figure(
                    name=f"{what} over LSL: from the instant to the event p{percent}",
                    value=float(np.percentile(late_ms, percent)),
                    unit="ms",
                )
                for percent in (50, 95)
            ),
        ]
    return figures


def _matched(
    told: Sequence[tuple[float, float]], true_s: Sequence[float], same_s: float
) -> tuple[list[tuple[float, float]], int]:
    """Return (stamp − truth, came − truth) of each true one that was told, and how many were due."""
    due = [at_s for at_s in true_s if true_s[0] + SKIP_S < at_s < true_s[-1] - LATE_S]
    stamps = np.array([at_s for at_s, _ in told])
    found = []
    for at_s in due if stamps.size else ():
        nearest = int(np.argmin(np.abs(stamps - at_s)))
        if abs(stamps[nearest] - at_s) < same_s:
            found.append((float(stamps[nearest]) - at_s, told[nearest][1] - at_s))
    return found, len(due)


def of_moments(moments: Sequence[Moment], plan: SessionPlan) -> Line:
    """Return the line of an in-process session."""
    at_s = [m.at_s for m in moments]
    return _line(
        plan,
        {"known": at_s, "true": at_s},
        [m.controls.breath_pace_per_min for m in moments],
        [m.state for m in moments],
        [m.body.breaths_per_min for m in moments],
        [m.body.stress for m in moments],
    )


def of_session(session: Session, plan: SessionPlan) -> Line:
    """Return the line of a session over LSL."""
    return _line(
        plan,
        {"known": [s.at_s for s in session.steps], "true": [t.at_s for t in session.truth]},
        [s.controls.breath_pace_per_min for s in session.steps],
        [s.state for s in session.steps],
        [t.breaths_per_min for t in session.truth],
        [t.stress for t in session.truth],
    )


def _line(  # the columns of a table
    plan: SessionPlan,
    at_s: Mapping[str, Sequence[float]],
    pace: Sequence[float],
    states: Sequence[PatientState],
    true_breath: Sequence[float],
    stress: Sequence[float],
) -> Line:
    grid = np.arange(GRID_S, plan.duration_s - GRID_S, GRID_S)

    def on(times: Sequence[float], values: Sequence[float | None]) -> Floats:
        known = np.array([np.nan if value is None else value for value in values])
        return np.asarray(np.interp(grid, times, known), dtype=np.float64)

    return Line(
        pace=on(at_s["known"], pace),
        heart=on(at_s["known"], [_value(state, "heart_rate") for state in states]),
        breath=on(at_s["known"], [state.breath_rate_per_min for state in states]),
        true_breath=on(at_s["true"], true_breath),
        stress=on(at_s["true"], stress),
    )


def _value(state: PatientState, vital: str) -> float | None:
    reading = state.vitals.get(vital)
    return None if reading is None else reading.value


def _ends(name: str, over_lsl: Sequence[Line], inside: Sequence[Line]) -> list[Figure]:
    """Return how patients of one condition end, with what the same did in process."""
    last = slice(-round(LAST_S / GRID_S), None)

    def both(what: str, unit: str, of: Callable[[Line], float]) -> Figure:
        each = ", ".join(f"{of(line):.2f}" for line in over_lsl)
        note = f"of {len(over_lsl)}: {each}; in process {np.mean([of(line) for line in inside]):.2f}"
        return Figure(
            name=f"{name}: {what}",
            value=float(np.mean([of(line) for line in over_lsl])),
            unit=unit,
            note=note,
        )

    return [
        both("pacer's pace at the end", "per min", lambda line: float(np.mean(line.pace[last]))),
        both(
            "distance of the true breath from the pacer at the end",
            "per min",
            lambda line: float(np.mean(np.abs(line.true_breath[last] - line.pace[last]))),
        ),
        both("true breath at the end", "per min", lambda line: float(np.mean(line.true_breath[last]))),
        both("fall of stress", "1", lambda line: float(line.stress[0] - np.mean(line.stress[last]))),
    ]


def apart(
    over_lsl: Sequence[Line], inside: Sequence[Line], twins: Sequence[tuple[Line, Line]]
) -> list[Figure]:
    """Return how far LSL is from in process, held against how far pairs of in-process sessions are apart."""
    pairs = list(zip(over_lsl, inside, strict=True))
    figures = []
    for field, what, unit in (
        ("pace", "pacer's pace", "per min"),
        ("heart", "told heart rate", "bpm"),
        ("breath", "told breath rate", "per min"),
        ("true_breath", "true breath rate", "per min"),
        ("stress", "stress", "1"),
    ):
        figures.append(
            Figure(
                name=f"LSL apart from in process: {what}",
                value=_distance(pairs, field),
                unit=unit,
                limit=_distance(twins, field),
                note="mean; limit: two in-process sessions with other noise",
            )
        )
    return figures


def _distance(pairs: Sequence[tuple[Line, Line]], field: str) -> float:
    ways = [np.abs(getattr(a, field) - getattr(b, field)) for a, b in pairs]
    return float(np.nanmean(np.concatenate(ways)))


BENCH: Final = Benchmark(
    name="loop_lsl", title="The loop over real LSL, in real time, against the loop in process", run=run
)
