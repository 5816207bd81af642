"""A whole session on one machine: the real demo, a headset without a head, and a panel that listens."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import os
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from websockets.asyncio.client import ClientConnection, connect

from benchmarks._children import cpu_s
from benchmarks._demo import Demo, running_demo
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from vr_world.streaming.client import HeadlessHeadset, join
from vr_world.streaming.protocol import Audio, Frame

__all__ = ["BENCH", "late_and_blocks"]

#: The size of the pictures needs some seconds to find what the machine can do.
SETTLE_S: Final = 15.0
MEASURE_S: Final = 25.0
POSE_HZ: Final = 72.0
FRAMES_HZ: Final = 30.0
PANEL_HZ: Final = 10.0
MIRROR_HZ: Final = 4.0
#: Above this age the headset fades to its own calm place.
TOO_OLD_MS: Final = 250.0
#: Acceptance figure 30: 95 % of frames are drawn for a head pose of at most this age.
POSE_AGE_MS: Final = 20.0
LATE_SHARE_PERCENT: Final = 0.1
#: The estimate that storage was planned with: 30 MB in 30 minutes.
RECORDING_MB_MIN: Final = 1.0
_MAX_BYTES: Final = 8 << 20
#: The processes that a room has for itself.
ROOM: Final = ("room", "renderer", "audio", "recorder")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One process: processor time used, s, memory that is its own, and its share of all it uses, MB."""

    cpu_s: float
    memory_mb: float
    shared_mb: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Everything that is read at the two ends of the measurement."""

    at_s: float
    state: Mapping[str, Any]
    usage: Mapping[str, Usage]
    panel_states: int
    panel_pictures: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A frame as the headset got it: stamps in session time, side of an eye in pixels."""

    pose_sent_s: float | None
    render_at_s: float
    received_s: float
    eye_px: int
    size: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A session's measurement between `first` and `last`."""

    first: Moment
    last: Moment
    pictures: Sequence[Picture]
    packet_numbers: Sequence[int]

    @property
    def lasted_s(self) -> float:
        """Length of the measurement."""
        return self.last.at_s - self.first.at_s


def run(progress: Progress) -> list[Figure]:
    """Start a demo in a temporary home, look and listen for 40 s, and end it."""
    with tempfile.TemporaryDirectory(prefix="stillwater-bench-") as home:
        progress("starting a demo")
        with running_demo(Path(home)) as demo:
            return figures(asyncio.run(_watch(demo, progress)))


def figures(seen: Seen) -> list[Figure]:
    """Return what was measured against what a session needs."""
    return [*_pictures(seen), *_panel(seen), *_sound(seen), *_processes(seen), _recording(seen)]


def _pictures(seen: Seen) -> list[Figure]:
    pictures = seen.pictures
    if len(pictures) < 2:
        raise BenchmarkFailed(f"a headset must get pictures, got {len(pictures)} in {seen.lasted_s:.0f} s")
    arrivals = np.array([picture.received_s for picture in pictures])
    posed = [picture for picture in pictures if picture.pose_sent_s is not None]
    whole_ms = [1e3 * (picture.received_s - (picture.pose_sent_s or 0.0)) for picture in posed]
    age_ms = [1e3 * (picture.render_at_s - (picture.pose_sent_s or 0.0)) for picture in posed]
    megabits = math.fsum(picture.size for picture in pictures) * 8e-6
    return [
        Figure(
            name="frames received",
            value=(len(pictures) - 1) / float(arrivals[-1] - arrivals[0]),
            unit="frames/s",
            limit=FRAMES_HZ,
            note="more is better",
        ),
        Figure(
            name="eye size",
            value=float(np.median([picture.eye_px for picture in pictures])),
            unit="px",
            note=f"of a square eye, after {SETTLE_S:g} s of settling; begins at 640",
        ),
        Figure(name="video", value=megabits / seen.lasted_s, unit="Mbit/s", note="payload"),
        Figure(
            name="gap between frames p99",
            value=1e3 * float(np.percentile(np.diff(arrivals), 99)),
            unit="ms",
            limit=TOO_OLD_MS,
            note="above the limit a headset shows its own calm place",
        ),
        *(
            Figure(
                name=f"pose to encoded frame received p{share}",
                value=float(np.percentile(whole_ms, share)),
                unit="ms",
                limit=TOO_OLD_MS,
                note="loopback, plain http; no decoding, no display; limit as above",
            )
            for share in (50, 95)
        ),
        Figure(
            name="pose to drawing p95",
            value=float(np.percentile(age_ms, 95)),
            unit="ms",
            limit=POSE_AGE_MS,
            note=f"age of the head pose when drawing begins; poses at {POSE_HZ:g} Hz",
        ),
    ]


def _panel(seen: Seen) -> list[Figure]:
    return [
        Figure(
            name="panel states",
            value=(seen.last.panel_states - seen.first.panel_states) / seen.lasted_s,
            unit="1/s",
            limit=PANEL_HZ,
            note="as many as the limit are sent",
        ),
        Figure(
            name="panel pictures",
            value=(seen.last.panel_pictures - seen.first.panel_pictures) / seen.lasted_s,
            unit="1/s",
            limit=MIRROR_HZ,
            note="the mirror; as many as the limit are sent",
        ),
    ]


