"""How long a room is without music when its audio process dies, and whether the bar goes on counting."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from audio_engine.conductor import beats_played
from audio_engine.messages import AudioHeartbeat, MusicRests, NotePlayed, OpusPacket
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from therapy.controls import Controls
from therapy.events import Event
from vr_world.room_sound import SILENCE_S, RoomSound

__all__ = ["BENCH"]

KILLS: Final = 12
FREEZES: Final = 6
_STANDBY_WITHIN_S: Final = 60.0
_BACK_WITHIN_S: Final = 20.0
_TICK_S: Final = 0.05
_PLAYS_S: Final = 0.6
#: What this project promises: from death, or from 0.3 s of silence.
BACK_WITHIN_MS: Final = 500.0


class _Heard:
    """The room's end: when what came."""

    def __init__(self) -> None:
        self.packet: tuple[float, OpusPacket] | None = None
        self.beat: AudioHeartbeat | None = None
        self.count = 0

    def sound_packet(self, _seq: int, packet: OpusPacket) -> None:
        self.packet = time.monotonic(), packet
        self.count += 1

    def sound_note(self, note: NotePlayed) -> None:
        """Notes are not measured here."""

    def sound_rests(self, rest: MusicRests) -> None:
        """Nothing to measure."""

    def sound_beat(self, beat: AudioHeartbeat) -> None:
        self.beat = beat

    def sound_refused(self, what: str) -> None:
        raise BenchmarkFailed(f"the sound must take what it is sent, refused: {what}")


def run(progress: Progress) -> list[Figure]:
    """Kill and freeze a room's audio process again and again, mid-phrase, with and without a standby."""
    progress(f"killing the audio process {KILLS} times, its standby takes over")
    killed, memory_mb = asyncio.run(_measure(signal.SIGKILL, KILLS, standby=True))
    progress(f"freezing it {FREEZES} times")
    frozen, _ = asyncio.run(_measure(signal.SIGSTOP, FREEZES, standby=True))
    progress("killing it without a standby")
    alone, _ = asyncio.run(_measure(signal.SIGKILL, 3, standby=False))
    return [
        *_figures("killed", killed, BACK_WITHIN_MS),
        *_figures(f"frozen, after {1e3 * SILENCE_S:g} ms of silence", frozen, BACK_WITHIN_MS),
        *_figures("killed, standby switched off", alone, None),
        Figure(
            name="standby: memory",
            value=memory_mb,
            unit="MB",
            note="that no other process holds; it uses no processor time while it waits",
        ),
    ]


def _figures(how: str, gaps: Sequence[tuple[float, float, float]], limit_ms: float | None) -> list[Figure]:
    """Return the figures of (ms to the first packet, ms of sound missing, beats off) of each return."""
    first, missing, off = (np.array(column) for column in zip(*gaps, strict=True))
    return [
        *(
            Figure(
                name=f"{how}: back p{share}",
                value=float(np.percentile(first, share)),
                unit="ms",
                limit=limit_ms,
                note=f"of {len(gaps)}: from the signal to the next packet at the room",
            )
            for share in (50, 95)
        ),
        Figure(
            name=f"{how}: sound missing, most",
            value=float(missing.max()),
            unit="ms",
            note="on the clock of the ear, then a fade-in of 0.4 s",
        ),
        Figure(
            name=f"{how}: bar count off, most",
            value=float(np.abs(off).max()),
            unit="beats",
            note="against a conductor that was never interrupted",
        ),
    ]


async def _measure(
    how: signal.Signals, times: int, *, standby: bool
) -> tuple[list[tuple[float, float, float]], float]:
    heard = _Heard()
    events: list[Event] = []
    sound = RoomSound(1, heard, standby=standby, on_event=events.append, now_s=time.monotonic)
    sound.child.start()
    sound.fade(1.0, 0.5)
    rng = np.random.default_rng(1)
    gaps, memory_mb = [], 0.0
    ticking = asyncio.create_task(_tick(sound))
    try:
        for turn in range(times):
            # The tempo is on its way when the process dies: the hardest moment to go on from.
            tempo_bpm = 62.0 + 20.0 * (turn % 2)
            sound.controls(Controls(tempo_bpm=tempo_bpm, pulse=0.5), time.monotonic())
            await _until(lambda: heard.beat is not None, _STANDBY_WITHIN_S)
            if standby:
                await _until(lambda: sound.child.standby_pid is not None, _STANDBY_WITHIN_S)
                memory_mb = max(memory_mb, sound.standby_mb or 0.0)
            await asyncio.sleep(_PLAYS_S * (0.5 + rng.random()))
            gaps.append(await _gap(sound, heard, how, tempo_bpm))
    finally:
        ticking.cancel()
        await sound.child.stop()
    return gaps, memory_mb


async def _gap(
    sound: RoomSound, heard: _Heard, how: signal.Signals, tempo_bpm: float
) -> tuple[float, float, float]:
    """End the process; return ms to the first packet of the next, ms of sound missing, beats off."""
    pid, before = sound.child.pid, heard.beat
    if pid is None or before is None:
        raise BenchmarkFailed("the audio process must play, does not")
    os.kill(pid, how)
    ended_s = time.monotonic()
    # What was on its way still comes.
    await _until(lambda: sound.child.pid != pid, _BACK_WITHIN_S)
    count, last = heard.count, heard.packet
    await _until(lambda: heard.count > count, _BACK_WITHIN_S)
    if heard.packet is None or last is None:
        raise BenchmarkFailed("packets must have come, none did")
    came_s, packet = heard.packet
    missing_s = packet.play_at_s - last[1].play_at_s - 0.01
    await _until(lambda: heard.beat is not None and heard.beat.at_s > came_s, _BACK_WITHIN_S)
    now: Any = heard.beat
    beats, _ = beats_played(before.tempo_bpm, tempo_bpm, now.bar_at_s - before.bar_at_s)
    return 1e3 * (came_s - ended_s), 1e3 * missing_s, 4.0 * (now.bar - before.bar) - beats


async def _tick(sound: RoomSound) -> None:
    while True:
        sound.child.check()
        await asyncio.sleep(_TICK_S)


async def _until(happened: Any, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            while not happened():  # noqa: ASYNC110  # what happens is another process's
                await asyncio.sleep(0.001)
    except TimeoutError:
        raise BenchmarkFailed(f"the audio process must answer within {within_s:g} s, did not") from None


BENCH: Final = Benchmark(name="audio_return", title="The music's return after a crash", run=run)
