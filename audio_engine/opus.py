"""Opus packets of 10 ms, 48 kHz stereo, raw (no Ogg)."""

from __future__ import annotations

import fractions
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from audio_engine.errors import BadBlock
from audio_engine.messages import BLOCK_FRAMES, CHANNELS, RATE_HZ

__all__ = ["BIT_RATE", "LOOKAHEAD_FRAMES", "OpusEncoder"]

BIT_RATE: Final = 96_000
#: Samples that a decoder gives before the first encoded one (libopus, application `audio`, 10 ms).
LOOKAHEAD_FRAMES: Final = 312


class OpusEncoder:
    """Encodes consecutive blocks; each block gives exactly one packet."""

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "w")
        if not isinstance(codec, av.AudioCodecContext):
            raise BadBlock(f"libopus must be an audio codec, is {type(codec).__name__}")
        codec.sample_rate = RATE_HZ
        codec.layout = "stereo"
        codec.format = "flt"
        codec.bit_rate = BIT_RATE
        codec.time_base = fractions.Fraction(1, RATE_HZ)
        codec.options = {"frame_duration": "10", "application": "audio", "compression_level": "5"}
        codec.open()
        self._codec = codec
        self._frame = av.AudioFrame(format="flt", layout="stereo", samples=BLOCK_FRAMES)
        self._frame.sample_rate = RATE_HZ
        self._frame.time_base = fractions.Fraction(1, RATE_HZ)
        self._pts = 0

    def encode(self, block: npt.NDArray[np.float32]) -> bytes:
        """Return the packet of the next block, float32 (480, 2), −1 … 1.

        Raises:
            BadBlock: another shape or type.
        """
        if block.shape != (BLOCK_FRAMES, CHANNELS) or block.dtype != np.float32:
            raise BadBlock(
                f"block must be float32 ({BLOCK_FRAMES}, {CHANNELS}), got {block.dtype} {block.shape}"
            )
        self._frame.pts = self._pts
        self._pts += BLOCK_FRAMES
        self._frame.planes[0].update(block.tobytes())
        packets = self._codec.encode(self._frame)
        return b"".join(bytes(p) for p in packets)
