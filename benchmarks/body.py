"""How true estimators of pulse, skin, brain, head and heart are on signals of known truth, and their cost."""

from __future__ import annotations

import math
import time
from typing import Any, Final

import numpy as np

from benchmarks._kit import Benchmark, Figure, Progress
from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.estimators.ecg import EcgEstimator
from sensors.estimators.eda import EdaEstimator
from sensors.estimators.eeg import EegEstimator
from sensors.estimators.motion import MotionEstimator
from sensors.estimators.ppg import PpgEstimator
from sensors.quality import Floats
from sensors.testing import brain, head, pulses, skin
from therapy.specs import Estimator

__all__ = ["BENCH"]

_SEEDS: Final = 5
_CHUNK_S: Final = 0.04
_LABELS: Final = ("F3", "F4", "Fz", "Cz", "O1", "O2")
_ALPHA_UV: Final = (4.0, 8.0, 6.0, 6.0, 12.0, 12.0)


def run(progress: Progress) -> list[Figure]:
    """Measure each estimator in turn; some ten seconds."""
    figures: list[Figure] = []
    for name, measure in (
        ("pulse", _pulse),
        ("skin", _skin),
        ("brain", _brain),
        ("head", _head),
        ("heart", _heart),
    ):
        progress(name)
        figures += measure()
    return figures


def _fed(estimator: Estimator, x: Floats, stamps_s: Floats) -> tuple[list[Any], float]:
    """Return what was decided and the share of one core that it took at the signal's own pace."""
    size = max(1, round(_CHUNK_S * len(x) / float(stamps_s[-1] - stamps_s[0])))
    found: list[Any] = []
    began = time.process_time()
    for at in range(0, len(x), size):
        found += estimator.push(x[at : at + size], stamps_s[at : at + size])
    return found, (time.process_time() - began) / float(stamps_s[-1] - stamps_s[0])


def _told(estimator: Estimator, now_s: float) -> dict[str, float | None]:
    return {r.vital: r.value for r in estimator.readings(now_s)}


def _pulse() -> list[Figure]:
    """Return hits, false alarms and timing by noise (share of the pulse's height, white)."""
    figures: list[Figure] = []
    for noise in (0.01, 0.1, 0.25):
        hits = due = found = 0
        off: list[float] = []
        share = 0.0
        for seed in range(_SEEDS):
            x, stamps, truth = pulses(90.0, 64.0, noise=noise, seed=seed)
            pulse, share = _fed(PpgEstimator(64.0), x, stamps)
            mine = np.array([p.at_s for p in pulse if p.at_s > 8.0])
            true = truth[(truth > 8.0) & (truth < 89.0)]
            apart = [float(mine[np.argmin(np.abs(mine - t))] - t) for t in true]
            hits += sum(1 for a in apart if abs(a) < 0.15)
            due, found = due + true.size, found + int(np.sum(mine < 89.0))
            off += [a for a in apart if abs(a) < 0.15]
        figures += [
            Figure(name=f"PPG, noise {noise:g}: pulses found", value=hits / due, unit="1"),
            Figure(name=f"PPG, noise {noise:g}: found that are pulses", value=hits / max(found, 1), unit="1"),
            Figure(name=f"PPG, noise {noise:g}: timing, SD", value=1e3 * float(np.std(off)), unit="ms"),
        ]
    return [*figures, Figure(name="PPG 64 Hz: share of a core", value=share, unit="1")]


def _skin() -> list[Figure]:
    hits = due = found = 0
    heights: list[float] = []
    share = 0.0
    for seed in range(_SEEDS):
        x, stamps, truth = skin(240.0, 32.0, seed=seed)
        responses, share = _fed(EdaEstimator(32.0), x, stamps)
        found += len(responses)
        for at, height in truth:
            near = min(responses, key=lambda r: abs(r.onset_s - at))
            due += 1
            if abs(near.onset_s - at) < 1.0:
                hits += 1
                heights.append(abs(near.amplitude_us / height - 1.0))
    return [
        Figure(name="EDA: responses found", value=hits / due, unit="1", note="onset within 1 s"),
        Figure(name="EDA: found that are responses", value=hits / found, unit="1"),
        Figure(name="EDA: height, median error", value=100.0 * float(np.median(heights)), unit="%"),
        Figure(name="EDA 32 Hz: share of a core", value=share, unit="1"),
    ]


