"""Noise of known strength, added to recordings: what bodies, muscles, cables and mains do to a lead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from scipy import signal

from sensors.quality import Floats

__all__ = ["LEVELS_DB", "NOISES", "noisy"]

#: As in the noise stress test of PhysioNet (`nst`): S = (height of a QRS)²/8, N = mean square of the noise.
LEVELS_DB: Final = (12.0, 6.0, 0.0)
_BURST_S: Final = 3.0
_EVERY_S: Final = 10.0


def _band(rng: np.random.Generator, count: int, rate_hz: float, low_hz: float, high_hz: float) -> Floats:
    high_hz = min(high_hz, 0.45 * rate_hz)
    sos = signal.butter(2, (low_hz, high_hz), btype="bandpass", fs=rate_hz, output="sos")
    pad = round(4.0 * rate_hz / low_hz)
    x: Floats = signal.sosfilt(sos, rng.standard_normal(count + pad))[pad:]
    return x / float(np.sqrt(np.mean(x * x)))


def _wander(rng: np.random.Generator, count: int, rate_hz: float) -> Floats:
    return _band(rng, count, rate_hz, 0.05, 0.5)


def _motion(rng: np.random.Generator, count: int, rate_hz: float) -> Floats:
    """Bursts of three seconds in every ten, in the band of the QRS itself; of unit power while they last."""
    x = _band(rng, count, rate_hz, 1.0, 15.0)
    since = (np.arange(count) / rate_hz) % _EVERY_S - (_EVERY_S - _BURST_S)
    return x * np.where(since > 0.0, np.minimum(1.0, 10.0 * np.minimum(since, _BURST_S - since)), 0.0)


def _emg(rng: np.random.Generator, count: int, rate_hz: float) -> Floats:
    return _band(rng, count, rate_hz, 20.0, 150.0)


def _mains(rng: np.random.Generator, count: int, rate_hz: float) -> Floats:
    turn = 2.0 * np.pi * 50.0 * np.arange(count) / rate_hz
    x: Floats = np.sin(turn + float(rng.uniform(0.0, 6.0)))
    if rate_hz > 320.0:
        x += 0.3 * np.sin(3.0 * turn)
    return x / float(np.sqrt(np.mean(x * x)))


NOISES: Final[Mapping[str, Callable[[np.random.Generator, int, float], Floats]]] = {
    "baseline wander": _wander,
    "motion bursts": _motion,
    "EMG": _emg,
    "mains": _mains,
}


def noisy(x: Floats, rate_hz: float, kind: str, level_db: float, height: float, seed: int = 0) -> Floats:
    """Return `x` (n,) with noise of `kind` at `level_db` against a QRS of `height`, peak to peak."""
    rng = np.random.default_rng(seed)
    rms = height / np.sqrt(8.0) / 10.0 ** (level_db / 20.0)
    spoilt: Floats = x + rms * NOISES[kind](rng, x.size, rate_hz)
    return spoilt
