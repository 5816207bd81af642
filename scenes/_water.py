"""Meshes of still and moving water, of the mist on it and of what floats there."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from panda3d import core

from scenes import _sea
from scenes._geometry import Bytes, Floats, mesh
from scenes._parts import grid, quads

__all__ = ["lantern_cards", "mirror_bytes", "mist_bank", "water_sectors"]

_SECTORS: Final = 12
_SECTOR_STEPS: Final = 7


def water_sectors(name: str, rings: Floats, spacing: Floats | None = None) -> list[Any]:
    """A ring of the sea, finer near the seat, cut into sectors so that those out of sight are culled.

    Args:
        name: of the meshes.
        rings: radii, metres.
        spacing: of the rings, metres; their own without it. Bands without a crack have it in common.
    """
    spacing = np.gradient(rings) if spacing is None else spacing
    paths = []
    for sector in range(_SECTORS):
        angle = 2.0 * np.pi * (sector + np.linspace(0.0, 1.0, _SECTOR_STEPS + 1)) / _SECTORS
        r, a = np.meshgrid(rings, angle, indexing="ij")
        wide = np.maximum(spacing[:, None], r * np.pi / (_SECTORS * _SECTOR_STEPS))
        vertex = np.stack([r * np.sin(a), r * np.cos(a), wide], axis=-1).reshape(-1, 3).astype(np.float32)
        path = mesh(f"water-{name}-{sector}", {"vertex": vertex}, grid(len(rings), _SECTOR_STEPS + 1))
        low, high = vertex.min(axis=0), vertex.max(axis=0)
        box = core.BoundingBox(
            core.LPoint3(float(low[0]), float(low[1]), -0.6),
            core.LPoint3(float(high[0]), float(high[1]), 0.6),
        )
        path.node().set_bounds(box)
        path.node().set_final(True)
        path.set_z(-_sea.EYE_M)
        paths.append(path)
    return paths


def mist_bank(away_m: float, tall_m: float) -> Any:
    """Return a standing strip of mist all round, for `ocean_mist`."""
    columns = 97
    a = np.linspace(-np.pi, np.pi, columns)
    foot = np.stack([np.sin(a) * away_m, np.cos(a) * away_m, np.full_like(a, -_sea.EYE_M - 0.3)], axis=-1)
    weave = np.linspace(0.0, 3.0, columns)
    vertex = np.concatenate([foot, foot + np.array([0.0, 0.0, tall_m])]).astype(np.float32)
    up = np.repeat([0.0, 1.0], columns)
    at = np.stack([np.tile(weave, 2), up], axis=-1).astype(np.float32)
    return mesh("mist", {"vertex": vertex, "weave": at}, grid(2, columns))


def lantern_cards(count: int, mirrored: float) -> Any:
    """Return cards for `ocean_lantern`, the last lantern first; `mirrored` 1 for reflections."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    order = np.repeat(np.arange(count)[::-1], 4)[:, None]  # far ones first
    vertex = np.concatenate([np.tile(corners, (count, 1)), order], axis=1).astype(np.float32)
    flags = np.full((len(vertex), 1), mirrored, np.float32)
    return mesh("lanterns", {"vertex": vertex, "mirrored": flags}, quads(count))


def mirror_bytes(light: Floats) -> Bytes:
    """Return `light` (rows, columns, 3), linear, as bytes, blue first: the root of its share of 2.5."""
    out = np.full((*light.shape[:2], 4), 255, np.uint8)
    out[..., :3] = np.rint(255.0 * np.sqrt(np.clip(light[..., ::-1] / 2.5, 0.0, 1.0)))
    return out
