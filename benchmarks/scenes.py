"""Each scene: against a bare OpenGL program, by part, encoded beside the music, built at load."""

from __future__ import annotations

import dataclasses
import functools
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import psutil
from panda3d import core

from audio_engine.messages import AudioConfig
from audio_engine.process import main as audio_main
from benchmarks import _draw_list
from benchmarks._bare_gl import bare_main
from benchmarks._children import ChildProcess, cpu_s, running
from benchmarks._kit import Benchmark, Figure, Progress
from benchmarks.frames import Piped, side_by_side, swinging
from scenes._garden import RAKED_ROUND
from therapy.controls import NEUTRAL
from therapy.discover import declared
from therapy.specs import SceneSpec
from vr_world.rendering.foveated import foveation
from vr_world.rendering.messages import IDLE_TAN, RendererConfig
from vr_world.rendering.process import main as renderer_main
from vr_world.rendering.renderer import Renderer
from vr_world.rendering.view import View, widened

__all__ = ["BENCH", "Duel", "Encoded", "Load", "duel_figures", "encoded_figures", "far_apart"]

EYE_PX: Final = 640
#: Side of an eye, and the rate that is wanted there, rendered and encoded beside the music.
RATES_HZ: Final = {640: 30.0, 1024: 20.0}
#: Our frame may cost so much more than the bare one.
MOST_OF_BARE: Final = 1.15
#: Two rasters of the same triangles differ where an edge falls; more than this is other work.
MOST_APART: Final = 1.0
BUILD_S: Final = 2.0
START_S: Final = 120.0
MEASURE_S: Final = 6.0
ROUNDS: Final = 6
TURNS: Final = 10
PART_TURNS: Final = 10
_SCENE_S: Final = 12.0
#: Moments of the head's slow swing that are drawn.
_SWING_S: Final = (0.0, 1.3, 2.0, 5.1, 6.0)
#: Far above what the machine can do: the pace never limits.
_FREE_HZ: Final = 120.0
_SETTLE_S: Final = 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a scene takes: seconds to build, and the process's memory with it."""

    build_s: float
    resident_mb: float
    parts_ms: Mapping[str, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """Times of the same frames: `ours_ms` with the scene's own moving, `drawn_ms` without it, `bare_ms`."""

    ours_ms: Sequence[float]
    drawn_ms: Sequence[float]
    bare_ms: Sequence[float]
    drawn_cpu_ms: Sequence[float]
    bare_cpu_ms: Sequence[float]
    apart: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The renderer process at work: its rate, a frame's processor time, and the music's share of a core."""

    piped: Piped
    frame_ms: float
    audio_share: float


def run(progress: Progress) -> list[Figure]:
    """Measure every declared scene in processes of its own."""
    measured: list[Figure] = []
    for scene in declared("scenes", "SCENE", SceneSpec):
        progress(f"{scene}: Panda3D and bare OpenGL in turns")
        with running("ours", _ours_main, (scene, EYE_PX)) as ours:
            what, views = ours.answer(START_S)
            with running("bare", bare_main, (what, views, EYE_PX)) as bare:
                bare.answer(START_S)
                duel = _fight(ours, bare)
            ours.send(("load", 0, False))
            load: Load = ours.answer(START_S)
        measured += duel_figures(scene, duel, load)
        for eye_px, rate_hz in RATES_HZ.items():
            progress(f"{scene}: {eye_px} px, encoded, beside the music")
            cores = len(os.sched_getaffinity(0))
            measured += encoded_figures(scene, eye_px, rate_hz, _encoded(scene, eye_px), cores)
    return measured


def duel_figures(scene: str, duel: Duel, load: Load) -> list[Figure]:
    """Return one scene's figures against the bare program, by part, and of its load."""
    bare_ms, drawn_ms = float(np.median(duel.bare_ms)), float(np.median(duel.drawn_ms))
    cpu_ms, bare_cpu_ms = float(np.mean(duel.drawn_cpu_ms)), float(np.mean(duel.bare_cpu_ms))
    figures = [
        Figure(
            name=f"{scene}: drawn and read back",
            value=drawn_ms,
            unit="ms",
            limit=MOST_OF_BARE * bare_ms,
            note=f"{drawn_ms / bare_ms:.2f} of bare OpenGL's {bare_ms:.1f} ms; limit {MOST_OF_BARE}; p50",
        ),
        Figure(
            name=f"{scene}: drawn, processor time",
            value=cpu_ms,
            unit="ms",
            limit=MOST_OF_BARE * bare_cpu_ms,
            note=f"{cpu_ms / bare_cpu_ms:.2f} of bare OpenGL's {bare_cpu_ms:.1f} ms; all threads, mean",
        ),
        Figure(
            name=f"{scene}: moved, drawn and read back",
            value=float(np.median(duel.ours_ms)),
            unit="ms",
            limit=MOST_OF_BARE * bare_ms,
            note="with the scene's own Python and waves, which the bare program has not; p50",
        ),
        Figure(
            name=f"{scene}: pictures differ",
            value=duel.apart,
            unit="of 255",
            limit=MOST_APART,
            note="mean of all pixels: both did the same work",
        ),
        Figure(
            name=f"{scene}: built",
            value=load.build_s,
            unit="s",
            limit=BUILD_S,
            note="meshes and textures; processor time",
        ),
        Figure(name=f"{scene}: memory", value=load.resident_mb, unit="MB", note="of the drawing process"),
    ]
    return figures + [
        Figure(
            name=f"{scene}: {part}",
            value=took_ms,
            unit="ms",
            note="processor time that leaving it out saves; what it hid is drawn then",
        )
        for part, took_ms in sorted(load.parts_ms.items(), key=lambda item: -item[1])
    ]


def far_apart(ours: Sequence[bytes], bare: Sequence[bytes]) -> float:
    """Return the mean difference of pictures: ours blue first, the bare program's red first."""
    return float(
        np.mean([np.abs(_rgb(a)[:, ::-1] - _rgb(b)).mean() for a, b in zip(ours, bare, strict=True)])
    )


def _rgb(pixels: bytes) -> npt.NDArray[np.int16]:
    return np.frombuffer(pixels, np.uint8).reshape(-1, 4)[:, :3].astype(np.int16)


def _fight(ours: ChildProcess, bare: ChildProcess) -> Duel:
    """Let both draw in turns, so that both see the same machine."""
    ours.send(("draw", len(_SWING_S), True))
    bare.send((len(_SWING_S), True))
    apart = far_apart(ours.answer(START_S)[3], bare.answer(START_S)[2])
    lists: list[list[float]] = [[], [], [], [], []]
    for _ in range(ROUNDS):
        ours.send(("draw", TURNS, False))
        moved_ms, drawn_ms, drawn_cpu_ms, _ = ours.answer(START_S)
        bare.send((TURNS, False))
        bare_ms, bare_cpu_ms, _ = bare.answer(START_S)
        for held, new in zip(lists, (moved_ms, drawn_ms, bare_ms, drawn_cpu_ms, bare_cpu_ms), strict=True):
            held.extend(new)
    return Duel(
        ours_ms=lists[0],
        drawn_ms=lists[1],
        bare_ms=lists[2],
        drawn_cpu_ms=lists[3],
        bare_cpu_ms=lists[4],
        apart=apart,
    )


def _encoded(scene: str, eye_px: int) -> Encoded:
    """Run the real renderer process beside the real music, and count what comes and what it takes."""
    config = RendererConfig(
        scene=scene,
        eye_px=eye_px,
        min_eye_px=eye_px,
        max_eye_px=eye_px,
        frame_rate_hz=_FREE_HZ,
        fade_in_s=0.0,
    )
    with (
        running("audio", audio_main, AudioConfig(seed=1, gain=1.0)) as audio,
        running("renderer", renderer_main, config) as child,
    ):
        audio.answer(START_S)
        side_by_side(child, _SETTLE_S)
        began_s, drawn_s, played_s = time.monotonic(), cpu_s(child.pid), cpu_s(audio.pid)
        piped = side_by_side(child, MEASURE_S)
        took_s = time.monotonic() - began_s
        frame_ms = 1e3 * (cpu_s(child.pid) - drawn_s) / (piped.frames_per_s * took_s)
        return Encoded(piped=piped, frame_ms=frame_ms, audio_share=(cpu_s(audio.pid) - played_s) / took_s)


def encoded_figures(scene: str, eye_px: int, rate_hz: float, encoded: Encoded, cores: int) -> list[Figure]:
    """Return one size's figures against the wanted rate, and against what the cores have for a frame."""
    piped = encoded.piped
    parts = ", ".join(f"{name} {ms:.1f}" for name, ms in piped.parts_ms.items())
    divided = "fine in the middle, coarse round it; " if foveation(View(), eye_px) else ""
    return [
        Figure(
            name=f"{scene}: {eye_px}², rendered and encoded",
            value=piped.frames_per_s,
            unit="frames/s",
            limit=rate_hz,
            note=f"more is better; {divided}beside the audio engine; ms: {parts}",
        ),
        Figure(
            name=f"{scene}: {eye_px}², processor time of a frame",
            value=encoded.frame_ms,
            unit="ms",
            limit=1e3 * (cores - encoded.audio_share) / rate_hz,
            note=f"all of the renderer's threads; limit: {cores} cores less the music's "
            f"{100.0 * encoded.audio_share:.0f} %, at {rate_hz:g}/s",
        ),
    ]


class _Ours:
    """One scene in this process's renderer, looked at from a few sides."""

    def __init__(self, scene: str, eye_px: int) -> None:
        self._renderer = Renderer(scene, 1, eye_px)
        began_s = time.thread_time()
        declared("scenes", "SCENE", SceneSpec)[scene].build(2)
        self._build_s = time.thread_time() - began_s
        tan = widened(IDLE_TAN, RendererConfig().overscan_deg)
        self._views = [swinging(at_s, tan) for at_s in _SWING_S]
        self._picture = np.empty((eye_px, 2 * eye_px, 4), np.uint8)
        self._draw(0)
        eye = _draw_list.cameras()[0]
        self._scene = next(child for child in eye.get_top().get_children() if child.name != "rig")

    def listed(self) -> tuple[Any, Any]:
        """Return what is drawn, and what each view sees of it."""
        what, nodes = _draw_list.drawing_list(self._scene, lambda: self._draw(0), self._arrays())
        views = []
        for index in range(len(self._views)):
            self._draw(index)
            views.append(_draw_list.sights(self._scene, nodes))
        return what, views

    def drawn(
        self, turns: int, *, pictured: bool
    ) -> tuple[list[float], list[float], list[float], list[bytes]]:
        """Return ms with the scene moved, ms and processor ms without, and the pictures, bottom row first."""
        moved_ms, drawn_ms, cpu_ms, pictures = [], [], [], []
        engine: Any = core.GraphicsEngine.get_global_ptr()
        for index in range(turns):
            began_s = time.perf_counter()
            self._draw(index % len(self._views))
            between_s, used_s = time.perf_counter(), _cpu_s()
            engine.render_frame()
            drawn_ms.append(1e3 * (time.perf_counter() - between_s))
            cpu_ms.append(1e3 * (_cpu_s() - used_s))
            moved_ms.append(1e3 * (between_s - began_s))
            if pictured:
                self._renderer.copy_into(self._picture)
                pictures.append(self._picture[::-1].tobytes())
        return moved_ms, drawn_ms, cpu_ms, pictures

    def load(self) -> Load:
        """Return what the scene takes to build and to keep, and where its time goes."""
        return Load(
            build_s=self._build_s,
            resident_mb=psutil.Process().memory_info().rss / 1e6,
            parts_ms=dict(self._parts_ms()),
        )

    def _parts_ms(self) -> Iterator[tuple[str, float]]:
        parts: dict[str, list[Any]] = {}
        for child in self._scene.get_children():
            if not child.is_hidden():
                parts.setdefault(child.name.rstrip("-0123456789"), []).append(child)
        for name, paths in parts.items():
            spent: dict[bool, list[float]] = {True: [], False: []}
            for turn in range(2 * PART_TURNS):
                left_out = turn % 2 == 0
                for path in paths:
                    path.stash() if left_out else path.unstash()
                used_s = _cpu_s()
                self._draw(turn // 2 % len(self._views))
                spent[left_out].append(1e3 * (_cpu_s() - used_s))
            yield name, float(np.median(spent[False]) - np.median(spent[True]))

    def _draw(self, index: int) -> None:
        self._renderer.draw(self._views[index], NEUTRAL, _SCENE_S)

    def _arrays(self) -> dict[str, Callable[[], Sequence[Sequence[float]]]]:
        """Return where this scene tells what it puts into its uniform arrays."""
        scene: Any = self._renderer.scene
        told = {"lanterns": ("lanterns", 24), "lamps": ("flames", 8), "jellies": ("jellyfish", 3)}
        out: dict[str, Callable[[], Sequence[Sequence[float]]]] = {"raked": lambda: RAKED_ROUND}
        for name, (method, size) in told.items():
            if hasattr(scene, method):
                out[name] = functools.partial(_filled, getattr(scene, method), size)
        return out


def _filled(told: Callable[[], Sequence[Sequence[float]]], size: int) -> Sequence[Sequence[float]]:
    held = [tuple(row) for row in told()]
    return held + [(0.0,) * len(held[0])] * (size - len(held))


def _ours_main(conn: Connection, config: tuple[str, int]) -> None:
    """Child: sends the draw list and the views, then answers `draw` and `load`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ours = _Ours(*config)
    conn.send(ours.listed())
    while True:
        try:
            what, turns, pictured = conn.recv()
        except EOFError:
            return
        conn.send(ours.drawn(turns, pictured=pictured) if what == "draw" else ours.load())


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


BENCH: Final = Benchmark(
    name="scenes", title="Scenes: against bare OpenGL, by part, encoded beside the music, built", run=run
)
