from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records_kit import STARTED, Load, counted, declare

from session_records import chunks
from session_records.chunks import Channel, Format, StreamDeclaration, parse_header, read_varlen, varlen
from session_records.errors import BadDeclaration, BadRow, InUse, NotXdf, WriterClosed
from session_records.recover import scan
from session_records.xdf import XdfWriter

NUMERIC = [fmt for fmt in Format if fmt is not Format.STRING]
in_tmp = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("fmt", NUMERIC, ids=lambda fmt: fmt.value)
def test_numbers_come_back_bit_exact(tmp_path: Path, load: Load, fmt: Format) -> None:
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 256, (500, 32 * fmt.dtype.itemsize), np.uint8)
    values = bits.view(fmt.dtype)  # every bit pattern, NaN payloads and infinities too
    stamps = np.cumsum(rng.exponential(0.01, 500)) + 12345.678
    writer = XdfWriter.create(tmp_path / "a.xdf", started=STARTED)
    stream = writer.declare(declare(channels=32, fmt=fmt), created_s=1.0)
    writer.clock_offset(stream, stamps[0], 0.0)
    assert writer.samples(stream, stamps, values) == 500
    writer.clock_offset(stream, stamps[-1], 0.0)
    writer.close()
    got = load(tmp_path / "a.xdf")["ecg"]
    assert got["time_series"].tobytes() == values.tobytes()
    assert got["time_stamps"].tobytes() == stamps.tobytes()
    assert got["info"]["channel_format"] == [fmt.value]
    assert got["footer"]["info"]["sample_count"] == ["500"]
    assert got["footer"]["info"]["last_timestamp"] == [repr(float(stamps[-1]))]
    labels = [c["label"][0] for c in got["info"]["desc"][0]["channels"][0]["channel"]]
    assert labels == [f"c{index}" for index in range(32)]


def test_unicode_markers_come_back(tmp_path: Path, load: Load) -> None:
    texts = ["", "the waves are a bit much", "größer 波 🌊", "x" * 300, "line\nbreak\t\x00", "a" * 70_000]
    writer = XdfWriter.create(tmp_path / "a.xdf", started=STARTED)
    stream = writer.declare(declare("why", 2, Format.STRING), created_s=1.0)
    writer.clock_offset(stream, 1.0, 0.0)
    writer.samples(stream, np.arange(6.0), [[text, text[::-1]] for text in texts])
    writer.close()
    assert load(tmp_path / "a.xdf")["why"]["time_series"] == [[text, text[::-1]] for text in texts]


def test_long_blocks_become_chunks_of_bounded_size(tmp_path: Path, load: Load) -> None:
    stamps, values = counted(0, 40_000)
    parts = chunks.sample_chunks(1, declare(), stamps, values)
    assert len(parts) > 5
    assert max(len(data) for data, _ in parts) < chunks.MAX_CHUNK_BYTES + 64
    assert sum(count for _, count in parts) == 40_000
    writer = XdfWriter.create(tmp_path / "a.xdf", started=STARTED)
    stream = writer.declare(declare(), created_s=1.0)
    writer.clock_offset(stream, 100.0, 0.0)
    writer.samples(stream, stamps, values)
    writer.close()
    assert np.array_equal(load(tmp_path / "a.xdf")["ecg"]["time_series"], values)


@given(number=st.integers(0, 2**64 - 1), tail=st.binary(max_size=9))
def test_every_length_survives_its_encoding(number: int, tail: bytes) -> None:
    encoded = varlen(number)
    assert encoded[0] in (1, 4, 8)
    assert read_varlen(encoded + tail, 0) == (number, len(encoded))
    assert all(read_varlen(encoded[:cut], 0) is None for cut in range(len(encoded)))


@pytest.mark.parametrize("number", [-1, 2**64])
def test_lengths_outside_64_bits_are_refused(number: int) -> None:
    with pytest.raises(BadRow, match="2\\^64"):
        varlen(number)


