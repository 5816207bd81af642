"""What the music costs against other ways to make it, and how many rooms one core carries. All in one run."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np

from audio_engine.messages import (
    BLOCK_FRAMES,
    BLOCK_S,
    RATE_HZ,
    AudioConfig,
    AudioHeartbeat,
    NotePlayed,
    SetControls,
)
from audio_engine.process import main as audio_main
from benchmarks._children import running
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from benchmarks._superc import AUDIO, CONTROL, render_cpu_s
from benchmarks._superc_patch import score
from benchmarks.audio import LATE_SHARE_PERCENT, moving

__all__ = ["BENCH"]

FLAT_OUT_S: Final = 20.0
#: Start-up is measured with this much and taken off.
_SHORT_S: Final = 1.0
ROOM_S: Final = 8.0
MOST_ROOMS: Final = 6
SETTLE_S: Final = 3.0
START_S: Final = 60.0
ROOMS_WANTED: Final = 4.0
_NUMPY_VOICES: Final = 8
_BLOCKS_PER_CONTROLS: Final = 5


def run(progress: Progress) -> list[Figure]:
    """Render the same length in each way, then fill one core with rooms."""
    progress(f"engine, {FLAT_OUT_S:g} s flat out")
    with running("engine", _engine, FLAT_OUT_S) as child:
        costs, notes = child.answer(START_S + 4.0 * FLAT_OUT_S)
    ways = (
        ("numpy", _numpy),
        ("empty server", _empty),
    )
    for name, way in ways:
        progress(f"{name}, {FLAT_OUT_S:g} s flat out")
        with running(name, way, FLAT_OUT_S) as child:
            costs |= child.answer(START_S + 4.0 * FLAT_OUT_S)
    progress("scsynth")
    costs |= _scsynth(notes)
    rooms = {}
    for realtime in (True, False):
        said = "with" if realtime else "without"

        def tell(count: int, said: str = said) -> None:
            progress(f"{count} rooms on a core, {said} priority")

        rooms[realtime] = _rooms(tell, realtime=realtime)
    return figures(costs, rooms)


def figures(costs: dict[str, float], rooms: dict[bool, tuple[int, float]]) -> list[Figure]:
    """Return the costs, ours held against scsynth's, and how many rooms a core carries."""
    theirs, dry = costs.get("scsynth"), costs.get("scsynth dry")
    return [
        Figure(
            name="our full patch",
            value=costs["engine"],
            unit="% of a core",
            limit=theirs,
            note="synthesis, score, steering, loudness, limiter, true-peak meters; flat out"
            + ("; limit: scsynth, which neither composes nor oversamples" if theirs else ""),
        ),
        Figure(
            name="of which synthesis",
            value=costs["synthesis"],
            unit="% of a core",
            limit=dry,
            note="tones and pyo's graph with its room; limit: scsynth without its master"
            if dry
            else "tones and pyo's graph",
        ),
        Figure(
            name="of which master", value=costs["master"], unit="% of a core", note="gain, limiter, meters"
        ),
        Figure(
            name="of which score and steering",
            value=costs["engine"] - costs["synthesis"] - costs["master"],
            unit="% of a core",
            note="the rest, in Python",
        ),
        Figure(name="Opus, the bed", value=costs["opus"], unit="% of a core", note="one stereo stream"),
        Figure(
            name="Opus, the place apart",
            value=costs["opus of the place"],
            unit="% of a core",
            note="two more streams, for a headset that turns the place with the head",
        ),
        *_theirs(costs),
        Figure(
            name="plain numpy, closest patch",
            value=costs["numpy"],
            unit="% of a core",
            note="the pad, drone and noises alone",
        ),
        Figure(name="empty pyo server", value=costs["empty server"], unit="% of a core"),
        *(
            Figure(
                name=f"rooms per core, {'with' if realtime else 'without'} real-time priority",
                value=float(count),
                unit="rooms",
                limit=ROOMS_WANTED,
                note=f"more is better; at most {LATE_SHARE_PERCENT:g} % late; one more: {late:.2f} % late"
                if count < MOST_ROOMS
                else f"more is better; more than {MOST_ROOMS} were not tried",
            )
            for realtime, (count, late) in rooms.items()
        ),
    ]


