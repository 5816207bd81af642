"""The errors of `session_records`, one tree.

RecordsError
├── BadDeclaration   a stream that cannot be declared: no name, no channels, text that XML cannot carry
├── BadRow           rows that do not fit their stream
├── NotXdf           a file that is not XDF 1.0
├── InUse            another process is writing the file
├── WriterClosed     a writer was used after `close` or `abandon`
└── OtherClock       a recording cannot go on: it was made on another clock (the machine was restarted)

A disk's own errors stay `OSError`.
"""

from __future__ import annotations

__all__ = ["BadDeclaration", "BadRow", "InUse", "NotXdf", "OtherClock", "RecordsError", "WriterClosed"]


class RecordsError(Exception):
    """Base of every error that `session_records` raises."""


class BadDeclaration(RecordsError, ValueError):
    """A stream that cannot be declared."""


class BadRow(RecordsError, ValueError):
    """Rows that do not fit their stream."""


class NotXdf(RecordsError, ValueError):
    """A file that is not XDF 1.0."""


class InUse(RecordsError):
    """Another process is writing the file."""


class WriterClosed(RecordsError):
    """A writer was used after `close` or `abandon`."""


class OtherClock(RecordsError):
    """The recording was made on another clock: session time starts anew with the machine."""
