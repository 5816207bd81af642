"""Noise as loops that are read, not drawn: pyo looks a Python dictionary up for every random sample.

Drawing the two noises of one place took a quarter of all the synthesis (measured); reading a table takes a
fiftieth of that. Two loops whose lengths have no common measure are added, so that the sum repeats only after
33 days, and every reader begins somewhere else, so that no two readers sound alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from audio_engine._pyo import pyo
from audio_engine.messages import RATE_HZ

__all__ = ["COLOURS", "LENGTHS", "Noises", "loops"]

#: 5.5 and 11 s; a power of two and one of three, which fast Fourier transforms like.
LENGTHS: Final = (2**18, 3**12)
#: Of uniform numbers in −1 … 1, as pyo's own noises have them.
_RMS: Final = 1.0 / math.sqrt(3.0)
#: Gain and pole of each first-order section (P. Kellet's pink filter, the "economy" of which pyo uses too).
_PINK: Final = (
    (0.0555179, 0.99886),
    (0.0750759, 0.99332),
    (0.1538520, 0.96900),
    (0.3104856, 0.86650),
    (0.5329522, 0.55),
    (-0.0168980, -0.7616),
)
_BROWN_HZ: Final = 20.0
_BROWN_GAIN: Final = 20.0
#: Where successive readers begin, as shares of the two loops: the golden ratio and √2, which stay far apart.
_STRIDES: Final = ((math.sqrt(5.0) - 1.0) / 2.0, math.sqrt(2.0) - 1.0)

_Spectrum = npt.NDArray[np.complex64]


def _white(delay: _Spectrum) -> _Spectrum:
    return np.ones_like(delay)


def _pink(delay: _Spectrum) -> _Spectrum:
    total = 0.115926 * delay + 0.5362
    for gain, pole in _PINK:
        total += gain / (1.0 - pole * delay)
    total *= 0.2
    return total


def _brown(delay: _Spectrum) -> _Spectrum:
    pole = math.exp(-2.0 * math.pi * _BROWN_HZ / RATE_HZ)
    return _BROWN_GAIN * (1.0 - pole) / (1.0 - pole * delay)


#: Frequency responses, of the unit delay's.
COLOURS: Final[Mapping[str, Callable[[_Spectrum], _Spectrum]]] = {
    "brown": _brown,
    "pink": _pink,
    "white": _white,
}


def loops(length: int, colours: Sequence[str]) -> list[npt.NDArray[np.float32]]:
    """Return `length` samples of Gaussian noise without a seam for each of `colours`, the same each time.

    All are one draw, so that it is paid once: readers of different colours begin in different places too.
    """
    bins = length // 2 + 1
    drawn = np.random.default_rng(length).standard_normal((bins, 2), np.float32).view(np.complex64)[:, 0]
    drawn[0] = 0.0  # no offset
    angle = np.arange(bins, dtype=np.float32) * np.float32(2.0 * math.pi / length)
    delay = np.empty(bins, np.complex64)
    np.cos(angle, out=delay.real)
    np.sin(-angle, out=delay.imag)
    scale = np.float32(_RMS * math.sqrt(length / 2.0))
    drawn *= scale
    return [
        np.fft.irfft(drawn * COLOURS[colour](delay), length).astype(np.float32, copy=False)
        for colour in colours
    ]


class Noises:
    """The loops of one engine, made when they are first read, and who begins where.

    Args:
        seed_phase: where the first reader begins, 0 … 1.
    """

    def __init__(self, seed_phase: float) -> None:
        self._phase = seed_phase
        self._readers = 0
        self._tables: dict[str, list[Any]] = {}

    def prepare(self) -> None:
        """Make every loop now (about 0.1 s), so that a change of place need not."""
        self._make([colour for colour in COLOURS if colour not in self._tables])

    def read(self, colour: str, gains: Sequence[float]) -> Any:
        """Return a pyo object of as many independent streams of `colour` as there are `gains`."""
        if colour not in self._tables:
            self._make([colour])
        first, second = self._tables[colour]
        phases = [
            [(self._phase + stride * (self._readers + n)) % 1.0 for n in range(len(gains))]
            for stride in _STRIDES
        ]
        self._readers += len(gains)
        halves = [gain / math.sqrt(2.0) for gain in gains]
        other = pyo.Osc(second, freq=RATE_HZ / LENGTHS[1], phase=phases[1], interp=1, mul=halves)
        return pyo.Osc(first, freq=RATE_HZ / LENGTHS[0], phase=phases[0], interp=1, mul=halves, add=other)

    def _make(self, colours: Sequence[str]) -> None:
        for length in LENGTHS:
            for colour, samples in zip(colours, loops(length, colours), strict=True):
                table = pyo.DataTable(length)
                np.asarray(table.getBuffer())[:length] = samples
                self._tables.setdefault(colour, []).append(table)
