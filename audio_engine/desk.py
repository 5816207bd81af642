"""What an instrument or a soundscape is built on: smooth parameters, trigger lines, tables, seeds.

Every continuous parameter is a `SigTo` made at build; notes are triggered by single samples written into
a table that is read once a block, so that they start exactly where the conductor put them. A voice that
does not sound sleeps: its pyo objects are stopped and cost nothing.
"""

from __future__ import annotations

import ctypes
import heapq
import itertools
import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.messages import BLOCK_FRAMES, RATE_HZ
from audio_engine.noise import WHOLE, Band, Noises
from therapy.controls import Controls

__all__ = [
    "BED",
    "BUSSES",
    "PLACE",
    "SEND",
    "Desk",
    "Instrument",
    "Soundscape",
    "Trigger",
    "Voice",
    "frequency_hz",
]

#: The server's output channels: the music, left and right, which stays with the head; what goes into the
#: reverb; and the sounds of the place in first-order ambisonics (W, Y, Z, X), which stay where they are.
BED: Final = 0
SEND: Final = 2
PLACE: Final = 3
BUSSES: Final = 7


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


class _Line:
    """480 samples that are played once, in the next block, and the pyo object that plays them."""

    __slots__ = ("_table", "samples", "signal")

    def __init__(self) -> None:
        self._table, self.samples = _shared_table()
        self.signal = _played(self._table)


def _shared_table(blocks: int = 1) -> tuple[Any, npt.NDArray[np.float32]]:
    """Return a pyo table of 480 samples or some blocks of them, and its memory."""
    table = pyo.DataTable(BLOCK_FRAMES * blocks)
    # pyo's own view does not keep the table alive, and crashes when it goes after it: take the address.
    address = int(np.asarray(table.getBuffer()).ctypes.data)
    shared = (ctypes.c_float * (BLOCK_FRAMES * blocks)).from_address(address)
    return table, np.ctypeslib.as_array(shared)


def _played(tables: Any, blocks: int = 1) -> Any:
    """Return the pyo object that plays tables of 480 samples, each once a block, or of some blocks."""
    # What is stopped stops between blocks, so it never slips. An `Osc` takes its step before it reads: begun
    # one sample early, it begins with the first; half of one, so that no rounding makes it the one before.
    size = BLOCK_FRAMES * blocks
    return pyo.Osc(tables, freq=RATE_HZ / size, phase=1.0 - 0.5 / size, interp=1)


class Trigger(NamedTuple):
    """One voice's trigger: a number on a line."""

    line: _Line
    number: int


class Voice:
    """What one voice of an instrument is made of; asleep until `Desk.wake`.

    Args:
        objects: pyo's base objects.

    Attributes:
        until_s: when it may fall asleep.
    """

    __slots__ = ("__weakref__", "_awake", "_objects", "until_s")

    def __init__(self, objects: list[Any]) -> None:
        self._objects = objects
        self.until_s = -math.inf
        self._awake = True
        self.sleep()

    @property
    def objects(self) -> list[Any]:
        """Its pyo base objects."""
        return list(self._objects)

    def wake(self) -> None:
        """Make its objects work."""
        if not self._awake:
            self._awake = True
            for each in self._objects:
                each.play()

    def sleep(self) -> None:
        """Stop its objects, which must be silent."""
        if self._awake:
            self._awake = False
            for each in self._objects:
                each.stop()


class _Glide(pyo.SigTo):  # type: ignore[misc]  # pyo has no types
    """A `SigTo` whose value is set without pyo's search for lists and formulas."""

    _value: float

    def setValue(self, x: float) -> None:  # noqa: N802  # pyo's name
        """Go to `x`."""
        if x != self._value:
            self._value = x
            for each in self._base_objs:
                each.setValue(x)


