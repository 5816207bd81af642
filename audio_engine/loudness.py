"""Streaming meters, block by block: K-weighted loudness and true peak (ITU-R BS.1770-5)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from audio_engine.messages import BLOCK_FRAMES, BLOCK_S, CHANNELS

__all__ = [
    "BATCH",
    "SILENT_DB",
    "KWeighting",
    "LoudnessMeter",
    "PeakDetector",
    "PeakMeter",
    "amplitude",
    "decibels",
    "lufs",
]

#: What meters say of silence.
SILENT_DB: Final = -120.0
#: BS.1770-5 tables 1 and 2: the head's shelf, then the high-pass, at 48 kHz.
_K_SOS: Final = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621),
)
_OFFSET_DB: Final = -0.691
_CHUNK: Final = 48
_CHUNKS: Final = BLOCK_FRAMES // _CHUNK
#: Meters work this many blocks at once, because a call of numpy costs more than ten blocks' arithmetic.
BATCH: Final = 10
_TAPS: Final = 24
#: As `max` and `min` without numpy's detour through Python.
_highest, _lowest = np.maximum.reduce, np.minimum.reduce


def decibels(amplitude_ratio: float) -> float:
    """Return 20·log10 of a non-negative ratio, `SILENT_DB` at the least."""
    return max(20.0 * math.log10(amplitude_ratio), SILENT_DB) if amplitude_ratio > 0.0 else SILENT_DB


def amplitude(level_db: float) -> float:
    """Return the amplitude ratio of `level_db`."""
    return math.pow(10.0, level_db / 20.0)


def lufs(energy: float) -> float:
    """Return the loudness of a K-weighted `energy` (mean squares summed over the channels)."""
    return max(10.0 * math.log10(energy) + _OFFSET_DB, SILENT_DB) if energy > 0.0 else SILENT_DB


class KWeighting:
    """The K filter with its state; `energy` takes consecutive 10 ms blocks of one signal.

    A state-space form in chunks of 48 samples, as matrix products: as fast as a compiled filter, and
    without the two seconds that importing `scipy.signal` would add to a restart.
    """

    def __init__(self) -> None:
        *across_a_chunk, carry = _state_space(_K_SOS, _CHUNK)
        # What comes in has no more digits; the state, which goes on from chunk to chunk, has them all.
        self._response, self._from_state, self._to_state = (m.astype(np.float32) for m in across_a_chunk)
        self._state = np.zeros((len(carry), CHANNELS))
        self._along, self._across = _run(carry, _CHUNKS)
        self._from_block, self._from_blocks = _run(np.linalg.matrix_power(carry, _CHUNKS), BATCH)

    def energies(self, blocks: npt.NDArray[np.floating]) -> list[float]:
        """Return the K-weighted mean square of each of n ≤ `BATCH` blocks (n · 480, 2), channels summed."""
        count, order = len(blocks) // BLOCK_FRAMES, len(self._state)
        # (block, chunk, sample, channel) -> (sample, chunk · block · channel), both channels as one number.
        pairs = np.ascontiguousarray(blocks, np.float32).view(np.complex64).reshape(count, _CHUNKS, _CHUNK)
        columns = np.ascontiguousarray(pairs.transpose(2, 1, 0)).reshape(_CHUNK, -1).view(np.float32)
        inflow = _turned(self._to_state @ columns, order, _CHUNKS, _CHUNKS * order).astype(np.float64)
        states = self._across @ inflow
        # (order, block · channel) -> (block · order, channel): what each block adds to the state at its end.
        ends = _turned(states[-order:], order, count, count * order)
        rows = (count + 1) * order
        starts = self._from_block[:rows] @ self._state + self._from_blocks[:rows, : count * order] @ ends
        self._state = starts[-order:]
        states += self._along @ _turned(starts[:-order], count, order, order)
        weighted = self._response @ columns
        weighted += self._from_state @ _turned(states[:-order].astype(np.float32), _CHUNKS, order, order)
        weighted *= weighted
        each = weighted.sum(axis=0).reshape(_CHUNKS, count, CHANNELS).sum(axis=(0, 2), dtype=np.float64)
        mean: list[float] = (each / BLOCK_FRAMES).tolist()
        return mean

    def energy(self, block: npt.NDArray[np.floating]) -> float:
        """Return the mean square of the K-weighted `block` (480, 2), summed over the channels."""
        return self.energies(block)[0]


def _turned(matrix: npt.NDArray[Any], outer: int, inner: int, rows: int) -> npt.NDArray[Any]:
    """Return what lies as (outer, inner, rest) in order (inner, outer, rest), as a matrix of `rows`."""
    return matrix.reshape(outer, inner, -1).transpose(1, 0, 2).reshape(rows, -1)


def _run(
    carry: npt.NDArray[np.float64], steps: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what makes all states of `steps` steps at once, of the first state and of the inflow of each.

    States (steps + 1, order) = first ((steps + 1) · order, order) @ state
    + second ((steps + 1) · order, steps · order) @ inflow.
    """
    order = len(carry)
    powers = [np.linalg.matrix_power(carry, n) for n in range(steps + 1)]
    across = np.zeros((steps + 1, order, steps, order))
    for k in range(1, steps + 1):
        for j in range(k):
            across[k, :, j] = powers[k - 1 - j]
    return np.concatenate(powers), across.reshape((steps + 1) * order, steps * order)


