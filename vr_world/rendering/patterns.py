"""Stripes: regular light and dark patterns that may provoke seizures or make people unwell. Pure.

The rule is that of broadcasters (ITU-R BT.1702, Ofcom) that EA's IRIS implements: more than five light-dark
pairs of stripes, in any orientation, over more than a quarter of the picture, are potentially harmful. Here
the picture is cut into small windows; a window is striped where a single spatial frequency makes up most of
what is seen in it, with a luminance difference of a general flash. Stricter than the rule: stripes in a tenth
of the picture are too many (`MOST_STRIPED`), however short they are seen.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from vr_world.rendering.comfort import Bytes, Floats, relative_luminance
from vr_world.rendering.errors import BadPicture

__all__ = ["MOST_PAIRS", "MOST_STRIPED", "Stripes", "stripes"]

#: More pairs than these are a pattern (BT.1702).
MOST_PAIRS: Final = 5
#: Share of the picture that may be striped. BT.1702 has 0.25 for patterns that flicker, 0.4 for still ones.
MOST_STRIPED: Final = 0.1

_WINDOW: Final = 32
_STEP: Final = 16
#: Sides that the picture is reduced to. A window must itself hold more than five pairs, so these see from 6
#: (in the whole picture at once) to 192 pairs across it. The finest comes first: what is too fine for a
#: coarse one comes back there as a false, wider pattern.
_SIDES: Final = (384, 192, 96, 64, 32)
_SMALLEST: Final = 96
#: Light against dark as in a general flash (WCAG 2.3.1).
_CONTRAST: Final = 0.1
_DARK: Final = 0.8
#: Share of a window's variance that one frequency must hold to be stripes: waves, leaves and grass hold less.
_REGULAR: Final = 0.6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stripes:
    """What regular pattern a picture holds.

    Attributes:
        share: of the picture that is striped at the scale where most is, 0 … 1.
        pairs: light-dark pairs across the whole picture at that scale; 0 without stripes.
    """

    share: float
    pairs: float

    @property
    def harmful(self) -> bool:
        """Whether this is more than may be shown."""
        return self.share > MOST_STRIPED and self.pairs > MOST_PAIRS


def stripes(picture: Bytes) -> Stripes:
    """Look for stripes in one eye's picture, square, B G R (A).

    Raises:
        BadPicture: the picture is smaller than 96 px a side.
    """
    if min(picture.shape[:2]) < _SMALLEST:
        rows, columns = picture.shape[:2]
        raise BadPicture(f"a picture must have {_SMALLEST} pixels a side or more, got {columns}x{rows}")
    light = relative_luminance(picture)
    found = Stripes(share=0.0, pairs=0.0)
    for side in _SIDES:
        if min(light.shape) >= side:
            seen = _at_scale(_reduced(light, side), side)
            found = seen if seen.share > found.share else found
    return found


def _reduced(light: Floats, side: int) -> Floats:
    """Return the means over `side` × `side` areas."""
    for axis in (0, 1):
        size = light.shape[axis]
        starts = np.arange(side) * size // side
        counts = np.diff(np.append(starts, size))
        shape = (-1, 1) if axis == 0 else (1, -1)
        light = np.add.reduceat(light, starts, axis=axis) / counts.reshape(shape)
    return light


def _at_scale(light: Floats, side: int) -> Stripes:
    views = np.lib.stride_tricks.sliding_window_view(light, (_WINDOW, _WINDOW))[::_STEP, ::_STEP]
    hann = np.hanning(_WINDOW + 2)[1:-1]
    taper = hann[:, None] * hann[None]
    means = (views * taper).sum(axis=(-2, -1), keepdims=True) / taper.sum()
    power = np.abs(np.fft.fft2((views - means) * taper)) ** 2
    along = np.fft.fftfreq(_WINDOW, 1.0 / _WINDOW)
    waves = np.hypot(along[:, None], along[None])
    total = power.sum(axis=(-2, -1))
    lobe = _lobes(power)
    pitch = _lobes(power * waves) / np.maximum(lobe, 1e-30)
    lobe[power < _peaks(power)] = 0.0  # the flank of a slower wave is no wave of its own
    lobe[pitch <= MOST_PAIRS] = 0.0
    flat = lobe.reshape(*lobe.shape[:-2], -1)
    best = flat.argmax(axis=-1)[..., None]
    # A real wave stands in the spectrum twice, at k and at −k.
    strongest = 2.0 * np.take_along_axis(flat, best, -1)[..., 0]
    cycles = np.take_along_axis(pitch.reshape(flat.shape), best, -1)[..., 0]
    # A sine of amplitude a has the variance a²/2; light and dark differ by 2a.
    contrast = 2.0 * np.sqrt(2.0 * strongest / (_WINDOW * _WINDOW * (taper**2).sum()))
    dark = means[..., 0, 0] - contrast / 2.0 < _DARK
    striped = (strongest >= _REGULAR * np.maximum(total, 1e-12)) & (contrast >= _CONTRAST) & dark
    if not striped.any():
        return Stripes(share=0.0, pairs=0.0)
    return Stripes(share=float(striped.mean()), pairs=float(np.median(cycles[striped])) * side / _WINDOW)


def _lobes(values: Floats) -> Floats:
    """Return the sums over each frequency and its eight neighbours: a taper spreads one over three."""
    rows = values + np.roll(values, 1, axis=-2) + np.roll(values, -1, axis=-2)
    return np.asarray(rows + np.roll(rows, 1, axis=-1) + np.roll(rows, -1, axis=-1))


def _peaks(values: Floats) -> Floats:
    """Return the greatest of each frequency and its eight neighbours."""
    rows = np.maximum.reduce([np.roll(values, by, axis=-2) for by in (-1, 0, 1)])
    return np.asarray(np.maximum.reduce([np.roll(rows, by, axis=-1) for by in (-1, 0, 1)]))
