"""The live estimators over a whole recording, as fast as the machine goes."""

from __future__ import annotations

import bisect
import csv
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from sensors import rsa
from sensors.coherence import WINDOW_S, coherence
from sensors.errors import BadStream
from sensors.estimators import KeepsPhase, PredictsBeat, by_stream_type
from sensors.estimators._channels import padded
from sensors.estimators.ppg import Pulse
from sensors.ingest import stream_kind
from sensors.recordings import RecordedStream, Recording
from therapy.events import Beat, Breath
from therapy.patient import Reading
from therapy.specs import Estimator
from therapy.units import FRACTION

__all__ = ["Analysis", "analyze"]

_EVERY_S: Final = 1.0
_MOST_BREATHS: Final = 60
_BEATS: Final = ("time_s", "stream", "interval_s", "quality")
_BREATHS: Final = ("time_s", "stream", "period_s", "quality")
_VITALS: Final = ("time_s", "vital", "value", "unit", "quality")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How much was written; `passed_over` says of each stream that was not read why not."""

    beats: int
    breaths: int
    vitals: int
    passed_over: tuple[str, ...]


def analyze(recording: Recording, out_dir: Path, progress: Callable[[float], None] | None = None) -> Analysis:
    """Write `beats.csv`, `breaths.csv` and `vitals.csv` of `recording` into `out_dir`, made if missing.

    Times are on the recording's own clock. Pulses of a PPG stand among the beats, under their stream's name.
    Vitals are taken once a second of signal; an unknown value is left empty, with quality 0. `progress` is
    called with the share done, 0 … 1.

    A stream of a type or rate that no estimator reads is passed over, and the tables stay empty where
    nothing else is there.
    """
    readable, passed_over = _readable(recording)
    beats: list[Sequence[Any]] = []
    breaths: list[Sequence[Any]] = []
    vitals: list[Sequence[Any]] = []
    swings = _Swings()
    belted = any(isinstance(estimator, KeepsPhase) for _, estimator, _ in readable)
    for index, (stream, estimator, columns) in enumerate(readable):
        for part, done in _seconds(stream):
            events = estimator.push(stream.samples[part][:, columns], stream.stamps_s[part])
            now_s = float(stream.stamps_s[part][-1])
            beats += [_beat(e, stream.name) for e in events if isinstance(e, Beat | Pulse)]
            breaths += [_breath(e, stream.name) for e in events if isinstance(e, Breath)]
            readings = estimator.readings(now_s)
            told = [
                r
                for r in readings
                if not belted or r.vital != "breath_rate" or isinstance(estimator, KeepsPhase)
            ]
            vitals += [_vital(now_s, r.vital, r.value, r.unit, r.quality) for r in told]
            swings.take(stream.name, estimator, events, readings)
            if isinstance(estimator, PredictsBeat):
                share = coherence(estimator.intervals(now_s, WINDOW_S), now_s)
                vitals.append(_vital(now_s, "coherence", share, FRACTION, 1.0))
            if progress is not None:
                progress((index + done) / len(readable))
    vitals += [_vital(r.at_s, r.vital, r.value, r.unit, r.quality) for r in swings.readings()]
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, header, rows in (
        ("beats", _BEATS, beats),
        ("breaths", _BREATHS, breaths),
        ("vitals", _VITALS, vitals),
    ):
        rows.sort(key=lambda row: float(row[0]))
        _write(out_dir / f"{name}.csv", header, rows)
    if progress is not None and not readable:
        progress(1.0)
    return Analysis(beats=len(beats), breaths=len(breaths), vitals=len(vitals), passed_over=passed_over)


def _readable(
    recording: Recording,
) -> tuple[list[tuple[RecordedStream, Estimator, tuple[int, ...]]], tuple[str, ...]]:
    """Return each stream that can be read with its estimator and columns, and why the others cannot."""
    specs = by_stream_type()
    readable: list[tuple[RecordedStream, Estimator, tuple[int, ...]]] = []
    passed_over: list[str] = []
    for stream in recording.streams:
        spec = specs.get(stream_kind(stream.kind))
        if spec is None:
            passed_over.append(f"{stream.name}: its type must be one of {', '.join(specs)}, is {stream.kind}")
            continue
        labels = padded(stream.labels, stream.samples.shape[1])
        columns = spec.choose(labels)
        try:
            estimator = spec.build(stream.rate_hz, tuple(labels[i] for i in columns))
        except BadStream as error:
            passed_over.append(f"{stream.name}: {error}")
            continue
        readable.append((stream, estimator, columns))
    return readable, tuple(passed_over)


class _Swings:
    """Keeps, second by second, what the swing of the heart with the breath needs of each's first stream."""

    def __init__(self) -> None:
        self._heart = self._belt = ""
        self._hearts: list[tuple[Reading, list[tuple[float, float]]]] = []
        self._breaths: list[Reading] = []
        self._inhales_s: list[float] = []

    def take(self, name: str, estimator: Estimator, events: list[Any], readings: list[Reading]) -> None:
        """Take one second of the stream `name`."""
        if isinstance(estimator, PredictsBeat) and self._heart in ("", name):
            self._heart = name
            heart = next(r for r in readings if r.vital == "heart_rate")
            self._hearts.append((heart, estimator.intervals(heart.at_s, rsa.WINDOW_S)))
        if isinstance(estimator, KeepsPhase) and self._belt in ("", name):
            self._belt = name
            self._breaths += [r for r in readings if r.vital == "breath_rate"]
            self._inhales_s += [e.at_s for e in events if isinstance(e, Breath)]

    def readings(self) -> Iterator[Reading]:
        """Yield one reading for each second of the heart that is also one of the belt."""
        times = [r.at_s for r in self._breaths]
        for heart, intervals in self._hearts:
            at = bisect.bisect_right(times, heart.at_s) - 1
            if at >= 0 and heart.at_s - times[at] <= 2.0 * _EVERY_S:
                seen = self._inhales_s[: bisect.bisect_right(self._inhales_s, heart.at_s)]
                yield rsa.reading(intervals, seen[-_MOST_BREATHS:], heart.at_s, heart, self._breaths[at])


def _seconds(stream: RecordedStream) -> Iterator[tuple[slice, float]]:
    """Yield the stream in parts of about a second, each with the share done after it."""
    first = float(stream.stamps_s[0])
    edges = np.arange(first, float(stream.stamps_s[-1]) + _EVERY_S, _EVERY_S)
    cuts = np.unique(np.concatenate((np.searchsorted(stream.stamps_s, edges), [stream.stamps_s.size])))
    for start, end in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        yield slice(start, end), end / stream.stamps_s.size


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _beat(beat: Beat | Pulse, stream: str) -> tuple[str, ...]:
    return _number(beat.at_s, 4), stream, _number(beat.interval_s, 4), _number(beat.quality, 3)


def _breath(breath: Breath, stream: str) -> tuple[str, ...]:
    return _number(breath.at_s, 3), stream, _number(breath.period_s, 3), _number(breath.quality, 3)


def _vital(at_s: float, vital: str, value: float | None, unit: str, quality: float) -> tuple[str, ...]:
    trust = quality if value is not None else 0.0
    return _number(at_s, 3), vital, _number(value, 3), unit, _number(trust, 3)


def _write(path: Path, header: Sequence[str], rows: list[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