def _state_space(
    sos: Sequence[Sequence[float]], chunk: int
) -> tuple[
    npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]
]:
    """Return the matrices that run second-order sections (b0 b1 b2 1 a1 a2) over `chunk` samples at once.

    Output = first (chunk, chunk) @ input + second (chunk, order) @ state;
    next state = third (order, chunk) @ input + fourth (order, order) @ state.
    """
    order = 2 * len(sos)

    def run(state: npt.NDArray[np.float64], x: float) -> float:
        """One sample through the cascade (transposed direct form II); changes `state` in place."""
        for i, (b0, b1, b2, _, a1, a2) in enumerate(sos):
            y = b0 * x + state[2 * i]
            state[2 * i] = b1 * x - a1 * y + state[2 * i + 1]
            state[2 * i + 1] = b2 * x - a2 * y
            x = y
        return x

    response, to_state = np.zeros((chunk, chunk)), np.zeros((order, chunk))
    from_state, carry = np.zeros((chunk, order)), np.zeros((order, order))
    for k in range(order):
        state = np.eye(order)[k]
        from_state[:, k] = [run(state, 0.0) for _ in range(chunk)]
        carry[:, k] = state
    for k in range(chunk):
        state = np.zeros(order)
        response[:, k] = [run(state, float(n == k)) for n in range(chunk)]
        to_state[:, k] = state
    return response, from_state, to_state, carry


class _Batch:
    """Up to `BATCH` blocks that wait for their turn."""

    __slots__ = ("_blocks", "count")

    def __init__(self) -> None:
        self._blocks = np.empty((BATCH * BLOCK_FRAMES, CHANNELS), np.float32)
        self.count = 0

    def add(self, block: npt.NDArray[np.floating]) -> bool:
        """Copy a block (480, 2); return whether that was the last that fits."""
        start = self.count * BLOCK_FRAMES
        self._blocks[start : start + BLOCK_FRAMES] = block
        self.count += 1
        return self.count == BATCH

    def take(self) -> npt.NDArray[np.float32]:
        """Return what waits, (count · 480, 2), valid until the next `add`."""
        waiting = self._blocks[: self.count * BLOCK_FRAMES]
        self.count = 0
        return waiting


