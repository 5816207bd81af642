from __future__ import annotations

import numpy as np
import pytest
from sound_kit import decode

from audio_engine.errors import BadBlock
from audio_engine.opus import BIT_RATE, LOOKAHEAD_FRAMES, OpusEncoder


def _tone(blocks: int) -> np.ndarray:
    t = np.arange(480 * blocks) / 48_000
    return np.stack([0.2 * np.sin(2 * np.pi * 330 * t), 0.2 * np.sin(2 * np.pi * 440 * t)], axis=1).astype(
        np.float32
    )


def test_each_block_is_one_packet_that_decodes_to_the_same_sound() -> None:
    encoder = OpusEncoder()
    tone = _tone(100)
    packets = [encoder.encode(b) for b in tone.reshape(-1, 480, 2)]
    heard = decode(packets)
    assert all(packets)
    assert len(heard) == len(tone)
    late = heard[LOOKAHEAD_FRAMES + 4800 :]
    early = tone[4800 : 4800 + len(late)]
    error = np.sqrt(np.mean((late - early) ** 2)) / early.std()
    assert error < 0.1


def test_the_bit_rate_is_near_its_nominal() -> None:
    encoder = OpusEncoder()
    rng = np.random.default_rng(0)
    sizes = [
        len(encoder.encode((0.1 * rng.standard_normal((480, 2))).astype(np.float32))) for _ in range(200)
    ]
    assert 0.7 * BIT_RATE < 800 * np.mean(sizes) < 1.4 * BIT_RATE


@pytest.mark.parametrize(
    "block", [np.zeros((960, 2), np.float32), np.zeros((480, 1), np.float32), np.zeros((480, 2))]
)
def test_a_block_of_another_shape_or_type_is_refused(block: np.ndarray) -> None:
    with pytest.raises(BadBlock, match="float32"):
        OpusEncoder().encode(block)
