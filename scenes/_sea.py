"""The sea's surface: wind waves from a spectrum, and the swell that breathes. Pure numpy.

Waves follow the deep-water dispersion ω² = g·k and a directional spectrum of Phillips' form, summed by one
inverse Fourier transform a frame (after J. Tessendorf, Simulating Ocean Water, 2001).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import scipy.fft

from scenes._geometry import Bytes, Floats

__all__ = ["EYE_M", "FULL", "SWELL_LENGTH_M", "TILE_M", "Waves", "breath", "encoded", "swell_m", "swell_warp"]

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

#: Slope (in rms) and height (m) at the end of the eight-bit scale; the shaders hold the inverse.
FULL: Final = 4.0

_SIZE: Final = 128
#: Longest wind wave; longer ones are the breath's.
_LONGEST_M: Final = 7.0
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
        # The wind comes from ahead, a little from the left.
        along = (kx * math.sin(0.5) - ky * math.cos(0.5)) / k
        power = np.exp(-((2.0 * np.pi / (_LONGEST_M * k)) ** 2)) / k**3.6 * (0.22 + 0.78 * along**2)
        power *= np.where(along < 0.0, 0.25, 1.0) * np.exp(-((k * 0.045) ** 2))
        power[0, 0] = 0.0
        noise = rng.standard_normal((_SIZE, _SIZE)) + 1j * rng.standard_normal((_SIZE, _SIZE))
        amplitude = np.sqrt(power) * noise
        amplitude *= 1.0 / math.sqrt(0.5 * float(np.sum((np.abs(amplitude) * k) ** 2)))
        # A real field needs half of its spectrum: what a wave and the one that runs against it add up to.
        opposite = np.conj(np.roll(amplitude[::-1, ::-1], 1, axis=(0, 1)))
        half = slice(0, _SIZE // 2 + 1)
        scale = 0.5 * _SIZE * _SIZE
        self._with = (scale * amplitude[:, half]).astype(np.complex64)
        self._against = (scale * opposite[:, half]).astype(np.complex64)
        self._omega = np.sqrt(_GRAVITY * k[:, half]).astype(np.float32)
        self._i_kx = (1j * kx[:, half]).astype(np.complex64)
        self._i_ky = (1j * ky[:, half]).astype(np.complex64)

    def surface(self, time_s: float) -> Floats:
        """Return (3, size, size) at `time_s`: slopes in x and y (together 1 in rms), height in metres."""
        turn = self._omega * np.float32(math.fmod(time_s, 7200.0))
        onward = np.empty(turn.shape, np.complex64)
        np.cos(turn, out=onward.real)
        np.sin(turn, out=onward.imag)
        spectrum = self._with * np.conj(onward) + self._against * onward
        fields = np.stack([spectrum * self._i_kx, spectrum * self._i_ky, spectrum])
        return np.asarray(scipy.fft.irfft2(fields, s=(_SIZE, _SIZE), overwrite_x=True), np.float32)


def encoded(surface: Floats) -> Bytes:
    """Return `Waves.surface` as (size, size, 4) bytes, blue green red: 128 is zero, 127 steps are `FULL`.

    Eight bits cost a software renderer a third less than floats and lie below what a ripple shows.
    """
    out = np.full((_SIZE, _SIZE, 4), 255, np.uint8)
    steps = np.clip(surface * np.float32(127.0 / FULL) + np.float32(128.5), 0.0, 255.0)
    out[..., 2], out[..., 1], out[..., 0] = steps
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
