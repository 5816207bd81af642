"""The score: notes on a line of beats, written as each phrase begins, testable without sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from audio_engine.composer.figure import breath_figure
from audio_engine.composer.harmony import Harmony
from audio_engine.composer.keys import Keys
from audio_engine.composer.melody import Melody, Tone
from audio_engine.composer.patterns import sequence
from audio_engine.composer.phrasing import BEATS_PER_BAR, SECTION_BEATS, Phrase, Phrasing
from audio_engine.composer.roles import SUSTAINED
from audio_engine.composer.theory import pedal
from therapy.controls import Controls

__all__ = ["BEATS_PER_BAR", "SUSTAINED", "Composer", "Note", "Rest", "write"]

_AUDIBLE_PULSE: Final = 0.02
_BEAT = sequence(1.0, 0.45, 0.7, 0.45)
#: Held notes reach this much over their expected end: the next chord ties or crosses over.
_LEGATO_BEATS: Final = 0.5
_PAD, _DRONE, _ROOM_TONE = 0.75, 0.7, 0.2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note of the score: beats count from the start of the piece; velocity 0 … 1."""

    instrument: str
    midi_note: int
    velocity: float
    start_beats: float
    duration_beats: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A composed pause: the music rests on purpose, to about `end_beats`; the place sounds on."""

    start_beats: float
    end_beats: float


class Composer:
    """Writes the piece beat by beat. What it remembers starts anew with each section of 128 beats.

    Args:
        seed: any text; the same text, controls and breath, the same piece.

    Call `opening` once, then `beat` for each whole beat from there, in order.

    Attributes:
        phrase: the phrase that goes on, `None` before the first.
        rest: the composed pause that goes on, or `None`.
        tonic: MIDI note of the tonic now.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._keys = Keys(seed)
        self.tonic: int = self._keys.home
        self._harmony = Harmony(seed, self.tonic)
        self._melody = Melody(seed)
        self._phrasing = Phrasing()
        self._waiting: list[Tone] = []
        self._held: list[Note] = []
        self._after: tuple[float, list[int]] | None = None
        self.rest: Rest | None = None

    @property
    def phrase(self) -> Phrase | None:
        """The phrase that goes on, or `None` before the first."""
        return self._phrasing.now

    @property
    def chord(self) -> tuple[int, ...]:
        """Pitch classes (0 … 11) of the harmony now, root first."""
        return self._harmony.chord.classes

    def opening(self, position_beats: float, controls: Controls, breath_phase: float) -> list[Note]:
        """Return what sounds already at `position_beats`, cut to start there; then go on with `beat`.

        Plays in silence from the section before on, so that the bars after a restart are those that would
        have come (exactly, if the controls were the same).

        Args:
            position_beats: where to start, ≥ 0.
            controls: as they are now.
            breath_phase: phase of the breath at `position_beats`, 0 … 1.
        """
        here = int(position_beats)
        first = max(here // SECTION_BEATS - 1, 0) * SECTION_BEATS
        per_beat = controls.breath_pace_per_min / controls.tempo_bpm
        sounding: list[Note] = []
        for index in range(first, here):
            phase = (breath_phase - (position_beats - index) * per_beat) % 1.0
            notes = [n for n in self.beat(index, controls, phase) if n.instrument in SUSTAINED]
            sounding = [n for n in sounding if _end(n) > index] + notes
        return [
            dataclasses.replace(n, start_beats=position_beats, duration_beats=_end(n) - position_beats)
            for n in sounding
            if _end(n) > position_beats + _LEGATO_BEATS  # what only crosses over is over
        ]

    def beat(self, index: int, controls: Controls, breath_phase: float) -> list[Note]:
        """Return the notes that start in beat `index` of the piece, in order of time.

        Args:
            index: whole beats since the piece began.
            controls: as they are now.
            breath_phase: phase of the breath on this beat, 0 … 1; the inhale starts at 0.
        """
        before = self._phrasing.now
        begun = self._phrasing.at(index, controls, breath_phase)
        if begun is not None:
            if before is None or before.section != begun.section:
                self._begin_section(begun, controls)
            self._write(begun, controls)
        notes = self._sustained(index)
        due = [t for t in self._waiting if t.at_beats < index + 1]
        self._waiting = [t for t in self._waiting if t.at_beats >= index + 1]
        notes += [_struck(t, index) for t in due]
        if controls.pulse > _AUDIBLE_PULSE and self.rest is None:
            notes.append(self._pulse(index, controls))
        return sorted(notes, key=lambda n: (n.start_beats, n.instrument, n.midi_note))

    def _begin_section(self, phrase: Phrase, controls: Controls) -> None:
        came_from = self._keys.tonic(max(phrase.section - 1, 0), controls)
        self.tonic = self._keys.tonic(phrase.section, controls)
        self._melody.begin_section()
        self._harmony.begin_section(self.tonic, came_from, controls)

    def _write(self, phrase: Phrase, controls: Controls) -> None:
        """Write what `phrase` holds: chords into `_held` and `_after`, tones into `_waiting`."""
        self._waiting, self._held, self._after = [], [], None
        if phrase.pause:
            start = float(phrase.start_beats) if self.rest is None else self.rest.start_beats
            self.rest = Rest(start_beats=start, end_beats=float(phrase.section_end_beats))
            self._hold(phrase.start_beats, phrase.end_beats, [("drone", self.tonic, _ROOM_TONE)])
            return
        self.rest = None
        inhaled, voices = self._harmony.phrase(phrase, controls)
        exhaled, closing = inhaled, self._harmony.close(phrase, controls)
        change = phrase.end_beats
        if closing is not None:
            exhaled, later = closing
            change = round(phrase.exhale_at_beats(phrase.breaths - 1))
            self._after = (change, list(later))
        self._hold(phrase.start_beats, change, [("pad", n, _PAD) for n in voices])
        self._hold(
            phrase.start_beats,
            phrase.end_beats,
            [("drone", n, _DRONE) for n in pedal(self.tonic, controls.mode)],
        )
        tune = self._melody.phrase(phrase, controls, self.tonic, inhaled, exhaled)
        figure = breath_figure(self._seed, phrase, controls, inhaled, exhaled)
        self._waiting = [t for t in tune + figure if t.at_beats >= phrase.start_beats - 0.5]

    def _hold(self, start: float, end: float, voices: list[tuple[str, int, float]]) -> None:
        self._held += [
            Note(
                instrument=role,
                midi_note=note,
                velocity=velocity,
                start_beats=float(start),
                duration_beats=max(end - start, 1.0) + _LEGATO_BEATS,
            )
            for role, note, velocity in voices
        ]

    def _sustained(self, index: int) -> list[Note]:
        """Return the held notes that start on this beat; for a late phrase they are tied on, beat by beat."""
        phrase = self._phrasing.now
        if phrase is None:
            return []
        if self._after is not None and self._after[0] <= index:
            at, voices = self._after
            self._after = None
            self._held = [n for n in self._held if n.instrument != "pad"]
            self._hold(at, phrase.end_beats, [("pad", n, _PAD) for n in voices])
        new = [n for n in self._held if int(n.start_beats) == index]
        for i, note in enumerate(self._held):
            if note not in new and _end(note) < index + 1:
                self._held[i] = dataclasses.replace(
                    note, start_beats=float(index), duration_beats=1.0 + _LEGATO_BEATS
                )
                new.append(self._held[i])
        return new

    def _pulse(self, index: int, controls: Controls) -> Note:
        root = self._harmony.chord.classes[0]
        note = 48 + (root - 48) % 12
        return Note(
            instrument="pulse",
            midi_note=note if note <= 55 else note - 12,
            velocity=controls.pulse * (_BEAT.at(Fraction(index % BEATS_PER_BAR, BEATS_PER_BAR)) or 0.0),
            start_beats=float(index),
            duration_beats=0.9,
        )


def _end(note: Note) -> float:
    return note.start_beats + note.duration_beats


def _struck(tone: Tone, index: int) -> Note:
    return Note(
        instrument=tone.role,
        midi_note=tone.midi_note,
        velocity=tone.velocity,
        start_beats=max(tone.at_beats, float(index)),
        duration_beats=tone.duration_beats,
    )


def write(
    seed: str, controls_at: Callable[[float], Controls], beats: int, start_beats: float = 0.0
) -> list[Note]:
    """Return the score of `beats` beats from `start_beats` on; `controls_at` is asked at each beat.

    The breath runs freely at its pace, from the `pacer_phase` that the controls had at beat 0.
    """
    composer = Composer(seed)
    first = controls_at(start_beats)
    phase = first.pacer_phase + start_beats * first.breath_pace_per_min / first.tempo_bpm
    notes = composer.opening(start_beats, first, phase % 1.0)
    phase -= (start_beats % 1.0) * first.breath_pace_per_min / first.tempo_bpm
    for index in range(int(start_beats), int(start_beats) + beats):
        controls = controls_at(float(index))
        notes += [n for n in composer.beat(index, controls, phase % 1.0) if n.start_beats >= start_beats]
        phase += controls.breath_pace_per_min / controls.tempo_bpm
    return notes
