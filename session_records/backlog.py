"""`Backlog`: what waits for the disk, in bounded memory, taken by one thread and filled by others."""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np

from session_records.chunks import Format, Stamps, StreamDeclaration, Values

__all__ = ["Backlog", "Offset", "Piece", "Refused", "Work"]

#: Rough cost of an object that waits, besides its numbers or characters.
_OBJECT_BYTES: Final = 120


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Samples of one stream: stamps (n,) and values (n, channels)."""

    stamps_s: Stamps
    values: Values

    @property
    def size(self) -> int:
        """Bytes of memory, roughly."""
        if isinstance(self.values, np.ndarray):
            return self.stamps_s.nbytes + self.values.nbytes + _OBJECT_BYTES
        texts = sum(len(text) + _OBJECT_BYTES for row in self.values for text in row)
        return self.stamps_s.nbytes + texts + _OBJECT_BYTES

    def after(self, count: int) -> Piece:
        """Return the piece without its first `count` samples."""
        return Piece(stamps_s=self.stamps_s[count:], values=self.values[count:])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """A clock measurement of one stream."""

    declaration: StreamDeclaration
    at_s: float
    offset_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What found no room since the last time it was asked for."""

    samples: int = 0
    lines: int = 0


Pieces: TypeAlias = collections.deque[Piece]


@dataclasses.dataclass(slots=True, kw_only=True)
class Work:
    """What is to be written; whoever writes it takes from the left what is done."""

    lines: collections.deque[str] = dataclasses.field(default_factory=collections.deque)
    offsets: collections.deque[Offset] = dataclasses.field(default_factory=collections.deque)
    samples: dict[StreamDeclaration, Pieces] = dataclasses.field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of memory, roughly."""
        lines = sum(len(line) + _OBJECT_BYTES for line in self.lines)
        pieces = sum(piece.size for pieces in self.samples.values() for piece in pieces)
        return lines + pieces + len(self.offsets) * _OBJECT_BYTES


class Backlog:
    """Takes pieces and lines until `limit_bytes` wait, and counts what it must refuse.

    Lines (events, commands) keep a reserve of a tenth above the limit: they are few and matter most.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._work = Work()
        self._waiting = 0
        self._taken = 0
        self._refused = Refused()

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait or are being written."""
        return self._waiting + self._taken

    def put(self, declaration: StreamDeclaration, piece: Piece) -> bool:
        """Take samples; `False` when there is no room."""
        size = piece.size
        with self._lock:
            if not self._has_room(size, self.limit_bytes):
                count = self._refused.samples + len(piece.stamps_s)
                self._refused = dataclasses.replace(self._refused, samples=count)
                return False
            self._work.samples.setdefault(declaration, collections.deque()).append(piece)
            return True

    def put_line(self, line: str) -> bool:
        """Take a journal line; `False` when not even the reserve has room."""
        with self._lock:
            if not self._has_room(len(line) + _OBJECT_BYTES, self.limit_bytes * 11 // 10):
                self._refused = dataclasses.replace(self._refused, lines=self._refused.lines + 1)
                return False
            self._work.lines.append(line)
            return True

    def put_offset(self, offset: Offset) -> bool:
        """Take a clock measurement; `False` when there is no room."""
        with self._lock:
            if not self._has_room(_OBJECT_BYTES, self.limit_bytes):
                return False
            self._work.offsets.append(offset)
            return True

    def _has_room(self, size: int, limit: int) -> bool:
        if self._waiting + self._taken + size > limit:
            return False
        self._waiting += size
        return True

    def take(self) -> Work:
        """Return all that waits. It counts as waiting until `settle` is called with what is left of it."""
        with self._lock:
            work, self._work = self._work, Work()
            self._taken, self._waiting = self._waiting, 0
            return work

    def settle(self, rest: Work) -> None:
        """Put `rest`, what could not be written, back in front of what came since."""
        with self._lock:
            newer = self._work
            rest.lines.extend(newer.lines)
            rest.offsets.extend(newer.offsets)
            for declaration, pieces in newer.samples.items():
                rest.samples.setdefault(declaration, collections.deque()).extend(pieces)
            self._work = rest
            self._taken, self._waiting = 0, rest.size

    def refused(self) -> Refused:
        """Return what was refused since the last call."""
        with self._lock:
            refused, self._refused = self._refused, Refused()
            return refused


def joined(pieces: Sequence[Piece], fmt: Format) -> Piece:
    """Return pieces of one stream as one, so that they become one chunk."""
    if len(pieces) == 1:
        return pieces[0]
    stamps = np.concatenate([piece.stamps_s for piece in pieces])
    if fmt is Format.STRING:
        return Piece(stamps_s=stamps, values=[row for piece in pieces for row in piece.values])
    return Piece(stamps_s=stamps, values=np.concatenate([np.asarray(piece.values) for piece in pieces]))
