"""The closest patch for SuperCollider's `scsynth`: a SynthDef written by hand, a score, and its rendering.

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
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["Wire", "graph_bytes", "patch", "render_cpu_s"]

_AUDIO: Final = 2
_RATE_HZ: Final = 48_000
_TIMEOUT_S: Final = 120.0


@dataclasses.dataclass(frozen=True, slots=True)
class Wire:
    """One output of a unit generator."""

    unit: int
    output: int = 0


class Graph:
    """Builds a SynthDef: units in the order of their making; a number is a constant."""

    def __init__(self) -> None:
        self._constants: list[float] = []
        self._units: list[bytes] = []

    def unit(self, name: str, *inputs: float | Wire, outputs: int = 1, special: int = 0) -> Wire:
        """Add an audio-rate unit generator; return its first output."""
        wires = b"".join(self._input(value) for value in inputs)
        head = _text(name) + struct.pack(">bIIh", _AUDIO, len(inputs), outputs, special)
        self._units.append(head + wires + bytes([_AUDIO]) * outputs)
        return Wire(len(self._units) - 1)

    def multiply(self, a: float | Wire, b: float | Wire) -> Wire:
        return self.unit("BinaryOpUGen", a, b, special=2)

    def add(self, a: float | Wire, b: float | Wire) -> Wire:
        return self.unit("BinaryOpUGen", a, b, special=0)

    def total(self, wires: Sequence[Wire]) -> Wire:
        result = wires[0]
        for wire in wires[1:]:
            result = self.add(result, wire)
        return result

    def _input(self, value: float | Wire) -> bytes:
        if isinstance(value, Wire):
            return struct.pack(">ii", value.unit, value.output)
        if value not in self._constants:
            self._constants.append(value)
        return struct.pack(">ii", -1, self._constants.index(value))

    def file(self, name: str) -> bytes:
        """Return the definition file's bytes (version 2, one definition without parameters)."""
        constants = struct.pack(">I", len(self._constants)) + b"".join(
            struct.pack(">f", value) for value in self._constants
        )
        units = struct.pack(">I", len(self._units)) + b"".join(self._units)
        body = _text(name) + constants + struct.pack(">II", 0, 0) + units + struct.pack(">h", 0)
        return b"SCgf" + struct.pack(">ih", 2, 1) + body


def patch() -> Graph:
    """Return the closest to our engine's usual palette: the same parts with the same numbers of oscillators.

    Pad: 8 voices of 4 wavetables, filtered per side (a 4-pole low-pass that is swept); drone: 4 voices of 2;
    bells: 10 voices of 3 partial groups, struck again and again; pulse; sea and wind of filtered noise;
    a reverb; a limiter per side.
    """
    g = Graph()
    sides: list[Wire] = []
    for side in (0, 1):
        pads = [
            g.multiply(g.unit("Saw", 110.0 * (1.0 + 0.25 * voice) * detune), 0.05)
            for voice in range(8)
            for detune in (0.997 + 0.003 * side, 1.002 + 0.002 * side)
        ]
        sweep = g.add(g.multiply(g.unit("SinOsc", 0.05, 0.4 * side), 300.0), 900.0)
        pad = g.unit("RLPF", g.unit("RLPF", g.total(pads), sweep, 1.6), sweep, 1.6)
        drone = g.total([g.multiply(g.unit("SinOsc", 55.0 * (1 + v), 0.17 * side), 0.06) for v in range(4)])
        bells = []
        for voice in range(5):
            struck = g.unit("Impulse", 0.3 + 0.07 * voice, 0.1 * voice)
            for ratio, ring_s in ((1.0, 3.0), (2.0, 1.6), (2.756, 0.25)):
                ring = g.unit("Decay2", struck, 0.01, ring_s)
                tone = g.unit("SinOsc", 440.0 * ratio * (1.0 + 0.12 * voice), 0.0)
                bells.append(g.multiply(g.multiply(tone, ring), 0.05))
        swash = g.unit("LPF", g.unit("PinkNoise"), sweep)
        foam = g.multiply(g.unit("LPF", g.unit("HPF", g.unit("PinkNoise"), 1800.0), 5200.0), 0.1)
        body = g.unit("LPF", g.unit("HPF", g.unit("BrownNoise"), 38.0), 170.0)
        wind = g.unit("RLPF", g.unit("PinkNoise"), sweep, 0.5)
        sides.append(g.total([pad, drone, g.total(bells), swash, foam, body, g.multiply(wind, 0.3)]))
    pulse = g.multiply(g.unit("SinOsc", 110.0, 0.0), g.unit("Decay2", g.unit("Impulse", 1.0, 0.0), 0.01, 0.9))
    wet = g.unit("FreeVerb2", *sides, 0.35, 0.8, 0.5, outputs=2)
    finished = [
        g.unit("Limiter", g.multiply(g.add(Wire(wet.unit, side), g.multiply(pulse, 0.3)), 0.2), 0.79, 0.01)
        for side in (0, 1)
    ]
    g.unit("Out", 0.0, *finished, outputs=0)
    return g


def graph_bytes() -> bytes:
    """Return the patch as a definition file."""
    return patch().file("stillwater")


def render_cpu_s(seconds: float) -> float | None:
    """Return the processor time that `scsynth` needs for `seconds` of the patch; `None` if not installed."""
    program = shutil.which("scsynth")
    if program is None:
        return None
    with tempfile.TemporaryDirectory(prefix="stillwater-") as folder:
        score, sound = Path(folder) / "score.osc", Path(folder) / "sound.wav"
        score.write_bytes(_score(seconds))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(  # found on this machine's path
            [
                program,
                "-N",
                str(score),
                "_",
                str(sound),
                str(_RATE_HZ),
                "WAV",
                "float",
                "-o",
                "2",
                "-z",
                "480",
            ],
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0 or not sound.exists() or sound.stat().st_size < seconds * _RATE_HZ * 8:
            raise OSError(f"scsynth must render {seconds:g} s, said: {done.stdout[-200:]!r}")
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def _score(seconds: float) -> bytes:
    bundles = [
        (0.0, _osc("/d_recv", "b", graph_bytes())),
        (0.0, _osc("/s_new", "siii", b"stillwater", 1000, 0, 0)),
        (seconds, _osc("/c_set", "ii", 0, 0)),
    ]
    parts = []
    for at_s, message in bundles:
        stamp = struct.pack(">Q", round(at_s * 2**32))
        bundle = b"#bundle\0" + stamp + struct.pack(">I", len(message)) + message
        parts.append(struct.pack(">I", len(bundle)) + bundle)
    return b"".join(parts)


def _osc(address: str, tags: str, *values: bytes | int) -> bytes:
    out = _padded(address.encode() + b"\0") + _padded(b"," + tags.encode() + b"\0")
    for tag, value in zip(tags, values, strict=True):
        if isinstance(value, int):
            out += struct.pack(">i", value)
        elif tag == "s":
            out += _padded(value + b"\0")
        else:
            out += struct.pack(">i", len(value)) + _padded(value)
    return out


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()
