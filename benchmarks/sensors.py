"""What an estimator costs per sample, and whether its beats are those of an established program."""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks._accuracy import accuracy
from benchmarks._breaths import breaths, derived
from benchmarks._costs import costs as costs_at_usual_rates
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from benchmarks._pulse_rates import pulse_rates
from sensors.devices.replay import load_recording
from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.errors import SensorsError
from sensors.estimators import by_stream_type
from sensors.estimators.ecg import EcgEstimator
from therapy.events import Beat
from therapy.specs import EstimatorSpec

__all__ = ["BENCH"]

RATE_HZ: Final = 1000.0
SIGNAL_S: Final = 20.0
CHUNKS: Final = (1, 8, 64)
RECORDING: Final = "sample:ecg"
ORACLE: Final = "neurokit2"
#: Two R peaks are the same within this; AAMI EC57 allows 150 ms.
SAME_S: Final = 0.05
#: What the detector has to reach on a clean lead.
WANTED: Final = 0.99
WINDOWS: Final = 3
#: The detector learns its levels for two seconds; what comes in the last moment is not yet decided.
LEARN_S: Final = 2.3
DECIDE_S: Final = 0.2

Floats = npt.NDArray[np.float64]


def run(progress: Progress) -> list[Figure]:
    """Measure in this process, on one core; then compare beats, where the oracle is installed."""
    progress("making signals")
    signals, stamps_s = simulated(SIGNAL_S)
    costs: list[Figure] = []
    for kind, spec in by_stream_type().items():
        if kind not in signals:
            continue  # `_costs` measures those that need signals of another kind
        x = signals[kind]
        progress(f"{spec.name}: cost of a sample")
        costs += [_cost(spec, x, stamps_s, size) for size in CHUNKS]
    progress("comparing beats")
    return [
        *costs,
        *costs_at_usual_rates(progress),
        *against_window(progress),
        *beats(),
        *accuracy(progress),
        *pulse_rates(progress),
        *breaths(progress),
        *derived(progress),
    ]


def against_window(progress: Progress) -> list[Figure]:
    """Return what a second of ECG costs live and with the oracle on a sliding minute, and the ratio."""
    if importlib.util.find_spec(ORACLE) is None:
        return []
    progress(f"cost against {ORACLE} on a sliding minute")
    signals, stamps_s = simulated(60.0)
    x = signals["ECG"]
    estimator, size = EcgEstimator(RATE_HZ), round(RATE_HZ / 10.0)
    began_s = time.process_time()
    for at in range(0, x.size, size):
        estimator.push(x[at : at + size], stamps_s[at : at + size])
        if at // size % 10 == 9:
            estimator.readings(float(stamps_s[at + size - 1]))
    live_ms = 1e3 * (time.process_time() - began_s) / 60.0
    _reference(x, RATE_HZ)  # its imports and caches are not the question
    began_s = time.process_time()
    for _ in range(WINDOWS):
        _reference(x, RATE_HZ)
    window_ms = 1e3 * (time.process_time() - began_s) / WINDOWS
    return [
        Figure(name="ECG live: CPU for a second of 1 kHz", value=live_ms, unit="ms"),
        Figure(name="ECG streams of 1 kHz that a core holds", value=1000.0 / live_ms, unit="streams"),
        Figure(
            name=f"{ORACLE}, a minute again each second: CPU for a second",
            value=window_ms,
            unit="ms",
            limit=live_ms,
            note="ratio: times the live estimator",
        ),
    ]


def simulated(seconds: float) -> tuple[Mapping[str, Floats], Floats]:
    """Return a simulated patient's ECG and belt by LSL type, at 1 kHz, and their times."""
    span = SimulatedPatient(PatientTraits(seed=1)).step(RoomView(), seconds)
    stamps_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return {
        "ECG": np.interp(stamps_s, span.ecg_s, span.ecg),
        "RESPIRATION": np.interp(stamps_s, span.belt_s, span.belt),
    }, stamps_s


