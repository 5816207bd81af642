"""What crosses the pipe between a room and its recorder process. All `*_s` stamps are session time.

In: `OpenSession` (first, also after a respawn), `Rows`, `EventLine`, `Shutdown`.
Out: `RecorderHeartbeat`, `RecorderAlarm`. One process records one session.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

__all__ = [
    "EventLine",
    "FromRecorder",
    "OpenSession",
    "RecorderAlarm",
    "RecorderHeartbeat",
    "Rows",
    "Shutdown",
    "ToRecorder",
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """Record into `folder`, made if missing; one that holds a recording is gone on with.

    Attributes:
        folder: path of the session's folder.
        about: JSON-able facts for `about.json`: versions, seeds, plan. Used when the folder is new.
    """

    folder: str
    about: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a derived stream, oldest first.

    Attributes:
        stream: a name in `session_records.streams.DERIVED`.
        stamps_s: (n,) session times.
        values: (n, columns): floats with `NaN` for unknown, or strings.
    """

    stream: str
    stamps_s: Sequence[float]
    values: Sequence[Sequence[float]] | Sequence[Sequence[str]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """An event as `therapy.events.to_line` writes it: for the journal and for the stream `events`."""

    at_s: float
    line: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """Write everything, close the recording with footers and checksums, and end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecorderHeartbeat:
    """The recorder is well; sent four times a second, also while the disk does not answer.

    Attributes:
        at_s: when this was sent.
        recording: a session is open and the disk takes what is written.
        bytes_written: length of `session.xdf`.
        behind_s: how long something has been waiting for the disk, 0 when nothing waits.
        last_fsync_s: when everything written until then was safe from a power cut, `None` before the first.
        waiting_bytes: memory that waits for the disk.
        refused: samples and lines that found no room in memory since the start.
        sources: LSL streams that are being recorded.
    """

    at_s: float
    recording: bool
    bytes_written: int
    behind_s: float
    last_fsync_s: float | None
    waiting_bytes: int
    refused: int
    sources: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecorderAlarm:
    """A human should look; the room makes it an event. `level` is `watch` or `urgent`."""

    at_s: float
    level: str
    what: str


ToRecorder: TypeAlias = OpenSession | Rows | EventLine | Shutdown
FromRecorder: TypeAlias = RecorderHeartbeat | RecorderAlarm
