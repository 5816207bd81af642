"""Held tones as loops: a note's waves are computed once, when it begins, and then only added up.

A voice whose pitch never moves repeats itself, so that reading a wavetable for every sample anew is work for
nothing. Here each wave of a note is a loop of a whole number of cycles; 0.16 s of all that sound are added up
at once in numpy, and pyo plays the sums. A note that begins or ends is heard in its own block: what was added
up beyond it is made again.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from audio_engine.desk import Desk
from audio_engine.messages import BLOCK_FRAMES, RATE_HZ

__all__ = ["BLOCKS", "CHUNK", "STRIDE", "Gain", "Loops", "Wave", "WaveLoops"]

#: This many blocks are added up at once: numpy's calls cost more than their arithmetic.
BLOCKS: Final = 16
CHUNK: Final = BLOCKS * BLOCK_FRAMES
#: A loop has one of these lengths: where a whole number of cycles fits best, within 0.03 cents.
_LENGTHS: Final = (CHUNK, CHUNK + 6000)
_TABLE: Final = 8192
#: The waves of this many pitches are kept: a piece comes back to its chords.
_PITCHES: Final = 24
#: Where successive notes begin in their loops, as a share of them.
STRIDE: Final = (math.sqrt(5.0) - 1.0) / 2.0

_Samples = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """One of the waves of each note.

    Attributes:
        partials: amplitudes of its harmonics; its peak is 1, whatever they are.
        ratio: its frequency over the note's.
        phase: where it begins, in cycles.
        output: number of the sum that it goes into.
    """

    partials: Sequence[float]
    ratio: float = 1.0
    phase: float = 0.0
    output: int = 0


class Gain:
    """A gain that goes evenly to a new `value` within `time` seconds from its next `turn`, like a `SigTo`.

    Args:
        seconds: first `time`.
        turning: where those put themselves that have a new value.
        value: to begin with.
    """

    __slots__ = ("_goal", "_left", "_next", "_now", "_step", "_turning", "time")

    def __init__(self, seconds: float, turning: list[Gain], value: float = 0.0) -> None:
        self.time = seconds
        self._turning = turning
        self._next = self._goal = self._now = value
        self._step = 0.0
        self._left = 0

    @property
    def value(self) -> float:
        """Where it is to be."""
        return self._next

    @value.setter
    def value(self, goal: float) -> None:
        if goal != self._next:
            self._next = goal
            self._turning.append(self)

    def turn(self) -> None:
        """Begin to go to the value."""
        if self._next != self._goal:
            self._goal, self._left = self._next, max(round(self.time * RATE_HZ), 1)
            self._step = (self._goal - self._now) / self._left

    @property
    def silent(self) -> bool:
        """It is 0 and stays 0."""
        return self._now == 0.0 == self._goal

    def ahead(self, steps: _Samples) -> _Samples | np.float32:
        """Return the gains of the next samples, numbered from 1 in `steps` (n,); one if all are alike."""
        if not self._left:
            return np.float32(self._now)
        ramp = steps * np.float32(self._step)
        ramp += np.float32(self._now)
        ramp[self._left :] = self._goal
        return ramp

    def advance(self, frames: int) -> None:
        """Let `frames` samples pass."""
        if self._left > frames:
            self._left -= frames
            self._now += frames * self._step
        elif self._left:
            self._left, self._now = 0, self._goal


class WaveLoops:
    """The loops of notes, made when a pitch is first played.

    Args:
        waves: of each note.
    """

    def __init__(self, waves: Sequence[Wave]) -> None:
        self._waves = tuple(waves)
        self._cycles = [_cycle(wave.partials) for wave in waves]
        self._known: dict[float, list[_Samples]] = {}

    def of(self, hz: float) -> list[_Samples]:
        """Return the loop of each wave for a note of `hz`, each followed by its first `CHUNK` samples."""
        loops = self._known.pop(hz, None) or [
            _loop(cycle, hz * wave.ratio, wave.phase)
            for wave, cycle in zip(self._waves, self._cycles, strict=True)
        ]
        self._known[hz] = loops
        if len(self._known) > _PITCHES:
            del self._known[next(iter(self._known))]
        return loops


class Loops:
    """The voices of one instrument that holds notes.

    Args:
        desk: the desk.
        waves: of each note.
        count: number of voices.

    Attributes:
        gains: of each voice.
        sound: a pyo object of as many streams as the waves have outputs.
    """

    def __init__(self, desk: Desk, waves: Sequence[Wave], count: int) -> None:
        self._waves = tuple(waves)
        self._turning: list[Gain] = []
        self.gains = [Gain(1.0, self._turning) for _ in range(count)]
        self._made = WaveLoops(waves)
        outputs = 1 + max(wave.output for wave in waves)
        self._samples, self.sound = desk.rounds(outputs, BLOCKS)
        self._stream = self.sound.getBaseObjects()[0]._getStream()  # noqa: SLF001  # pyo's name for it
        self._product = np.empty(CHUNK, np.float32)
        self._steps = np.arange(1, CHUNK + 1, dtype=np.float32)
        self._loops: list[list[_Samples]] = [[] for _ in range(count)]
        self._at: list[list[int]] = [[] for _ in range(count)]
        self._sounding: list[int] = []
        self._begun = 0
        # The next block, the one since which nothing has passed, and whether the tables are all zeros.
        self._block, self._from, self._still = 0, 0, True
        desk.each_block(self._fill)

    def tune(self, voice: int, hz: float) -> None:
        """Give a silent voice its pitch."""
        loops = self._made.of(hz)
        self._begun += 1
        share = self._begun * STRIDE % 1.0
        self._loops[voice] = loops
        self._at[voice] = [int(share * (len(loop) - CHUNK)) for loop in loops]

    def _fill(self) -> None:
        """Have the next block in the tables."""
        if not self._stream.isPlaying():
            return
        if self._turning or self._block == BLOCKS:
            self._pass((self._block - self._from) * BLOCK_FRAMES)
            self._block = self._from = self._block % BLOCKS
            self._add_up()
        self._block += 1

    def _pass(self, frames: int) -> None:
        """Let the `frames` pass that have been played, and begin what is new."""
        for voice in self._sounding:
            self._at[voice] = [
                (at + frames) % (len(loop) - CHUNK)
                for at, loop in zip(self._at[voice], self._loops[voice], strict=True)
            ]
            self.gains[voice].advance(frames)
        for gain in self._turning:
            gain.turn()
        self._turning.clear()

    def _add_up(self) -> None:
        """Add up what sounds from the next block to the end of the tables."""
        self._sounding = [n for n, gain in enumerate(self.gains) if not gain.silent]
        if self._still and not self._sounding:
            return
        self._still = not self._sounding
        start = self._from * BLOCK_FRAMES
        count = CHUNK - start
        sums = [samples[start:] for samples in self._samples]
        for total in sums:
            total.fill(0.0)
        product = self._product[:count]
        for voice in self._sounding:
            gain = self.gains[voice].ahead(self._steps[:count])
            for wave, loop, at in zip(self._waves, self._loops[voice], self._at[voice], strict=True):
                np.multiply(loop[at : at + count], gain, out=product)
                total = sums[wave.output]
                np.add(total, product, out=total)


def _cycle(partials: Sequence[float]) -> _Samples:
    """Return one cycle of harmonics, peak 1, (8193,): its first sample once more at the end."""
    x = np.arange(_TABLE + 1) * (2.0 * np.pi / _TABLE)
    total = np.zeros(_TABLE + 1)
    for n, amplitude in enumerate(partials, 1):
        total += amplitude * np.sin(n * x)
    return np.asarray(total / np.abs(total).max(), np.float32)


def _loop(cycle: _Samples, hz: float, phase: float) -> _Samples:
    """Return a loop of about `hz` that goes on for another `CHUNK` samples."""
    lengths = np.arange(*_LENGTHS)
    cycles = lengths * (hz / RATE_HZ)
    best = int(np.abs(cycles - np.rint(cycles)).argmin())
    length, turns = int(lengths[best]), float(np.rint(cycles[best]))
    at = (phase + np.arange(length) * (turns / length)) % 1.0 * _TABLE
    whole = at.astype(np.int32)
    below = cycle[whole]
    loop = below + (at - whole).astype(np.float32) * (cycle[whole + 1] - below)
    return np.concatenate((loop, loop[:CHUNK]))
