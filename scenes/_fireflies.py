"""Fireflies: points of warm light that drift, and rise with the breath where the place asks for it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from panda3d import core

from scenes._geometry import everywhere, mesh, shader
from scenes._parts import add, blend_screen, quads, shown_if

__all__ = ["Fireflies"]


class Fireflies:
    """Hangs fireflies under `root`, at `homes` (count, 3) metres; call `update` once a frame."""

    def __init__(self, root: Any, rng: np.random.Generator, order: int, homes: Any) -> None:
        count = len(homes)
        corners = np.tile([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]], (count, 1))
        own = np.repeat(rng.random((count, 2)), 4, axis=0)
        parts = {
            "vertex": np.repeat(homes, 4, axis=0).astype(np.float32),
            "fly": np.concatenate([corners, own], axis=1).astype(np.float32),
        }
        cards = mesh("fireflies", parts, quads(count))
        self._node = blend_screen(everywhere(add(root, cards, shader("firefly"), order)))
        self._wanted = True

    def want(self, wanted: bool) -> None:  # noqa: FBT001  # reads as it is called: want(True)
        """Have fireflies in this place, or none."""
        self._wanted = wanted

    def update(self, scene_s: float, *, rise_m: float, shine: float, stray: float) -> None:
        """Show them risen by about `rise_m`, as bright as `shine`, drifting as far as `stray`."""
        shown_if(self._node, self._wanted and shine > 0.004)
        turn = math.fmod(scene_s / 41.0, 1.0)
        self._node.set_shader_input("flies", core.LVecBase4f(turn, rise_m, shine, stray))
