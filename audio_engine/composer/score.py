"""The score: notes on a line of beats, written one beat ahead, testable without sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

from audio_engine.composer.chance import chance
from audio_engine.composer.harmony import CHORDS_PER_PERIOD, Harmony
from audio_engine.composer.melody import Melody, Tone
from therapy.controls import MODES, Controls

__all__ = ["BEATS_PER_BAR", "BEATS_PER_CHORD", "SUSTAINED", "Composer", "Note", "write"]

BEATS_PER_BAR: Final = 4
BEATS_PER_CHORD: Final = 2 * BEATS_PER_BAR
#: Instruments whose notes sound until they are released; the others are struck and ring out.
SUSTAINED: Final = frozenset({"pad", "drone"})
_BEATS_PER_PERIOD: Final = BEATS_PER_CHORD * CHORDS_PER_PERIOD
#: Tonics to draw from: C to A around MIDI 48 … 57, where pads are warm and bells above them are soft.
_TONICS: Final = (48, 50, 52, 53, 55, 57)
_AUDIBLE_PULSE: Final = 0.02
_BEAT_WEIGHTS: Final = (1.0, 0.45, 0.7, 0.45)
_FIFTH: Final = 7


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note of the score: beats count from the start of the piece; velocity 0 … 1."""

    instrument: str
    midi_note: int
    velocity: float
    start_beats: float
    duration_beats: float


class Composer:
    """Writes the piece beat by beat. Everything it remembers starts anew with each period of 32 bars.

    Args:
        seed: any text; the same text and controls, the same piece.

    Call `opening` once, then `beat` for each whole beat from there, in order.
    """

    def __init__(self, seed: str) -> None:
        self.tonic = chance(seed, "tonic").choice(_TONICS)
        self._harmony = Harmony(seed, self.tonic)
        self._melody = Melody(seed, self.tonic)
        self._bar: list[Tone] = []

    def opening(self, position_beats: float, controls: Controls) -> list[Note]:
        """Return what sounds already at `position_beats`, cut to start there; then go on with `beat`.

        Plays through the period in silence, so that the bars after a restart are those that would have
        come (exactly, if the controls were the same).
        """
        here = int(position_beats)
        sounding: list[Note] = []
        for index in range(here - here % _BEATS_PER_PERIOD, here):
            notes = [n for n in self.beat(index, controls) if n.instrument in SUSTAINED]
            sounding = [n for n in sounding if n.start_beats + n.duration_beats > index] + notes
        return [
            dataclasses.replace(
                n,
                start_beats=position_beats,
                duration_beats=n.start_beats + n.duration_beats - position_beats,
            )
            for n in sounding
            if n.start_beats + n.duration_beats > here
        ]

    def beat(self, index: int, controls: Controls) -> list[Note]:
        """Return the notes that start in beat `index` of the piece, in order of time."""
        notes: list[Note] = []
        if index % _BEATS_PER_PERIOD == 0:
            self._melody.begin_period()
        if index % BEATS_PER_CHORD == 0:
            notes += self._chord(index, controls)
        bar, place = divmod(index, BEATS_PER_BAR)
        if place == 0:
            self._bar = self._melody.bar(bar, controls, self._harmony.chord)
        notes += [
            Note(
                instrument="bell",
                midi_note=tone.midi_note,
                velocity=tone.velocity,
                start_beats=bar * BEATS_PER_BAR + tone.at_beats,
                duration_beats=tone.duration_beats,
            )
            for tone in self._bar
            if place <= tone.at_beats < place + 1
        ]
        if controls.pulse > _AUDIBLE_PULSE:
            notes.append(self._pulse(index, controls))
        return sorted(notes, key=lambda n: (n.start_beats, n.instrument, n.midi_note))

    def _chord(self, index: int, controls: Controls) -> list[Note]:
        voices = self._harmony.move_to(index // BEATS_PER_CHORD, controls)
        low = self.tonic - 12
        drone = [low, low + _FIFTH] if _FIFTH in MODES[controls.mode] else [low]
        pairs = [("pad", n, 0.75) for n in voices] + [("drone", n, 0.7) for n in drone]
        return [
            Note(
                instrument=instrument,
                midi_note=note,
                velocity=velocity,
                start_beats=float(index),
                duration_beats=float(BEATS_PER_CHORD),
            )
            for instrument, note, velocity in pairs
        ]

    def _pulse(self, index: int, controls: Controls) -> Note:
        root = self._harmony.chord.classes[0]
        note = 48 + (root - 48) % 12
        return Note(
            instrument="pulse",
            midi_note=note if note <= 55 else note - 12,
            velocity=controls.pulse * _BEAT_WEIGHTS[index % BEATS_PER_BAR],
            start_beats=float(index),
            duration_beats=0.9,
        )


def write(
    seed: str, controls_at: Callable[[float], Controls], beats: int, start_beats: float = 0.0
) -> list[Note]:
    """Return the score of `beats` beats from `start_beats` on; `controls_at` is asked at each beat."""
    composer = Composer(seed)
    notes = composer.opening(start_beats, controls_at(start_beats))
    for index in range(int(start_beats), int(start_beats) + beats):
        notes += [n for n in composer.beat(index, controls_at(float(index))) if n.start_beats >= start_beats]
    return notes
