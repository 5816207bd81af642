"""Which stream is what, and whose: the table that `stillwater devices --map` writes.

    [[stream]]
    stream = "polar-*"     name or source id; * and ? stand for anything
    kind = "ECG"           what to read it as, whatever LSL type its sender gave it
    room = "1"

Without a table every stream in sight of a known type is read, which is right for one patient on one machine.
With one, or when LSL looks beyond this machine, only what the table names is read and recorded: a stream that
somebody injects on the network steers nothing.
"""

from __future__ import annotations

import dataclasses
import fnmatch
from pathlib import Path
from typing import Final

import msgspec
import tomli_w

from sensors.errors import BadPins
from sensors.lsl import Source

__all__ = ["FILE", "Pin", "Pins", "load_pins", "save_pins"]

FILE: Final = "streams.toml"
_LONGEST: Final = 200


class Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the table."""

    stream: str
    kind: str
    room: str = "1"

    def __post_init__(self) -> None:
        """Check the texts.

        Raises:
            ValueError: one is empty or too long.
        """
        for name in ("stream", "kind", "room"):
            value = getattr(self, name)
            if not 1 <= len(value.strip()) <= _LONGEST:
                raise ValueError(f"{name} must have 1…{_LONGEST} characters, got {value!r}")

    def names(self, name: str, source_id: str) -> bool:
        """Tell whether this line means the stream with this name or source id."""
        return any(fnmatch.fnmatchcase(text, self.stream) for text in (name, source_id) if text)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stream: tuple[Pin, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What one room reads.

    Attributes:
        lines: the whole table.
        room: this room's name.
        strict: read nothing that the table does not name (always so when it names anything).
    """

    lines: tuple[Pin, ...] = ()
    room: str = "1"
    strict: bool = False

    def kind_of(self, source: Source) -> str | None:
        """Return the LSL type to read `source` as, or `None` for a stream that is not this room's."""
        for line in self.lines:
            if line.room == self.room and line.names(source.name, source.source_id):
                return line.kind
        return None if self.strict or self.lines else source.kind


def load_pins(home: Path) -> tuple[Pin, ...]:
    """Return the table in the folder `home`; empty where there is none.

    Raises:
        BadPins: it cannot be read as one.
    """
    path = home / FILE
    if not path.exists():
        return ()
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_File).stream
    except (msgspec.DecodeError, OSError) as error:
        raise BadPins(FILE, "a table of [[stream]] with stream, kind and room", str(error)) from error


def save_pins(home: Path, lines: tuple[Pin, ...]) -> Path:
    """Write the table into the folder `home`; return its path."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / FILE
    text = tomli_w.dumps({"stream": [msgspec.to_builtins(line) for line in lines]})
    path.write_text(
        "# Which stream is what, and whose. Made by `stillwater devices --map`, read at the server's start.\n"
        + text
    )
    return path
