"""A simulated patient in a simulated session, in one process and much faster than time. Pure.

```
SimulatedPatient ─▶ signals ─▶ faults ─▶ estimators ─▶ Fusion ─▶ PatientState ─▶ steadied ─▶ steer ─▶ bound ─┐
       ▲                                                                                                    │
       └──────────────────────────────────── RoomView ◀── Controls ◀──────────────────────────────────────┘
```

`lived(traits, plan)` is for tests of policies. It is not a session: nothing is drawn, played or recorded.
Without `waves` the heart is told in intervals, as a strap tells it: for comparisons of many patients.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

import numpy as np

from sensors.coherence import WINDOW_S, coherence
from sensors.devices._patient import BELT_HZ, ECG_HZ, Body, PatientTraits, RoomView, SimulatedPatient, Span
from sensors.devices._population import Fault, spoilt
from sensors.estimators.ecg import EcgEstimator
from sensors.estimators.respiration import RespirationEstimator
from sensors.estimators.rr import RrEstimator
from sensors.fuse import Fusion, missing, steering_breath
from sensors.quality import Floats
from therapy.controls import START, Controls
from therapy.patient import PatientState
from therapy.plan import Condition, SessionPlan, Stage
from therapy.safety import bound
from therapy.steer import NO_WISHES, Wishes, seen_under, steer
from therapy.trust import NOTHING_KNOWN, steadied
from therapy.yoke import Trace, follow

__all__ = ["STEP_S", "Moment", "Steered", "lived", "seen_by"]

#: The room's tick is 0.05 s; policies do not need that, slopes are held to the step that is taken.
STEP_S: Final = 0.1
READ_S: Final = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One step of the loop: what was true, what was known, what the room did.

    `beats_s` and `inhales_s` are true times of this step, on the patient's clock: the plan's plus `rest_s`.
    """

    at_s: float
    stage: Stage
    body: Body
    state: PatientState
    controls: Controls
    beats_s: tuple[float, ...]
    inhales_s: tuple[float, ...]


def seen_by(controls: Controls) -> RoomView:
    """Return what a patient perceives of a room that does `controls`."""
    return RoomView(
        present=True,
        pacer_phase=controls.pacer_phase,
        breath_pace_per_min=controls.breath_pace_per_min,
        swell=controls.swell,
        weather=controls.weather,
        tempo_bpm=controls.tempo_bpm,
        light=controls.light,
    )


def lived(
    traits: PatientTraits,
    plan: SessionPlan,
    *,
    fault: Fault | None = None,
    trace: Trace | None = None,
    rest_s: float = 0.0,
    step_s: float = STEP_S,
    waves: bool = True,
) -> Iterator[Moment]:
    """Yield each step of a session of `plan` with a patient of `traits`.

    Args:
        traits: who is simulated.
        plan: its condition decides what steers.
        fault: what goes wrong with one sensor, in seconds of the plan.
        trace: what drives a yoked session.
        rest_s: time at rest, in the room as it stands before a session, for the baseline.
        step_s: between two steps; the room's own is 0.05 s.
        waves: whether the heart is read from an ECG; else from intervals, which no fault befalls.
    """
    patient = SimulatedPatient(traits, waves=waves)
    senses = _Senses(fault, rest_s, step_s, waves=waves)
    room = Steered(plan, trace)
    resting = round(rest_s / step_s)
    for _ in range(resting):
        senses.take(patient.step(RoomView(), step_s), None)
    for step in range(round(plan.duration_s / step_s)):
        at_s = (step + 1) * step_s
        span = patient.step(seen_by(room.controls), step_s)
        state = senses.take(span, room.controls.breath_pace_per_min)
        room.step(at_s, state, step_s)
        yield Moment(
            at_s=at_s,
            stage=room.stage(at_s),
            body=span.body,
            state=state,
            controls=room.controls,
            beats_s=span.beats_s,
            inhales_s=span.inhales_s,
        )


