"""What a running room holds in memory, process by process, in each place."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from benchmarks._demo import Demo, running_demo
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from vr_world.streaming.client import HeadlessHeadset, join

__all__ = ["BENCH", "Held", "figures"]

#: The last is the first again: what six changes of place leave behind is told by it.
PLACES: Final = ("forest", "reef", "mountain_lake", "night_sky", "zen_garden", "ocean")
SETTLE_S: Final = 8.0
#: Built beside the running place, faded to, and the place before it let go.
PASSAGE_S: Final = 12.0
#: The processes that a room has for itself.
ROOM: Final = ("room", "renderer", "audio", "standby", "recorder")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Memory of a room's processes in a place, MB: what processes share counts by halves, thirds … (PSS)."""

    place: str
    pss_mb: Mapping[str, float]

    @property
    def whole_mb(self) -> float:
        """All of the room's processes together."""
        return math.fsum(self.pss_mb.values())


def run(progress: Progress) -> list[Figure]:
    """Start a demo with a headset, go through all places, and weigh the room in each."""
    with tempfile.TemporaryDirectory(prefix="stillwater-bench-") as home:
        progress("starting a demo")
        with running_demo(Path(home)) as demo:
            return figures(asyncio.run(_watch(demo, progress)))


def figures(held: Sequence[Held]) -> list[Figure]:
    """Return a room's memory in each place, its largest processes, and what changes of place leave behind.

    Raises:
        BenchmarkFailed: a process of a room is missing.
    """
    for each in held:
        if missing := set(ROOM) - set(each.pss_mb):
            raise BenchmarkFailed(f"a room must have {', '.join(ROOM)}, none in {each.place}: {missing}")
    shown = [
        Figure(
            name=f"a room in {'ocean, again' if index and each.place == 'ocean' else each.place}",
            value=each.whole_mb,
            unit="MB",
            note=", ".join(f"{name} {each.pss_mb[name]:.0f}" for name in ROOM),
        )
        for index, each in enumerate(held)
    ]
    grown = Figure(
        name="grown by going through all places",
        value=held[-1].whole_mb - held[0].whole_mb,
        unit="MB",
        note=f"{held[0].place} after {len(held) - 1} changes less {held[0].place} before them",
    )
    return [*shown, grown]


async def _watch(demo: Demo, progress: Progress) -> list[Held]:
    cookie = await asyncio.to_thread(join, demo.origin, demo.code)
    async with HeadlessHeadset.connected(demo.origin, cookie, time.monotonic):
        progress(f"settling for {SETTLE_S:g} s")
        await asyncio.sleep(SETTLE_S)
        held = [await asyncio.to_thread(_weigh, demo, "ocean")]
        for place in PLACES:
            progress(f"in {place}")
            command = {"command": "place", "scene": place}
            await asyncio.to_thread(demo.ask, "POST", "/api/rooms/1/commands", command)
            await asyncio.sleep(PASSAGE_S)
            held.append(await asyncio.to_thread(_weigh, demo, place))
    return held


def _weigh(demo: Demo, place: str) -> Held:
    """Weigh the room's processes now; the one that is not named is the music's standby."""
    known = {name: pid for name, pid in demo.processes(demo.state()).items() if name in ROOM}
    for child in psutil.Process(known["room"]).children():
        if child.pid not in known.values() and "resource_tracker" not in " ".join(child.cmdline()):
            known["standby"] = child.pid
    return Held(
        place=place,
        pss_mb={name: psutil.Process(pid).memory_full_info().pss / 1e6 for name, pid in known.items()},
    )


BENCH: Final = Benchmark(name="memory", title="What a running room holds in memory", run=run)
