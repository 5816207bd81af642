"""The last stage before the ear, in numpy: loudness held to the plan, fades, a limiter that never lets go.

Order: make-up gain (slow) → fade → limiter → meter. It holds one block back, so that the limiter sees a
peak before it comes. The sounds of the place are folded into two channels, or, for a headset that turns them
with the head, leave apart in their four, with the same gain.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from audio_engine.loudness import BATCH, LoudnessMeter, PeakDetector, PeakMeter, amplitude, decibels
from audio_engine.messages import BLOCK_FRAMES, BLOCK_S, CHANNELS
from audio_engine.space import to_stereo

__all__ = ["CEILING_DBTP", "LATENCY_S", "Master"]

#: A decibel under the promise of −1 dBTP: 4 × oversampling reads up to 0.7 dB too little at the very top of
#: the band (BS.1770-5 annex 2, attachment 1), and the gain moves within a block.
CEILING_DBTP: Final = -2.0
#: The limiter's look-ahead.
LATENCY_S: Final = BLOCK_S
#: Time constant of the loudness estimate: two slow breaths, so that the swell is not levelled out.
_LOUDNESS_S: Final = 20.0
#: What the parts declare weighs as much as this much listening.
_DECLARED_S: Final = 3.0
_WINDOW_S: Final = 3.0
#: Quieter moments than this tell nothing about the mix (start, long rests).
_GATE_LUFS: Final = -60.0
_SLOPE_DB_PER_S: Final = 6.0
_MOST_CORRECTION_DB: Final = 30.0
#: Variance of the usual swing with the breath; what is more comes of rests and changes of the mix.
_MOST_SPREAD_DB2: Final = 4.0
_GAIN_RANGE_DB: Final = (-30.0, 18.0)
_RELEASE_DB_PER_S: Final = 20.0
#: How long the place takes to leave the two channels for its own four, or to come back.
_APART_S: Final = 0.5
#: The most of |W| + |(X, Y, Z)| that an ear of the headset's decoder hears (`web/headset/ambisonics.ts`).
_EAR_BOUND: Final = 0.7


class Master:
    """Takes dry blocks, returns finished ones, one block later.

    Args:
        target_lufs: integrated loudness to hold at full fade.
        declared_lufs: how loud the parts say that the dry mix is; listening corrects it.
        gain: fade gain to start from, 0 … 1.

    Attributes:
        place: what `process` left apart with the last block it returned, (480, 4), or `None`.
    """

    def __init__(self, target_lufs: float, declared_lufs: float, gain: float = 0.0) -> None:
        self.momentary = LoudnessMeter()
        self.place: npt.NDArray[np.float32] | None = None
        self._dry = LoudnessMeter(_WINDOW_S)
        self._listening = True
        self._heard_s = self._correction_db = self._spread_db2 = 0.0
        self._apart = self._apart_to = 0.0
        self._held_place: npt.NDArray[np.float32] | None = None
        self._target_lufs, self._declared_lufs = target_lufs, declared_lufs
        self._makeup, self._duck = amplitude(self._makeup_db()), 1.0
        self._fade, self._fade_to, self._fade_step = gain, gain, 0.0
        self._detector = PeakDetector()
        self._out_peak = PeakMeter()
        self._held = np.zeros((BLOCK_FRAMES, CHANNELS), np.float32)
        self._need_held, self._limit = 1.0, 1.0
        rising = np.linspace(0.0, 1.0, BLOCK_FRAMES, endpoint=False, dtype=np.float32)
        # As wide as the block: numpy is slow over an inner axis of two that it has to spread.
        self._ramp = np.repeat(rising[:, None], CHANNELS, axis=1)

    def fade(self, gain: float, seconds: float) -> None:
        """Fade to `gain` (0 … 1) within `seconds` (> 0), evenly, from where the fade is now."""
        blocks = max(seconds / BLOCK_S, 1.0)
        self._fade_to = gain
        self._fade_step = abs(gain - self._fade) / blocks

    def set_apart(self, *, on: bool) -> None:
        """Let the place go into its own four channels, or fold it back into two, within half a second."""
        self._apart_to = float(on)

    @property
    def correction_db(self) -> float:
        """What listening has taught about the dry mix's loudness."""
        return self._correction_db + self._louder_db

    def remember(self, correction_db: float) -> None:
        """Start from what another master has learnt about the same mix."""
        self._correction_db = min(max(correction_db, -_MOST_CORRECTION_DB), _MOST_CORRECTION_DB)
        self._heard_s = _DECLARED_S
        self._makeup = amplitude(self._makeup_db())

    def process(
        self,
        dry: npt.NDArray[np.float32],
        target_lufs: float,
        declared_lufs: float,
        place: npt.NDArray[np.float32] | None = None,
        duck_db: float = 0.0,
        *,
        listening: bool = True,
    ) -> npt.NDArray[np.float32]:
        """Return the finished block before this one; what comes in is finished by the next call.

        Args:
            dry: the whole mix, the place folded into it, (480, 2).
            target_lufs: loudness to hold.
            declared_lufs: how loud the parts say that they are.
            place: the place's share of `dry` in its four channels (480, 4), to be sent apart on demand.
            duck_db: gain for somebody's words, ≤ 0.
            listening: without it the make-up gain stays: a composed pause is not to be levelled up.
        """
        if listening:
            if not self._listening:  # what the pause left in the window is not the mix
                self._dry = LoudnessMeter(_WINDOW_S)
            self._listen(dry)
        self._listening = listening
        self._target_lufs = _towards(self._target_lufs, target_lufs, _SLOPE_DB_PER_S * BLOCK_S)
        self._declared_lufs = _towards(self._declared_lufs, declared_lufs, _SLOPE_DB_PER_S * BLOCK_S)
        makeup, fade, duck = self._makeup, self._fade, self._duck
        self._makeup = amplitude(self._makeup_db())
        self._fade = _towards(self._fade, self._fade_to, self._fade_step)
        self._duck = amplitude(duck_db)
        # An even fade in decibels would never reach zero; squares of an even one sound even enough.
        start, end = makeup * duck * fade * fade, self._makeup * self._duck * self._fade * self._fade
        gain = self._ramped(start, end)
        wet = dry * gain
        out = self._limited(wet, self._leave(place, gain))
        self.momentary.push(out)
        self._out_peak.push(out)
        return out if self.place is None else out - to_stereo(self.place)

    def _leave(
        self, place: npt.NDArray[np.float32] | None, gain: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32] | None:
        """Return the place's share (480, 4) that goes apart, at its `gain` (480, 2); `None` if none does."""
        before = self._apart
        self._apart = _towards(before, self._apart_to, BLOCK_S / _APART_S)
        if place is None or (before == 0.0 and self._apart == 0.0):
            return None
        share: npt.NDArray[np.float32] = place * (gain * self._ramped(before, self._apart))[:, :1]
        return share

    def take_peak_dbtp(self) -> float:
        """Return the highest true peak since the last call, in dBTP."""
        return decibels(self._out_peak.take())

    def _ramped(self, start: float, end: float) -> npt.NDArray[np.float32]:
        """Return a gain (480, 2) that goes evenly from `start` to `end`."""
        if start == end:
            return np.full_like(self._ramp, start)  # its own: one block multiplies two of them
        ramp: npt.NDArray[np.float32] = self._ramp * np.float32(end - start)
        ramp += np.float32(start)
        return ramp

    def _listen(self, dry: npt.NDArray[np.float32]) -> None:
        """Follow the dry mix's short-term loudness, in decibels: as fast down as up, ten times a second."""
        if self._dry.push(dry) and self._dry.full and (now_lufs := self._dry.lufs) > _GATE_LUFS:
            self._heard_s += BATCH * BLOCK_S
            weight = BATCH * BLOCK_S / min(_DECLARED_S + self._heard_s, _LOUDNESS_S)
            off_db = now_lufs - self._declared_lufs - self._correction_db
            self._correction_db += off_db * weight
            self._spread_db2 += (min(off_db * off_db, _MOST_SPREAD_DB2) - self._spread_db2) * weight

    def _makeup_db(self) -> float:
        low, high = _GAIN_RANGE_DB
        return min(max(self._target_lufs - self._declared_lufs - self.correction_db, low), high)

    @property
    def _louder_db(self) -> float:
        """By how much the mean of energies, which meets a target, lies above the mean of decibels.

        Variance · ln 10 / 20 for decibels that are normally distributed.
        """
        return self._spread_db2 * math.log(10.0) / 20.0

    def _limited(
        self, wet: npt.NDArray[np.float32], place: npt.NDArray[np.float32] | None
    ) -> npt.NDArray[np.float32]:
        """Return the held block, its gain ramped between block borders that satisfy both neighbours."""
        highest = self._detector.push(wet, amplitude(CEILING_DBTP))
        if place is not None:
            # However the head turns: what the bed alone has, and the most that an ear can hear of the place.
            field = np.abs(place[:, 0]) + np.sqrt(np.einsum("ij,ij->i", place[:, 1:], place[:, 1:]))
            bed = np.abs(wet - to_stereo(place)).max(axis=1)
            highest = max(highest, float((bed + _EAR_BOUND * field).max()))
        need = min(1.0, amplitude(CEILING_DBTP) / max(highest, 1e-9))
        released = self._limit * amplitude(_RELEASE_DB_PER_S * BLOCK_S)
        limit = min(1.0, released, need, self._need_held)
        out, self.place = self._held, self._held_place
        if limit < 1.0 or self._limit < 1.0:
            gain = self._ramped(self._limit, limit)
            out = out * gain
            self.place = None if self.place is None else self.place * gain[:, :1]
        self._held, self._held_place, self._need_held, self._limit = wet, place, need, limit
        return out


def _towards(value: float, goal: float, step: float) -> float:
    """Return `value` moved towards `goal` by at most `step`."""
    return value + min(max(goal - value, -step), step)
