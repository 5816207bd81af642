"""Where the chords go: each sentence out from home and back, as far as the tension says, with a close.

A phrase has one chord, its last one of a sentence two: an approach on the inhale and the close on the exhale.
Sentences come in pairs, the first with a half close, the second with a full one; a section ends at home.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from random import Random
from typing import Final

from audio_engine.composer.chance import chance
from audio_engine.composer.keys import pivot
from audio_engine.composer.phrasing import PHRASES_PER_SENTENCE, Phrase
from audio_engine.composer.theory import Chord, chord_on, distance_from_home, pedal, roots, voice
from therapy.controls import MODES, Controls

__all__ = ["CADENCES", "Harmony"]

#: How much of the tension each phrase of a sentence takes: home, out, furthest, on the way back.
_ARC: Final = (0.0, 0.55, 1.0, 0.6)
_WANDER: Final = 0.35
_COLOURED: Final = 7
#: Over the register; the middle of the tune lies seven semitones over it.
_CEILING: Final = 4.0
_CLOSE: Final = PHRASES_PER_SENTENCE - 1
#: Roots (steps of the mode) that lead home: the dominant, or what a mode without a leading note has for it.
CADENCES: Final[Mapping[str, tuple[int, ...]]] = types.MappingProxyType(
    {
        "ionian": (4, 3),
        "dorian": (6, 3),
        "lydian": (4, 1),
        "mixolydian": (6, 3),
        "aeolian": (6, 3),
        "major_pentatonic": (3, 1),
        "minor_pentatonic": (4, 2),
    }
)


class Harmony:
    """Chords and their voicings, in order; seeded per phrase, so that no draw depends on an earlier one.

    Args:
        seed: any text; the same text, the same chords.
        tonic: MIDI note of the tonic.
    """

    def __init__(self, seed: str, tonic: int) -> None:
        self._seed = seed
        self.tonic = tonic
        self._from_tonic = tonic
        self.chord: Chord = chord_on(tonic, "ionian", 0, 0.0)
        self.notes: tuple[int, ...] = ()

    def begin_section(self, tonic: int, came_from: int, controls: Controls) -> None:
        """Forget the voices; in a new key start from those of the chord that both keys know."""
        self.tonic, self._from_tonic = tonic, came_from
        self.notes = ()
        if tonic != came_from:
            root = pivot(came_from, tonic, controls.mode)
            chord = chord_on(tonic, controls.mode, root, 0.0)
            self.notes = voice(chord, (), _centre(controls), _ceiling(controls), pedal(tonic, controls.mode))

    def phrase(self, phrase: Phrase, controls: Controls) -> tuple[Chord, tuple[int, ...]]:
        """Go to the chord that `phrase` begins with; return it and its four MIDI notes, low to high."""
        rng = chance(self._seed, "chord", phrase.section, phrase.index)
        wanted = _ARC[phrase.place] * (0.35 + 0.65 * controls.tension)
        root = self._root(rng, phrase, controls, wanted)
        colour = min(1.0, controls.tension + 0.25 * rng.random())
        if phrase.place == 0:
            colour *= 0.7
        if self.closes(phrase) and len(MODES[controls.mode]) < _COLOURED:
            colour = 0.0  # of five tones an added one leaves nothing that would still lead home
        return self._move(root, colour, controls)

    def close(self, phrase: Phrase, controls: Controls) -> tuple[Chord, tuple[int, ...]] | None:
        """Go to the chord of the exhale that ends a sentence, or return `None` where none ends."""
        if not self.closes(phrase):
            return None
        if self.full_close(phrase):
            return self._move(0, 0.3 * controls.tension, controls)
        home = set(chord_on(self.tonic, controls.mode, 0, 0.0).classes)
        open_roots = [r for r in CADENCES[controls.mode] if r != self.chord.root]
        root = min(
            open_roots,
            key=lambda r: len(home & set(chord_on(self.tonic, controls.mode, r, 0.0).classes)),
        )
        return self._move(root, 0.6 * controls.tension, controls)

    @staticmethod
    def closes(phrase: Phrase) -> bool:
        """Return whether a sentence ends with this phrase."""
        return phrase.closing or phrase.place == _CLOSE

    @staticmethod
    def full_close(phrase: Phrase) -> bool:
        """Return whether that end is at home: every second one is, and a section's last."""
        return phrase.closing or phrase.sentence % 2 == 1

    def _move(self, root: int, colour: float, controls: Controls) -> tuple[Chord, tuple[int, ...]]:
        self.chord = chord_on(self.tonic, controls.mode, root, colour)
        self.notes = voice(
            self.chord,
            self.notes,
            _centre(controls),
            _ceiling(controls),
            pedal(self.tonic, controls.mode),
        )
        return self.chord, self.notes

    def _root(self, rng: Random, phrase: Phrase, controls: Controls, wanted: float) -> int:
        mode = controls.mode
        draws = {root: rng.random() for root in roots(mode)}
        if self.tonic != self._from_tonic and phrase.index < _CLOSE:
            # Out of the old key by the chord that both know, over the new key's cadence, to its home.
            way = (pivot(self._from_tonic, self.tonic, mode), CADENCES[mode][0], 0)
            return way[phrase.index]
        if self.closes(phrase):
            first, second = CADENCES[mode]
            full = self.full_close(phrase)
            return first if full == (draws[0] < 0.75) else second
        if phrase.place == 0:
            return 0
        last = self.chord.root if self.notes else -1

        def miss(root: int) -> float:
            return abs(distance_from_home(mode, root) - wanted) + _WANDER * draws[root] + (root == last)

        return min(draws, key=lambda root: (miss(root), root))


def _centre(controls: Controls) -> float:
    """Return where the middle of the voices lies, MIDI note."""
    return min(max(59.0 + 0.35 * (controls.register - 62.0), 55.0), 65.0)


def _ceiling(controls: Controls) -> float:
    """Return the highest note of the voices: the tune, centred above the register, is not to lie in them."""
    return controls.register + _CEILING