@in_tmp
@given(rows=st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=20))
def test_any_text_is_recorded(tmp_path: Path, load: Load, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "a.xdf"
    path.unlink(missing_ok=True)
    writer = XdfWriter.create(path, started=STARTED)
    stream = writer.declare(declare("why", 2, Format.STRING), created_s=1.0)
    writer.clock_offset(stream, 0.0, 0.0)
    writer.samples(stream, np.arange(float(len(rows))), rows)
    writer.close()
    assert load(path)["why"]["time_series"] == [list(row) for row in rows]
    assert scan(path).streams[stream].samples == len(rows)


def test_a_lone_surrogate_stays_readable(tmp_path: Path, load: Load) -> None:
    writer = XdfWriter.create(tmp_path / "a.xdf", started=STARTED)
    stream = writer.declare(declare("why", 1, Format.STRING), created_s=1.0)
    writer.clock_offset(stream, 0.0, 0.0)
    writer.samples(stream, np.zeros(1), [["bad \udc80 input"]])
    writer.close()
    assert load(tmp_path / "a.xdf")["why"]["time_series"] == [["bad \\udc80 input"]]


@in_tmp
@given(name=st.text(min_size=1), unit=st.text(), source=st.text(), rate=st.floats(0, 1e6))
def test_any_cleaned_declaration_reads_back_equal(
    tmp_path: Path, load: Load, name: str, unit: str, source: str, rate: float
) -> None:
    declaration = StreamDeclaration(
        name=chunks.clean_text(name),
        type="",
        channels=(Channel(label="", unit=chunks.clean_text(unit)),),
        nominal_rate_hz=rate,
        format=Format.INT16,
        source_id=chunks.clean_text(source),
        can_drop_samples=rate > 1,
    )
    path = tmp_path / "a.xdf"
    path.unlink(missing_ok=True)
    writer = XdfWriter.create(path, started=STARTED)
    stream = writer.declare(declaration, created_s=1.0)
    writer.abandon()
    assert scan(path).streams[stream].declaration == declaration
    assert list(load(path)) == [declaration.name]


@pytest.mark.parametrize(
    "bad",
    [
        {"name": ""},
        {"channels": 0},
        {"nominal_rate_hz": -1.0},
        {"nominal_rate_hz": float("nan")},
        {"name": "a\x00b"},
        {"source_id": "\ud800"},
        {"type": "a\rb"},
    ],
    ids=str,
)
def test_what_readers_cannot_load_is_not_declared(bad: dict[str, object]) -> None:
    with pytest.raises(BadDeclaration):
        declare(**bad)  # type: ignore[arg-type]


def test_a_foreign_header_without_labels_is_read() -> None:
    xml = (
        b"<info><name>x</name><type/><channel_count>2</channel_count><nominal_srate>0</nominal_srate>"
        b"<channel_format>int8</channel_format></info>"
    )
    declaration = parse_header(xml)
    assert declaration is not None
    assert declaration.channels == (Channel(label=""), Channel(label=""))
    assert parse_header(xml[:-3]) is None
    assert parse_header(xml.replace(b"int8", b"int7")) is None


@pytest.mark.parametrize("bad", [np.zeros((3, 2)), np.zeros((2, 1)), np.zeros(3)], ids=lambda a: str(a.shape))
def test_rows_of_another_shape_are_refused(tmp_path: Path, bad: np.ndarray) -> None:
    writer = XdfWriter.create(tmp_path / "a.xdf", started=STARTED)
    stream = writer.declare(declare(), created_s=1.0)
    size = writer.bytes_written
    with pytest.raises(BadRow, match=r"\(3, 1\)"):
        writer.samples(stream, np.arange(3.0), bad)
    with pytest.raises(BadRow, match="finite"):
        writer.samples(stream, np.array([1.0, np.nan, 2.0]), np.zeros((3, 1)))
    with pytest.raises(BadRow, match="finite"):
        writer.clock_offset(stream, float("nan"), 0.0)
    assert writer.bytes_written == size == (tmp_path / "a.xdf").stat().st_size
    writer.abandon()


def test_a_row_of_text_has_a_limit() -> None:
    with pytest.raises(BadRow, match=str(chunks.MAX_ROW_BYTES)):
        chunks.sample_chunks(1, declare(fmt=Format.STRING), np.zeros(1), [["x" * chunks.MAX_ROW_BYTES + "x"]])


def test_a_short_gap_is_not_straightened_away(tmp_path: Path, load: Load) -> None:
    stamps = np.concatenate([np.arange(300), np.arange(300) + 500]) / 100.0
    writer = XdfWriter.create(tmp_path / "a.xdf", started=STARTED)
    stream = writer.declare(declare(nominal_rate_hz=100.0, can_drop_samples=True), created_s=1.0)
    writer.clock_offset(stream, 0.0, 0.0)
    writer.samples(stream, stamps, np.zeros((600, 1)))
    writer.close()
    assert load(tmp_path / "a.xdf")["ecg"]["time_stamps"].tobytes() == stamps.tobytes()


def test_readers_map_a_foreign_clock_with_the_offsets(tmp_path: Path, load: Load) -> None:
    session_s = np.arange(0, 60, 0.1) + 1000.0
    device_s = (session_s - 700.0) * (1 - 50e-6)  # 50 ppm slow and set differently
    writer = XdfWriter.create(tmp_path / "a.xdf", started=STARTED)
    stream = writer.declare(declare(), created_s=1.0)
    for index in range(0, 600, 50):
        writer.clock_offset(stream, session_s[index], session_s[index] - device_s[index])
    writer.samples(stream, device_s, np.zeros((600, 1)))
    writer.close()
    assert np.abs(load(tmp_path / "a.xdf")["ecg"]["time_stamps"] - session_s).max() < 1e-4


def test_a_file_has_one_writer(tmp_path: Path) -> None:
    writer = XdfWriter.create(tmp_path / "a.xdf", started=STARTED)
    with pytest.raises(InUse, match=r"a\.xdf"):
        XdfWriter.resume(tmp_path / "a.xdf", started=STARTED)
    with pytest.raises(FileExistsError):
        XdfWriter.create(tmp_path / "a.xdf", started=STARTED)
    writer.close()
    writer.abandon()
    with pytest.raises(WriterClosed):
        writer.boundary()
    XdfWriter.resume(tmp_path / "a.xdf", started=STARTED).close()


def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    path.write_bytes(b"RIFF....WAVE")
    with pytest.raises(NotXdf, match="RIFF"):
        XdfWriter.resume(path, started=STARTED)
    assert path.read_bytes() == b"RIFF....WAVE"


def test_a_full_disk_leaves_the_file_whole_and_the_write_can_be_repeated(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.xdf"
    writer = XdfWriter.create(path, started=STARTED)
    stream = writer.declare(declare(), created_s=1.0)
    writer.clock_offset(stream, 100.0, 0.0)
    stamps, values = counted(0, 10_000)
    real, room = os.write, [100_000]

    def short_write(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "no space left")
        taken = real(descriptor, data[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", short_write)
    done = writer.samples(stream, stamps, values)
    assert 0 < done < 10_000
    with pytest.raises(OSError, match="no space"):
        writer.samples(stream, stamps[done:], values[done:])
    assert scan(path).torn_bytes == 0
    monkeypatch.undo()
    assert writer.samples(stream, stamps[done:], values[done:]) == 10_000 - done
    writer.close()
    assert np.array_equal(load(path)["ecg"]["time_series"], values)


def test_a_part_that_cannot_be_cut_at_once_is_cut_before_the_next_write(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.xdf"
    writer = XdfWriter.create(path, started=STARTED)
    stream = writer.declare(declare(), created_s=1.0)
    writer.clock_offset(stream, 100.0, 0.0)
    real = os.write

    def refuse(_descriptor: int, _size: int) -> None:
        raise OSError(errno.EROFS, "read-only")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(OSError, match="read-only"):
            writer.samples(stream, *counted(0, 10))
    assert scan(path).torn_bytes == 7
    writer.samples(stream, *counted(0, 10))
    writer.close()
    assert np.array_equal(load(path)["ecg"]["time_series"], counted(0, 10)[1])
