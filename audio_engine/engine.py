"""The engine: score, pyo and master as one thing that makes the next 10 ms of sound.

pyo holds the interpreter lock for the whole of a block and has one random generator per process, so one
process runs one engine.
"""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from audio_engine._pyo import pyo
from audio_engine.binaural import Binaural
from audio_engine.breath import BreathClock
from audio_engine.composer.score import BEATS_PER_BAR, SUSTAINED, Composer
from audio_engine.conductor import Conductor, Onset
from audio_engine.desk import BED, BUSSES, PLACE, SEND, Desk
from audio_engine.door import Door
from audio_engine.ducking import Ducker
from audio_engine.errors import BadAudioConfig, EngineBroken
from audio_engine.loudness import SILENT_DB, amplitude
from audio_engine.master import LATENCY_S, Master
from audio_engine.messages import BLOCK_FRAMES, BLOCK_S, CHANNELS, MusicRests, NotePlayed
from audio_engine.rack import Rack
from audio_engine.space import to_stereo
from audio_engine.synth import Synth
from therapy.breath import breath_level
from therapy.controls import TABLE, Controls
from therapy.specs import PLAIN, Palette

__all__ = ["Block", "Engine"]

_LIFT_DB: Final = 4.0
_REVERB_S: Final = 3.2
#: The room's level with `space` 0 and 1: near and almost dry, to far; 0.9 in between.
_REVERB_LEVELS: Final = (0.3, 1.5)
_REVERB_GLIDE_S: Final = 1.0
#: Dry pad, drone, tune, figure and room at the neutral controls (measured).
_MUSIC_LUFS: Final = -19.0


def _folded() -> npt.NDArray[np.float32]:
    """Return what makes two channels of all busses: the bed, and the place as two ears hear it."""
    matrix = np.zeros((BUSSES, CHANNELS), np.float32)
    matrix[BED : BED + CHANNELS] = np.eye(CHANNELS)
    matrix[PLACE:] = to_stereo(np.eye(BUSSES - PLACE, dtype=np.float32))
    return matrix


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """10 ms of sound, and the notes that start with it.

    Attributes:
        frames: float32 (480, 2), owned by the caller: everything, or the bed without the place.
        notes: what starts.
        place: the place apart, float32 (480, 4), W Y Z X, or `None` if it is in `frames`.
        rest: told once, as a composed pause begins.
    """

    frames: npt.NDArray[np.float32]
    notes: tuple[NotePlayed, ...]
    place: npt.NDArray[np.float32] | None = None
    rest: MusicRests | None = None


