"""The tune: two remembered motifs that rise with the inhale, are varied, and are answered on the exhale.

How much tune there is, the melody control says: near 0 single chord tones, each for itself; near 1 whole
motifs with ornaments. What is done to the motifs follows the session's arc: stated piece by piece when it
arrives, varied where it deepens, and back as they were, in mirrored order, on the return.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

from audio_engine.composer.chance import chance
from audio_engine.composer.harmony import Harmony
from audio_engine.composer.patterns import euclid_steps
from audio_engine.composer.phrasing import BEATS_PER_BAR, Phrase
from audio_engine.composer.theory import Chord, nearest_step, pitch
from therapy.breath import breath_level
from therapy.controls import Controls

__all__ = ["FORMS", "VARIATIONS", "Melody", "Motif", "Tone", "held_over", "place", "stage_of"]

_STEPS: Final = (-2, -1, 1, 2, 3, 4)
#: After a leap a tune turns or steps; after a step it may leap (a Markov chain over intervals).
_AFTER_STEP: Final = (0.2, 1.4, 6.0, 1.2, 0.6, 0.3)
_AFTER_LEAP: Final = (0.3, 3.0, 2.0, 0.2, 0.0, 0.0)
_LEAP: Final = 3
_THIRD: Final = 4
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
#: Where each phrase of a sentence sets out, in semitones from the middle: up to the third, then home.
_STARTS: Final = (-5.0, -3.0, 0.0, -5.0)
#: And never further than this from where the line is, in semitones: a sixth with the way to the chord.
_MOST_LEAP: Final = 6.0
_TAKEN_UP: Final = 0.4
#: A bar begins with a tone of the chord; what stands on these beats, or lasts this long, does not rub.
_STRONG_EVERY: Final = 2
_LONG_BEATS: Final = 2.0
#: A note before a bar line is held over it this often, at most once a phrase, if one is near enough.
_TIED: Final = 0.6
_TIED_FROM_BEATS: Final = 2.0
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
        if rng.random() < _TIED:
            tones = held_over(tones)
        if tones and Harmony.closes(phrase):
            before = tones[-2] if len(tones) > 1 else tones[-1]
            tones[-1] = self._resolved(tones[-1], before, controls, tonic, exhaled)
        return tones

    def _resolved(self, tone: Tone, before: Tone, controls: Controls, tonic: int, chord: Chord) -> Tone:
        """Return the last tone of a sentence on the root of its close, the one nearest to the tone before."""
        step = nearest_step(tonic, controls.mode, before.midi_note, chord.classes[:1])
        note = pitch(tonic, controls.mode, step)
        self._midi_note = float(note)
        return dataclasses.replace(tone, midi_note=note)


def held_over(tones: Sequence[Tone]) -> list[Tone]:
    """Return the tones with the first that can be held over a bar line, and the next one late for it.

    So a phrase is not cut where the bar is: the ear waits over the bar line for what comes (a syncopation,
    and where the held tone is foreign to a new chord, a suspension). As many tones, in the same order.
    """
    for i, (before, late) in enumerate(itertools.pairwise(tones)):
        gap = late.at_beats - before.at_beats
        end = tones[i + 2].at_beats if i + 2 < len(tones) else late.at_beats + BEATS_PER_BAR
        wait = min(1.0, 0.5 * (end - late.at_beats))
        on_the_bar = late.at_beats % BEATS_PER_BAR == 0.0
        if on_the_bar and 0.0 < gap <= _TIED_FROM_BEATS and wait > 0.0 and before.role == late.role:
            at = late.at_beats + wait
            tied = dataclasses.replace(before, duration_beats=max(before.duration_beats, gap + wait))
            return [*tones[:i], tied, dataclasses.replace(late, at_beats=at), *tones[i + 2 :]]
    return list(tones)


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
        self._stayed = False

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
            note = self._begin(phrase) if i == 0 and self._span.rises else self._next(motif, i, at, following)
            found.append(
                Tone(
                    role="answer" if answers else "bell",
                    at_beats=at,
                    midi_note=note,
                    velocity=self._velocity(at, phrase, strong=step % per_beat == 0),
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

    def _begin(self, phrase: Phrase) -> int:
        """Return the note that an inhale begins with: a chord tone, higher from phrase to phrase."""
        wanted = self._centre + _STARTS[phrase.place]
        if self.midi_note is not None:
            wanted = min(max(wanted, self.midi_note - _MOST_LEAP), self.midi_note + _MOST_LEAP)
        return self._settled(wanted)

    def _next(self, motif: Motif, index: int, at_beats: float, following_beats: float) -> int:
        """Return the next note: an interval on, back when far from the register, a chord tone when strong."""
        tonic, mode = self._tonic, self._controls.mode
        here = self.midi_note
        if here is None or abs(here - self._centre) > 2 * _REACH:
            return self._settled(self._centre)
        interval = self._interval(motif, index)
        strong = at_beats % BEATS_PER_BAR == 0
        exposed = at_beats % _STRONG_EVERY == 0 or following_beats - at_beats >= _LONG_BEATS
        if self._rng.random() >= self._controls.melody + 0.15:
            interval, strong = (1 if self._span.rises else -1) * (interval != 0), True
        step = nearest_step(tonic, mode, here)
        note = pitch(tonic, mode, step + interval)
        if not self._in_reach(note):
            note = pitch(tonic, mode, step - interval)
        if strong or (exposed and self._rubs(note)):
            if 0 < abs(interval) < _LEAP and (near := self._beside(step, interval)) is not None:
                return self._go(near)
            return self._settled(note, other_than=here if interval else None)
        return self._go(note)

    def _beside(self, step: int, interval: int) -> int | None:
        """Return the tone of the chord one step from `step`, the way of `interval` first, if there is one."""
        way = 1 if interval > 0 else -1
        beside = (pitch(self._tonic, self._controls.mode, step + by) for by in (way, -way))
        return next((n for n in beside if n % 12 in self._chord.classes and self._in_reach(n)), None)

    def _in_reach(self, note: int) -> bool:
        return abs(note - self._centre) <= _REACH

    def _interval(self, motif: Motif, index: int) -> int:
        """Return the steps to the next note; an answer takes up the call's last one or steps down from it."""
        if index:
            return motif.steps[(index - 1) % len(motif.steps)]
        return 0 if self._rng.random() < _TAKEN_UP else -1

    def _rubs(self, note: int) -> bool:
        """Return whether `note` is foreign to the chord and a semitone from one of its tones."""
        apart = {(note - tone) % 12 for tone in self._chord.classes}
        return 0 not in apart and bool(apart & {1, 11})

    def _settled(self, wanted: float, other_than: float | None = None) -> int:
        """Go to the chord tone nearest to `wanted`, or from `other_than` to one a third off; return it."""
        tonic, mode = self._tonic, self._controls.mode
        step = nearest_step(tonic, mode, wanted, self._chord.classes)
        note = pitch(tonic, mode, step)
        if note == other_than:
            way = 1 if wanted > note else -1
            other = pitch(tonic, mode, nearest_step(tonic, mode, note + 3.5 * way, self._chord.classes))
            note = other if abs(other - note) <= _THIRD or self._stayed else note
        return self._go(note)

    def _go(self, note: int) -> int:
        self._stayed = note == self.midi_note
        self.midi_note = float(note)
        return note