class Steered:
    """The pure half of a simulated room: from what is known of the body to the next controls."""

    def __init__(self, plan: SessionPlan, trace: Trace | None = None) -> None:
        self.controls = START
        self._plan, self._trace, self._known = plan, trace, NOTHING_KNOWN
        self._ends_s = np.cumsum([stage.duration_s for stage in plan.stages])

    def stage(self, at_s: float) -> Stage:
        """Return the plan's stage at `at_s`."""
        index = int(np.searchsorted(self._ends_s, at_s))
        return self._plan.stages[min(index, len(self._plan.stages) - 1)]

    def step(self, at_s: float, state: PatientState, step_s: float) -> Controls:
        """Return the controls of `at_s`, `step_s` after those before, as the plan's condition has them."""
        plan, trace, before = self._plan, self._trace, self.controls
        self._known, steady = steadied(self._known, state, step_s)
        wishes = NO_WISHES if plan.condition is not Condition.OFF else Wishes(swell=0.0)
        yoked = follow(trace, at_s, before, step_s, wishes) if trace is not None else None
        seen = seen_under(plan.condition, steady, arousal=plan.arousal)
        wanted = yoked or steer(seen, self.stage(at_s), before, step_s, wishes)
        self.controls = bound(wanted.controls, before, plan.limits, step_s).controls
        return self.controls


class _Senses:
    """The estimators of a patient's two sensors, and what they say together."""

    def __init__(self, fault: Fault | None, rest_s: float, step_s: float, *, waves: bool) -> None:
        self._step_s, self._read_every = step_s, max(1, round(READ_S / step_s))
        self._fault = None if fault is None else dataclasses.replace(fault, from_s=fault.from_s + rest_s)
        self._rng = np.random.default_rng(0)
        self._heart: EcgEstimator | RrEstimator = EcgEstimator(ECG_HZ) if waves else RrEstimator()
        self._belt = RespirationEstimator(BELT_HZ)
        self._beat_s: float | None = None
        self._fusion = Fusion()
        self._steps = 0
        self._state = PatientState(at_s=0.0)

    def take(self, span: Span, pace_per_min: float | None) -> PatientState:
        """Take one step's signals; return what is known after it."""
        if isinstance(self._heart, EcgEstimator):
            self._heart.push(*self._sent("ECG", span.ecg, span.ecg_s))
        else:
            beats = np.array([self._beat_s, *span.beats_s] if self._beat_s is not None else span.beats_s)
            self._heart.push(np.diff(beats), beats[1:])
            self._beat_s = span.beats_s[-1] if span.beats_s else self._beat_s
        self._belt.push(*self._sent("Respiration", span.belt, span.belt_s))
        self._steps += 1
        now_s = self._steps * self._step_s
        phase, trust = self._belt.phase(now_s)
        if self._steps % self._read_every == 0:
            self._read(now_s, pace_per_min)
        self._state = dataclasses.replace(
            self._state, at_s=now_s, breath_phase=phase, breath_phase_confidence=trust
        )
        return self._state

    def _sent(self, sensor: str, x: Floats, stamps_s: Floats) -> tuple[Floats, Floats]:
        """Return what the sensor sends, whole or faulty."""
        if self._fault is None or self._fault.sensor != sensor:
            return x, stamps_s
        return spoilt(x, stamps_s, self._fault, self._rng)

    def _read(self, now_s: float, pace_per_min: float | None) -> None:
        vitals = missing(now_s)
        for estimator in (self._heart, self._belt):
            vitals |= {reading.vital: reading for reading in estimator.readings(now_s)}
        self._fusion.learn(vitals, now_s)
        arousal, confidence = self._fusion.arousal(vitals)
        known = vitals["heart_rate"].value is not None
        share = coherence(self._heart.intervals(now_s, WINDOW_S), now_s, pace_per_min) if known else None
        self._state = dataclasses.replace(
            self._state,
            vitals=vitals,
            arousal=arousal,
            arousal_confidence=confidence,
            breath_rate_per_min=steering_breath(vitals),
            coherence=share,
        )