def _sound(seen: Seen) -> list[Figure]:
    late = [late_and_blocks(moment.state) for moment in (seen.first, seen.last)]
    blocks = late[1][1] - late[0][1]
    numbers = seen.packet_numbers
    if not numbers or not blocks:
        raise BenchmarkFailed(f"a headset must get sound, got {len(numbers)} packets of {blocks} blocks")
    due = numbers[-1] - numbers[0] + 1
    return [
        Figure(
            name="audio blocks late",
            value=100.0 * (late[1][0] - late[0][0]) / blocks,
            unit="%",
            limit=LATE_SHARE_PERCENT,
            note=f"of {blocks}: ready more than 10 ms after they were due, 60 ms before the ear",
        ),
        Figure(
            name="audio packets lost",
            value=100.0 * (due - len(set(numbers))) / due,
            unit="%",
            limit=LATE_SHARE_PERCENT,
            note=f"of {due} numbers, at the headset",
        ),
    ]


def _processes(seen: Seen) -> list[Figure]:
    shares = {
        name: 100.0 * (after.cpu_s - seen.first.usage[name].cpu_s) / seen.lasted_s
        for name, after in seen.last.usage.items()
        if name in seen.first.usage
    }
    cores = len(os.sched_getaffinity(0))
    ours = math.fsum(share for name, share in shares.items() if name != "benchmark")
    shown = [
        Figure(
            name=f"processor: {name}",
            value=share,
            unit="% of a core",
            note="this program: headset and panel" if name == "benchmark" else "",
        )
        for name, share in shares.items()
    ]
    total = Figure(
        name="processor: all of Stillwater",
        value=ours,
        unit="% of a core",
        limit=100.0 * cores,
        note=f"{cores} cores; the picture's size grows until they are used",
    )
    memory = [
        Figure(name=f"memory: {name}", value=usage.memory_mb, unit="MB", note="its own (USS)")
        for name, usage in seen.last.usage.items()
        if name != "benchmark"
    ]
    room = Figure(
        name="memory of a room",
        value=math.fsum(seen.last.usage[name].shared_mb for name in ROOM if name in seen.last.usage),
        unit="MB",
        note=f"{', '.join(ROOM)}: what they share is counted by halves, thirds … (PSS); without the standby",
    )
    return [*shown, total, *memory, room]


def _recording(seen: Seen) -> Figure:
    written = [int(moment.state["recording"]["bytes"]) for moment in (seen.first, seen.last)]
    return Figure(
        name="recording",
        value=(written[1] - written[0]) / 1e6 / (seen.lasted_s / 60.0),
        unit="MB/min",
        limit=RECORDING_MB_MIN,
        note="the plan's estimate; ECG and belt, everything derived, uncompressed",
    )


def late_and_blocks(state: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many blocks of music were late, and of how many, as a room's state tells it."""
    detail = next(str(each["detail"]) for each in state["processes"] if each["name"] == "audio")
    found = re.match(r"(\d+) of (\d+) blocks late", detail)
    if found is None:
        raise BenchmarkFailed(f"the audio process's line must tell late blocks, tells {detail!r}")
    return int(found[1]), int(found[2])


class _Panel:
    """A panel that only counts what it is sent."""

    def __init__(self) -> None:
        self.states = 0
        self.pictures = 0

    async def listen(self, socket: ClientConnection) -> None:
        async for message in socket:
            self.states += isinstance(message, str)
            self.pictures += isinstance(message, bytes)


async def _watch(demo: Demo, progress: Progress) -> Seen:
    """Join, look about, listen, and read everything at both ends of the measurement."""
    cookie = await asyncio.to_thread(join, demo.origin, demo.code)
    address = demo.origin.replace("http", "ws", 1) + "/ws/panel/1"
    panel = _Panel()
    async with (
        connect(address, additional_headers=demo.panel_headers(), max_size=_MAX_BYTES) as socket,
        HeadlessHeadset.connected(
            demo.origin, cookie, time.monotonic, pose_hz=POSE_HZ, look=_look
        ) as headset,
    ):
        listening = asyncio.create_task(panel.listen(socket))
        try:
            progress(f"settling for {SETTLE_S:g} s")
            await asyncio.sleep(SETTLE_S)
            first = await _moment(demo, panel)
            progress(f"measuring for {MEASURE_S:g} s")
            await asyncio.sleep(MEASURE_S)
            last = await _moment(demo, panel)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return _seen(headset, first, last)


def _look(now_s: float) -> float:
    """Return the yaw of a head that looks slowly about (±20°, 8 s)."""
    return math.radians(20.0) * math.sin(2.0 * math.pi * now_s / 8.0)


async def _moment(demo: Demo, panel: _Panel) -> Moment:
    state = await asyncio.to_thread(demo.state)
    processes = {**demo.processes(state), "benchmark": os.getpid()}
    usage = {name: _usage(pid) for name, pid in processes.items()}
    return Moment(
        at_s=time.monotonic(),
        state=state,
        usage=usage,
        panel_states=panel.states,
        panel_pictures=panel.pictures,
    )


def _usage(pid: int) -> Usage:
    memory = psutil.Process(pid).memory_full_info()
    return Usage(cpu_s=cpu_s(pid), memory_mb=memory.uss / 1e6, shared_mb=memory.pss / 1e6)


def _seen(headset: HeadlessHeadset, first: Moment, last: Moment) -> Seen:
    pictures = [
        Picture(
            pose_sent_s=headset.sent_poses.get(received.message.pose_seq),
            render_at_s=received.message.render_at_s,
            received_s=received.at_s,
            eye_px=received.message.eye_width,
            size=len(received.message.payload),
        )
        for received in headset.frames
        if isinstance(received.message, Frame) and first.at_s <= received.at_s < last.at_s
    ]
    numbers = [
        received.message.seq
        for received in headset.packets
        if isinstance(received.message, Audio) and first.at_s <= received.at_s < last.at_s
    ]
    return Seen(first=first, last=last, pictures=pictures, packet_numbers=numbers)


BENCH: Final = Benchmark(name="session", title="A whole session on this machine", run=run)
