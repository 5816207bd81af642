"""What a crash has left: walks an XDF file chunk by chunk and says where writing may go on.

A *torn tail* is the one chunk that a dying process left unfinished at the very end. *Damage* is everything
else that does not parse; it is passed over at the next boundary chunk, reported, and never changed.
"""

from __future__ import annotations

import dataclasses
import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from session_records.chunks import (
    BOUNDARY_SIGNATURE,
    MAGIC,
    MAX_ROW_BYTES,
    Format,
    StreamDeclaration,
    Tag,
    parse_header,
    read_varlen,
)
from session_records.errors import NotXdf

__all__ = ["Recovered", "Span", "StreamSummary", "scan"]

#: Length (9), tag (2), stream id (4): what is read to know what a chunk is.
_HEAD_BYTES: Final = 15
#: Two float64: collection time and offset.
_OFFSET_BYTES: Final = 16
_TAGS: Final = frozenset(int(tag) for tag in Tag)
_WITH_STREAM_ID: Final = (Tag.STREAM_HEADER, Tag.SAMPLES, Tag.CLOCK_OFFSET, Tag.STREAM_FOOTER)


class Span(NamedTuple):
    """Bytes `start` … `end` (exclusive) of a file."""

    start: int
    end: int


@dataclasses.dataclass(slots=True, kw_only=True)
class StreamSummary:
    """What a file holds of one stream. Stamps are on the stream's own clock.

    Attributes:
        declaration: what the stream is.
        samples: samples in whole chunks.
        first_s: stamp of the first, `None` before there is one.
        last_s: stamp of the last.
        offset_at_s: session time of the last clock offset, `None` without one.
    """

    declaration: StreamDeclaration
    samples: int = 0
    first_s: float | None = None
    last_s: float | None = None
    offset_at_s: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """The state of a recording on disk.

    Attributes:
        streams: by the stream's number in the file.
        next_id: lowest number that the file has not used.
        has_header: whether the file header is there.
        end: offset after the last whole chunk; what follows it is the torn tail.
        torn_bytes: length of the torn tail, 0 without one.
        footers_at: where the closing run of stream footers starts, `end` when the file was not closed.
        damaged: spans that do not parse, oldest first.
        chunks: number of whole chunks.
    """

    streams: Mapping[int, StreamSummary]
    next_id: int
    has_header: bool
    end: int
    torn_bytes: int
    footers_at: int
    damaged: tuple[Span, ...]
    chunks: int

    @property
    def closed(self) -> bool:
        """Whether the recording was closed in order."""
        return self.footers_at < self.end and not self.torn_bytes


class _Chunk(NamedTuple):
    tag: int
    stream_id: int | None
    body: int
    end: int


class _Samples(NamedTuple):
    number: int
    first_s: float | None
    last_s: float | None


