"""The sea's surface: wind waves from a spectrum, and the swell that breathes. Pure numpy.

Waves follow the deep-water dispersion ω² = g·k and a directional spectrum of Phillips' form, summed by one
inverse Fourier transform a frame (after J. Tessendorf, Simulating Ocean Water, 2001).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import scipy.fft

from scenes._geometry import Floats

__all__ = ["EYE_M", "SWELL_LENGTH_M", "TILE_M", "Waves", "breath", "swell_m", "swell_warp"]

#: Height of a seated eye above the water at rest.
EYE_M: Final = 1.2
#: Side of the square that the waves repeat on.
TILE_M: Final = 23.0
#: From crest to crest of the breath swell.
SWELL_LENGTH_M: Final = 38.0
#: Height of the breath swell from trough to crest at `swell` 1.
SWELL_M: Final = 0.5
#: Beyond this the swell fades: the horizon never moves.
_SWELL_REACH_M: Final = 90.0

_SIZE: Final = 128
_GRAVITY: Final = 9.81


class Waves:
    """Wind waves on a repeating square, the same for the same seed and time.

    Args:
        seed: of the waves' phases.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng([seed, 11])
        wave = 2.0 * np.pi * np.fft.fftfreq(_SIZE, TILE_M / _SIZE)
        kx, ky = np.meshgrid(wave, wave)
        k = np.hypot(kx, ky)
        k[0, 0] = 1.0
        along = (
            kx * math.sin(0.5) - ky * math.cos(0.5)
        ) / k  # the wind comes from ahead, a little from the left
        longest = 2.0 * np.pi / 7.0
        power = np.exp(-((longest / k) ** 2)) / k**4 * (0.22 + 0.78 * along**2)
        power *= np.where(along < 0.0, 0.25, 1.0) * np.exp(-((k * 0.11) ** 2))
        power[0, 0] = 0.0
        noise = rng.standard_normal((_SIZE, _SIZE)) + 1j * rng.standard_normal((_SIZE, _SIZE))
        amplitude = np.sqrt(power) * noise
        slope = math.sqrt(float(np.sum((np.abs(amplitude) * k) ** 2)))
        self._amplitude = (amplitude / slope).astype(np.complex64)
        self._omega = np.sqrt(_GRAVITY * k).astype(np.float32)
        self._i_kx = (1j * kx).astype(np.complex64)
        self._i_ky = (1j * ky).astype(np.complex64)

    def surface(self, time_s: float) -> Floats:
        """Return (size, size, 3) at `time_s`: slope in x, slope in y (together 1 in rms), height in metres."""
        turn = self._omega * np.float32(math.fmod(time_s, 86_400.0))
        spectrum = self._amplitude * (np.cos(turn) - 1j * np.sin(turn)).astype(np.complex64)
        count = np.float32(_SIZE * _SIZE * math.sqrt(2.0))
        out = np.empty((_SIZE, _SIZE, 3), np.float32)
        # Real part of the wave field: each component is Re(amplitude · exp(i(k·x − ωt))).
        for index, factor in enumerate((self._i_kx, self._i_ky, None)):
            field = spectrum if factor is None else spectrum * factor
            out[..., index] = scipy.fft.ifft2(field, overwrite_x=factor is not None).real * count
        return out


def swell_warp(pacer_phase: float, inhale_fraction: float) -> float:
    """Return where in the swell's own turn the breath is: 0 at its start, ½ when the inhale ends.

    Smooth and rising for every allowed inhale fraction (0.3 … 0.55), so the sea never jerks between the two.
    """
    bend = (0.5 - inhale_fraction) / (0.5 * (1.0 - math.cos(2.0 * math.pi * inhale_fraction)))
    return pacer_phase + bend * 0.5 * (1.0 - math.cos(2.0 * math.pi * pacer_phase))


def breath(pacer_phase: float, inhale_fraction: float) -> float:
    """Return how full the breath is: 0 empty, 1 at the end of the inhale."""
    return 0.5 - 0.5 * math.cos(2.0 * math.pi * swell_warp(pacer_phase, inhale_fraction))


def swell_m(away_m: Floats, warp: float, swell: float) -> Floats:
    """Return the swell's height (metres, about 0) at distances `away_m` from the seat.

    It runs in from the open sea and its crest passes when the inhale ends. `ocean_water.vert` does the same.
    """
    near = 1.0 / (1.0 + (away_m / _SWELL_REACH_M) ** 2)
    turn = 2.0 * np.pi * (warp + away_m / SWELL_LENGTH_M)
    return np.asarray(-0.5 * SWELL_M * swell * near * np.cos(turn), np.float32)
