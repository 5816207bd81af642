"""The tune: two remembered motifs that rise with the inhale, are varied, and are answered on the exhale.

How much tune there is, the melody control says: near 0 single chord tones, each for itself; near 1 whole
motifs with ornaments. What is done to the motifs follows the session's arc: stated piece by piece when it
arrives, varied where it deepens, and back as they were, in mirrored order, on the return.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

from audio_engine.composer.chance import chance
from audio_engine.composer.harmony import Harmony
from audio_engine.composer.patterns import euclid_steps
from audio_engine.composer.phrasing import Phrase
from audio_engine.composer.theory import Chord, nearest_step, pitch
from therapy.breath import breath_level
from therapy.controls import Controls

__all__ = ["FORMS", "VARIATIONS", "Melody", "Motif", "Tone", "place", "stage_of"]

_STEPS: Final = (-2, -1, 1, 2, 3, 4)
#: After a leap a tune turns or steps; after a step it may leap (a Markov chain over intervals).
_AFTER_STEP: Final = (0.4, 1.0, 3.0, 2.6, 1.2, 0.6)
_AFTER_LEAP: Final = (0.8, 2.4, 2.0, 0.6, 0.1, 0.0)
_LEAP: Final = 3
_MOTIF_LENGTH: Final = 4
#: A motif rises by so many steps in all, so that its inversion falls.
_LEAST_RISE, _MOST_RISE = 3, 6
#: Rhythms to draw from, as proportions: long and short, never a march.
_RHYTHMS: Final = ((3, 1, 2, 2), (2, 1, 1, 4), (3, 3, 2), (1, 1, 2, 4), (4, 1, 3), (2, 3, 3))
#: Shares of the notes that the phrases of a sentence get: the last one rests on its close.
_SHARES: Final = (1.25, 1.15, 1.3, 0.3)
#: From this density on the rests fill up too: silence is for the calm.
_NO_RESTS_PER_S: Final = 2.0
_REACH: Final = 9.0
_FILLED: Final = 0.85
#: From here on the exhale answers, and motifs are ornamented.
_ANSWERS: Final = 0.2
_ORNAMENTS: Final = 0.55


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """One tone of the tune: its role, beats since the piece began, MIDI note, velocity 0 … 1, length."""

    role: str
    at_beats: float
    midi_note: int
    velocity: float
    duration_beats: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Motif:
    """A few intervals, in steps of the scale, and the rhythm they go with, in proportions."""

    steps: tuple[int, ...]
    rhythm: tuple[int, ...]


def _ornamented(motif: Motif) -> Motif:
    """Return the motif with a neighbour note before its second interval."""
    first, *rest = motif.steps
    long, *short = motif.rhythm
    return Motif(steps=(first, 1, -1, *rest), rhythm=(2 * long, 1, 1, *(2 * s for s in short)))


#: What can be done to a motif; each returns another motif.
VARIATIONS: Final[Mapping[str, Callable[[Motif], Motif]]] = {
    "as is": lambda m: m,
    "fragment": lambda m: dataclasses.replace(m, steps=m.steps[:2]),
    "inverted": lambda m: dataclasses.replace(m, steps=tuple(-s for s in m.steps)),
    "back": lambda m: Motif(steps=m.steps[::-1], rhythm=m.rhythm[::-1]),
    "augmented": lambda m: Motif(steps=m.steps[:2], rhythm=tuple(2 * r for r in m.rhythm[:2])),
    "ornamented": _ornamented,
}
#: What the phrases of a sentence do with the motifs, by stage of the music.
FORMS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "arrival": (("A", "fragment"), ("A", "fragment"), ("A", "as is"), ("B", "fragment")),
    "settling": (("A", "as is"), ("A", "as is"), ("B", "as is"), ("A", "fragment")),
    "deepening": (("A", "ornamented"), ("B", "back"), ("A", "augmented"), ("B", "fragment")),
    "return": (("B", "as is"), ("A", "as is"), ("A", "as is"), ("A", "fragment")),
}


def stage_of(arc: float) -> str:
    """Return the name of the form for `Controls.arc`."""
    if arc < 0.15:
        return "arrival"
    if arc < 0.4:
        return "settling"
    return "deepening" if arc < 0.8 else "return"


def place(onsets: int, steps: int, rhythm: Sequence[int]) -> list[int]:
    """Return `onsets` different steps (0 … `steps` − 1) with gaps in the proportions of `rhythm`, repeated.

    Where there is room the end stays free: a breath before what follows. Where the rhythm would put two on
    one step, they are spread evenly (a Euclidean rhythm).
    """
    gaps = [rhythm[i % len(rhythm)] for i in range(onsets)]
    room = steps * (_FILLED if onsets <= steps // 2 else 1.0)
    starts = [int(room * sum(gaps[:i]) / sum(gaps)) for i in range(onsets)]
    if len(set(starts)) < onsets:
        return [i for i, struck in enumerate(euclid_steps(onsets, steps)) if struck]
    return starts


def _motif(rng: Random) -> Motif:
    """Draw a motif: an interval depends on the one before, and all together rise."""
    while True:
        steps = [1]
        while len(steps) < _MOTIF_LENGTH:
            weights = _AFTER_LEAP if abs(steps[-1]) >= _LEAP else _AFTER_STEP
            steps += rng.choices(_STEPS, weights)
        if _LEAST_RISE <= sum(steps) <= _MOST_RISE:
            return Motif(steps=tuple(steps), rhythm=rng.choice(_RHYTHMS))


class Melody:
    """Writes the tune of a phrase. `begin_section` forgets everything but the motifs.

    Args:
        seed: any text; the same text, the same motifs and draws.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        rng = chance(seed, "motifs")
        self.motifs = {name: _motif(rng) for name in "AB"}
        self.begin_section()

    def begin_section(self) -> None:
        """Forget where the line is and what it owes."""
        self._midi_note: float | None = None
        self._owed = 0.5

    def phrase(
        self, phrase: Phrase, controls: Controls, tonic: int, inhaled: Chord, exhaled: Chord
    ) -> list[Tone]:
        """Return the tones of `phrase`: over `inhaled` while the breath rises, over `exhaled` as it falls."""
        rng = chance(self._seed, "tune", phrase.section, phrase.index)
        share = 1.0 if controls.notes_per_s >= _NO_RESTS_PER_S else _SHARES[phrase.place]
        self._owed += share * controls.notes_per_s * phrase.seconds
        count = int(self._owed)
        self._owed -= count
        name, variation = FORMS[stage_of(controls.arc)][phrase.place]
        if variation == "ornamented" and controls.melody < _ORNAMENTS:
            variation = "as is"
        motif = VARIATIONS[variation](self.motifs[name])
        tones: list[Tone] = []
        for span, onsets in _shared(_spans(phrase), count):
            part = motif if span.rises else VARIATIONS["inverted"](motif)
            line = _Line(rng, controls, tonic, inhaled if span.rises else exhaled, self._midi_note, span)
            tones += line.tones(part, onsets, phrase)
            self._midi_note = line.midi_note
        if tones and Harmony.closes(phrase):
            tones[-1] = self._resolved(tones[-1], controls, tonic, exhaled)
        return tones

    def _resolved(self, tone: Tone, controls: Controls, tonic: int, chord: Chord) -> Tone:
        """Return the last tone of a sentence on the root of its close."""
        step = nearest_step(tonic, controls.mode, tone.midi_note, chord.classes[:1])
        note = pitch(tonic, controls.mode, step)
        self._midi_note = float(note)
        return dataclasses.replace(tone, midi_note=note)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """An inhale (`rises`) or an exhale, in whole beats."""

    rises: bool
    start: int
    end: int