def beats() -> list[Figure]:
    """Return how the ECG estimator's beats agree with neurokit2's, or why that is not known."""
    name = f"beats like {ORACLE}'s"
    if importlib.util.find_spec(ORACLE) is None:
        return [Figure(name=name, value=0.0, unit="beats", note=f"not compared: {ORACLE} is not installed")]
    try:
        recording = load_recording(RECORDING)
    except SensorsError as error:
        return [Figure(name=name, value=0.0, unit="beats", note=f"not compared: {error}")]
    stream = next(s for s in recording.streams if s.kind == "ECG")
    x, stamps_s = stream.samples[:, 0], stream.stamps_s - stream.stamps_s[0]
    reference = _reference(x, stream.rate_hz)
    reference = reference[(reference > LEARN_S) & (reference < stamps_s[-1] - DECIDE_S)]
    found = np.array([at_s for at_s in _found(x, stamps_s, stream.rate_hz) if at_s > LEARN_S])
    return compared(found, reference)


def compared(found: Floats, reference: Floats) -> list[Figure]:
    """Return sensitivity and positive predictive value of `found` (s), and how far matches are apart.

    Raises:
        BenchmarkFailed: there are no beats to compare.
    """
    if not (found.size and reference.size):
        raise BenchmarkFailed(f"beats must be found, found {found.size}; {ORACLE} {reference.size}")
    apart_s = _nearest(reference, found)
    note = (
        f"{RECORDING}, {reference.size} beats of {ORACLE}'s default method, same within {SAME_S * 1e3:g} ms"
    )
    return [
        Figure(
            name="beats: sensitivity",
            value=float(np.mean(apart_s < SAME_S)),
            unit="1",
            limit=WANTED,
            note=f"more is better; {note}",
        ),
        Figure(
            name="beats: positive predictive value",
            value=float(np.mean(_nearest(found, reference) < SAME_S)),
            unit="1",
            limit=WANTED,
            note=f"more is better; {note}",
        ),
        Figure(
            name="beats: distance p95",
            value=1e3 * float(np.percentile(apart_s, 95)),
            unit="ms",
            limit=1e3 * SAME_S,
            note="R peak to R peak, all beats of the reference",
        ),
    ]


def _nearest(these: Floats, those: Floats) -> Floats:
    """Return how far each of `these` is from the nearest of `those`."""
    return np.asarray(np.min(np.abs(these[:, None] - those[None, :]), axis=1), dtype=np.float64)


def _cost(spec: EstimatorSpec, x: Floats, stamps_s: Floats, size: int) -> Figure:
    estimator = spec.build(RATE_HZ, ("",))
    parts = [(x[at : at + size], stamps_s[at : at + size]) for at in range(0, x.size, size)]
    start_s = time.perf_counter()
    for samples, times in parts:
        estimator.push(samples, times)
    took_s = time.perf_counter() - start_s
    return Figure(
        name=f"{spec.name}, chunks of {size}",
        value=1e6 * took_s / x.size,
        unit="µs per sample",
        limit=1e6 / RATE_HZ,
        note="sample period of 1 kHz",
    )


def _found(x: Floats, stamps_s: Floats, rate_hz: float) -> Sequence[float]:
    """Return the live estimator's R peaks, fed a tenth of a second at a time."""
    estimator = EcgEstimator(rate_hz)
    size = round(rate_hz / 10.0)
    events: list[Beat] = []
    for at in range(0, x.size, size):
        events += estimator.push(x[at : at + size], stamps_s[at : at + size])
    return [beat.at_s for beat in events]


def _reference(x: Floats, rate_hz: float) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the oracle's own use of pandas and numpy
        oracle: Any = importlib.import_module(ORACLE)
        clean = oracle.ecg_clean(x, sampling_rate=int(rate_hz))
        peaks = oracle.ecg_peaks(clean, sampling_rate=int(rate_hz))[1]["ECG_R_Peaks"]
    return np.asarray(peaks, dtype=np.float64) / rate_hz


BENCH: Final = Benchmark(
    name="sensors", title="Estimators: what a sample costs, whose beats they find", run=run
)
