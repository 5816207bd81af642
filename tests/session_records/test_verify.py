from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from records_kit import STARTED, counted, declare

from session_records.folder import ABOUT, JOURNAL, SUMS, XDF
from session_records.recorder import Recorder
from session_records.verify import verify
from therapy.events import Beat, to_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tape = Recorder(tmp_path, {}, clock_id="boot", started=STARTED, opened_s=100.0)
    tape.raw(declare(), *counted(0, 20))
    tape.event(100.0, to_line(Beat(at_s=100.0, stream="ecg", interval_s=None, quality=1.0)))
    assert tape.close(101.0) == []
    return tmp_path


def test_a_closed_recording_is_as_it_was_left(folder: Path) -> None:
    verdict = verify(folder)
    assert verdict.closed
    assert verdict.problems == ()
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=folder, check=True)


def test_every_flipped_bit_is_found(folder: Path) -> None:
    rng = np.random.default_rng(5)
    files = [XDF, JOURNAL, ABOUT, SUMS]
    for _ in range(300):
        path = folder / files[rng.integers(len(files))]
        whole = path.read_bytes()
        data = bytearray(whole)
        at = int(rng.integers(len(data)))
        data[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        assert verify(folder).problems, (path.name, at)
        path.write_bytes(whole)


@pytest.mark.parametrize("name", [XDF, JOURNAL, ABOUT])
def test_missing_and_foreign_files_are_found(folder: Path, name: str) -> None:
    (folder / name).rename(folder / "other")
    problems = verify(folder).problems
    assert f"{name} is missing" in problems
    assert f"other is not in {SUMS}" in problems


def test_an_interrupted_recording_is_told_from_a_closed_one(folder: Path) -> None:
    (folder / SUMS).unlink()
    assert verify(folder).problems == ()
    assert not verify(folder).closed
    with (folder / XDF).open("ab") as file:
        file.write(b"\x01\x20\x03\x00\x01")
    with (folder / JOURNAL).open("ab") as file:
        file.write(b"{}\n\xff\n[1]\n{")
    problems = "\n".join(verify(folder).problems)
    assert "5 bytes of an unfinished chunk" in problems
    assert all(f"line {number} is not an event" in problems for number in (2, 3, 4))
    assert "unfinished line of 1 bytes" in problems


def test_a_file_of_another_kind_is_a_problem_and_not_a_crash(folder: Path) -> None:
    (folder / XDF).write_bytes(b"RIFF")
    assert any("must start with" in problem for problem in verify(folder).problems)
