"""Where the chords go: four to a phrase, out from home and back, as far as the tension control says."""

from __future__ import annotations

from random import Random
from typing import Final

from audio_engine.composer.chance import chance
from audio_engine.composer.theory import Chord, chord_on, distance_from_home, roots, voice
from therapy.controls import Controls

__all__ = ["CHORDS_PER_PERIOD", "CHORDS_PER_PHRASE", "Harmony"]

CHORDS_PER_PHRASE: Final = 4
#: A period begins anew from its seed, so that any bar can be reached from its period's start.
CHORDS_PER_PERIOD: Final = 4 * CHORDS_PER_PHRASE
#: How much of the tension each chord of a phrase takes: home, out, furthest, on the way back (half close).
_ARC: Final = (0.0, 0.55, 1.0, 0.5)
_WANDER: Final = 0.35


class Harmony:
    """Chords and their voicings, in order; seeded per chord, so that no draw depends on an earlier one.

    Args:
        seed: any text; the same text, the same chords.
        tonic: MIDI note of the tonic.
    """

    def __init__(self, seed: str, tonic: int) -> None:
        self._seed = seed
        self._tonic = tonic
        self.chord: Chord = chord_on(tonic, "ionian", 0, 0.0)
        self.notes: tuple[int, ...] = ()

    def move_to(self, index: int, controls: Controls) -> tuple[int, ...]:
        """Go to chord `index` of the piece; return its four MIDI notes, low to high."""
        if index % CHORDS_PER_PERIOD == 0:
            self.notes = ()
        rng = chance(self._seed, "chord", index)
        place = index % CHORDS_PER_PHRASE
        wanted = _ARC[place] * (0.35 + 0.65 * controls.tension)
        root = self._root(rng, controls.mode, wanted, first=place == 0)
        colour = min(1.0, controls.tension + 0.25 * rng.random())
        self.chord = chord_on(self._tonic, controls.mode, root, colour if place else 0.7 * colour)
        centre = min(max(59.0 + 0.35 * (controls.register - 62.0), 55.0), 65.0)
        self.notes = voice(self.chord, self.notes, centre)
        return self.notes

    def _root(self, rng: Random, mode: str, wanted: float, *, first: bool) -> int:
        draws = {root: rng.random() for root in roots(mode)}
        if first:
            return 0
        last = self.chord.root if self.notes else -1

        def miss(root: int) -> float:
            return abs(distance_from_home(mode, root) - wanted) + _WANDER * draws[root] + (root == last)

        return min(draws, key=lambda root: (miss(root), root))
