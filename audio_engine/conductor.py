"""The conductor turns the score's beats into samples: one tempo that eases, notes placed to the sample."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import math
from typing import Final

from audio_engine.composer.score import BEATS_PER_BAR, Composer, Note, Rest
from therapy.controls import Controls

__all__ = ["Conductor", "Onset", "Release", "beats_played"]

#: Time constant with which the played tempo follows the control: a player leans into a tempo, not jumps.
_TEMPO_S: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """`note` starts `offset_s` into the block and lasts about `duration_s`."""

    note: Note
    offset_s: float
    duration_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`note` ends in this block."""

    note: Note


def beats_played(from_bpm: float, to_bpm: float, seconds: float) -> tuple[float, float]:
    """Return how many beats a conductor plays within `seconds` on its way from one tempo to another.

    Returns:
        The beats, and the tempo that it plays then.
    """
    eased = _TEMPO_S * (1.0 - math.exp(-seconds / _TEMPO_S))
    beats = (to_bpm * seconds + (from_bpm - to_bpm) * eased) / 60.0
    return beats, to_bpm + (from_bpm - to_bpm) * math.exp(-seconds / _TEMPO_S)


class Conductor:
    """Moves through the piece block by block.

    Args:
        composer: writes the notes.
        position_beats: where to start, beats since the piece began.
        controls: the first controls.
        breath_phase: phase of the breath there, 0 … 1; the inhale starts at 0.
        tempo_bpm: tempo that is played at first; `None`: the controls' own, at once.
    """

    def __init__(
        self,
        composer: Composer,
        position_beats: float,
        controls: Controls,
        breath_phase: float,
        tempo_bpm: float | None = None,
    ) -> None:
        self.position_beats = position_beats
        self.tempo_bpm = controls.tempo_bpm if tempo_bpm is None else tempo_bpm
        self._composer = composer
        self._order = itertools.count()
        self._coming: list[tuple[float, int, Note]] = []
        self._ending: list[tuple[float, int, Note]] = []
        for note in composer.opening(position_beats, controls, breath_phase):
            self._put(self._coming, note.start_beats, note)
        self._next_beat = int(position_beats)

    @property
    def bar(self) -> float:
        """Where the music is, in bars since the piece began."""
        return self.position_beats / BEATS_PER_BAR

    def is_due(self, note: Note) -> bool:
        """Whether `note` has begun and is still to end."""
        return any(held is note for _, _, held in self._ending)

    @property
    def rest(self) -> Rest | None:
        """The composed pause that the music is in, or `None`."""
        rest = self._composer.rest
        return rest if rest is not None and rest.start_beats <= self.position_beats else None

    def block(
        self, controls: Controls, block_s: float, breath_phase: float
    ) -> tuple[list[Onset], list[Release]]:
        """Move on by one block of `block_s`; return what starts and what ends in it, in order of time.

        `breath_phase` is the breath's, 0 … 1, as the block begins.
        """
        self.tempo_bpm += (controls.tempo_bpm - self.tempo_bpm) * min(block_s / _TEMPO_S, 1.0)
        start = self.position_beats
        end = start + self.tempo_bpm / 60.0 * block_s
        while self._next_beat <= end + 1.0:
            per_beat = controls.breath_pace_per_min / self.tempo_bpm
            then = (breath_phase + (self._next_beat - start) * per_beat) % 1.0
            for note in self._composer.beat(self._next_beat, controls, then):
                if note.start_beats >= start:
                    self._put(self._coming, note.start_beats, note)
            self._next_beat += 1
        onsets = []
        while self._coming and self._coming[0][0] < end:
            at, _, note = heapq.heappop(self._coming)
            onsets.append(
                Onset(
                    note=note,
                    offset_s=max(0.0, at - start) / (end - start) * block_s,
                    duration_s=note.duration_beats * 60.0 / self.tempo_bpm,
                )
            )
            self._put(self._ending, at + note.duration_beats, note)
        releases = []
        while self._ending and self._ending[0][0] < end:
            releases.append(Release(note=heapq.heappop(self._ending)[2]))
        self.position_beats = end
        return onsets, releases

    def _put(self, queue: list[tuple[float, int, Note]], at: float, note: Note) -> None:
        heapq.heappush(queue, (at, next(self._order), note))