class Desk:
    """The engine's side of a build.

    Args:
        server: the pyo server.
        seed: of `rng`.

    Attributes:
        rng: for whatever is drawn while building.
        now_s: time since the engine started, as of the newest `begin`.
    """

    def __init__(self, server: Any, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._noises = Noises(float(np.random.default_rng([seed, 1]).random()))
        self.now_s = 0.0
        self._lift = self.glide(0.0, 0.02)
        self._lift_gain = self.glide(1.0, 0.02)
        self._server = server
        self._fired: list[_Line] = []
        self._order = itertools.count()
        self._dozing: list[tuple[float, int, weakref.ref[Voice]]] = []
        self._claimed: list[Voice] = []
        self._each_block: list[weakref.WeakMethod[Callable[[], None]]] = []

    def begin(self, now_s: float) -> None:
        """Begin the block at `now_s`: the last one's triggers are gone, silent voices fall asleep."""
        self.now_s = now_s
        for line in self._fired:
            line.samples[:] = 0.0
        self._fired.clear()
        while self._dozing and self._dozing[0][0] < now_s:
            voice = heapq.heappop(self._dozing)[2]()
            if voice is not None and voice.until_s < now_s:
                voice.sleep()

    def fill(self) -> None:
        """Let everybody set their lines: after what happens in a block is known, before pyo makes it."""
        for each in self._each_block:
            method = each()
            if method is not None:
                method()

    def each_block(self, method: Callable[[], None]) -> None:
        """Call the bound `method` in each `fill`, for as long as its object lives."""
        self._each_block = [known for known in self._each_block if known() is not None]
        self._each_block.append(weakref.WeakMethod(method))

    def voices(self, *objects: Any) -> list[Voice]:
        """Return the voices of what has a stream for each of them; they sleep until `wake`.

        What belongs to a stream, its trigger at the end and the fader of its input, goes with it.

        Args:
            *objects: pyo objects of as many streams as there are voices, or lists of such objects.
        """
        parts = []
        for each in objects:
            if isinstance(each, list):
                parts.append([base for one in each for base in one.getBaseObjects()])
                continue
            parts.append(each.getBaseObjects())
            if isinstance(each, pyo.TrigEnv):
                parts.append(each["trig"].getBaseObjects())
                parts.append(each._in_fader.getBaseObjects())  # noqa: SLF001  # pyo tells nobody of it
        made = [Voice(list(group)) for group in zip(*parts, strict=True)]
        self._claimed += made
        return made

    def wake(self, voice: Voice, until_s: float) -> None:
        """Let `voice` sound from this block on until `until_s` (∞: until it is told again)."""
        voice.until_s = until_s
        voice.wake()
        if until_s < math.inf:
            heapq.heappush(self._dozing, (until_s, next(self._order), weakref.ref(voice)))

    def line(self) -> tuple[npt.NDArray[np.float32], Any]:
        """Return samples (480,) to be set before each block, and the pyo object that plays them.

        The samples are not to be touched once that object is gone.
        """
        line = _Line()
        return line.samples, line.signal

    def rounds(self, count: int, blocks: int) -> tuple[list[npt.NDArray[np.float32]], Any]:
        """Return `count` times samples (480 · blocks,) and the pyo object, as many streams, that plays them.

        It goes round and round, a block at a time, but for the blocks in which it is stopped.
        """
        tables, samples = zip(*(_shared_table(blocks) for _ in range(count)), strict=True)
        return list(samples), _played(list(tables), blocks)

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
        return _Glide(value, time=seconds, init=value)

    def noise(self, colour: str, gains: Sequence[float] = (1.0,), band: Band = WHOLE) -> Any:
        """Return independent noises, one stream for each of `gains`, as loud as pyo's own.

        Args:
            colour: `"pink"`, `"brown"` or `"white"`.
            gains: of each stream.
            band: what of it is left, by filters that never change and so cost nothing.
        """
        return self._noises.read(colour, gains, band)

    def claimed_loops(self) -> list[Any]:
        """Return the loops of the noises made since the last call: hold them as long as those sound."""
        return self._noises.claimed()

    def make_loops_later(self) -> None:
        """From now on leave new noises silent until `make_loop` has made their loops."""
        self._noises.patient = True

    def make_loop(self) -> bool:
        """Make one loop (2 to 6 ms) that a noise waits for; return whether one did."""
        return self._noises.make_one()

    def prepare(self) -> None:
        """Make what would take long while it plays."""
        self._noises.prepare()

    def triggers(self, count: int) -> tuple[list[Trigger], Any]:
        """Return `count` triggers for `fire`, and the pyo object (as many streams) that carries them.

        They share one line, on which each is a number.
        """
        line = _Line()
        numbers = list(range(1, count + 1))
        return [Trigger(line, number) for number in numbers], pyo.Select(line.signal, numbers)

    def fire(self, trigger: Trigger, offset_s: float) -> None:
        """Pull `trigger` `offset_s` into the coming block, or a sample later if another is there."""
        samples = trigger.line.samples
        at = min(int(offset_s * RATE_HZ + 0.5), BLOCK_FRAMES - 1)
        taken = np.flatnonzero(samples[at:] == 0.0)
        free = at + int(taken[0]) if taken.size else at
        samples[free] = trigger.number
        self._fired.append(trigger.line)

    def claimed_voices(self) -> list[Voice]:
        """Return the voices that were made since the last call."""
        claimed, self._claimed = self._claimed, []
        return claimed

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
