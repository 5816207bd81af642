"""What the tests of recordings share: a loader that is as strict as can be, and small declarations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from session_records.chunks import Channel, Format, StreamDeclaration

Load: TypeAlias = Callable[..., dict[str, dict[str, Any]]]

STARTED = "2026-01-02T03:04:05+00:00"


def declare(
    name: str = "ecg", channels: int = 1, fmt: Format = Format.DOUBLE64, **rest: Any
) -> StreamDeclaration:
    labels = tuple(Channel(label=f"c{index}", unit="mV") for index in range(channels))
    return StreamDeclaration(
        name=name,
        type=rest.pop("type", "ECG"),
        channels=labels,
        nominal_rate_hz=rest.pop("nominal_rate_hz", 0.0),
        format=fmt,
        **rest,
    )


def counted(first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Stamps 0.01 s apart and one column that counts the samples."""
    numbers = np.arange(first, first + count)
    return 100.0 + numbers * 0.01, numbers[:, None].astype(np.float64)
