"""Readings of one moment and the patient's own baseline, fused into arousal.

    arousal = tanh(Σ w·z / Σ w),  w = weight × quality,  z = how far a vital is above the patient's baseline:

    vital        z                                  weight
    heart_rate   (now − baseline) / 8 bpm           0.55
    rmssd        −ln(now / baseline) / 0.5          0.30
    breath_rate  (now − baseline) / 5 per min       0.15

The baseline of a vital is the median of its trusted values in the first two minutes in which it had any; a
cough or a laugh does not move it. What earlier sessions found (`before`) stands in until then, in the share
that is missing: resting values differ from day to day, so that today's count for more the more there are.
Confidence = share of the two minutes that heart rate has had (at least `_BEFORE` with an earlier one) × Σ
w·quality / Σ weight; below 30 s of baseline and without an earlier one it is 0, and so is arousal. The scales
are this project's choice: a standard deviation or so of what adults at rest show from minute to minute. Slow
paced breathing lowers breath rate and raises RMSSD by itself: what the number says is "the body is calmer
than at the start", not why, and it names no emotion.

Where several streams tell a vital, `Sources` keeps to one until another is better by `_BETTER` for `_FOR_S`,
or it has told nothing for `_SILENT_S`: two that are about as good must not take turns. A pulse rate stands in
for the heart rate (over ten beats they are one number), at `_STAND_IN` of its quality; a pulse's variability
is no RMSSD.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
import statistics
import types
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

from therapy import units
from therapy.patient import NO_SIGNAL, Reading

__all__ = ["BREATH_STEERS", "Fusion", "RestMemory", "Sources", "missing", "steering_breath"]

#: A breath rate of less quality is shown and steers nothing.
BREATH_STEERS: Final = 0.3
_STAND_IN: Final = 0.8
_BETTER: Final = 0.15
_FOR_S: Final = 5.0
_SILENT_S: Final = 2.0

#: Values that stand for all at rest when a room is started again.
_KEPT: Final = 41
_BASELINE_S: Final = 120.0
_LEAST_S: Final = 30.0
_LEAST_OWN_S: Final = 10.0
_BEFORE: Final = 0.5
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


def steering_breath(vitals: Mapping[str, Reading]) -> float | None:
    """Return the breaths a minute that may steer, `None` where they are not trusted enough."""
    breath = vitals.get("breath_rate")
    return breath.value if breath is not None and breath.quality >= BREATH_STEERS else None


@dataclasses.dataclass(slots=True)
class _Chosen:
    """Which source tells a vital, when it last told it, and since when another one is better."""

    source: str
    told_s: float
    rival: str = ""
    rival_s: float = 0.0


class Sources:
    """Which stream tells each vital: by quality, with hysteresis. Time is an argument.

    `choose` decides and remembers; `pick` returns the same without deciding anew.
    """

    def __init__(self) -> None:
        self._chosen: dict[str, _Chosen] = {}

    def choose(self, told: Mapping[str, Sequence[Reading]], now_s: float) -> dict[str, Reading]:
        """Return one reading a vital of `told` (readings by source), after deciding who tells it."""
        for vital, by_source in _by_vital(told).items():
            self._decide(vital, by_source, now_s)
        return self.pick(told)

    def pick(self, told: Mapping[str, Sequence[Reading]]) -> dict[str, Reading]:
        """Return one reading a vital of `told`: of the source that was chosen, else of the best."""
        picked: dict[str, Reading] = {}
        for vital, by_source in _by_vital(told).items():
            chosen = self._chosen.get(vital)
            source = chosen.source if chosen is not None and chosen.source in by_source else _best(by_source)
            picked[vital] = by_source[source]
        return picked

    def source(self, vital: str) -> str | None:
        """Return which source was chosen for `vital`, `None` before any was."""
        chosen = self._chosen.get(vital)
        return None if chosen is None else chosen.source

    def _decide(self, vital: str, by_source: Mapping[str, Reading], now_s: float) -> None:
        best = _best(by_source)
        chosen = self._chosen.get(vital)
        if chosen is None or chosen.source not in by_source:
            self._chosen[vital] = _Chosen(source=best, told_s=now_s)
            return
        own = by_source[chosen.source]
        if own.value is not None:
            chosen.told_s = now_s
        silent = now_s - chosen.told_s >= _SILENT_S and by_source[best].value is not None
        if not silent and by_source[best].quality < own.quality + _BETTER:
            chosen.rival = ""
        elif silent or (chosen.rival == best and now_s - chosen.rival_s >= _FOR_S):
            self._chosen[vital] = _Chosen(source=best, told_s=now_s)
        elif chosen.rival != best:
            chosen.rival, chosen.rival_s = best, now_s


def _by_vital(told: Mapping[str, Sequence[Reading]]) -> dict[str, dict[str, Reading]]:
    """Return readings by vital and source; a pulse rate is a heart rate of less quality as well."""
    vitals: dict[str, dict[str, Reading]] = {}
    for source, readings in told.items():
        for reading in readings:
            vitals.setdefault(reading.vital, {})[source] = reading
            if reading.vital == "pulse_rate":
                heart = dataclasses.replace(reading, vital="heart_rate", quality=_STAND_IN * reading.quality)
                vitals.setdefault("heart_rate", {})[source] = heart
    return vitals


def _best(by_source: Mapping[str, Reading]) -> str:
    """Return the source of the best reading; among those that tell nothing, the first."""
    return max(by_source, key=lambda source: (by_source[source].value is not None, by_source[source].quality))


class RestMemory(TypedDict):
    """One vital at rest, for another process: each of `values` stands for `every` of them, in order."""

    before: float | None
    values: list[float]
    every: int
    weight_s: float


@dataclasses.dataclass(slots=True)
class _Baseline:
    """Values at rest, on the vital's scale: this session's, and what earlier ones found."""

    before: float | None
    values: list[float] = dataclasses.field(default_factory=list)
    weight_s: float = 0.0
    median: float | None = None

    def add(self, value: float, step_s: float) -> None:
        """Take a value that held for `step_s`."""
        bisect.insort(self.values, value)
        self.weight_s += step_s
        self.median = statistics.median(self.values)

    def memory(self) -> RestMemory:
        """Return what `remembered` needs: a few order statistics in the place of all values."""
        every = max(1, math.ceil(len(self.values) / _KEPT))
        return {
            "before": self.before,
            "values": self.values[every // 2 :: every],
            "every": every,
            "weight_s": self.weight_s,
        }

    @classmethod
    def remembered(cls, memory: RestMemory) -> _Baseline:
        """Return the baseline of which `memory` was made."""
        values = [value for value in memory["values"] for _ in range(memory["every"])]
        median = statistics.median(values) if values else None
        return cls(before=memory["before"], values=values, weight_s=memory["weight_s"], median=median)

    @property
    def value(self) -> float | None:
        if self.before is None:
            return self.median if self.weight_s >= _LEAST_OWN_S else None
        if self.median is None:
            return self.before
        own = min(self.weight_s / _BASELINE_S, 1.0)
        return own * self.median + (1.0 - own) * self.before


class Fusion:
    """Learns the patient's baseline from `learn`, then tells `arousal`. Time is an argument.

    Args:
        before: what earlier sessions found at rest, by vital.
    """

    def __init__(self, before: Mapping[str, float] = types.MappingProxyType({})) -> None:
        self._baselines = {
            vital: _Baseline(before=_scale(vital, before[vital]) if vital in before else None)
            for vital in _WEIGHTS
        }
        self._learned_at_s: float | None = None

    def memory(self) -> dict[str, RestMemory]:
        """Return what another process needs to go on with this baseline, by vital."""
        return {vital: baseline.memory() for vital, baseline in self._baselines.items()}

    @classmethod
    def remembered(cls, memory: Mapping[str, RestMemory]) -> Fusion:
        """Return a fusion with the baseline of which `memory` was made."""
        fusion = cls()
        for vital in fusion._baselines:
            if vital in memory:
                fusion._baselines[vital] = _Baseline.remembered(memory[vital])
        return fusion

    def baseline(self) -> dict[str, float]:
        """Return this session's own values at rest, by vital, of those with two minutes of them."""
        return {
            vital: math.exp(b.median) if vital == "rmssd" else b.median
            for vital, b in self._baselines.items()
            if b.median is not None and b.weight_s >= _BASELINE_S
        }

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
                baseline.add(_scale(vital, reading.value), step_s)

    def arousal(self, readings: Mapping[str, Reading]) -> tuple[float, float]:
        """Return arousal −1 … 1 against the baseline and the confidence 0 … 1 in it; (0, 0) while unknown."""
        heart = self._baselines["heart_rate"]
        known_s = max(heart.weight_s, 0.0 if heart.before is None else _BEFORE * _BASELINE_S)
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
