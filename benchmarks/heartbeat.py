"""From a heart's beat to what the patient hears and sees, stage by stage, on one clock.

A simulated patient publishes its ECG over real LSL, and the true time of each R peak beside it. This process
is the room: the sensors' thread, the loop at 20 Hz, and the real audio and renderer processes as children
that it speaks to as a room does. Recorder, gateway and headset are not there (see the benchmark `session`).

    R peak ─▶ beat event ─▶ controls made from a state that holds the beat ─┬▶ first block of sound made with
                                                                            │  them: due at the ear
                                                                            └▶ first frame drawn with them:
                                                                               encoded and received
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import os
import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from audio_engine import messages as audio
from audio_engine.master import LATENCY_S
from audio_engine.opus import LOOKAHEAD_FRAMES
from benchmarks._children import leaving_politely
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from sensors.devices import simulated_patient
from sensors.devices._process import Shutdown
from sensors.ingest import Ingest
from sensors.inlets import Chunk, Inlets
from sensors.lsl import Source, configure, local_clock
from sensors.outlets import ControlsOutlet
from therapy.controls import Controls
from therapy.events import Beat, ChildDied, Event
from therapy.patient import PatientState
from therapy.plan import PLANS
from therapy.why import Change
from vr_world.loop import TICK_S, World
from vr_world.outputs import RENDERER
from vr_world.rendering import messages as rendering
from vr_world.room_sound import AUDIO
from vr_world.supervise import Child, ChildSpec

__all__ = ["BENCH"]

#: Until sensors, sound and picture are all there; then the detector and the picture's size settle.
START_S: Final = 60.0
SETTLE_S: Final = 15.0
MEASURE_S: Final = 60.0
POSE_S: Final = 1.0 / 72.0
#: Acceptance figure 28, p95, besides what is smoothed on purpose.
LIMIT_MS: Final = 150.0
#: A beat event belongs to the R peak that is nearest, if it is this near.
SAME_S: Final = 0.1
#: Controls may take this long from here into a child. A block or frame begun earlier is not believed to have
#: them, even if it may.
ON_THE_WAY_S: Final = 0.002
_SILENCE_S: Final = 10.0
_PATIENT: Final = "sensors.devices.simulated_patient:main"
_PLAN: Final = "sea-at-dusk"
_CODEC_S: Final = LOOKAHEAD_FRAMES / audio.RATE_HZ


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A beat event: when the R peak was, by the event, and when the event came."""

    peak_s: float
    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Controls of one tick: when they were sent, and how many beat events the state held."""

    sent_s: float
    beats: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A packet of sound: when its making was due to begin, and when what was made then is due at the ear."""

    made_s: float
    ear_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A frame: when its drawing began, and when it was received."""

    drawn_s: float
    received_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Everything that happened, each list in order of time."""

    peaks_s: Sequence[float]
    heard: Sequence[Heard]
    ticks: Sequence[Tick]
    blocks: Sequence[Block]
    frames: Sequence[Shown]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How long one beat took from its R peak, seconds."""

    event_s: float
    controls_s: float
    ear_s: float
    eye_s: float


def run(progress: Progress) -> list[Figure]:
    """Be the room of a simulated patient for a minute."""
    configure(f"stillwater-bench-{os.getpid()}")
    try:
        with leaving_politely():
            log = asyncio.run(_live(progress))
    except ExceptionGroup as failures:  # the loop's task failed: its one reason is what counts
        raise failures.exceptions[0] from None
    found = ways(log)
    if not found:
        raise BenchmarkFailed(f"beats must arrive, none of {len(log.peaks_s)} did")
    return figures(found, len(log.peaks_s))


def ways(log: Log) -> list[Way]:
    """Return the way of each beat that was followed to its end."""
    found: list[Way] = []
    for number, heard in enumerate(log.heard, start=1):
        peak_s = min(log.peaks_s, key=lambda at_s, h=heard: abs(at_s - h.peak_s), default=math.inf)  # type: ignore[misc]  # binds the loop's value
        sent_s = next((tick.sent_s for tick in log.ticks if tick.beats >= number), math.inf)
        there_s = sent_s + ON_THE_WAY_S
        ear_s = next((block.ear_s for block in log.blocks if block.made_s >= there_s), math.inf)
        eye_s = next((frame.received_s for frame in log.frames if frame.drawn_s >= there_s), math.inf)
        if abs(peak_s - heard.peak_s) < SAME_S and math.isfinite(ear_s + eye_s):
            found.append(
                Way(
                    event_s=heard.at_s - peak_s,
                    controls_s=sent_s - peak_s,
                    ear_s=ear_s - peak_s,
                    eye_s=eye_s - peak_s,
                )
            )
    return found


def figures(found: Sequence[Way], beats: int) -> list[Figure]:
    """Return p50 and p95 of each stage, all counted from the R peak, against the limit for the whole way."""
    stages = {
        "beat event": (
            [way.event_s for way in found],
            "chunks of 20 ms from the sensor, LSL and the detector's decision included",
        ),
        "controls": (
            [way.controls_s for way in found],
            "sent to sound and picture; they answer over seconds, by design",
        ),
        "sound at the ear": (
            [way.ear_s for way in found],
            "60 ms lead, limiter and codec included; a page that buffers more than the lead adds the rest",
        ),
        "picture received": (
            [way.eye_s for way in found],
            "drawn, encoded, through the renderer's pipe; network, decoding and display are not in it",
        ),
    }
    share = Figure(
        name="beats followed",
        value=100.0 * len(found) / beats if beats else 0.0,
        unit="%",
        limit=100.0,
        note=f"of {beats}; more is better",
    )
    return [
        *(
            Figure(
                name=f"R peak to {stage} p{percent}",
                value=1e3 * float(np.percentile(took_s, percent)),
                unit="ms",
                limit=LIMIT_MS,
                note=note,
            )
            for stage, (took_s, note) in stages.items()
            for percent in (50, 95)
        ),
        share,
    ]


class _Body:
    """The sensors, counting which beats a state can hold."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.held = 0
        self.ingest = Ingest(on_event=self._take)

    def state(self, now_s: float) -> PatientState:
        # What has been told by now is in the state; a beat told while it is made counts for the next one.
        self.held = len(self.heard)
        return self.ingest.state(now_s)

    def _take(self, event: Event) -> None:
        if isinstance(event, Beat):
            self.heard.append(Heard(peak_s=event.at_s, at_s=local_clock()))


