"""The breath's own figure: chord tones that rise with each inhale and fall with each exhale.

It says without words when to breathe. It is timed by the breath and not by the beat, so that it stays with
the picture. It is never quite the same twice in a row: how many tones, and which, is drawn anew each time.
"""

from __future__ import annotations

from random import Random
from typing import Final

from audio_engine.composer.chance import chance
from audio_engine.composer.melody import Tone
from audio_engine.composer.patterns import Pattern, cat, sequence
from audio_engine.composer.phrasing import Phrase
from audio_engine.composer.theory import Chord
from therapy.breath import breath_level
from therapy.controls import Controls

__all__ = ["LEAST_SWELL", "breath_figure"]

#: Under this swell the breath is not to be heard.
LEAST_SWELL: Final = 0.15
#: Chord tones, counted upwards, that a figure goes through.
_SHAPES: Final = ((0, 1, 2, 3), (0, 1, 2), (0, 2, 3), (1, 2, 3, 4), (0, 1, 3), (0, 1, 2, 4), (1, 3, 4))
#: No tone comes sooner after the one before; a short breath has fewer.
_LEAST_S: Final = 0.55
#: The exhale's figure ends before the lungs are empty: what follows is rest.
_EXHALE_FILLED: Final = 0.8
_LOUDEST: Final = 0.34
#: How much louder or softer a tone may be than the breath alone would have it: a hand, not a machine.
_LOOSE: Final = 0.1
#: Under the tune, as a harp would lie.
_BELOW_REGISTER: Final = 9


def breath_figure(
    seed: str, phrase: Phrase, controls: Controls, inhaled: Chord, exhaled: Chord
) -> list[Tone]:
    """Return the figure of each breath of `phrase`; nothing where the swell is under `LEAST_SWELL`."""
    if controls.swell < LEAST_SWELL:
        return []
    rng = chance(seed, "figure", phrase.section, phrase.index)
    breath_s = phrase.seconds / phrase.breaths
    tones: list[Tone] = []
    for breath in range(phrase.breaths):
        inhale_s = phrase.inhale_fraction * breath_s
        up = _upwards(rng, inhaled, controls, inhale_s)
        down = _upwards(rng, exhaled, controls, _EXHALE_FILLED * (breath_s - inhale_s))
        figure: Pattern[int] = cat(up, down.reversed_cycles())
        start = phrase.inhale_at_beats + breath * phrase.breath_beats
        inhale = phrase.inhale_fraction * phrase.breath_beats
        spans = ((start, inhale), (start + inhale, _EXHALE_FILLED * (phrase.breath_beats - inhale)))
        for cycle, (begin, length) in enumerate(spans):
            for event in figure.query(cycle, cycle + 1):
                at = begin + float(event.at - cycle) * length
                phase = (at - phrase.inhale_at_beats) / phrase.breath_beats
                level = breath_level(phase, phrase.inhale_fraction)
                tones.append(
                    Tone(
                        role="texture",
                        at_beats=at,
                        midi_note=event.value,
                        velocity=_LOUDEST
                        * controls.swell
                        * (0.5 + 0.5 * level)
                        * (1.0 + _LOOSE * (2.0 * rng.random() - 1.0)),
                        duration_beats=1.2 * float(event.lasts) * length,
                    )
                )
    return tones


def _upwards(rng: Random, chord: Chord, controls: Controls, seconds: float) -> Pattern[int]:
    """Return a way up through the chord's tones, with time for each."""
    low = round(controls.register) - _BELOW_REGISTER
    ladder = [note for note in range(low, low + 48) if note % 12 in chord.classes]
    most = max(int(seconds / _LEAST_S), 2)
    shape = rng.choice(_SHAPES)
    return sequence(*(ladder[rung] for rung in shape[:most]))
