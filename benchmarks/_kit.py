"""What a benchmark is and how its figures are shown."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from rich.table import Table

from therapy.errors import TherapyError

__all__ = ["Benchmark", "BenchmarkFailed", "Figure", "Progress", "figures_as_dict", "figures_table"]

#: Called with one short line whenever the benchmark goes on to its next part.
Progress: TypeAlias = Callable[[str], None]


class BenchmarkFailed(TherapyError):
    """Something could not be measured: what must happen, and what did."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes:
        name: what was measured.
        value: the number.
        unit: its unit.
        limit: what it is held against, in the same unit: a need, a period, a promise; or `None`.
        ratio: `value / limit`, or `None` without a limit.
        note: what the limit is, or how it was measured.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    ratio: float | None = dataclasses.field(init=False)
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ratio", self.value / self.limit if self.limit else None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A script that measures. `run(progress)` returns its figures; it cleans up after itself."""

    name: str
    title: str
    run: Callable[[Progress], Sequence[Figure]]


def figures_as_dict(benchmark: Benchmark, figures: Sequence[Figure]) -> dict[str, Any]:
    """Return the figures and the machine that they are from, JSON-able."""
    return {
        "benchmark": benchmark.name,
        "title": benchmark.title,
        "machine": {
            "name": platform.node(),
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
        },
        "figures": [dataclasses.asdict(figure) for figure in figures],
    }


def figures_table(benchmark: Benchmark, figures: Sequence[Figure]) -> Table:
    """Return the figures as a table for a terminal."""
    cores = len(os.sched_getaffinity(0))
    table = Table(title=f"{benchmark.title} ({cores} cores)", title_justify="left")
    for heading in ("figure", "value", "unit", "limit", "value / limit", "note"):
        table.add_column(heading, justify="left" if heading in ("figure", "unit", "note") else "right")
    for figure in figures:
        table.add_row(
            figure.name,
            _short(figure.value),
            figure.unit,
            "" if figure.limit is None else _short(figure.limit),
            "" if figure.ratio is None else _short(figure.ratio),
            figure.note,
        )
    return table


def _short(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"
