"""One instrument or soundscape alone and dry: what contract tests, declared levels and pages hear.

An instrument that carries chords plays two; any other plays a note a second, up and down.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from audio_engine.composer.score import Note
from audio_engine.conductor import Onset, Release
from audio_engine.desk import BED, PLACE, Desk
from audio_engine.errors import BadRender
from audio_engine.messages import BLOCK_FRAMES, BLOCK_S, CHANNELS
from audio_engine.rack import Part
from audio_engine.space import to_stereo
from audio_engine.synth import Synth
from therapy.controls import NEUTRAL, Controls
from therapy.discover import declared
from therapy.specs import ALL_AROUND, InstrumentSpec, SoundscapeSpec

__all__ = ["PLAYED_S", "audition"]

#: An instrument plays this long, and then what it played rings out.
PLAYED_S: Final = 8.0
_CHORDS: Final = ((53, 57, 60, 64), (50, 57, 60, 65))
_NOTES: Final = (60, 67, 72, 74, 79, 76, 72, 69)
_VELOCITY: Final = 0.7
#: A struck note may ring this many times its distance to the next.
_RINGS: Final = 1.5


def audition(
    name: str,
    seconds: float,
    seed: int,
    controls: Controls = NEUTRAL,
    fades: Sequence[tuple[float, float, float]] = ((0.0, 1.0, 0.05),),
) -> npt.NDArray[np.float32]:
    """Return the dry sound, float32 (frames, 2), of the instrument or soundscape `name`.

    pyo has one random generator for a process: audition one at a time.

    Args:
        name: as declared.
        seconds: length, a multiple of 10 ms.
        seed: of its noise.
        controls: what it follows.
        fades: what is done to its fader: (at s, level 0 … 1, within s), in order of time.

    Raises:
        BadRender: nobody declared `name`.
    """
    instruments = declared("audio_engine.instruments", "INSTRUMENT", InstrumentSpec)
    soundscapes = declared("audio_engine.soundscapes", "SOUNDSCAPE", SoundscapeSpec)
    spec = instruments.get(name) or soundscapes.get(name)
    if spec is None:
        raise BadRender(f"audition must be of one of {', '.join([*instruments, *soundscapes])}, got {name!r}")
    synth = Synth(seed)
    sound = np.empty((round(seconds / BLOCK_S), BLOCK_FRAMES, CHANNELS), np.float32)
    try:
        desk = Desk(synth.server, seed)
        if isinstance(spec, InstrumentSpec):
            part, score = Part(desk, spec), _score(chords=spec.chords)
        else:
            part, score = Part(desk, spec, ALL_AROUND), []
        part.voice.steer(controls)
        _play(synth, desk, part, score, list(fades), sound)
    finally:
        del part, desk
        gc.collect()
        synth.close()
    return sound.reshape(-1, CHANNELS)


def _score(*, chords: bool) -> list[tuple[float, Onset | Release]]:
    """Return what happens when, in order."""
    events: list[tuple[float, Onset | Release]] = []
    groups = _CHORDS if chords else tuple((pitch,) for pitch in _NOTES)
    length_s = PLAYED_S / len(groups)
    for k, group in enumerate(groups):
        for pitch in group:
            note = Note(
                instrument="audition",
                midi_note=pitch,
                velocity=_VELOCITY,
                start_beats=k * length_s,
                duration_beats=length_s,
            )
            ring_s = length_s if chords else _RINGS * length_s
            events.append((k * length_s, Onset(note=note, offset_s=0.0, duration_s=ring_s)))
            events.append(((k + 1) * length_s - BLOCK_S, Release(note=note)))
    return sorted(events, key=lambda event: event[0])


def _play(
    synth: Synth,
    desk: Desk,
    part: Part,
    score: list[tuple[float, Onset | Release]],
    fades: list[tuple[float, float, float]],
    sound: npt.NDArray[np.float32],
) -> None:
    """Fill `sound` (blocks, 480, 2)."""
    for k in range(len(sound)):
        desk.begin(k * BLOCK_S)
        now_s = desk.now_s + BLOCK_S / 2.0
        while fades and fades[0][0] < now_s:
            part.fade(*fades.pop(0)[1:])
        while score and score[0][0] < now_s:
            event = score.pop(0)[1]
            if isinstance(event, Onset):
                part.start(event)
            else:
                part.voice.release(event.note)
        part.rest()
        desk.fill()
        out = synth.process()
        sound[k] = out[:, BED : BED + CHANNELS] if part.music else to_stereo(out[:, PLACE:])
