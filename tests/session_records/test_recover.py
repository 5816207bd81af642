from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from records_kit import STARTED, Load, counted, declare

from session_records.chunks import BOUNDARY_SIGNATURE, Format
from session_records.errors import NotXdf
from session_records.recover import scan
from session_records.xdf import XdfWriter


def begin(path: Path, batches: int = 3) -> XdfWriter:
    """A file of `batches` × 10 counted samples and as many markers, a boundary after each batch."""
    writer = XdfWriter.create(path, started=STARTED)
    ecg = writer.declare(declare(), created_s=1.0)
    why = writer.declare(declare("why", 1, Format.STRING), created_s=1.0)
    for stream in (ecg, why):
        writer.clock_offset(stream, 100.0, 0.0)
    for batch in range(batches):
        stamps, values = counted(batch * 10, 10)
        writer.samples(ecg, stamps, values)
        writer.samples(why, stamps, [[f"marker {value:.0f} \u2192"] for (value,) in values])
        writer.boundary()
    return writer


def last_chunk(kind: str, writer: XdfWriter) -> None:
    ecg, why = writer.streams
    stamps, values = counted(30, 10)
    match kind:
        case "samples":
            writer.samples(ecg, stamps, values)
        case "strings":
            writer.samples(why, stamps, [[f"m{value}"] for (value,) in values])
        case "offset":
            writer.clock_offset(ecg, 101.0, 0.0)
        case "boundary":
            writer.boundary()
        case "header":
            writer.declare(declare("late", 3), created_s=2.0)
        case "footers":
            writer.close()


KINDS = ["samples", "strings", "offset", "boundary", "header", "footers"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tail_torn_at_any_byte_is_cut_and_recording_goes_on(tmp_path: Path, load: Load, kind: str) -> None:
    path = tmp_path / "a.xdf"
    writer = begin(path)
    before = writer.bytes_written
    last_chunk(kind, writer)
    writer.abandon()
    whole = path.read_bytes()
    assert len(whole) > before
    for cut in (*range(before, before + 8), *range(before + 8, len(whole), 3)):
        path.write_bytes(whole[:cut])
        found = scan(path)
        assert not found.damaged, cut
        assert found.end + found.torn_bytes == cut
        resumed = XdfWriter.resume(path, started=STARTED)
        ecg = next(i for i, one in resumed.streams.items() if one.declaration == declare())
        resumed.samples(ecg, *counted(30, 5))
        resumed.close()
        streams = load(path)
        assert np.array_equal(streams["ecg"]["time_series"], counted(0, 35)[1]), cut
        assert streams["ecg"]["footer"]["info"]["sample_count"] == ["35"]
        assert len(streams["why"]["time_series"]) == 30
        assert path.read_bytes()[:before] == whole[:before]


def test_a_file_torn_in_its_first_bytes_is_begun_again(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "a.xdf"
    begin(path, 0).abandon()
    whole = path.read_bytes()
    for cut in range(whole.index(BOUNDARY_SIGNATURE) if BOUNDARY_SIGNATURE in whole else 120):
        path.write_bytes(whole[:cut])
        writer = XdfWriter.resume(path, started=STARTED)
        stream = writer.declare(declare("after"), created_s=1.0)
        writer.clock_offset(stream, 100.0, 0.0)
        writer.samples(stream, *counted(0, 5))
        writer.close()
        assert np.array_equal(load(path)["after"]["time_series"], counted(0, 5)[1]), cut


def test_a_missing_file_is_begun(tmp_path: Path, load: Load) -> None:
    XdfWriter.resume(tmp_path / "a.xdf", started=STARTED).close()
    assert load(tmp_path / "a.xdf") == {}


def test_resuming_twice_keeps_stream_numbers_and_samples(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "a.xdf"
    begin(path, 1).abandon()
    for round_ in (1, 2):
        writer = XdfWriter.resume(path, started=STARTED)
        assert [one.declaration.name for one in writer.streams.values()] == ["ecg", "why"]
        assert writer.streams[1].samples == 10 * round_
        writer.samples(1, *counted(10 * round_, 10))
        if round_ == 1:
            writer.abandon()
        else:
            writer.close()
    assert np.array_equal(load(path)["ecg"]["time_series"], counted(0, 30)[1])
    assert scan(path).closed


def test_a_closed_recording_can_go_on_and_has_one_set_of_footers(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "a.xdf"
    begin(path, 1).close()
    assert scan(path).closed
    writer = XdfWriter.resume(path, started=STARTED)
    assert not scan(path).closed
    writer.samples(1, *counted(10, 10))
    writer.close()
    assert path.read_bytes().count(b"<sample_count>") == 2
    assert load(path)["ecg"]["footer"]["info"]["sample_count"] == ["20"]


def test_zeroed_bytes_in_the_middle_cost_little_and_are_not_touched(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "a.xdf"
    begin(path, 100).abandon()
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    found = scan(path)
    assert len(found.damaged) == 1
    assert found.torn_bytes == 0
    assert found.damaged[0].start <= middle + 200 < found.damaged[0].end + 200
    writer = XdfWriter.resume(path, started=STARTED)
    writer.samples(1, *counted(1000, 10))
    writer.close()
    assert path.read_bytes().startswith(bytes(data))
    numbers = load(path, damaged=True)["ecg"]["time_series"][:, 0]
    kept = set(numbers.astype(int)) & set(range(1010))
    assert len(kept) >= 1010 - 20
    assert set(range(1000, 1010)) <= kept


def test_a_zeroed_tail_is_kept_and_readers_find_what_follows(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "a.xdf"
    begin(path).abandon()
    size = path.stat().st_size
    os.truncate(path, size + 4096)  # a power cut can leave a hole at the end
    assert scan(path).damaged == ((size, size + 4096),)
    writer = XdfWriter.resume(path, started=STARTED)
    writer.samples(1, *counted(30, 10))
    writer.close()
    assert np.array_equal(load(path, damaged=True)["ecg"]["time_series"], counted(0, 40)[1])


def test_a_damaged_length_does_not_take_what_follows_for_a_torn_tail(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    writer = begin(path)
    at = writer.bytes_written
    for first in (30, 40, 50):
        writer.samples(1, *counted(first, 10))
    writer.abandon()
    data = bytearray(path.read_bytes())
    assert data[at] == 1
    data[at + 1] = 255
    data[at] = 4  # now the chunk says that it is far longer than the file
    path.write_bytes(data)
    assert scan(path).torn_bytes == 0
    XdfWriter.resume(path, started=STARTED).abandon()
    assert path.read_bytes().startswith(bytes(data))


def test_every_flipped_byte_leaves_a_file_that_can_be_scanned_and_resumed(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    begin(path, 2).abandon()
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    for at in (*range(4, 64), *range(64, len(whole), 2)):
        data = bytearray(whole)
        data[at] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        found = scan(path)
        assert found.torn_bytes < 450, at  # never more than the last batch
        XdfWriter.resume(path, started=STARTED).abandon()
        assert path.read_bytes()[: found.end] == bytes(data[: found.end]), at


def test_scanning_says_what_a_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.xdf"
    begin(path).abandon()
    found = scan(path)
    assert {
        i: (one.samples, one.first_s, one.last_s, one.offset_at_s) for i, one in found.streams.items()
    } == {
        1: (30, 100.0, 100.29, 100.0),
        2: (30, 100.0, 100.29, 100.0),
    }
    assert (found.next_id, found.has_header, found.closed) == (3, True, False)


def test_scanning_something_else_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"XDG:")
    with pytest.raises(NotXdf):
        scan(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "b")