class _Room:
    """The loop's outputs: two real children and LSL, with everything that passes noted."""

    def __init__(self, body: _Body) -> None:
        self.ticks: list[Tick] = []
        self.blocks: list[Block] = []
        self.frames: list[Shown] = []
        self.deaths: list[str] = []
        self._body = body
        self._outlet = ControlsOutlet("1")
        self.audio = self._child("audio", AUDIO, audio.AudioConfig(seed=1), audio.Shutdown())
        self.renderer = self._child("renderer", RENDERER, rendering.RendererConfig(), rendering.Shutdown())
        config = simulated_patient.SimulatedPatientConfig(lsl_session=f"stillwater-bench-{os.getpid()}")
        self.patient = self._child("patient", _PATIENT, config, Shutdown())

    @property
    def children(self) -> tuple[Child, ...]:
        return self.audio, self.renderer, self.patient

    def controls(self, controls: Controls, at_s: float) -> None:
        self.renderer.send(rendering.SetControls(controls=controls, at_s=at_s), key="controls")
        self.audio.send(audio.SetControls(controls=controls, at_s=at_s), key="controls")
        self.ticks.append(Tick(sent_s=time.monotonic(), beats=self._body.held))
        self._outlet.push(controls, at_s)

    def picture(self, *, safe: bool, fade_s: float) -> None:
        self.renderer.send(rendering.Safe(on=safe, fade_s=fade_s))

    def sound(self, gain: float, fade_s: float) -> None:
        self.audio.send(audio.Fade(gain=gain, seconds=fade_s))

    def scene(self, name: str) -> None:
        self.renderer.send(rendering.SetScene(name=name))

    def event(self, event: Event) -> None:
        if isinstance(event, ChildDied):
            self.deaths.append(f"{event.child}: {event.reason}")

    def changed(self, changes: list[Change]) -> None:
        """Lines of the why-trace go to the recorder, which is not there."""

    def _child(self, name: str, main: str, config: object, shutdown: object) -> Child:
        spec = ChildSpec(
            name=name,
            main=main,
            config=lambda: config,
            shutdown=shutdown,
            silence_s=_SILENCE_S,
            on_start=lambda _child: None,
        )
        return Child(spec, on_message=self._take, on_event=self.event, now_s=time.monotonic)

    def _take(self, message: object) -> None:
        match message:
            case rendering.Frame():
                self.frames.append(Shown(drawn_s=message.render_at_s, received_s=time.monotonic()))
                self.renderer.send(rendering.Ack(headset="bench", frame_id=message.frame_id, decode_ms=0.0))
            case audio.OpusPacket(play_at_s=play_at_s):
                self.blocks.append(
                    Block(made_s=play_at_s - audio.LEAD_S, ear_s=play_at_s + LATENCY_S + _CODEC_S)
                )


