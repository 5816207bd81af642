"""Tables of numbers that say little of themselves: CSV and WAV. What a column is, the caller tells.

ECG,time_ms            a name that says it needs no more: channel names as elsewhere, `time_ms` a clock
hr=PPG                 what a column is; columns without a name are counted from 1
timer=time:ms          the clock that the rate is taken from: time:s, time:ms or time:us
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from sensors.errors import BadRecording
from sensors.quality import Floats

__all__ = ["NOT_TOLD", "Told", "columns_of", "read_csv", "read_wav", "told"]

_CLOCKS: Final[Mapping[str, float]] = {"time:s": 1.0, "time:ms": 1e-3, "time:us": 1e-6}
_CLOCK_NAME: Final = re.compile(r"(?:time|timestamp|timer|t)[_ ]?[(\[]?(s|ms|us)[)\]]?", re.IGNORECASE)
_SEPARATORS: Final = ",;\t"
_LEAST_ROWS: Final = 2
#: Steps of a clock may differ from the usual one by this share of it and still be a steady rate's.
_UNEVEN: Final = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a caller says of a table: `kinds` by a column's name or number (from 1), and its rate in Hz."""

    kinds: Mapping[str, str] = dataclasses.field(default_factory=dict)
    rate_hz: float | None = None


NOT_TOLD: Final = Told()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Columns of one table: `x` (n, columns) under `labels`, at `rate_hz`; `stamps_s` (n,) begin at 0."""

    x: Floats
    stamps_s: Floats
    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    rate_hz: float


def told(columns: Sequence[str], rate_hz: float | None) -> Told:
    """Return what `NAME=KIND` texts and a rate say.

    Raises:
        BadRecording: a text without `=`, an empty side, or a rate that is not positive and finite.
    """
    kinds: dict[str, str] = {}
    for text in columns:
        name, equals, kind = (part.strip() for part in text.rpartition("="))
        if not (name and equals and kind):
            raise BadRecording("column", "NAME=KIND, such as hr=PPG or timer=time:ms", text)
        kinds[name] = kind
    if rate_hz is not None and not (math.isfinite(rate_hz) and rate_hz > 0.0):
        raise BadRecording("rate", "positive and finite, in Hz", rate_hz)
    return Told(kinds=kinds, rate_hz=rate_hz)


def read_csv(path: Path) -> tuple[Floats, tuple[str, ...]]:
    """Return the numbers (n, columns) of a CSV and its columns' names; an empty cell is not a number.

    Raises:
        BadRecording: rows of unequal length, text among the numbers, or fewer than two rows.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = file.readline()
        file.seek(0)
        separator = max(_SEPARATORS, key=first.count)
        rows = [(line, row) for line, row in enumerate(csv.reader(file, delimiter=separator), 1) if row]
    names: tuple[str, ...] = ()
    if rows and not all(_is_number(cell) for cell in rows[0][1]):
        names = tuple(cell.strip() for cell in rows.pop(0)[1])
    if len(rows) < _LEAST_ROWS:
        raise BadRecording(f"rows of {path.name}", f"at least {_LEAST_ROWS} with numbers", len(rows))
    width = len(names) or len(rows[0][1])
    x = np.empty((len(rows), width))
    for at, (line, row) in enumerate(rows):
        if len(row) != width:
            raise BadRecording(f"line {line} of {path.name}", f"{width} columns long", len(row))
        for column, cell in enumerate(row):
            if not _is_number(cell):
                raise BadRecording(f"line {line} of {path.name}", "numbers", cell[:40])
            x[at, column] = float(cell) if cell.strip() else math.nan
    return x, names or tuple(str(k + 1) for k in range(width))


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return not cell.strip()
    return True


def read_wav(path: Path) -> tuple[Floats, tuple[str, ...], float]:
    """Return the samples (n, channels) of a WAV, channel numbers from 1, and the rate that it states."""
    from scipy.io import wavfile  # noqa: PLC0415  # only recordings of this kind pay for it

    rate_hz, x = wavfile.read(path)
    x = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
    return x, tuple(str(k + 1) for k in range(x.shape[1])), float(rate_hz)


def columns_of(
    path: Path,
    x: Floats,
    names: tuple[str, ...],
    say: Told,
    kind_of: Callable[[str], str],
    rate_hz: float | None = None,
) -> Columns:
    """Return the columns of a table whose kinds are told or known from their names.

    Args:
        path: for errors.
        x: (n, columns).
        names: one a column.
        say: what the caller knows; its rate outranks a clock's and the file's.
        kind_of: the LSL type of a name, `Misc` where that is not known.
        rate_hz: what the file states.

    Raises:
        BadRecording: a told column is not there, no column is known, or no rate is.
    """
    for name in say.kinds:
        if name not in names:
            raise BadRecording(f"column of {path.name}", f"one of {', '.join(names)}", name)
    kinds = [say.kinds.get(name) or _kind(name, kind_of) for name in names]
    clocks = [k for k, kind in enumerate(kinds) if kind in _CLOCKS]
    chosen = [k for k, kind in enumerate(kinds) if kind not in ("Misc", *_CLOCKS)]
    if not chosen:
        raise BadRecording(
            f"columns of {path.name}", "told: --column NAME=KIND, such as 1=PPG", ", ".join(names)
        )
    stamps = None
    if clocks and say.rate_hz is None:
        stamps = _clock(path, x[:, clocks[0]] * _CLOCKS[kinds[clocks[0]]])
        rate_hz = 1.0 / float(np.median(np.diff(stamps)))
    rate = say.rate_hz or rate_hz
    if rate is None:
        raise BadRecording(f"sampling rate of {path.name}", "told: --rate HZ, or --column NAME=time:ms", None)
    return Columns(
        x=x[:, chosen],
        stamps_s=np.arange(len(x)) / rate if stamps is None else stamps,
        labels=tuple(names[k] for k in chosen),
        kinds=tuple(kinds[k] for k in chosen),
        rate_hz=rate,
    )


def _kind(name: str, kind_of: Callable[[str], str]) -> str:
    clock = _CLOCK_NAME.fullmatch(name)
    return f"time:{clock[1].lower()}" if clock else kind_of(name)


def _clock(path: Path, times_s: Floats) -> Floats:
    """Return a clock's times from 0 on; what is no clock is refused."""
    steps = np.diff(times_s)
    if not (np.all(np.isfinite(steps)) and np.all(steps > 0.0)):
        at = next(k for k, (a, b) in enumerate(itertools.pairwise(times_s.tolist())) if not b > a)
        raise BadRecording(f"clock of {path.name}", "rising", f"{times_s[at + 1]:g} after {times_s[at]:g}")
    usual = float(np.median(steps))
    if np.mean(np.abs(steps - usual) > _UNEVEN * usual) > 0.1:
        raise BadRecording(f"clock of {path.name}", "of an even rate", f"steps around {usual:g} s")
    return np.asarray(times_s - times_s[0], dtype=np.float64)
