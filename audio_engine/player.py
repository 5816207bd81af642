"""The paced loop around one engine and one encoder, between the ends of a pipe."""

from __future__ import annotations

import dataclasses
import gc
import math
import pickle
import select
import time
from collections import deque
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np

from audio_engine.composer.score import BEATS_PER_BAR
from audio_engine.conductor import beats_played
from audio_engine.engine import Block, Engine
from audio_engine.errors import BadPalette, EngineBroken
from audio_engine.master import LATENCY_S
from audio_engine.messages import (
    BLOCK_FRAMES,
    BLOCK_S,
    CHANNELS,
    LEAD_S,
    AudioConfig,
    AudioHeartbeat,
    AudioReady,
    AudioRefused,
    Duck,
    Exclude,
    Fade,
    FromAudio,
    OpusPacket,
    Prepare,
    SetControls,
    SetPlace,
    Shutdown,
    Space,
    TakeOver,
)
from audio_engine.opus import OpusEncoder, PlaceEncoder
from audio_engine.priority import NORMAL, Priority

__all__ = ["Player"]

_HEARTBEAT_S: Final = 0.1
#: Further behind than this the process skips blocks: a burst of old packets would only fill buffers.
_GIVE_UP_S: Final = 0.25
_TIMES_KEPT: Final = 500
#: After a longer stop than a minute the music waits instead of running through it.
_LONGEST_SKIP: Final = 6000
#: A standby makes this many blocks of nothing, so that its memory is mapped and its code has run.
_WARM_BLOCKS: Final = 8
#: Rubbish is collected this often, and only with this much time left before the next block is due.
_COLLECT_S: Final = 10.0
_COLLECT_SPARE_S: Final = 0.004
#: What `pickle.loads` raises on garbage.
_UNREADABLE: Final = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)