async def _live(progress: Progress) -> Log:
    """Run sensors, loop and children; end them all however this is left."""
    body = _Body()
    room = _Room(body)
    truth = _Truth()
    body.ingest.start()
    try:
        for child in room.children:
            child.start()
        world = World(body, room)
        world.open("bench", PLANS[_PLAN], "bench", time.monotonic())
        world.order("begin", time.monotonic(), by="bench")
        room.renderer.send(rendering.HeadsetOn(headset="bench"))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_tick(world, room, truth)), group.create_task(_look(room))]
            progress("starting sensors, sound and picture")
            await _everything(body, room, truth)
            progress(f"settling for {SETTLE_S:g} s")
            await asyncio.sleep(SETTLE_S)
            began_s = time.monotonic()
            progress(f"following beats for {MEASURE_S:g} s")
            await asyncio.sleep(MEASURE_S)
            ended_s = time.monotonic()
            await asyncio.sleep(1.0)  # the last beat's way to its end
            for task in tasks:
                task.cancel()
    finally:
        body.ingest.stop()
        truth.inlets.close()
        await asyncio.gather(*(child.stop() for child in room.children))
    return Log(
        peaks_s=[at_s for at_s in truth.peaks_s if began_s <= at_s < ended_s],
        heard=body.heard,
        ticks=room.ticks,
        blocks=room.blocks,
        frames=room.frames,
    )


class _Truth:
    """The times of all R peaks, as the simulated patient tells them."""

    def __init__(self) -> None:
        self.peaks_s: list[float] = []
        self.inlets = Inlets(self._accept, clock=local_clock)

    def poll(self) -> None:
        for happened in self.inlets.poll():
            if isinstance(happened, Chunk):
                stamps_s = happened.raw_stamps_s + happened.offset_s
                self.peaks_s += [float(at_s) for at_s in stamps_s[happened.samples[:, 0] == 1.0]]

    @staticmethod
    def _accept(source: Source) -> str | None:
        return "" if source.kind == simulated_patient.TRUTH_KIND else None


async def _tick(world: World, room: _Room, truth: _Truth) -> None:
    """Live at 20 Hz as a room does."""
    next_s = time.monotonic()
    while True:
        world.tick(time.monotonic())
        truth.poll()
        for child in room.children:
            child.check()
        if room.deaths:
            raise BenchmarkFailed(f"children must live until they are measured: {'; '.join(room.deaths)}")
        next_s = max(next_s + TICK_S, time.monotonic() - TICK_S)
        await asyncio.sleep(max(next_s - time.monotonic(), 0.0))


async def _look(room: _Room) -> None:
    """Look slowly about with a head (±20°, 8 s)."""
    seq = 0
    while True:
        now_s = time.monotonic()
        half = math.radians(20.0) * math.sin(2.0 * math.pi * now_s / 8.0) / 2.0
        seq += 1
        pose = rendering.Pose(
            headset="bench",
            seq=seq,
            client_ms=1e3 * now_s,
            position=(0.0, 0.0, 0.0),
            orientation=(0.0, math.sin(half), 0.0, math.cos(half)),
            tan_left=rendering.IDLE_TAN,
            tan_right=rendering.IDLE_TAN,
            ipd_m=0.063,
        )
        room.renderer.send(pose, key="pose")
        await asyncio.sleep(POSE_S)


async def _everything(body: _Body, room: _Room, truth: _Truth) -> None:
    """Wait until beats, sound and pictures come."""
    end_s = time.monotonic() + START_S
    while not (body.heard and truth.peaks_s and room.blocks and room.frames):
        if time.monotonic() > end_s:
            here = f"{len(body.heard)} beats, {len(room.blocks)} blocks, {len(room.frames)} frames"
            raise BenchmarkFailed(f"beats, sound and pictures must come within {START_S:g} s, came: {here}")
        await asyncio.sleep(0.1)


BENCH: Final = Benchmark(name="heartbeat", title="From a heartbeat to sound and picture", run=run)
