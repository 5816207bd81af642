"""One instrument or soundscape alone and dry: what the contract tests, the declared levels and the pages hear.

An instrument that carries chords plays two; any other plays two notes a second, up and down.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from audio_engine._pyo import pyo
from audio_engine.composer.score import Note
from audio_engine.conductor import Onset, Release
from audio_engine.desk import LINES, Desk
from audio_engine.errors import BadRender
from audio_engine.messages import BLOCK_FRAMES, BLOCK_S, CHANNELS, RATE_HZ
from therapy.controls import NEUTRAL, Controls
from therapy.discover import declared
from therapy.specs import InstrumentSpec, SoundscapeSpec

__all__ = ["PLAYED_S", "audition"]

#: An instrument plays this long, and then what it played rings out.
PLAYED_S: Final = 8.0
_CHORDS: Final = ((53, 57, 60, 64), (50, 57, 60, 65))
_NOTES: Final = (60, 67, 72, 74, 79, 76, 72, 69)
_VELOCITY: Final = 0.7
_CHORD_S: Final = PLAYED_S / 2
_NOTE_S: Final = 0.5


def audition(
    name: str,
    seconds: float,
    seed: int,
    controls: Controls = NEUTRAL,
) -> npt.NDArray[np.float32]:
    """Return the dry sound, float32 (frames, 2), of the instrument or soundscape `name`.

    pyo has one random generator for a process: audition one at a time.

    Raises:
        BadRender: nobody declared `name`.
    """
    instruments = declared("audio_engine.instruments", "INSTRUMENT", InstrumentSpec)
    soundscapes = declared("audio_engine.soundscapes", "SOUNDSCAPE", SoundscapeSpec)
    spec = instruments.get(name) or soundscapes.get(name)
    if spec is None:
        raise BadRender(f"audition must be of one of {', '.join([*instruments, *soundscapes])}, got {name!r}")
    server = pyo.Server(
        sr=RATE_HZ, nchnls=CHANNELS, buffersize=BLOCK_FRAMES, duplex=1, audio="manual", ichnls=LINES
    )
    server.setVerbosity(1)
    server.deactivateMidi()
    server.setGlobalSeed(seed + 1)
    server.boot()
    server.start()
    try:
        lines, out = _view(server.getInputAddr(), LINES), _view(server.getOutputAddr(), CHANNELS)
        desk = Desk(server, lines, seed)
        part: Any = spec.build(desk)
        part.steer(controls)
        end = part.sound.out()
        score = _score(chords=spec.chords) if isinstance(spec, InstrumentSpec) else []
        sound = _play(server, desk, part, score, round(seconds / BLOCK_S), lines, out)
    finally:
        server.stop()
        end = part = desk = lines = out = None  # noqa: F841  # pyo's objects go before their server does
        gc.collect()
        server.shutdown()
    return sound


def _score(*, chords: bool) -> list[tuple[float, Onset | Release]]:
    """Return what happens when."""
    events: list[tuple[float, Onset | Release]] = []
    groups = _CHORDS if chords else tuple((n,) for n in _NOTES * int(PLAYED_S / _NOTE_S / len(_NOTES)))
    length_s = _CHORD_S if chords else _NOTE_S
    for k, group in enumerate(groups):
        for pitch in group:
            note = Note(
                instrument="audition",
                midi_note=pitch,
                velocity=_VELOCITY,
                start_beats=k * length_s,
                duration_beats=length_s,
            )
            ring_s = length_s if chords else 4.0 * length_s
            events.append((k * length_s, Onset(note=note, offset_s=0.0, duration_s=ring_s)))
            events.append(((k + 1) * length_s - BLOCK_S, Release(note=note)))
    return sorted(events, key=lambda event: event[0])


def _play(  # noqa: PLR0913  # the parts of one small machine
    server: Any,
    desk: Desk,
    part: Any,
    score: list[tuple[float, Onset | Release]],
    blocks: int,
    lines: npt.NDArray[np.float32],
    out: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    sound = np.empty((blocks, BLOCK_FRAMES, CHANNELS), np.float32)
    at = 0
    for k in range(blocks):
        desk.now_s = k * BLOCK_S
        lines[:] = 0.0
        while at < len(score) and score[at][0] <= desk.now_s + 1e-6:
            event = score[at][1]
            if isinstance(event, Onset):
                part.start(event)
            else:
                part.release(event.note)
            at += 1
        server.process()
        sound[k] = out
    return sound.reshape(-1, CHANNELS)


def _view(address: str, channels: int) -> npt.NDArray[np.float32]:
    size = BLOCK_FRAMES * channels
    buffer = (ctypes.c_float * size).from_address(int(address, 16))
    return np.ctypeslib.as_array(buffer).reshape(BLOCK_FRAMES, channels)
