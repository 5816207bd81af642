"""The coarse depth of what was drawn, read at the nodes of a grid."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from panda3d import core

from vr_world.rendering import shaders
from vr_world.rendering.offscreen import FAR_M, NEAR_M, full_screen, output, pixels
from vr_world.rendering.view import Quad
from vr_world.streaming.depth import NEAREST_M, NODES
from vr_world.streaming.protocol import Foveation

__all__ = ["DepthGrid"]

#: A box that nothing lies in.
_NOWHERE: Final = core.LVecBase4f(2.0, 3.0, 2.0, 3.0)


class DepthGrid:
    """Reads the depth of the eyes' buffer at the nodes of a coarse grid, on the graphics side.

    Only the nodes are read back: 2 × 48 × 48 pixels, not the whole depth buffer.
    """

    def __init__(self, engine: Any, pipe: Any, host: Any) -> None:
        self.buffer = output(engine, pipe, "depth", 2 * NODES, NODES, host=host)
        self.buffer.set_sort(50)  # after the eyes
        self._texture = core.Texture("depth-nodes")
        self.buffer.add_render_texture(self._texture, core.GraphicsOutput.RTM_copy_ram)
        self._card, camera = full_screen("depth", shaders.DEPTH_FRAGMENT)
        rest = 1.0 / FAR_M
        self._card.set_shader_input(
            "span", core.LVecBase4f(NODES, 1.0 / NEAR_M - rest, rest, 1.0 / NEAREST_M)
        )
        self.buffer.make_display_region().set_camera(camera)

    def watch(self, eyes: Any) -> None:
        """Read the depth of what is drawn into `eyes` from now on."""
        drawn = core.Texture("eyes-depth")
        drawn.set_minfilter(core.SamplerState.FT_nearest)
        drawn.set_magfilter(core.SamplerState.FT_nearest)
        drawn.set_wrap_u(core.SamplerState.WM_clamp)
        drawn.set_wrap_v(core.SamplerState.WM_clamp)
        eyes.add_render_texture(drawn, core.GraphicsOutput.RTM_bind_or_copy, core.GraphicsOutput.RTP_depth)
        self._card.set_shader_input("drawn_depth", drawn)

    def divide(self, parts: Foveation | None, tans: tuple[Quad, Quad]) -> None:
        """Learn how the picture of a view with these tan-FOVs is divided."""
        boxes = core.PTA_LVecBase4f.empty_array(2)
        layout = (0.0, 1.0, 1.0, 1.0)
        for eye in range(2):
            boxes.set_element(eye, _NOWHERE)
        if parts is not None:
            boxes.set_element(0, core.LVecBase4f(*_box(tans[0], parts.middle_left)))
            boxes.set_element(1, core.LVecBase4f(*_box(tans[1], parts.middle_right)))
            height = parts.rim_px + parts.middle_px
            low, wide = parts.middle_px / height, 0.5 * parts.middle_px / parts.rim_px
            layout = (low, parts.rim_px / height, wide, low)
        self._card.set_shader_input("middle", boxes)
        self._card.set_shader_input("parts", core.LVecBase4f(*layout))

    def inverse_m(self) -> npt.NDArray[np.float32]:
        """Return 1 / m at the nodes, (2, nodes, nodes), rows top first."""
        nodes = pixels(self._texture)[::-1, :, 0].reshape(NODES, 2, NODES).transpose(1, 0, 2)
        return np.asarray(nodes, np.float32) / np.float32(255.0 * NEAREST_M)


def _box(tan: Quad, middle: Quad) -> Quad:
    """Return what `middle` shows of `tan`: left, right, bottom, top, 0 … 1."""
    across, along = tan[0] + tan[1], tan[2] + tan[3]
    return (
        (tan[0] - middle[0]) / across,
        (tan[0] + middle[1]) / across,
        (tan[3] - middle[3]) / along,
        (tan[3] + middle[2]) / along,
    )
