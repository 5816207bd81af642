"""What the binary messages have in common: `u8 type, u8 version`, fixed layouts, numbers within limits."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from vr_world.streaming.errors import BadMessage

__all__ = ["VERSION", "pack", "parser", "unpack", "within"]

VERSION: Final = 1

_M = TypeVar("_M")


def parser(data: bytes, table: Mapping[int, Callable[[bytes], _M]]) -> Callable[[bytes], _M]:
    """Return the parser of a message's type, if its head is right."""
    if len(data) < 4:
        raise BadMessage(f"message must have at least 4 bytes, got {len(data)}")
    parse = table.get(data[0])
    if parse is None:
        raise BadMessage(f"message type must be one of {sorted(table)}, got {data[0]}")
    if data[1] != VERSION:
        raise BadMessage(f"message version must be {VERSION}, got {data[1]}")
    return parse


def unpack(layout: struct.Struct, data: bytes, *, exact: bool = True) -> tuple[Any, ...]:
    """Return the fields of a message; `exact` ones have no payload."""
    if len(data) < layout.size or (exact and len(data) > layout.size):
        limit = f"{layout.size} bytes" if exact else f"at least {layout.size} bytes"
        raise BadMessage(f"message of type {data[0]} must have {limit}, got {len(data)}")
    return layout.unpack_from(data)


def pack(layout: struct.Struct, *values: float) -> bytes:
    """Return the bytes of a message's fields."""
    try:
        return layout.pack(*values)
    except (struct.error, OverflowError) as error:
        raise BadMessage(f"message of type {values[0]} must fit its layout: {error}") from error


def within(what: str, value: float, low: float, high: float) -> float:
    """Return `value`, which must be finite and within its limits."""
    if not math.isfinite(value) or not low <= value <= high:
        limit = "finite" if math.isinf(low) else f"finite and within {low:g}…{high:g}"
        raise BadMessage(f"{what} must be {limit}, got {value!r}")
    return value
