from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from benchmarks._kit import Benchmark, Figure, figures_as_dict, figures_table
from therapy.discover import declared


def test_every_benchmark_is_found() -> None:
    found = declared("benchmarks", "BENCH", Benchmark)
    assert "records" in found
    assert all(one.title for one in found.values())


def test_figures_carry_their_ratio_and_their_machine() -> None:
    bench = Benchmark(name="x", title="X", run=lambda _: [])
    figures = [
        Figure(name="a", value=6.0, unit="ms", limit=4.0, note="period"),
        Figure(name="b", value=1.0, unit="s"),
    ]
    shown = json.loads(json.dumps(figures_as_dict(bench, figures)))
    assert [one["ratio"] for one in shown["figures"]] == [1.5, None]
    assert shown["machine"]["cores"] >= 1
    terminal = Console(file=io.StringIO(), width=120)
    terminal.print(figures_table(bench, figures))
    assert "1.5" in terminal.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above


def test_writing_a_session_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import records

    monkeypatch.setattr(records, "WRITE_S", 0.05)
    monkeypatch.setattr(records, "SYNCS", 3)
    parts: list[str] = []
    figures = records.BENCH.run(parts.append)
    assert len(parts) == 4
    assert all(figure.value > 0 for figure in figures)
    assert {figure.unit for figure in figures} == {"MB/s", "ms"}
