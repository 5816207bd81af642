"""What each installed estimator costs a sample, how many of its streams a core holds, the oracle beside it.

Fed as `sensors.ingest` feeds: chunks of 40 ms, and its readings asked for each quarter of a second. The
oracle is neurokit2, made for whole recordings: to say something new it takes the last minute again, each time
that the live estimator is asked. The live one tells beats and breaths in between as well, with each chunk.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import itertools
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from benchmarks._kit import BenchmarkFailed, Figure, Progress
from sensors.devices._patient import BELT_HZ, ECG_HZ, PatientTraits, RoomView, SimulatedPatient
from sensors.estimators import by_stream_type
from sensors.quality import Floats
from sensors.testing import brain, head, pulses, skin
from therapy.specs import EstimatorSpec

__all__ = ["ORACLE", "Stream", "cost_ms", "costs", "usual"]

ORACLE: Final = "neurokit2"
LONG_S: Final = 60.0
CHUNK_S: Final = 0.04
READ_S: Final = 0.25
WINDOWS: Final = 3
_HEAD: Final = ("X", "Y", "Z", "QX", "QY", "QZ", "QW")
_EEG: Final = ("F3", "F4", "Fz", "Cz", "O1", "O2")
_VOICE_HZ: Final = 16_000.0
_ALPHA_UV: Final = (4.0, 8.0, 6.0, 6.0, 12.0, 12.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A usual stream: samples (n, channels), times (n,), its rate (0 for irregular) and labels."""

    x: Floats
    at_s: Floats
    rate_hz: float
    labels: tuple[str, ...]


def usual(seconds: float = LONG_S) -> Mapping[str, Stream]:
    """Return a stream of `seconds` of each LSL type that an estimator is installed for, at its usual rate."""
    span = SimulatedPatient(PatientTraits(seed=1)).step(RoomView(), seconds)
    beats = np.asarray(span.beats_s)
    poses, poses_s = head(seconds, 72.0)
    waves, waves_s = brain(seconds, 250.0, alpha_uv=_ALPHA_UV)
    pulse, pulse_s, _ = pulses(seconds, 64.0)
    sweat, sweat_s, _ = skin(seconds, 32.0)
    voice_s = np.arange(round(seconds * _VOICE_HZ)) / _VOICE_HZ
    spoken = (
        0.2 * np.sign(np.sin(2.0 * np.pi * 120.0 * voice_s)) * (np.sin(2.0 * np.pi * 2.0 * voice_s) > 0.0)
    )
    belly = np.interp(poses_s, span.belt_s, span.belt)[:, None] * np.array([[0.001, 0.004, 0.002]])
    return {
        "ECG": Stream(x=span.ecg[:, None], at_s=span.ecg_s, rate_hz=ECG_HZ, labels=("ECG",)),
        "RR": Stream(x=np.diff(beats)[:, None], at_s=beats[1:], rate_hz=0.0, labels=("RR",)),
        "PPG": Stream(x=pulse[:, None], at_s=pulse_s, rate_hz=64.0, labels=("PPG",)),
        "RESPIRATION": Stream(x=span.belt[:, None], at_s=span.belt_s, rate_hz=BELT_HZ, labels=("chest",)),
        "EDA": Stream(x=sweat[:, None], at_s=sweat_s, rate_hz=32.0, labels=("EDA",)),
        "EEG": Stream(x=waves, at_s=waves_s, rate_hz=250.0, labels=_EEG),
        "HEADPOSE": Stream(x=poses, at_s=poses_s, rate_hz=72.0, labels=_HEAD),
        "BELLYMOTION": Stream(x=belly, at_s=poses_s, rate_hz=72.0, labels=("x", "y", "z")),
        "VOICE": Stream(x=spoken[:, None], at_s=voice_s, rate_hz=_VOICE_HZ, labels=("MIC",)),
    }


