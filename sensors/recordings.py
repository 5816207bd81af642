"""Recordings of other programs, read whole: XDF, EDF/BDF, WFDB (PhysioNet), OpenSignals text, CSV and WAV.

`load_recording("v102s.hea")`, `load_recording("night.xdf")`, `load_recording("sample:ecg")`. The last kind
lies inside installed packages (extra `samples`) and is found without importing them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import io
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sensors.errors import BadRecording
from sensors.quality import Floats
from sensors.tabular import NOT_TOLD, Told, columns_of, read_csv, read_wav

__all__ = ["SAMPLES", "RecordedStream", "Recording", "Sample", "kind_of_channel", "load_recording"]

_LARGEST_BYTES: Final = 2 << 30
_RATES_HZ: Final = (0.1, 100_000.0)
_TABLES: Final = (".csv", ".wav")
_WFDB_SUFFIXES: Final = (".hea", ".dat", ".mat")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStream:
    """One stream: samples (n, channels) at `stamps_s` (n,), seconds on the recording's own clock, rising.

    `kind` is the LSL type it is published under; `rate_hz` 0 means irregular.
    """

    name: str
    kind: str
    rate_hz: float
    labels: tuple[str, ...]
    samples: Floats
    stamps_s: Floats
    unit: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """At least one stream with at least one sample; all on one clock."""

    name: str
    streams: tuple[RecordedStream, ...]

    @property
    def start_s(self) -> float:
        """Stamp of the first sample."""
        return min(float(s.stamps_s[0]) for s in self.streams)

    @property
    def duration_s(self) -> float:
        """Time from the first sample to the last one's end."""
        ends = [float(s.stamps_s[-1]) + (1.0 / s.rate_hz if s.rate_hz > 0.0 else 0.0) for s in self.streams]
        return max(ends) - self.start_s


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A freely licensed recording inside a package of the extra `samples`."""

    package: str
    path: str
    what: str


SAMPLES: Final[Mapping[str, Sample]] = {
    "ecg": Sample(
        package="pyhrv", path="files/SampleECG.txt", what="BITalino ECG, 1 kHz, 22 s (pyhrv, BSD-3)"
    ),
    "ppg": Sample(package="heartpy", path="data/data.csv", what="finger PPG, 100 Hz, 25 s (heartpy, MIT)"),
}
#: heartpy's documentation states it; the file does not.
_SAMPLE_PPG_HZ: Final = 100.0

_KINDS: Final = (
    (re.compile(r"(ECG|EKG|M?L?(I{1,3})|AV[RLF]|V[1-6XYZR]?|MCL\d?|MV\d?|CM\d)(\W.*)?"), "ECG"),
    (re.compile(r"(PLETH|PPG|BVP)(\W.*)?"), "PPG"),
    (re.compile(r"(RESP|PZT|RIP|RESPIRATION|BELT|IMPEDANCE|CHEST|ABDO(MEN)?)(\W.*)?"), "Respiration"),
    (re.compile(r"(EDA|GSR)(\W.*)?"), "EDA"),
    (re.compile(r"EEG(\W.*)?"), "EEG"),
)


def kind_of_channel(label: str) -> str:
    """Return the LSL type for a channel called `label`, `Misc` if it is not one that we know."""
    upper = label.strip().upper()
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(upper)), "Misc")


def load_recording(spec: str | Path, say: Told = NOT_TOLD) -> Recording:
    """Return the recording at a path or in `sample:NAME`.

    Paths: `.xdf`, `.edf`, `.bdf`, `.txt` (OpenSignals), `.csv`, `.wav`, WFDB with or without suffix.

    Args:
        spec: which.
        say: what the caller knows of a CSV or WAV and the file does not tell.

    Raises:
        BadRecording: missing, empty, too large, corrupt, of an unknown kind, or not told enough of.
    """
    text = str(spec)
    suffix = Path(text).suffix.lower()
    if say != NOT_TOLD and suffix not in _TABLES:
        raise BadRecording("a recording with columns or a rate told", f"one of {', '.join(_TABLES)}", text)
    if text.startswith("sample:"):
        return _load_sample(text.removeprefix("sample:"))
    path = Path(text)
    if suffix in _TABLES:
        return _read(path, lambda found: _load_table(found, say))
    if suffix in _WFDB_SUFFIXES or (not path.exists() and path.with_name(path.name + ".hea").exists()):
        header = path.with_suffix(".hea") if suffix in _WFDB_SUFFIXES else path.with_name(path.name + ".hea")
        return _read(header, _load_wfdb)
    readers: dict[str, Callable[[Path], list[RecordedStream]]] = {
        ".xdf": _load_xdf,
        ".txt": _load_opensignals,
        ".edf": _load_edf,
        ".bdf": _load_edf,
    }
    if suffix not in readers:
        known = ", ".join(
            [*sorted(readers), *_TABLES, *_WFDB_SUFFIXES, *(f"sample:{name}" for name in SAMPLES)]
        )
        raise BadRecording("recording", f"one of {known}", text)
    return _read(path, readers[suffix])


def _read(path: Path, load: Callable[[Path], list[RecordedStream]]) -> Recording:
    """Return what `load` finds in `path`; whatever a parser makes of a broken file becomes one error."""
    if not path.is_file():
        raise BadRecording("recording", "a file that exists", str(path))
    size = path.stat().st_size
    if not 0 < size <= _LARGEST_BYTES:
        raise BadRecording(f"size of {path.name}", f"1…{_LARGEST_BYTES} bytes", size)
    try:
        streams = load(path)
    except BadRecording:
        raise
    except Exception as error:  # third-party parsers raise anything on broken files
        told = f"{type(error).__name__}: {error}"
        raise BadRecording(f"content of {path.name}", "readable in its format", told[:200]) from error
    streams = [s for s in streams if s.samples.size]
    if not streams:
        raise BadRecording(f"streams in {path.name}", "at least one with samples", 0)
    for stream in streams:
        _check(path, stream)
    return Recording(name=path.stem, streams=tuple(streams))


def _check(path: Path, stream: RecordedStream) -> None:
    what = f"stream {stream.name!r} of {path.name}"
    low, high = _RATES_HZ
    if not (stream.rate_hz == 0.0 or low <= stream.rate_hz <= high):
        raise BadRecording(f"sampling rate of {what}", f"{low:g}…{high:g} Hz", stream.rate_hz)
    if not np.all(np.isfinite(stream.stamps_s)) or np.any(np.diff(stream.stamps_s) < 0.0):
        raise BadRecording(f"stamps of {what}", "finite and rising", "others")
    if not np.any(np.isfinite(stream.samples)):
        raise BadRecording(f"samples of {what}", "finite somewhere", "none")


def _load_sample(name: str) -> Recording:
    sample = SAMPLES.get(name)
    if sample is None:
        raise BadRecording("sample", f"one of {', '.join(SAMPLES)}", name)
    found = importlib.util.find_spec(sample.package)
    if found is None or not found.submodule_search_locations:
        raise BadRecording(
            f"sample:{name}", f"in the installed package {sample.package} (extra 'samples')", "not installed"
        )
    path = Path(found.submodule_search_locations[0]) / sample.path
    return _read(path, _load_ppg if name == "ppg" else _load_opensignals)


def _load_ppg(path: Path) -> list[RecordedStream]:
    values = np.loadtxt(path, dtype=np.float64, ndmin=1)
    return [_regular(path.stem + " PPG", "PPG", _SAMPLE_PPG_HZ, ("PPG",), values[:, None])]


def _regular(
    name: str, kind: str, rate_hz: float, labels: tuple[str, ...], samples: Floats, unit: str = ""
) -> RecordedStream:
    if not (math.isfinite(rate_hz) and rate_hz > 0.0):
        raise BadRecording(f"sampling rate of {name}", "positive", rate_hz)
    stamps = np.arange(len(samples)) / rate_hz
    return RecordedStream(
        name=name, kind=kind, rate_hz=rate_hz, labels=labels, samples=samples, stamps_s=stamps, unit=unit
    )


def _load_table(path: Path, say: Told) -> list[RecordedStream]:
    """Return the columns of a CSV or WAV that are told or known, one stream for each kind."""
    if path.suffix.lower() == ".wav":
        x, names, rate_hz = read_wav(path)
        table = columns_of(path, x, names, say, kind_of_channel, rate_hz)
    else:
        table = columns_of(path, *read_csv(path), say, kind_of_channel)
    streams = []
    for kind in dict.fromkeys(table.kinds):
        chosen = [k for k, each in enumerate(table.kinds) if each == kind]
        streams.append(
            RecordedStream(
                name=f"{path.stem} {kind}",
                kind=kind,
                rate_hz=table.rate_hz,
                labels=tuple(table.labels[k] for k in chosen),
                samples=np.ascontiguousarray(table.x[:, chosen]),
                stamps_s=table.stamps_s,
            )
        )
    return streams


def _grouped(
    name: str, rate_hz: float, labels: list[str], samples: Floats, units: list[str]
) -> list[RecordedStream]:
    """Return one stream for each kind among the columns of `samples` (n, channels)."""
    kinds = [kind_of_channel(label) for label in labels]
    streams: list[RecordedStream] = []
    for kind in dict.fromkeys(kinds):
        chosen = [i for i, each in enumerate(kinds) if each == kind]
        streams.append(
            _regular(
                f"{name} {kind}",
                kind,
                rate_hz,
                tuple(labels[i] for i in chosen),
                np.ascontiguousarray(samples[:, chosen]),
                units[chosen[0]],
            )
        )
    return streams


def _load_opensignals(path: Path) -> list[RecordedStream]:
    with path.open(encoding="utf-8") as lines:
        if "OpenSignals" not in lines.readline():
            raise BadRecording(f"first line of {path.name}", "an OpenSignals header", "another")
        header = json.loads(lines.readline().lstrip("# "))
        device = next(iter(header.values()))
        body = lines.read().split("# EndOfHeader", 1)[-1]
    columns: list[str] = device["column"]
    sensors: list[str] = device.get("sensor") or device["label"]
    wanted = [columns.index(label) for label in device["label"]]
    samples = np.loadtxt(io.StringIO(body), dtype=np.float64, usecols=wanted, ndmin=2)
    return _grouped(path.stem, float(device["sampling rate"]), sensors, samples, ["count"] * len(sensors))


def _load_wfdb(header: Path) -> list[RecordedStream]:
    import wfdb  # noqa: PLC0415  # brings pandas: a second of start-up that only recordings of this kind pay

    record = str(header.with_suffix(""))
    about = wfdb.rdheader(record)
    # PhysioNet records may name files that were never copied along: read those that are there
    there = [i for i, name in enumerate(about.file_name or ()) if (header.parent / name).is_file()]
    if not there:
        raise BadRecording(
            f"signal file of {header.name}", "beside it", ", ".join(sorted(set(about.file_name or ())))
        )
    data = wfdb.rdrecord(record, channels=there)
    return _grouped(
        header.stem, float(data.fs), list(data.sig_name), np.asarray(data.p_signal), list(data.units)
    )


def _load_edf(path: Path) -> list[RecordedStream]:
    """Return the signals of an EDF, EDF+C or BDF file; those of one kind and rate share a stream."""
    import edfio  # noqa: PLC0415  # as above

    read = edfio.read_bdf if path.suffix.lower() == ".bdf" else edfio.read_edf
    groups: dict[tuple[str, float], list[Any]] = {}
    for signal in read(path).signals:
        groups.setdefault((kind_of_channel(signal.label), float(signal.sampling_frequency)), []).append(
            signal
        )
    return [
        _regular(
            f"{path.stem} {kind}",
            kind,
            rate_hz,
            tuple(signal.label for signal in signals),
            np.column_stack([np.asarray(signal.data, dtype=np.float64) for signal in signals]),
            signals[0].physical_dimension,
        )
        for (kind, rate_hz), signals in groups.items()
    ]


def _load_xdf(path: Path) -> list[RecordedStream]:
    import pyxdf  # noqa: PLC0415  # as above

    with path.open("rb") as file, contextlib.redirect_stderr(io.StringIO()):
        found, _ = pyxdf.load_xdf(file, verbose=False)
    return [stream for raw in found if (stream := _xdf_stream(raw)) is not None]


def _xdf_stream(raw: Mapping[str, Any]) -> RecordedStream | None:
    """Return a numeric stream of pyxdf's, `None` for text or nothing."""
    info = raw["info"]
    stamps: npt.NDArray[np.float64] = np.asarray(raw["time_stamps"], dtype=np.float64)
    if info["channel_format"][0] == "string" or not stamps.size:
        return None
    samples = np.asarray(raw["time_series"], dtype=np.float64).reshape(stamps.size, -1)
    order = np.argsort(stamps, kind="stable")
    name = info["name"][0] or "unnamed"
    labels = _xdf_labels(info, samples.shape[1])
    return RecordedStream(
        name=name,
        kind=_xdf_kind(info["type"][0] or "", labels),
        rate_hz=float(info["nominal_srate"][0]),
        labels=labels,
        samples=np.ascontiguousarray(samples[order]),
        stamps_s=stamps[order],
    )


def _xdf_labels(info: Mapping[str, Any], count: int) -> tuple[str, ...]:
    description = (info.get("desc") or [None])[0] or {}
    channels = ((description.get("channels") or [None])[0] or {}).get("channel") or []
    labels = tuple(str((c.get("label") or [""])[0]) for c in channels)
    return labels if len(labels) == count else tuple(f"{i}" for i in range(count))


def _xdf_kind(kind: str, labels: tuple[str, ...]) -> str:
    if kind:
        return kind
    return kind_of_channel(labels[0]) if labels else "Misc"
