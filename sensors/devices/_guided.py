"""Simulated patients guided through a resonance assessment. Pure, hundreds of times faster than time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

from sensors.devices._patient import PatientTraits, RoomView, SimulatedPatient
from therapy.resonance import Choice, Step, choose, measure, pace_at

__all__ = ["assessed"]

_STEP_S: Final = 0.2
#: Someone sits by and coaches: nobody follows worse than this, and no pace is too far.
_COACHED: Final = 0.7


def assessed(traits: PatientTraits, steps: Sequence[Step]) -> Choice:
    """Return what the procedure finds for a patient of `traits` who is coached through `steps`.

    Raises:
        therapy.errors.BadValue: too few steps could be measured.
    """
    coached = dataclasses.replace(traits, compliance=max(traits.compliance, _COACHED), reach_per_min=math.inf)
    patient = SimulatedPatient(coached, waves=False)
    beats: list[float] = []
    inhales: list[float] = []
    phase = 0.0
    for k in range(round(steps[-1].end_s / _STEP_S)):
        pace = pace_at(steps, k * _STEP_S)
        room = RoomView(
            present=True, pacer_phase=phase % 1.0, breath_pace_per_min=pace, swell=0.7, weather=0.1
        )
        span = patient.step(room, _STEP_S)
        phase += pace / 60.0 * _STEP_S
        beats += span.beats_s
        inhales += span.inhales_s
    found = (measure(step, beats, inhales) for step in steps)
    return choose([m for m in found if m is not None])
