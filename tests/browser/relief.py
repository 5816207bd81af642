"""A room of known shape for the chart server: a floor, a wall, a panel near by, with a dot on each."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vr_world.streaming import depth, protocol

FLOOR_M: Final = -1.2
WALL_M: Final = -3.5
PANEL_M: Final = -1.2
PANEL_X_M: Final = (0.1, 0.9)
PANEL_Y_M: Final = (-0.45, 0.5)
#: On the panel, the floor, the wall; the last lies on the wall close beside the panel's edge.
POINTS: Final = (
    (0.25, 0.3, PANEL_M),
    (0.6, -0.15, PANEL_M),
    (0.0, FLOOR_M, -2.2),
    (-0.9, FLOOR_M, -2.2),
    (-1.8, 0.3, WALL_M),
    (-0.6, 0.6, WALL_M),
    (-0.05, -0.3, WALL_M),
)


def node_rays(tan: protocol.Fov) -> NDArray[np.float64]:
    """Return the directions of the nodes of a picture's depth in eye axes, z = −1, rows top first."""
    left, right, up, down = tan
    share = np.linspace(0.0, 1.0, depth.NODES)
    out = np.empty((depth.NODES, depth.NODES, 3))
    out[..., 0] = share * (left + right) - left
    out[..., 1] = (up - share * (up + down))[:, None]
    out[..., 2] = -1.0
    return out


def inverse_depth(
    eye: NDArray[np.float64], turn: NDArray[np.float64], directions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return 1 / m along the line of sight of each direction."""
    world = directions @ turn.T
    inverse = np.maximum(world[..., 1] / (FLOOR_M - eye[1]), world[..., 2] / (WALL_M - eye[2]))
    to_panel = world[..., 2] / (PANEL_M - eye[2])
    with np.errstate(divide="ignore", invalid="ignore"):
        hit = eye + world / to_panel[..., None]
    on_panel = (
        (to_panel > 0.0)
        & (PANEL_X_M[0] < hit[..., 0])
        & (hit[..., 0] < PANEL_X_M[1])
        & (PANEL_Y_M[0] < hit[..., 1])
        & (hit[..., 1] < PANEL_Y_M[1])
    )
    return np.where(on_panel, to_panel, np.maximum(inverse, 0.0))


def packed_depth(
    eyes: list[NDArray[np.float64]], turn: NDArray[np.float64], tans: list[protocol.Fov]
) -> bytes:
    """Return the depth of the room as the product sends it."""
    nodes = [inverse_depth(eye, turn, node_rays(tan)) for eye, tan in zip(eyes, tans, strict=True)]
    spans = tuple((t[0] + t[1], t[2] + t[3]) for t in tans)
    return depth.pack_depth(depth.calmed(np.stack(nodes).astype(np.float32), spans))
