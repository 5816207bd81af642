"""XDF 1.0 as bytes: chunks, variable-length integers and stream declarations. No files.

The layout follows the XDF 1.0 specification (github.com/sccn/xdf/wiki/Specifications): a file is the magic
`XDF:` and then chunks `[length][tag u16][content]`, little-endian, the length counting tag and content.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from session_records.errors import BadDeclaration, BadRow

__all__ = [
    "BOUNDARY_SIGNATURE",
    "MAGIC",
    "MAX_CHUNK_BYTES",
    "MAX_ROW_BYTES",
    "Channel",
    "Format",
    "StreamDeclaration",
    "Tag",
    "boundary_chunk",
    "check_rows",
    "chunk",
    "clean_text",
    "clock_offset_chunk",
    "file_header_chunk",
    "footer_chunk",
    "header_chunk",
    "parse_header",
    "read_varlen",
    "sample_chunks",
    "varlen",
]

MAGIC: Final = b"XDF:"

#: Readers look for these bytes to find their way again after damage (specification, chunk "Boundary").
BOUNDARY_SIGNATURE: Final = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")

#: The writer splits longer sample chunks. A quarter of a second of the heaviest load we plan for (0.3 MB/s).
MAX_CHUNK_BYTES: Final = 64 * 1024

#: Longest single row of strings; such a row is a chunk of its own.
MAX_ROW_BYTES: Final = 1024 * 1024

#: What XML 1.0 cannot carry, and what its parsers change (carriage returns).
_NOT_XML: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

Stamps: TypeAlias = npt.NDArray[np.float64]
Values: TypeAlias = npt.NDArray[np.generic] | Sequence[Sequence[str]]


class Tag(enum.IntEnum):
    """Kinds of chunk."""

    FILE_HEADER = 1
    STREAM_HEADER = 2
    SAMPLES = 3
    CLOCK_OFFSET = 4
    BOUNDARY = 5
    STREAM_FOOTER = 6


class Format(enum.Enum):
    """Kinds of value in a stream; the names are XDF's."""

    FLOAT32 = "float32"
    DOUBLE64 = "double64"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    STRING = "string"

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Little-endian numpy type of one value.

        Raises:
            BadDeclaration: strings have none.
        """
        if self is Format.STRING:
            raise BadDeclaration("a string stream has no numeric type")
        return np.dtype(_DTYPES[self.value])


_DTYPES: Final = {
    "float32": "<f4",
    "double64": "<f8",
    "int8": "<i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
}


def clean_text(text: str) -> str:
    """Return `text` with each character that XML cannot carry replaced by U+FFFD."""
    return _NOT_XML.sub("\ufffd", text)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One column of a stream. `unit` may be empty where there is none."""

    label: str
    unit: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StreamDeclaration:
    """What a stream in a recording is. Equal declarations are the same stream when a recording goes on.

    Attributes:
        name: shown to people; not empty.
        type: LSL content type, such as `ECG`.
        channels: at least one.
        nominal_rate_hz: 0 for irregular streams.
        format: kind of the values.
        source_id: stable name of the device, empty when it has none.
        can_drop_samples: samples may be missing between two that are there. pyxdf then leaves the stamps of a
            regular stream as they are, where it would otherwise straighten them across short gaps.

    Raises:
        BadDeclaration: no name, no channels, a rate that is negative or not finite, or text with characters
            that XML cannot carry (see `clean_text`).
    """

    name: str
    type: str
    channels: tuple[Channel, ...]
    nominal_rate_hz: float
    format: Format
    source_id: str = ""
    can_drop_samples: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise BadDeclaration("a stream's name must not be empty, got ''")
        if not self.channels:
            raise BadDeclaration(f"stream {self.name!r} must have at least 1 channel, has 0")
        if not (np.isfinite(self.nominal_rate_hz) and self.nominal_rate_hz >= 0):
            raise BadDeclaration(f"rate of stream {self.name!r} must be ≥ 0 Hz, got {self.nominal_rate_hz!r}")
        texts = [self.name, self.type, self.source_id]
        texts += [text for channel in self.channels for text in (channel.label, channel.unit)]
        for text in texts:
            if _NOT_XML.search(text):
                raise BadDeclaration(
                    f"text of stream {self.name!r} must be free of control characters, got {text!r}"
                )


