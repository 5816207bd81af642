"""What an instrument or a soundscape is built on: smooth parameters, trigger lines, tables, seeds.

Every continuous parameter is a `SigTo` made at build; notes are triggered by single samples written into
the server's input channels, so that they start exactly where the conductor put them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.messages import BLOCK_FRAMES, RATE_HZ
from therapy.controls import Controls

__all__ = ["Desk", "Instrument", "Soundscape", "frequency_hz"]


def frequency_hz(midi_note: float) -> float:
    """Return the frequency of a MIDI note (69 is 440 Hz), equal temperament."""
    return float(440.0 * 2.0 ** ((midi_note - 69.0) / 12.0))


class Instrument(Protocol):
    """A voice of the music, built once."""

    @property
    def sound(self) -> Any:
        """The dry sound, a pyo object of two streams (left, right)."""
        ...

    @property
    def reverb_send(self) -> float:
        """Share of the dry sound that goes into the room, 0 … 1."""
        ...

    def start(self, onset: Onset) -> bool:
        """Play a note of this block; return whether a new sound starts (not for a tied note)."""
        ...

    def release(self, note: Note) -> None:
        """Let a note go."""
        ...

    def steer(self, controls: Controls) -> None:
        """Follow the controls, without clicks. Called at most every 10 ms."""
        ...


class Soundscape(Protocol):
    """A nature sound, built once."""

    @property
    def sound(self) -> Any:
        """The sound, a pyo object of two streams (left, right)."""
        ...

    @property
    def lufs(self) -> float:
        """About how loud the dry sound is as steered now, LUFS; the master listens and corrects."""
        ...

    def steer(self, controls: Controls) -> None:
        """Follow the controls, without clicks. Called at most every 10 ms."""
        ...


class Desk:
    """The engine's side of a build.

    Args:
        lines: the server's input buffer (480, number of lines); the engine clears it before each block.
        seed: of `rng`.

    Attributes:
        rng: for whatever is drawn while building.
        lift: pyo signal −1 (exhaled) … 1 (inhaled), scaled by the swell control.
        lift_gain: the same as a gain for music, about ± 4 dB at full swell.
        now_s: time since the engine started, set by the engine before each block.
    """

    def __init__(self, lines: npt.NDArray[np.float32], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.now_s = 0.0
        self.lift = self.glide(0.0, 0.02)
        self.lift_gain = self.glide(1.0, 0.02)
        self._lines = lines
        self._used = 0

    def glide(self, value: float, seconds: float) -> Any:
        """Return a `SigTo` at `value` that takes `seconds` to a new `.value`."""
        return pyo.SigTo(value, time=seconds, init=value)

    def trigger_lines(self, count: int) -> tuple[list[int], Any]:
        """Return `count` free lines and the pyo object (as many streams) that carries their triggers."""
        lines = list(range(self._used, self._used + count))
        self._used += count
        return lines, pyo.Input(chnl=lines)

    def fire(self, line: int, offset_s: float) -> None:
        """Put one trigger on `line`, `offset_s` into the coming block."""
        self._lines[min(int(offset_s * RATE_HZ + 0.5), BLOCK_FRAMES - 1), line] = 1.0

    def table(self, samples: npt.ArrayLike) -> Any:
        """Return a pyo table of `samples` (n,)."""
        values = np.asarray(samples, np.float32)
        table = pyo.DataTable(len(values))
        buffer = np.asarray(table.getBuffer())
        buffer[: len(values)] = values
        return table

    def harmonics(self, amplitudes: Sequence[float]) -> Any:
        """Return one cycle of the harmonics with these amplitudes, peak 1, as a pyo table."""
        return pyo.HarmTable([float(a) for a in amplitudes]).normalize()
