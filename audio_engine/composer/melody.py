"""The bells: two remembered motifs, varied and answered, with rests on purpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from audio_engine.composer.chance import chance
from audio_engine.composer.theory import Chord, nearest_step, pitch
from therapy.controls import Controls

__all__ = ["Melody", "Tone", "place"]

_STEPS: Final = (-4, -2, -1, 0, 1, 2, 4)
_WEIGHTS: Final = (0.5, 1.5, 3.0, 0.8, 3.0, 1.5, 0.5)
_MOTIF_LENGTH: Final = 4
_BARS_PER_PHRASE: Final = 8
#: What each bar of a phrase does: (motif, variation), or a rest.
_FORM: Final = (
    ("A", "as is"),
    ("A", "turned"),
    ("B", "as is"),
    None,
    ("A", "as is"),
    ("B", "back"),
    ("A", "turned"),
    None,
)
#: From this density on the rests fill up too: silence is for the calm.
_NO_RESTS_PER_S: Final = 2.0
_REACH: Final = 9.0
#: Rhythms to draw from, as proportions: long and short, never a march.
_RHYTHMS: Final = ((3, 1, 2, 2), (2, 1, 1, 4), (3, 3, 2), (1, 1, 2, 4), (4, 1, 3), (2, 3, 3))
_FILLED: Final = 0.85


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """One bell: `at_beats` from the start of its bar, MIDI note, velocity 0 … 1, length in beats."""

    at_beats: float
    midi_note: int
    velocity: float
    duration_beats: float


def place(onsets: int, steps: int, rhythm: Sequence[int]) -> list[int]:
    """Return `onsets` different steps (0 … `steps` − 1) with gaps in the proportions of `rhythm`, repeated.

    Where there is room the bar's end stays free: a breath before the next one. Where the rhythm would put
    two on one step, they are spread evenly (as Euclid's algorithm does).
    """
    gaps = [rhythm[i % len(rhythm)] for i in range(onsets)]
    room = steps * (_FILLED if onsets <= steps // 2 else 1.0)
    starts = [int(room * sum(gaps[:i]) / sum(gaps)) for i in range(onsets)]
    if len(set(starts)) < onsets:
        return [(i * steps) // onsets for i in range(onsets)]
    return starts


class Melody:
    """Writes bars of bells. `begin_period` forgets everything but the motifs.

    Args:
        seed: any text; the same text, the same motifs and draws.
        tonic: MIDI note of the tonic.
    """

    def __init__(self, seed: str, tonic: int) -> None:
        self._seed = seed
        self._tonic = tonic
        rng = chance(seed, "motifs")
        self.motifs = {name: tuple(rng.choices(_STEPS, _WEIGHTS, k=_MOTIF_LENGTH)) for name in "AB"}
        self.rhythms = {name: rng.choice(_RHYTHMS) for name in "AB"}
        self.begin_period()

    def begin_period(self) -> None:
        """Forget where the line is and what it owes."""
        self._midi_note: float | None = None
        self._owed = 0.5

    def bar(self, index: int, controls: Controls, chord: Chord) -> list[Tone]:
        """Return the tones of bar `index` of the piece over `chord`, in order."""
        rng = chance(self._seed, "bar", index)
        form = _FORM[index % _BARS_PER_PHRASE]
        playing = sum(part is not None for part in _FORM)
        dense = controls.notes_per_s >= _NO_RESTS_PER_S
        share = 1.0 if dense else _BARS_PER_PHRASE / playing if form else 0.0
        self._owed += share * controls.notes_per_s * 240.0 / controls.tempo_bpm
        count = int(self._owed)
        self._owed -= count
        steps = 8 if count <= 6 else 16 if count <= 12 else 32
        count = min(count, steps)
        form = form or ("B", "turned")
        places = place(count, steps, self.rhythms[form[0]])
        intervals = self._vary(form)
        tones: list[Tone] = []
        for i, step in enumerate(places):
            at = 4.0 * step / steps
            following = 4.0 * places[i + 1] / steps if i + 1 < count else 6.0
            note = self._next(intervals[i % len(intervals)], controls, chord, strong=at % 2.0 == 0.0)
            accent = 0.12 if at % 2.0 == 0.0 else 0.0
            velocity = min(1.0, 0.5 + accent + 0.2 * (rng.random() - 0.5))
            length = min(max(2.0 * (following - at), 1.0), 6.0)
            tones.append(Tone(at_beats=at, midi_note=note, velocity=velocity, duration_beats=length))
        return tones

    def _vary(self, form: tuple[str, str]) -> tuple[int, ...]:
        motif = self.motifs[form[0]]
        match form[1]:
            case "turned":
                return tuple(-step for step in motif)
            case "back":
                return motif[::-1]
            case _:
                return motif

    def _next(self, interval: int, controls: Controls, chord: Chord, *, strong: bool) -> int:
        """Return the next note: an interval on, back when far from the register, a chord tone when strong."""
        centre = controls.register + 7.0
        if self._midi_note is None or abs(self._midi_note - centre) > 2 * _REACH:
            self._midi_note = centre
            interval, strong = 0, True
        here = nearest_step(self._tonic, controls.mode, self._midi_note)
        note = pitch(self._tonic, controls.mode, here + interval)
        if abs(note - centre) > _REACH:
            note = pitch(self._tonic, controls.mode, here - interval)
        if strong:
            note = pitch(
                self._tonic, controls.mode, nearest_step(self._tonic, controls.mode, note, chord.classes)
            )
        self._midi_note = float(note)
        return note
