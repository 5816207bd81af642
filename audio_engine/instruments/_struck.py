"""Voices that are struck or plucked and ring out: who plays which note, and whole instruments from layers."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import Desk, Voice, frequency_hz
from therapy.controls import Controls

__all__ = ["Layer", "Ring", "StruckLayers", "StruckVoices"]

_TABLE: Final = 8192

#: A voice rests this much longer than its ring, so that nothing of it moves while it sounds.
_MARGIN_S = 0.03


class StruckVoices:
    """Gives each stroke a silent voice and triggers it to the sample.

    Args:
        desk: the desk.
        count: number of voices.

    Attributes:
        triggers: pyo object of `count` trigger streams.
        hz, ring_s, level: of each voice, as set by its newest stroke.
    """

    def __init__(self, desk: Desk, count: int) -> None:
        self._desk = desk
        self._lines, self.triggers = desk.triggers(count)
        self._free_at_s = [0.0] * count
        self.hz = [440.0] * count
        self.ring_s = [1.0] * count
        self.level = [0.0] * count
        self._voices: list[Voice] = []

    def rest(self, *objects: Any) -> None:
        """Let the voices of `objects` (`count` streams each) and their triggers sleep while silent."""
        self._voices = self._desk.voices(self.triggers, *objects)

    def strike(self, onset: Onset, ring_s: float, level: float) -> bool:
        """Strike a silent voice; the caller then sets its oscillators from `hz`, `ring_s` and `level`.

        Returns:
            False if every voice rings: the note is left out, because a voice cut short would click.
        """
        for i, free_at_s in enumerate(self._free_at_s):
            if free_at_s <= self._desk.now_s:
                self.hz[i] = frequency_hz(onset.note.midi_note)
                self.ring_s[i] = ring_s
                self.level[i] = level
                self._free_at_s[i] = self._desk.now_s + onset.offset_s + ring_s + _MARGIN_S
                if self._voices:
                    self._desk.wake(self._voices[i], self._free_at_s[i])
                self._desk.fire(self._lines[i], onset.offset_s)
                return True
        return False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A group of partials of a struck or plucked voice that fade together.

    Attributes:
        partials: amplitudes of the harmonics of `ratio` times the note's frequency.
        ratio: where an overtone is not a harmonic.
        decay: how often it falls by e within the ring, first and later: strings fade fast, then slowly.
        attack_s: time to its full level, for the longest ring.
        share: part of the ring that it lasts.
        dark, bright: its gain at no and at full brightness.
    """

    partials: Sequence[float]
    ratio: float = 1.0
    decay: tuple[float, float] = (5.5, 5.5)
    attack_s: float = 0.006
    share: float = 1.0
    dark: float = 1.0
    bright: float = 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """How long a voice rings: as long as its note, within `shortest_s` … `longest_s`, high ones shorter.

    `at_c5_s` is the most at MIDI 72; it halves with every `halving` semitones up.
    """

    shortest_s: float
    longest_s: float
    at_c5_s: float
    halving: float = 24.0

    def seconds(self, midi_note: float, duration_s: float) -> float:
        """Return the ring of a note that lasts `duration_s`."""
        most_s = self.at_c5_s * 2.0 ** ((72.0 - midi_note) / self.halving)
        return float(min(max(duration_s, self.shortest_s), self.longest_s, most_s))


class StruckLayers:
    """A whole struck or plucked instrument from its layers. Even voices lean left, odd ones right.

    Args:
        desk: the desk.
        layers: its sound; the more, the dearer: each is two streams a voice.
        ring: how long it rings.
        level: gain at velocity 1 and MIDI 72; high notes are softer by 2 dB an octave.
        voices: how many notes may ring at once.
        width: 0 both sides alike … 1 apart.

    Attributes:
        sound: left and right.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        layers: Sequence[Layer],
        ring: Ring,
        level: float,
        voices: int = 10,
        width: float = 0.4,
    ) -> None:
        self._layers, self._ring, self._level = tuple(layers), ring, level
        self._voices = StruckVoices(desk, voices)
        self._rings = [
            pyo.TrigEnv(self._voices.triggers, desk.table(_envelope(layer, ring))) for layer in layers
        ]
        self._tones = [
            pyo.Osc(desk.harmonics(layer.partials), mul=envelope)
            for layer, envelope in zip(layers, self._rings, strict=True)
        ]
        self._voices.rest(*self._rings, *self._tones)
        self._gains = [desk.glide(layer.dark, 0.4) for layer in layers]
        sides = functools.reduce(
            operator.add,
            (tone.mix(2) * gain for tone, gain in zip(self._tones, self._gains, strict=True)),
        )
        self.sound: Any = sides * width + sides.mix(1) * (0.5 * (1.0 - width))
        self._parts = (sides,)

    def start(self, onset: Onset) -> bool:
        """Strike a note."""
        note = onset.note
        ring_s = self._ring.seconds(note.midi_note, onset.duration_s)
        level = self._level * note.velocity**1.5 * 2.0 ** ((72 - note.midi_note) / 36)
        if not self._voices.strike(onset, ring_s, level):
            return False
        for layer, tone, envelope in zip(self._layers, self._tones, self._rings, strict=True):
            tone.freq = [layer.ratio * hz for hz in self._voices.hz]
            envelope.dur = [layer.share * s for s in self._voices.ring_s]
            envelope.mul = self._voices.level
        return True

    def release(self, note: Note) -> None:
        """Do nothing: it rings out by itself."""

    def steer(self, controls: Controls) -> None:
        """Bring the bright layers out with brightness."""
        for layer, gain in zip(self._layers, self._gains, strict=True):
            gain.value = layer.dark + (layer.bright - layer.dark) * controls.brightness**1.3


def _envelope(layer: Layer, ring: Ring) -> npt.NDArray[np.float64]:
    """Return a struck envelope (8192,) that starts and ends at exactly 0."""
    x = np.linspace(0.0, 1.0, _TABLE)
    share = layer.attack_s / (ring.longest_s * layer.share)
    attack = 0.5 - 0.5 * np.cos(np.pi * np.minimum(x / share, 1.0))
    first, later = layer.decay
    fall: npt.NDArray[np.float64] = 0.6 * np.exp(-first * x) + 0.4 * np.exp(-later * x)
    return attack * fall * (1.0 - x) ** 0.5
