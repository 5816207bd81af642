"""Voices that are struck or plucked and ring out: who plays which note, and whole instruments from layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import Desk, Voice, frequency_hz
from audio_engine.instruments._loops import Wave
from audio_engine.instruments._rings import Rings, Tone
from therapy.controls import Controls

__all__ = ["FreeVoices", "Layer", "Ring", "StruckLayers", "StruckVoices"]

_TABLE: Final = 8192

#: A voice rests this much longer than its ring, so that nothing of it moves while it sounds.
_MARGIN_S = 0.03


class FreeVoices:
    """Gives each stroke a silent voice.

    Args:
        desk: the desk.
        count: number of voices.
    """

    def __init__(self, desk: Desk, count: int) -> None:
        self._desk = desk
        self._free_at_s = [0.0] * count

    def take(self, onset: Onset, ring_s: float) -> int | None:
        """Return the number of a silent voice, which rings for `ring_s` from `onset` on.

        Returns:
            `None` if every voice rings: the note is left out, because a voice cut short would click.
        """
        for i, free_at_s in enumerate(self._free_at_s):
            if free_at_s <= self._desk.now_s:
                self._free_at_s[i] = self._desk.now_s + onset.offset_s + ring_s + _MARGIN_S
                return i
        return None


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
        self._free = FreeVoices(desk, count)
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
        i = self._free.take(onset, ring_s)
        if i is None:
            return False
        self.hz[i] = frequency_hz(onset.note.midi_note)
        self.ring_s[i] = ring_s
        self.level[i] = level
        if self._voices:
            self._desk.wake(self._voices[i], self._desk.now_s + onset.offset_s + ring_s + _MARGIN_S)
        self._desk.fire(self._lines[i], onset.offset_s)
        return True


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
        self._free = FreeVoices(desk, voices)
        tones = [
            Tone(
                wave=Wave(partials=layer.partials, ratio=layer.ratio),
                ring=_envelope(layer, ring),
                gain=layer.dark,
            )
            for layer in layers
        ]
        self._rings = Rings(desk, tones, (0.5 + 0.5 * width, 0.5 - 0.5 * width))
        self.sound: Any = self._rings.sound

    def start(self, onset: Onset) -> bool:
        """Strike a note."""
        note = onset.note
        ring_s = self._ring.seconds(note.midi_note, onset.duration_s)
        level = self._level * note.velocity**1.5 * 2.0 ** ((72 - note.midi_note) / 36)
        voice = self._free.take(onset, ring_s)
        if voice is None:
            return False
        seconds = [layer.share * ring_s for layer in self._layers]
        self._rings.strike(voice, frequency_hz(note.midi_note), onset.offset_s, seconds, level)
        return True

    def release(self, note: Note) -> None:
        """Do nothing: it rings out by itself."""

    def steer(self, controls: Controls) -> None:
        """Bring the bright layers out with brightness."""
        for layer, gain in zip(self._layers, self._rings.gains, strict=True):
            gain.value = layer.dark + (layer.bright - layer.dark) * controls.brightness**1.3


def _envelope(layer: Layer, ring: Ring) -> npt.NDArray[np.float64]:
    """Return a struck envelope (8192,) that starts and ends at exactly 0."""
    x = np.linspace(0.0, 1.0, _TABLE)
    share = layer.attack_s / (ring.longest_s * layer.share)
    attack = 0.5 - 0.5 * np.cos(np.pi * np.minimum(x / share, 1.0))
    first, later = layer.decay
    fall: npt.NDArray[np.float64] = 0.6 * np.exp(-first * x) + 0.4 * np.exp(-later * x)
    return attack * fall * (1.0 - x) ** 0.5
