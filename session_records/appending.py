"""`AppendFile`: a file that only grows, with all-or-nothing appends and one writer at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from session_records.errors import InUse, WriterClosed

__all__ = ["AppendFile", "sync_folder"]


class AppendFile:
    """Appends to the file at `path`, made if it is missing. Each `append` is one `write()`, unbuffered.

    Raises:
        InUse: another process appends to it.
        OSError: the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._closed = False
        self._torn = False
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._size = os.fstat(self._descriptor).st_size
        except BlockingIOError:
            os.close(self._descriptor)
            raise InUse(f"{path.name} must have one writer, another process holds it") from None
        except OSError:
            os.close(self._descriptor)
            raise

    @property
    def size(self) -> int:
        """Length of the file in bytes, without a part that the disk could not finish."""
        return self._size

    def append(self, data: bytes) -> None:
        """Append all of `data` or, with `OSError`, nothing: the same call may then be repeated."""
        self._check_open()
        if self._torn:
            os.ftruncate(self._descriptor, self._size)
            self._torn = False
        written = os.write(self._descriptor, data)
        if written != len(data):
            # The disk took a part. Cut it now or, if the disk refuses that too, before the next write.
            self._torn = True
            os.ftruncate(self._descriptor, self._size)
            self._torn = False
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def cut(self, size: int) -> None:
        """Shorten the file to `size` bytes. Raises `OSError`."""
        self._check_open()
        os.ftruncate(self._descriptor, size)
        self._size = size

    def sync(self) -> None:
        """Wait until all that was appended is on the disk. Raises `OSError`."""
        self._check_open()
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file. Harmless when closed."""
        if not self._closed:
            self._closed = True
            os.close(self._descriptor)

    def _check_open(self) -> None:
        if self._closed:
            raise WriterClosed(f"{self.path.name} must be open, it was closed")


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on the disk. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
