"""What was played, as a standard MIDI file: a tempo map, and a track for each instrument.

The file keeps the times at which notes were heard: a tempo map changes where the bars lie, never when a note
sounds. Times are resolved to 1/960 of a beat. Held notes that are tied are one note.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import mido

from audio_engine.composer.roles import SUSTAINED
from audio_engine.errors import BadRender

__all__ = [
    "PROGRAMS",
    "TICKS_PER_BEAT",
    "HeardNote",
    "Sounding",
    "TempoMap",
    "midi_file",
    "sounding",
    "write_midi",
]

TICKS_PER_BEAT: Final = 960
#: General MIDI programs (from 0) that come near to the roles' usual players.
PROGRAMS: Final[Mapping[str, int]] = types.MappingProxyType(
    {"pad": 89, "drone": 95, "bell": 14, "answer": 11, "texture": 46, "pulse": 115}
)
_OTHER_PROGRAM: Final = 8
_CHANNELS: Final = 16
_DRUMS: Final = 9
_MOST_VELOCITY: Final = 127
#: A held note that comes again this soon after its end is tied: lengths are told ahead, and tempos change.
_TIE_S: Final = 1.5


class HeardNote(Protocol):
    """A note with the time it was heard; `messages.NotePlayed` and `therapy.events.Note` are such."""

    @property
    def at_s(self) -> float:
        """When it was first heard, s."""
        ...

    @property
    def instrument(self) -> str:
        """Role of the score."""
        ...

    @property
    def midi_note(self) -> float:
        """Pitch."""
        ...

    @property
    def velocity(self) -> float:
        """0 … 1."""
        ...

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sounding:
    """A note as it sounds, from its first stroke to its end, s; see `HeardNote`."""

    at_s: float
    instrument: str
    midi_note: float
    velocity: float
    duration_s: float


def sounding(notes: Iterable[HeardNote]) -> list[Sounding]:
    """Return the notes in order of time: held ones joined where tied, others cut where struck again."""
    lines: dict[tuple[str, float], list[Sounding]] = {}
    for note in sorted(notes, key=lambda n: n.at_s):
        line = lines.setdefault((note.instrument, note.midi_note), [])
        last = line[-1] if line else None
        end_s = last.at_s + last.duration_s if last is not None else -math.inf
        if last is not None and note.instrument in SUSTAINED and note.at_s <= end_s + _TIE_S:
            end_s = max(end_s, note.at_s + note.duration_s)
            line[-1] = dataclasses.replace(last, duration_s=end_s - last.at_s)
            continue
        if last is not None and note.at_s < end_s:
            line[-1] = dataclasses.replace(last, duration_s=note.at_s - last.at_s)
        line.append(
            Sounding(
                at_s=note.at_s,
                instrument=note.instrument,
                midi_note=note.midi_note,
                velocity=note.velocity,
                duration_s=note.duration_s,
            )
        )
    return sorted((note for line in lines.values() for note in line), key=lambda n: n.at_s)


class TempoMap:
    """Turns seconds into ticks under a tempo that changes in steps.

    Args:
        changes: (from this time on in seconds, beats a minute); the first holds before it too.

    Raises:
        BadRender: no tempo, or one that is not positive.
    """

    def __init__(self, changes: Sequence[tuple[float, float]]) -> None:
        if not changes or not all(bpm > 0.0 for _, bpm in changes):
            raise BadRender(f"tempo map must hold tempos > 0 bpm, got {list(changes)[:3]!r}")
        ordered = sorted(changes)
        kept = [ordered[0]] + [now for was, now in itertools.pairwise(ordered) if now[1] != was[1]]
        self._starts = [0.0] + [at_s for at_s, _ in kept[1:]]
        # A file has whole microseconds a beat: count in what it can say.
        self.tempos = [round(60e6 / bpm) for _, bpm in kept]
        self._ticks = [0.0]
        for i, (begin, end) in enumerate(itertools.pairwise(self._starts)):
            self._ticks.append(self._ticks[-1] + (end - begin) * self._per_s(i))

    def ticks(self, at_s: float) -> int:
        """Return the tick of `at_s` seconds."""
        i = max(bisect.bisect_right(self._starts, at_s) - 1, 0)
        return round(self._ticks[i] + (at_s - self._starts[i]) * self._per_s(i))

    def changes(self) -> list[tuple[int, int]]:
        """Return (tick, microseconds a beat) of each tempo."""
        return [(round(tick), tempo) for tick, tempo in zip(self._ticks, self.tempos, strict=True)]

    def _per_s(self, index: int) -> float:
        return TICKS_PER_BEAT * 1e6 / self.tempos[index]


def midi_file(
    notes: Iterable[HeardNote], tempo: Sequence[tuple[float, float]], *, start_s: float = 0.0
) -> mido.MidiFile:
    """Return a format 1 MIDI file of `notes`.

    Args:
        notes: in any order; those before `start_s` are left out.
        tempo: (time, beats a minute) on the notes' clock, see `TempoMap`; [(0, 60)] if not known.
        start_s: time on the notes' clock that becomes the start of the file.

    Raises:
        BadRender: a tempo that is none.
    """
    times = TempoMap([(at_s - start_s, bpm) for at_s, bpm in tempo])
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    head = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=4, denominator=4)])
    tempos = [(tick, mido.MetaMessage("set_tempo", tempo=each)) for tick, each in times.changes()]
    _put(head, tempos)
    file.tracks.append(head)
    voices: dict[str, list[Sounding]] = {}
    for note in sounding(n for n in notes if n.at_s >= start_s):
        voices.setdefault(note.instrument, []).append(note)
    channels = [c for c in range(_CHANNELS) if c != _DRUMS]
    for i, name in enumerate(sorted(voices)):
        channel = channels[i % len(channels)]
        program = PROGRAMS.get(name, _OTHER_PROGRAM)
        track = mido.MidiTrack(
            [
                mido.MetaMessage("track_name", name=name),
                mido.Message("program_change", channel=channel, program=program),
            ]
        )
        _put(track, _messages(voices[name], times, channel, start_s))
        file.tracks.append(track)
    return file


def write_midi(
    path: Path, notes: Iterable[HeardNote], tempo: Sequence[tuple[float, float]], *, start_s: float = 0.0
) -> None:
    """Write `midi_file` to `path`.

    Raises:
        BadRender: a tempo that is none, or a file that cannot be written.
    """
    file = midi_file(notes, tempo, start_s=start_s)
    try:
        file.save(path)
    except OSError as error:
        raise BadRender(f"MIDI file must be writable, got {path.name}: {error.strerror}") from error


def _messages(
    notes: Iterable[Sounding], times: TempoMap, channel: int, start_s: float
) -> list[tuple[int, mido.Message]]:
    """Return (tick, message) of `notes`, in order of time; one ends before its pitch is struck again."""
    found: list[tuple[int, mido.Message]] = []
    pitches: dict[int, list[Sounding]] = {}
    for note in notes:
        pitches.setdefault(min(max(round(note.midi_note), 0), 127), []).append(note)
    for pitch, line in pitches.items():
        for note, following in itertools.zip_longest(line, line[1:]):
            begin = times.ticks(note.at_s - start_s)
            end = max(times.ticks(note.at_s + note.duration_s - start_s), begin + 1)
            if following is not None:
                end = min(end, max(times.ticks(following.at_s - start_s), begin + 1))
            velocity = min(max(round(note.velocity * _MOST_VELOCITY), 1), _MOST_VELOCITY)
            on = mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
            found += [(begin, on), (end, mido.Message("note_off", channel=channel, note=pitch))]
    return found


def _put(track: mido.MidiTrack, messages: Iterable[tuple[int, mido.Message | mido.MetaMessage]]) -> None:
    """Append (tick, message) to `track` in order of time, what ends before what begins."""
    now = 0
    for tick, message in sorted(messages, key=lambda m: (m[0], m[1].type == "note_on")):
        track.append(message.copy(time=tick - now))
        now = tick
