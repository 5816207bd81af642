"""What a stereo picture costs by part, and how well drawing and encoding run side by side."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np

from benchmarks._children import ChildProcess, running
from benchmarks._cores import CoresUsed, cores_used, reading
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from therapy.controls import NEUTRAL
from vr_world.rendering.ease import phase_after
from vr_world.rendering.encoder import Encoder, JpegEncoder
from vr_world.rendering.focus import regions
from vr_world.rendering.messages import (
    IDLE_TAN,
    Ack,
    Frame,
    HeadsetOn,
    Pose,
    RendererConfig,
    RendererHeartbeat,
    SetControls,
)
from vr_world.rendering.process import main as renderer_main
from vr_world.rendering.renderer import Renderer
from vr_world.rendering.view import View, widened
from vr_world.streaming.depth import pack_depth

__all__ = ["BENCH", "Piped", "side_by_side", "swinging"]

EYE_PX: Final = (640, 1024)
MEASURE_S: Final = 8.0
READ_BACK_S: Final = 4.0
WARM_UP_S: Final = 2.0
SETTLE_S: Final = 1.0
START_S: Final = 60.0
RATE_HZ: Final = 30.0
#: The renderer is asked for so many times what the slowest stage alone could do; its ladder may halve that.
FREE: Final = 6.0
POSE_S: Final = 1.0 / 72.0
CONTROLS_S: Final = 0.05
SERIAL: Final = ("draw", "copy", "convert", "encode")
#: What a frame carries or throws off besides its picture.
BESIDES: Final = ("depth", "mirror")
#: The panel's mirror may cost this share of the frame that it is made from.
MIRROR_SHARE: Final = 0.1
#: Switch off the part that is measured this many frames, then on again: both see the same machine.
_TURN: Final = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """One process, one thing after another: ms of each frame by part, and the read-back inside draw.

    `processor_ms` is the time of all threads, of `frame` (what `SERIAL` names) and `mirror`.
    """

    device: str
    parts_ms: Mapping[str, list[float]]
    processor_ms: Mapping[str, list[float]]
    read_back_ms: float
    depth_read_back_ms: float

    def median_ms(self, *parts: str) -> float:
        """Return the sum of the parts' medians."""
        return math.fsum(float(np.median(self.parts_ms[part])) for part in parts)

    @property
    def frames_per_s(self) -> float:
        """Frames in a second, means of all parts."""
        return 1e3 / math.fsum(float(np.mean(self.parts_ms[part])) for part in SERIAL)

    @property
    def slowest_ms(self) -> float:
        """The slower of the two stages: draw and copy, or convert and encode."""
        return max(self.median_ms("draw", "copy"), self.median_ms("convert", "encode"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Piped:
    """The real renderer process: frames a second, and the means of its parts while both stages run."""

    frames_per_s: float
    parts_ms: Mapping[str, float]

    @property
    def slowest_ms(self) -> float:
        """The slower of the two stages: draw and copy, or convert and encode."""
        parts = self.parts_ms
        return max(parts["draw"] + parts["copy"], parts["convert"] + parts["encode"])


def run(progress: Progress) -> list[Figure]:
    """Measure each size in processes of its own."""
    measured: list[Figure] = []
    for eye_px in EYE_PX:
        progress(f"{eye_px} px, one part after another")
        with running("drawing alone", _one_after_another, eye_px) as child:
            alone: Alone = child.answer(START_S + WARM_UP_S + MEASURE_S + READ_BACK_S)
        progress(f"{eye_px} px, the renderer process")
        # Far above what the machine can do, also where the ladder halves it: the pace must never limit.
        config = RendererConfig(
            eye_px=eye_px,
            min_eye_px=eye_px,
            max_eye_px=eye_px,
            frame_rate_hz=FREE * 1e3 / alone.slowest_ms,
            fade_in_s=0.0,
        )
        with running("renderer", renderer_main, config) as child:
            side_by_side(child, SETTLE_S)
            first = reading(child.pid)
            piped = side_by_side(child)
            used = cores_used(first, reading(child.pid), len(os.sched_getaffinity(0)))
        measured += figures(eye_px, alone, piped, used)
    return measured


def figures(eye_px: int, alone: Alone, piped: Piped, used: CoresUsed) -> list[Figure]:
    """Return what was measured at one size, against 30 frames/s, the slowest stage and the cores."""
    size = f"{eye_px}²"
    return [*_by_part(size, alone), *_besides(size, alone), *_together(size, alone, piped, used)]


def _by_part(size: str, alone: Alone) -> list[Figure]:
    interval_ms = 1e3 / RATE_HZ
    parts = [
        Figure(
            name=f"{size}: {part}",
            value=alone.median_ms(part),
            unit="ms",
            limit=interval_ms,
            note=note,
        )
        for part, note in (
            ("draw", f"both eyes, read back included; p50; {alone.device}"),
            ("copy", "out of the engine's memory, p50"),
            ("convert", "BGRA to YUV 4:2:0, p50"),
            ("encode", f"{_mb_s(alone)}p50"),
        )
    ]
    read_back = Figure(
        name=f"{size}: read back, within draw",
        value=alone.read_back_ms,
        unit="ms",
        limit=interval_ms,
        note="draw with it less draw without it, both until the pixels are done",
    )
    return [
        parts[0],
        read_back,
        *parts[1:],
    ]


def _together(size: str, alone: Alone, piped: Piped, used: CoresUsed) -> list[Figure]:
    frame_ms = 1e3 * used.renderer / piped.frames_per_s
    return [
        Figure(
            name=f"{size}: one after another",
            value=alone.frames_per_s,
            unit="frames/s",
            limit=RATE_HZ,
            note="more is better; 1 / (sum of the means)",
        ),
        Figure(
            name=f"{size}: side by side",
            value=piped.frames_per_s,
            unit="frames/s",
            limit=RATE_HZ,
            note="more is better; the renderer process with mirror, poses and acknowledgements",
        ),
        Figure(
            name=f"{size}: side by side, of 1 / slowest stage",
            value=piped.frames_per_s,
            unit="frames/s",
            limit=1e3 / piped.slowest_ms,
            note="0.9 is wanted; stages as they are while both run",
        ),
        Figure(
            name=f"{size}: side by side, of 1 / slowest stage alone",
            value=piped.frames_per_s,
            unit="frames/s",
            limit=1e3 / alone.slowest_ms,
            note="stages as they are with all cores to themselves: two stages cannot both have them",
        ),
        Figure(
            name=f"{size}: side by side, processor time of a frame",
            value=frame_ms,
            unit="ms",
            limit=1e3 * used.left / piped.frames_per_s,
            note=f"limit: what the others left of {used.cores} cores ({used.left:.2f}) in a frame's time; "
            f"drawing thread {1e3 * used.drawing / piped.frames_per_s:.1f}, "
            f"rasterisers {1e3 * used.rasterising / piped.frames_per_s:.1f}, "
            f"conversion, encoder and the rest {1e3 * used.sending / piped.frames_per_s:.1f}",
        ),
    ]


def _besides(size: str, alone: Alone) -> list[Figure]:
    frame_ms = alone.median_ms(*SERIAL)
    mirror_ms, of_ms = (float(np.median(alone.processor_ms[part])) for part in ("mirror", "frame"))
    mirror_hz = RendererConfig().mirror_hz
    return [
        Figure(
            name=f"{size}: depth, within draw",
            value=alone.depth_read_back_ms,
            unit="ms",
            limit=frame_ms,
            note="sampling its nodes and reading them back: draw with it less draw without it",
        ),
        Figure(
            name=f"{size}: depth",
            value=alone.median_ms("depth"),
            unit="ms",
            limit=frame_ms,
            note=f"calming and packing, p50; {np.mean(alone.parts_ms['depth_bytes']):.0f} bytes a frame",
        ),
        Figure(
            name=f"{size}: mirror, processor time",
            value=mirror_ms,
            unit="ms",
            limit=MIRROR_SHARE * of_ms,
            note=f"p50, from the picture that is there; limit: a tenth of that frame's {of_ms:.1f} ms",
        ),
        Figure(
            name=f"{size}: mirror, of all that pictures take",
            value=1e2 * mirror_ms * mirror_hz / (of_ms * RATE_HZ),
            unit="%",
            limit=1e2 * MIRROR_SHARE,
            note=f"processor time: {mirror_hz:g} mirrors to {RATE_HZ:g} frames a second",
        ),
    ]


def _mb_s(alone: Alone) -> str:
    sizes = alone.parts_ms.get("payload_kb", [])
    return f"{np.mean(sizes):.0f} kB a frame, " if sizes else ""


def swinging(at_s: float, tan: tuple[float, float, float, float]) -> View:
    """Return the view of a head that looks slowly about (±20°, 8 s)."""
    half = math.radians(20.0) * math.sin(2.0 * math.pi * at_s / 8.0) / 2.0
    return View(orientation=(0.0, math.sin(half), 0.0, math.cos(half)), tan_left=tan, tan_right=tan)


def _one_after_another(conn: Connection, eye_px: int) -> None:
    """Child: draw, copy, convert and encode in one thread; send an `Alone`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = RendererConfig()
    renderer = Renderer(config.scene, config.seed, eye_px, foveated=True)  # as the renderer's process does
    picture = np.empty(renderer.picture_shape, np.uint8)
    height, width, _ = picture.shape
    encoder = Encoder(
        codecs=("h264",),
        width=width,
        height=height,
        rate_hz=RATE_HZ,
        bitrate_bps=config.bitrate_bps,
    )
    tan = widened(IDLE_TAN, config.overscan_deg)
    mirror = JpegEncoder(config.mirror_px)
    parts: dict[str, list[float]] = {part: [] for part in (*SERIAL, *BESIDES, "payload_kb", "depth_bytes")}
    processor_ms: dict[str, list[float]] = {"frame": [], "mirror": []}
    began_s = time.perf_counter()
    while (age_s := time.perf_counter() - began_s) < WARM_UP_S + MEASURE_S:
        view = swinging(age_s, tan)
        encoder.aim(regions(view, config.overscan_deg, width // 2, height, renderer.parts))
        used_s = [time.process_time()]
        marks = [time.perf_counter()]
        renderer.draw(view, phase_after(NEUTRAL, age_s), age_s)
        marks.append(time.perf_counter())
        renderer.copy_into(picture)
        marks.append(time.perf_counter())
        frame = encoder.convert(picture)
        marks.append(time.perf_counter())
        payload, _ = encoder.encode(frame, age_s)
        marks.append(time.perf_counter())
        used_s.append(time.process_time())
        depth = pack_depth(renderer.depth())
        marks.append(time.perf_counter())
        used_s.append(time.process_time())
        mirror.encode(picture[: width // 2, : width // 2])
        marks.append(time.perf_counter())
        used_s.append(time.process_time())
        if age_s >= WARM_UP_S:
            for part, took_s in zip((*SERIAL, *BESIDES), np.diff(marks), strict=True):
                parts[part].append(1e3 * float(took_s))
            processor_ms["frame"].append(1e3 * (used_s[1] - used_s[0]))
            processor_ms["mirror"].append(1e3 * (used_s[3] - used_s[2]))
            parts["payload_kb"].append(len(payload) / 1e3)
            parts["depth_bytes"].append(len(depth))
    conn.send(
        Alone(
            device=renderer.device,
            parts_ms=parts,
            processor_ms=processor_ms,
            depth_read_back_ms=_depth_read_back_ms(renderer, tan, age_s),
            read_back_ms=_read_back_ms(renderer, tan, age_s),
        )
    )


def _depth_read_back_ms(renderer: Renderer, tan: tuple[float, float, float, float], age_s: float) -> float:
    """Return what sampling and reading the depth's nodes adds to a frame, ms: medians, in turns."""
    nodes = _window("depth")

    def switch(on: bool) -> None:  # noqa: FBT001  # called by `_added_ms` alone
        nodes.set_active(on)

    return _added_ms(renderer, tan, age_s, switch)


def _window(name: str) -> Any:
    from panda3d import core  # noqa: PLC0415  # a drawing process's own

    engine: Any = core.GraphicsEngine.get_global_ptr()
    windows = [engine.get_window(index) for index in range(engine.get_num_windows())]
    return next(window for window in windows if window.name == name)


def _read_back_ms(renderer: Renderer, tan: tuple[float, float, float, float], age_s: float) -> float:
    """Return what reading back adds to a frame, ms: medians with and without it, in turns."""
    from panda3d import core  # noqa: PLC0415  # a drawing process's own

    # Without a picture to read, a driver that draws in threads would not be waited for.
    core.load_prc_file_data("bench", "gl-finish #t")
    buffer = _window("eyes")
    texture = buffer.get_texture(0)

    def switch(on: bool) -> None:  # noqa: FBT001  # called by `_added_ms` alone
        buffer.clear_render_textures()
        if on:
            buffer.add_render_texture(texture, core.GraphicsOutput.RTM_copy_ram)

    return _added_ms(renderer, tan, age_s, switch)


def _added_ms(
    renderer: Renderer,
    tan: tuple[float, float, float, float],
    age_s: float,
    switch: Callable[[bool], None],
) -> float:
    """Return how much longer a frame takes with a part switched on than without, ms: medians, in turns."""
    took_ms: dict[bool, list[float]] = {True: [], False: []}
    began_s = time.perf_counter()
    reading = True
    while time.perf_counter() - began_s < READ_BACK_S or not all(took_ms.values()):
        reading = not reading
        switch(reading)
        for index in range(_TURN):
            start_s = time.perf_counter()
            renderer.draw(swinging(age_s, tan), NEUTRAL, age_s)
            if index:  # the first one sets up what has changed
                took_ms[reading].append(1e3 * (time.perf_counter() - start_s))
    return max(float(np.median(took_ms[True]) - np.median(took_ms[False])), 0.0)


def side_by_side(child: ChildProcess, measure_s: float = MEASURE_S) -> Piped:
    """Look about with the real renderer process, acknowledge at once, and count what comes."""
    child.send(HeadsetOn(headset="bench"))
    drawn_s: list[float] = []
    parts: list[Mapping[str, float]] = []
    began_s: float | None = None
    first_s = next_controls_s = time.monotonic()
    seq = 0
    while began_s is None or time.monotonic() - began_s < WARM_UP_S + measure_s:
        now_s = time.monotonic()
        if began_s is None and now_s - first_s > START_S:
            raise BenchmarkFailed(f"the renderer must draw within {START_S:g} s, did not")
        if now_s >= next_controls_s:
            next_controls_s = now_s + CONTROLS_S
            child.send(SetControls(controls=phase_after(NEUTRAL, now_s - first_s), at_s=now_s))
        seq += 1
        child.send(_pose(seq, now_s, now_s - first_s))
        for at_s, message in child.receive(now_s + POSE_S):
            if isinstance(message, Frame):
                child.send(Ack(headset="bench", frame_id=message.frame_id, decode_ms=0.0))
                began_s = began_s or at_s
                drawn_s.append(message.render_at_s)
            elif isinstance(message, RendererHeartbeat) and began_s and at_s - began_s > WARM_UP_S:
                parts.append(message.parts_ms)
    steady = [at_s for at_s in drawn_s if at_s - drawn_s[0] > WARM_UP_S]
    return Piped(
        frames_per_s=(len(steady) - 1) / (steady[-1] - steady[0]),
        parts_ms={part: float(np.mean([each[part] for each in parts])) for part in SERIAL},
    )


def _pose(seq: int, now_s: float, age_s: float) -> Pose:
    view = swinging(age_s, IDLE_TAN)
    return Pose(
        headset="bench",
        seq=seq,
        client_ms=1e3 * now_s,
        position=view.position,
        orientation=view.orientation,
        tan_left=view.tan_left,
        tan_right=view.tan_right,
        ipd_m=view.ipd_m,
    )


BENCH: Final = Benchmark(name="frames", title="Stereo pictures: draw, read back, convert, encode", run=run)
