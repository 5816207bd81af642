"""The breath's own figure: chord tones that rise with each inhale and fall with each exhale.

It says without words when to breathe. It is timed by the breath and not by the beat, so that it stays with
the picture.
"""

from __future__ import annotations

from typing import Final

from audio_engine.composer.melody import Tone
from audio_engine.composer.patterns import Pattern, cat, sequence
from audio_engine.composer.phrasing import Phrase
from audio_engine.composer.theory import Chord
from therapy.breath import breath_level
from therapy.controls import Controls

__all__ = ["LEAST_SWELL", "breath_figure"]

#: Under this swell the breath is not to be heard.
LEAST_SWELL: Final = 0.15
_TONES: Final = 4
#: The exhale's figure ends before the lungs are empty: what follows is rest.
_EXHALE_FILLED: Final = 0.8
_LOUDEST: Final = 0.34
#: Under the tune, as a harp would lie.
_BELOW_REGISTER: Final = 9


def breath_figure(phrase: Phrase, controls: Controls, inhaled: Chord, exhaled: Chord) -> list[Tone]:
    """Return the figure of each breath of `phrase`; nothing where the swell is under `LEAST_SWELL`."""
    if controls.swell < LEAST_SWELL:
        return []
    low = round(controls.register) - _BELOW_REGISTER
    up = sequence(*_upwards(inhaled, low))
    down = sequence(*_upwards(exhaled, low)).reversed_cycles()
    figure: Pattern[int] = cat(up, down)
    tones: list[Tone] = []
    for breath in range(phrase.breaths):
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
                        velocity=_LOUDEST * controls.swell * (0.5 + 0.5 * level),
                        duration_beats=1.2 * float(event.lasts) * length,
                    )
                )
    return tones


def _upwards(chord: Chord, low: int) -> list[int]:
    """Return the chord's tones from `low` on, as many as the figure has."""
    found = [note for note in range(low, low + 48) if note % 12 in chord.classes]
    return found[:_TONES]
