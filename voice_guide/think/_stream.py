"""The sentences of `say` while the answer is still being written. Pure.

An answer begins `{"say":"…`; `SayStream` reads along, undoes JSON's escapes and gives each sentence as soon
as the next one begins or the text is closed. What is not of that form gives none; `parse` judges the whole.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from therapy.may_say import LONGEST_SAY

__all__ = ["SayStream"]

_HEAD: Final = re.compile(r'\s*\{\s*"say"\s*:\s*"')
#: As far as a head may reach.
_LONGEST_HEAD: Final = 40
#: The longest turn, every character written as an escape.
_LONGEST_RAW: Final = 6 * LONGEST_SAY
_END: Final = re.compile(r"[.!?…][\"'”’)]*\s+")
_STRING: Final = msgspec.json.Decoder(str)


class SayStream:
    """Push pieces of text, get the sentences that they complete.

    >>> stream = SayStream()
    >>> stream.push('{"say":"Take your time. The sea ')
    ['Take your time.']
    >>> stream.push('is here.","actions":[]}')
    ['The sea is here.']
    """

    def __init__(self) -> None:
        self._raw = ""
        self._left = LONGEST_SAY
        self._open = True
        self._inside = False

    def push(self, piece: str) -> list[str]:
        """Return the sentences that `piece` completes, in order."""
        if not self._open:
            return []
        self._raw += piece[: _LONGEST_RAW + 1]
        if not self._inside:
            head = _HEAD.match(self._raw)
            if head is None:
                self._open = len(self._raw) <= _LONGEST_HEAD
                return []
            self._inside = True
            self._raw = self._raw[head.end() :]
        found = self._complete()
        if len(self._raw) > _LONGEST_RAW:
            self._open = False
        return found

    def _complete(self) -> list[str]:
        closed = _closing_quote(self._raw)
        body = self._raw if closed is None else self._raw[:closed]
        found: list[str] = []
        at = 0
        for end in _END.finditer(body):
            found.append(body[at : end.end()])
            at = end.end()
        if closed is not None:
            found.append(body[at:])
            self._open = False
        self._raw = self._raw[at:]
        texts = [_unescaped(part) for part in found]
        return [text for text in texts if text and self._within_turn(text)]

    def _within_turn(self, text: str) -> bool:
        """Return whether `text` still belongs to the longest turn; nothing after it does otherwise."""
        self._left -= len(text)
        self._open = self._open and self._left >= 0
        return self._left >= 0


def _closing_quote(raw: str) -> int | None:
    at = 0
    while at < len(raw):
        if raw[at] == "\\":
            at += 2
            continue
        if raw[at] == '"':
            return at
        at += 1
    return None


def _unescaped(part: str) -> str:
    """Return what the inside of a JSON string says, "" where it is not one."""
    try:
        return _STRING.decode(f'"{part}"'.encode()).strip()
    except ValueError:  # a bad escape, a control character, half of a surrogate pair
        return ""