def _spans(phrase: Phrase) -> list[_Span]:
    spans: list[_Span] = []
    for breath in range(phrase.breaths):
        inhale = round(phrase.inhale_at_beats + breath * phrase.breath_beats)
        exhale = round(phrase.exhale_at_beats(breath))
        end = round(phrase.inhale_at_beats + (breath + 1) * phrase.breath_beats)
        spans += [_Span(rises=True, start=inhale, end=exhale), _Span(rises=False, start=exhale, end=end)]
    return spans


def _shared(spans: Sequence[_Span], count: int) -> list[tuple[_Span, int]]:
    """Return the spans with their shares of `count` onsets, by length."""
    beats = max(sum(span.end - span.start for span in spans), 1)
    found, given, passed = [], 0, 0
    for span in spans:
        passed += span.end - span.start
        onsets = round(count * passed / beats) - given
        given += onsets
        found.append((span, onsets))
    return found


class _Line:
    """One inhale's or exhale's tones, note after note from `midi_note`, where the tune is."""

    def __init__(
        self,
        rng: Random,
        controls: Controls,
        tonic: int,
        chord: Chord,
        midi_note: float | None,
        span: _Span,
    ) -> None:
        self._rng, self._controls = rng, controls
        self._tonic, self._chord, self._span = tonic, chord, span
        self._centre = controls.register + 7.0
        self.midi_note = midi_note

    def tones(self, motif: Motif, onsets: int, phrase: Phrase) -> list[Tone]:
        """Return `onsets` tones within the span."""
        start, length = self._span.start, self._span.end - self._span.start
        per_beat = next((n for n in (1, 2, 4) if onsets <= 0.6 * n * length), 8)
        steps = length * per_beat
        onsets = min(onsets, steps)
        places = place(onsets, steps, motif.rhythm) if onsets else []
        answers = not self._span.rises and self._controls.melody >= _ANSWERS
        found: list[Tone] = []
        for i, step in enumerate(places):
            at = start + step / per_beat
            following = start + places[i + 1] / per_beat if i + 1 < onsets else at + 3.0
            interval = 0 if i == 0 else motif.steps[(i - 1) % len(motif.steps)]
            strong = step % per_beat == 0
            found.append(
                Tone(
                    role="answer" if answers else "bell",
                    at_beats=at,
                    midi_note=self._next(interval, first=i == 0, strong=strong),
                    velocity=self._velocity(at, phrase, strong=strong),
                    duration_beats=min(max(2.0 * (following - at), 1.0), 6.0),
                )
            )
        return found

    def _velocity(self, at_beats: float, phrase: Phrase, *, strong: bool) -> float:
        """Return a velocity that swells with the breath, as far as the dynamics control lets it."""
        dynamics = self._controls.dynamics
        phase = (at_beats - phrase.inhale_at_beats) / phrase.breath_beats
        level = 2.0 * breath_level(phase, phrase.inhale_fraction) - 1.0
        accent = (0.02 + 0.1 * dynamics) * strong
        loose = (0.04 + 0.16 * dynamics) * (self._rng.random() - 0.5)
        return min(max(0.42 + (0.03 + 0.22 * dynamics) * level + accent + loose, 0.05), 1.0)

    def _next(self, interval: int, *, first: bool, strong: bool) -> int:
        """Return the next note: an interval on, back when far from the register, a chord tone when strong."""
        tonic, mode, rises = self._tonic, self._controls.mode, self._span.rises
        here = self.midi_note
        if first and (rises or here is None):
            here, strong = self._centre - 4.0, True
        elif here is None or abs(here - self._centre) > 2 * _REACH:
            here, strong = self._centre, True
        if self._rng.random() >= self._controls.melody + 0.15:
            interval, strong = (1 if rises else -1) * (not first), True
        step = nearest_step(tonic, mode, here)
        note = pitch(tonic, mode, step + interval)
        if abs(note - self._centre) > _REACH:
            note = pitch(tonic, mode, step - interval)
        if strong:
            settled = pitch(tonic, mode, nearest_step(tonic, mode, note, self._chord.classes))
            if settled != self.midi_note or first:  # rather a passing note than the same again
                note = settled
        self.midi_note = float(note)
        return note
