"""A room's sound outlives its process: the one that waited goes on in the same bar."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from audio_engine.messages import AudioHeartbeat, NotePlayed, OpusPacket
from therapy.controls import Controls
from therapy.events import ChildDied, ChildReturned
from vr_world.room_sound import RoomSound

BEATS_PER_BAR = 4


class Heard:
    def __init__(self) -> None:
        self.packets: list[tuple[int, OpusPacket]] = []
        self.notes: list[NotePlayed] = []
        self.beats: list[AudioHeartbeat] = []
        self.refused: list[str] = []
        self.events: list = []

    def sound_packet(self, seq: int, packet: OpusPacket) -> None:
        self.packets.append((seq, packet))

    def sound_note(self, note: NotePlayed) -> None:
        self.notes.append(note)

    def sound_beat(self, beat: AudioHeartbeat) -> None:
        self.beats.append(beat)

    def sound_refused(self, what: str) -> None:
        self.refused.append(what)

    async def until(self, happened, sound: RoomSound | None = None) -> None:
        async with asyncio.timeout(40):
            while not happened():
                if sound is not None:
                    sound.child.check()
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_the_music_goes_on_in_its_bar_from_a_process_that_waited(how: signal.Signals) -> None:
    heard = Heard()
    sound = RoomSound(5, heard, standby=True, on_event=heard.events.append, now_s=time.monotonic)
    sound.child.start()
    controls = Controls(tempo_bpm=84.0, pulse=1.0, notes_per_s=0.0)
    sound.fade(1.0, 0.2)
    sound.controls(controls, time.monotonic())
    await heard.until(lambda: sound.child.standby_pid is not None and len(heard.beats) > 3)
    waiting, first = sound.child.standby_pid, heard.beats[-1]
    notes_before = len(heard.notes)
    os.kill(sound.child.pid, how)
    await heard.until(lambda: any(isinstance(e, ChildReturned) for e in heard.events), sound)
    came = len(heard.beats)
    await heard.until(lambda: len(heard.beats) > came + 15, sound)
    await sound.child.stop()

    assert [type(e) for e in heard.events] == [ChildDied, ChildReturned]
    assert sound.child.pid == waiting, "the one that waited plays"
    last = heard.beats[-1]
    assert last.at_s > first.at_s
    # the bar is where one conductor would have brought it, whose tempo eases from the first to the new one
    gone_s = last.bar_at_s - first.bar_at_s
    bars = last.bar - first.bar
    slow, fast = sorted((first.tempo_bpm, last.tempo_bpm))
    assert slow * gone_s / 240.0 - 0.01 <= bars <= fast * gone_s / 240.0 + 0.01
    seqs = [seq for seq, _ in heard.packets]
    assert seqs == sorted(set(seqs)), "numbers go on counting"
    assert len(heard.notes) > notes_before, "notes are played again"
    assert heard.refused == []


async def test_without_a_standby_another_is_started() -> None:
    heard = Heard()
    sound = RoomSound(5, heard, standby=False, on_event=heard.events.append, now_s=time.monotonic)
    sound.child.start()
    await heard.until(lambda: len(heard.beats) > 0)
    assert sound.child.standby_pid is None
    assert "no standby" in sound.detail()
    before = sound.child.pid
    os.kill(before, signal.SIGKILL)
    await heard.until(lambda: any(isinstance(e, ChildReturned) for e in heard.events), sound)
    assert sound.child.pid != before
    await sound.child.stop()