def _theirs(costs: dict[str, float]) -> list[Figure]:
    """Return scsynth's costs, slow things computed once a block (its users' way) or each sample (pyo's)."""
    if "scsynth" not in costs:
        missing = "not installed: apt-get install supercollider-server"
        return [Figure(name="scsynth, same notes", value=0.0, unit="% of a core", note=missing)]
    why = {
        "scsynth": "limiter and loudness meters too; non-real-time, start-up taken off",
        "scsynth dry": "without them",
        "scsynth at audio rate": "the like of it with every unit at audio rate, as pyo works",
        "scsynth dry at audio rate": "without limiter and meters",
    }
    return [
        Figure(name=f"{name}, same notes", value=costs[name], unit="% of a core", note=note)
        for name, note in why.items()
    ] + [
        Figure(
            name="synthesis against scsynth's at audio rate",
            value=costs["synthesis"] / costs["scsynth dry at audio rate"],
            unit="times",
            limit=1.0,
            note="equal work: every object has its unit, at the same rate",
        )
    ]


def _scsynth(notes: list[NotePlayed]) -> dict[str, float]:
    """Return what the same notes cost scsynth, whole and without a master, at its own rates and at pyo's."""
    end_s = FLAT_OUT_S + _SHORT_S
    steps = range(0, round(end_s / BLOCK_S), _BLOCKS_PER_CONTROLS)
    steered = [(index * BLOCK_S, moving(index * BLOCK_S)) for index in steps]
    costs = {}
    for rate, at_rate in ((CONTROL, ""), (AUDIO, " at audio rate")):
        for master, what in ((True, "scsynth"), (False, "scsynth dry")):
            messages = score(notes, steered, master=master, slow=rate)
            spent_s = [render_cpu_s(messages, end_s), render_cpu_s(messages, end_s)]
            start_s = [render_cpu_s(messages, _SHORT_S), render_cpu_s(messages, _SHORT_S)]
            if None not in spent_s and None not in start_s:
                long_s, short_s = min(s for s in spent_s if s), min(s for s in start_s if s)
                costs[what + at_rate] = 100.0 * (long_s - short_s) / FLAT_OUT_S
    return costs


def _rooms(progress: Callable[[int], None], *, realtime: bool) -> tuple[int, float]:
    """Return how many rooms play on one core with no block in a thousand late, and of one more."""
    for count in range(1, MOST_ROOMS + 1):
        progress(count)
        late = _late_percent(count, realtime=realtime)
        if late > LATE_SHARE_PERCENT:
            return count - 1, late
    return MOST_ROOMS, 0.0


def _late_percent(count: int, *, realtime: bool) -> float:
    """Play `count` rooms on one core; return the share of late blocks once all have settled."""
    with contextlib.ExitStack() as stack:
        children = [
            stack.enter_context(
                running("audio", _on_one_core, AudioConfig(seed=n + 1, gain=1.0, realtime=realtime))
            )
            for n in range(count)
        ]
        first: list[AudioHeartbeat | None] = [None] * count
        last: list[AudioHeartbeat | None] = [None] * count
        began_s = time.monotonic()
        while time.monotonic() < began_s + START_S:
            now_s = time.monotonic()
            for child in children:
                child.send(SetControls(controls=moving(now_s - began_s), at_s=now_s))
            for n, child in enumerate(children):
                for _, message in child.receive(now_s + 0.05 * (n + 1) / count):
                    if isinstance(message, AudioHeartbeat):
                        last[n] = message
            if all(last) and all(first):
                if all(b.at_s - a.at_s > ROOM_S for a, b in zip(first, last, strict=True) if a and b):
                    break
            elif all(beat is not None and beat.blocks * BLOCK_S > SETTLE_S for beat in last):
                first = list(last)
        pairs = [(a, b) for a, b in zip(first, last, strict=True) if a is not None and b is not None]
    if len(pairs) < count:
        raise BenchmarkFailed(f"{count} rooms must play within {START_S:g} s, {len(pairs)} did")
    late = sum(b.late_blocks - a.late_blocks for a, b in pairs)
    return 100.0 * late / sum(b.blocks - a.blocks for a, b in pairs)


def _on_one_core(conn: Connection, config: AudioConfig) -> None:
    """Child: a real audio process that may use one core only."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    audio_main(conn, config)


def _measured(block: Callable[[int], object], seconds: float) -> float:
    """Run `block` for `seconds` of sound; return the processor time as a percentage of the sound's length."""
    first, count = round(_SHORT_S / BLOCK_S), round(seconds / BLOCK_S)
    for index in range(first):
        block(index)
    start_s = time.process_time()
    for index in range(first, first + count):
        block(index)
    return 100.0 * (time.process_time() - start_s) / seconds