class LoudnessMeter:
    """Loudness of the last `window_s`: 0.4 s is BS.1770's *momentary*, 3 s its *short-term* loudness."""

    def __init__(self, window_s: float = 0.4) -> None:
        self._filter = KWeighting()
        self._energies: deque[float] = deque(maxlen=round(window_s / BLOCK_S))
        self._batch = _Batch()

    def push(self, block: npt.NDArray[np.floating]) -> bool:
        """Take the next 10 ms block (480, 2); return whether `BATCH` blocks were measured with it."""
        if not self._batch.add(block):
            return False
        self._measure()
        return True

    @property
    def full(self) -> bool:
        """The window has been heard whole."""
        return len(self._energies) + self._batch.count >= round(self._energies.maxlen or 0)

    @property
    def lufs(self) -> float:
        """Loudness of the window (of what came so far, if less) in LUFS, `SILENT_DB` for silence."""
        self._measure()
        return lufs(math.fsum(self._energies) / len(self._energies)) if self._energies else SILENT_DB

    def _measure(self) -> None:
        if self._batch.count:
            self._energies.extend(self._filter.energies(self._batch.take()))


class PeakDetector:
    """True peak of consecutive blocks, 4 × oversampled (BS.1770-5 annex 2).

    The interpolator looks 12 samples ahead, so a peak between the last 12 samples of a block counts for the
    next one.
    """

    def __init__(self) -> None:
        # Windowed sinc at ¼, ½ and ¾ of a sample; the samples themselves are the fourth phase.
        offsets = np.arange(_TAPS) - (_TAPS / 2 - 1)
        between = np.array([0.25, 0.5, 0.75])
        distance = offsets[:, None] - between
        window = np.i0(6.0 * np.sqrt(np.maximum(1.0 - (distance / (_TAPS / 2)) ** 2, 0.0))) / np.i0(6.0)
        self._filter = (np.sinc(distance) * window).astype(np.float32)
        #: The most that a point between samples of at most 1 can be.
        self._most = float(np.abs(self._filter).sum(axis=0).max())
        # What lies between differs from a sample by so much of the steps around it: the filter's tails.
        before = self._filter[: _TAPS // 2 - 1].cumsum(axis=0)
        after = self._filter[::-1][: _TAPS // 2].cumsum(axis=0)
        self._most_of_steps = float((np.abs(before).sum(axis=0) + np.abs(after).sum(axis=0)).max())
        self._most_of_all = 1.0 + float(np.abs(self._filter.sum(axis=0) - 1.0).max())
        self._past = np.zeros((_TAPS - 1, CHANNELS), np.float32)
        self._past_peak = 0.0

    def push(self, block: npt.NDArray[np.float32], matters: float = 0.0) -> float:
        """Return the true peak (linear) of the next block (n, 2).

        Args:
            block: the samples.
            matters: where the true peak is certain to be no more than this, the samples' own is returned.
        """
        sampled = max(float(_highest(block, axis=None)), -float(_lowest(block, axis=None)))
        past, past_peak = self._past, self._past_peak
        self._past, self._past_peak = block[-(_TAPS - 1) :].copy(), sampled
        if max(sampled, past_peak) * self._most <= matters:
            return sampled
        joined = np.concatenate((past, block))
        steps = joined[1:] - joined[:-1]
        step = max(float(_highest(steps, axis=None)), -float(_lowest(steps, axis=None)))
        if max(sampled, past_peak) * self._most_of_all + step * self._most_of_steps <= matters:
            return sampled
        windows = np.lib.stride_tricks.sliding_window_view(joined, _TAPS, axis=0).reshape(-1, _TAPS)
        between = windows @ self._filter
        return max(float(between.max()), -float(between.min()), sampled)


class PeakMeter:
    """The highest true peak since it was last read."""

    def __init__(self) -> None:
        self._detector = PeakDetector()
        self._batch = _Batch()
        self._peak = 0.0

    def push(self, block: npt.NDArray[np.float32]) -> None:
        """Take the next 10 ms block (480, 2)."""
        if self._batch.add(block):
            self._measure()

    def take(self) -> float:
        """Return the highest true peak (linear) since the last call."""
        self._measure()
        peak, self._peak = self._peak, 0.0
        return peak

    def _measure(self) -> None:
        if self._batch.count:
            self._peak = max(self._peak, self._detector.push(self._batch.take(), self._peak))
