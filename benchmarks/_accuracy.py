"""How true beats and heart rates are on recordings, clean and spoilt, and what their quality said of them.

The truth of a simulated patient is exact. That of a recording is the consensus of two offline methods of
neurokit2 (its default and Elgendi's) on the unspoilt signal, and only stretches of ten beats and more in
which they agree count: where they quarrel, nobody knows the truth.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import itertools
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks._kit import Figure, Progress
from benchmarks._noise import LEVELS_DB, NOISES, noisy
from sensors.devices._population import population
from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.estimators.ecg import EcgEstimator
from sensors.quality import Floats
from sensors.recordings import load_recording
from therapy.events import Beat

__all__ = [
    "GOOD",
    "Case",
    "Score",
    "accuracy",
    "cases",
    "far_off",
    "known_at",
    "recorded",
    "scored",
    "true_rate",
]

#: A beat is found when it is told within this of a true one (AAMI EC57).
SAME_S: Final = 0.15
#: A reading or a beat is called good from this quality on.
GOOD: Final = 0.5
#: A heart rate called good is wrong beyond this (AAMI EC13: 10 % or 5 bpm, whichever is greater).
WRONG_BPM: Final = 5.0
WRONG_SHARE: Final = 0.1
#: The learning phase and the last moment, not yet decided, do not count.
SKIP_S: Final = 5.0
DECIDE_S: Final = 0.5
#: Of the simulated population: so many patients, so long, clean only.
PEOPLE: Final = 6
LONG_S: Final = 300.0
#: Recording, lead, and how its signal is: the two bedside recordings are spoilt as they are.
RECORDINGS: Final = (
    ("SampleECG.txt", 0, "clean"),
    ("s0010_re.hea", 7, "clean"),
    ("a103l.hea", 0, "spoilt in parts"),
    ("v102s.hea", 1, "poor"),
)
METHODS: Final = ("neurokit", "elgendi2010")
_BINS: Final = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.001)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One lead with its truth. `counts` are the stretches (start, end) in which the truth is known."""

    name: str
    how: str
    rate_hz: float
    x: Floats
    beats_s: Floats
    counts: tuple[tuple[float, float], ...]
    height: float
    spoilable: bool = True