class Player:
    """Plays one engine into one pipe. `run` until it returns, then `close`.

    Args:
        conn: this end of the pipe.
        config: how to start.
        priority: what this process was given, for the heartbeats.

    Raises:
        BadAudioConfig: `config` cannot be played.
    """

    def __init__(self, conn: Connection, config: AudioConfig, *, priority: Priority = NORMAL) -> None:
        self._conn = conn
        self.priority = priority
        self._writable = select.poll()
        self._writable.register(conn.fileno(), select.POLLOUT)
        self._encoder = OpusEncoder()
        self._place_encoder: PlaceEncoder | None = None
        self._config = config
        self._engine = _build(config)
        self._epoch_s = 0.0
        self._seq = 0
        self._blocks = self._late = self._missed = self._dropped = 0
        self._times_s: deque[float] = deque(maxlen=_TIMES_KEPT)
        self._beat_due_s = 0.0
        self._collected_s = time.monotonic()

    def stand_by(self) -> AudioConfig | None:
        """Be ready, say so, and wait; return what to begin with, `None` when nobody needs us any more.

        Raises:
            BadAudioConfig: what shall be prepared cannot be played.
        """
        self._warm()
        while True:
            try:
                message = _readable(self._conn.recv_bytes())
            except (EOFError, OSError):
                return None
            match message:
                case TakeOver(config=config):
                    return config
                case Prepare(config=config):
                    self._become(config)
                    self._warm()
                case Shutdown():
                    return None
                case _:
                    self._refused([f"a standby waits for TakeOver, got {type(message).__name__}"])

    def begin(self, config: AudioConfig) -> None:
        """Take the place, bar and controls of `config`; the first block is for `LEAD_S` from now."""
        self._become(config)
        now_s = time.monotonic()
        self._epoch_s = now_s + LEAD_S
        bar, tempo_bpm = _music_at(config, self._epoch_s + LATENCY_S)
        self._engine.start_at(bar, tempo_bpm, config.controls, None)
        self._engine.master.remember(config.correction_db)
        self._set_space(on=config.space)
        self._engine.fade(config.gain, config.fade_in_s)

    def run(self) -> None:
        """Make blocks on time and serve messages in between, until told to end or the parent is gone.

        Raises:
            BrokenPipeError, ConnectionResetError: the parent went while we sent.
            EngineBroken: the synthesis made a NaN; a silent packet was sent before.
        """
        while self._serve_until(self._play_at_s - LEAD_S):
            self._catch_up()
            self._make()
            now_s = time.monotonic()
            if now_s >= self._beat_due_s:
                self._heartbeat()
            elif (
                now_s - self._collected_s > _COLLECT_S and now_s < self._play_at_s - LEAD_S - _COLLECT_SPARE_S
            ):
                # What was there at the start is frozen, so this looks at little; see `process.main`.
                gc.collect()
                self._collected_s = now_s

    def close(self) -> None:
        """Free the synthesis."""
        self._engine.close()

    @property
    def _play_at_s(self) -> float:
        return self._epoch_s + self._seq * BLOCK_S

    def _serve_until(self, due_s: float) -> bool:
        """Take messages until `due_s`; return False when the parent is gone or wants us to end."""
        while True:
            wait_s = due_s - time.monotonic()
            if not self._conn.poll(max(wait_s, 0.0)):
                return True
            try:
                raw = self._conn.recv_bytes()
            except (EOFError, OSError):
                return False
            if not self._take(raw):
                return False
            if wait_s < -BLOCK_S:
                # Behind: sound first, the other messages after this block.
                return True

    def _take(self, raw: bytes) -> bool:
        """Obey one message; return False if it is `Shutdown`."""
        match _readable(raw):
            case SetControls(controls=controls, at_s=at_s):
                at_s = self._engine.door.admit_time(at_s, time.monotonic())
                refusals = list(self._engine.door.refusals)
                self._engine.steer(controls, at_s)
                self._refused(refusals + self._engine.door.refusals)
            case SetPlace(palette=palette, fade_s=fade_s):
                try:
                    self._engine.place(palette, fade_s)
                    self._refused(self._engine.door.refusals)
                except BadPalette as bad:
                    self._refused([str(bad)])
            case Fade(gain=gain, seconds=seconds):
                self._engine.fade(gain, seconds)
                self._refused(self._engine.door.refusals)
            case Duck(from_s=from_s, until_s=until_s, depth_db=depth_db):
                self._engine.duck(from_s, until_s, depth_db, time.monotonic())
                self._refused(self._engine.door.refusals)
            case Space(on=on):
                self._set_space(on=bool(on))
            case Exclude(tags=tags):
                self._engine.exclude(tags)
            case Shutdown():
                return False
            case _Unreadable(what=what):
                self._refused([what])
            case other:
                known = "SetControls, SetPlace, Fade, Duck, Space, Exclude or Shutdown"
                self._refused([f"message must be {known}, got {type(other).__name__}"])
        return True

    def _become(self, config: AudioConfig) -> None:
        """Have the engine that `config` needs: this one, or another."""
        if _identity(config) != _identity(self._config):
            self._engine.close()
            self._engine = _build(config)
        self._config = config

    def _warm(self) -> None:
        self._engine.idle(_WARM_BLOCKS)
        for _ in range(_WARM_BLOCKS):
            self._encoder.encode(np.zeros((BLOCK_FRAMES, CHANNELS), np.float32))
        self._send(AudioReady(at_s=time.monotonic(), memory_mb=_private_mb()))

    def _set_space(self, *, on: bool) -> None:
        if on and self._place_encoder is None:
            self._place_encoder = PlaceEncoder()
        self._engine.master.set_apart(on=on)

    def _catch_up(self) -> None:
        """Skip blocks if we are hopelessly behind, so that the next one is on time again."""
        behind_s = time.monotonic() - (self._play_at_s - LEAD_S)
        if behind_s > _GIVE_UP_S:
            skipped = math.ceil(behind_s / BLOCK_S)
            self._engine.skip(min(skipped, _LONGEST_SKIP))
            self._seq += skipped
            self._missed += skipped

    def _make(self) -> None:
        """Make, encode and send one block."""
        began_s = time.monotonic()
        play_at_s = self._play_at_s
        try:
            block = self._engine.block(play_at_s)
        except EngineBroken:
            silence = np.zeros((BLOCK_FRAMES, CHANNELS), np.float32)
            self._ship(Block(frames=silence, notes=()), play_at_s)
            raise
        self._ship(block, play_at_s)
        done_s = time.monotonic()
        self._times_s.append(done_s - began_s)
        self._blocks += 1
        self._late += done_s > play_at_s - LEAD_S + BLOCK_S
        self._missed += done_s > play_at_s

    def _ship(self, block: Block, play_at_s: float) -> None:
        data = self._encoder.encode(block.frames)
        place = None
        if block.place is not None and self._place_encoder is not None:
            place = self._place_encoder.encode(block.place)
        if not self._send(OpusPacket(seq=self._seq, play_at_s=play_at_s, data=data, place=place)):
            self._dropped += 1
        for note in block.notes:
            self._send(note)
        if block.rest is not None:
            self._send(block.rest)
        self._seq += 1

    def _heartbeat(self) -> None:
        now_s = time.monotonic()
        ordered = sorted(self._times_s)
        self._send(
            AudioHeartbeat(
                at_s=now_s,
                blocks=self._blocks,
                late_blocks=self._late,
                missed_blocks=self._missed,
                dropped_packets=self._dropped,
                block_ms_p99=1000.0 * ordered[int(0.99 * (len(ordered) - 1))],
                lufs_momentary=self._engine.master.momentary.lufs,
                peak_dbtp=self._engine.master.take_peak_dbtp(),
                bar=self._engine.bar,
                bar_at_s=self._play_at_s + LATENCY_S,
                realtime=self.priority.realtime,
                priority=self.priority.what,
                tempo_bpm=self._engine.tempo_bpm,
                correction_db=self._engine.master.correction_db,
                resting=self._engine.resting,
            )
        )
        self._beat_due_s = now_s + _HEARTBEAT_S

    def _refused(self, lines: list[str]) -> None:
        if lines:
            self._send(AudioRefused(at_s=time.monotonic(), what="; ".join(lines)[:400]))

    def _send(self, message: FromAudio) -> bool:
        """Send unless the pipe is full; return whether it was sent. Closed: `BrokenPipeError`."""
        if not self._writable.poll(0):
            return False
        self._conn.send(message)
        return True


