"""Two seconds of EEG: which channels are brain and not flat, eye, muscle or mains, and their spectra."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import signal

from sensors.quality import Floats

__all__ = ["Epoch", "judge"]

_HIGHEST_HZ: Final = 46.0
_FLAT_UV: Final = 0.3
#: Peak to peak. Strong alpha comes to 100 µV; a blink, freed of alpha by a mean over 0.1 s, to more than 80.
_LARGEST_UV: Final = 200.0
_EYE_UV: Final = 75.0
_EYE_S: Final = 0.1
_MUSCLE_HZ: Final = (30.0, 45.0)
#: RMS within that band; a brain at rest has one or two.
_MUSCLE_UV: Final = 5.0
_MAINS_HZ: Final = (50.0, 60.0)
_HELD: Final = 0.02


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """What two seconds were, channel by channel.

    Attributes:
        power: (frequencies 0 … 46 Hz in steps of 0.5, channels) in µV²/Hz.
        good: (channels,) neither flat nor eye nor muscle nor held out.
        flat: (channels,) an electrode without contact or a dead input.
        quiet: (channels,) 1 without mains hum, 0 where it is three times the rest of the signal.
    """

    power: Floats
    good: npt.NDArray[np.bool_]
    flat: npt.NDArray[np.bool_]
    quiet: Floats


def judge(x: Floats, bad: Floats, rate_hz: float) -> Epoch:
    """Judge samples `x` (n, channels) in µV, of which the shares `bad` (n, channels) were replaced."""
    x = signal.detrend(x, axis=0)
    hz, power = signal.periodogram(x, rate_hz, window="hann", axis=0)

    def rms(low: float, high: float) -> Floats:
        part: Floats = np.sqrt(np.sum(power[(hz >= low) & (hz <= high)], axis=0) * hz[1])
        return part

    flat = np.std(x, axis=0) < _FLAT_UV
    taps = max(1, round(_EYE_S * rate_hz))
    sums = np.cumsum(x, axis=0)
    slow = (sums[taps:] - sums[:-taps]) / taps
    eye = np.ptp(slow, axis=0) > _EYE_UV
    large = np.ptp(x, axis=0) > _LARGEST_UV
    muscle = rms(*_MUSCLE_HZ) > _MUSCLE_UV
    brain = np.maximum(rms(1.0, _MUSCLE_HZ[1]), 1e-9)
    mains = np.max([rms(m - 1.0, m + 1.0) for m in _MAINS_HZ], axis=0)
    # a loud hum alone is large and still leaves the bands below to be read
    hum = mains > 0.5 * brain
    good = ~(flat | eye | (large & ~hum) | muscle | (np.mean(bad, axis=0) > _HELD))
    return Epoch(
        power=power[hz <= _HIGHEST_HZ],
        good=good,
        flat=flat,
        quiet=1.0 - np.clip((mains / brain - 0.5) / 2.5, 0.0, 1.0),
    )