def scan(path: Path) -> Recovered:
    """Walk the file at `path`. It is only read.

    Raises:
        NotXdf: the file does not start as XDF does. An empty file or part of the magic is a torn start.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        magic = file.read(len(MAGIC))
        if not MAGIC.startswith(magic):
            raise NotXdf(f"{path.name} must start with {MAGIC!r}, starts with {magic!r}")
        if size <= len(MAGIC):
            end = size if size == len(MAGIC) else 0
            return Recovered(
                streams={},
                next_id=1,
                has_header=False,
                end=end,
                torn_bytes=size - end,
                footers_at=end,
                damaged=(),
                chunks=0,
            )
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Walk(data).run()


class _Walk:
    """One pass over a file."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._size = len(data)
        self._streams: dict[int, StreamSummary] = {}
        self._damaged: list[Span] = []
        self._highest_id = 0
        self._chunks = 0
        self._has_header = False
        self._footers_at: int | None = None

    def run(self) -> Recovered:
        at = len(MAGIC)
        while at < self._size:
            found = self._chunk_at(at)
            if found is not None and self._take(found):
                self._note_footer(found, at)
                at = found.end
                continue
            signature = self._data.find(BOUNDARY_SIGNATURE, at)
            if signature < 0:
                break
            self._footers_at = None
            after = signature + len(BOUNDARY_SIGNATURE)
            self._damaged.append(Span(at, after))
            at = after
        end = self._end_of_tail(at)
        return Recovered(
            streams=self._streams,
            next_id=self._highest_id + 1,
            has_header=self._has_header,
            end=end,
            torn_bytes=self._size - end,
            footers_at=end if self._footers_at is None else self._footers_at,
            damaged=tuple(self._damaged),
            chunks=self._chunks,
        )

    def _note_footer(self, found: _Chunk, at: int) -> None:
        if found.tag != Tag.STREAM_FOOTER:
            self._footers_at = None
        elif self._footers_at is None:
            self._footers_at = at

    def _end_of_tail(self, at: int) -> int:
        """Return where writing goes on: before an unfinished chunk, after any other damage."""
        if at < self._size and not self._is_unfinished_chunk(at):
            self._footers_at = None
            self._damaged.append(Span(at, self._size))
            return self._size
        return at

    def _head(self, at: int) -> _Chunk | None:
        """Return the chunk that the bytes at `at` announce, whether or not the file holds all of it."""
        head = self._data[at : at + _HEAD_BYTES]
        length = read_varlen(head, 0)
        if length is None or len(head) < length[1] + 2 or length[0] < 2:
            return None
        size, after = length
        tag = int.from_bytes(head[after : after + 2], "little")
        if tag not in _TAGS:
            return None
        body, end = at + after + 2, at + after + size
        if tag not in _WITH_STREAM_ID:
            return _Chunk(tag, None, body, end)
        if size < 6 or len(head) < after + 6:
            return None
        return _Chunk(tag, int.from_bytes(head[after + 2 : after + 6], "little"), body + 4, end)

    def _chunk_at(self, at: int) -> _Chunk | None:
        found = self._head(at)
        return found if found is not None and found.end <= self._size else None

    def _take(self, found: _Chunk) -> bool:
        """Count a whole chunk in; return whether its content is what its tag says."""
        if not self._is_sound(found):
            return False
        self._chunks += 1
        self._has_header = self._has_header or found.tag == Tag.FILE_HEADER
        if found.stream_id is None:
            return True
        self._highest_id = max(self._highest_id, found.stream_id)
        content = self._data[found.body : found.end]
        stream = self._streams.get(found.stream_id)
        if found.tag == Tag.STREAM_HEADER:
            declaration = parse_header(content)
            if declaration is None:
                return False
            self._streams[found.stream_id] = StreamSummary(declaration=declaration)
        elif found.tag == Tag.SAMPLES and stream is not None:
            samples = self._samples(stream.declaration, found)
            if samples is None:
                return False
            stream.samples += samples.number
            stream.first_s = samples.first_s if stream.first_s is None else stream.first_s
            stream.last_s = stream.last_s if samples.last_s is None else samples.last_s
        elif found.tag == Tag.CLOCK_OFFSET and stream is not None:
            stream_s, offset_s = struct.unpack("<dd", content)
            stream.offset_at_s = stream_s + offset_s
        return True

    def _is_sound(self, found: _Chunk) -> bool:
        """Return whether the fixed parts of a whole chunk are as they must be."""
        if found.tag == Tag.BOUNDARY:
            return self._data[found.body : found.end] == BOUNDARY_SIGNATURE
        return found.tag != Tag.CLOCK_OFFSET or found.end - found.body == _OFFSET_BYTES

    def _samples(self, declaration: StreamDeclaration, found: _Chunk) -> _Samples | None:
        """Return what a sample chunk holds, or `None` if its size cannot be right."""
        body, end = found.body, found.end
        counted = read_varlen(self._data[body : body + 9], 0)
        if counted is None:
            return None
        count, start = counted[0], body + counted[1]
        if declaration.format is Format.STRING:
            stamps = _string_stamps(self._data[start:end], count, len(declaration.channels))
        else:
            width = len(declaration.channels) * declaration.format.dtype.itemsize
            stamps = self._numeric_stamps(start, end, count, width)
        if stamps is None:
            return None
        return _Samples(count, stamps[0], stamps[-1]) if stamps else _Samples(count, None, None)

    def _numeric_stamps(self, start: int, end: int, count: int, width: int) -> tuple[float, ...] | None:
        """Return the first and last stamp, none if the file leaves them out, `None` if the size cannot be."""
        if end - start != count * (9 + width):
            # Other recorders may leave out stamps that follow from the rate: then only bounds can be checked.
            return () if count * (1 + width) <= end - start <= count * (9 + width) else None
        if count == 0:
            return ()
        if self._data[start] != 8 or self._data[end - width - 9] != 8:
            return None
        first: float = struct.unpack_from("<d", self._data, start + 1)[0]
        last: float = struct.unpack_from("<d", self._data, end - width - 8)[0]
        return first, last

    def _is_unfinished_chunk(self, at: int) -> bool:
        """Return whether the last bytes, from `at`, are the start of one chunk that was not finished."""
        left = self._size - at
        if left > MAX_ROW_BYTES + 64:  # the longest chunk that the writer makes, with its head
            return False
        head = self._data[at : at + _HEAD_BYTES]
        if read_varlen(head, 0) is None:
            return len(head) <= head[0] and head[0] in (1, 4, 8)
        found = self._head(at)
        if found is None:
            after = 1 + head[0]
            tag = head[after : after + 2]
            return len(head) < after + 6 and (
                len(tag) < 2 or int.from_bytes(tag, "little") in _WITH_STREAM_ID
            )
        return found.end > self._size and not self._whole_chunks_follow(at + 1)

    def _whole_chunks_follow(self, start: int) -> bool:
        """Return whether whole chunks reach from somewhere after `start` to the end of the file.

        Then the length that points past the end is itself damaged, and what follows it must be kept.
        """
        return any(self._reaches_end(at) for at in range(start, self._size - 3))

    def _reaches_end(self, at: int) -> bool:
        while at < self._size:
            found = self._chunk_at(at)
            stream = None if found is None or found.stream_id is None else self._streams.get(found.stream_id)
            if found is None or stream is None:
                return False
            if found.tag == Tag.SAMPLES:
                if self._samples(stream.declaration, found) is None:
                    return False
            elif found.tag != Tag.CLOCK_OFFSET or not self._is_sound(found):
                return False
            at = found.end
        return True


def _string_stamps(content: bytes, count: int, channels: int) -> tuple[float, ...] | None:
    """Return the stamps of a chunk of strings, or `None` if it does not parse to its last byte."""
    stamps: list[float] = []
    at = 0
    for _ in range(count):
        if at + 9 > len(content) or content[at] not in (0, 8):
            return None
        if content[at] == 8:
            stamps.append(struct.unpack_from("<d", content, at + 1)[0])
        at += 1 + content[at]
        for _ in range(channels):
            length = read_varlen(content[at : at + 9], 0)
            if length is None:
                return None
            at += length[1] + length[0]
    return tuple(stamps) if at == len(content) else None
