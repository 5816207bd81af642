"""How fast a session is written, made safe and recovered, against what a room needs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks._kit import Benchmark, Figure, Progress
from session_records.chunks import Channel, Format, StreamDeclaration
from session_records.folder import XDF
from session_records.recorder import SYNC_S, Recorder
from session_records.recover import scan
from session_records.xdf import XdfWriter

__all__ = ["BENCH"]

#: What a room writes at the very most: 36 channels at 1 kHz with stamps, and the derived streams.
NEED_MB_S: Final = 0.3
CHANNELS: Final = 36
CHUNK_ROWS: Final = 20
WRITE_S: Final = 2.0
SYNCS: Final = 100
STARTED: Final = "2026-01-01T00:00:00+00:00"

_SIGNAL: Final = StreamDeclaration(
    name="signal",
    type="EEG",
    channels=tuple(Channel(label=f"c{index}", unit="uV") for index in range(CHANNELS)),
    nominal_rate_hz=1000.0,
    format=Format.FLOAT32,
)


def _blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the same noise with stamps that go on."""
    values = np.random.default_rng(1).normal(size=(CHUNK_ROWS, CHANNELS)).astype(np.float32)
    stamps = np.arange(CHUNK_ROWS) / 1000.0
    while True:
        yield stamps, values
        stamps = stamps + CHUNK_ROWS / 1000.0


def run(progress: Progress) -> list[Figure]:
    """Measure in the system's temporary folder; needs about 300 MB there for a few seconds."""
    with tempfile.TemporaryDirectory(prefix="stillwater-bench-") as name:
        folder = Path(name)
        progress("writing small chunks")
        writing = _writing(folder / "plain.xdf")
        progress("recovering what was written")
        recovering = _recovering(folder / "plain.xdf")
        progress("recording through the recorder")
        recording = _recording(folder / "session")
        progress("making small parts safe from a power cut")
        syncing = _syncing(folder / "synced.xdf")
    return [writing, recording, recovering, *syncing]


def _writing(path: Path) -> Figure:
    writer = XdfWriter.create(path, started=STARTED)
    stream = writer.declare(_SIGNAL, created_s=0.0)
    start = time.perf_counter()
    for stamps, values in _blocks():
        writer.samples(stream, stamps, values)
        if time.perf_counter() - start > WRITE_S:
            break
    speed = writer.bytes_written / 1e6 / (time.perf_counter() - start)
    writer.abandon()
    return Figure(
        name=f"XDF writer, {CHUNK_ROWS}-row chunks",
        value=speed,
        unit="MB/s",
        limit=NEED_MB_S,
        note="a room's need",
    )


def _recording(folder: Path) -> Figure:
    recorder = Recorder(folder, {}, clock_id="bench", started=STARTED, opened_s=0.0)
    start = time.perf_counter()
    for count, (stamps, values) in enumerate(_blocks()):
        recorder.raw(_SIGNAL, stamps, values)
        if count % 5 == 4:  # 100 ms of signal: a tick, as the recorder process does it
            recorder.tick(float(stamps[-1]))
        if time.perf_counter() - start > WRITE_S:
            break
    alarms = recorder.suspend(float(stamps[-1]))
    if alarms:
        raise RuntimeError(f"the disk must take what is recorded: {alarms[0].what}")
    speed = (folder / XDF).stat().st_size / 1e6 / (time.perf_counter() - start)
    return Figure(
        name="recorder, fsync each second of signal",
        value=speed,
        unit="MB/s",
        limit=NEED_MB_S,
        note="a room's need",
    )


def _recovering(path: Path) -> Figure:
    start = time.perf_counter()
    found = scan(path)
    took_s = time.perf_counter() - start
    return Figure(
        name="recovery scan",
        value=found.end / 1e6 / took_s,
        unit="MB/s",
        note="what a restarted recorder waits for",
    )


def _syncing(path: Path) -> list[Figure]:
    writer = XdfWriter.create(path, started=STARTED)
    stream = writer.declare(_SIGNAL, created_s=0.0)
    blocks = _blocks()
    took_ms: list[float] = []
    for _ in range(SYNCS):
        for _ in range(int(NEED_MB_S * 1e6 / (CHUNK_ROWS * (9 + 4 * CHANNELS)) / 10)):
            writer.samples(stream, *next(blocks))
        start = time.perf_counter()
        writer.sync()
        took_ms.append((time.perf_counter() - start) * 1e3)
    writer.abandon()
    return [
        Figure(
            name=f"fsync p{share}",
            value=float(np.percentile(took_ms, share)),
            unit="ms",
            limit=SYNC_S * 1e3,
            note="one fsync each second",
        )
        for share in (50, 99)
    ]


BENCH: Final = Benchmark(name="records", title="Recording a session", run=run)
