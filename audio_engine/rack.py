"""What is plugged in: the instruments and soundscapes of a palette, each behind a fader, and how they change.

Only what the place needs is built. What makes no sound sleeps: its pyo objects are stopped and cost nothing.
A change of place builds one part in a few blocks, so that no block is late, and then fades from the old ones
to the new ones; held notes are taken over.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from audio_engine.composer.roles import SUSTAINED, USUAL
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset
from audio_engine.desk import BED, PLACE, SEND, Desk
from audio_engine.errors import BadPalette
from audio_engine.loudness import SILENT_DB, amplitude, decibels
from audio_engine.space import encode
from therapy.controls import Controls
from therapy.discover import declared
from therapy.specs import Ambience, Direction, InstrumentSpec, Palette, SoundscapeSpec

__all__ = ["Part", "Rack", "check"]

#: How loud each role stands in the mix: whoever plays it is made as loud in the audition as this.
_ROLE_LUFS: Final[Mapping[str, float]] = {"pad": -25.3, "drone": -28.5, "pulse": -25.8}
_TUNE_LUFS: Final = -27.5
#: Gain of a sound of nature is this power of its control: the slider's lower half is the quiet one.
_CONTROL_POWER: Final = 1.4
_CONTROL_S: Final = 0.4
#: How long the usual instrument takes to take over from one that must not be heard.
_RECAST_S: Final = 1.0
#: An instrument sleeps this long after its last note should have ended: longer than any rings, and longer
#: than a note grows when the tempo falls at its greatest slope.
_REST_S: Final = 16.0
_BLOCKS_PER_BUILD: Final = 4
#: How often parts are asked whether they may sleep.
_LOOK_S: Final = 0.1
_MOST_ELEVATION_DEG: Final = 90.0
_HALF_TURN_DEG: Final = 180.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Known:
    """What can be built, by name."""

    instruments: Mapping[str, InstrumentSpec]
    soundscapes: Mapping[str, SoundscapeSpec]


def _known() -> _Known:
    return _Known(
        declared("audio_engine.instruments", "INSTRUMENT", InstrumentSpec),
        declared("audio_engine.soundscapes", "SOUNDSCAPE", SoundscapeSpec),
    )


def check(palette: Palette) -> None:
    """Refuse a palette that cannot be played.

    Raises:
        BadPalette: a name that nobody declared, or a level or direction out of bounds.
    """
    if not isinstance(palette, Palette):
        raise BadPalette(f"palette must be a Palette, got {type(palette).__name__}")
    known = _known()
    for role, name in palette.instruments.items():
        if name not in known.instruments:
            raise BadPalette(
                f"instrument of {role} must be one of {', '.join(known.instruments)}, got {name!r}"
            )
        if role in SUSTAINED and not known.instruments[name].chords:
            raise BadPalette(f"instrument of {role} must carry chords, got {name!r}, which does not")
    _check_soundscapes(palette, known)


def _check_soundscapes(palette: Palette, known: _Known) -> None:
    names = [ambience.name for ambience in palette.soundscapes]
    if len(set(names)) != len(names):
        raise BadPalette(f"soundscapes must each be named once, got {', '.join(names)}")
    for ambience in palette.soundscapes:
        if ambience.name not in known.soundscapes:
            raise BadPalette(
                f"soundscape must be one of {', '.join(known.soundscapes)}, got {ambience.name!r}"
            )
        for what, got in (("level", ambience.level), ("least", ambience.least)):
            if not 0.0 <= got <= 1.0:
                raise BadPalette(f"{what} of {ambience.name} must be in 0…1, got {got!r}")
        if ambience.direction is not None:
            _check_direction(ambience.name, ambience.direction)


def _check_direction(name: str, where: Direction) -> None:
    for what, got, low, high in (
        ("azimuth_deg", where.azimuth_deg, -_HALF_TURN_DEG, _HALF_TURN_DEG),
        ("elevation_deg", where.elevation_deg, -_MOST_ELEVATION_DEG, _MOST_ELEVATION_DEG),
        ("spread_deg", where.spread_deg, 0.0, _HALF_TURN_DEG),
    ):
        if not low <= got <= high:
            raise BadPalette(f"{what} of {name} must be in {low:g}…{high:g}, got {got!r}")


class Part:
    """One built instrument or soundscape behind a fader that starts closed.

    Args:
        desk: the desk.
        spec: what to build.
        direction: where a sound of the place comes from; `None`: a voice of the music, on the bed.

    Attributes:
        voice: what was built.
        music: it is a voice of the music, not a sound of the place.
        contains: what it sounds like, words of `therapy.personal.TRIGGERS`.
    """

    def __init__(
        self, desk: Desk, spec: InstrumentSpec | SoundscapeSpec, direction: Direction | None = None
    ) -> None:
        before = {id(stream) for stream in desk.streams()}
        self._desk = desk
        self.music = direction is None
        self.contains = spec.contains
        self.voice: Any = spec.build(desk)
        self._voices, self._loops = desk.claimed_voices(), desk.claimed_loops()
        own = {id(each) for voice in self._voices for each in voice.objects}
        self._fader = desk.glide(0.0, 0.05)
        self._level = self._until_s = self._faded_at_s = 0.0
        self._awake = True
        sound = self.voice.sound * self._fader
        # pyo stops what nobody holds: keep every end of the graph.
        if direction is None:
            self._ends = [(sound, BED), ((sound * self.voice.reverb_send).mix(1), SEND)]
        else:
            gains = encode(direction)
            self._ends = [
                ((sound * [float(g) for g in gains[:, channel]]).mix(1), PLACE + channel)
                for channel in range(gains.shape[1])
                if gains[:, channel].any()
            ]
        # Voices sleep and wake on their own.
        self._streams = [
            stream
            for stream in desk.streams()
            if id(stream) not in before and id(stream.getStreamObject()) not in own
        ]
        self._out()

    @property
    def level(self) -> float:
        """Gain that the fader has or is on its way to."""
        return self._level

    def fade(self, level: float, seconds: float) -> None:
        """Fade to `level` within `seconds`, or at the end of a longer fade that runs; wakes the part."""
        if level != self._level:
            seconds = max(seconds, self._faded_at_s - self._desk.now_s)
            self._faded_at_s = self._desk.now_s + seconds
            self._level = level
            self._fader.time = seconds
            self._fader.value = level
            self.keep_up(seconds)

    def keep_up(self, seconds: float) -> None:
        """Be awake from now on for `seconds` at least."""
        self._until_s = max(self._until_s, self._desk.now_s + seconds + 0.1)
        if not self._awake:
            self._awake = True
            for stream in self._streams:
                stream.getStreamObject().play()
            self._out()

    def start(self, onset: Onset) -> bool:
        """Play a note and be awake until it has rung out; return whether a new sound starts."""
        self.keep_up(onset.duration_s + _REST_S)
        return bool(self.voice.start(onset))

    def rest(self) -> None:
        """Sleep if nothing is to be heard: what sounds would click, because its objects stop at once."""
        heard = not self.music and self._level > 0.0
        if self._awake and not heard and self._desk.now_s > self._until_s:
            self._awake = False
            for stream in self._streams:
                stream.getStreamObject().stop()

    @property
    def awake(self) -> bool:
        """The part costs something."""
        return self._awake

    def drop(self) -> None:
        """Stop for good; the caller then forgets the part."""
        for stream in self._streams:
            stream.getStreamObject().stop()
        for voice in self._voices:
            voice.sleep()
        self._streams, self._ends, self._voices, self._loops = [], [], [], []

    def _out(self) -> None:
        for end, bus in self._ends:
            end.out(bus)


@dataclasses.dataclass(slots=True)
class _Place:
    """A soundscape of the palette, built when it is first heard."""

    spec: SoundscapeSpec
    ambience: Ambience
    part: Part | None = None

    @property
    def direction(self) -> Direction:
        return self.ambience.direction or self.spec.direction

    def level(self, controls: Controls) -> float:
        share = max(getattr(controls, self.spec.control), self.ambience.least) if self.spec.control else 1.0
        return float(self.ambience.level * share**_CONTROL_POWER)


class Rack:
    """Plays the roles of the score and the sounds of the place with one palette, then with another.

    Args:
        desk: the desk.
        palette: what to begin with; built before this returns.
        controls: how it begins.

    Raises:
        BadPalette: `palette` cannot be played.
    """

    def __init__(self, desk: Desk, palette: Palette, controls: Controls) -> None:
        check(palette)
        self._desk, self._controls = desk, controls
        self._specs = _known()
        self._voices: dict[str, Part] = {}
        self._roles: dict[str, str] = {}
        self._places: dict[str, _Place] = {}
        self._coming: dict[str, Part] = {}
        self._next: tuple[Palette, float] | None = None
        self._missing: deque[str] = deque()
        self._leaving: list[tuple[Part, float]] = []
        self._held: dict[int, Onset] = {}
        self._excluded: frozenset[str] = frozenset()
        self._wait = 0
        self._look_at_s = self._crossed_at_s = 0.0
        self._unheard: _Place | None = None
        self._nature: tuple[list[tuple[float, float]], float] = ([], SILENT_DB)
        self.change(palette, 0.05)
        while self._next is not None or self._lacking():
            self._build_one()
            self._let_be_heard()
        desk.make_loops_later()

    @property
    def nature_lufs(self) -> float:
        """About how loud the sounds of the place are together."""
        levels = [(p.spec.lufs, p.part.level) for p in self._places.values() if p.part is not None]
        if levels != self._nature[0]:
            energy = math.fsum(
                10.0 ** ((lufs + decibels(level)) / 10.0) for lufs, level in levels if level > 0.0
            )
            self._nature = levels, 10.0 * math.log10(energy) if energy > 0.0 else SILENT_DB
        return self._nature[1]

    @property
    def held(self) -> list[Note]:
        """Sustained notes that have not been let go."""
        return [onset.note for onset in self._held.values()]

    @property
    def parts(self) -> dict[str, Part]:
        """What is built and not leaving, by name."""
        places = {name: p.part for name, p in self._places.items() if p.part is not None}
        return {**self._voices, **places}

    @property
    def changing(self) -> bool:
        """A change of palette is not finished."""
        return self._next is not None or bool(self._leaving)

    def change(self, palette: Palette, fade_s: float) -> None:
        """Go over to `palette` as soon as it is built, within `fade_s`. The newest call counts.

        Raises:
            BadPalette: `palette` cannot be played; nothing changes.
        """
        check(palette)
        self._palette = palette
        wanted = self._cast(palette)
        self._next = (palette, fade_s)
        for name in [n for n in self._coming if n not in wanted.values()]:
            self._coming.pop(name).drop()
        have = {**self._voices, **self._coming}
        self._missing = deque(dict.fromkeys(n for n in wanted.values() if n not in have))

    def advance(self) -> None:
        """Do this block's share of building, and let what is silent sleep. Call before each block."""
        self._wait -= 1
        if not self._desk.make_loop():
            self._let_be_heard()
            if self._wait <= 0 and (self._next is not None or self._lacking()):
                self._build_one()
                self._wait = _BLOCKS_PER_BUILD
        now_s = self._desk.now_s
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + _LOOK_S
            for part in self.parts.values():
                part.rest()
        if not self._leaving:
            return
        for part, gone_at_s in self._leaving:
            if now_s > gone_at_s:
                part.drop()
        self._leaving = [(part, at_s) for part, at_s in self._leaving if now_s <= at_s]

    def steer(self, controls: Controls) -> None:
        """Follow the controls."""
        self._controls = controls
        for part in self.parts.values():
            if part.awake:
                part.voice.steer(controls)
        for place in self._places.values():
            self._set_level(place, _CONTROL_S)

    def exclude(self, tags: frozenset[str]) -> None:
        """Begin no more notes of what contains one of `tags`, and fade such sounds of the place out.

        Where the usual instrument of a role may be heard, it takes over.
        """
        if tags == self._excluded:
            return
        self._excluded = tags
        self.change(self._palette, _RECAST_S)
        for place in self._places.values():
            self._set_level(place, _CONTROL_S)

    def start(self, onset: Onset) -> bool:
        """Play a note of this block; return whether it sounds: a new sound starts, or it is tied on."""
        note = onset.note
        part = self._voices[self._roles[note.instrument]]
        tied = False
        if note.instrument in SUSTAINED:
            tied = any((n.instrument, n.midi_note) == (note.instrument, note.midi_note) for n in self.held)
            self._held[id(note)] = onset
        return self._start(part, onset) or (tied and not part.contains & self._excluded)

    def release(self, note: Note) -> None:
        """Let a note go, wherever it sounds."""
        self._held.pop(id(note), None)
        for part in [*self._voices.values(), *(part for part, _ in self._leaving)]:
            if part.music:
                part.voice.release(note)

    def _start(self, part: Part, onset: Onset) -> bool:
        if part.contains & self._excluded:
            return False
        if not part.awake:
            part.voice.steer(self._controls)
        return part.start(onset)

    def _lacking(self) -> list[_Place]:
        """Return the sounds of the place that are to be heard and not built."""
        return [each for each in self._places.values() if each.part is None and self._level_of(each) > 0.0]

    def _level_of(self, place: _Place) -> float:
        return 0.0 if place.spec.contains & self._excluded else place.level(self._controls)

    def _build_one(self) -> None:
        if self._missing and not self._leaving:
            name = self._missing.popleft()
            part = Part(self._desk, self._specs.instruments[name])
            part.voice.steer(self._controls)
            self._coming[name] = part
        elif self._next is not None and not self._leaving:
            self._cross_over(*self._next)
            self._next = None
        else:
            for place in self._lacking()[:1]:
                place.part = Part(self._desk, place.spec, place.direction)
                place.part.voice.steer(self._controls)
                self._unheard = place

    def _let_be_heard(self) -> None:
        """Fade in what was built last, now that its noises are made."""
        if self._unheard is not None:
            place, self._unheard = self._unheard, None
            # built a moment after the fade to its palette began, it is there when the others are
            self._set_level(place, max(_CONTROL_S, self._crossed_at_s - self._desk.now_s))

    def _cast(self, palette: Palette) -> dict[str, str]:
        """Return who plays each role."""
        roles = {**USUAL, **palette.instruments}
        known = self._specs.instruments
        return {
            role: USUAL.get(role, name) if known[name].contains & self._excluded else name
            for role, name in roles.items()
        }

    def _cross_over(self, palette: Palette, fade_s: float) -> None:
        """Fade from what plays to what was built; held notes sound on in the new voices."""
        roles = self._cast(palette)
        self._crossed_at_s = self._desk.now_s + fade_s
        for name in [n for n in self._voices if n not in roles.values()]:
            self._leave(self._voices.pop(name), fade_s)
        before, self._roles = self._roles, roles
        self._voices.update(self._coming)
        self._coming = {}
        for role, name in reversed(roles.items()):
            lufs = _ROLE_LUFS.get(role, _TUNE_LUFS)
            self._voices[name].fade(amplitude(lufs - self._specs.instruments[name].lufs), fade_s)
        for onset in self._held.values():
            role = onset.note.instrument
            if before[role] != roles[role]:
                self._start(self._voices[roles[role]], dataclasses.replace(onset, offset_s=0.0))
        places = {a.name: _Place(self._specs.soundscapes[a.name], a) for a in palette.soundscapes}
        for name, old in self._places.items():
            new = places.get(name)
            if new is not None and new.direction == old.direction:
                new.part = old.part
                self._set_level(new, fade_s)
            elif old.part is not None:
                self._leave(old.part, fade_s)
        self._places = places

    def _set_level(self, place: _Place, seconds: float) -> None:
        part = place.part
        if part is None or place is self._unheard:
            return
        level = self._level_of(place)
        if level > 0.0 and not part.awake:
            part.voice.steer(self._controls)
        part.fade(level, seconds)

    def _leave(self, part: Part, fade_s: float) -> None:
        part.fade(0.0, fade_s)
        self._leaving.append((part, self._desk.now_s + fade_s + 0.1))
