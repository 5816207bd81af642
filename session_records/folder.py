"""The folder of a session: its file names, the journal, `about.json` and the checksums."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from session_records.appending import AppendFile, sync_folder
from session_records.errors import OtherClock

__all__ = ["ABOUT", "JOURNAL", "SUMS", "XDF", "Journal", "claim", "sums_of", "write_sums"]

XDF: Final = "session.xdf"
JOURNAL: Final = "journal.jsonl"
ABOUT: Final = "about.json"
SUMS: Final = "SHA256SUMS"

#: Version of the folder's layout, in `about.json`.
VERSION: Final = 1


def claim(folder: Path, about: Mapping[str, Any], *, clock_id: str, started: str) -> None:
    """Make the folder and its `about.json`, or check that it is the one to go on in.

    An existing `about.json` stays as it is; checksums of an earlier closing are removed, as they end to hold.

    Args:
        folder: where the session is recorded; only its owner may read it.
        about: JSON-able facts: versions, seeds, plan.
        clock_id: names the run of the session clock; it changes when the machine restarts.
        started: wall-clock time as ISO 8601.

    Raises:
        OtherClock: the folder was recorded on another clock.
        OSError: the disk refuses.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / ABOUT
    if path.exists():
        was = json.loads(path.read_text("utf-8")).get("clock_id")
        if was != clock_id:
            raise OtherClock(f"session clock of {folder.name} must be {was!r} to go on, is {clock_id!r}")
    else:
        facts = {"version": VERSION, "started": started, "clock_id": clock_id, **about}
        _replace(path, json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
    (folder / SUMS).unlink(missing_ok=True)
    sync_folder(folder)


def _replace(path: Path, text: str) -> None:
    """Write `path` so that after a crash it is there whole or not at all."""
    draft = path.with_name(path.name + ".draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class Journal:
    """The events of a session, one line of JSON each.

    Opening it cuts an unfinished last line; `torn_bytes` says how much.

    Raises:
        InUse: another process writes it.
        OSError: the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._file = AppendFile(path)
        try:
            data = path.read_bytes()
            whole = data.rfind(b"\n") + 1
            self.torn_bytes = len(data) - whole
            if self.torn_bytes:
                self._file.cut(whole)
        except OSError:
            self._file.close()
            raise

    def append(self, line: str) -> None:
        """Append one line. Raises `OSError`, and then nothing was appended."""
        self._file.append(line.encode("utf-8", "backslashreplace") + b"\n")

    def sync(self) -> None:
        """Wait until all lines are on the disk. Raises `OSError`."""
        self._file.sync()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def sums_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in `folder` but the checksums and drafts, by name. Raises `OSError`."""
    sums: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != SUMS and path.suffix != ".draft":
            with path.open("rb") as file:
                sums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def write_sums(folder: Path) -> None:
    """Write `SHA256SUMS` as `sha256sum --check` reads it. Raises `OSError`."""
    _replace(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sums_of(folder).items()))
    sync_folder(folder)