def costs(progress: Progress) -> list[Figure]:
    """Return µs a sample and streams a core for each estimator, and the ratio to the oracle for four.

    Raises:
        BenchmarkFailed: an estimator is installed for a type of which `usual` has no stream.
    """
    streams, figures = usual(), []
    for kind, spec in by_stream_type().items():
        if kind not in streams:
            raise BenchmarkFailed(f"a usual stream must be known for {spec.name!r}, there is none for {kind}")
        progress(f"{spec.name}: cost at its usual rate")
        stream = streams[kind]
        ms = cost_ms(spec, stream)
        rate_hz = stream.at_s.size / LONG_S
        shape = f"{stream.x.shape[1]} × {rate_hz:.3g} Hz"
        figures += [
            Figure(
                name=f"{spec.name}: CPU for a sample",
                value=1e3 * ms / rate_hz,
                unit="µs",
                limit=1e6 / rate_hz,
                note=f"{shape}, chunks of 40 ms, readings each 0.25 s; limit: the sample's period",
            ),
            Figure(
                name=f"{spec.name}: streams that a core holds", value=1e3 / ms, unit="streams", note=shape
            ),
        ]
        if kind in _ORACLE and importlib.util.find_spec(ORACLE) is not None:
            once_ms = _oracle_ms(_ORACLE[kind], stream)
            figures.append(
                Figure(
                    name=f"{spec.name}: {ORACLE}, a minute again for each reading",
                    value=once_ms / READ_S,
                    unit="ms of CPU a second",
                    limit=ms,
                    note=f"ratio: times the live one; {once_ms / ms:.2g} times if once a second will do",
                )
            )
    return figures


def cost_ms(spec: EstimatorSpec, stream: Stream) -> float:
    """Return the processor time (ms) that a second of `stream` takes live."""
    chosen = list(spec.choose(stream.labels))
    estimator = spec.build(stream.rate_hz, tuple(stream.labels[at] for at in chosen))
    x = np.ascontiguousarray(stream.x[:, chosen])
    edges = np.searchsorted(stream.at_s, np.arange(0.0, float(stream.at_s[-1]) + CHUNK_S, CHUNK_S))
    each = round(READ_S / CHUNK_S)
    began_s = time.process_time()
    for count, (at, end) in enumerate(itertools.pairwise(edges)):
        if end > at:
            estimator.push(x[at:end], stream.at_s[at:end])
        if count % each == 0:
            estimator.readings((count + 1) * CHUNK_S)
    return 1e3 * (time.process_time() - began_s) / LONG_S


def _oracle_ms(work: Callable[[Any, Floats, int], object], stream: Stream) -> float:
    """Return the processor time (ms) of the oracle for one minute of `stream`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the oracle's own use of pandas and numpy
        oracle: Any = importlib.import_module(ORACLE)
        x, rate_hz = stream.x[:, 0], int(stream.rate_hz)
        work(oracle, x, rate_hz)  # its imports and caches are not the question
        began_s = time.process_time()
        for _ in range(WINDOWS):
            work(oracle, x, rate_hz)
        return 1e3 * (time.process_time() - began_s) / WINDOWS


#: What the oracle would do each second for the events of one stream: clean it, find them.
_ORACLE: Final[Mapping[str, Callable[[Any, Floats, int], object]]] = {
    "ECG": lambda nk, x, hz: nk.ecg_peaks(nk.ecg_clean(x, sampling_rate=hz), sampling_rate=hz),
    "PPG": lambda nk, x, hz: nk.ppg_findpeaks(nk.ppg_clean(x, sampling_rate=hz), sampling_rate=hz),
    "RESPIRATION": lambda nk, x, hz: nk.rsp_peaks(nk.rsp_clean(x, sampling_rate=hz), sampling_rate=hz),
    "EDA": lambda nk, x, hz: nk.eda_peaks(
        nk.eda_phasic(nk.eda_clean(x, sampling_rate=hz), sampling_rate=hz)["EDA_Phasic"], sampling_rate=hz
    ),
}
