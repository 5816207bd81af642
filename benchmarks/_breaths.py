"""How true breaths are: against the simulated patient's, and against an offline reference on a recording.

The reference low-passes the belt both ways in time (1 Hz) and takes troughs whose prominence is at least 0.3
of the median one: no causal filter, no adaptation, the whole signal known.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import signal

from benchmarks._kit import Figure, Progress
from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.errors import BadRecording
from sensors.estimators.ecg import EcgEstimator
from sensors.estimators.ppg import PpgEstimator
from sensors.estimators.respiration import RespirationEstimator
from sensors.fuse import BREATH_STEERS
from sensors.quality import Floats
from sensors.recordings import load_recording

__all__ = ["breaths", "derived", "offline_troughs"]

_SAME_S: Final = 0.75
_SKIP_S: Final = 15.0
#: (first, last) seconds; later the monitor's 12 bits wrap round and the signal saturates.
_RECORDED: Final = ("v102s.hea", 0.0, 60.0)
#: The belt of this one saturates later; a rate is wrong from so many a minute on, or this share.
_BESIDE_A_BELT: Final = ("v102s.hea", 98.0)
_FAR_PER_MIN: Final = 2.0
_FAR_SHARE: Final = 0.15
_PACES: Final = (6.0, 9.0, 14.0)


def offline_troughs(x: Floats, rate_hz: float) -> Floats:
    """Return the times (s) of the troughs of the belt `x` (n,), found with the whole signal known."""
    sos = signal.butter(2, 1.0, fs=rate_hz, output="sos")
    smooth = -signal.sosfiltfilt(sos, x)
    _, found = signal.find_peaks(smooth, prominence=0.0)
    prominences = np.asarray(found["prominences"])
    usual = float(np.median(np.sort(prominences)[prominences.size // 2 :]))
    peaks = signal.find_peaks(smooth, prominence=0.3 * usual, distance=max(1, round(1.2 * rate_hz)))[0]
    return np.asarray(peaks, dtype=np.float64) / rate_hz


def breaths(progress: Progress) -> list[Figure]:
    """Return how true breaths are on simulated belts at three paces, also noisy, and on a recording."""
    progress("breaths")
    figures: list[Figure] = []
    for noise in (0.0, 0.1, 0.2):
        sums = np.zeros(4)
        apart: list[float] = []
        for seed, pace in enumerate(_PACES):
            traits = PatientTraits(seed=seed, breaths_per_min=pace)
            lived = SimulatedPatient(traits).step(RoomView(), 240.0)
            rng = np.random.default_rng(seed)
            x = lived.belt + noise * np.ptp(lived.belt) * rng.standard_normal(lived.belt.size)
            hits, off = _compared(x, lived.belt_s, 50.0, np.asarray(lived.inhales_s))
            sums += hits
            apart += off
        figures += _rows(f"breaths, simulated, noise {noise:g} of the swing", sums, apart)
    data = os.environ.get("STILLWATER_DATA")
    if data is None:
        return figures
    name, first_s, last_s = _RECORDED
    try:
        streams = load_recording(Path(data) / "biosignals" / name).streams
    except BadRecording as error:
        told = f"not measured: {error}"
        return [*figures, Figure(name="breaths, recorded", value=0.0, unit="1", note=told)]
    stream = next(s for s in streams if s.kind == "Respiration")
    part = slice(round(first_s * stream.rate_hz), round(last_s * stream.rate_hz))
    x, stamps = stream.samples[part, 0], stream.stamps_s[part]
    sums, apart = _compared(x, stamps, stream.rate_hz, offline_troughs(x, stream.rate_hz))
    return [*figures, *_rows(f"breaths, {name} {first_s:g}…{last_s:g} s", sums, apart)]


def derived(progress: Progress) -> list[Figure]:
    """Return how often breaths told from pulses and beats are wrong beside a recorded belt."""
    progress("breaths from pulses and beats")
    data = os.environ.get("STILLWATER_DATA")
    if data is None:
        return []
    name, whole_s = _BESIDE_A_BELT
    path = Path(data) / "biosignals" / name
    if not path.is_file():
        return []
    streams = load_recording(path).streams
    belt = next(s for s in streams if s.kind == "Respiration")
    troughs_s = offline_troughs(signal.medfilt(belt.samples[:, 0], 151), belt.rate_hz)  # without its spikes
    figures = []
    for kind, column, build in (("PPG", 0, PpgEstimator), ("ECG", 0, EcgEstimator), ("ECG", 1, EcgEstimator)):
        stream = next(s for s in streams if s.kind == kind)
        x = stream.samples[:, column]
        x = np.where(np.isfinite(x), x, float(np.nanmedian(x)))
        told = _told(build(stream.rate_hz), x, stream.rate_hz, troughs_s, whole_s)
        steering = [wrong for quality, wrong in told if quality >= BREATH_STEERS]
        what = f"breath rate from {kind} {column + 1} of {name}"
        highest = max((quality for quality, _ in told), default=0.0)
        figures += [
            Figure(
                name=f"{what}: told that are wrong",
                value=sum(wrong for _, wrong in told) / max(len(told), 1),
                unit="1",
                note=f"told in {len(told)} of {whole_s:g} s; highest quality {highest:.2f}",
            ),
            Figure(
                name=f"{what}: wrong among those that steer",
                value=sum(steering) / max(len(steering), 1),
                unit="1",
                limit=0.01,
                note=f"quality of {BREATH_STEERS:g} or more: {len(steering)}",
            ),
        ]
    return figures


def _told(
    estimator: PpgEstimator | EcgEstimator, x: Floats, rate_hz: float, troughs_s: Floats, until_s: float
) -> list[tuple[float, bool]]:
    """Return (quality, wrong) of the breath rate at each second up to `until_s`, where there is one."""
    told, size, stamps_s = [], round(rate_hz), np.arange(x.size) / rate_hz
    for second in range(round(until_s)):
        part = slice(second * size, (second + 1) * size)
        estimator.push(x[part], stamps_s[part])
        now_s = second + 1.0
        recent = troughs_s[(troughs_s > now_s - 30.0) & (troughs_s <= now_s)]
        for said in estimator.readings(now_s):
            if said.vital == "breath_rate" and said.value is not None and recent.size > 2:
                true = 60.0 / float(np.mean(np.diff(recent)))
                told.append((said.quality, abs(said.value - true) > max(_FAR_PER_MIN, _FAR_SHARE * true)))
    return told


def _compared(x: Floats, stamps_s: Floats, rate_hz: float, truth_s: Floats) -> tuple[Floats, list[float]]:
    """Return (4,) true found, true, told, told rightly; and how far matches are apart."""
    estimator: Any = RespirationEstimator(rate_hz)
    size = max(1, round(rate_hz / 10.0))
    mine = np.array(
        [
            breath.at_s
            for at in range(0, x.size, size)
            for breath in estimator.push(x[at : at + size], stamps_s[at : at + size])
        ]
    )
    end_s = float(stamps_s[-1]) - 3.0
    due = truth_s[(truth_s > _SKIP_S) & (truth_s < end_s)]
    told = mine[(mine > _SKIP_S) & (mine < end_s)]
    apart = [float(np.min(np.abs(mine - t))) for t in due]
    right = sum(1 for t in told if np.min(np.abs(truth_s - t)) < _SAME_S)
    found = [a for a in apart if a < _SAME_S]
    return np.array([len(found), due.size, told.size, right], dtype=np.float64), found


def _rows(name: str, sums: Floats, apart_s: list[float]) -> list[Figure]:
    found, due, told, right = (float(v) for v in sums)
    return [
        Figure(name=f"{name}: sensitivity", value=found / max(due, 1.0), unit="1", limit=0.95),
        Figure(name=f"{name}: precision", value=right / max(told, 1.0), unit="1", limit=0.9),
        Figure(
            name=f"{name}: timing error", value=float(np.median(apart_s or [0.0])), unit="s", note="median"
        ),
    ]