@dataclasses.dataclass(slots=True, kw_only=True)
class Score:
    """Sums over cases; `beats` and `rates` are (quality, wrong) of each beat and heart rate told."""

    due: int = 0
    found: int = 0
    told: int = 0
    true: int = 0
    apart_s: list[float] = dataclasses.field(default_factory=list)
    beats: list[tuple[float, bool]] = dataclasses.field(default_factory=list)
    rates: list[tuple[float, bool]] = dataclasses.field(default_factory=list)
    seconds: int = 0

    def add(self, other: Score) -> None:
        """Take the sums of `other` in."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def cases(folder: Path | None) -> Iterator[Case]:
    """Yield two simulated patients, and the recordings of `folder` where the oracle is installed."""
    for seed in (1, 2):
        lived = SimulatedPatient(PatientTraits(seed=seed)).step(RoomView(), 120.0)
        beats = np.asarray(lived.beats_s)
        yield Case(
            name=f"simulated {seed}",
            how="clean",
            rate_hz=250.0,
            x=lived.ecg,
            beats_s=beats,
            counts=((SKIP_S, 120.0 - DECIDE_S),),
            height=_height(lived.ecg, beats, 250.0),
        )
    for index, traits in enumerate(population(PEOPLE, seed=7)):
        steady = dataclasses.replace(traits, ectopy_per_min=0.0)
        lived = SimulatedPatient(steady).step(RoomView(), LONG_S)
        beats = np.asarray(lived.beats_s)
        yield Case(
            name=f"population {index + 1}",
            how="clean",
            rate_hz=250.0,
            x=lived.ecg,
            beats_s=beats,
            counts=((SKIP_S, LONG_S - DECIDE_S),),
            height=_height(lived.ecg, beats, 250.0),
            spoilable=False,
        )
    if folder is None or importlib.util.find_spec("neurokit2") is None:
        return
    for name, lead, how in RECORDINGS:
        if (folder / name).is_file():
            yield recorded(folder / name, lead, how)


def recorded(path: Path, lead: int, how: str) -> Case:
    """Return a lead of the recording at `path`, its truth the beats that two offline methods agree on."""
    stream = next(s for s in load_recording(path).streams if s.kind == "ECG")
    x = stream.samples[:, lead]
    x = np.where(np.isfinite(x), x, float(np.nanmedian(x)))
    beats, counts = _consensus(x, stream.rate_hz)
    return Case(
        name=path.stem,
        how=how,
        rate_hz=stream.rate_hz,
        x=x,
        beats_s=beats,
        counts=counts,
        height=_height(x, beats, stream.rate_hz),
    )


def _height(x: Floats, beats_s: Floats, rate_hz: float) -> float:
    reach = round(0.06 * rate_hz)
    middles = [round(b * rate_hz) for b in beats_s]
    return float(np.median([np.ptp(x[max(m - reach, 0) : m + reach + 1]) for m in middles]))


def _consensus(x: Floats, rate_hz: float) -> tuple[Floats, tuple[tuple[float, float], ...]]:
    """Return the beats that methods agree on and the stretches, ten beats or more, without a quarrel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the oracle's own use of pandas and numpy
        oracle: Any = importlib.import_module("neurokit2")
        found = []
        for method in METHODS:
            clean = oracle.ecg_clean(x, sampling_rate=int(rate_hz), method=method)
            told = oracle.ecg_peaks(clean, sampling_rate=int(rate_hz), method=method, correct_artifacts=False)
            found.append(np.asarray(told[1]["ECG_R_Peaks"], dtype=np.float64) / rate_hz)
    first, other = found
    apart = [other[int(np.argmin(np.abs(other - b)))] - b for b in first]
    other = other - float(np.median(apart))  # each method marks another point of the QRS
    agreed = np.array([b for b in first if _near(other, b) < SAME_S])
    quarrels = [b for b in first if _near(other, b) >= SAME_S]
    quarrels += [b for b in other if _near(first, b) >= SAME_S]
    edges = sorted([SKIP_S, *(q for q in quarrels if q > SKIP_S), x.size / rate_hz - DECIDE_S])
    spans = [(a + 0.3, b - 0.3) for a, b in itertools.pairwise(edges)]
    long = tuple((a, b) for a, b in spans if np.count_nonzero((agreed > a) & (agreed < b)) >= 10)
    return agreed, long


def _near(these: Floats, at_s: float) -> float:
    return float(np.min(np.abs(these - at_s))) if these.size else np.inf


def scored(case: Case, x: Floats) -> Score:
    """Run the live estimator over `x` and hold it against the truth of `case`."""
    estimator = EcgEstimator(case.rate_hz)
    stamps = np.arange(x.size) / case.rate_hz
    size = round(case.rate_hz / 10.0)
    beats: list[Beat] = []
    score = Score()
    for at in range(0, x.size, size):
        beats += estimator.push(x[at : at + size], stamps[at : at + size])
        now_s = float(stamps[min(at + size, x.size) - 1])
        if at // size % 10 == 9 and known_at(case, now_s):
            score.seconds += 1
            rate = estimator.readings(now_s)[0]
            true = true_rate(case, now_s, rate.window_s)
            if rate.value is not None and true is not None:
                score.rates.append((rate.quality, far_off(rate.value, true)))
    mine = np.array([b.at_s for b in beats])
    due = [b for b in case.beats_s if known_at(case, b)]
    apart = [_near(mine, b) for b in due]
    score.due, score.found = len(due), sum(1 for a in apart if a < SAME_S)
    score.apart_s = [a for a in apart if a < SAME_S]
    for beat in beats:
        if known_at(case, beat.at_s):
            wrong = _near(case.beats_s, beat.at_s) >= SAME_S
            score.told += 1
            score.true += not wrong
            score.beats.append((0.0 if beat.artefact else beat.quality, wrong))
    return score


