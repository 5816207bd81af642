"""One estimator a file. Each declares `ESTIMATOR`; `therapy.discover.declared` finds them.

Estimators leave `stream` empty in the events they return: who feeds them knows the stream's name.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from therapy.discover import declared
from therapy.specs import EstimatorSpec

__all__ = ["CountsBadSamples", "KeepsPhase", "PredictsBeat", "by_stream_type"]


@runtime_checkable
class PredictsBeat(Protocol):
    """An estimator that also knows hearts: when the next beat is due, and the intervals for coherence."""

    def next_beat_s(self, now_s: float) -> float | None:
        """Return the expected session time of the next R peak after `now_s`, or `None`."""
        ...

    def intervals(self, now_s: float, window_s: float) -> list[tuple[float, float]]:
        """Return clean intervals of the last `window_s` as (end time, length), seconds, oldest first."""
        ...


@runtime_checkable
class KeepsPhase(Protocol):
    """An estimator that also keeps the phase of the breath."""

    def phase(self, now_s: float) -> tuple[float, float]:
        """Return the phase 0 … 1 (the inhale starts at 0) at `now_s` and the confidence 0 … 1 in it."""
        ...


@runtime_checkable
class CountsBadSamples(Protocol):
    """An estimator that counts the samples it could not believe."""

    @property
    def bad_samples(self) -> int:
        """Samples held out since the start."""
        ...


def by_stream_type() -> dict[str, EstimatorSpec]:
    """Return the installed estimators by the LSL type of the streams they read, in upper case."""
    return {
        spec.stream_type.upper(): spec for spec in declared(__name__, "ESTIMATOR", EstimatorSpec).values()
    }
