"""The engine: score, pyo and master as one thing that makes the next 10 ms of sound.

pyo holds the interpreter lock for the whole of a block and has one random generator per process, so one
process runs one engine.
"""

from __future__ import annotations

import ctypes
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
from audio_engine.composer.roles import USUAL
from audio_engine.composer.score import BEATS_PER_BAR, SUSTAINED, Composer
from audio_engine.conductor import Conductor, Onset
from audio_engine.desk import Desk, Instrument, Soundscape
from audio_engine.door import Door
from audio_engine.errors import BadAudioConfig, EngineBroken
from audio_engine.loudness import SILENT_DB, amplitude
from audio_engine.master import LATENCY_S, Master
from audio_engine.messages import BLOCK_FRAMES, BLOCK_S, CHANNELS, RATE_HZ, MusicRests, NotePlayed
from therapy.breath import breath_level
from therapy.controls import Controls
from therapy.discover import declared
from therapy.specs import InstrumentSpec, SoundscapeSpec

__all__ = ["Block", "Engine"]

_LINES: Final = 32
_LIFT_DB: Final = 4.0
_REVERB_S: Final = 3.2
#: The room's level with `space` 0 and 1: near and almost dry, to far; 0.9 in between.
_REVERB_LEVELS: Final = (0.3, 1.5)
_REVERB_GLIDE_S: Final = 1.0
#: Dry pad, drone, tune, figure and room at the neutral controls (measured).
_MUSIC_LUFS: Final = -18.6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """10 ms of sound: `frames` float32 (480, 2) owned by the caller, and the notes that start with it.

    `rest` is told once, as a composed pause begins.
    """

    frames: npt.NDArray[np.float32]
    notes: tuple[NotePlayed, ...]
    rest: MusicRests | None = None


