"""Panda3D without a screen: the pipe, its buffers, cameras, and what is read back from them."""

from __future__ import annotations

import ctypes.util
from typing import Any, Final

import numpy as np
from panda3d import core

from vr_world.rendering import shaders
from vr_world.rendering.encoder import Picture
from vr_world.rendering.errors import NoPipe
from vr_world.rendering.view import Quad

__all__ = [
    "FAR_M",
    "NEAR_M",
    "aim",
    "camera",
    "full_screen",
    "open_pipe",
    "output",
    "pixels",
]

#: Nothing in a scene is nearer than half a metre; the sky's dome lies inside the far plane.
NEAR_M: Final = 0.1
FAR_M: Final = 20_000.0
_SETTINGS: Final = """
load-display p3headlessgl
audio-library-name null
sync-video 0
notify-level-display error
notify-level-gobj error
textures-power-2 none
"""


def open_pipe() -> tuple[Any, Any, Any]:
    """Return the engine, its headless pipe and a small host buffer that owns the graphics state.

    Raises:
        NoPipe: no pipe or no buffer; says which system package is missing.
    """
    core.load_prc_file_data("stillwater", _SETTINGS)
    engine = core.GraphicsEngine.get_global_ptr()
    pipe = core.GraphicsPipeSelection.get_global_ptr().make_module_pipe("p3headlessgl")
    if pipe is None:
        missing = [
            package
            for package, library in (("libegl1", "EGL"), ("libgl1", "GL"))
            if ctypes.util.find_library(library) is None
        ]
        wanted = " and ".join(missing) or "libegl1 and libgl1 (both are found; is /proc mounted?)"
        raise NoPipe(f"drawing without a screen needs the system packages {wanted}; got no graphics pipe")
    host = output(engine, pipe, "host", 16, 16, host=None)
    return engine, pipe, host


def output(engine: Any, pipe: Any, name: str, width: int, height: int, *, host: Any) -> Any:
    """Return a buffer with colour and depth that shares `host`'s graphics state.

    Raises:
        NoPipe: the driver makes none.
    """
    wanted = core.FrameBufferProperties()
    wanted.set_rgba_bits(8, 8, 8, 8)
    wanted.set_depth_bits(24)
    size = core.WindowProperties.size(width, height)
    flags = core.GraphicsPipe.BF_refuse_window
    if host is None:
        buffer = engine.make_output(pipe, name, -100, wanted, size, flags)
    else:
        buffer = engine.make_output(pipe, name, 0, wanted, size, flags, host.get_gsg(), host)
    if buffer is None:
        raise NoPipe(f"the graphics driver must make a buffer of {width}x{height} px, made none")
    engine.open_windows()
    buffer.set_clear_color((*shaders.SAFE_SRGB, 1.0))
    return buffer


def camera(rig: Any, name: str) -> Any:
    """Return a camera on `rig`; `aim` gives it its view."""
    lens = core.PerspectiveLens()
    lens.set_near_far(NEAR_M, FAR_M)
    return rig.attach_new_node(core.Camera(name, lens))


def aim(lens: Any, tan: Quad) -> None:
    """Give `lens` a field of view, which need not be symmetric."""
    left, right, up, down = tan
    lens.set_film_size(left + right, up + down)
    lens.set_focal_length(1.0)
    lens.set_film_offset((right - left) / 2.0, (up - down) / 2.0)


def full_screen(name: str, fragment: str) -> tuple[Any, Any]:
    """Return a card that fills its display region and the camera that sees it."""
    maker = core.CardMaker(name)
    maker.set_frame(-1.0, 1.0, -1.0, 1.0)
    root = core.NodePath(f"{name}-root")
    card = root.attach_new_node(maker.generate())
    card.set_shader(core.Shader.make(core.Shader.SL_GLSL, shaders.FULL_SCREEN_VERTEX, fragment))
    card.set_depth_test(False)
    card.set_depth_write(False)
    card.node().set_bounds(core.OmniBoundingVolume())
    card.node().set_final(True)
    return card, root.attach_new_node(core.Camera(name, core.OrthographicLens()))


def pixels(texture: Any) -> Picture:
    """Return what was drawn into `texture`, (height, width, 4), bottom row first; not a copy.

    Raises:
        NoPipe: nothing was drawn, or in another layout.
    """
    if not texture.has_ram_image():
        raise NoPipe("a picture must be drawn before it is read, none was")
    parts = texture.get_num_components()
    if parts != 4:
        raise NoPipe(f"the driver must give 4 components a pixel, gave {parts}")
    height, width = texture.get_y_size(), texture.get_x_size()
    return np.frombuffer(memoryview(texture.get_ram_image()), np.uint8).reshape(height, width, 4)
