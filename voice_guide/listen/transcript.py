"""What a transcriber gives, and what it has to be. No model is imported here."""

from __future__ import annotations

import dataclasses
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["RATE_HZ", "Samples", "Transcriber", "Transcript", "Word"]

#: Speech is heard at this rate everywhere behind the decoder: Whisper's and Silero's.
RATE_HZ: Final = 16_000

#: Mono samples at `RATE_HZ`, −1 … 1, shape (n,).
Samples = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word, with the mean probability of its tokens, 0 … 1."""

    text: str
    confidence: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was said in a piece of sound.

    Attributes:
        text: the words as written, empty if there were none.
        confidence: 0 … 1: how sure the model was of its tokens, and that it was speech at all.
        words: each word with its confidence.
        took_s: how long it took.
        language: as given or as detected, a two-letter code.
        looped: the model had begun to repeat itself and was stopped; the text is what came before.
    """

    text: str
    confidence: float
    words: tuple[Word, ...] = ()
    took_s: float = 0.0
    language: str = "en"
    looped: bool = False


class Transcriber(Protocol):
    """Turns sound into words. Not shared between threads."""

    def transcribe(self, pcm: Samples) -> Transcript:
        """Return what is said in `pcm`; empty for silence. Takes at most a few seconds whatever comes."""
        ...