class Engine:
    """Makes sound block by block. Not thread-safe; one per process at a time; `close` it.

    Args:
        seed: the same seed, scene and controls make the same sound, bit for bit, on one machine.
        scene: name of the place: part of the seed.
        controls: how it starts; goes through the door.
        start_bar: where in the piece to start, bars ≥ 0.

    Raises:
        BadAudioConfig: `start_bar` is negative or not finite.
        BadPlugin: an instrument or soundscape is missing or declared twice.
    """

    def __init__(self, *, seed: int, scene: str, controls: Controls, start_bar: float = 0.0) -> None:
        if not (math.isfinite(start_bar) and start_bar >= 0.0):
            raise BadAudioConfig(f"start_bar must be a finite number of bars ≥ 0, got {start_bar!r}")
        self.door = Door(controls)
        first = self.door.controls
        text = f"{scene}/{seed}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
        self._conductor = Conductor(Composer(text), start_bar * BEATS_PER_BAR, first, first.pacer_phase)
        self._breath = BreathClock(first.pacer_phase, first.breath_pace_per_min)
        self._swell = first.swell
        self._blocks = 0
        self._binaural = Binaural()
        self._rests_from: float | None = None
        self._boot(number)
        self._desk = Desk(self._lines, number)
        self._build()
        self._apply(first)
        self.master = Master(first.music_lufs, self._declared_lufs())

    def _boot(self, seed: int) -> None:
        """Boot a server without a sound card and map its buffers: no copy on the way in or out."""
        server = pyo.Server(
            sr=RATE_HZ, nchnls=CHANNELS, buffersize=BLOCK_FRAMES, duplex=1, audio="manual", ichnls=_LINES
        )
        server.setVerbosity(1)
        server.deactivateMidi()
        # pyo takes −1 as "random" and 0 as "unset".
        server.setGlobalSeed(seed + 1)
        server.boot()
        server.start()
        self._server: Any = server
        self._lines = _view(server.getInputAddr(), _LINES)
        self._dry = _view(server.getOutputAddr(), CHANNELS)

    def _build(self) -> None:
        desk = self._desk
        instruments = declared("audio_engine.instruments", "INSTRUMENT", InstrumentSpec)
        soundscapes = declared("audio_engine.soundscapes", "SOUNDSCAPE", SoundscapeSpec)
        self.instruments: dict[str, Instrument] = {n: spec.build(desk) for n, spec in instruments.items()}
        self.soundscapes: dict[str, Soundscape] = {n: spec.build(desk) for n, spec in soundscapes.items()}
        voices = list(self.instruments.values())
        sends = pyo.Mix([(voice.sound * voice.reverb_send).mix(1) for voice in voices], voices=1)
        room = pyo.STRev(sends, inpos=0.5, revtime=_REVERB_S, cutoff=4200.0, bal=1.0, roomSize=1.3)
        everything = [v.sound for v in voices] + [s.sound for s in self.soundscapes.values()]
        self._wet = desk.glide(_REVERB_LEVELS[0], _REVERB_GLIDE_S)
        self._room: Any = room * self._wet
        # pyo stops what nobody holds: keep every end of the graph.
        self._ends: list[Any] = [sound.out() for sound in everything] + [self._room.out()]
        self._sends: tuple[Any, ...] = (sends, room, self._wet)

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
        self._apply(good)

    def fade(self, gain: float, seconds: float) -> None:
        """Fade to `gain` (0 … 1) within `seconds`; refused quietly (see `door.refusals`) if not finite."""
        admitted = self.door.admit_fade(gain, seconds)
        if admitted is not None:
            self.master.fade(*admitted)

    def block(self, play_at_s: float) -> Block:
        """Return the next block, whose first sample is due at the ear at session time `play_at_s`.

        Raises:
            EngineBroken: the synthesis made a NaN or an infinity. `error.args` has the line; play
                silence and end the process.
        """
        controls = self.door.controls
        at_s = play_at_s + LATENCY_S
        self._desk.now_s = self._blocks * BLOCK_S
        self._lines[:] = 0.0
        onsets, releases = self._conductor.block(controls, BLOCK_S, self._breath.phase)
        notes = [self._note(onset, at_s) for onset in onsets if self._play(onset)]
        for release in releases:
            self.instruments[USUAL[release.note.instrument]].release(release.note)
        self._breathe(at_s)
        self._server.process()
        self._blocks += 1
        # The one test that sees every NaN: pyo's Clip lets them pass, and filters latch them.
        if not np.isfinite(self._dry).all():
            raise EngineBroken(f"synthesis must be finite, got NaN or infinity in block {self._blocks}")
        dry = self._binaural.added(self._dry, controls.binaural)
        frames = self.master.process(
            dry, controls.music_lufs, self._declared_lufs(), listening=not self.resting
        )
        return Block(frames=frames, notes=tuple(notes), rest=self._rest(at_s))

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
                    self.instruments[USUAL[release.note.instrument]].release(release.note)
        for onset in begun:
            self._play(dataclasses.replace(onset, offset_s=0.0))

    def close(self) -> None:
        """Take the graph down while its server lives, then the server and the views into its memory."""
        self._lines = np.zeros((BLOCK_FRAMES, _LINES), np.float32)
        self._dry = np.zeros((BLOCK_FRAMES, CHANNELS), np.float32)
        self._server.stop()
        self.instruments, self.soundscapes = {}, {}
        self._ends, self._sends, self._room = [], (), None
        del self._desk
        # pyo's objects point at each other; left to a later collection they would go after their server.
        gc.collect()
        self._server.shutdown()

    def _play(self, onset: Onset) -> bool:
        return self.instruments[USUAL[onset.note.instrument]].start(onset)

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

    def _apply(self, controls: Controls) -> None:
        near, far = _REVERB_LEVELS
        self._wet.value = near + (far - near) * controls.space
        for voice in self.instruments.values():
            voice.steer(controls)
        for place in self.soundscapes.values():
            place.steer(controls)

    def _declared_lufs(self) -> float:
        """Return about how loud the dry mix is, from what its parts say."""
        parts = [_MUSIC_LUFS] + [place.lufs for place in self.soundscapes.values()]
        return 10.0 * math.log10(math.fsum(10.0 ** (lufs / 10.0) for lufs in parts if lufs > SILENT_DB))

    def _breathe(self, at_s: float) -> None:
        controls = self.door.controls
        phase = self._breath.advance(BLOCK_S, at_s)
        self._swell += (controls.swell - self._swell) * BLOCK_S
        lift = self._swell * (2.0 * breath_level(phase, controls.inhale_fraction) - 1.0)
        self._desk.lift.value = lift
        self._desk.lift_gain.value = amplitude(_LIFT_DB * lift)


def _view(address: str, channels: int) -> npt.NDArray[np.float32]:
    """Return the server's interleaved float buffer as an array (480, channels), shared, not copied."""
    size = BLOCK_FRAMES * channels
    buffer = (ctypes.c_float * size).from_address(int(address, 16))
    return np.ctypeslib.as_array(buffer).reshape(BLOCK_FRAMES, channels)
