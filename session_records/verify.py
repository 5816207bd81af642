"""`verify`: whether a session's folder holds what its recorder left there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from session_records.errors import NotXdf
from session_records.folder import JOURNAL, SUMS, XDF, sums_of
from session_records.recover import scan
from therapy.errors import BadValue
from therapy.events import from_line

__all__ = ["Verdict", "verify"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found.

    Attributes:
        closed: the recording was closed in order; without that there are no checksums to hold it to.
        problems: one line each; empty when all is as it was left.
    """

    closed: bool
    problems: tuple[str, ...]


def verify(folder: Path) -> Verdict:
    """Check the folder of a session: checksums, the chunks of the XDF file, the lines of the journal.

    Raises:
        OSError: the folder or a file in it cannot be read.
    """
    closed = (folder / SUMS).exists()
    problems = _sums(folder) if closed else []
    problems += _xdf(folder / XDF, closed=closed)
    problems += _journal(folder / JOURNAL)
    return Verdict(closed=closed, problems=tuple(problems))


def _sums(folder: Path) -> list[str]:
    promised: dict[str, str] = {}
    problems: list[str] = []
    for number, line in enumerate((folder / SUMS).read_text("utf-8", "replace").splitlines(), 1):
        digest, separator, name = line.partition("  ")
        if not separator or len(digest) != 64:
            problems.append(f"{SUMS} line {number} must be a SHA-256 and a name, is {line[:80]!r}")
        promised[name] = digest
    found = sums_of(folder)
    problems += [f"{name} is missing" for name in promised if name and name not in found]
    problems += [f"{name} is not in {SUMS}" for name in found if name not in promised]
    problems += [
        f"{name} has changed since the recording was closed"
        for name, digest in found.items()
        if promised.get(name, digest) != digest
    ]
    return problems


def _xdf(path: Path, *, closed: bool) -> list[str]:
    if not path.exists():
        return [f"{path.name} is missing"]
    try:
        found = scan(path)
    except NotXdf as error:
        return [str(error)]
    problems = [f"{path.name} is damaged from byte {start} to {end}" for start, end in found.damaged]
    if found.torn_bytes:
        problems.append(f"{path.name} ends in {found.torn_bytes} bytes of an unfinished chunk")
    if closed and not found.closed:
        problems.append(f"{path.name} must end in stream footers, does not")
    return problems


def _journal(path: Path) -> list[str]:
    if not path.exists():
        return [f"{path.name} is missing"]
    problems: list[str] = []
    data = path.read_bytes()
    lines = data.split(b"\n")
    if lines[-1]:
        problems.append(f"{path.name} ends in an unfinished line of {len(lines[-1])} bytes")
    for number, line in enumerate(lines[:-1], 1):
        try:
            from_line(line.decode("utf-8"))
        except (BadValue, UnicodeDecodeError):
            problems.append(f"{path.name} line {number} is not an event")
    return problems