class _Clock:
    """The processor time of calls that go through it."""

    def __init__(self) -> None:
        self.spent_s = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, its time counted."""

        def call(*args: object, **kwargs: object) -> object:
            start_s = time.process_time()
            result = function(*args, **kwargs)
            self.spent_s += time.process_time() - start_s
            return result

        return call


def _engine(conn: Connection, seconds: float) -> None:
    """Child: the whole engine, then again with its parts timed (clocks cost), then its encoders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from audio_engine.engine import Engine  # noqa: PLC0415  # pyo belongs into a process of its own
    from audio_engine.opus import OpusEncoder, PlaceEncoder  # noqa: PLC0415  # same

    engine = Engine(seed=1, scene="ocean", controls=moving(0.0))
    engine.fade(1.0, 0.5)
    notes: list[NotePlayed] = []

    def block(index: int) -> Any:
        at_s = index * BLOCK_S
        if index % _BLOCKS_PER_CONTROLS == 0:
            engine.steer(moving(at_s), at_s)
        made = engine.block(at_s)
        notes.extend(made.notes)
        return made.frames

    costs = {"engine": _measured(block, seconds)}
    played = [dataclasses.replace(note, at_s=max(note.at_s, 0.0)) for note in notes]
    graph, master = _Clock(), _Clock()
    # What is measured is inside: pyo's graph, and the tones that numpy adds up for it.
    synth, desk = engine._synth, engine._desk  # noqa: SLF001
    synth.process = graph.timed(synth.process)  # type: ignore[method-assign]
    desk.fill = graph.timed(desk.fill)  # type: ignore[method-assign]
    engine.master.process = master.timed(engine.master.process)  # type: ignore[method-assign]
    _measured(block, seconds)
    # Both passes play a second before they measure; the clocks ran through it.
    share = 100.0 / (seconds + _SHORT_S)
    costs |= {"synthesis": share * graph.spent_s, "master": share * master.spent_s}
    sound = [block(index) for index in range(round(seconds / 4.0 / BLOCK_S))]
    field = [np.concatenate((frames, frames[::-1]), axis=1) for frames in sound]
    bed, place = OpusEncoder(), PlaceEncoder()
    encode_s = seconds / 4.0 - _SHORT_S
    costs["opus"] = _measured(lambda index: bed.encode(sound[index]), encode_s)
    costs["opus of the place"] = _measured(lambda index: place.encode(field[index]), encode_s)
    engine.close()
    conn.send((costs, played))


def _empty(conn: Connection, seconds: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from audio_engine._pyo import pyo  # noqa: PLC0415  # pyo belongs into a process of its own

    server = pyo.Server(sr=RATE_HZ, nchnls=2, buffersize=BLOCK_FRAMES, duplex=0, audio="manual")
    server.setVerbosity(1)
    server.deactivateMidi()
    server.boot()
    server.start()
    conn.send({"empty server": _measured(lambda _index: server.process(), seconds)})
    server.stop()
    server.shutdown()


def _numpy(conn: Connection, seconds: float) -> None:
    """Child: pad, drone and noises of the patch in numpy and scipy, block by block with their states."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from scipy import signal as filters  # noqa: PLC0415  # two seconds that only this child spends

    rng = np.random.default_rng(1)
    hz = 110.0 * (1.0 + 0.25 * np.arange(_NUMPY_VOICES))
    detuned = np.concatenate([hz * ratio for ratio in (0.997, 1.002, 1.0, 1.004)])[:, None]
    low = filters.butter(4, 900.0, fs=RATE_HZ, output="sos")
    noise = filters.butter(4, (60.0, 700.0), "bandpass", fs=RATE_HZ, output="sos")
    states: dict[str, Any] = {"low": np.zeros((len(low), 2, 2)), "noise": np.zeros((len(noise), 2, 2))}

    def block(index: int) -> object:
        time_s = (index * BLOCK_FRAMES + np.arange(BLOCK_FRAMES)) / RATE_HZ
        cycle = detuned * time_s % 1.0
        saws = (2.0 * cycle - 1.0).reshape(2, -1, BLOCK_FRAMES).sum(axis=1).T
        pad, states["low"] = filters.sosfilt(low, saws, axis=0, zi=states["low"])
        white = rng.standard_normal((BLOCK_FRAMES, 2))
        sea, states["noise"] = filters.sosfilt(noise, white, axis=0, zi=states["noise"])
        drone = np.sin(2.0 * np.pi * 55.0 * np.outer(np.arange(1, 5), time_s)).sum(axis=0)[:, None]
        bells = np.sin(2.0 * np.pi * 440.0 * np.outer(np.linspace(1.0, 3.0, 30), time_s)).sum(axis=0)[:, None]
        return 0.05 * pad + 0.2 * sea + 0.05 * drone + 0.01 * bells

    conn.send({"numpy": _measured(block, seconds)})


BENCH: Final = Benchmark(name="audio_cost", title="What the music costs", run=run)