def varlen(number: int) -> bytes:
    """Return `number` as XDF's variable-length integer: a width (1, 4 or 8), then so many bytes.

    Raises:
        BadRow: outside 0 … 2⁶⁴−1.
    """
    if 0 <= number < 1 << 8:
        return struct.pack("<BB", 1, number)
    if 0 <= number < 1 << 32:
        return struct.pack("<BI", 4, number)
    if 0 <= number < 1 << 64:
        return struct.pack("<BQ", 8, number)
    raise BadRow(f"a variable-length integer must be in 0…2^64-1, got {number}")


def read_varlen(data: bytes, at: int) -> tuple[int, int] | None:
    """Return the number at `at` and the offset after it, or `None` where there is no whole valid one."""
    if at >= len(data):
        return None
    width = data[at]
    end = at + 1 + width
    if width not in (1, 4, 8) or end > len(data):
        return None
    return int.from_bytes(data[at + 1 : end], "little"), end


def chunk(tag: Tag, content: bytes) -> bytes:
    """Return one chunk: length, tag and content."""
    return varlen(len(content) + 2) + struct.pack("<H", tag) + content


def boundary_chunk() -> bytes:
    """Return the chunk that lets readers find their way again."""
    return chunk(Tag.BOUNDARY, BOUNDARY_SIGNATURE)


def clock_offset_chunk(stream_id: int, at_s: float, offset_s: float) -> bytes:
    """Return one clock measurement: at session time `at_s`, session time − stream time was `offset_s`.

    The file holds the time in the stream's clock, as LabRecorder writes it and readers fit it.

    Raises:
        BadRow: a number that is not finite.
    """
    if not (math.isfinite(at_s) and math.isfinite(offset_s)):
        raise BadRow(f"a clock offset must be finite, got {offset_s} at {at_s}")
    return chunk(Tag.CLOCK_OFFSET, struct.pack("<Idd", stream_id, at_s - offset_s, offset_s))


def file_header_chunk(started: str) -> bytes:
    """Return the first chunk; `started` is the wall-clock time as ISO 8601."""
    info = ET.Element("info")
    ET.SubElement(info, "version").text = "1.0"
    ET.SubElement(info, "datetime").text = clean_text(started)
    return chunk(Tag.FILE_HEADER, _xml(info))


def header_chunk(stream_id: int, declaration: StreamDeclaration, created_s: float) -> bytes:
    """Return the chunk that declares a stream, first seen at session time `created_s`."""
    info = ET.Element("info")
    for name, text in (
        ("name", declaration.name),
        ("type", declaration.type),
        ("channel_count", str(len(declaration.channels))),
        ("channel_format", declaration.format.value),
        ("source_id", declaration.source_id),
        ("nominal_srate", repr(float(declaration.nominal_rate_hz))),
        ("version", "1.0"),
        ("created_at", repr(created_s)),
    ):
        ET.SubElement(info, name).text = text
    desc = ET.SubElement(info, "desc")
    if declaration.can_drop_samples:
        ET.SubElement(ET.SubElement(desc, "synchronization"), "can_drop_samples").text = "true"
    channels = ET.SubElement(desc, "channels")
    for one in declaration.channels:
        channel = ET.SubElement(channels, "channel")
        ET.SubElement(channel, "label").text = one.label
        ET.SubElement(channel, "unit").text = one.unit
    return chunk(Tag.STREAM_HEADER, struct.pack("<I", stream_id) + _xml(info))


def footer_chunk(stream_id: int, samples: int, first_s: float, last_s: float) -> bytes:
    """Return the chunk that closes a stream."""
    info = ET.Element("info")
    ET.SubElement(info, "first_timestamp").text = repr(first_s)
    ET.SubElement(info, "last_timestamp").text = repr(last_s)
    ET.SubElement(info, "sample_count").text = str(samples)
    return chunk(Tag.STREAM_FOOTER, struct.pack("<I", stream_id) + _xml(info))


def _xml(element: ET.Element) -> bytes:
    text: str = ET.tostring(element, encoding="unicode")
    return b'<?xml version="1.0"?>' + text.encode()


