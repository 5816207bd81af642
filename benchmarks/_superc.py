"""scsynth's non-real-time renderer: SynthDefs, scores and what their rendering costs.

The binary formats are those of SuperCollider's reference (*Synth Definition File Format*, version 2, and the
non-real-time score: length-prefixed OSC bundles).
"""

from __future__ import annotations

import dataclasses
import resource
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

__all__ = ["AUDIO", "CONTROL", "SCALAR", "Graph", "Message", "Wire", "render_cpu_s"]

#: Rates at which units work: once, once a block, each sample.
SCALAR: Final = 0
CONTROL: Final = 1
AUDIO: Final = 2
_RATE_HZ: Final = 48_000
_BLOCK: Final = 480
_TIMEOUT_S: Final = 120.0
_FRAME_BYTES: Final = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Wire:
    """One output of a unit generator, and its rate."""

    unit: int
    output: int = 0
    rate: int = AUDIO


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """An OSC message of a score, at `at_s`."""

    at_s: float
    address: str
    values: tuple[float | int | str | bytes, ...]


class Graph:
    """Builds a SynthDef: units in the order of their making; a number is a constant.

    Args:
        name: of the definition.
        slow: rate of what moves slowly: `CONTROL`, or `AUDIO` as pyo does it.
        parameters: names and first values of what a synth is told once, when it begins.
    """

    def __init__(self, name: str, slow: int = CONTROL, **parameters: float) -> None:
        self.slow = slow
        self.name = name
        self._parameters = parameters
        self._constants: list[float] = []
        self._units: list[bytes] = []
        if parameters:
            self.unit("Control", rate=SCALAR, outputs=len(parameters))
        self._places = list(parameters)

    def parameter(self, name: str) -> Wire:
        """Return the wire of one of the parameters."""
        return Wire(0, self._places.index(name), SCALAR)

    def unit(
        self, name: str, *inputs: float | Wire, rate: int = AUDIO, outputs: int = 1, special: int = 0
    ) -> Wire:
        """Add a unit generator; return its first output."""
        wires = b"".join(self._input(value) for value in inputs)
        head = _text(name) + struct.pack(">bIIh", rate, len(inputs), outputs, special)
        self._units.append(head + wires + bytes([rate]) * outputs)
        return Wire(len(self._units) - 1, 0, rate)

    def both(self, name: str, *inputs: float | Wire, **options: int) -> tuple[Wire, Wire]:
        """Add a unit generator of two outputs."""
        first = self.unit(name, *inputs, outputs=2, **options)
        return first, dataclasses.replace(first, output=1)

    def multiply(self, a: float | Wire, b: float | Wire) -> Wire:
        return self.unit("BinaryOpUGen", a, b, special=2, rate=max(_rate(a), _rate(b)))

    def add(self, a: float | Wire, b: float | Wire) -> Wire:
        return self.unit("BinaryOpUGen", a, b, special=0, rate=max(_rate(a), _rate(b)))

    def subtract(self, a: float | Wire, b: float | Wire) -> Wire:
        return self.unit("BinaryOpUGen", a, b, special=1, rate=max(_rate(a), _rate(b)))

    def fit(self, x: Wire, gain: float | Wire, offset: float | Wire) -> Wire:
        """Return `x` · `gain` + `offset`, the one unit that SuperCollider's own compiler makes of it."""
        return self.unit("MulAdd", x, gain, offset, rate=x.rate)

    def envelope(self, rate: int, seconds: float | Wire, *segments: tuple[float, float, float]) -> Wire:
        """Return an envelope from 0 that frees its synth at its end.

        Args:
            rate: how often it is computed.
            seconds: by what the times of the segments are multiplied.
            *segments: each one's goal, time and curve (0: straight).
        """
        nodes = [0.0, float(len(segments)), -99.0, -99.0]
        for goal, lasts, curve in segments:
            nodes += [goal, lasts, 5.0 if curve else 1.0, curve]
        return self.unit("EnvGen", 1.0, 1.0, 0.0, seconds, 2.0, *nodes, rate=rate)

    def file(self) -> bytes:
        """Return the definition file's bytes (version 2)."""
        constants = struct.pack(">I", len(self._constants)) + _floats(self._constants)
        values = struct.pack(">I", len(self._parameters)) + _floats(self._parameters.values())
        names = struct.pack(">I", len(self._parameters)) + b"".join(
            _text(name) + struct.pack(">I", place) for place, name in enumerate(self._parameters)
        )
        units = struct.pack(">I", len(self._units)) + b"".join(self._units)
        body = _text(self.name) + constants + values + names + units + struct.pack(">h", 0)
        return b"SCgf" + struct.pack(">ih", 2, 1) + body

    def _input(self, value: float | Wire) -> bytes:
        if isinstance(value, Wire):
            return struct.pack(">ii", value.unit, value.output)
        if value not in self._constants:
            self._constants.append(value)
        return struct.pack(">ii", -1, self._constants.index(value))


def render_cpu_s(messages: Sequence[Message], seconds: float, keep: Path | None = None) -> float | None:
    """Return the processor time that `scsynth` needs for a score; `None` if it is not installed.

    Args:
        messages: what it is told, in order of time; later ones than `seconds` are left out.
        seconds: length of the sound.
        keep: where the sound (WAV, stereo, float) is to stay.

    Raises:
        OSError: it did not make that much sound.
    """
    program = shutil.which("scsynth")
    if program is None:
        return None
    with tempfile.TemporaryDirectory(prefix="stillwater-") as folder:
        score, sound = Path(folder) / "score.osc", keep or Path(folder) / "sound.wav"
        score.write_bytes(_score(messages, seconds))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        files = ("-N", str(score), "_", str(sound), str(_RATE_HZ), "WAV", "float")
        done = subprocess.run(  # found on this machine's path
            [program, *files, "-o", "2", "-z", str(_BLOCK), "-V", "-1"],
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = done.stdout + done.stderr
        wrong = [line for line in said.splitlines() if b"FAILURE" in line]
        short = not sound.exists() or sound.stat().st_size < seconds * _RATE_HZ * _FRAME_BYTES
        if done.returncode != 0 or short or wrong:
            raise OSError(f"scsynth must render {seconds:g} s, said: {(wrong or [said[-200:]])[0]!r}")
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def _score(messages: Sequence[Message], seconds: float) -> bytes:
    parts = []
    for message in [*(m for m in messages if m.at_s < seconds), Message(seconds, "/c_set", (0, 0.0))]:
        data = _osc(message.address, message.values)
        stamp = struct.pack(">Q", round(message.at_s * 2**32))
        bundle = b"#bundle\0" + stamp + struct.pack(">I", len(data)) + data
        parts.append(struct.pack(">I", len(bundle)) + bundle)
    return b"".join(parts)


def _osc(address: str, values: Sequence[float | int | str | bytes]) -> bytes:
    tags, body = ",", b""
    for value in values:
        if isinstance(value, str):
            tags, body = tags + "s", body + _padded(value.encode() + b"\0")
        elif isinstance(value, bytes):
            tags, body = tags + "b", body + struct.pack(">i", len(value)) + _padded(value)
        elif isinstance(value, int):
            tags, body = tags + "i", body + struct.pack(">i", value)
        else:
            tags, body = tags + "f", body + struct.pack(">f", value)
    return _padded(address.encode() + b"\0") + _padded(tags.encode() + b"\0") + body


def _rate(value: float | Wire) -> int:
    return value.rate if isinstance(value, Wire) else SCALAR


def _floats(values: Iterable[float]) -> bytes:
    return b"".join(struct.pack(">f", value) for value in values)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()
