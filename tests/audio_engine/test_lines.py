"""A line gives back what was written on it, sample for sample."""

from __future__ import annotations

import numpy as np
from sound_kit import Apart


def through_a_line(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return noise (frames,) that is written on a line, and what the line plays."""
    from audio_engine.desk import Desk
    from audio_engine.messages import BLOCK_FRAMES
    from audio_engine.synth import Synth

    rng = np.random.default_rng(seed)
    written = rng.uniform(-0.5, 0.5, (50, BLOCK_FRAMES)).astype(np.float32)
    synth = Synth(seed)
    desk = Desk(synth.server, seed)
    samples, signal = desk.line()
    out = signal.out(0)
    played = []
    for block in written:
        samples[:] = block
        played.append(synth.process()[:, 0].copy())
    del samples, signal, out, desk
    synth.close()
    return written.ravel(), np.concatenate(played)


def test_a_line_plays_what_is_written_on_it_and_nothing_else(apart: Apart) -> None:
    written, played = apart(through_a_line, 5)
    past = 4800  # pyo fades in what begins
    assert np.abs(played[past:] - written[past:]).max() < 1e-6