def parse_header(xml: bytes) -> StreamDeclaration | None:
    """Return the declaration in a stream header's XML, or `None` where it is damaged.

    Headers of other recorders may lack labels; such channels get empty ones.
    """
    try:
        info = ET.fromstring(xml)  # noqa: S314  # expat ≥ 2.4.1 limits entity expansion; recordings are local
        labels = [
            Channel(label=_text(one, "label"), unit=_text(one, "unit"))
            for one in info.iterfind("desc/channels/channel")
        ]
        count = int(_text(info, "channel_count"))
        labels += [Channel(label="")] * (count - len(labels))
        return StreamDeclaration(
            name=_text(info, "name"),
            type=_text(info, "type"),
            channels=tuple(labels[:count]),
            nominal_rate_hz=float(_text(info, "nominal_srate")),
            format=Format(_text(info, "channel_format")),
            source_id=_text(info, "source_id"),
            can_drop_samples=info.findtext("desc/synchronization/can_drop_samples") == "true",
        )
    except (ET.ParseError, ValueError, UnicodeError):
        return None


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(name) or ""


def check_rows(declaration: StreamDeclaration, stamps_s: Stamps, values: Values) -> None:
    """Check that rows fit their stream.

    Raises:
        BadRow: shapes that do not fit, a stamp that is not finite, or a row of strings above `MAX_ROW_BYTES`.
    """
    count, channels = len(stamps_s), len(declaration.channels)
    if stamps_s.ndim != 1 or not np.isfinite(stamps_s).all():
        raise BadRow(f"stamps of {declaration.name!r} must be (n,) and finite, got {stamps_s}")
    if declaration.format is not Format.STRING:
        if np.shape(values) != (count, channels):
            raise BadRow(
                f"rows of {declaration.name!r} must have shape ({count}, {channels}), got {np.shape(values)}"
            )
        return
    if len(values) != count or any(len(row) != channels for row in values):
        raise BadRow(f"rows of {declaration.name!r} must be ({count}, {channels}) strings, got other shapes")
    for row in values:
        size = sum(len(_encoded(text)) for text in row)
        if size > MAX_ROW_BYTES:
            raise BadRow(f"a row of {declaration.name!r} must have at most {MAX_ROW_BYTES} bytes, has {size}")


def _encoded(text: str) -> bytes:
    # A lone surrogate (from bad input) is kept readable rather than refused: a marker must not be lost.
    return text.encode("utf-8", "backslashreplace")


def sample_chunks(
    stream_id: int, declaration: StreamDeclaration, stamps_s: Stamps, values: Values
) -> list[tuple[bytes, int]]:
    """Return samples as chunks of at most about `MAX_CHUNK_BYTES`, each with its number of samples.

    Args:
        stream_id: the stream's number in the file.
        declaration: what the stream is.
        stamps_s: (n,) raw stamps, seconds on the stream's own clock; each is stored in full.
        values: (n, channels), numbers of the declared format or strings.

    Raises:
        BadRow: shapes that do not fit, or a stamp that is not finite.
    """
    check_rows(declaration, stamps_s, values)
    if declaration.format is Format.STRING:
        return _string_chunks(stream_id, stamps_s, values)  # type: ignore[arg-type]  # strings, by the format
    count, channels = len(stamps_s), len(declaration.channels)
    table = np.asarray(values)
    row = np.dtype([("width", "u1"), ("stamp", "<f8"), ("values", declaration.format.dtype, (channels,))])
    packed = np.empty(count, row)
    packed["width"] = 8
    packed["stamp"] = stamps_s
    packed["values"] = table
    step = max(1, MAX_CHUNK_BYTES // row.itemsize)
    head = struct.pack("<I", stream_id)
    parts = (packed[start : start + step] for start in range(0, count, step))
    return [(chunk(Tag.SAMPLES, head + varlen(len(part)) + part.tobytes()), len(part)) for part in parts]


def _string_chunks(
    stream_id: int, stamps_s: Stamps, values: Sequence[Sequence[str]]
) -> list[tuple[bytes, int]]:
    chunks: list[tuple[bytes, int]] = []
    rows: list[bytes] = []
    size = 0

    def finish() -> None:
        content = struct.pack("<I", stream_id) + varlen(len(rows)) + b"".join(rows)
        chunks.append((chunk(Tag.SAMPLES, content), len(rows)))

    for stamp, texts in zip(stamps_s, values, strict=True):
        encoded = [_encoded(text) for text in texts]
        row = struct.pack("<Bd", 8, stamp) + b"".join(varlen(len(text)) + text for text in encoded)
        if rows and size + len(row) > MAX_CHUNK_BYTES:
            finish()
            rows, size = [], 0
        rows.append(row)
        size += len(row)
    if rows:
        finish()
    return chunks
