"""Which channels of a stream an estimator reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from therapy.specs import Estimator

__all__ = ["MOST_CHANNELS", "of_one", "one_of", "padded"]

#: No sensor that we know has more; a stream that claims more is no body's.
MOST_CHANNELS: Final = 4096


def padded(labels: tuple[str, ...], channels: int) -> tuple[str, ...]:
    """Return one label for each channel: outlets may give none, too few or too many."""
    return (labels + ("",) * channels)[:channels]


def one_of(*preferred: str) -> Callable[[tuple[str, ...]], tuple[int, ...]]:
    """Return a chooser of one channel: the first of the `preferred` labels present, else channel 0."""

    def choose(labels: tuple[str, ...]) -> tuple[int, ...]:
        upper = [label.strip().upper() for label in labels]
        return (next((upper.index(name) for name in preferred if name in upper), 0),)

    return choose


def of_one(build: Callable[[float], Estimator]) -> Callable[[float, tuple[str, ...]], Estimator]:
    """Return a builder for `EstimatorSpec` from one that does not care what its one channel is called."""

    def with_labels(rate_hz: float, _: tuple[str, ...]) -> Estimator:
        return build(rate_hz)

    return with_labels
