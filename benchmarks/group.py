"""A group: one panorama for one, two and ten headsets; what the later ones cost against the first."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks._children import cpu_s
from benchmarks._demo import Demo, running_demo
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from vr_world.streaming.client import HeadlessHeadset, join
from vr_world.streaming.protocol import Frame

__all__ = ["BENCH"]

GROUPS: Final = (1, 2, 10)
SETTLE_S: Final = 8.0
MEASURE_S: Final = 10.0
#: A panorama needs no pose; heads are still recorded.
POSE_HZ: Final = 20.0
#: Acceptance: a picture that turns with the head may come this slowly.
FRAMES_HZ: Final = 15.0
PROCESSES: Final = ("renderer", "room", "gateway")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a group of `headsets` got and cost: frames a second of each, and shares of a core by process."""

    headsets: int
    frames_hz: Sequence[float]
    cores: Mapping[str, float]
    width_px: int
    megabits: float

    @property
    def all_cores(self) -> float:
        """What all processes took, cores."""
        return sum(self.cores.values())


def run(progress: Progress) -> list[Figure]:
    """Start a group in a demo's room and let more and more headsets in."""
    with tempfile.TemporaryDirectory(prefix="stillwater-bench-") as home:
        progress("starting a demo")
        with running_demo(Path(home)) as demo:
            return figures(asyncio.run(_looks(demo, progress)))


def figures(looks: Sequence[Look]) -> list[Figure]:
    """Return what each size of a group got and cost, and the later headsets against the first."""
    first = looks[0]
    found = []
    for look in looks:
        size = f"{look.headsets} headset{'s' if look.headsets > 1 else ''}"
        rate = Figure(
            name=f"{size}: frames received by the slowest",
            value=min(look.frames_hz),
            unit="frames/s",
            limit=FRAMES_HZ,
            note=f"more is better; {look.width_px} px wide, {look.megabits:.1f} Mbit/s each",
        )
        parts = ", ".join(f"{name} {100.0 * share:.0f}" for name, share in look.cores.items())
        cost = Figure(name=f"{size}: processor", value=100.0 * look.all_cores, unit="% of a core", note=parts)
        found += [rate, cost]
    for before, look in itertools.pairwise(looks):
        added = (look.all_cores - before.all_cores) / (look.headsets - before.headsets)
        found.append(
            Figure(
                name=f"each headset from {before.headsets + 1} to {look.headsets}: processor more",
                value=100.0 * added,
                unit="% of a core",
                limit=100.0 * first.all_cores,
                note="against what the first one costs",
            )
        )
    return found


async def _looks(demo: Demo, progress: Progress) -> list[Look]:
    start = {"plan_id": "sea-at-dusk", "patient": "bench", "screening": {"present": []}, "stream": "panorama"}
    await asyncio.to_thread(demo.ask, "POST", "/api/rooms/1/commands", {"command": "stop"})
    await asyncio.to_thread(demo.ask, "POST", "/api/rooms/1/session", start)
    await asyncio.to_thread(demo.ask, "POST", "/api/rooms/1/commands", {"command": "begin"})
    looks = []
    async with contextlib.AsyncExitStack() as stack:
        headsets: list[HeadlessHeadset] = []
        for size in GROUPS:
            progress(f"a group of {size}")
            while len(headsets) < size:
                headsets.append(await stack.enter_async_context(await _next(demo)))
            await asyncio.sleep(SETTLE_S)
            looks.append(await _look(demo, headsets))
    return looks


async def _next(demo: Demo) -> contextlib.AbstractAsyncContextManager[HeadlessHeadset]:
    """Return one more headset of the group, with a code of its own."""
    await asyncio.to_thread(demo.ask, "POST", "/api/rooms/1/commands", {"command": "new_code"})
    state = await asyncio.to_thread(demo.state)
    cookie = await asyncio.to_thread(join, demo.origin, state["join"]["code"])
    return HeadlessHeadset.connected(demo.origin, cookie, time.monotonic, pose_hz=POSE_HZ)


async def _look(demo: Demo, headsets: Sequence[HeadlessHeadset]) -> Look:
    processes = demo.processes(await asyncio.to_thread(demo.state))
    before = {name: cpu_s(processes[name]) for name in PROCESSES}
    begun_s = time.monotonic()
    for headset in headsets:
        headset.frames.clear()
    await asyncio.sleep(MEASURE_S)
    lasted_s = time.monotonic() - begun_s
    cores = {name: (cpu_s(processes[name]) - before[name]) / lasted_s for name in PROCESSES}
    frames = [[r.message for r in h.frames if isinstance(r.message, Frame)] for h in headsets]
    if not all(frames):
        raise BenchmarkFailed(f"each of {len(headsets)} headsets must get pictures, one got none")
    return Look(
        headsets=len(headsets),
        frames_hz=[len(each) / lasted_s for each in frames],
        cores=cores,
        width_px=frames[0][-1].eye_width,
        megabits=8e-6 * sum(len(f.payload) for f in frames[0]) / lasted_s,
    )


BENCH: Final = Benchmark(name="group", title="A group: one panorama for one, two and ten headsets", run=run)
