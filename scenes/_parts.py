"""Small meshes and blendings that more than one place is made of."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from panda3d import core

from scenes._geometry import Floats, mesh

__all__ = [
    "add",
    "blend_over",
    "blend_premultiplied",
    "blend_screen",
    "card",
    "dome",
    "grid",
    "quads",
    "shown_if",
    "star_cards",
    "stars_at",
]

#: So far away that a head that moves does not bring a sector into sight that was culled.
_DOME_M: Final = 1000.0
_DOME_SECTORS: Final = 10
_DOME_STEPS: Final = 8
_DOME_ROWS: Final = 18
_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)


def add(root: Any, path: Any, program: Any, order: int) -> Any:
    """Hang `path` under `root`, drawn by `program` as number `order` of the place. Return it."""
    path.reparent_to(root)
    path.set_shader(program)
    path.set_two_sided(True)
    path.set_bin("fixed", order)
    return path


def blend_over(path: Any) -> Any:
    """Lay `path` over what is drawn by its alpha. It hides nothing that comes after."""
    return _blend(
        path, core.ColorBlendAttrib.O_incoming_alpha, core.ColorBlendAttrib.O_one_minus_incoming_alpha
    )


def blend_screen(path: Any) -> Any:
    """Add the light of `path` softly: never beyond white."""
    return _blend(path, core.ColorBlendAttrib.O_one, core.ColorBlendAttrib.O_one_minus_incoming_color)


def blend_premultiplied(path: Any) -> Any:
    """Lay `path` over what is drawn, its colour already multiplied by its alpha: light where alpha is 0."""
    return _blend(path, core.ColorBlendAttrib.O_one, core.ColorBlendAttrib.O_one_minus_incoming_alpha)


def _blend(path: Any, source: int, under: int) -> Any:
    path.set_attrib(core.ColorBlendAttrib.make(core.ColorBlendAttrib.M_add, source, under))
    path.set_depth_write(False)
    return path


def shown_if(path: Any, on: bool) -> None:  # noqa: FBT001  # the sentence reads: shown if on
    """Show `path`, or leave it out of the drawing."""
    if on:
        path.show()
    else:
        path.hide()


def grid(rows: int, columns: int) -> npt.NDArray[np.uint32]:
    """Return the triangles of a mesh of `rows` × `columns` vertices, (triangles, 3)."""
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).reshape(-1)
    a, b, c, d = corner, corner + 1, corner + columns, corner + columns + 1
    return np.stack([a, b, c, b, d, c], axis=-1).reshape(-1, 3).astype(np.uint32)


def quads(count: int) -> npt.NDArray[np.uint32]:
    """Return the triangles of `count` quads of four vertices each, (2 · count, 3)."""
    first = 4 * np.arange(count)[:, None, None]
    corners = (first + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3)
    return np.asarray(corners, np.uint32)


def card(name: str) -> Any:
    """Return one quad with its corners at ±1; its shader places it."""
    vertex = np.concatenate([_CORNERS, np.zeros((4, 1), np.float32)], axis=1)
    return mesh(name, {"vertex": vertex}, quads(1))


def dome(low_deg: float = -4.0, high_deg: float = 90.0) -> Any:
    """Return the sky's dome from `low_deg` to `high_deg`, in sectors: those out of sight are culled.

    It is fine enough (4.5° along, closer rows near the horizon) for colours that are found at its vertices
    only: a pixel then costs what lies between them and no more.
    """
    root = core.NodePath("sky")
    ups = np.concatenate(
        [np.sin(np.radians(np.linspace(low_deg, 0.0, 4)))[:-1], np.linspace(0.0, 1.0, _DOME_ROWS) ** 2]
    )
    ups = np.append(ups[ups < np.sin(np.radians(high_deg))], np.sin(np.radians(high_deg)))
    level = np.sqrt(1.0 - ups**2)[:, None]
    for sector in range(_DOME_SECTORS):
        turn = 2.0 * np.pi * (sector + np.linspace(0.0, 1.0, _DOME_STEPS + 1)) / _DOME_SECTORS
        x, y = level * np.sin(turn)[None], level * np.cos(turn)[None]
        ways = np.stack([x, y, np.broadcast_to(ups[:, None], x.shape)], axis=-1).reshape(-1, 3)
        part = {"vertex": (_DOME_M * ways).astype(np.float32)}
        mesh(f"sky-{sector}", part, grid(len(ups), _DOME_STEPS + 1)).reparent_to(root)
    return root


def star_cards(rng: np.random.Generator, count: int) -> Any:
    """Return `count` seeded stars above the horizon, few of them bright, for `ocean_star`."""
    up = rng.uniform(0.03, 1.0, count)
    turn = rng.uniform(0.0, 2.0 * np.pi, count)
    flat = np.sqrt(1.0 - up**2)
    ways = np.stack([np.sin(turn) * flat, np.cos(turn) * flat, up], axis=-1)
    rank = rng.uniform(0.0, 1.0, count) ** 0.6
    hue = np.array([1.0, 0.97, 0.92]) + rng.normal(0.0, 0.5, (count, 1)) * np.array([0.14, 0.0, -0.16])
    return stars_at(ways, np.clip(hue, 0.7, 1.15), rank.astype(np.float32), rng.random(count, np.float32))


def stars_at(ways: Floats, hue: Floats, rank: Floats, phase: Floats) -> Any:
    """Return stars for `ocean_star`.

    Args:
        ways: unit vectors to them (count, 3).
        hue: linear colours (count, 3).
        rank: 0 the brightest … 1 (count,).
        phase: of their slow breathing, 0 … 1 (count,).
    """
    count = len(ways)
    star = np.concatenate(
        [np.tile(_CORNERS, (count, 1)), np.repeat(np.stack([rank, phase], axis=-1), 4, axis=0)], axis=1
    )
    columns = {
        "vertex": np.repeat(ways, 4, axis=0).astype(np.float32),
        "star": star.astype(np.float32),
        "hue": np.repeat(hue, 4, axis=0).astype(np.float32),
    }
    return mesh("stars", columns, quads(count))
