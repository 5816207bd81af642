"""A headset's microphone: Opus packets in, 16 kHz samples out, with time that never slips.

Packets carry a number and all the same length. One that is missing becomes silence of its length once a later
one is here; one that comes after its place was filled is dropped. So the samples' time is the number of the
first packet and counting, whatever the link does.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import av
import numpy as np

from voice_guide.errors import BadSpeech
from voice_guide.listen.transcript import RATE_HZ, Samples

__all__ = ["Lost", "OpusIn"]

_OPUS_HZ: Final = 48_000
#: Lengths that Opus packets can have, ms.
_LENGTHS_MS: Final = (2.5, 5.0, 10.0, 20.0, 40.0, 60.0)
#: A longer break is not filled: the microphone was off, or the page was asleep.
_MOST_FILLED_S: Final = 2.0
#: A packet this many behind is no late one, but the first of a microphone that began to count again.
_ANEW: Final = 100


@dataclasses.dataclass(slots=True)
class Lost:
    """What did not arrive in time, counted."""

    missing: int = 0
    late: int = 0
    broken: int = 0


class OpusIn:
    """Decodes one microphone. Sans-I/O: packets in, samples out."""

    def __init__(self, packet_ms: float = 20.0) -> None:
        if packet_ms not in _LENGTHS_MS:
            raise BadSpeech("packet_ms", f"one of {', '.join(f'{ms:g}' for ms in _LENGTHS_MS)}", packet_ms)
        self._packet_s = packet_ms / 1000.0
        self._samples = round(self._packet_s * RATE_HZ)
        self._next: int | None = None
        self.lost = Lost()
        self._begin()

    def _begin(self) -> None:
        decoder = av.CodecContext.create("opus", "r")
        assert isinstance(decoder, av.AudioCodecContext)  # noqa: S101  # what "opus" is
        decoder.sample_rate = _OPUS_HZ
        decoder.layout = "mono"
        self._decoder = decoder
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
        self._left: Samples = np.zeros(0, np.float32)

    def push(self, number: int, packet: bytes) -> Samples:
        """Take packet `number`; return the samples it made known, shape (n,), possibly none.

        They end where packet `number` ends, and follow what was returned before without a gap, unless more
        than 2 s of silence would be needed: then they begin anew.
        """
        if self._next is None:
            self._next = number
        gap = number - self._next
        if gap < -_ANEW:  # the page was loaded again: its numbers begin anew
            self._begin()
            gap = 0
        if gap < 0:
            self.lost.late += 1
            return np.zeros(0, np.float32)
        silence = np.zeros(0, np.float32)
        if gap:
            self.lost.missing += gap
            self._begin()
            if gap * self._packet_s <= _MOST_FILLED_S:
                silence = np.zeros(gap * self._samples, np.float32)
        self._next = number + 1
        return np.concatenate((silence, self._decode(packet)))

    def _decode(self, packet: bytes) -> Samples:
        """Return exactly one packet's length of samples: what the decoder gave, kept in step."""
        pieces = [self._left]
        try:
            for frame in self._decoder.decode(av.Packet(packet)):
                pieces += [plain.to_ndarray()[0] for plain in self._resampler.resample(frame)]
        except av.FFmpegError:
            self.lost.broken += 1
            pieces = [np.zeros(self._samples, np.float32)]
        sound = np.concatenate(pieces).astype(np.float32, copy=False)
        if len(sound) < self._samples:  # decoder and resampler hold a few milliseconds back at the beginning
            sound = np.concatenate((np.zeros(self._samples - len(sound), np.float32), sound))
        self._left = sound[self._samples :]
        return sound[: self._samples]
