"""Head poses and fields of view: checks, overscan, and WebXR's axes to Panda3D's. Pure."""

from __future__ import annotations

import dataclasses
import math
from typing import Final, TypeAlias

from vr_world.rendering.errors import BadView

__all__ = [
    "STRAIGHT_AHEAD",
    "Quad",
    "View",
    "checked",
    "orientation_to_panda",
    "position_to_panda",
    "widened",
]

Quad: TypeAlias = tuple[float, float, float, float]

#: A seated head cannot be farther from its seat than this; what claims to be is a tracking error.
_REACH_M: Final = 10.0
#: Half-angles of 3° … 80°: wider than any headset, narrow enough for a finite picture.
_TAN_RANGE: Final = (math.tan(math.radians(3.0)), math.tan(math.radians(80.0)))
_IPD_RANGE_M: Final = (0.0, 0.1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How two eyes look: WebXR axes, tan-FOV as left, right, up, down (all positive)."""

    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    orientation: Quad = (0.0, 0.0, 0.0, 1.0)
    tan_left: Quad = (1.0, 1.0, 1.0, 1.0)
    tan_right: Quad = (1.0, 1.0, 1.0, 1.0)
    ipd_m: float = 0.063


#: The idle view: level, forward, ±45°.
STRAIGHT_AHEAD: Final = View()


def checked(view: View) -> View:
    """Return `view` with a unit quaternion.

    Raises:
        BadView: not finite, beyond reach, no rotation, or an impossible field of view or eye distance.
    """
    numbers = (*view.position, *view.orientation, *view.tan_left, *view.tan_right, view.ipd_m)
    if not all(math.isfinite(n) for n in numbers):
        raise BadView(f"a pose must be finite, got {numbers!r}")
    if max(abs(c) for c in view.position) > _REACH_M:
        raise BadView(f"a position must be within {_REACH_M:g} m of the seat, got {view.position!r}")
    norm = math.sqrt(sum(c * c for c in view.orientation))
    if not 0.5 < norm < 2.0:
        raise BadView(f"an orientation must be a quaternion of length 1, got length {norm:g}")
    low, high = _TAN_RANGE
    for tan in (view.tan_left, view.tan_right):
        if not all(low <= t <= high for t in tan):
            raise BadView(f"tan-FOV must be in {low:.3g}…{high:.3g}, got {tan!r}")
    if not _IPD_RANGE_M[0] <= view.ipd_m <= _IPD_RANGE_M[1]:
        raise BadView(f"the eyes' distance must be in 0…0.1 m, got {view.ipd_m!r}")
    x, y, z, w = (c / norm for c in view.orientation)
    return dataclasses.replace(view, orientation=(x, y, z, w))


def widened(tan: Quad, degrees: float) -> Quad:
    """Return `tan` with `degrees` more on each side, never beyond 80° to a side."""

    def more(t: float) -> float:
        return math.tan(min(math.atan(t) + math.radians(degrees), math.radians(80.0)))

    left, right, up, down = tan
    return (more(left), more(right), more(up), more(down))


def position_to_panda(position: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return a WebXR position (y up, −z forward) in Panda3D's axes (z up, y forward)."""
    x, y, z = position
    return (x, -z, y)


def orientation_to_panda(orientation: Quad) -> Quad:
    """Return a WebXR quaternion (x, y, z, w) as Panda3D's (r, i, j, k): the same turn in its axes."""
    x, y, z, w = orientation
    return (w, x, -z, y)
