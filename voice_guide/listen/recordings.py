"""Recordings of speech: read from WAV at any rate, and transcribed whole, however long."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final

import av
import numpy as np

from voice_guide.errors import BadSpeech
from voice_guide.listen.transcript import RATE_HZ, Samples, Transcriber, Transcript

__all__ = ["pieces", "read_wav", "transcribe_long"]

#: Longer recordings are not read: an hour is 230 MB of samples.
MOST_S: Final = 3600.0
#: A long recording is cut into pieces of 20 … 28 s, where it is quietest.
_LEAST_S: Final = 20.0
_MOST_S: Final = 28.0
_STEP_S: Final = 0.1


def read_wav(path: Path) -> Samples:
    """Return a WAV file as mono samples at 16 kHz, shape (n,).

    Raises:
        BadSpeech: missing, empty, not WAV, cut off before its sound, or longer than an hour.
    """
    if not path.is_file():
        raise BadSpeech("recording", "a file that exists", str(path))
    pieces: list[Samples] = []
    # Channels are averaged here: FFmpeg's own mix to mono is 3 dB louder.
    resampler = av.AudioResampler(format="fltp", rate=RATE_HZ)
    read = 0
    try:
        with av.open(str(path), format="wav") as file:
            if not file.streams.audio:
                raise BadSpeech("recording", "a WAV file with sound", path.name)
            for frame in itertools.chain(file.decode(audio=0), (None,)):
                for plain in resampler.resample(frame):
                    pieces.append(plain.to_ndarray().mean(axis=0))
                    read += pieces[-1].size
                if read > MOST_S * RATE_HZ:
                    raise BadSpeech("recording", f"at most {MOST_S:g} s long", path.name)
    except (av.FFmpegError, ValueError) as error:
        raise BadSpeech("recording", "a WAV file that can be read", path.name) from error
    if read == 0:
        raise BadSpeech("recording", "a WAV file with samples", path.name)
    return np.concatenate(pieces).astype(np.float32, copy=False)


def pieces(pcm: Samples) -> list[Samples]:
    """Cut `pcm`, shape (n,), into pieces that Whisper can hear whole, at the quietest tenth of a second."""
    found: list[Samples] = []
    step = int(_STEP_S * RATE_HZ)
    while len(pcm) > _MOST_S * RATE_HZ:
        window = pcm[int(_LEAST_S * RATE_HZ) : int(_MOST_S * RATE_HZ)]
        power = (window.reshape(-1, step) ** 2).mean(axis=1)
        cut = int(_LEAST_S * RATE_HZ) + int(power.argmin()) * step + step // 2
        found.append(pcm[:cut])
        pcm = pcm[cut:]
    return [*found, pcm]


def transcribe_long(transcriber: Transcriber, pcm: Samples) -> Transcript:
    """Return what is said in `pcm`, however long it is, piece by piece."""
    told = [transcriber.transcribe(piece) for piece in pieces(pcm)]
    spoken = [one for one in told if one.text]
    words = tuple(word for one in spoken for word in one.words)
    weight = sum(max(len(one.words), 1) for one in spoken)
    sure = sum(one.confidence * max(len(one.words), 1) for one in spoken)
    return Transcript(
        text=" ".join(one.text for one in spoken),
        confidence=sure / weight if weight else 0.0,
        words=words,
        took_s=sum(one.took_s for one in told),
        language=spoken[0].language if spoken else told[0].language,
        looped=any(one.looped for one in told),
    )
