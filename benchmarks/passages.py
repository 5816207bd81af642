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

__all__ = ["BENCH", "Passage", "figures"]

PLACES: Final = ("forest", "reef", "mountain_lake", "night_sky", "zen_garden", "ocean")
SETTLE_S: Final = 8.0
#: Building beside the running place, and a fade of less than three seconds each way.
PASSAGE_S: Final = 9.0
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


def run(progress: Progress) -> list[Figure]:
    """Start a demo, go through all places, stop, and begin anew."""
    with tempfile.TemporaryDirectory(prefix="stillwater-bench-") as home:
        progress("starting a demo")
        with running_demo(Path(home)) as demo:
            passages, first_s = asyncio.run(_watch(demo, progress))
    return figures(passages, first_s)


def figures(passages: Sequence[Passage], first_s: float) -> list[Figure]:
    """Return the longest gaps, and how long the first picture took.

    Raises:
        BenchmarkFailed: nothing arrived in a passage.
    """
    shown = [figure for passage in passages for figure in _gaps(passage)]
    began = Figure(
        name="begun: first picture of the place",
        value=first_s,
        unit="s",
        limit=FIRST_PICTURE_S,
        note="from the therapist's click to a received frame that is not the safe picture",
    )
    return [*shown, began]


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


async def _watch(demo: Demo, progress: Progress) -> tuple[list[Passage], float]:
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
    progress("a new session")
    state = await asyncio.to_thread(demo.ask, "POST", "/api/rooms/1/session", _SETTINGS)
    cookie = await asyncio.to_thread(join, demo.origin, str(state["join"]["code"]))
    async with HeadlessHeadset.connected(demo.origin, cookie, time.monotonic) as headset:
        await asyncio.sleep(SETTLE_S)
        first_s = await _first_picture(demo, headset)
    return passages, first_s


async def _passage(headset: HeadlessHeadset, name: str) -> Passage:
    began_s = time.monotonic()
    await asyncio.sleep(PASSAGE_S)
    return Passage(
        name=name,
        pictures_s=[received.at_s for received in headset.frames if received.at_s >= began_s],
        packets_s=[received.at_s for received in headset.packets if received.at_s >= began_s],
    )


async def _first_picture(demo: Demo, headset: HeadlessHeadset) -> float:
    seen: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def look(frame: Frame, at_s: float) -> None:
        if not frame.safe and not seen.done():
            seen.set_result(at_s)

    headset.on_frame = look
    began_s = time.monotonic()
    await asyncio.to_thread(_command, demo, "begin")
    try:
        async with asyncio.timeout(10.0 * FIRST_PICTURE_S):
            return await seen - began_s
    except TimeoutError as error:
        limit_s = 10.0 * FIRST_PICTURE_S
        raise BenchmarkFailed(f"the place must appear within {limit_s:g} s, did not") from error


def _command(demo: Demo, name: str, **more: str) -> None:
    demo.ask("POST", "/api/rooms/1/commands", {"command": name, **more})


BENCH: Final = Benchmark(
    name="passages", title="From place to place, and from a click to the first picture", run=run
)
