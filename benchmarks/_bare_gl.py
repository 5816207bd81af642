"""Knows nothing of scenes: replays a `DrawList` with plain OpenGL calls (moderngl on EGL)."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np

from benchmarks._draw_list import Draw, DrawList, Image, Mesh, Sight
from benchmarks._kit import BenchmarkFailed
from vr_world.rendering.shaders import SAFE_SRGB

__all__ = ["BareGl", "bare_main"]

_BLEND: Final = {
    "one": "ONE",
    "src_alpha": "SRC_ALPHA",
    "one_minus_src_alpha": "ONE_MINUS_SRC_ALPHA",
    "one_minus_src_color": "ONE_MINUS_SRC_COLOR",
}


class BareGl:
    """Draws both eyes side by side and reads the picture back, with as few calls as there can be.

    Args:
        what: to draw.
        eye_px: side of one eye's picture.
    """

    def __init__(self, what: DrawList, eye_px: int) -> None:
        import moderngl  # noqa: PLC0415  # only where this is measured

        self._gl: Any = moderngl
        self._context: Any = self._gl.create_context(standalone=True, backend="egl", require=330)
        self._eye_px = eye_px
        size = (2 * eye_px, eye_px)
        self._target = self._context.framebuffer(
            [self._context.renderbuffer(size, 4)], self._context.depth_renderbuffer(size)
        )
        self._pixels = bytearray(4 * size[0] * size[1])
        self._moving: list[tuple[Any, bytes]] = []
        self._textures = [self._texture(image) for image in what.images]
        self._levelled: list[Any] = []
        self._units: dict[Any, int] = {}
        self._programs: dict[Any, tuple[Any, Draw]] = {}
        meshes = [self._mesh(mesh) for mesh in what.meshes]
        self._calls = [self._call(draw, what.meshes[draw.mesh], *meshes[draw.mesh]) for draw in what.draws]

    @property
    def device(self) -> str:
        """The driver's name for what draws."""
        return str(self._context.info["GL_RENDERER"])

    def draw(self, eyes: Sequence[Sight]) -> bytearray:
        """Return the picture of both eyes, R G B A, bottom row first; the next call writes over it."""
        for texture, pixels in self._moving:
            texture.write(pixels)
            if texture in self._levelled:
                texture.build_mipmaps()
        for program, draw in self._programs.values():
            for name, value in draw.values:
                _give(program, name, np.array(value, "f4").tobytes())
        self._target.use()
        self._context.disable(self._gl.BLEND)
        self._target.depth_mask = True
        self._target.viewport = (0, 0, 2 * self._eye_px, self._eye_px)
        self._target.clear(*SAFE_SRGB, 1.0)
        for index, sight in enumerate(eyes):
            self._target.viewport = (index * self._eye_px, 0, self._eye_px, self._eye_px)
            self._give_matrices(sight)
            for which in sight.draws:
                self._one(*self._calls[which])
        self._target.read_into(self._pixels, components=4)
        return self._pixels

    def _one(self, draw: Draw, array: Any) -> None:
        context = self._context
        flags = self._gl.DEPTH_TEST if draw.depth_test else self._gl.NOTHING
        if draw.one_sided:
            flags |= self._gl.CULL_FACE
        if draw.blend is not None:
            flags |= self._gl.BLEND
            context.blend_func = tuple(getattr(self._gl, _BLEND[name]) for name in draw.blend)
        context.enable_only(flags)
        self._target.depth_mask = draw.depth_write
        array.render()

    def _give_matrices(self, sight: Sight) -> None:
        view, projection = _matrix(sight.view), _matrix(sight.projection)
        both = view @ projection
        inverse = np.linalg.inv(view)
        for program, draw in self._programs.values():
            model = _matrix(draw.model)
            for name, matrix in (
                ("p3d_ModelViewProjectionMatrix", model @ both),
                ("p3d_ModelViewMatrix", model @ view),
                ("p3d_ProjectionMatrix", projection),
                ("p3d_ViewMatrix", view),
                ("p3d_ViewProjectionMatrix", both),
                ("p3d_ViewMatrixInverse", inverse),
            ):
                _give(program, name, matrix.astype("f4").tobytes())

    def _call(self, draw: Draw, mesh: Mesh, vertices: Any, indices: Any) -> tuple[Draw, Any]:
        program = self._program(draw)
        used = {name for name in program if isinstance(program[name], self._gl.Attribute)}
        layout = " ".join(f"{n}f" if name in used else f"{4 * n}x" for name, n in mesh.columns)
        names = [name for name, _ in mesh.columns if name in used]
        array = self._context.vertex_array(
            program, [(vertices, layout, *names)], index_buffer=indices, index_element_size=4
        )
        return draw, array

    def _program(self, draw: Draw) -> Any:
        """Return a program that holds this draw's values: draws that share all of them share it."""
        key = (draw.vertex, draw.fragment, draw.values, draw.sources, draw.model)
        if key not in self._programs:
            program = self._context.program(vertex_shader=draw.vertex, fragment_shader=draw.fragment)
            for name, source in draw.sources:
                if name in program:
                    program[name].value = self._unit(source)
            given = {name for name, _ in (*draw.values, *draw.sources)}
            active = {name for name in program if isinstance(program[name], self._gl.Uniform)}
            missing = sorted(name for name in active - given if not name.startswith("p3d_"))
            if missing:
                raise BenchmarkFailed(
                    f"{draw.name} must be given all that its program reads, lacks {missing}"
                )
            self._programs[key] = (program, draw)
        return self._programs[key][0]

    def _unit(self, source: Any) -> int:
        if source not in self._units:
            gl = self._gl
            unit = self._units[source] = len(self._units)
            texture = self._textures[source.image]
            if source.levels:
                texture.build_mipmaps()
                self._levelled.append(texture)
            least = {
                "nearest": gl.LINEAR_MIPMAP_NEAREST,
                "linear": gl.LINEAR_MIPMAP_LINEAR,
                "": gl.LINEAR,
            }[source.levels]
            texture.use(unit)
            self._context.sampler(
                repeat_x=source.repeats[0], repeat_y=source.repeats[1], filter=(least, gl.LINEAR)
            ).use(unit)
        return self._units[source]

    def _texture(self, image: Image) -> Any:
        kind = "f4" if image.is_float else "f1"
        texture = self._context.texture(
            (image.width, image.height), image.components, image.pixels, dtype=kind, alignment=1
        )
        if image.moving:
            self._moving.append((texture, image.pixels))
        return texture

    def _mesh(self, mesh: Mesh) -> tuple[Any, Any]:
        return self._context.buffer(mesh.vertices), self._context.buffer(mesh.indices)


def bare_main(conn: Connection, config: tuple[DrawList, Sequence[Sequence[Sight]], int]) -> None:
    """Child: answers each (turns, wants pictures) with `(wall ms, processor ms, pictures)` of its frames."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    what, views, eye_px = config
    bare = BareGl(what, eye_px)
    conn.send(bare.device)
    while True:
        try:
            turns, pictured = conn.recv()
        except EOFError:
            return
        wall_ms, cpu_ms, pictures = [], [], []
        for index in range(turns):
            began_s, cpu = time.perf_counter(), _cpu_s()
            pixels = bare.draw(views[index % len(views)])
            wall_ms.append(1e3 * (time.perf_counter() - began_s))
            cpu_ms.append(1e3 * (_cpu_s() - cpu))
            if pictured:
                pictures.append(bytes(pixels))
        conn.send((wall_ms, cpu_ms, pictures))


def _give(program: Any, name: str, value: bytes) -> None:
    if name in program:
        program[name].write(value)


def _matrix(cells: tuple[float, ...]) -> Any:
    return np.array(cells).reshape(4, 4)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
