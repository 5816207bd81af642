"""What is known about the patient's body: readings with quality and age, and their fusion.

A vital is named by its quantity, never by a diagnosis or an emotion. Missing is `None` with a reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

__all__ = ["CALIBRATING", "LEAD_OFF", "NOISE", "NO_SIGNAL", "STALE", "PatientState", "Reading"]

#: Reasons for a reading without a value.
CALIBRATING: Final = "calibrating"
LEAD_OFF: Final = "lead off"
NOISE: Final = "noise"
NO_SIGNAL: Final = "no signal"
STALE: Final = "stale"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One estimate of one vital.

    Attributes:
        vital: quantity, such as `heart_rate`, `rmssd`, `breath_rate`.
        value: the estimate, or `None` (then `reason` says why).
        unit: unit of `value`, from `therapy.units`.
        at_s: session time that the estimate is for.
        quality: trust, 0 (none) … 1 (full).
        window_s: span of signal that the estimate rests on.
        reason: empty when there is a value.
    """

    vital: str
    value: float | None
    unit: str
    at_s: float
    quality: float
    window_s: float
    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PatientState:
    """Everything that steering may know of the patient at one instant.

    Attributes:
        at_s: session time.
        vitals: newest reading by vital.
        arousal: −1 … 1 against the patient's own baseline; 0 when unknown.
        arousal_confidence: 0 (unknown) … 1.
        breath_phase: 0 … 1, the inhale starts at 0; kept by an oscillator through gaps.
        breath_phase_confidence: 0 … 1, falls while the oscillator runs free.
        breath_rate_per_min: newest trusted rate, or `None`.
        breath_lost: a rate was known in this session and is not any more (`therapy.trust` tells).
        next_beat_s: predicted session time of the next R peak, or `None`.
        coherence: share of heart-rate variability at the breath pacer's frequency, or `None`.
    """

    at_s: float
    vitals: Mapping[str, Reading] = dataclasses.field(default_factory=dict)
    arousal: float = 0.0
    arousal_confidence: float = 0.0
    breath_phase: float = 0.0
    breath_phase_confidence: float = 0.0
    breath_rate_per_min: float | None = None
    breath_lost: bool = False
    next_beat_s: float | None = None
    coherence: float | None = None
