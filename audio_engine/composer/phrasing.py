"""Where phrases begin: with an inhale, every seven to fifteen seconds, gathered in sections of 128 beats.

One breath is a phrase; of breaths shorter than seven seconds two are one. So a phrase lasts about ten
seconds, the period at which music draws heart and vessels along (Bernardi 2009). Four phrases are a sentence
that goes out and comes home. A section's last phrases may be a composed pause, as long as the silence control
asks and never longer than two minutes.

Beats stay whole: a phrase begins on the beat nearest to its inhale. At a section's border everything begins
anew, so that any bar can be reached by playing from the border before.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from therapy.controls import Controls

__all__ = ["BEATS_PER_BAR", "PHRASES_PER_SENTENCE", "SECTION_BEATS", "Phrase", "Phrasing"]

BEATS_PER_BAR: Final = 4
SECTION_BEATS: Final = 128
PHRASES_PER_SENTENCE: Final = 4
SHORTEST_PHRASE_S: Final = 7.0
LONGEST_PAUSE_S: Final = 120.0
#: A section plays at least so many phrases before its pause.
_PLAYED_FIRST: Final = 2
#: Phases are compared to this many digits, so that a replay with other rounding decides alike.
_DIGITS: Final = 6
#: An inhale that does not come is not waited for longer than this many phrases.
_PATIENCE: Final = 2.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A phrase that begins now; what lies ahead is expected from the tempo and the pace now.

    Attributes:
        section: sections since the piece began.
        index: phrases since the section began.
        start_beats: the whole beat it begins on.
        inhale_at_beats: where its first inhale starts: within half a beat of `start_beats`; before it where
            the piece begins in the middle of a breath.
        breath_beats: length of a breath.
        inhale_fraction: share of a breath that is inhaling.
        breaths: 1 or 2.
        seconds: how long it lasts.
        closing: the last before a pause or before the section ends.
        pause: the music rests.
    """

    section: int
    index: int
    start_beats: int
    inhale_at_beats: float
    breath_beats: float
    inhale_fraction: float
    breaths: int
    seconds: float
    closing: bool
    pause: bool

    @property
    def place(self) -> int:
        """Which phrase of its sentence it is, 0 … 3."""
        return self.index % PHRASES_PER_SENTENCE

    @property
    def sentence(self) -> int:
        """Sentences since the section began."""
        return self.index // PHRASES_PER_SENTENCE

    @property
    def end_beats(self) -> float:
        """Where the next phrase is expected to begin."""
        return self.inhale_at_beats + self.breaths * self.breath_beats

    @property
    def section_end_beats(self) -> int:
        """Where the section ends; the next begins with the first inhale from there."""
        return (self.section + 1) * SECTION_BEATS

    def exhale_at_beats(self, breath: int) -> float:
        """Return where the exhale of a breath (0 …) of the phrase starts."""
        return self.inhale_at_beats + (breath + self.inhale_fraction) * self.breath_beats


class Phrasing:
    """Asked for each beat in order, tells where phrases begin."""

    def __init__(self) -> None:
        self.now: Phrase | None = None

    def at(self, beat: int, controls: Controls, breath_phase: float) -> Phrase | None:
        """Return the phrase that begins on `beat`, or `None` if the one before goes on.

        Args:
            beat: whole beats since the piece began.
            controls: as they are now.
            breath_phase: phase of the breath on this beat; the inhale starts at 0.
        """
        breath_beats = controls.tempo_bpm / controls.breath_pace_per_min
        phase = round(breath_phase, _DIGITS) % 1.0
        to_inhale = (-phase if phase <= 0.5 else 1.0 - phase) * breath_beats
        inhales = -0.5 < round(to_inhale, _DIGITS) <= 0.5
        section = beat // SECTION_BEATS
        if not self._due(beat, controls, breath_beats, section, inhales=inhales):
            return None
        last = self.now
        index = 0 if last is None or last.section != section else last.index + 1
        if not inhales:  # in the middle of a breath: it has begun before
            to_inhale = -phase * breath_beats
        self.now = self._phrase(beat, section, index, controls, to_inhale)
        return self.now

    def _due(
        self, beat: int, controls: Controls, breath_beats: float, section: int, *, inhales: bool
    ) -> bool:
        last = self.now
        if last is None:  # at the very start, or where a replay begins: a border of sections
            return inhales or beat == 0
        gone = beat - last.inhale_at_beats
        if inhales and last.section != section:
            return gone >= 0.5 * breath_beats
        per_s = controls.tempo_bpm / 60.0
        shortest = max(SHORTEST_PHRASE_S * per_s - 0.5, 0.6 * breath_beats)
        return (inhales and gone >= shortest) or gone >= _PATIENCE * max(shortest, breath_beats)

    def _phrase(self, beat: int, section: int, index: int, controls: Controls, to_inhale: float) -> Phrase:
        per_s = controls.tempo_bpm / 60.0
        breath_beats = controls.tempo_bpm / controls.breath_pace_per_min
        breaths = 1 if breath_beats >= SHORTEST_PHRASE_S * per_s - 0.5 else 2
        length = breaths * breath_beats
        left = (section + 1) * SECTION_BEATS - beat
        pause = min(controls.silence * SECTION_BEATS, LONGEST_PAUSE_S * per_s)
        pauses = pause >= 0.5 * length
        ends = left - (pause if pauses else 0.0)
        return Phrase(
            section=section,
            index=index,
            start_beats=beat,
            inhale_at_beats=beat + to_inhale,
            breath_beats=breath_beats,
            inhale_fraction=controls.inhale_fraction,
            breaths=breaths,
            seconds=length / per_s,
            closing=ends - length <= 0.5 * length,
            pause=pauses and index >= _PLAYED_FIRST and ends <= 0.5 * length,
        )
