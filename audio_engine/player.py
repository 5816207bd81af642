"""The paced loop around one engine and one encoder, between the ends of a pipe."""

from __future__ import annotations

import math
import pickle
import select
import time
from collections import deque
from multiprocessing.connection import Connection
from typing import Final

import numpy as np

from audio_engine.engine import Block, Engine
from audio_engine.errors import EngineBroken
from audio_engine.master import LATENCY_S
from audio_engine.messages import (
    BLOCK_FRAMES,
    BLOCK_S,
    CHANNELS,
    LEAD_S,
    AudioConfig,
    AudioHeartbeat,
    AudioRefused,
    Fade,
    FromAudio,
    OpusPacket,
    SetControls,
    Shutdown,
)
from audio_engine.opus import OpusEncoder

__all__ = ["Player"]

_HEARTBEAT_S: Final = 0.1
#: Further behind than this the process skips blocks: a burst of old packets would only fill buffers.
_GIVE_UP_S: Final = 0.25
_TIMES_KEPT: Final = 500
#: After a longer stop than a minute the music waits instead of running through it.
_LONGEST_SKIP: Final = 6000
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
        realtime: whether this process has real-time priority, for the heartbeats.

    Raises:
        BadAudioConfig: `config` cannot be played.
    """

    def __init__(self, conn: Connection, config: AudioConfig, *, realtime: bool) -> None:
        self._conn = conn
        self._realtime = realtime
        self._writable = select.poll()
        self._writable.register(conn.fileno(), select.POLLOUT)
        self._encoder = OpusEncoder()
        self._epoch_s = time.monotonic() + LEAD_S
        self._engine = Engine(
            seed=config.seed,
            scene=config.scene,
            controls=config.controls,
            start_bar=_bar_at(config, self._epoch_s + LATENCY_S),
        )
        self._engine.fade(config.gain, config.fade_in_s)
        self._seq = 0
        self._blocks = self._late = self._missed = self._dropped = 0
        self._times_s: deque[float] = deque(maxlen=_TIMES_KEPT)
        self._beat_due_s = 0.0

    def run(self) -> None:
        """Make blocks on time and serve messages in between, until told to end or the parent is gone.

        Raises:
            BrokenPipeError, ConnectionResetError: the parent went while we sent.
            EngineBroken: the synthesis made a NaN; a silent packet was sent before.
        """
        while self._serve_until(self._play_at_s - LEAD_S):
            self._catch_up()
            self._make()
            if time.monotonic() >= self._beat_due_s:
                self._heartbeat()

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
        try:
            message = pickle.loads(raw)  # noqa: S301  # the pipe's other end is our own parent
        except _UNREADABLE as error:
            self._refused([f"message must be readable, got {len(raw)} bytes: {type(error).__name__}"])
            return True
        match message:
            case SetControls(controls=controls, at_s=at_s):
                at_s = self._engine.door.admit_time(at_s, time.monotonic())
                refusals = list(self._engine.door.refusals)
                self._engine.steer(controls, at_s)
                self._refused(refusals + self._engine.door.refusals)
            case Fade(gain=gain, seconds=seconds):
                self._engine.fade(gain, seconds)
                self._refused(self._engine.door.refusals)
            case Shutdown():
                return False
            case _:
                self._refused(
                    [f"message must be SetControls, Fade or Shutdown, got {type(message).__name__}"]
                )
        return True

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
        if not self._send(OpusPacket(seq=self._seq, play_at_s=play_at_s, data=data)):
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
                realtime=self._realtime,
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


def _bar_at(config: AudioConfig, at_s: float) -> float:
    """Return the bar for session time `at_s`: where the music would be had it gone on."""
    if config.start_bar_at_s is None:
        return config.start_bar
    gone_s = max(at_s - config.start_bar_at_s, 0.0)
    return config.start_bar + gone_s * config.controls.tempo_bpm / 240.0
