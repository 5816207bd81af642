"""What a scene asks a graphics card to draw, taken out of Panda3D: meshes, textures, programs, values, order.

Everything here is plain data that another process can replay (`benchmarks._bare_gl`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from panda3d import core

from benchmarks._kit import BenchmarkFailed

__all__ = ["Draw", "DrawList", "Image", "Mesh", "Sight", "Source", "cameras", "drawing_list", "sights"]

#: Reads the values of a uniform array, which Panda3D keeps to itself.
Arrays: TypeAlias = Mapping[str, Callable[[], Sequence[Sequence[float]]]]

_UNIFORM: Final = re.compile(r"^\s*uniform\s+(\w+)\s+(\w+)\s*(\[\d+\])?\s*;", re.MULTILINE)
_SIZES: Final = {"float": 1, "vec2": 2, "vec3": 3, "vec4": 4}
_BLEND: Final = {
    core.ColorBlendAttrib.O_one: "one",
    core.ColorBlendAttrib.O_incoming_alpha: "src_alpha",
    core.ColorBlendAttrib.O_one_minus_incoming_alpha: "one_minus_src_alpha",
    core.ColorBlendAttrib.O_one_minus_incoming_color: "one_minus_src_color",
}
_MIPMAPPED: Final = {
    core.SamplerState.FT_linear_mipmap_nearest: "nearest",
    core.SamplerState.FT_linear_mipmap_linear: "linear",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Interleaved floats by column, and three indices a triangle."""

    columns: tuple[tuple[str, int], ...]
    vertices: bytes
    indices: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A texture's pixels, red first. `moving`: the scene gives new ones for every frame."""

    width: int
    height: int
    components: int
    is_float: bool
    pixels: bytes
    moving: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A texture as one program reads it: which image, which levels, whether it repeats."""

    image: int
    levels: str
    repeats: tuple[bool, bool]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One call: a mesh by a program, with all that the program is given but its matrices."""

    name: str
    mesh: int
    vertex: str
    fragment: str
    values: tuple[tuple[str, tuple[float, ...]], ...]
    sources: tuple[tuple[str, Source], ...]
    blend: tuple[str, str] | None
    depth_test: bool
    depth_write: bool
    one_sided: bool
    model: tuple[float, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One eye: its matrices (Panda3D's rows are OpenGL's columns) and the draws in sight, in order."""

    view: tuple[float, ...]
    projection: tuple[float, ...]
    draws: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DrawList:
    """All that a scene can draw now, in its order."""

    meshes: tuple[Mesh, ...]
    images: tuple[Image, ...]
    draws: tuple[Draw, ...]


def cameras() -> list[Any]:
    """Return the NodePaths of the eyes, left first, of the one `Renderer` of this process."""
    engine: Any = core.GraphicsEngine.get_global_ptr()
    windows = [engine.get_window(index) for index in range(engine.get_num_windows())]
    buffer = next(window for window in windows if window.name == "eyes")
    regions = buffer.get_active_display_regions()
    found = [r.get_camera() for r in regions if r.get_sort() == 0 and not r.get_camera().is_empty()]
    return sorted(found, key=lambda camera: float(camera.get_x()))


def drawing_list(root: Any, redraw: Callable[[], None], arrays: Arrays) -> tuple[DrawList, list[Any]]:
    """Return what hangs under `root`, and the node of each draw.

    Args:
        root: the scene's.
        redraw: draws a frame, so that the textures that move are known.
        arrays: where to read the scene's uniform arrays.

    Raises:
        BenchmarkFailed: the scene uses something that cannot be read back.
    """
    nodes = sorted(_shown(root), key=lambda path: path.get_net_state().get_draw_order())
    builder = _Builder(arrays)
    draws = tuple(builder.draw(path, root) for path in nodes)
    before = [texture.get_image_modified() for texture in builder.textures]
    redraw()
    moving = [t.get_image_modified() != b for t, b in zip(builder.textures, before, strict=True)]
    images = tuple(_image(t, moving=m) for t, m in zip(builder.textures, moving, strict=True))
    return DrawList(meshes=tuple(builder.meshes), images=images, draws=draws), nodes


def sights(root: Any, nodes: Sequence[Any]) -> tuple[Sight, ...]:
    """Return what each eye sees now of `nodes`, as Panda3D would cull them."""
    upright = core.LMatrix4.convert_mat(core.CS_zup_right, core.CS_yup_right)
    flat = core.LMatrix4.convert_mat(core.CS_yup_right, core.CS_zup_right)
    out = []
    for camera in cameras():
        lens = camera.node().get_lens()
        frustum = lens.make_bounds()
        frustum.xform(camera.get_mat(root))
        seen = tuple(i for i, path in enumerate(nodes) if _in_sight(path, root, frustum))
        view = root.get_mat(camera) * upright
        projection = flat * lens.get_projection_mat()
        out.append(Sight(view=_sixteen(view), projection=_sixteen(projection), draws=seen))
    return tuple(out)


class _Builder:
    def __init__(self, arrays: Arrays) -> None:
        self.meshes: list[Mesh] = []
        self.textures: list[Any] = []
        self._arrays = arrays

    def draw(self, path: Any, root: Any) -> Draw:
        state = path.get_net_state()
        inputs = state.get_attrib(core.ShaderAttrib)
        texts = [inputs.get_shader().get_text(t) for t in (core.Shader.ST_vertex, core.Shader.ST_fragment)]
        wanted = {name: kind for text in texts for kind, name, _ in _UNIFORM.findall(text)}
        wanted = {name: kind for name, kind in wanted.items() if not name.startswith("p3d_")}
        sources, values = [], []
        for name, kind in sorted(wanted.items()):
            if name not in self._arrays and _missing(inputs, name):
                continue  # written in the text, but compiled only for another place
            if kind == "sampler2D":
                sources.append((name, self._source(inputs, name)))
            else:
                values.append((name, self._value(inputs, name, kind)))
        self.meshes.append(_mesh(path))
        cull = state.get_attrib(core.CullFaceAttrib)
        test, write = state.get_attrib(core.DepthTestAttrib), state.get_attrib(core.DepthWriteAttrib)
        return Draw(
            name=path.name,
            mesh=len(self.meshes) - 1,
            vertex=texts[0],
            fragment=texts[1],
            values=tuple(values),
            sources=tuple(sources),
            blend=_blend(state.get_attrib(core.ColorBlendAttrib)),
            depth_test=test is None or test.get_mode() != core.RenderAttrib.M_none,
            depth_write=write is None or write.get_mode() == core.DepthWriteAttrib.M_on,
            one_sided=cull is None or cull.get_actual_mode() == core.CullFaceAttrib.M_cull_clockwise,
            model=_sixteen(path.get_mat(root)),
        )

    def _source(self, inputs: Any, name: str) -> Source:
        given = inputs.get_shader_input(name)
        texture = given.get_texture()
        if texture not in self.textures:
            self.textures.append(texture)
        sampler = (
            given.get_sampler() if given.get_value_type() == core.ShaderInput.M_texture_sampler else None
        )
        sampler = sampler or texture.get_default_sampler()
        repeats = (
            sampler.get_wrap_u() == core.SamplerState.WM_repeat,
            sampler.get_wrap_v() == core.SamplerState.WM_repeat,
        )
        levels = _MIPMAPPED.get(sampler.get_minfilter(), "")
        return Source(image=self.textures.index(texture), levels=levels, repeats=repeats)

    def _value(self, inputs: Any, name: str, kind: str) -> tuple[float, ...]:
        if name in self._arrays:
            return tuple(float(x) for row in self._arrays[name]() for x in row)
        if kind not in _SIZES:
            raise BenchmarkFailed(f"the value {name!r} must be one of {tuple(_SIZES)}, is {kind}")
        return tuple(float(x) for x in inputs.get_shader_input(name).get_vector())[: _SIZES[kind]]


def _missing(inputs: Any, name: str) -> bool:
    return bool(inputs.get_shader_input(name).get_value_type() == core.ShaderInput.M_invalid)


def _shown(path: Any) -> Iterator[Any]:
    if path.is_hidden():
        return
    if path.node().is_geom_node():
        yield path
    for child in path.get_children():
        yield from _shown(child)


def _in_sight(path: Any, root: Any, frustum: Any) -> bool:
    box = path.node().get_bounds().make_copy()
    box.xform(path.get_mat(root))
    return bool(frustum.contains(box))


def _mesh(path: Any) -> Mesh:
    geom = path.node().get_geom(0)
    data = geom.get_vertex_data()
    array = data.get_format().get_array(0)
    columns = tuple(
        (array.get_column(i).get_name().name, array.get_column(i).get_num_components())
        for i in range(array.get_num_columns())
    )
    indices = geom.get_primitive(0).get_vertices()
    return Mesh(
        columns=columns,
        vertices=bytes(memoryview(data.get_array(0)).cast("B")),
        indices=bytes(memoryview(indices).cast("B")),
    )


def _image(texture: Any, *, moving: bool) -> Image:
    parts = texture.get_num_components()
    is_float = texture.get_component_type() == core.Texture.T_float
    kind = np.float32 if is_float else np.uint8
    held = np.frombuffer(memoryview(texture.get_ram_image()), kind).reshape(-1, parts)
    order = [2, 1, 0, 3][:parts]
    return Image(
        width=texture.get_x_size(),
        height=texture.get_y_size(),
        components=parts,
        is_float=is_float,
        pixels=np.ascontiguousarray(held[:, order]).tobytes(),
        moving=moving,
    )


def _blend(attrib: Any) -> tuple[str, str] | None:
    if attrib is None or attrib.get_mode() == core.ColorBlendAttrib.M_none:
        return None
    return _BLEND[attrib.get_operand_a()], _BLEND[attrib.get_operand_b()]


def _sixteen(matrix: Any) -> tuple[float, ...]:
    return tuple(float(matrix.get_cell(row, column)) for row in range(4) for column in range(4))
