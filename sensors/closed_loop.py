"""A simulated patient in a simulated session, in one process and much faster than time. Pure.

```
SimulatedPatient ─▶ signals ─▶ faults ─▶ estimators ─▶ Fusion ─▶ PatientState ─▶ steadied ─▶ steer ─▶ bound ─┐
       ▲                                                                                                    │
       └──────────────────────────────────── RoomView ◀── Controls ◀──────────────────────────────────────┘
```

`lived(traits, plan)` is for tests of policies. It is not a session: nothing is drawn, played or recorded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from sensors.coherence import WINDOW_S, coherence
from sensors.devices._patient import Body, PatientTraits, RoomView, SimulatedPatient
from sensors.devices._population import Fault, spoilt
from sensors.estimators.ecg import EcgEstimator
from sensors.estimators.respiration import RespirationEstimator
from sensors.fuse import Fusion, missing
from sensors.quality import Floats
from therapy.controls import START, Controls
from therapy.patient import PatientState
from therapy.plan import Condition, SessionPlan, Stage
from therapy.safety import bound
from therapy.steer import NO_WISHES, Wishes, seen_under, steer
from therapy.trust import NOTHING_KNOWN, steadied
from therapy.yoke import Trace, follow

__all__ = ["Moment", "lived", "seen_by"]

#: The room's tick is 0.05 s; policies do not need that, slopes are held to the step that is taken.
STEP_S: Final = 0.1
READ_EVERY: Final = 5
_SENSORS: Final = {"ECG": EcgEstimator, "Respiration": RespirationEstimator}
_RATES_HZ: Final = {"ECG": 250.0, "Respiration": 50.0}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One step of the loop: what was true, what was known, what the room did."""

    at_s: float
    stage: Stage
    body: Body
    state: PatientState
    controls: Controls
    beats_s: tuple[float, ...]


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
) -> Iterator[Moment]:
    """Yield each step of a session of `plan` with a patient of `traits`.

    Args:
        traits: who is simulated.
        plan: its condition decides what steers.
        fault: what goes wrong with one sensor, in seconds of the plan.
        trace: what drives a yoked session.
        rest_s: time at rest, in the room as it stands before a session, for the baseline.
    """
    patient = SimulatedPatient(traits)
    senses = _Senses(fault, rest_s)
    controls, known = START, NOTHING_KNOWN
    resting = round(rest_s / STEP_S)
    for _ in range(resting):
        senses.take(patient.step(RoomView(), STEP_S), None)
    ends = np.cumsum([stage.duration_s for stage in plan.stages])
    for step in range(round(plan.duration_s / STEP_S)):
        at_s = (step + 1) * STEP_S
        stage = plan.stages[min(int(np.searchsorted(ends, at_s)), len(plan.stages) - 1)]
        span = patient.step(seen_by(controls), STEP_S)
        state = senses.take(span, controls.breath_pace_per_min)
        known, steady = steadied(known, state, STEP_S)
        wishes = NO_WISHES if plan.condition is not Condition.OFF else Wishes(swell=0.0)
        yoked = follow(trace, at_s, controls, STEP_S, wishes) if trace is not None else None
        seen = seen_under(plan.condition, steady, arousal=plan.arousal)
        wanted = yoked or steer(seen, stage, controls, STEP_S, wishes)
        controls = bound(wanted.controls, controls, plan.limits, STEP_S).controls
        yield Moment(
            at_s=at_s, stage=stage, body=span.body, state=state, controls=controls, beats_s=span.beats_s
        )


class _Senses:
    """The estimators of a patient's two sensors, and what they say together."""

    def __init__(self, fault: Fault | None, rest_s: float) -> None:
        self._fault = None if fault is None else dataclasses.replace(fault, from_s=fault.from_s + rest_s)
        self._rng = np.random.default_rng(0)
        self._estimators: dict[str, Any] = {k: build(_RATES_HZ[k]) for k, build in _SENSORS.items()}
        self._fusion = Fusion()
        self._steps = 0
        self._state = PatientState(at_s=0.0)

    def take(self, span: Any, pace_per_min: float | None) -> PatientState:
        """Take one step's signals; return what is known after it."""
        signals = {"ECG": (span.ecg, span.ecg_s), "Respiration": (span.belt, span.belt_s)}
        for sensor, (x, stamps_s) in signals.items():
            self._push(sensor, x, stamps_s)
        self._steps += 1
        now_s = self._steps * STEP_S
        breath = self._estimators["Respiration"]
        phase, trust = breath.phase(now_s)
        if self._steps % READ_EVERY == 0:
            self._read(now_s, pace_per_min)
        self._state = dataclasses.replace(
            self._state, at_s=now_s, breath_phase=phase, breath_phase_confidence=trust
        )
        return self._state

    def _push(self, sensor: str, x: Floats, stamps_s: Floats) -> None:
        if self._fault is not None and self._fault.sensor == sensor:
            x, stamps_s = spoilt(x, stamps_s, self._fault, self._rng)
        if x.size:
            self._estimators[sensor].push(x, stamps_s)

    def _read(self, now_s: float, pace_per_min: float | None) -> None:
        vitals = missing(now_s)
        for estimator in self._estimators.values():
            vitals |= {reading.vital: reading for reading in estimator.readings(now_s)}
        self._fusion.learn(vitals, now_s)
        arousal, confidence = self._fusion.arousal(vitals)
        heart = self._estimators["ECG"]
        known = vitals["heart_rate"].value is not None
        share = coherence(heart.intervals(now_s, WINDOW_S), now_s, pace_per_min) if known else None
        self._state = dataclasses.replace(
            self._state,
            vitals=vitals,
            arousal=arousal,
            arousal_confidence=confidence,
            breath_rate_per_min=vitals["breath_rate"].value,
            coherence=share,
        )
