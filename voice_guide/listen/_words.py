"""What was said against what was heard, word by word, as both sound. Pure; for tests and measurement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["distance", "spoken_words"]

_WORD: Final = re.compile(r"[\w']+")
#: Written forms → spoken ones, of what occurs in the recordings that are measured on.
_SPOKEN: Final = {
    "mr": "mister",
    "mrs": "missus",
    **dict(
        zip(
            (str(number) for number in range(13)),
            "zero one two three four five six seven eight nine ten eleven twelve".split(),  # noqa: SIM905  # read as words
            strict=True,
        )
    ),
}


def spoken_words(text: str) -> list[str]:
    """Return the words of `text` in lower case, small numbers and titles as they are spoken."""
    return [_SPOKEN.get(word, word) for word in _WORD.findall(text.lower())]


def distance(truth: Sequence[str], heard: Sequence[str]) -> int:
    """Return how many words are wrong, missing or added (over the truth's length: the WER)."""
    row = list(range(len(heard) + 1))
    for i, true in enumerate(truth, 1):
        above, row[0] = row[0], i
        for j, got in enumerate(heard, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (true != got))
    return row[-1]
