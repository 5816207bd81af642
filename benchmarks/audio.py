"""How much of a core the music takes, and whether each block of it is ready in time."""

from __future__ import annotations

import dataclasses
import math
import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np

from audio_engine.messages import BLOCK_S, AudioConfig, AudioHeartbeat, SetControls
from audio_engine.process import main as audio_main
from benchmarks._children import ChildProcess, cpu_s, running
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from therapy.controls import NEUTRAL, Controls

__all__ = ["BENCH"]

PACED_S: Final = 20.0
FLAT_OUT_S: Final = 20.0
SETTLE_S: Final = 3.0
CONTROLS_S: Final = 0.05
START_S: Final = 60.0
#: What this project promises: one block in a thousand.
LATE_SHARE_PERCENT: Final = 0.1
_BLOCKS_PER_CONTROLS: Final = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Paced:
    """What a real audio process did for a while: heartbeats at both ends and its processor time between."""

    first: AudioHeartbeat
    last: AudioHeartbeat
    cpu_s: float


def run(progress: Progress) -> list[Figure]:
    """Run a real audio process paced, and an engine flat out in another process."""
    progress("playing in real time")
    with running("audio", audio_main, AudioConfig(seed=1, gain=1.0)) as child:
        paced = _play(child)
    progress("making blocks flat out")
    with running("audio flat out", _flat_out, FLAT_OUT_S) as child:
        blocks_ms = child.answer(START_S + 2.0 * FLAT_OUT_S)
    progress("rendering offline")
    with running("audio offline", _offline, FLAT_OUT_S) as child:
        offline_s = child.answer(START_S + 2.0 * FLAT_OUT_S)
    return figures(paced, blocks_ms, FLAT_OUT_S / offline_s)


def figures(paced: Paced, blocks_ms: Sequence[float], speed: float) -> list[Figure]:
    """Return what was measured, held against the block's length and the share of late blocks."""
    first, last = paced.first, paced.last
    blocks = last.blocks - first.blocks
    period_ms = 1e3 * BLOCK_S
    priority = "with" if last.realtime else "without"
    return [
        Figure(
            name="paced: processor time",
            value=100.0 * paced.cpu_s / (last.at_s - first.at_s),
            unit="% of a core",
            limit=100.0,
            note=f"synthesis, master, Opus and pipe; {priority} real-time priority",
        ),
        Figure(
            name="paced: block p99",
            value=last.block_ms_p99,
            unit="ms",
            limit=period_ms,
            note="the last 500 blocks, as the process itself reports",
        ),
        Figure(
            name="paced: late blocks",
            value=100.0 * (last.late_blocks - first.late_blocks) / blocks,
            unit="%",
            limit=LATE_SHARE_PERCENT,
            note=f"of {blocks}: ready more than 10 ms after they were due, 60 ms before the ear",
        ),
        Figure(
            name="paced: missed blocks",
            value=100.0 * (last.missed_blocks - first.missed_blocks) / blocks,
            unit="%",
            note="ready after their time at the ear, or skipped",
        ),
        *(
            Figure(
                name=f"flat out: block p{share}",
                value=float(np.percentile(blocks_ms, share)),
                unit="ms",
                limit=period_ms,
                note="10 ms of sound, encoded; caches warm",
            )
            for share in (50, 99)
        ),
        Figure(
            name="offline render",
            value=speed,
            unit="× real time",
            limit=1.0,
            note="more is better; no encoder, engine's start included",
        ),
    ]


def moving(at_s: float) -> Controls:
    """Return controls that go up and down, as a session's do, so that every part has something to follow."""
    wave = 0.5 + 0.5 * math.sin(2.0 * math.pi * at_s / 8.0)
    return dataclasses.replace(
        NEUTRAL,
        tempo_bpm=54.0 + 12.0 * wave,
        brightness=0.3 + 0.3 * wave,
        notes_per_s=0.6 + 0.8 * wave,
        ocean=0.5 + 0.2 * wave,
        pacer_phase=(NEUTRAL.breath_pace_per_min / 60.0 * at_s) % 1.0,
    )


def _play(child: ChildProcess) -> Paced:
    """Steer a paced engine 20 times a second; measure once it has settled."""
    began_s = time.monotonic()
    first: AudioHeartbeat | None = None
    last: AudioHeartbeat | None = None
    heard_s: float | None = None
    used_s = 0.0
    while last is None or first is None or last.at_s - first.at_s < PACED_S:
        now_s = time.monotonic()
        if heard_s is None and now_s - began_s > START_S:
            raise BenchmarkFailed(f"the audio process must play within {START_S:g} s, did not")
        child.send(SetControls(controls=moving(now_s - began_s), at_s=now_s))
        for at_s, message in child.receive(now_s + CONTROLS_S):
            heard_s = heard_s or at_s
            if isinstance(message, AudioHeartbeat) and at_s - heard_s > SETTLE_S:
                if first is None:
                    first, used_s = message, cpu_s(child.pid)
                last = message
    return Paced(first=first, last=last, cpu_s=cpu_s(child.pid) - used_s)


def _flat_out(conn: Connection, seconds: float) -> None:
    """Child: make and encode `seconds` of sound without waiting; send each block's time in ms."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from audio_engine.engine import Engine  # noqa: PLC0415  # pyo belongs into a process of its own
    from audio_engine.opus import OpusEncoder  # noqa: PLC0415  # same

    engine, encoder = Engine(seed=1, scene="ocean", controls=moving(0.0)), OpusEncoder()
    engine.fade(1.0, 0.5)
    took_ms: list[float] = []
    for index in range(round(seconds / BLOCK_S)):
        at_s = index * BLOCK_S
        if index % _BLOCKS_PER_CONTROLS == 0:
            engine.steer(moving(at_s), at_s)
        start_s = time.perf_counter()
        encoder.encode(engine.block(at_s).frames)
        took_ms.append(1e3 * (time.perf_counter() - start_s))
    engine.close()
    conn.send(took_ms)


def _offline(conn: Connection, seconds: float) -> None:
    """Child: render `seconds` of sound; send how long it took."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from audio_engine.offline import render  # noqa: PLC0415  # pyo belongs into a process of its own

    start_s = time.perf_counter()
    sound: Any = render(moving, seconds, 1)
    took_s = time.perf_counter() - start_s
    if not np.any(sound):
        raise BenchmarkFailed("what is rendered must be heard, it is silence")
    conn.send(took_s)


BENCH: Final = Benchmark(name="audio", title="Music and nature sounds", run=run)
