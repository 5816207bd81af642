"""A coarse grid of depth that goes with a picture, so that a leaning head does not see the world swim. Pure.

A grid holds *inverse* depth, 1 / metres along the line of sight: what a small step of the head moves on the
retina is proportional to it, planes are linear in it, and the sky is 0. Its `NODES` × `NODES` nodes per eye
lie on the picture's corners, edges and inside, evenly, in the tangents that the picture is linear in.

`calmed` makes a grid that can be used as a rubber sheet without a fold or a tear: near things keep their
depth (near wins), and what is beside them is pulled so that the slope stays below `MAX_SLOPE_PER_M`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from vr_world.streaming.errors import BadMessage

__all__ = [
    "MAX_SLOPE_PER_M",
    "NEAREST_M",
    "NODES",
    "Grid",
    "behind_mirror",
    "calmed",
    "pack_depth",
    "unpack_depth",
]

#: Left eye, right eye; rows top first; bytes of inverse depth: shape (2, nodes, nodes).
Grid = npt.NDArray[np.uint8]

#: Nodes along one side of one eye's picture: 3.9° apart in the middle of a picture 114° wide.
NODES: Final = 48
#: Nothing in a scene is nearer; the byte 255. One step of a byte is 0.05° at a lean of 10 cm.
NEAREST_M: Final = 0.5
#: Inverse metres per unit of tangent. A head that moves by `t` m moves a point at tangent x to about
#: x − t·w(x); that keeps its order where t · |dw/dx| < 1: up to 20 cm sideways.
MAX_SLOPE_PER_M: Final = 5.0
#: A mirror of water is level within this.
_RIPPLE_M: Final = 0.05
_HALF_BYTE_PER_M: Final = 0.6 / (255.0 * NEAREST_M)
_MAX_NODES: Final = 128
_MAX_RUN: Final = 256


def calmed(inverse_m: npt.NDArray[np.float32], tangents: tuple[tuple[float, float], ...]) -> Grid:
    """Return the grid of `inverse_m`, near things first, its slopes limited.

    Args:
        inverse_m: 1 / m, shape (2, nodes, nodes), rows top first.
        tangents: width and height of each eye's picture in tangents.
    """
    calm = np.clip(inverse_m, 0.0, 1.0 / NEAREST_M).astype(np.float32)
    nodes = calm.shape[1]
    for eye, spans in zip(calm, tangents, strict=True):
        for axis, span in zip((1, 0), spans, strict=True):
            _limit(eye, axis, MAX_SLOPE_PER_M * span / (nodes - 1))
    grid: Grid = np.rint(calm * (255.0 * NEAREST_M)).astype(np.uint8)
    return grid


def behind_mirror(
    inverse_m: npt.NDArray[np.float32],
    frusta: tuple[tuple[float, float, float, float], ...],
    up: tuple[float, float, float],
    above_m: float,
) -> npt.NDArray[np.float32]:
    """Return `inverse_m` with what lies on a level mirror infinitely far: its picture is far, not its face.

    Args:
        inverse_m: 1 / m, shape (2, nodes, nodes), rows top first.
        frusta: tan-FOV of each eye's picture: left, right, up, down.
        up: the vertical in the head's axes.
        above_m: how far the eyes are above the mirror.
    """
    share = np.linspace(0.0, 1.0, inverse_m.shape[1], dtype=np.float32)
    seen = inverse_m.copy()
    for eye, (left, right, top, bottom) in zip(seen, frusta, strict=True):
        across = share * (left + right) - left
        along = top - share[:, None] * (top + bottom)
        climbs = up[0] * across + up[1] * along - up[2]
        eye[np.abs(climbs + above_m * eye) < _RIPPLE_M * eye + above_m * _HALF_BYTE_PER_M] = 0.0
    return seen


def _limit(values: npt.NDArray[np.float32], axis: int, step: float) -> None:
    """Raise `values` in place until neighbours along `axis` differ by `step` at most: a cone under each."""
    lines = np.moveaxis(values, axis, 0)
    reach = 1
    while reach < len(lines) and reach * step < 1.0 / NEAREST_M:
        before = lines.copy()
        np.maximum(lines[reach:], before[:-reach] - reach * step, out=lines[reach:])
        np.maximum(lines[:-reach], before[reach:] - reach * step, out=lines[:-reach])
        reach *= 2


def pack_depth(grid: Grid) -> bytes:
    """Return the bytes of `grid` (2, nodes, nodes).

    A byte with the nodes of a side, then each node less its left neighbour (mod 256; the first of a row less
    the one above), where a 0 is followed by how many more zeros come: a level ground or a sky is a few bytes.
    """
    wide = grid.reshape(-1, grid.shape[2])
    rest = wide.copy()
    rest[:, 1:] -= wide[:, :-1]
    rest[1:, 0] -= wide[:-1, 0]
    flat = rest.ravel()
    out = bytearray([grid.shape[1]])
    zero = flat == 0
    # where runs of equal "is zero" begin and end
    edges = np.flatnonzero(np.diff(zero)) + 1
    data = flat.tobytes()
    begin = 0
    for end in (*edges.tolist(), len(data)):
        if zero[begin]:
            for left in range(end - begin, 0, -_MAX_RUN):
                out += bytes((0, min(left, _MAX_RUN) - 1))
        else:
            out += data[begin:end]
        begin = end
    return bytes(out)


def unpack_depth(data: bytes) -> Grid:
    """Return the grid that `pack_depth` packed.

    Raises:
        BadMessage: not such bytes.
    """
    nodes = data[0] if data else 0
    if not 2 <= nodes <= _MAX_NODES:
        raise BadMessage(f"depth grid must have 2…{_MAX_NODES} nodes a side, got {nodes}")
    wanted = 2 * nodes * nodes
    flat = bytearray()
    at = 1
    while at < len(data) and len(flat) <= wanted:
        if data[at]:
            flat.append(data[at])
            at += 1
        else:
            flat += bytes(data[at + 1] + 1 if at + 1 < len(data) else 1)
            at += 2
    if len(flat) != wanted or at != len(data):
        raise BadMessage(f"depth grid must have {wanted} nodes, got {len(flat)}")
    rest = np.frombuffer(bytes(flat), np.uint8).reshape(2 * nodes, nodes).copy()
    rest[:, 0] = np.cumsum(rest[:, 0], dtype=np.uint8)
    grid: Grid = np.cumsum(rest, axis=1, dtype=np.uint8).reshape(2, nodes, nodes)
    return grid
