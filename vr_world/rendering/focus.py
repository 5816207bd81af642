"""Where a picture must be good: the middle of the view before its rim, the rim before the overscan. Pure.

An eye is sharp in its middle, a headset's lens too, and the overscan is seen only while the head turns. The
encoder takes a `Region` as a wish for finer or coarser steps there.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

from vr_world.rendering.view import Quad, View, widened
from vr_world.streaming.protocol import Foveation

__all__ = ["Region", "regions"]

#: Half of the middle's side. Eyes turn about 15° before the head follows.
_MIDDLE_DEG: Final = 20.0
#: Of the whole range of the quantiser, which is 51 steps; six steps halve the bits, roughly.
_MIDDLE: Final = -0.12
_OVERSCAN: Final = 0.15


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A rectangle of a picture in pixels, and how much coarser (above 0) or finer it may be: −1 … 1."""

    left: int
    top: int
    width: int
    height: int
    coarser: float


def regions(
    view: View, overscan_deg: float, eye_px: int, eye_height_px: int, parts: Foveation | None = None
) -> tuple[Region, ...]:
    """Return the regions of both eyes side by side; where they overlap the first counts.

    Args:
        view: as drawn, `overscan_deg` on each side included.
        overscan_deg: what a head that does not turn does not see.
        eye_px: width of one eye's half of the picture.
        eye_height_px: height of the picture.
        parts: how it is divided, if it is.
    """
    if parts is not None:
        return _regions_divided(view, overscan_deg, parts)
    middle = (math.tan(math.radians(_MIDDLE_DEG)),) * 4
    found = []
    for wanted, coarser in ((middle, _MIDDLE), (None, 0.0)):
        for index, drawn in enumerate((view.tan_left, view.tan_right)):
            seen = wanted or widened(drawn, -overscan_deg)
            found.append(_part(seen, drawn, index * eye_px, eye_px, eye_height_px, coarser))
    whole = Region(left=0, top=0, width=2 * eye_px, height=eye_height_px, coarser=_OVERSCAN)
    return (*found, whole)


def _regions_divided(view: View, overscan_deg: float, parts: Foveation) -> tuple[Region, ...]:
    """Return the regions of a divided picture: its middles first, then what is seen of its rims."""
    rim, middle = parts.rim_px, parts.middle_px
    fine = [Region(left=left, top=rim, width=middle, height=middle, coarser=_MIDDLE) for left in (0, rim)]
    seen = [
        _part(widened(drawn, -overscan_deg), drawn, left, rim, rim, 0.0)
        for left, drawn in ((0, view.tan_left), (rim, view.tan_right))
    ]
    whole = Region(left=0, top=0, width=2 * rim, height=rim + middle, coarser=_OVERSCAN)
    return (*fine, *seen, whole)


def regions_round(width_px: int, height_px: int) -> tuple[Region, ...]:
    """Return the regions of a panorama: what lies within 60° of the horizon is seen more often and larger."""
    sixth = height_px // 6
    middle = Region(left=0, top=sixth, width=width_px, height=height_px - 2 * sixth, coarser=0.0)
    return middle, Region(left=0, top=0, width=width_px, height=height_px, coarser=_OVERSCAN)


def _part(seen: Quad, drawn: Quad, offset_px: int, width: int, height: int, coarser: float) -> Region:
    left, right, up, down = (min(s, d) for s, d in zip(seen, drawn, strict=True))
    across, along = width / (drawn[0] + drawn[1]), height / (drawn[2] + drawn[3])
    first, last = round((drawn[0] - left) * across), round((drawn[0] + right) * across)
    top, bottom = round((drawn[2] - up) * along), round((drawn[2] + down) * along)
    return Region(left=offset_px + first, top=top, width=last - first, height=bottom - top, coarser=coarser)
