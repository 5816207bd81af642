"""Panda3D meshes and textures from numpy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from panda3d import core

__all__ = ["Bytes", "Floats", "byte_texture", "everywhere", "float_texture", "mesh", "shader", "upload"]

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_SHADERS: Final = Path(__file__).parent / "shaders"


def mesh(name: str, columns: Mapping[str, Floats], triangles: npt.NDArray[np.uint32]) -> Any:
    """Return a NodePath of a triangle mesh.

    Args:
        name: of the node.
        columns: by attribute name (`vertex` is required, others are read by shaders under their own name),
            arrays (vertices, 1…4).
        triangles: vertex indices (triangles, 3).
    """
    array = core.GeomVertexArrayFormat()
    for attribute, values in columns.items():
        contents = core.Geom.C_point if attribute == "vertex" else core.Geom.C_other
        array.add_column(core.InternalName.make(attribute), values.shape[1], core.Geom.NT_float32, contents)
    layout = core.GeomVertexFormat()
    layout.add_array(array)
    data = core.GeomVertexData(name, core.GeomVertexFormat.register_format(layout), core.Geom.UH_static)
    rows = np.concatenate([np.asarray(v, np.float32) for v in columns.values()], axis=1)
    data.unclean_set_num_rows(len(rows))
    memoryview(data.modify_array(0)).cast("B").cast("f")[:] = (
        np.ascontiguousarray(rows, np.float32).reshape(-1).data
    )
    faces = core.GeomTriangles(core.Geom.UH_static)
    faces.set_index_type(core.Geom.NT_uint32)
    indices = faces.modify_vertices()
    indices.unclean_set_num_rows(triangles.size)
    memoryview(indices).cast("B").cast("I")[:] = np.ascontiguousarray(triangles, np.uint32).reshape(-1).data
    geom = core.Geom(data)
    geom.add_primitive(faces)
    node = core.GeomNode(name)
    node.add_geom(geom)
    return core.NodePath(node)


def everywhere(path: Any) -> Any:
    """Keep `path` from being culled: its vertices are placed by its shader."""
    path.node().set_bounds(core.OmniBoundingVolume())
    path.node().set_final(True)
    return path


def shader(name: str, defines: tuple[str, ...] = ()) -> Any:
    """Return the shader of `shaders/<name>.vert` and `.frag`, with `defines` set and `#include` put in."""
    parts = [_source(_SHADERS / f"{name}{ending}", defines) for ending in (".vert", ".frag")]
    return core.Shader.make(core.Shader.SL_GLSL, *parts)


def _source(path: Path, defines: tuple[str, ...]) -> str:
    version, *lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join([version, *(f"#define {name}" for name in defines), *_with_includes(lines)]) + "\n"


def _with_includes(lines: list[str]) -> list[str]:
    out: list[str] = []
    for line in lines:
        if line.startswith("#include "):
            path = _SHADERS / line.split('"')[1]
            out += _with_includes(path.read_text(encoding="utf-8").splitlines())
        else:
            out.append(line)
    return out


def float_texture(name: str, values: Floats) -> Any:
    """Return a texture of `values` (height, width, 3), R G B; it repeats sideways."""
    height, width, _ = values.shape
    texture = core.Texture(name)
    texture.setup_2d_texture(width, height, core.Texture.T_float, core.Texture.F_rgb32)
    texture.set_wrap_u(core.SamplerState.WM_repeat)
    texture.set_wrap_v(core.SamplerState.WM_clamp)
    texture.set_minfilter(core.SamplerState.FT_linear)
    texture.set_magfilter(core.SamplerState.FT_linear)
    upload(texture, values[:, :, ::-1])
    return texture


def byte_texture(name: str, values: Bytes, *, repeat_up: bool = True) -> Any:
    """Return a texture of `values` (height, width, 4), blue green red alpha; it repeats sideways."""
    height, width, _ = values.shape
    texture = core.Texture(name)
    texture.setup_2d_texture(width, height, core.Texture.T_unsigned_byte, core.Texture.F_rgba8)
    texture.set_wrap_u(core.SamplerState.WM_repeat)
    texture.set_wrap_v(core.SamplerState.WM_repeat if repeat_up else core.SamplerState.WM_clamp)
    texture.set_minfilter(core.SamplerState.FT_linear)
    texture.set_magfilter(core.SamplerState.FT_linear)
    upload(texture, values)
    return texture


def upload(texture: Any, values: npt.NDArray[Any]) -> None:
    """Replace a texture's picture; shape and order (blue first) are as Panda3D stores them."""
    memoryview(texture.modify_ram_image()).cast("B")[:] = (
        np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
    )
