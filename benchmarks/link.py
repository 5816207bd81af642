"""The stream over bad links: a demo, a headset without a head, and a simulated network between them."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import numpy as np

from benchmarks._demo import Demo, running_demo
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from benchmarks._link import LinkQuality, SimulatedLink
from vr_world.streaming.client import HeadlessHeadset, Received, join
from vr_world.streaming.control import Clock, pack_client_text
from vr_world.streaming.protocol import Audio, Frame

__all__ = ["BENCH"]

#: The link ladder takes a second a step.
SETTLE_S: Final = 12.0
MEASURE_S: Final = 10.0
CUT_S: Final = 5.0
BACK_WITHIN_S: Final = 30.0
#: Above this age the headset shows its own calm place.
TOO_OLD_MS: Final = 250.0
FRAMES_HZ: Final = 30.0
#: What the headset's buffer grows to when it has to.
SOUND_BUFFER_MS: Final = 260.0

LINKS: Final = {
    "wire": LinkQuality(delay_s=0.0005),
    "far Wi-Fi (40 ± 20 ms, 1 % lost, 20 Mbit/s)": LinkQuality(
        delay_s=0.04, jitter_s=0.02, loss=0.01, bits_per_s=20e6
    ),
    "narrow (5 ms, 1.2 Mbit/s)": LinkQuality(delay_s=0.005, bits_per_s=1.2e6),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """What came over one link while it was measured."""

    link: str
    frames: Sequence[Received]
    packets: Sequence[Received]
    pose_to_frame_ms: Sequence[float]
    lasted_s: float


def run(progress: Progress) -> list[Figure]:
    """Start a demo in a temporary home and look at it over each link; then cut the last one for a while."""
    with tempfile.TemporaryDirectory(prefix="stillwater-bench-") as home:
        progress("starting a demo")
        with running_demo(Path(home)) as demo:
            crossings, away_s = asyncio.run(_over_all(demo, progress))
    measured = [figure for crossing in crossings for figure in figures(crossing)]
    back = Figure(
        name=f"after a cut of {CUT_S:g} s: until a new picture is there",
        value=1e3 * away_s,
        unit="ms",
        limit=1e3,
        note="drawn after the link came back; a page fades in for a second from then on",
    )
    return [*measured, back]


def figures(crossing: Crossing) -> list[Figure]:
    """Return what a patient would notice of one link."""
    frames = [r.message for r in crossing.frames if isinstance(r.message, Frame)]
    if len(frames) < 2 or not crossing.packets or not crossing.pose_to_frame_ms:
        raise BenchmarkFailed(
            f"pictures and sound must come over {crossing.link}, "
            f"got {len(frames)} and {len(crossing.packets)}"
        )
    link = crossing.link
    bits = 8e-6 * sum(len(frame.payload) + len(frame.depth) for frame in frames)
    # how much later than the earliest each packet came: what a buffer has to bridge
    behind_ms = [
        1e3 * (r.at_s - r.message.play_at_s) for r in crossing.packets if isinstance(r.message, Audio)
    ]
    spread_ms = np.array(behind_ms) - min(behind_ms)
    return [
        Figure(
            name=f"{link}: frames received",
            value=len(frames) / crossing.lasted_s,
            unit="frames/s",
            limit=FRAMES_HZ,
            note=f"more is better; {frames[-1].eye_width} px an eye",
        ),
        Figure(name=f"{link}: video", value=bits / crossing.lasted_s, unit="Mbit/s", note="depth included"),
        Figure(
            name=f"{link}: pose to frame received p95",
            value=float(np.percentile(crossing.pose_to_frame_ms, 95)),
            unit="ms",
            limit=TOO_OLD_MS,
            note=f"p50 {np.median(crossing.pose_to_frame_ms):.0f} ms; above the limit the calm place shows",
        ),
        Figure(
            name=f"{link}: spread of the sound's packets p99",
            value=float(np.percentile(spread_ms, 99)),
            unit="ms",
            limit=SOUND_BUFFER_MS,
            note="what the headset's buffer has to bridge, and may grow to",
        ),
    ]


async def _over_all(demo: Demo, progress: Progress) -> tuple[list[Crossing], float]:
    address = urlsplit(demo.origin)
    cookie = await asyncio.to_thread(join, demo.origin, demo.code)
    crossings = []
    away_s = 0.0
    for name, quality in LINKS.items():
        progress(name)
        with SimulatedLink(int(address.port or 80), quality) as link:
            origin = f"http://{address.hostname}:{link.port}"
            async with HeadlessHeadset.connected(origin, cookie, time.monotonic) as headset:
                crossings.append(await _cross(headset, name))
                if name == [*LINKS][-1]:
                    progress(f"a cut of {CUT_S:g} s")
                    away_s = await _cut(headset, link)
    return crossings, away_s


async def _cross(headset: HeadlessHeadset, name: str) -> Crossing:
    rtts_ms: list[float] = []
    settled_s = time.monotonic() + SETTLE_S
    while time.monotonic() < settled_s:
        asked_s = time.monotonic()
        await headset.ping()
        rtts_ms.append(1e3 * (time.monotonic() - asked_s))
        await headset.say(pack_client_text(Clock(offset_s=0.0, rtt_ms=min(rtts_ms))))
        await asyncio.sleep(0.5)
    began_s = time.monotonic()
    frames, packets = len(headset.frames), len(headset.packets)
    await asyncio.sleep(MEASURE_S)
    lasted_s = time.monotonic() - began_s
    seen = headset.frames[frames:]
    posed = [
        1e3 * (r.at_s - headset.sent_poses[r.message.pose_seq])
        for r in seen
        if isinstance(r.message, Frame) and r.message.pose_seq in headset.sent_poses
    ]
    return Crossing(
        link=name, frames=seen, packets=headset.packets[packets:], pose_to_frame_ms=posed, lasted_s=lasted_s
    )


async def _cut(headset: HeadlessHeadset, link: SimulatedLink) -> float:
    """Return how long after the cut's end a picture is there that was drawn after it."""
    link.cut()
    await asyncio.sleep(CUT_S)
    link.mend()
    back_s = time.monotonic()
    while time.monotonic() - back_s < BACK_WITHIN_S:
        new = [r for r in headset.frames if isinstance(r.message, Frame) and r.message.render_at_s > back_s]
        if new:
            return new[0].at_s - back_s
        await asyncio.sleep(0.005)
    raise BenchmarkFailed(f"a new picture must come within {BACK_WITHIN_S:g} s after a cut, came none")


BENCH: Final = Benchmark(name="link", title="The stream over bad links", run=run)
