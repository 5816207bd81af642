"""Ten minutes of absurd controls: does the engine live, without a click, a peak, a stuck note or a leak?"""

from __future__ import annotations

import dataclasses
import math
import random
import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import psutil

from audio_engine.messages import (
    BLOCK_S,
    AudioConfig,
    AudioHeartbeat,
    AudioRefused,
    Duck,
    Fade,
    SetControls,
    Space,
)
from audio_engine.process import main as audio_main
from benchmarks._children import running
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from therapy.controls import MODES, TABLE, Controls

__all__ = ["BENCH", "absurd"]

OFFLINE_S: Final = 600.0
DOOR_S: Final = 45.0
STEADY_S: Final = 5.0
STEADIES: Final = 12
CALM_S: Final = 20.0
START_S: Final = 60.0
PEAK_LIMIT_DBTP: Final = -1.0
#: A storm may be this much sharper than the sharpest steady sound before it is called a click.
CLICK_MARGIN_DB: Final = 3.0
MEMORY_LIMIT_MB: Final = 8.0
_BAD: Final[tuple[Any, ...]] = (
    math.nan, math.inf, -math.inf, 1e300, -1e300, 0.0, -1.0, None, "x", True, 10**400,
)  # fmt: skip
_BLOCKS_PER_CHANGE: Final = 2
_BLOCKS_PER_FADE: Final = 50
_CHANGE_S: Final = 0.02
_TRUE_PEAK_TIMES: Final = 4
_CLICK_HZ: Final = 8000.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a storm was: see the figures."""

    took_s: float
    refused: int
    true_peak_dbtp: float
    sharpest_dbfs: float
    steady_dbfs: float
    stuck_notes: int
    grown_mb: float


def absurd(rng: random.Random) -> Controls:
    """Return controls of which three in ten are no sensible number and the rest are anywhere in bounds."""
    changes: dict[str, Any] = {
        name: rng.choice(_BAD) if rng.random() < 0.3 else rng.uniform(limit.low, limit.high)
        for name, limit in TABLE.items()
    }
    changes["mode"] = rng.choice([*MODES, "nonsense", None])
    return dataclasses.replace(Controls(), **changes)


def _anything(rng: random.Random) -> Controls:
    """Return controls anywhere in bounds."""
    changes: dict[str, Any] = {name: rng.uniform(limit.low, limit.high) for name, limit in TABLE.items()}
    return dataclasses.replace(Controls(), **changes, mode=rng.choice([*MODES]))


def run(progress: Progress) -> list[Figure]:
    """Storm the engine offline, then a real audio process through its pipe."""
    progress(f"{OFFLINE_S / 60:g} minutes offline, faster than real time")
    with running("storm", _offline, OFFLINE_S) as child:
        heard = child.answer(START_S + 2.0 * OFFLINE_S)
    progress(f"{DOOR_S:g} s through the process's door")
    beats, refused = _through_the_door()
    return figures(heard, beats, refused)


def figures(heard: Heard, beats: Sequence[AudioHeartbeat], refused: int) -> list[Figure]:
    """Return what was heard, held against what is promised."""
    through = max(beat.peak_dbtp for beat in beats)
    return [
        Figure(
            name="offline: speed",
            value=OFFLINE_S / heard.took_s,
            unit="× real time",
            note=f"{OFFLINE_S:g} s of sound, 50 changes a second, {heard.refused} with something refused",
        ),
        Figure(
            name="offline: true peak",
            value=heard.true_peak_dbtp,
            unit="dBTP",
            note=f"must be at most {PEAK_LIMIT_DBTP:g}; every sample finite",
        ),
        Figure(
            name="offline: sharpest moment over the sharpest steady sound",
            value=heard.sharpest_dbfs - heard.steady_dbfs,
            unit="dB",
            note=f"peak above 8 kHz, against {STEADIES} settings; over {CLICK_MARGIN_DB:g} is a click",
        ),
        Figure(
            name="offline: stuck notes", value=float(heard.stuck_notes), unit="notes", note="must be none"
        ),
        Figure(
            name="offline: memory grown",
            value=heard.grown_mb,
            unit="MB",
            limit=MEMORY_LIMIT_MB,
            note="from the first minute to the last",
        ),
        Figure(
            name="door: true peak",
            value=through,
            unit="dBTP",
            note=f"{DOOR_S:g} s of a real process; {refused} messages told of a refusal",
        ),
        Figure(
            name="door: late blocks",
            value=100.0 * beats[-1].late_blocks / beats[-1].blocks,
            unit="%",
            note=f"of {beats[-1].blocks}, start included; it did not die",
        ),
    ]


def _offline(conn: Connection, seconds: float) -> None:
    """Child: storm an engine without a clock; send a `Heard`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from audio_engine.engine import Engine  # noqa: PLC0415  # pyo belongs into a process of its own

    rng = random.Random(1)  # noqa: S311  # a storm that can be had again
    steady = max(_steady_dbfs(Engine, _anything(rng)) for _ in range(STEADIES))
    engine = Engine(seed=1, scene="ocean", controls=Controls())
    engine.fade(1.0, 0.1)
    refused, peak, sharpest, began_s = 0, 0.0, -120.0, time.perf_counter()
    meter = _Sharpness()
    memory: list[float] = []
    for second in range(round(seconds)):
        blocks = []
        for block in range(second * 100, (second + 1) * 100):
            at_s = block * BLOCK_S
            if block % _BLOCKS_PER_CHANGE == 0:
                engine.steer(absurd(rng), at_s)
                refused += bool(engine.door.refusals)
            if block % _BLOCKS_PER_FADE == 0:
                engine.fade(
                    rng.choice((1.0, 1.0, 1.0, 1.0, 0.0, math.nan, 7.0)), rng.choice((0.0, 0.25, math.inf))
                )
                engine.duck(
                    rng.choice((at_s, math.nan)), at_s + 0.3, rng.choice((10.0, math.inf, 99.0)), at_s
                )
            blocks.append(engine.block(at_s).frames)
        sound = np.concatenate(blocks)
        peak, sharpest = max(peak, _true_peak(sound)), max(sharpest, meter.push(sound))
        memory.append(psutil.Process().memory_info().rss / 1e6)
    took_s = time.perf_counter() - began_s
    for block in range(round(CALM_S / BLOCK_S)):
        engine.block(seconds + block * BLOCK_S)
    stuck = engine.overdue_notes
    engine.close()
    conn.send(
        Heard(
            took_s=took_s,
            refused=refused,
            true_peak_dbtp=20.0 * math.log10(max(peak, 1e-6)),
            sharpest_dbfs=sharpest,
            steady_dbfs=steady,
            stuck_notes=stuck,
            grown_mb=memory[-1] - memory[min(59, len(memory) // 2)],
        )
    )


def _steady_dbfs(make: Any, controls: Controls) -> float:
    """Return the sharpest second of a sound that nobody steers."""
    engine = make(seed=1, scene="ocean", controls=controls)
    engine.fade(1.0, 1.0)
    meter = _Sharpness()
    seconds = [
        meter.push(np.concatenate([engine.block(k * BLOCK_S).frames for k in range(s * 100, s * 100 + 100)]))
        for s in range(round(STEADY_S))
    ]
    engine.close()
    return max(seconds)


class _Sharpness:
    """Peak above 8 kHz, dBFS, of consecutive seconds."""

    def __init__(self) -> None:
        from scipy import signal as filters  # noqa: PLC0415  # two seconds that only this child spends

        self._filters = filters
        self._sos = filters.butter(8, _CLICK_HZ, "highpass", fs=48_000, output="sos")
        self._state = np.zeros((len(self._sos), 2, 2))

    def push(self, sound: npt.NDArray[np.float32]) -> float:
        high, self._state = self._filters.sosfilt(self._sos, sound, axis=0, zi=self._state)
        return 20.0 * math.log10(max(float(np.abs(high).max()), 1e-6))


def _true_peak(sound: npt.NDArray[np.float32]) -> float:
    if not np.isfinite(sound).all():
        raise BenchmarkFailed("every sample must be finite, got NaN or infinity")
    from scipy import signal as filters  # noqa: PLC0415  # as above

    return float(np.abs(filters.resample_poly(sound, _TRUE_PEAK_TIMES, 1, axis=0)).max())


def _through_the_door() -> tuple[list[AudioHeartbeat], int]:
    """Storm a real process; return its heartbeats and how many of its messages told of a refusal."""
    rng = random.Random(2)  # noqa: S311  # a storm that can be had again
    beats: list[AudioHeartbeat] = []
    refused = 0
    with running("audio", audio_main, AudioConfig(seed=1, gain=1.0)) as child:
        until_s = time.monotonic() + START_S
        while not beats and time.monotonic() < until_s:
            beats += [m for _, m in child.receive(time.monotonic() + 0.1) if isinstance(m, AudioHeartbeat)]
        until_s, turn = time.monotonic() + DOOR_S, 0
        while (now_s := time.monotonic()) < until_s:
            child.send(SetControls(controls=absurd(rng), at_s=rng.choice((now_s, math.nan, 1e18))))
            if turn % 25 == 0:
                child.send(
                    Fade(gain=rng.choice((0.0, 1.0, math.nan)), seconds=rng.choice((0.0, 0.3, math.inf)))
                )
                child.send(Duck(from_s=now_s, until_s=rng.choice((now_s + 0.2, math.nan)), depth_db=12.0))
                child.send(Space(on=rng.random() < 0.5))  # a coin
                child.send(rng.choice((None, "nonsense", 7, b"x")))
            for _, message in child.receive(now_s + _CHANGE_S):
                refused += isinstance(message, AudioRefused)
                if isinstance(message, AudioHeartbeat):
                    beats.append(message)
            turn += 1
    if not beats:
        raise BenchmarkFailed(f"the audio process must play within {START_S:g} s, did not")
    return beats, refused


BENCH: Final = Benchmark(name="storm", title="Ten minutes of absurd controls", run=run)
