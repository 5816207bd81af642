"""Readings of one moment and the patient's own baseline, fused into arousal.

    arousal = tanh(Σ w·z / Σ w),  w = weight × quality,  z = how far a vital is above the patient's baseline:

    vital        z                                  weight
    heart_rate   (now − baseline) / 8 bpm           0.55
    rmssd        −ln(now / baseline) / 0.5          0.30
    breath_rate  (now − baseline) / 5 per min       0.15

The baseline of a vital is the mean of its trusted values in the first two minutes in which it had any.
Confidence = share of the two minutes that heart rate has had × Σ w·quality / Σ weight; below 30 s of baseline
it is 0, and so is arousal. The scales are this project's choice: a standard deviation or so of what adults at
rest show from minute to minute. Slow paced breathing lowers breath rate and raises RMSSD by itself: what the
number says is "the body is calmer than at the start", not why, and it names no emotion.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Final

from therapy import units
from therapy.patient import NO_SIGNAL, Reading

__all__ = ["Fusion", "missing"]

_BASELINE_S: Final = 120.0
_LEAST_S: Final = 30.0
_TRUSTED: Final = 0.3
_LONGEST_STEP_S: Final = 1.0
_WEIGHTS: Final[Mapping[str, float]] = {"heart_rate": 0.55, "rmssd": 0.3, "breath_rate": 0.15}
_UNITS: Final[Mapping[str, str]] = {"heart_rate": units.BPM, "rmssd": units.MS, "breath_rate": units.PER_MIN}


def missing(now_s: float) -> dict[str, Reading]:
    """Return every vital as not measured at all."""
    return {
        vital: Reading(
            vital=vital, value=None, unit=unit, at_s=now_s, quality=0.0, window_s=0.0, reason=NO_SIGNAL
        )
        for vital, unit in _UNITS.items()
    }


@dataclasses.dataclass(slots=True)
class _Baseline:
    sum: float = 0.0
    weight_s: float = 0.0

    @property
    def value(self) -> float | None:
        return self.sum / self.weight_s if self.weight_s >= 10.0 else None


class Fusion:
    """Learns the patient's baseline from `learn`, then tells `arousal`. Time is an argument."""

    def __init__(self) -> None:
        self._baselines = {vital: _Baseline() for vital in _WEIGHTS}
        self._learned_at_s: float | None = None

    def learn(self, readings: Mapping[str, Reading], now_s: float) -> None:
        """Take the readings of `now_s` into the baseline while it is being made."""
        step_s = 0.0 if self._learned_at_s is None else now_s - self._learned_at_s
        self._learned_at_s = now_s
        step_s = min(max(step_s, 0.0), _LONGEST_STEP_S)
        for vital, baseline in self._baselines.items():
            reading = readings.get(vital)
            if reading is None or reading.value is None or reading.quality < _TRUSTED:
                continue
            if baseline.weight_s < _BASELINE_S:
                baseline.sum += step_s * _scale(vital, reading.value)
                baseline.weight_s += step_s

    def arousal(self, readings: Mapping[str, Reading]) -> tuple[float, float]:
        """Return arousal −1 … 1 against the baseline and the confidence 0 … 1 in it; (0, 0) while unknown."""
        known_s = self._baselines["heart_rate"].weight_s
        if known_s < _LEAST_S:
            return 0.0, 0.0
        total = weights = 0.0
        for vital, weight in _WEIGHTS.items():
            reading, base = readings.get(vital), self._baselines[vital].value
            if reading is None or reading.value is None or base is None or reading.quality < _TRUSTED:
                continue
            total += weight * reading.quality * _away(vital, _scale(vital, reading.value) - base)
            weights += weight * reading.quality
        if weights <= 0.0:
            return 0.0, 0.0
        confidence = min(known_s / _BASELINE_S, 1.0) * min(weights / math.fsum(_WEIGHTS.values()), 1.0)
        return math.tanh(total / weights), confidence


def _scale(vital: str, value: float) -> float:
    """RMSSD is compared by its logarithm, the others as they are."""
    return math.log(max(value, 0.5)) if vital == "rmssd" else value


def _away(vital: str, difference: float) -> float:
    if vital == "heart_rate":
        return difference / 8.0
    if vital == "rmssd":
        return -difference / 0.5
    return difference / 5.0
