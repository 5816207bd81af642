"""The same engine without a clock: a trace of controls in, a sound out, faster than it plays."""

from __future__ import annotations

import math
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from audio_engine.engine import Engine
from audio_engine.errors import BadRender
from audio_engine.master import LATENCY_S
from audio_engine.messages import BLOCK_FRAMES, BLOCK_S, CHANNELS, RATE_HZ, NotePlayed
from therapy.controls import Controls
from therapy.specs import PLAIN, Palette

__all__ = ["MAX_SECONDS", "render", "write_wav"]

MAX_SECONDS: Final = 4 * 3600.0
#: How often the trace is asked: as often as a room sends controls.
_BLOCKS_PER_CONTROLS: Final = 5
_BLOCKS_PER_PROGRESS: Final = 50
_BYTES_PER_SAMPLE: Final = 3
_FULL_SCALE: Final = 2**23 - 1


def render(  # noqa: PLR0913  # one engine's whole life, each part of it by name
    controls_at: Callable[[float], Controls],
    seconds: float,
    seed: int,
    *,
    scene: str = "ocean",
    palette: Palette = PLAIN,
    fade_s: float = 1.0,
    follow_pacer: bool = False,
    on_progress: Callable[[float], None] | None = None,
    on_note: Callable[[NotePlayed], None] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the sound of a trace of controls, float32 (frames, 2) at 48 kHz, −1 … 1.

    The same arguments give the same samples, bit for bit, on one machine. pyo has one random generator
    for a process: render one at a time.

    Args:
        controls_at: controls at a time from 0 s; asked 20 times a second.
        seconds: length of the sound, 0 < seconds ≤ 4 h.
        seed: of composition and noise.
        scene: name of the place; part of the seed.
        palette: what the place sounds like.
        fade_s: fade at the start and at the end; at most half of the sound.
        follow_pacer: take the breath from `pacer_phase` (a recorded trace) instead of letting it run
            free at `breath_pace_per_min` (constant settings).
        on_progress: told the share done, 0 … 1, about twice a second of sound.
        on_note: told each note, its `at_s` counted from the start of the sound.

    Raises:
        BadRender: `seconds` out of bounds.
        BadPalette: `palette` cannot be played.
        EngineBroken: the synthesis made a NaN.
    """
    if not (math.isfinite(seconds) and 0.0 < seconds <= MAX_SECONDS):
        raise BadRender(f"seconds must be in 0…{MAX_SECONDS:g}, got {seconds!r}")
    frames = round(seconds * RATE_HZ)
    # One more block than the sound has: the master holds one back.
    blocks = math.ceil(frames / BLOCK_FRAMES) + 1
    fade_s = min(max(fade_s, BLOCK_S), seconds / 2.0)
    sound = np.empty((blocks * BLOCK_FRAMES, CHANNELS), np.float32)
    engine = Engine(seed=seed, scene=scene, controls=controls_at(0.0), palette=palette)
    try:
        engine.fade(1.0, fade_s)
        fade_out_at = blocks - max(math.ceil(fade_s / BLOCK_S), 1)
        for k in range(blocks):
            at_s = k * BLOCK_S
            if k % _BLOCKS_PER_CONTROLS == 0:
                engine.steer(controls_at(at_s), at_s if follow_pacer else None)
            if k == fade_out_at:
                engine.fade(0.0, fade_s)
            block = engine.block(at_s - LATENCY_S)
            sound[k * BLOCK_FRAMES : (k + 1) * BLOCK_FRAMES] = block.frames
            if on_note is not None:
                for note in block.notes:
                    on_note(note)
            if on_progress is not None and (k % _BLOCKS_PER_PROGRESS == 0 or k == blocks - 1):
                on_progress((k + 1) / blocks)
    finally:
        engine.close()
    return sound[BLOCK_FRAMES : BLOCK_FRAMES + frames]


def write_wav(path: Path, sound: npt.NDArray[np.float32]) -> None:
    """Write `sound` (frames, 2), −1 … 1, as a 24-bit PCM WAV file at 48 kHz.

    Raises:
        BadRender: not finite, not stereo, or the file cannot be written.
    """
    if sound.ndim != CHANNELS or sound.shape[1] != CHANNELS or not np.isfinite(sound).all():
        raise BadRender(f"sound must be finite and (frames, {CHANNELS}), got shape {sound.shape}")
    whole = np.rint(np.clip(sound, -1.0, 1.0) * _FULL_SCALE).astype("<i4")
    # The low three of four little-endian bytes are the 24-bit sample.
    packed = whole.reshape(-1, 1).view(np.uint8)[:, :_BYTES_PER_SAMPLE].tobytes()
    try:
        with path.open("wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(CHANNELS)
            file.setsampwidth(_BYTES_PER_SAMPLE)
            file.setframerate(RATE_HZ)
            file.writeframes(packed)
    except OSError as error:
        raise BadRender(f"WAV file must be writable, got {path.name}: {error.strerror}") from error