class Engine:
    """Makes sound block by block. Not thread-safe; one per process at a time; `close` it.

    Args:
        seed: the same seed, scene and controls make the same sound, bit for bit, on one machine.
        scene: name of the place: part of the seed.
        controls: how it starts; goes through the door.
        start_bar: where in the piece to start, bars ≥ 0.
        palette: what the place sounds like.

    Raises:
        BadAudioConfig: `start_bar` is negative or not finite.
        BadPalette: `palette` cannot be played.
        BadPlugin: an instrument or soundscape is missing or declared twice.
    """

    def __init__(
        self,
        *,
        seed: int,
        scene: str,
        controls: Controls,
        start_bar: float = 0.0,
        palette: Palette = PLAIN,
    ) -> None:
        if not (math.isfinite(start_bar) and start_bar >= 0.0):
            raise BadAudioConfig(f"start_bar must be a finite number of bars ≥ 0, got {start_bar!r}")
        self.door = Door(controls)
        first = self.door.controls
        text = f"{scene}/{seed}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
        self._composer = Composer(text)
        self._conductor = Conductor(self._composer, start_bar * BEATS_PER_BAR, first, first.pacer_phase)
        self._ducker = Ducker()
        self._breath = BreathClock(first.pacer_phase, first.breath_pace_per_min)
        self._swell = first.swell
        self._blocks = 0
        self._binaural = Binaural()
        self._fold = _folded()
        self._declared = (math.nan, 0.0)
        self._rests_from: float | None = None
        self._boot(number)
        self._desk = Desk(self._server, number)
        self._desk.prepare()
        self._build_room()
        self.rack = Rack(self._desk, palette, first)
        self.master = Master(first.music_lufs, self._declared_lufs())

    def _boot(self, seed: int) -> None:
        self._synth = Synth(seed)
        self._server, self._dry = self._synth.server, self._synth.out

    def _build_room(self) -> None:
        """Build the reverb. It gets what the voices sent in the block before: 10 ms to the first wall."""
        self._room_in, send = self._desk.line()
        room = pyo.STRev(send, inpos=0.5, revtime=_REVERB_S, cutoff=4200.0, bal=1.0, roomSize=1.3)
        self._wet = self._desk.glide(_REVERB_LEVELS[0], _REVERB_GLIDE_S)
        level = room * self._wet
        # pyo stops what nobody holds: keep every end of the graph.
        self._room: tuple[Any, ...] = (send, room, level, level.out(BED))

    @property
    def bar(self) -> float:
        """Where the music is, in bars since the piece began."""
        return self._conductor.bar

    @property
    def resting(self) -> bool:
        """Whether the music is in a composed pause."""
        return self._conductor.rest is not None

    @property
    def breath_phase(self) -> float:
        """Phase of the breath that the sound follows, 0 … 1, the inhale starts at 0."""
        return self._breath.phase

    def steer(self, controls: Controls, at_s: float | None) -> None:
        """Follow `controls`, whose `pacer_phase` is as of session time `at_s` (`None`: run free)."""
        good = self.door.admit(controls)
        if at_s is None:
            self._breath.set_pace(good.breath_pace_per_min)
        else:
            self._breath.sync(good.pacer_phase, at_s, good.breath_pace_per_min)
        self.rack.steer(good)
        near, far = _REVERB_LEVELS
        self._wet.value = near + (far - near) * good.space

    def place(self, palette: Palette, fade_s: float) -> None:
        """Go over to the sound of another place; built over the next blocks, then faded within `fade_s`.

        Raises:
            BadPalette: `palette` cannot be played; nothing changes.
        """
        admitted = self.door.admit_fade(1.0, fade_s)
        if admitted is not None:
            self.rack.change(palette, admitted[1])

    def start_at(self, bar: float, tempo_bpm: float, controls: Controls, at_s: float | None) -> None:
        """Be at `bar` (≥ 0), with `controls`. Only before the first block.

        Args:
            bar: where in the piece, bars.
            tempo_bpm: tempo that is played there; it goes on to the controls' own.
            controls: go through the door.
            at_s: session time that their `pacer_phase` is for, or `None`.

        Raises:
            BadAudioConfig: `bar` is negative or not finite.
        """
        if not (math.isfinite(bar) and bar >= 0.0):
            raise BadAudioConfig(f"bar must be a finite number of bars ≥ 0, got {bar!r}")
        tempo = TABLE["tempo_bpm"].clamp(tempo_bpm) if math.isfinite(tempo_bpm) else controls.tempo_bpm
        self.steer(controls, at_s)
        good = self.door.controls
        self._conductor = Conductor(self._composer, bar * BEATS_PER_BAR, good, good.pacer_phase, tempo)
        self._breath = BreathClock(good.pacer_phase, good.breath_pace_per_min)
        self._swell = good.swell
        self.master = Master(good.music_lufs, self._declared_lufs())

    def idle(self, blocks: int) -> None:
        """Make `blocks` of nothing, so that the first heard one finds memory and code in place."""
        for _ in range(blocks):
            self._synth.process()

    @property
    def overdue_notes(self) -> int:
        """How many notes are held that nothing will ever end: a mistake if it is not 0."""
        return sum(not self._conductor.is_due(note) for note in self.rack.held)

    @property
    def tempo_bpm(self) -> float:
        """The tempo that is played."""
        return self._conductor.tempo_bpm

    def duck(self, from_s: float, until_s: float, depth_db: float, now_s: float) -> None:
        """Step back for words; refused quietly (see `door.refusals`) if not finite."""
        admitted = self.door.admit_duck(from_s, until_s, depth_db, now_s)
        if admitted is not None:
            self._ducker.announce(*admitted)

    def fade(self, gain: float, seconds: float) -> None:
        """Fade to `gain` (0 … 1) within `seconds`; refused quietly (see `door.refusals`) if not finite."""
        admitted = self.door.admit_fade(gain, seconds)
        if admitted is not None:
            self.master.fade(*admitted)

    def exclude(self, tags: frozenset[str]) -> None:
        """Begin no more notes of instruments, and silence sounds of the place, that contain one of `tags`."""
        self.rack.exclude(tags)

    def block(self, play_at_s: float) -> Block:
        """Return the next block, whose first sample is due at the ear at session time `play_at_s`.

        Raises:
            EngineBroken: the synthesis made a NaN or an infinity. `error.args` has the line; play
                silence and end the process.
        """
        controls = self.door.controls
        at_s = play_at_s + LATENCY_S
        self._desk.begin(self._blocks * BLOCK_S)
        self._room_in[:] = self._dry[:, SEND]
        self.rack.advance()
        onsets, releases = self._conductor.block(controls, BLOCK_S, self._breath.phase)
        notes = [self._note(onset, at_s) for onset in onsets if self._play(onset)]
        for release in releases:
            self.rack.release(release.note)
        self._breathe(at_s)
        self._desk.fill()
        self._synth.process()
        self._blocks += 1
        # The one test that sees every NaN: pyo's Clip lets them pass, and filters latch them.
        flat = self._dry.reshape(-1)
        if not math.isfinite(float(np.dot(flat, flat))):
            raise EngineBroken(f"synthesis must be finite, got NaN or infinity in block {self._blocks}")
        place = self._dry[:, PLACE:]
        dry = self._binaural.added(self._dry @ self._fold, controls.binaural)
        duck_db = self._ducker.gain_db(at_s, BLOCK_S)
        frames = self.master.process(
            dry, controls.music_lufs, self._declared_lufs(), place, duck_db, listening=not self.resting
        )
        return Block(frames=frames, notes=tuple(notes), place=self.master.place, rest=self._rest(at_s))

    def skip(self, blocks: int) -> None:
        """Let `blocks` of music pass unheard: the bar stays with the clock, held notes are kept up."""
        begun: list[Onset] = []
        for _ in range(blocks):
            onsets, releases = self._conductor.block(self.door.controls, BLOCK_S, self._breath.phase)
            begun += [onset for onset in onsets if onset.note.instrument in SUSTAINED]
            for release in releases:
                ended = [onset for onset in begun if onset.note is release.note]
                if ended:
                    begun.remove(ended[0])
                else:
                    self.rack.release(release.note)
        for onset in begun:
            self._play(dataclasses.replace(onset, offset_s=0.0))

    def close(self) -> None:
        """Take the graph down while its server lives, then the server and the views into its memory."""
        self._room = ()
        self._room_in = np.zeros(BLOCK_FRAMES, np.float32)
        del self.rack, self._desk
        # pyo's objects point at each other; left to a later collection they would go after their server.
        gc.collect()
        self._synth.close()
        self._dry = self._synth.out

    def _play(self, onset: Onset) -> bool:
        return self.rack.start(onset)

    def _rest(self, at_s: float) -> MusicRests | None:
        """Return the composed pause that begins with this block, if one does."""
        rest = self._conductor.rest
        known, self._rests_from = self._rests_from, None if rest is None else rest.start_beats
        if rest is None or known == rest.start_beats:
            return None
        left_beats = rest.end_beats - self._conductor.position_beats
        return MusicRests(at_s=at_s, duration_s=left_beats * 60.0 / self._conductor.tempo_bpm)

    @staticmethod
    def _note(onset: Onset, at_s: float) -> NotePlayed:
        return NotePlayed(
            at_s=at_s + onset.offset_s,
            instrument=onset.note.instrument,
            midi_note=float(onset.note.midi_note),
            velocity=onset.note.velocity,
            duration_s=onset.duration_s,
        )

    def _declared_lufs(self) -> float:
        """Return about how loud the dry mix is, from what its parts say."""
        nature_lufs = self.rack.nature_lufs
        if nature_lufs != self._declared[0]:
            nature = 10.0 ** (nature_lufs / 10.0) if nature_lufs > SILENT_DB else 0.0
            self._declared = nature_lufs, 10.0 * math.log10(10.0 ** (_MUSIC_LUFS / 10.0) + nature)
        return self._declared[1]

    def _breathe(self, at_s: float) -> None:
        controls = self.door.controls
        phase = self._breath.advance(BLOCK_S, at_s)
        self._swell += (controls.swell - self._swell) * BLOCK_S
        lift = self._swell * (2.0 * breath_level(phase, controls.inhale_fraction) - 1.0)
        self._desk.breathe(lift, amplitude(_LIFT_DB * lift))
