"""What a picture must not do to a patient: flashes, steps of light, broken pixels, eyes that disagree. Pure.

The flash rules are those of WCAG 2.3.1 and of EA's IRIS, made stricter. A picture is cut into cells, and
every single cell must hold to them: there is no allowance for small areas.

- A *general flash* is a pair of opposing changes of relative luminance of 0.1 or more, where the darker
  state is below 0.8.
- A *red flash* is a pair of opposing changes of (R − G − B) · 320 of 20 or more (negative counts as 0,
  linear components). WCAG asks besides that one state be a saturated red; here it need not be.
- No more than `MOST_FLASHES` of either in any one second.
- *Extended*: `FEW_FLASHES` or more a second, of either kind, must not go on for `EXTENDED_S` (IRIS).

Stripes are the business of `vr_world.rendering.patterns`.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import numpy.typing as npt

from vr_world.rendering.errors import BadPicture

__all__ = [
    "EXTENDED_S",
    "FEW_FLASHES",
    "MOST_FLASHES",
    "Disparity",
    "FlashMeter",
    "disparity",
    "faults",
    "linear_rgb",
    "relative_luminance",
    "steepest_per_s",
]

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

#: WCAG 2.3.1: three flashes or below in any one second.
MOST_FLASHES: Final = 3

#: IRIS: two to three flashes a second that go on for five seconds fail too.
FEW_FLASHES: Final = 2
EXTENDED_S: Final = 5.0

_GENERAL_CHANGE: Final = 0.1
#: With luminance cut off here, a change of 0.1 is left exactly where the darker state is at most 0.8.
_GENERAL_TOP: Final = 0.9
_RED_SCALE: Final = 320.0
_RED_CHANGE: Final = 20.0
#: A sum of bytes' means may miss a change that is exactly large enough by rounding.
_SLACK: Final = 1e-9
_LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722])
#: sRGB bytes to linear (IEC 61966-2-1).
_CODED: Final = np.arange(256) / 255.0
_LINEAR: Final = np.where(_CODED <= 0.04045, _CODED / 12.92, ((_CODED + 0.055) / 1.055) ** 2.4)


def linear_rgb(picture: Bytes) -> Floats:
    """Return a picture (rows, columns, 3 or 4), B G R (A), as linear R G B 0 … 1, (rows, columns, 3)."""
    return np.asarray(_LINEAR[picture[..., 2::-1]])


def relative_luminance(picture: Bytes) -> Floats:
    """Return WCAG's relative luminance, 0 … 1, of a picture B G R (A): (rows, columns)."""
    return np.asarray(linear_rgb(picture) @ _LUMINANCE)


class _Swings:
    """Counts opposing changes of at least `change` in many signals: each turn of direction so large."""

    def __init__(self, first: Floats, change: float) -> None:
        self._low, self._high = first.copy(), first.copy()
        self._way = np.zeros(first.shape, np.int8)
        self._change = change - _SLACK

    def push(self, value: Floats) -> npt.NDArray[np.bool_]:
        """Return where a change in a new direction has just become large enough."""
        self._high = np.where(self._way >= 0, np.maximum(self._high, value), self._high)
        self._low = np.where(self._way <= 0, np.minimum(self._low, value), self._low)
        fallen = (self._way >= 0) & (self._high - value >= self._change)
        risen = (self._way <= 0) & (value - self._low >= self._change) & ~fallen
        self._low[fallen], self._high[risen] = value[fallen], value[risen]
        self._way[fallen], self._way[risen] = -1, 1
        return np.asarray(fallen | risen)


