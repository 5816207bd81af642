"""Opus packets of 10 ms, 48 kHz stereo, raw (no Ogg)."""

from __future__ import annotations

import fractions
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from audio_engine.errors import BadBlock
from audio_engine.messages import BLOCK_FRAMES, CHANNELS, RATE_HZ

__all__ = ["BIT_RATE", "LOOKAHEAD_FRAMES", "OpusEncoder", "PlaceEncoder"]

BIT_RATE: Final = 96_000
#: Of (W, Y) and of (Z, X). Opus gives up the phase between two channels only above 9.6 kHz at these rates
#: (`intensity_thresholds` of its CELT encoder), where ears hear direction by level.
_PLACE_BIT_RATES: Final = (96_000, 72_000)
#: Samples that a decoder gives before the first encoded one (libopus, application `audio`, 10 ms).
LOOKAHEAD_FRAMES: Final = 312


class OpusEncoder:
    """Encodes consecutive blocks; each block gives exactly one packet.

    Args:
        bit_rate: bits a second.
    """

    def __init__(self, bit_rate: int = BIT_RATE) -> None:
        codec = av.CodecContext.create("libopus", "w")
        if not isinstance(codec, av.AudioCodecContext):
            raise BadBlock(f"libopus must be an audio codec, is {type(codec).__name__}")
        codec.sample_rate = RATE_HZ
        codec.layout = "stereo"
        codec.format = "flt"
        codec.bit_rate = bit_rate
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


class PlaceEncoder:
    """Encodes the four channels of the place as two stereo streams: what decoders of browsers take."""

    def __init__(self) -> None:
        self._pairs = [OpusEncoder(rate) for rate in _PLACE_BIT_RATES]

    def encode(self, place: npt.NDArray[np.float32]) -> tuple[bytes, bytes]:
        """Return the packets of (W, Y) and (Z, X) of the next block, float32 (480, 4).

        Raises:
            BadBlock: another shape or type.
        """
        first, second = (
            encoder.encode(np.ascontiguousarray(place[:, 2 * i : 2 * i + 2]))
            for i, encoder in enumerate(self._pairs)
        )
        return first, second
