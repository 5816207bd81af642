"""What an instrument or a soundscape is built on: smooth parameters, trigger lines, tables, seeds.

Every continuous parameter is a `SigTo` made at build; notes are triggered by single samples written into
the server's input channels, so that they start exactly where the conductor put them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.errors import BadPalette
from audio_engine.messages import BLOCK_FRAMES, RATE_HZ
from audio_engine.noise import Noises
from therapy.controls import Controls

__all__ = [
    "BED",
    "BUSSES",
    "LINES",
    "PLACE",
    "SEND",
    "Desk",
    "Instrument",
    "Soundscape",
    "Trigger",
    "frequency_hz",
]

#: The server's output channels: the music, left and right, which stays with the head; what goes into the
#: reverb; and the sounds of the place in first-order ambisonics (W, Y, Z, X), which stay where they are.
BED: Final = 0
SEND: Final = 2
PLACE: Final = 3
BUSSES: Final = 7
#: Its input channels: a line of triggers for each struck instrument of two palettes, and the reverb's input.
LINES: Final = 17


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
    """A sound of a place, built once, as loud as its spec declares."""

    @property
    def sound(self) -> Any:
        """The sound, a pyo object of two streams (left, right)."""
        ...

    def steer(self, controls: Controls) -> None:
        """Follow the controls, without clicks; loudness is the rack's. Called at most every 10 ms."""
        ...


class Trigger(NamedTuple):
    """One voice's trigger: a number on a line."""

    line: int
    number: int


class Desk:
    """The engine's side of a build.

    Args:
        server: the pyo server.
        lines: its input buffer (480, number of lines); the engine clears it before each block.
        seed: of `rng`.

    Attributes:
        rng: for whatever is drawn while building.
        now_s: time since the engine started, set by the engine before each block.
    """

    def __init__(self, server: Any, lines: npt.NDArray[np.float32], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._noises = Noises(float(np.random.default_rng([seed, 1]).random()))
        self.now_s = 0.0
        self._lift = self.glide(0.0, 0.02)
        self._lift_gain = self.glide(1.0, 0.02)
        self._server = server
        self._lines = lines
        self._free = list(range(lines.shape[1]))
        self._claimed: list[int] = []

    @property
    def lift(self) -> Any:
        """A pyo signal of one's own: −1 (exhaled) … 1 (inhaled), scaled by the swell control.

        One's own, because a pyo object keeps alive whatever is computed from it.
        """
        return pyo.Sig(self._lift)

    @property
    def lift_gain(self) -> Any:
        """The same as a gain for music, about ± 4 dB at full swell."""
        return pyo.Sig(self._lift_gain)

    def breathe(self, lift: float, gain: float) -> None:
        """Set `lift` and `lift_gain`."""
        self._lift.value = lift
        self._lift_gain.value = gain

    def glide(self, value: float, seconds: float) -> Any:
        """Return a `SigTo` at `value` that takes `seconds` to a new `.value`."""
        return pyo.SigTo(value, time=seconds, init=value)

    def noise(self, colour: str, gains: Sequence[float] = (1.0,)) -> Any:
        """Return independent noises, one stream for each of `gains`, as loud as pyo's own.

        Args:
            colour: `"pink"`, `"brown"` or `"white"`.
            gains: of each stream.
        """
        return self._noises.read(colour, gains)

    def prepare(self) -> None:
        """Make what would take long while it plays."""
        self._noises.prepare()

    def triggers(self, count: int) -> tuple[list[Trigger], Any]:
        """Return `count` triggers for `fire`, and the pyo object (as many streams) that carries them.

        They share one line, on which each is a number: a line costs a stride of the whole input buffer.

        Raises:
            BadPalette: no more lines are free.
        """
        if not self._free:
            raise BadPalette(f"instruments that are struck must be at most {LINES - 1} at once, got one more")
        line = self._free.pop(0)
        self._claimed.append(line)
        numbers = list(range(1, count + 1))
        return [Trigger(line, number) for number in numbers], pyo.Select(pyo.Input(chnl=line), numbers)

    def fire(self, trigger: Trigger, offset_s: float) -> None:
        """Pull `trigger` `offset_s` into the coming block, or a sample later if another is there."""
        at = min(int(offset_s * RATE_HZ + 0.5), BLOCK_FRAMES - 1)
        taken = np.flatnonzero(self._lines[at:, trigger.line] == 0.0)
        free = at + int(taken[0]) if taken.size else at
        self._lines[free, trigger.line] = trigger.number

    def claimed_lines(self) -> list[int]:
        """Return the lines that were taken since the last call."""
        claimed, self._claimed = self._claimed, []
        return claimed

    def free_lines(self, lines: Sequence[int]) -> None:
        """Take back lines that nothing listens to any more."""
        self._free = sorted([*self._free, *lines])

    def streams(self) -> list[Any]:
        """Return pyo's streams of everything that was built and still lives, in the order of their making."""
        return list(self._server.getStreams())

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
