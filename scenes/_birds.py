"""A few birds far off: they glide on wide arcs, beat their wings now and then, and never come near."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from panda3d import core

from scenes._geometry import Floats, everywhere, mesh, shader
from scenes._parts import add, blend_over, shown_if

__all__ = ["Birds"]

#: How many are there at least of all, while birds are wanted at all.
_SOME: Final = 0.45
#: From tip to tip each wing is drawn in so many parts.
_PARTS: Final = 4
#: Time after which all begin again; a bird's own turn is a whole part of it, so that nothing jumps.
_ROUND_S: Final = 7200.0


class Birds:
    """Hangs `count` birds under `root`; call `update` once a frame.

    Args:
        root: of the place.
        rng: of their arcs.
        order: when they are drawn.
        count: how many.
        away_m: nearest and farthest middle of an arc.
        high_m: lowest and highest, above the eye.
        wing_m: length of one wing.
    """

    def __init__(
        self,
        root: Any,
        rng: np.random.Generator,
        order: int,
        *,
        count: int = 6,
        away_m: tuple[float, float],
        high_m: tuple[float, float],
        wing_m: float,
    ) -> None:
        self._count = count
        self._wanted = True
        path = everywhere(add(root, _mesh(rng, count, away_m, high_m, wing_m), shader("bird"), order))
        self._node = blend_over(path)

    def want(self, wanted: bool) -> None:  # noqa: FBT001  # reads as it is called: want(True)
        """Have birds in this place, or none."""
        self._wanted = wanted

    def update(self, share: float, scene_s: float, colour: Floats, day: float) -> None:
        """Show them.

        Args:
            share: the control `birds`, 0 … 1: how many of them.
            scene_s: age of the place.
            colour: linear, of a bird before the sky.
            day: 0 (asleep) … 1.
        """
        some = (_SOME + (1.0 - _SOME) * share) * self._count
        shown_if(self._node, self._wanted and day > 0.01)
        self._node.set_shader_input("flock", core.LVecBase4f(math.fmod(scene_s, _ROUND_S), some, day, 0.0))
        self._node.set_shader_input("bird_colour", core.LVecBase3f(*map(float, colour)))


def _mesh(
    rng: np.random.Generator,
    count: int,
    away_m: tuple[float, float],
    high_m: tuple[float, float],
    wing_m: float,
) -> Any:
    away = np.linspace(*away_m, count) * rng.uniform(0.92, 1.08, count)
    turn = np.radians(rng.permutation(np.linspace(-62.0, 58.0, count)) + rng.normal(0.0, 5.0, count))
    middle = np.stack([np.sin(turn) * away, np.cos(turn) * away, rng.uniform(*high_m, count)], axis=-1)
    rounds = rng.integers(70, 110, count)  # in `_ROUND_S`: one arc takes 65 … 103 s
    radius = away * rng.uniform(0.16, 0.24, count)
    span = np.linspace(-1.0, 1.0, 2 * _PARTS + 1)
    wings = np.stack([np.repeat(span, 2), np.tile([-0.5, 0.5], len(span))], axis=-1)
    points = len(wings)
    first = 2 * np.arange(2 * _PARTS)[:, None]
    strip = np.concatenate([first + np.array(corners) for corners in ((0, 1, 2), (1, 3, 2))])
    own = np.stack([radius, rng.random(count), rounds * rng.choice([-1.0, 1.0], count), np.arange(count)], -1)
    columns = {
        "vertex": np.repeat(middle, points, axis=0),
        "wing": np.concatenate([np.tile(wings, (count, 1)), np.full((count * points, 1), wing_m)], axis=1),
        "own": np.repeat(own, points, axis=0),
    }
    triangles = np.concatenate([strip + points * index for index in range(count)])
    return mesh("birds", {k: v.astype(np.float32) for k, v in columns.items()}, triangles.astype(np.uint32))
