"""Passages of a session: from one place to the next, and from the therapist's click to the first picture."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks._demo import Demo, running_demo
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from vr_world.streaming.client import HeadlessHeadset, join
from vr_world.streaming.protocol import Frame

__all__ = ["BENCH", "Passage", "Start", "figures"]

PLACES: Final = ("forest", "reef", "mountain_lake", "night_sky", "zen_garden", "ocean")
SETTLE_S: Final = 8.0
#: Building beside the running place, and a fade of less than three seconds each way.
PASSAGE_S: Final = 9.0
#: Sessions are begun in these, one after the other; each comes from another place.
BEGUN_IN: Final = ("zen_garden", "forest", "night_sky", "mountain_lake", "reef", "ocean")
#: Above this age the headset fades to its own calm place.
TOO_OLD_MS: Final = 250.0
FIRST_PICTURE_S: Final = 2.0
GAP_IN_SOUND_MS: Final = 60.0
_SETTINGS: Final = {"plan_id": "first-visit", "patient": "bench", "screening": {"present": []}}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What arrived at the headset while something went on: stamps of pictures and of sound, s."""

    name: str
    pictures_s: Sequence[float]
    packets_s: Sequence[float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A session's start, s: from the headset's call to any picture; from "begin" to the place's first."""

    scene: str
    linked_s: float
    begun_s: float


def run(progress: Progress) -> list[Figure]:
    """Start a demo, go through all places, stop, and begin a session in each place."""
    with tempfile.TemporaryDirectory(prefix="stillwater-bench-") as home:
        progress("starting a demo")
        with running_demo(Path(home)) as demo:
            passages, starts = asyncio.run(_watch(demo, progress))
    return figures(passages, starts)


def figures(passages: Sequence[Passage], starts: Sequence[Start]) -> list[Figure]:
    """Return the longest gaps, and how long the first pictures took.

    Raises:
        BenchmarkFailed: nothing arrived in a passage.
    """
    shown = [figure for passage in passages for figure in _gaps(passage)]
    linked = [start.linked_s for start in starts]
    begun = [start.begun_s for start in starts]
    slowest = max(starts, key=lambda start: start.begun_s).scene
    shown += [
        Figure(
            name=f"the headset's call to its first picture, {name}",
            value=value,
            unit="s",
            limit=FIRST_PICTURE_S,
            note=f"{len(starts)} sessions, each in another place; this one is the safe picture",
        )
        for name, value in (("p50", float(np.median(linked))), ("longest", max(linked)))
    ]
    return shown + [
        Figure(
            name=f"begun: first picture of the place, {name}",
            value=value,
            unit="s",
            limit=FIRST_PICTURE_S,
            note="from the therapist's click, as soon as the headset sees, to a frame that is not the safe "
            f"picture; longest in {slowest}",
        )
        for name, value in (("p50", float(np.median(begun))), ("longest", max(begun)))
    ]


def _gaps(passage: Passage) -> list[Figure]:
    if len(passage.pictures_s) < 2 or len(passage.packets_s) < 2:
        raise BenchmarkFailed(
            f"pictures and sound must arrive ({passage.name}), "
            f"got {len(passage.pictures_s)} and {len(passage.packets_s)}"
        )
    return [
        Figure(
            name=f"{passage.name}: longest gap between pictures",
            value=1e3 * float(np.diff(passage.pictures_s).max()),
            unit="ms",
            limit=TOO_OLD_MS,
            note="above the limit a headset shows its own calm place",
        ),
        Figure(
            name=f"{passage.name}: longest gap between packets of sound",
            value=1e3 * float(np.diff(passage.packets_s).max()),
            unit="ms",
            limit=GAP_IN_SOUND_MS,
            note="packets hold 10 ms; a headset holds at least as much as the limit",
        ),
    ]


async def _watch(demo: Demo, progress: Progress) -> tuple[list[Passage], list[Start]]:
    cookie = await asyncio.to_thread(join, demo.origin, demo.code)
    async with HeadlessHeadset.connected(demo.origin, cookie, time.monotonic) as headset:
        progress(f"settling for {SETTLE_S:g} s")
        await asyncio.sleep(SETTLE_S)
        progress("staying")
        passages = [await _passage(headset, "staying")]
        for place in PLACES:
            progress(f"going to {place}")
            await asyncio.to_thread(_command, demo, "place", scene=place)
            passages.append(await _passage(headset, f"to {place}"))
        await asyncio.to_thread(_command, demo, "stop")
    starts = []
    for place in BEGUN_IN:
        progress(f"a session in {place}")
        starts.append(await _start(demo, place))
    return passages, starts


async def _start(demo: Demo, scene: str) -> Start:
    """Open a session in `scene`, join it, begin it as soon as the headset sees anything, and stop it."""
    settings = {**_SETTINGS, "scene": scene}
    state = await asyncio.to_thread(demo.ask, "POST", "/api/rooms/1/session", settings)
    cookie = await asyncio.to_thread(join, demo.origin, str(state["join"]["code"]))
    called_s = time.monotonic()
    async with HeadlessHeadset.connected(demo.origin, cookie, time.monotonic) as headset:
        linked_s = await _picture(headset, safe_too=True)
        began_s = time.monotonic()
        seen = asyncio.create_task(_picture(headset, safe_too=False))
        await asyncio.to_thread(_command, demo, "begin")
        begun_s = await seen
        await asyncio.to_thread(_command, demo, "stop")
    return Start(scene=scene, linked_s=linked_s - called_s, begun_s=begun_s - began_s)


async def _passage(headset: HeadlessHeadset, name: str) -> Passage:
    began_s = time.monotonic()
    await asyncio.sleep(PASSAGE_S)
    return Passage(
        name=name,
        pictures_s=[received.at_s for received in headset.frames if received.at_s >= began_s],
        packets_s=[received.at_s for received in headset.packets if received.at_s >= began_s],
    )


async def _picture(headset: HeadlessHeadset, *, safe_too: bool) -> float:
    """Return when the next picture arrives, also a safe one or only one of the place."""
    seen: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def look(frame: Frame, at_s: float) -> None:
        if (safe_too or not frame.safe) and not seen.done():
            seen.set_result(at_s)

    headset.on_frame = look
    try:
        async with asyncio.timeout(10.0 * FIRST_PICTURE_S):
            return await seen
    except TimeoutError as error:
        limit_s = 10.0 * FIRST_PICTURE_S
        raise BenchmarkFailed(f"a picture must appear within {limit_s:g} s, did not") from error


def _command(demo: Demo, name: str, **more: str) -> None:
    demo.ask("POST", "/api/rooms/1/commands", {"command": name, **more})


BENCH: Final = Benchmark(
    name="passages", title="From place to place, and from a click to the first picture", run=run
)
