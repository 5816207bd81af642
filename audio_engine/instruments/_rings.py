"""Struck tones added up 0.16 s at a time: each layer a loop under a table of how it rings.

What rings is never touched again, so a new stroke is only added to what was added up before it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from audio_engine.desk import Desk
from audio_engine.instruments._loops import BLOCKS, CHUNK, STRIDE, Gain, Wave, WaveLoops
from audio_engine.messages import BLOCK_FRAMES, RATE_HZ

__all__ = ["Rings", "Tone"]

_Samples = npt.NDArray[np.float32]

#: For so many samples a ring's table is read for each, because attacks are quick; then for every sixteenth,
#: with straight lines between (a fall of 1/e in 50 ms is met within 6 · 10⁻⁶).
_EXACT: Final = 960
_STEP: Final = 16
_STEPS: Final = np.arange(_STEP, dtype=np.float32)[None, :] / np.float32(_STEP)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """A layer of every stroke.

    Attributes:
        wave: what sounds.
        ring: how loud it is from its stroke to its end (n,), 0 at both.
        gain: of the layer, to begin with.
    """

    wave: Wave
    ring: npt.NDArray[np.float64]
    gain: float = 1.0


@dataclasses.dataclass(slots=True)
class _Stroke:
    """One voice that rings.

    Attributes:
        side: 0 left, 1 right.
        begin: its first sample, counted from the first of the tables.
        frames: how long each layer lasts.
        starts: where each layer begins in its loop.
    """

    side: int
    begin: int
    level: np.float32
    loops: list[_Samples]
    frames: list[int]
    starts: list[int]


class Rings:
    """The voices of one struck instrument, leaning left and right in turn.

    Args:
        desk: the desk.
        tones: the layers.
        sides: gains of a voice on the side that it leans to, and on the other.

    Attributes:
        gains: of the layers; followed from the next 0.16 s on.
        sound: left and right.
    """

    def __init__(self, desk: Desk, tones: Sequence[Tone], sides: tuple[float, float]) -> None:
        self._tones = tuple(tones)
        self._loops = WaveLoops([tone.wave for tone in tones])
        self._sides = [np.float32(side) for side in sides]
        self._grids = [np.arange(len(tone.ring), dtype=np.float64) for tone in tones]
        self._samples, self.sound = desk.rounds(2, BLOCKS)
        self._stream = self.sound.getBaseObjects()[0]._getStream()  # noqa: SLF001  # pyo's name for it
        self._turning: list[Gain] = []
        self.gains = [Gain(0.4, self._turning, tone.gain) for tone in tones]
        self._all = np.arange(1, CHUNK + 1, dtype=np.float32)
        self._now: list[Any] = []
        self._ringing: list[_Stroke] = []
        self._new: list[_Stroke] = []
        self._begun = 0
        # The next block, and whether the tables are all zeros.
        self._block, self._still = 0, True
        desk.each_block(self._fill)

    def strike(self, voice: int, hz: float, offset_s: float, seconds: Sequence[float], level: float) -> None:
        """Strike `voice` `offset_s` into the coming block; its layers ring for `seconds` each."""
        begin = min(int(offset_s * RATE_HZ + 0.5), BLOCK_FRAMES - 1)
        frames = [round(lasts * RATE_HZ) for lasts in seconds]
        loops = self._loops.of(hz)
        # Elsewhere in each loop each time, or two strings in unison would be one.
        self._begun += 1
        shares = [self._begun * (n + 1) * STRIDE % 1.0 for n in range(len(loops))]
        starts = [int(share * (len(loop) - CHUNK)) for share, loop in zip(shares, loops, strict=True)]
        self._new.append(_Stroke(voice % 2, begin, np.float32(level), loops, frames, starts))

    def _fill(self) -> None:
        """Have the next block in the tables."""
        if not self._stream.isPlaying():
            return
        if self._block == BLOCKS:
            self._block = 0
            self._turn()
        for stroke in self._new:
            stroke.begin += self._block * BLOCK_FRAMES
            self._add(stroke)
            self._still = False
        self._ringing += self._new
        self._new.clear()
        self._block += 1

    def _turn(self) -> None:
        """Begin the tables anew with what still rings."""
        for gain in self.gains:
            gain.advance(CHUNK)
        for gain in self._turning:
            gain.turn()
        self._turning.clear()
        for stroke in self._ringing:
            stroke.begin -= CHUNK
        self._ringing = [each for each in self._ringing if each.begin + max(each.frames) > 0]
        self._now = []
        if self._still and not self._ringing:
            return
        self._still = not self._ringing
        for samples in self._samples:
            samples.fill(0.0)
        for stroke in self._ringing:
            self._add(stroke)

    def _add(self, stroke: _Stroke) -> None:
        """Add to the tables what is to be heard of `stroke`."""
        if not self._now:
            self._now = [gain.ahead(self._all) for gain in self.gains]
        first = max(stroke.begin, 0)
        age = first - stroke.begin
        total = np.zeros(CHUNK - first, np.float32)
        for n, (tone, loop, lasts) in enumerate(zip(self._tones, stroke.loops, stroke.frames, strict=True)):
            count = min(len(total), lasts - age)
            if count <= 0:
                continue
            part = _ring(tone.ring, self._grids[n], age, count, lasts)
            gain = self._now[n]
            part *= gain[first : first + count] if isinstance(gain, np.ndarray) else gain
            at = (age + stroke.starts[n]) % (len(loop) - CHUNK)
            part *= loop[at : at + count]
            total[:count] += part
        for side, share in enumerate(self._sides):
            self._samples[side ^ stroke.side][first:] += total * (share * stroke.level)


def _ring(
    table: npt.NDArray[np.float64], grid: npt.NDArray[np.float64], age: int, count: int, lasts: int
) -> _Samples:
    """Return `count` samples of a ring that `lasts` so many, from the sample `age` on."""
    per_sample = len(table) / lasts
    if age < _EXACT:
        exact = min(count, _EXACT - age)
        first = np.interp(np.arange(age, age + exact) * per_sample, grid, table).astype(np.float32)
        return (
            np.concatenate((first, _ring(table, grid, age + exact, count - exact, lasts)))
            if count > exact
            else first
        )
    points = np.arange(age, age + count + 2 * _STEP, _STEP) * per_sample
    coarse = np.interp(points, grid, table).astype(np.float32)
    fine: _Samples = coarse[:-1, None] + (coarse[1:] - coarse[:-1])[:, None] * _STEPS
    return fine.reshape(-1)[:count]
