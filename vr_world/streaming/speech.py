"""The guide's voice down and the patient's up, as values: Opus packets of 20 ms, 48 kHz, mono. No I/O."""

from __future__ import annotations

import dataclasses
import math
import struct
from typing import Final

from vr_world.streaming.errors import BadMessage
from vr_world.streaming.layout import VERSION, pack, unpack, within

__all__ = [
    "MAX_MIC_BYTES",
    "MIC_TYPE",
    "PACKET_S",
    "SPEECH_TYPE",
    "Mic",
    "MicRate",
    "Speech",
    "pack_mic",
    "pack_speech",
    "parse_mic",
    "parse_speech",
]

SPEECH_TYPE: Final = 17
MIC_TYPE: Final = 19
PACKET_S: Final = 0.02
#: RFC 6716, 3.2.1: a packet of one frame has at most 1275 bytes and its first.
MAX_OPUS_BYTES: Final = 1276

_SPEECH: Final = struct.Struct("<BBHIdI")
_MIC: Final = struct.Struct("<BBHId")
MAX_MIC_BYTES: Final = _MIC.size + MAX_OPUS_BYTES
_LAST_FLAG: Final = 1
_SAFETY_FLAG: Final = 2
#: A microphone makes 50 packets a second; a link that stood still for so long may bring them all at once.
MIC_PER_S: Final = 60.0
MIC_BURST: Final = 300.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """20 ms of the guide's voice.

    Attributes:
        seq: of this utterance, from 0.
        at_s: when it is due at the ear, session time; the first one's is when the utterance may start.
        utterance: whose; they count up in a session, and a later one is heard after an earlier one.
        payload: one Opus packet.
        last: the utterance ends with it.
        safety: it is heard even over the safe picture and after a stop.
    """

    seq: int
    at_s: float
    utterance: int
    payload: bytes
    last: bool = False
    safety: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mic:
    """20 ms of the patient's microphone, taken at `client_ms`. `seq` counts up; what is missing was lost."""

    seq: int
    client_ms: float
    payload: bytes


def pack_speech(speech: Speech) -> bytes:
    """Return the wire bytes of `speech`: a 20-byte header, then the Opus packet."""
    flags = speech.last * _LAST_FLAG | speech.safety * _SAFETY_FLAG
    fields = (SPEECH_TYPE, VERSION, flags, speech.seq, speech.at_s, speech.utterance)
    return pack(_SPEECH, *fields) + speech.payload


def parse_speech(data: bytes) -> Speech:
    """Parse one packet of the guide's voice.

    Raises:
        BadMessage: wrong length, or a time that is not finite.
    """
    _, _, flags, seq, at_s, utterance = unpack(_SPEECH, data, exact=False)
    return Speech(
        seq=seq,
        at_s=within("speech at_s", at_s, -math.inf, math.inf),
        utterance=utterance,
        payload=_opus("speech", data[_SPEECH.size :]),
        last=bool(flags & _LAST_FLAG),
        safety=bool(flags & _SAFETY_FLAG),
    )


def pack_mic(mic: Mic) -> bytes:
    """Return the wire bytes of `mic`: a 16-byte header, then the Opus packet."""
    return pack(_MIC, MIC_TYPE, VERSION, 0, mic.seq, mic.client_ms) + mic.payload


def parse_mic(data: bytes) -> Mic:
    """Parse one packet of a microphone.

    Raises:
        BadMessage: wrong length, or a time that is not finite or negative.
    """
    _, _, _, seq, client_ms = unpack(_MIC, data, exact=False)
    client_ms = within("mic client_ms", client_ms, 0.0, math.inf)
    return Mic(seq=seq, client_ms=client_ms, payload=_opus("mic", data[_MIC.size :]))


class MicRate:
    """Whether a microphone keeps to its rate: `MIC_BURST` packets at once, `MIC_PER_S` in the long run."""

    def __init__(self) -> None:
        self._left = MIC_BURST
        self._at_s: float | None = None

    def take(self, now_s: float) -> None:
        """Count a packet.

        Raises:
            BadMessage: too many.
        """
        since_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._left = min(MIC_BURST, self._left + since_s * MIC_PER_S)
        if self._left < 1.0:
            raise BadMessage(f"microphone must send at most {MIC_PER_S:g} packets a second, got more")
        self._left -= 1.0


def _opus(what: str, payload: bytes) -> bytes:
    if not 1 <= len(payload) <= MAX_OPUS_BYTES:
        raise BadMessage(f"{what} payload must have 1…{MAX_OPUS_BYTES} bytes, got {len(payload)}")
    return payload
