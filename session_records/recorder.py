"""`Recorder`: one session on disk. It has no process and no clock of its own.

`rows`, `raw`, `clock_offset` and `event` only put things into memory, cheaply and from any thread; `tick`
writes them, from one thread, about ten times a second. A disk that is full, read-only, slow or gone never
stops a session: what cannot be written waits in bounded memory, the therapist is told, and writing goes on by
itself.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from session_records.backlog import Backlog, Offset, Piece, Work, joined
from session_records.chunks import Format, StreamDeclaration, check_rows
from session_records.errors import BadRow, RecordsError
from session_records.folder import JOURNAL, XDF, Journal, claim, write_sums
from session_records.streams import DERIVED
from session_records.xdf import XdfWriter
from therapy.events import AlarmRaised, GapMarked, to_line

__all__ = ["MEMORY_BYTES", "Recorder", "RecorderStatus"]

#: Ten minutes of the heaviest load that we plan for (0.3 MB/s).
MEMORY_BYTES: Final = 192 * 1024 * 1024
SYNC_S: Final = 1.0
BOUNDARY_S: Final = 3.0
#: pyxdf wants clock offsets of every stream, also of those that are on our own clock.
OFFSET_S: Final = 5.0
RETRY_S: Final = 1.0
OVERFLOW_ALARM_S: Final = 10.0
#: A gap that one tick marks is written by the next.
END_TICKS: Final = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecorderStatus:
    """How a recording is doing; see `session_records.messages.RecorderHeartbeat` for the fields."""

    recording: bool
    bytes_written: int
    behind_s: float
    last_fsync_s: float | None
    waiting_bytes: int
    refused: int


class Recorder:
    """Records one session into `folder`. Nothing touches the disk before the first `tick`.

    Args:
        folder: made if missing; one that holds a recording of the same clock is gone on with.
        about: JSON-able facts for `about.json`.
        clock_id: names the run of the session clock, such as the kernel's boot id.
        started: wall-clock time as ISO 8601.
        opened_s: session time; a gap in a recording that is gone on with ends here.
        memory_bytes: how much may wait for the disk.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, Any],
        *,
        clock_id: str,
        started: str,
        opened_s: float,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._folder = folder
        self._about = about
        self._clock_id = clock_id
        self._started = started
        self._opened_s = opened_s
        self._backlog = Backlog(memory_bytes)
        self._writer: XdfWriter | None = None
        self._journal: Journal | None = None
        self._ids: dict[StreamDeclaration, int] = {}
        self._due_s = {"sync": opened_s, "boundary": opened_s + BOUNDARY_S, "offset": opened_s}
        self._started_well = False
        self._trouble = ""
        self._trouble_since_s = opened_s
        self._retry_at_s = opened_s
        self._drained_at_s = opened_s
        self._last_fsync_s: float | None = None
        self._refused = 0
        self._refused_untold = 0
        self._overflow_since_s: float | None = None
        self._overflow_told_s = -OVERFLOW_ALARM_S

    def rows(
        self,
        stream: str,
        stamps_s: Sequence[float] | npt.NDArray[np.float64],
        values: Sequence[Sequence[float]] | Sequence[Sequence[str]] | npt.NDArray[np.generic],
    ) -> None:
        """Take rows of a derived stream.

        Args:
            stream: a name in `session_records.streams.DERIVED`.
            stamps_s: (n,) session times.
            values: (n, columns).

        Raises:
            BadRow: no such stream, shapes that do not fit, or a stamp that is not finite.
        """
        declaration = DERIVED.get(stream)
        if declaration is None:
            raise BadRow(f"stream must be one of {', '.join(DERIVED)}, got {stream!r}")
        self.raw(declaration, stamps_s, values)

    def raw(
        self,
        declaration: StreamDeclaration,
        stamps_s: Sequence[float] | npt.NDArray[np.float64],
        values: Sequence[Sequence[float]] | Sequence[Sequence[str]] | npt.NDArray[np.generic],
    ) -> None:
        """Take samples of any stream with its raw stamps; a new declaration becomes a new stream.

        Raises:
            BadRow: shapes that do not fit, or a stamp that is not finite.
        """
        stamps = np.array(stamps_s, np.float64)  # a copy: callers reuse their buffers
        if declaration.format is Format.STRING:
            piece = Piece(stamps_s=stamps, values=[_texts(declaration, row) for row in values])
        else:
            try:
                piece = Piece(stamps_s=stamps, values=np.array(values, declaration.format.dtype))
            except (TypeError, ValueError) as error:
                raise BadRow(f"rows of {declaration.name!r} must be numbers of one width: {error}") from error
        check_rows(declaration, piece.stamps_s, piece.values)
        if len(stamps):
            self._backlog.put(declaration, piece)

    def clock_offset(self, declaration: StreamDeclaration, at_s: float, offset_s: float) -> None:
        """Note that at session time `at_s`, session time − stream time was `offset_s`.

        Raises:
            BadRow: a number that is not finite.
        """
        if not np.isfinite([at_s, offset_s]).all():
            raise BadRow(f"clock offset of {declaration.name!r} must be finite, got {offset_s} at {at_s}")
        self._backlog.put_offset(Offset(declaration=declaration, at_s=at_s, offset_s=offset_s))

    def event(self, at_s: float, line: str) -> None:
        """Take an event, as `therapy.events.to_line` writes it: it goes to the journal and to the markers.

        Raises:
            BadRow: a line break in it, or a stamp that is not finite.
        """
        if "\n" in line or "\r" in line:
            raise BadRow(f"a journal line must be one line, got {line[:120]!r}")
        self.rows("events", (at_s,), ((line,),))
        self._backlog.put_line(line)

    def status(self, now_s: float) -> RecorderStatus:
        """Return how the recording is doing. From any thread."""
        writer = self._writer
        waiting = self._backlog.waiting_bytes
        return RecorderStatus(
            recording=self._started_well and not self._trouble,
            bytes_written=0 if writer is None else writer.bytes_written,
            behind_s=max(0.0, now_s - self._drained_at_s) if waiting else 0.0,
            last_fsync_s=self._last_fsync_s,
            waiting_bytes=waiting,
            refused=self._refused,
        )

    def tick(self, now_s: float) -> list[AlarmRaised]:
        """Write what waits, and sync, mark boundaries and clock offsets when they are due.

        Returns:
            New alarms: the disk refuses, takes data again, or memory is full. Whoever raises them to people
            also gives them to `event`; what is lost is marked in the recording by itself.
        """
        alarms = self._overflow(now_s)
        if now_s >= self._retry_at_s:
            alarms += self._attempt(now_s)
        return alarms

    def close(self, now_s: float) -> list[AlarmRaised]:
        """Write everything, close the recording with footers and checksums. Returns alarms as `tick` does."""
        return self._end(now_s, whole=True)

    def suspend(self, now_s: float) -> list[AlarmRaised]:
        """Write and sync everything, and leave the recording as one to go on with. Returns alarms."""
        return self._end(now_s, whole=False)

    def _end(self, now_s: float, *, whole: bool) -> list[AlarmRaised]:
        alarms: list[AlarmRaised] = []
        for _ in range(END_TICKS):
            self._retry_at_s = now_s
            alarms += self.tick(now_s)
            if not self._backlog.waiting_bytes:
                break
        left = self._backlog.waiting_bytes
        if left:
            what = f"recording ends with {left} bytes that the disk did not take"
            alarms.append(AlarmRaised(at_s=now_s, level="urgent", what=what))
        if self._writer is None or self._journal is None:
            return alarms
        try:
            if whole and not left:
                self._writer.close()
                write_sums(self._folder)
            else:
                self._writer.sync()
        except OSError as error:
            what = f"recording cannot be closed: {_why(error)}"
            alarms.append(AlarmRaised(at_s=now_s, level="urgent", what=what))
        finally:
            self._writer.abandon()
            self._journal.close()
        return alarms

    def _attempt(self, now_s: float) -> list[AlarmRaised]:
        try:
            self._open(now_s)
            work = self._backlog.take()
            try:
                self._write(work, now_s)
            finally:
                self._backlog.settle(work)
            self._upkeep(now_s)
        except (OSError, RecordsError) as error:
            return self._failed(now_s, _why(error))
        self._drained_at_s = now_s
        self._started_well = True
        return self._recovered(now_s)

    def _failed(self, now_s: float, why: str) -> list[AlarmRaised]:
        self._retry_at_s = now_s + RETRY_S
        if self._trouble == why:
            return []
        if not self._trouble:
            self._trouble_since_s = now_s
        self._trouble = why
        return [AlarmRaised(at_s=now_s, level="urgent", what=f"recording waits in memory: {why}")]

    def _recovered(self, now_s: float) -> list[AlarmRaised]:
        alarms: list[AlarmRaised] = []
        if self._trouble:
            self._trouble = ""
            what = f"recording goes on after {now_s - self._trouble_since_s:.1f} s"
            alarms.append(AlarmRaised(at_s=now_s, level="watch", what=what))
        if self._overflow_since_s is not None:
            gap_s, self._overflow_since_s = now_s - self._overflow_since_s, None
            self._mark_gap(now_s, gap_s, f"memory was full, {self._refused} samples and lines lost so far")
        return alarms

    def _overflow(self, now_s: float) -> list[AlarmRaised]:
        refused = self._backlog.refused()
        count = refused.samples + refused.lines
        self._refused += count
        self._refused_untold += count
        if count and self._overflow_since_s is None:
            self._overflow_since_s = now_s
        if not self._refused_untold or now_s < self._overflow_told_s + OVERFLOW_ALARM_S:
            return []
        self._overflow_told_s, self._refused_untold = now_s, 0
        limit = self._backlog.limit_bytes // 1024
        what = f"recording memory of {limit} KiB is full: {self._refused} samples and lines lost so far"
        return [AlarmRaised(at_s=now_s, level="urgent", what=what)]

    def _mark_gap(self, now_s: float, gap_s: float, reason: str) -> None:
        self.event(now_s, to_line(GapMarked(at_s=now_s, what="recording", gap_s=gap_s, reason=reason)))

    def _open(self, now_s: float) -> None:
        """Open what is not open yet; harmless to repeat after an error half-way."""
        if self._journal is None:
            claim(self._folder, self._about, clock_id=self._clock_id, started=self._started)
            self._journal = Journal(self._folder / JOURNAL)
        if self._writer is None:
            self._writer = XdfWriter.resume(self._folder / XDF, started=self._started)
            self._ids = {one.declaration: i for i, one in sorted(self._writer.streams.items())}
            self._tell_of_gap(self._writer)
        for declaration in DERIVED.values():
            self._id_of(self._writer, declaration, now_s)

    def _tell_of_gap(self, writer: XdfWriter) -> None:
        """Mark the hole between what is on file and now, if the file holds something already."""
        known = [one for one in writer.streams.values() if one.declaration in DERIVED.values()]
        ends = [at_s for one in known for at_s in (one.last_s, one.offset_at_s) if at_s is not None]
        if not ends:
            return
        found = writer.recovered
        reason = "recorder started again" + (" after it was closed" if found.closed else "")
        if found.torn_bytes:
            reason += f", {found.torn_bytes} torn bytes cut"
        if found.damaged:
            reason += f", {len(found.damaged)} damaged places passed over"
        # Sound is stamped when it is due, a little ahead: the gap is never negative.
        self._mark_gap(self._opened_s, max(0.0, self._opened_s - max(ends)), reason)

    def _id_of(self, writer: XdfWriter, declaration: StreamDeclaration, now_s: float) -> int:
        known = self._ids.get(declaration)
        if known is None:
            known = self._ids[declaration] = writer.declare(declaration, created_s=now_s)
        return known

    def _write(self, work: Work, now_s: float) -> None:
        """Write `work`, taking from it what is on file. Raises `OSError` with the rest still in it."""
        if self._writer is None or self._journal is None:
            return
        if work.lines:
            while work.lines:
                self._journal.append(work.lines[0])
                work.lines.popleft()
            self._journal.sync()
        while work.offsets:
            offset = work.offsets[0]
            stream_id = self._id_of(self._writer, offset.declaration, now_s)
            self._writer.clock_offset(stream_id, offset.at_s, offset.offset_s)
            work.offsets.popleft()
        while work.samples:
            declaration, pieces = next(iter(work.samples.items()))
            stream_id = self._id_of(self._writer, declaration, now_s)
            piece = joined(pieces, declaration.format)
            while len(piece.stamps_s):
                work.samples[declaration] = collections.deque([piece])
                piece = piece.after(self._writer.samples(stream_id, piece.stamps_s, piece.values))
            del work.samples[declaration]

    def _upkeep(self, now_s: float) -> None:
        if self._writer is None:
            return
        if now_s >= self._due_s["offset"]:
            for declaration in DERIVED.values():
                self._writer.clock_offset(self._ids[declaration], now_s, 0.0)
            self._due_s["offset"] = now_s + OFFSET_S
        if now_s >= self._due_s["boundary"]:
            self._writer.boundary()
            self._due_s["boundary"] = now_s + BOUNDARY_S
        if now_s >= self._due_s["sync"]:
            self._writer.sync()
            self._last_fsync_s = now_s
            self._due_s["sync"] = now_s + SYNC_S


def _texts(declaration: StreamDeclaration, row: Sequence[object] | npt.NDArray[np.generic]) -> list[str]:
    texts = [text for text in row if isinstance(text, str)]
    if len(texts) != len(row):
        raise BadRow(f"rows of {declaration.name!r} must be strings, got {row!r}")
    return texts


def _why(error: OSError | RecordsError) -> str:
    """Return one line without paths: alarms are shown and recorded."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)
