"""When to stop a decoder that has begun to repeat itself, and what its certainty means. Pure.

Whisper on a window shorter than its 30 s sometimes writes the same words for ever. Three things hold it:
a cap from the length of the sound, a stop at a repeated run of tokens, and (in `whisper.py`) a second try
on the full window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

__all__ = ["confidence_of", "loop_start", "token_cap"]

#: Fast speech is about 5 words a second, some 7 tokens with punctuation (measured on the shared clips: 4.1).
TOKENS_PER_S: Final = 7.0
TOKENS_MORE: Final = 8
#: A run of 1 … 12 tokens that comes this often in a row is a loop; "no, no, no" (3) is speech.
_LONGEST: Final = 12
_REPEATS_SHORT: Final = 6
_REPEATS_LONG: Final = 3
_SHORT: Final = 3


def token_cap(seconds: float, most: int) -> int:
    """Return how many tokens `seconds` of speech may have, at most `most`."""
    return min(most, TOKENS_MORE + math.ceil(TOKENS_PER_S * seconds))


def loop_start(tokens: Sequence[int]) -> int | None:
    """Return where a loop at the end of `tokens` begins its second round, or `None` if there is none.

    A run of up to three tokens has to come six times (people do say "no, no, no, no"), a longer one thrice.
    """
    for run in range(1, _LONGEST + 1):
        repeats = _REPEATS_SHORT if run <= _SHORT else _REPEATS_LONG
        start = len(tokens) - run * repeats
        if start < 0:
            continue
        if all(tokens[i] == tokens[i + run] for i in range(start, len(tokens) - run)):
            return start + run
    return None


def confidence_of(log_probabilities: Sequence[float], no_speech: float) -> float:
    """Return 0 … 1: the geometric mean of the tokens' probabilities, times how likely it is speech at all."""
    if not log_probabilities:
        return 0.0
    mean = sum(log_probabilities) / len(log_probabilities)
    return max(0.0, min(1.0, math.exp(min(mean, 0.0)) * (1.0 - no_speech)))