def known_at(case: Case, at_s: float) -> bool:
    """Whether the truth of `case` is known at `at_s`."""
    return any(a < at_s < b for a, b in case.counts)


def true_rate(case: Case, now_s: float, window_s: float) -> float | None:
    """Return the true heart rate over the window that a reading is for; `None` where it is not all known."""
    from_s = now_s - max(window_s, 4.0) - 1.0
    if not any(a <= max(from_s, SKIP_S) and now_s < b for a, b in case.counts):
        return None
    spans = np.diff(case.beats_s[(case.beats_s > from_s) & (case.beats_s <= now_s)])
    return 60.0 / float(np.mean(spans)) if spans.size >= 3 else None


def far_off(rate: float, true: float) -> bool:
    """Whether a heart rate is wrong (bpm)."""
    return abs(rate - true) > max(WRONG_BPM, WRONG_SHARE * true)


def accuracy(progress: Progress, levels_db: Sequence[float] = LEVELS_DB) -> list[Figure]:
    """Return the table: clean, then each noise at each level, then the calibration of the quality index."""
    data = os.environ.get("STILLWATER_DATA")
    known = list(cases(Path(data) / "biosignals" if data else None))
    figures: list[Figure] = []
    clean, poor, spoilt = Score(), Score(), Score()
    for case in known:
        progress(f"beats: {case.name}")
        one = scored(case, case.x)
        figures += _row(f"ECG {case.name}, {case.how}", one)
        (clean if case.how == "clean" else poor).add(one)
    figures += _row("ECG all, clean", clean, (0.999, 0.999))
    for kind in NOISES:
        for level in levels_db:
            progress(f"beats: {kind}, {level:g} dB")
            one = Score()
            for case in known:
                if case.how == "poor" or not case.spoilable:
                    continue
                one.add(scored(case, noisy(case.x, case.rate_hz, kind, level, case.height)))
            figures += _row(f"ECG {kind}, {level:g} dB", one)
            spoilt.add(one)
    return [*figures, *_row("ECG all, noisy", spoilt), *_calibration(clean, poor, spoilt)]


def _row(name: str, score: Score, wanted: tuple[float, float] | None = None) -> list[Figure]:
    sensitivity, precision = wanted or (None, None)
    apart = np.array(score.apart_s) if score.apart_s else np.zeros(1)
    return [
        Figure(
            name=f"{name}: sensitivity",
            value=score.found / max(score.due, 1),
            unit="1",
            limit=sensitivity,
            note=f"{score.due} beats",
        ),
        Figure(name=f"{name}: PPV", value=score.true / max(score.told, 1), unit="1", limit=precision),
        Figure(
            name=f"{name}: timing error",
            value=1e3 * float(np.median(apart)),
            unit="ms",
            note=f"median; p95 {1e3 * float(np.percentile(apart, 95)):.1f} ms",
        ),
        _good(f"{name}: beats called good that are wrong", score.beats, score.told),
        _good(f"{name}: rates called good that are wrong", score.rates, score.seconds),
    ]


def _good(name: str, told: list[tuple[float, bool]], of: int) -> Figure:
    good = [wrong for quality, wrong in told if quality >= GOOD]
    return Figure(
        name=name,
        value=sum(good) / max(len(good), 1),
        unit="1",
        limit=0.01,
        note=f"called good: {len(good)} of {of}",
    )


def _calibration(*scores: Score) -> list[Figure]:
    """Return, for each range of quality, how many of the values told with it were right."""
    figures = []
    for what in ("beats", "rates"):
        told = [pair for score in scores for pair in getattr(score, what)]
        for low, high in itertools.pairwise(_BINS):
            inside = [wrong for quality, wrong in told if low <= quality < high]
            if inside:
                figures.append(
                    Figure(
                        name=f"quality {low:g}…{min(high, 1.0):g}: {what} that are right",
                        value=1.0 - sum(inside) / len(inside),
                        unit="1",
                        note=f"of {len(inside)}",
                    )
                )
    return figures