def _brain() -> list[Figure]:
    peaks: list[float] = []
    thetas: list[float] = []
    sides: list[float] = []
    share = 0.0
    for seed in range(_SEEDS):
        peak_hz = 8.5 + 0.8 * seed
        x, stamps = brain(80.0, 250.0, alpha_uv=_ALPHA_UV, peak_hz=peak_hz, seed=seed)
        estimator = EegEstimator(250.0, _LABELS)
        _, share = _fed(estimator, x, stamps)
        told = _told(estimator, float(stamps[-1]))
        for errors, vital, true in (
            (peaks, "alpha_peak", peak_hz),
            (thetas, "frontal_theta", 25.0),
            (sides, "alpha_asymmetry", float(np.log(4.0))),
        ):
            value = told[vital]
            if value is not None:
                errors.append(abs(value / true - 1.0) if vital == "frontal_theta" else abs(value - true))
    return [
        Figure(name="EEG: seeds with an alpha peak", value=len(peaks) / _SEEDS, unit="1"),
        Figure(name="EEG: alpha peak, worst error", value=max(peaks, default=math.inf), unit="Hz"),
        Figure(name="EEG: frontal theta, worst error", value=100.0 * max(thetas, default=math.inf), unit="%"),
        Figure(name="EEG: alpha asymmetry, worst error", value=max(sides, default=math.inf), unit="ln ratio"),
        Figure(name="EEG 6 × 250 Hz: share of a core", value=share, unit="1"),
    ]


def _head() -> list[Figure]:
    x, stamps = head(30.0, 72.0)
    estimator = MotionEstimator(72.0)
    _, share = _fed(estimator, x, stamps)
    told = _told(estimator, float(stamps[-1]))
    return [
        Figure(name="head: sway of a 20 mm circle", value=told["head_sway"] or 0.0, unit="mm", limit=20.0),
        Figure(name="head 72 Hz: share of a core", value=share, unit="1"),
    ]


def _heart() -> list[Figure]:
    """Return SDNN and RMSSD against those of the simulated patient's true beats."""
    sdnn: list[float] = []
    rmssd: list[float] = []
    for seed in range(_SEEDS):
        lived = SimulatedPatient(PatientTraits(seed=seed)).step(RoomView(), 200.0)
        estimator = EcgEstimator(250.0)
        _fed(estimator, lived.ecg, lived.ecg_s)
        told = _told(estimator, 200.0)
        beats = np.array([b for b in lived.beats_s if b < 199.7])
        sdnn.append(_off(told["sdnn"], _spans_ms(beats, 180.0), deviation=True))
        rmssd.append(_off(told["rmssd"], _spans_ms(beats, 60.0), deviation=False))
    return [
        Figure(name="ECG: SDNN, worst error", value=100.0 * max(sdnn), unit="%"),
        Figure(name="ECG: RMSSD, worst error", value=100.0 * max(rmssd), unit="%"),
    ]


def _spans_ms(beats_s: Floats, window_s: float) -> Floats:
    spans: Floats = 1e3 * np.diff(beats_s[beats_s > beats_s[-1] - window_s])
    return spans


def _off(value: float | None, spans_ms: Floats, *, deviation: bool) -> float:
    true = float(np.std(spans_ms, ddof=1)) if deviation else float(np.sqrt(np.mean(np.diff(spans_ms) ** 2)))
    return abs((value or 0.0) / true - 1.0)


BENCH: Final = Benchmark(name="body", title="What is told of the body, against the truth", run=run)
