"""Soft clouds as a repeating picture. Pure numpy."""

from __future__ import annotations

from typing import Final

import numpy as np

from scenes._geometry import Bytes

__all__ = ["cloud_texture", "halved"]

_SIZE: Final = 512


def cloud_texture(seed: int) -> Bytes:
    """Return (512, 512, 4) bytes: red (third) is thickness, green the share that faces a light ahead."""
    rng = np.random.default_rng([seed, 31])
    wave = np.fft.fftfreq(_SIZE, 1.0 / _SIZE)
    k = np.hypot(*np.meshgrid(wave, wave))
    size = np.where(k > 0.0, (k**2 + 6.0) ** -0.92 * np.exp(-((k / 90.0) ** 2)), 0.0)
    noise = np.fft.ifft2(size * np.exp(2j * np.pi * rng.random(k.shape))).real
    noise /= noise.std()
    thick = 0.5 + 0.5 * np.tanh(0.62 * noise)
    rise = np.roll(noise, -5, axis=0) - noise  # thinner towards the light ahead: its edge is lit
    lit = 0.5 - 0.5 * np.tanh(1.1 * rise / max(float(rise.std()), 1e-9) * 0.8)
    out = np.zeros((_SIZE, _SIZE, 4), np.uint8)
    out[..., 2], out[..., 1] = np.rint(thick * 255.0), np.rint(lit * 255.0)
    return out


def halved(picture: Bytes, times: int) -> Bytes:
    """Return `picture` (height, width, 4) with each side halved `times` times, two by two texels averaged.

    A mesh whose distance is known reads the level that fits it: choosing the level at every pixel costs a
    software renderer as much again as reading it.
    """
    out = picture.astype(np.float32)
    for _ in range(times):
        out = 0.25 * (out[::2, ::2] + out[1::2, ::2] + out[::2, 1::2] + out[1::2, 1::2])
    return np.rint(out).astype(np.uint8)
