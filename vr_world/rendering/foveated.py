"""Drawing finely in the middle and coarsely round it: where a picture is large, its rim need not be fine.

A flat picture has more pixels for a degree the farther from its middle: at 45° twice as many outwards and
1.4 times as many around as straight ahead. Nobody sees them: an eye turns about 15° before the head follows,
the lenses blur the rim, and the widening for quick turns is seen only while the head turns. So the whole view
(the *rim*) is drawn with fewer pixels, its middle once more with all of them, and both are sent in one
picture; the headset lays the middle over the rim with a soft seam (`web/headset/shaders.ts`).

The picture, top row first, `rim_px` wide for each eye: the rims of both eyes side by side; below them, each
at the left of its eye's half, the middles.
"""

from __future__ import annotations

from typing import Final

from vr_world.rendering.view import Quad, View
from vr_world.streaming.protocol import Foveation

__all__ = ["FOVEATED_FROM_PX", "drawn_pixels", "foveation", "packed_shape"]

#: Smaller pictures are drawn whole: their rim has no pixels to spare.
FOVEATED_FROM_PX: Final = 768
#: At the middle's border the rim then has 0.75 as many pixels for a degree outwards, and 0.65 around, as the
#: picture has straight ahead; at 40° as many.
_RIM_SHARE: Final = 0.6
#: Of a view widened to ±57° the middle is ±28°.
_MIDDLE_SHARE: Final = 0.35
_MACROBLOCK_PX: Final = 16


def foveation(view: View, eye_px: int) -> Foveation | None:
    """Return how a picture of `eye_px` a side is divided; `None` if it is small and drawn whole."""
    if eye_px < FOVEATED_FROM_PX:
        return None
    rim_px, middle_px = _blocks(_RIM_SHARE * eye_px), _blocks(_MIDDLE_SHARE * eye_px)
    share = middle_px / eye_px
    return Foveation(
        rim_px=rim_px,
        middle_px=middle_px,
        middle_left=_middle(view.tan_left, share),
        middle_right=_middle(view.tan_right, share),
    )


def packed_shape(eye_px: int) -> tuple[int, int]:
    """Return height and width of the picture that holds both eyes' pictures of `eye_px` a side."""
    parts = foveation(View(), eye_px)
    return (eye_px, 2 * eye_px) if parts is None else (parts.rim_px + parts.middle_px, 2 * parts.rim_px)


def drawn_pixels(eye_px: int) -> int:
    """Return how many pixels of both eyes are drawn for pictures of `eye_px` a side."""
    parts = foveation(View(), eye_px)
    return 2 * (eye_px**2 if parts is None else parts.rim_px**2 + parts.middle_px**2)


def _blocks(px: float) -> int:
    return _MACROBLOCK_PX * round(px / _MACROBLOCK_PX)


def _middle(tan: Quad, share: float) -> Quad:
    """Return the tan-FOV of the middle of `tan`, `share` of its sides, about the line of sight."""
    left, right, up, down = tan
    wide, high = share * (left + right) / 2.0, share * (up + down) / 2.0
    right_by = _shift(wide, left, right)
    up_by = _shift(high, down, up)
    return wide - right_by, wide + right_by, high + up_by, high - up_by


def _shift(half: float, low: float, high: float) -> float:
    """Return how far −half … half must move to lie within −low … high, which is wider."""
    return max(half - low, 0.0) - max(half - high, 0.0)
