"""Scales and chords as integers. A pitch is a MIDI note; a *step* counts notes of the mode from the tonic."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Final

from therapy.controls import MODES

__all__ = [
    "Chord",
    "chord_on",
    "distance_from_home",
    "muddy",
    "nearest_step",
    "parallels",
    "pedal",
    "pitch",
    "pitch_classes",
    "roots",
    "voice",
]

_PURE_FIFTHS: Final = (7, 8)
_PERFECT: Final = (0, 7)
#: The lowest voice lies at most this far under the middle: below that chords are mud.
_SPREAD: Final = 11
_FIFTH: Final = 7
#: Below it the ear does not part the tones of a close interval (orchestrators' low interval limits).
_C3: Final = 48
#: In this range every chord has a voicing.
_LEAST_RANGE: Final = 17
_VOICES: Final = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Chord:
    """A chord of a mode: `root` as a step 0 … and the pitch classes (0 … 11), root first."""

    root: int
    classes: tuple[int, ...]


def pitch(tonic: int, mode: str, step: int) -> int:
    """Return the MIDI note `step` notes of `mode` above (below if negative) the MIDI note `tonic`."""
    scale = MODES[mode]
    octave, degree = divmod(step, len(scale))
    return tonic + 12 * octave + scale[degree]


def pitch_classes(tonic: int, mode: str) -> frozenset[int]:
    """Return the pitch classes (0 … 11) of `mode` on `tonic`."""
    return frozenset((tonic + semitone) % 12 for semitone in MODES[mode])


def nearest_step(tonic: int, mode: str, midi_note: float, classes: Sequence[int] = ()) -> int:
    """Return the step closest to `midi_note`, if `classes` is given among those pitch classes only."""
    size = len(MODES[mode])
    middle = round((midi_note - tonic) / 12 * size)
    near = range(middle - size, middle + size + 1)
    fitting = [s for s in near if not classes or pitch(tonic, mode, s) % 12 in classes]
    return min(fitting or near, key=lambda s: (abs(pitch(tonic, mode, s) - midi_note), s))


def roots(mode: str) -> tuple[int, ...]:
    """Return the steps that may carry a chord: those without a diminished fifth above."""
    size = len(MODES[mode])
    if size < 7:
        return tuple(range(size))
    return tuple(s for s in range(size) if (pitch(0, mode, s + 4) - pitch(0, mode, s)) in _PURE_FIFTHS)


def chord_on(tonic: int, mode: str, root: int, colour: float) -> Chord:
    """Return the chord on step `root`; `colour` 0 … 1: from a triad to added ninths and sevenths."""
    stack: tuple[int, ...]
    if len(MODES[mode]) < 7:
        stack = (0, 2, 4) if colour < 0.5 else (0, 1, 3)
    elif colour < 0.2:
        stack = (0, 2, 4)
    elif colour < 0.45:
        stack = (0, 2, 4, 8)
    elif colour < 0.7:
        stack = (0, 2, 4, 6)
    else:
        stack = (0, 2, 6, 8)
    return Chord(root=root, classes=tuple(pitch(tonic, mode, root + s) % 12 for s in stack))


def distance_from_home(mode: str, root: int) -> float:
    """Return how far the triad on `root` is from the tonic's, 0 (the same) … 1 (nothing in common)."""
    home = set(chord_on(0, mode, 0, 0.0).classes)
    there = set(chord_on(0, mode, root, 0.0).classes)
    return 1.0 - len(home & there) / len(home)


def parallels(before: Sequence[int], after: Sequence[int]) -> int:
    """Return how many pairs of voices go in parallel fifths or octaves from one chord to the next."""
    moving = [(a, b) for a, b in zip(before, after, strict=False) if a != b]
    return sum(
        (a - c) % 12 == (b - d) % 12 and (a - c) % 12 in _PERFECT and (b > a) == (d > c)
        for (a, b), (c, d) in itertools.combinations(moving[::-1], 2)
    )


def pedal(tonic: int, mode: str) -> tuple[int, ...]:
    """Return what the drone holds: the tonic an octave down, and its fifth where the mode has one."""
    low = tonic - 12
    return (low, low + _FIFTH) if _FIFTH in MODES[mode] else (low,)


def muddy(a: int, b: int) -> bool:
    """Return whether two notes are closer than a fifth where so close ones growl: the lower one below C3."""
    return min(a, b) < _C3 and 0 < abs(a - b) < _FIFTH


def voice(
    chord: Chord,
    previous: Sequence[int],
    centre: float,
    ceiling: float | None = None,
    under: Sequence[int] = (),
) -> tuple[int, ...]:
    """Return four MIDI notes, low to high, that play `chord` with the least movement from `previous`.

    Args:
        chord: what to play.
        previous: the four notes before, or empty.
        centre: where the middle of the voices should lie, MIDI note.
        ceiling: no voice above this MIDI note; `None`: an octave above the centre.
        under: what is held below them; it weighs as much as mud among the voices themselves.
    """
    low, high = round(centre) - _SPREAD, round(centre) + 12
    if ceiling is not None:
        high = min(high, max(round(ceiling), low + _LEAST_RANGE))
    choice = [n for n in range(low, high + 1) if n % 12 in chord.classes]
    growling = {n for n in choice if any(muddy(n, held) for held in under)}

    def cost(notes: tuple[int, ...]) -> float:
        gaps = [b - a for a, b in itertools.pairwise(notes)]
        missing = len(set(chord.classes) - {n % 12 for n in notes})
        mud = sum(gap < 5 and notes[i] < 55 for i, gap in enumerate(gaps))
        mud += 2 * sum(muddy(a, b) for a, b in itertools.pairwise(notes))
        crowd = (
            sum(gap < 2 for gap in gaps) + 0.4 * sum(gap == 2 for gap in gaps) + sum(gap > 9 for gap in gaps)
        )
        moved = sum(abs(a - b) for a, b in zip(notes, previous, strict=False))
        off_root = notes[0] % 12 != chord.classes[0]
        return (
            moved
            + 9 * missing
            + 8 * mud
            + 18 * len(growling.intersection(notes))
            + 4 * crowd
            + 20 * parallels(previous, notes)
            + 2 * off_root
            + 0.8 * abs(sum(notes) / _VOICES - centre)
        )

    return min(itertools.combinations(choice, _VOICES), key=lambda notes: (cost(notes), notes))
