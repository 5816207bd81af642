"""Many simulated patients, and what goes wrong with their sensors.

    age           uniform 20…75 years; resting heart rate 66 ± 8 bpm, vagal gain falls with age
    resonance     4.5…6.5 breaths a minute (Lehrer 2003 found adults there), uniform
    compliance    Beta(5, 2): most follow the pacer well, some hardly
    reactivity    log-normal around 1, σ 0.3;  stress at the start 0.35…0.75
    reach         3…9 breaths a minute: a pacer further from the own breath is hardly followed. This
                  assumption is what lets a contingent pacer win over a fixed one here; people must show it
    breath        12…18 a minute;  ectopy: none in seven of ten, else up to four a minute

Plausible, not physiologically validated: the ranges are this project's choice, made to test policies.
"""

from __future__ import annotations

import dataclasses
import enum

import numpy as np

from sensors.devices._patient import PatientTraits
from sensors.quality import Floats

__all__ = ["Fault", "FaultKind", "population", "spoilt"]


class FaultKind(enum.Enum):
    """What goes wrong with a sensor."""

    LEAD_OFF = "lead off"
    MOTION = "motion bursts"
    DRIFT = "clock drift"
    BATTERY = "dead battery"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of the sensor of one LSL type (`ECG` or `Respiration`) from `from_s` on."""

    kind: FaultKind
    sensor: str
    from_s: float = 60.0


#: Bursts of movement are three times the signal's own swing; a cheap crystal, ten times worse than usual.
_BURST: float = 3.0
_DRIFT: float = 1e-3


def population(count: int, seed: int = 1) -> tuple[PatientTraits, ...]:
    """Return `count` patients; the first ones of a longer population are the same."""
    people = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        people.append(
            PatientTraits(
                seed=int(rng.integers(1, 2**31)),
                age_years=float(rng.uniform(20.0, 75.0)),
                heart_rate=float(np.clip(rng.normal(60.0, 7.0), 46.0, 80.0)),
                resonance_per_min=float(rng.uniform(4.5, 6.5)),
                compliance=float(rng.beta(5.0, 2.0)),
                reactivity=float(np.exp(rng.normal(0.0, 0.3))),
                breaths_per_min=float(rng.uniform(12.0, 18.0)),
                stress=float(rng.uniform(0.35, 0.75)),
                reach_per_min=float(rng.uniform(3.0, 9.0)),
                ectopy_per_min=0.0 if rng.uniform() < 0.7 else float(rng.uniform(0.5, 4.0)),
            )
        )
    return tuple(people)


def spoilt(x: Floats, stamps_s: Floats, fault: Fault, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return what a sensor with `fault` sends of its signal `x` (n,) at `stamps_s` (n,)."""
    late = stamps_s >= fault.from_s
    if not np.any(late):
        return x, stamps_s
    match fault.kind:
        case FaultKind.LEAD_OFF:
            return np.where(late, 0.0, x), stamps_s
        case FaultKind.BATTERY:
            return x[~late], stamps_s[~late]
        case FaultKind.DRIFT:
            return x, np.where(late, stamps_s + _DRIFT * (stamps_s - fault.from_s), stamps_s)
        case FaultKind.MOTION:
            moving = late & ((stamps_s - fault.from_s) % 10.0 < 6.0)
            steps = rng.standard_normal(x.size)
            return np.where(moving, x + _BURST * steps, x), stamps_s
