from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensors.raw import Changed, Chunk, Found, Happening, Lost, Offset, Recovered, Refused, Source
from session_records.chunks import Channel, Format
from session_records.folder import XDF
from session_records.recorder import Recorder
from session_records.recover import scan
from therapy.events import BadInput, GapMarked, StreamChanged
from vr_world import recorded_sources
from vr_world.recorded_sources import RecordedSources, declaration_of

STRAP = Source(
    key="strap-1",
    uid="u",
    name="strap",
    kind="ECG",
    source_id="strap-1",
    host="h",
    channels=2,
    rate_hz=100.0,
    value_format="float32",
    labels=("I", "II"),
    xml="<info><desc><channels><channel><unit>mV</unit></channel></channels></desc></info>",
)
WORDS = dataclasses.replace(
    STRAP, key="words|Markers|h", name="words", source_id="", channels=1, rate_hz=0.0, value_format="string"
)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> list[list[Happening]]:
    """What LSL tells, poll by poll."""
    polls: list[list[Happening]] = []

    class Scripted:
        def __init__(self, _accept) -> None:
            pass

        def poll(self) -> list[Happening]:
            return polls.pop(0) if polls else []

        def close(self) -> None:
            pass

    monkeypatch.setattr(recorded_sources, "RawInlets", Scripted)
    return polls


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path, {}, clock_id="b", started="2026-01-01T00:00:00+00:00", opened_s=0.0)


def chunk(source: Source, stamps: list[float], samples: Any) -> Chunk:
    return Chunk(source=source, samples=samples, raw_stamps_s=np.array(stamps), offset_s=0.0)


def on_file(recorder: Recorder, folder: Path, name: str) -> list[int]:
    assert recorder.close(1.0) == []
    return [one.samples for one in scan(folder / XDF).streams.values() if one.declaration.name == name]


def test_a_description_becomes_a_declaration() -> None:
    declaration = declaration_of(STRAP)
    assert declaration.channels == (Channel(label="I", unit="mV"), Channel(label="II"))
    assert declaration.can_drop_samples
    assert declaration.format is Format.FLOAT32
    words = declaration_of(WORDS)
    assert words.source_id == "words|Markers|h"  # two without an id of their own are never mixed
    assert not words.can_drop_samples
    odd = declaration_of(dataclasses.replace(STRAP, name="", kind="a\x00b", xml="<broken", labels=()))
    assert (odd.name, odd.type) == ("unnamed", "a\ufffdb")


def test_a_clock_offset_from_before_the_session_is_not_lost(
    tmp_path: Path, recorder: Recorder, script: list[list[Happening]]
) -> None:
    script += [
        [
            Found(source=STRAP),
            Offset(source=STRAP, at_s=0.5, offset_s=0.25),
            chunk(STRAP, [0.1], np.zeros((1, 2))),
        ],
        [chunk(STRAP, [0.2, 0.3], np.zeros((2, 2), np.float32))],
    ]
    sources = RecordedSources()
    assert sources.poll(None) == []
    assert sources.poll(recorder) == []
    assert sources.count == 1
    recorder.close(1.0)
    (strap,) = [one for one in scan(tmp_path / XDF).streams.values() if one.declaration.name == "strap"]
    assert (strap.samples, strap.offset_at_s) == (2, 0.5)


def test_samples_without_a_finite_stamp_are_told_once(
    tmp_path: Path, recorder: Recorder, script: list[list[Happening]]
) -> None:
    bad = chunk(STRAP, [0.1, float("nan"), 0.3], np.ones((3, 2), np.float32))
    script += [[Found(source=STRAP), bad], [bad]]
    sources = RecordedSources()
    (event,) = sources.poll(recorder)
    assert isinstance(event, BadInput)
    assert sources.poll(recorder) == []
    assert on_file(recorder, tmp_path, "strap") == [4]


def test_bad_samples_of_one_stream_do_not_cost_those_of_another(
    tmp_path: Path, recorder: Recorder, script: list[list[Happening]]
) -> None:
    text = np.array([["w\u00f6rd".encode()], [b"\xff"]], dtype=object)
    script += [
        [
            Found(source=STRAP),
            Found(source=WORDS),
            chunk(STRAP, [0.1], np.zeros((1, 5), np.float32)),
            chunk(WORDS, [0.1, 0.2], text),
        ]
    ]
    (event,) = RecordedSources().poll(recorder)
    assert isinstance(event, BadInput)
    assert "(1, 2)" in event.what
    assert on_file(recorder, tmp_path, "words") == [2]
    content = (tmp_path / XDF).read_bytes()
    assert "w\u00f6rd".encode() in content
    assert b"\\xff" in content


def test_a_stream_that_cannot_be_declared_is_told_and_passed_over(
    recorder: Recorder, script: list[list[Happening]]
) -> None:
    odd = dataclasses.replace(STRAP, value_format="undefined")
    script += [
        [Found(source=odd), Offset(source=odd, at_s=0.1, offset_s=0.0), chunk(odd, [0.1], np.zeros((1, 2)))]
    ]
    sources = RecordedSources()
    (event,) = sources.poll(recorder)
    assert isinstance(event, BadInput)
    assert "undefined" in event.what
    assert sources.count == 0


def test_gaps_changes_and_refusals_become_events(recorder: Recorder, script: list[list[Happening]]) -> None:
    wider = dataclasses.replace(STRAP, channels=3)
    script += [
        [
            Found(source=STRAP),
            Lost(source=STRAP, reason="silent"),
            Recovered(source=STRAP, gap_s=2.5),
            Changed(was=STRAP, source=wider),
            Refused(source=WORDS, why="no"),
        ]
    ]
    gap, changed, refused = RecordedSources().poll(recorder)
    assert isinstance(gap, GapMarked)
    assert gap.gap_s == 2.5
    assert isinstance(changed, StreamChanged)
    assert isinstance(refused, BadInput)