@dataclasses.dataclass(frozen=True, slots=True)
class _Unreadable:
    """Bytes that are no message, and why."""

    what: str


def _readable(raw: bytes) -> object:
    """Return the message in `raw`, or an `_Unreadable`."""
    try:
        return pickle.loads(raw)  # noqa: S301  # the pipe's other end is our own parent
    except _UNREADABLE as error:
        return _Unreadable(f"message must be readable, got {len(raw)} bytes: {type(error).__name__}")


def _identity(config: AudioConfig) -> tuple[object, ...]:
    """Return what an engine cannot change once it is built."""
    return config.seed, config.scene, config.palette


def _build(config: AudioConfig) -> Engine:
    engine = Engine(
        seed=config.seed,
        scene=config.scene,
        palette=config.palette,
        controls=config.controls,
        start_bar=config.start_bar,
    )
    engine.exclude(config.excluded)
    return engine


def _music_at(config: AudioConfig, at_s: float) -> tuple[float, float]:
    """Return bar and tempo (bpm) for session time `at_s`: where the music would be had it gone on."""
    goal_bpm = config.controls.tempo_bpm
    tempo_bpm = goal_bpm if config.start_tempo_bpm is None else config.start_tempo_bpm
    if config.start_bar_at_s is None:
        return config.start_bar, tempo_bpm
    beats, now_bpm = beats_played(tempo_bpm, goal_bpm, max(at_s - config.start_bar_at_s, 0.0))
    return config.start_bar + beats / BEATS_PER_BAR, now_bpm


def _private_mb() -> float:
    """Return how much memory this process alone holds, MB; 0 where the system does not say."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024.0
