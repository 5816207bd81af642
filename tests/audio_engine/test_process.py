"""The audio child over a real pipe, as a room runs it."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sound_kit import decode

from audio_engine.messages import (
    BLOCK_S,
    AudioConfig,
    AudioHeartbeat,
    AudioRefused,
    Fade,
    NotePlayed,
    OpusPacket,
    SetControls,
    SetPlace,
    Shutdown,
)
from audio_engine.process import main
from therapy.controls import Controls
from therapy.specs import Palette


class Child:
    """An audio process and this end of its pipe."""

    def __init__(self, config: AudioConfig) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe(duplex=True)
        self.process = spawn.Process(target=main, args=(theirs, config))
        self.process.start()
        theirs.close()
        self.heard: list[Any] = []

    def listen(self, enough: Callable[[list[Any]], bool], at_most_s: float = 30.0) -> list[Any]:
        """Return what comes until `enough` of it did."""
        heard: list[Any] = []
        deadline_s = time.monotonic() + at_most_s
        while not enough(heard):
            assert self.pipe.poll(max(deadline_s - time.monotonic(), 0.0)), (
                f"silent after {len(heard)} messages"
            )
            heard.append(self.pipe.recv())
        return heard

    def packets(self, count: int) -> list[OpusPacket]:
        return _only(OpusPacket, self.listen(lambda heard: len(_only(OpusPacket, heard)) >= count))

    def end(self) -> int | None:
        """Close our end; return the exit code."""
        self.pipe.close()
        self.process.join(10.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        return self.process.exitcode


def _only(kind: type[Any], heard: list[Any]) -> list[Any]:
    return [m for m in heard if isinstance(m, kind)]


@pytest.fixture
def start() -> Iterator[Callable[..., Child]]:
    children: list[Child] = []

    def begin(**config: Any) -> Child:
        children.append(
            Child(AudioConfig(**{"seed": 3, "gain": 1.0, "fade_in_s": 0.1, "realtime": False, **config}))
        )
        return children[-1]

    yield begin
    for child in children:
        if not child.pipe.closed:
            child.end()


def test_packets_come_in_order_on_the_session_clock_and_are_not_silent(start: Callable[..., Child]) -> None:
    child = start()
    heard = child.listen(lambda h: len(_only(OpusPacket, h)) >= 200)
    packets = _only(OpusPacket, heard)
    assert packets[0].seq == 0
    epoch_s = packets[0].play_at_s
    for packet in packets:
        assert packet.play_at_s - epoch_s == pytest.approx(packet.seq * BLOCK_S, abs=1e-6)
    assert [p.seq for p in packets] == sorted({p.seq for p in packets})
    assert abs(packets[-1].play_at_s - time.monotonic()) < 5.0
    assert np.abs(decode([p.data for p in packets])).max() > 0.005
    notes = _only(NotePlayed, heard)
    assert {n.instrument for n in notes} >= {"pad", "drone", "bell"}
    assert all(epoch_s <= n.at_s <= packets[-1].play_at_s + 0.1 for n in notes)
    beat = _only(AudioHeartbeat, heard)[-1]
    assert beat.blocks >= 150
    assert -60.0 < beat.lufs_momentary < -10.0
    assert beat.peak_dbtp <= -1.0
    assert child.end() == 0


def test_silence_until_a_fade_and_again_after_the_stop_fade(start: Callable[..., Child]) -> None:
    child = start(gain=0.0)
    before = decode([p.data for p in child.packets(50)])
    assert np.abs(before).max() < 1e-3
    child.pipe.send(Fade(gain=1.0, seconds=0.2))
    child.packets(100)
    during = decode([p.data for p in child.packets(100)])
    assert np.abs(during).max() > 0.005
    child.pipe.send(Fade(gain=0.0, seconds=0.25))
    sent_s = time.monotonic()
    after = [p for p in child.packets(120) if p.play_at_s > sent_s + 1.0]
    after += child.packets(50)
    # The codec rings for a few packets after the sound has ended.
    assert np.abs(decode([p.data for p in after])[4800:]).max() < 1e-3


def test_garbage_and_absurd_values_are_refused_and_the_music_goes_on(start: Callable[..., Child]) -> None:
    child = start()
    child.packets(10)
    child.pipe.send_bytes(b"\x00garbage")
    child.pipe.send_bytes(b"")
    child.pipe.send(("what", "is", "this"))
    child.pipe.send(SetControls(controls=Controls(tempo_bpm=math.nan, ocean=7.0), at_s=math.inf))
    child.pipe.send(SetControls(controls=None, at_s=time.monotonic()))  # type: ignore[arg-type]  # hostile
    child.pipe.send(Fade(gain=math.nan, seconds=1.0))
    refused = _only(AudioRefused, child.listen(lambda h: len(_only(AudioRefused, h)) >= 6))
    said = " | ".join(r.what for r in refused)
    for part in (
        "must be readable",
        "got tuple",
        "tempo_bpm must be a finite number, got nan",
        "ocean",
        "at_s",
        "fade",
    ):
        assert part in said
    assert len(child.packets(100)) == 100
    assert child.end() == 0


def test_a_place_that_cannot_be_played_is_refused_and_a_good_one_is_taken(
    start: Callable[..., Child],
) -> None:
    child = start()
    child.packets(5)
    child.pipe.send(SetPlace(palette=Palette(instruments={"bell": "kazoo"}), fade_s=0.2))
    heard = child.listen(lambda heard: bool(_only(AudioRefused, heard)))
    assert "kazoo" in _only(AudioRefused, heard)[0].what
    child.pipe.send(SetPlace(palette=Palette(instruments={"bell": "harp"}), fade_s=0.2))
    heard = child.listen(lambda heard: len(_only(OpusPacket, heard)) >= 60)
    assert not _only(AudioRefused, heard)
    assert [p.seq for p in _only(OpusPacket, heard)] == sorted(p.seq for p in _only(OpusPacket, heard))


def test_shutdown_ends_it_cleanly(start: Callable[..., Child]) -> None:
    child = start()
    child.packets(5)
    child.pipe.send(Shutdown())
    child.process.join(10.0)
    assert child.process.exitcode == 0


def test_a_room_that_does_not_read_never_blocks_it(start: Callable[..., Child]) -> None:
    child = start()
    child.packets(5)
    # Not reading: the pipe fills and packets are dropped; the heartbeats that come later count them.
    child.process.join(6.0)
    heard = child.listen(
        lambda h: any(b.dropped_packets > 0 for b in _only(AudioHeartbeat, h)), at_most_s=20.0
    )
    beat = _only(AudioHeartbeat, heard)[-1]
    assert beat.blocks > len(_only(OpusPacket, heard))
    assert child.end() == 0


def test_killed_and_started_again_it_goes_on_in_the_same_bar(start: Callable[..., Child]) -> None:
    controls = Controls(tempo_bpm=60.0)
    first = start(controls=controls, start_bar=11.0)
    last = _only(AudioHeartbeat, first.listen(lambda h: len(_only(AudioHeartbeat, h)) >= 8))[-1]
    first.process.kill()
    second = start(controls=controls, start_bar=last.bar, start_bar_at_s=last.bar_at_s, fade_in_s=0.4)
    heard = second.listen(lambda h: len(_only(AudioHeartbeat, h)) >= 8)
    now = _only(AudioHeartbeat, heard)[-1]
    assert now.bar - last.bar == pytest.approx((now.bar_at_s - last.bar_at_s) / 4.0, abs=0.01)
    assert np.abs(decode([p.data for p in _only(OpusPacket, heard)])).max() > 0.003
