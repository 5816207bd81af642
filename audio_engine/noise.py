"""Noise as loops that are read, not drawn: pyo looks a Python dictionary up for every random sample.

Drawing the two noises of one place took a quarter of all the synthesis (measured); reading a table takes a
fiftieth of that. Two loops whose lengths have no common measure are added, so that the sum repeats only after
33 days, and every reader begins somewhere else, so that no two readers sound alike. A filter that never
changes is in the loop, where it costs nothing.
"""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from audio_engine._pyo import pyo
from audio_engine.messages import RATE_HZ

__all__ = ["COLOURS", "LENGTHS", "WHOLE", "Band", "Noises", "loop", "spectra"]

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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What of a noise is left: the responses of pyo's `ButHP`, `ButLP` and `Biquad` (band-pass), 0 for none.

    Attributes:
        above_hz, below_hz: second-order Butterworth filters.
        peak_hz, q: a second-order band-pass, 0 dB at its peak.
    """

    above_hz: float = 0.0
    below_hz: float = 0.0
    peak_hz: float = 0.0
    q: float = 1.0

    def gains(self, length: int) -> npt.NDArray[np.float32]:
        """Return the gain of each frequency of a loop of `length` samples."""
        # The lowest and the highest, which have no neighbours, stand half a step inside.
        bins = np.arange(length // 2 + 1, dtype=np.float32)
        bins[0], bins[-1] = 0.5, length / 2.0 - 0.5
        warped = np.tan(bins * np.float32(math.pi / length))
        power = np.ones_like(warped)
        if self.below_hz:
            power += (warped / _warped(self.below_hz)) ** 4
        if self.above_hz:
            power *= 1.0 + (_warped(self.above_hz) / warped) ** 4
        if self.peak_hz:
            peak = _warped(self.peak_hz)
            power *= 1.0 + (self.q * (warped / peak - peak / warped)) ** 2
        return np.asarray(1.0 / np.sqrt(power), np.float32)


#: All of it.
WHOLE: Final = Band()


def _warped(hertz: float) -> np.float32:
    """Return where the bilinear transform puts a frequency."""
    return np.float32(math.tan(math.pi * hertz / RATE_HZ))


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


def spectra(length: int, colours: Sequence[str]) -> list[_Spectrum]:
    """Return the spectrum of `length` samples of Gaussian noise for each of `colours`, the same each time.

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
    return [(drawn * COLOURS[colour](delay)).astype(np.complex64, copy=False) for colour in colours]


def loop(length: int, spectrum: _Spectrum, band: Band = WHOLE) -> npt.NDArray[np.float32]:
    """Return `length` samples without a seam of what `band` leaves of a `spectrum`."""
    heard = spectrum if band == WHOLE else spectrum * band.gains(length)
    return np.fft.irfft(heard, length).astype(np.float32, copy=False)


class Noises:
    """The noise of one engine: spectra, the loops that somebody reads, and who begins where.

    Args:
        seed_phase: where the first reader begins, 0 … 1.

    Attributes:
        patient: new loops are silent until `make_one` has made them, for each takes 2 to 6 ms.
    """

    def __init__(self, seed_phase: float) -> None:
        self._phase = seed_phase
        self._readers = 0
        self._spectra: dict[str, list[_Spectrum]] = {}
        # Loops (3 MB each) go with the last who claims them: pyo keeps the readers alive, not the tables.
        self._tables: weakref.WeakValueDictionary[tuple[str, Band, int], Any] = weakref.WeakValueDictionary()
        self._claimed: list[Any] = []
        self.patient = False
        self._missing: deque[tuple[Any, int, _Spectrum, Band]] = deque()

    def prepare(self) -> None:
        """Draw now (about 0.1 s), so that a change of place need not."""
        missing = [colour for colour in COLOURS if colour not in self._spectra]
        for length in LENGTHS:
            for colour, spectrum in zip(missing, spectra(length, missing), strict=True):
                self._spectra.setdefault(colour, []).append(spectrum)

    def read(self, colour: str, gains: Sequence[float], band: Band = WHOLE) -> Any:
        """Return a pyo object of as many independent streams of `colour` as there are `gains`."""
        first, second = (self._table(colour, band, number) for number in range(len(LENGTHS)))
        phases = [
            [(self._phase + stride * (self._readers + n)) % 1.0 for n in range(len(gains))]
            for stride in _STRIDES
        ]
        self._readers += len(gains)
        self._claimed += [first, second]
        halves = [gain / math.sqrt(2.0) for gain in gains]
        other = pyo.Osc(second, freq=RATE_HZ / LENGTHS[1], phase=phases[1], interp=1, mul=halves)
        return pyo.Osc(first, freq=RATE_HZ / LENGTHS[0], phase=phases[0], interp=1, mul=halves, add=other)

    def claimed(self) -> list[Any]:
        """Return the loops read since the last call: to be held for as long as their readers work."""
        claimed, self._claimed = self._claimed, []
        return claimed

    def _table(self, colour: str, band: Band, number: int) -> Any:
        """Return the loop of `LENGTHS[number]`, as a pyo table."""
        table = self._tables.get((colour, band, number))
        if table is None:
            if colour not in self._spectra:
                self._spectra[colour] = [spectra(length, [colour])[0] for length in LENGTHS]
            length = LENGTHS[number]
            table = pyo.DataTable(length)
            self._missing.append((table, length, self._spectra[colour][number], band))
            if not self.patient:
                self.make_one()
            self._tables[colour, band, number] = table
        return table

    def make_one(self) -> bool:
        """Make a loop that is read and not yet made; return whether there was one."""
        if not self._missing:
            return False
        table, length, spectrum, band = self._missing.popleft()
        np.asarray(table.getBuffer())[:length] = loop(length, spectrum, band)
        return True
