"""`XdfWriter`: append-only XDF 1.0, one `write()` per chunk.

What is written is in the kernel at once and outlives the process; `sync` makes it outlive a power cut. Call
`boundary` every few seconds. After a crash, `XdfWriter.resume` cuts the one unfinished chunk and goes on with
the same streams. Only one writer may hold a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from session_records import chunks
from session_records.appending import AppendFile
from session_records.chunks import Channel, Format, Stamps, StreamDeclaration, Values
from session_records.recover import Recovered, StreamSummary, scan

__all__ = ["Channel", "Format", "StreamDeclaration", "XdfWriter"]


class XdfWriter:
    """Writes one XDF file. Use `create` or `resume`.

    A write that the disk refuses raises `OSError` and leaves the file as it was: the call may be repeated.

    Attributes:
        recovered: what was on file when writing began.
    """

    def __init__(self, file: AppendFile, recovered: Recovered) -> None:
        self.recovered = recovered
        self._file = file
        self._streams: dict[int, StreamSummary] = dict(recovered.streams)
        self._next_id = recovered.next_id

    @classmethod
    def create(cls, path: Path, *, started: str) -> XdfWriter:
        """Return a writer of a new file; `started` is the wall-clock time as ISO 8601.

        Raises:
            FileExistsError: the file is there already; use `resume`.
            OSError: the disk refuses.
        """
        path.touch(mode=0o600, exist_ok=False)
        return cls.resume(path, started=started)

    @classmethod
    def resume(cls, path: Path, *, started: str) -> XdfWriter:
        """Return a writer that goes on where the file at `path` ends, whole or torn; a missing one is begun.

        An unfinished last chunk is cut (`recovered.torn_bytes` says how much), as is a closing run of
        footers, which `close` writes again. Damage further up is not touched. `started` goes into a new
        header.

        Raises:
            InUse: another process writes the file.
            NotXdf: it is no XDF file.
            OSError: the disk refuses.
        """
        file = AppendFile(path)
        try:
            writer = cls(file, scan(path))
            writer._start(started)
        except BaseException:
            file.close()
            raise
        return writer

    def _start(self, started: str) -> None:
        keep = min(self.recovered.end, self.recovered.footers_at)
        if keep != self._file.size:
            self._file.cut(keep)
        if keep == 0:
            self._file.append(chunks.MAGIC)
        if self.recovered.chunks:
            self.boundary()
        else:
            self._file.append(chunks.file_header_chunk(started))

    @property
    def streams(self) -> Mapping[int, StreamSummary]:
        """The streams of the file by their number."""
        return self._streams

    @property
    def bytes_written(self) -> int:
        """Length of the file."""
        return self._file.size

    def declare(self, declaration: StreamDeclaration, *, created_s: float) -> int:
        """Add a stream and return its number; `created_s` is the session time. Raises `OSError`."""
        stream_id = self._next_id
        self._file.append(chunks.header_chunk(stream_id, declaration, created_s))
        self._next_id += 1
        self._streams[stream_id] = StreamSummary(declaration=declaration)
        return stream_id

    def samples(self, stream_id: int, stamps_s: Stamps, values: Values) -> int:
        """Append samples; long ones become several chunks.

        Args:
            stream_id: what `declare` returned.
            stamps_s: (n,) seconds on the stream's own clock.
            values: (n, channels).

        Returns:
            How many of the n samples are on file: n, or fewer if the disk refused part-way. Call again with
            the rest.

        Raises:
            BadRow: shapes that do not fit, or a stamp that is not finite.
            OSError: the disk refused the first chunk.
        """
        summary = self._streams[stream_id]
        done = 0
        for data, count in chunks.sample_chunks(stream_id, summary.declaration, stamps_s, values):
            try:
                self._file.append(data)
            except OSError:
                if done == 0:
                    raise
                return done
            if summary.first_s is None:
                summary.first_s = float(stamps_s[0])
            done += count
            summary.last_s = float(stamps_s[done - 1])
            summary.samples += count
        return done

    def clock_offset(self, stream_id: int, at_s: float, offset_s: float) -> None:
        """Note that at session time `at_s`, session time − stream time was `offset_s`.

        Raises:
            BadRow: a number that is not finite.
            OSError: the disk refuses.
        """
        self._file.append(chunks.clock_offset_chunk(stream_id, at_s, offset_s))
        self._streams[stream_id].offset_at_s = at_s

    def boundary(self) -> None:
        """Append a boundary: damage before it costs readers nothing after it. Raises `OSError`."""
        self._file.append(chunks.boundary_chunk())

    def sync(self) -> None:
        """Wait until all that was written is on the disk. Raises `OSError`."""
        self._file.sync()

    def close(self) -> None:
        """Append the footers, sync and let go of the file. On `OSError` it stays open; `abandon` it then."""
        footers = b"".join(
            chunks.footer_chunk(stream_id, one.samples, one.first_s or 0.0, one.last_s or 0.0)
            for stream_id, one in self._streams.items()
        )
        if footers:
            self._file.append(footers)  # one write: all footers are there or none
        self.sync()
        self.abandon()

    def abandon(self) -> None:
        """Let go of the file without footers, as a crash would: it can be resumed. Harmless when closed."""
        self._file.close()
