"""The last stage before the ear, in numpy: loudness held to the plan, fades, a limiter that never lets go.

Order: make-up gain (slow) → fade → limiter → meter. It holds one block back, so that the limiter sees a
peak before it comes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from audio_engine.loudness import LoudnessMeter, PeakDetector, amplitude, decibels
from audio_engine.messages import BLOCK_FRAMES, BLOCK_S, CHANNELS

__all__ = ["CEILING_DBTP", "LATENCY_S", "Master"]

#: A decibel under the promise of −1 dBTP: 4 × oversampling reads up to 0.7 dB too little at the very top of
#: the band (BS.1770-5 annex 2, attachment 1), and the gain moves within a block.
CEILING_DBTP: Final = -2.0
#: The limiter's look-ahead.
LATENCY_S: Final = BLOCK_S
#: Time constant of the loudness estimate: two slow breaths, so that the swell is not levelled out.
_LOUDNESS_S: Final = 20.0
#: What the parts declare weighs as much as this much listening.
_DECLARED_S: Final = 5.0
_WINDOW_S: Final = 3.0
#: Quieter moments than this tell nothing about the mix (start, long rests).
_GATE_LUFS: Final = -60.0
_SLOPE_DB_PER_S: Final = 6.0
_GAIN_RANGE_DB: Final = (-30.0, 18.0)
_RELEASE_DB_PER_S: Final = 20.0


class Master:
    """Takes dry blocks, returns finished ones, one block later.

    Args:
        target_lufs: integrated loudness to hold at full fade.
        declared_lufs: how loud the parts say that the dry mix is; listening corrects it.
        gain: fade gain to start from, 0 … 1.
    """

    def __init__(self, target_lufs: float, declared_lufs: float, gain: float = 0.0) -> None:
        self.momentary = LoudnessMeter()
        self.peak = 0.0
        self._dry = LoudnessMeter(_WINDOW_S)
        self._listening = True
        self._heard_s = self._correction_db = 0.0
        self._target_lufs, self._declared_lufs = target_lufs, declared_lufs
        self._makeup = amplitude(self._makeup_db())
        self._fade, self._fade_to, self._fade_step = gain, gain, 0.0
        self._detector = PeakDetector()
        self._out_detector = PeakDetector()
        self._held = np.zeros((BLOCK_FRAMES, CHANNELS), np.float32)
        self._need_held, self._limit = 1.0, 1.0
        self._ramp = np.linspace(0.0, 1.0, BLOCK_FRAMES, endpoint=False, dtype=np.float32)[:, None]

    def fade(self, gain: float, seconds: float) -> None:
        """Fade to `gain` (0 … 1) within `seconds` (> 0), evenly, from where the fade is now."""
        blocks = max(seconds / BLOCK_S, 1.0)
        self._fade_to = gain
        self._fade_step = abs(gain - self._fade) / blocks

    def process(
        self,
        dry: npt.NDArray[np.float32],
        target_lufs: float,
        declared_lufs: float,
        *,
        listening: bool = True,
    ) -> npt.NDArray[np.float32]:
        """Return the finished block (480, 2) before this one; `dry` (480, 2) is finished by the next call.

        Without `listening` the make-up gain stays: a composed pause is not to be levelled up.
        """
        if listening:
            if not self._listening:  # what the pause left in the window is not the mix
                self._dry = LoudnessMeter(_WINDOW_S)
            self._listen(dry)
        self._listening = listening
        self._target_lufs = _towards(self._target_lufs, target_lufs, _SLOPE_DB_PER_S * BLOCK_S)
        self._declared_lufs = _towards(self._declared_lufs, declared_lufs, _SLOPE_DB_PER_S * BLOCK_S)
        makeup, fade = self._makeup, self._fade
        self._makeup = amplitude(self._makeup_db())
        self._fade = _towards(self._fade, self._fade_to, self._fade_step)
        # An even fade in decibels would never reach zero; squares of an even one sound even enough.
        start, end = makeup * fade * fade, self._makeup * self._fade * self._fade
        wet = dry * (start + (end - start) * self._ramp)
        out = self._limited(wet.astype(np.float32, copy=False))
        self.momentary.push(out)
        self.peak = max(self.peak, self._out_detector.push(out))
        return out

    def take_peak_dbtp(self) -> float:
        """Return the highest true peak since the last call, in dBTP."""
        peak, self.peak = self.peak, 0.0
        return decibels(peak)

    def _listen(self, dry: npt.NDArray[np.float32]) -> None:
        """Follow the dry mix's short-term loudness, in decibels: as fast down as up."""
        self._dry.push(dry)
        if self._dry.full and (now_lufs := self._dry.lufs) > _GATE_LUFS:
            self._heard_s += BLOCK_S
            weight = BLOCK_S / min(_DECLARED_S + self._heard_s, _LOUDNESS_S)
            self._correction_db += (now_lufs - self._declared_lufs - self._correction_db) * weight

    def _makeup_db(self) -> float:
        low, high = _GAIN_RANGE_DB
        return min(max(self._target_lufs - self._declared_lufs - self._correction_db, low), high)

    def _limited(self, wet: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the held block, its gain ramped between block borders that satisfy both neighbours."""
        need = min(1.0, amplitude(CEILING_DBTP) / max(self._detector.push(wet), 1e-9))
        released = self._limit * amplitude(_RELEASE_DB_PER_S * BLOCK_S)
        limit = min(1.0, released, need, self._need_held)
        out = self._held * (self._limit + (limit - self._limit) * self._ramp)
        self._held, self._need_held, self._limit = wet, need, limit
        return out.astype(np.float32, copy=False)


def _towards(value: float, goal: float, step: float) -> float:
    """Return `value` moved towards `goal` by at most `step`."""
    return value + min(max(goal - value, -step), step)