class FlashMeter:
    """Counts flashes in every cell of a run of pictures: `push` each, then read `general` and `red`.

    Args:
        cells: how many cells to cut each side of an eye's picture (or of whatever is pushed) into.

    Attributes:
        general: the most general flashes in any one second in any cell so far.
        red: the most red flashes.
        widest: the largest share of all cells that went beyond `MOST_FLASHES` at one time; 0 is wanted.
        extended_s: the longest time over which a cell kept flashing `FEW_FLASHES` times a second or more.
    """

    def __init__(self, cells: int = 12) -> None:
        self._cells = cells
        self._meters: tuple[_Swings, _Swings] | None = None
        self._recent: tuple[list[tuple[float, npt.NDArray[np.bool_]]], ...] = ([], [])
        self._last_s = -np.inf
        self.general = 0
        self.red = 0
        self.widest = 0.0
        self.extended_s = 0.0
        self._few_since_s: Floats | None = None

    def push(self, picture: Bytes, at_s: float) -> None:
        """Look at a picture (rows, columns, 3 or 4), B G R (A), that is shown at `at_s`.

        Raises:
            BadPicture: a time that is not after the last one, or a picture smaller than its cells.
        """
        if not at_s > self._last_s:
            raise BadPicture(f"pictures must come in order, after {self._last_s:g} s, got {at_s!r}")
        self._last_s = at_s
        rgb = _means(linear_rgb(picture), self._cells)
        bright = np.minimum(rgb @ _LUMINANCE, _GENERAL_TOP)
        red = _RED_SCALE * np.maximum(rgb[..., 0] - rgb[..., 1] - rgb[..., 2], 0.0)
        if self._meters is None:
            self._meters = (_Swings(bright, _GENERAL_CHANGE), _Swings(red, _RED_CHANGE))
            return
        turns = [meter.push(value) for meter, value in zip(self._meters, (bright, red), strict=True)]
        counts, cells = [], []
        for recent, turned in zip(self._recent, turns, strict=True):
            recent.append((at_s, turned))
            while recent[0][0] <= at_s - 1.0:
                del recent[0]
            cells.append(np.sum([hit for _, hit in recent], axis=0) // 2)
            counts.append(int(cells[-1].max()))
        self.general, self.red = max(self.general, counts[0]), max(self.red, counts[1])
        flashes = np.maximum(*cells)
        self.widest = max(self.widest, float((flashes > MOST_FLASHES).mean()))
        self._measure_extended(flashes >= FEW_FLASHES, at_s)

    def _measure_extended(self, few: npt.NDArray[np.bool_], at_s: float) -> None:
        """Keep the longest row of seconds with flashes: each look answers for the second before it."""
        if self._few_since_s is None:
            self._few_since_s = np.full(few.shape, np.inf)
        self._few_since_s = np.where(few, np.minimum(self._few_since_s, at_s - 1.0), np.inf)
        if few.any():
            self.extended_s = max(self.extended_s, float(at_s - self._few_since_s.min()))


def steepest_per_s(luminance: Floats, at_s: Floats, over_s: float = 1.0) -> float:
    """Return the greatest change of `luminance` within any `over_s`, per second.

    Args:
        luminance: of whole pictures, or of cells: (pictures, …).
        at_s: when each is shown, rising, (pictures,).
        over_s: shorter changes are counted as spread over this.
    """
    worst = 0.0
    for first, start_s in enumerate(at_s):
        last = int(np.searchsorted(at_s, start_s + over_s + 1e-6, side="right"))
        window = luminance[first:last]
        worst = max(worst, float((window.max(axis=0) - window.min(axis=0)).max()))
    return worst / over_s


def faults(picture: Bytes) -> list[str]:
    """Return what is wrong with one eye's picture, B G R (A); nothing if it may be shown.

    A pixel whose colour is not a number is drawn black by every driver that we know: a hole in what is lit.
    """
    found = []
    coded = picture[..., :3].max(axis=-1).astype(np.int16)
    middle = float(np.median(coded))
    if middle < 8.0:
        found.append(f"too dark: the median of the brightest component must be 8 or more, is {middle:g}")
    blown = float((coded >= 254).mean())
    if blown > 0.06:
        found.append(f"blown out: at most 6 % of the pixels may be at the top, {100 * blown:.1f} % are")
    if float(coded.std()) < 1.5:
        found.append(f"blank: the spread must be 1.5 or more, is {float(coded.std()):.2f}")
    around = np.minimum.reduce(
        [np.roll(coded, step, axis)[1:-1, 1:-1] for axis in (0, 1) for step in (-1, 1)]
    )
    holes = int(((coded[1:-1, 1:-1] <= 1) & (around > 24)).sum())
    if holes:
        found.append(f"holes: no black pixel may stand alone in what is lit, {holes} do")
    return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Disparity:
    """How far apart the eyes see things, pixels; positive is crossed: nearer than infinity.

    Attributes:
        least: of the well-matched blocks, 2nd percentile; negative would be beyond infinity.
        most: 98th percentile.
        blocks: how many could be matched.
    """

    least: float
    most: float
    blocks: int


def disparity(left: Bytes, right: Bytes, *, reach_px: int, block_px: int = 16) -> Disparity:
    """Match blocks of the left eye's picture in the right eye's, along rows.

    Args:
        left: one eye's picture, B G R (A).
        right: the other's, same shape.
        reach_px: how far to look to both sides.
        block_px: side of a block.
    """
    one, other = (np.sqrt(relative_luminance(p)) for p in (left, right))
    rows, columns = one.shape
    found = []
    for top in range(0, rows - block_px + 1, block_px):
        for start in range(reach_px, columns - block_px - reach_px + 1, block_px):
            block = one[top : top + block_px, start : start + block_px]
            across = float(np.abs(np.diff(block, axis=1)).mean())
            if across < 0.008:
                continue  # nothing in it tells left from right
            band = other[top : top + block_px]
            shifts = np.arange(-reach_px, reach_px + 1)
            misses = [np.abs(band[:, start - s : start - s + block_px] - block).mean() for s in shifts]
            best = int(np.argmin(misses))
            if misses[best] < 0.35 * across:
                found.append(float(shifts[best]))
    if not found:
        return Disparity(least=0.0, most=0.0, blocks=0)
    least, most = np.percentile(found, [2.0, 98.0])
    return Disparity(least=float(least), most=float(most), blocks=len(found))


def _means(values: Floats, cells: int) -> Floats:
    """Return the means over `cells` × `cells` areas of (rows, columns, parts)."""
    rows, columns, _ = values.shape
    if min(rows, columns) < cells:
        raise BadPicture(f"a picture must have {cells} pixels a side or more, got {columns}x{rows}")
    for axis, size in ((0, rows), (1, columns)):
        starts = np.arange(cells) * size // cells
        counts = np.diff(np.append(starts, size))
        shape = [1, 1, 1]
        shape[axis] = cells
        values = np.add.reduceat(values, starts, axis=axis) / counts.reshape(shape)
    return values
