"""`Mouth`: words in, Opus packets out, with the words that begin in each; approved lines rendered ahead."""

from __future__ import annotations

import collections
import fractions
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import av
import numpy as np

from therapy.talk import Utterance
from voice_guide.errors import NoVoice
from voice_guide.messages import Spoken
from voice_guide.voice import RATE_HZ, Clause, Pcm, Voice, clauses, levelled, resampled

__all__ = ["PACKET_S", "Mouth", "heard_text"]

PACKET_S: Final = 0.02
_FRAMES: Final = int(PACKET_S * RATE_HZ)
#: Clear speech for a decoder of music; Opus at this rate in mono is full band.
_BIT_RATE: Final = 40_000
#: An encoder's first packets hold its start; this much silence goes before the first word.
_LEAD_S: Final = 0.04


class Mouth:
    """Speaks for all rooms of a machine; one thread at a time.

    Args:
        voice_for: gives the voice of a language; raises `NoVoice`.
        cache_mb: how much sound of approved lines is kept.
    """

    def __init__(self, voice_for: Callable[[str], Voice], *, cache_mb: float = 64.0) -> None:
        self._voice_for = voice_for
        self._cache: collections.OrderedDict[tuple[str, str, float], Pcm] = collections.OrderedDict()
        self._cache_bytes = 0
        self._cache_limit = int(cache_mb * 1e6)

    def prepare(self, text: str, language: str, pace: float = 1.0) -> None:
        """Render an approved text ahead.

        Raises:
            NoVoice: the voice failed.
        """
        for clause in clauses(text):
            self._sound(clause, language, pace, keep=True)

    def speak(self, utterance: Utterance, pace: float = 1.0) -> Iterator[Spoken]:
        """Yield the packets of an utterance, clause by clause; leave off whenever it is not wanted any more.

        Raises:
            NoVoice: the voice failed, or there is nothing to say.
        """
        encoder = _Encoder()
        keep = utterance.line_id != ""
        seq = 0
        held = np.zeros(int(_LEAD_S * RATE_HZ), np.float32)
        waiting: list[tuple[int, str]] = []  # (sample, word) of what is held
        parts = collections.deque(clauses(utterance.text))
        if not any(part.text for part in parts):
            raise NoVoice("an utterance must hold words, holds none")
        while parts:
            clause = parts.popleft()
            sound = self._sound(clause, utterance.language, pace, keep=keep)
            waiting += [(held.size + at, word) for at, word in _words(clause.text, sound.size)]
            pause_s = clause.pause_s / pace if parts else 0.1
            held = np.concatenate([held, sound, np.zeros(int(pause_s * RATE_HZ), np.float32)])
            if not parts:
                held = np.concatenate([held, np.zeros(-held.size % _FRAMES, np.float32)])
            while held.size >= _FRAMES:
                block, held = held[:_FRAMES], held[_FRAMES:]
                begun = [word for at, word in waiting if at < _FRAMES]
                waiting = [(at - _FRAMES, word) for at, word in waiting if at >= _FRAMES]
                last = not parts and held.size < _FRAMES
                yield Spoken(
                    utterance=utterance.utterance,
                    seq=seq,
                    offset_s=seq * PACKET_S,
                    payload=encoder.encode(block),
                    last=last,
                    words=" ".join(begun),
                )
                seq += 1

    def _sound(self, clause: Clause, language: str, pace: float, *, keep: bool) -> Pcm:
        if not clause.text:
            return np.zeros(0, np.float32)
        key = (language, clause.text, round(pace, 2))
        found = self._cache.get(key)
        if found is not None:
            self._cache.move_to_end(key)
            return found
        sound = levelled(resampled(*self._voice_for(language).render(clause.text, pace)))
        if keep:
            self._cache[key] = sound
            self._cache_bytes += sound.nbytes
            while self._cache_bytes > self._cache_limit:
                _, gone = self._cache.popitem(last=False)
                self._cache_bytes -= gone.nbytes
        return sound


def heard_text(words: Sequence[tuple[float, str]], played_s: float) -> str:
    """Return what of an utterance was heard after `played_s`.

    Args:
        words: (offset s, words that begin there) in order, as packets told them.
        played_s: how much of the utterance left the headset. A word counts once the next one begins.
    """
    heard = [text for offset_s, text in words if text and offset_s < played_s]
    if not heard:
        return ""
    complete = played_s > words[-1][0]
    return " ".join(heard if complete else heard[:-1])


def _words(text: str, samples: int) -> list[tuple[int, str]]:
    """Return (first sample, word): shares of the clause by letters, a space counting as one."""
    words = text.split()
    total = sum(len(word) + 1 for word in words)
    at, found = 0, []
    for word in words:
        found.append((samples * at // total, word))
        at += len(word) + 1
    return found


class _Encoder:
    """Opus, 48 kHz, mono, 20 ms: one packet a block."""

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "w")
        if not isinstance(codec, av.AudioCodecContext):
            raise NoVoice(f"libopus must be an audio codec, is {type(codec).__name__}")
        codec.sample_rate = RATE_HZ
        codec.layout = "mono"
        codec.format = "flt"
        codec.bit_rate = _BIT_RATE
        codec.time_base = fractions.Fraction(1, RATE_HZ)
        codec.options = {"frame_duration": "20", "application": "audio", "compression_level": "5"}
        codec.open()
        self._codec = codec
        self._frame = av.AudioFrame(format="flt", layout="mono", samples=_FRAMES)
        self._frame.sample_rate = RATE_HZ
        self._frame.time_base = fractions.Fraction(1, RATE_HZ)
        self._pts = 0

    def encode(self, block: Pcm) -> bytes:
        self._frame.pts = self._pts
        self._pts += _FRAMES
        self._frame.planes[0].update(block.tobytes())
        return b"".join(bytes(packet) for packet in self._codec.encode(self._frame))
