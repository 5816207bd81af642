"""scsynth's patch: it plays the notes that it is given, at both rates, from files as documented."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from audio_engine.messages import NotePlayed
from benchmarks._superc import AUDIO, CONTROL, Graph, render_cpu_s
from benchmarks._superc_patch import score
from therapy.controls import NEUTRAL

NOTES = [
    NotePlayed(at_s=0.5, instrument="bell", midi_note=81.0, velocity=0.9, duration_s=1.0),
    NotePlayed(at_s=0.0, instrument="pad", midi_note=60.0, velocity=0.7, duration_s=1.0),
]


def test_a_definition_has_its_constants_once_and_its_units_in_order() -> None:
    graph = Graph("two", hz=220.0)
    tone = graph.unit("SinOsc", graph.parameter("hz"), 0.0)
    graph.unit("Out", 0.0, graph.multiply(tone, 0.25), outputs=0)
    data = graph.file()
    assert data.startswith(b"SCgf\0\0\0\2\0\1\3two\0\0\0\2"), "two constants: 0 and 0.25"
    units = [data.index(name) for name in (b"Control", b"SinOsc", b"BinaryOpUGen", b"Out")]
    assert units == sorted(units)
    assert graph.multiply(graph.parameter("hz"), 2.0).rate < CONTROL
    assert graph.multiply(tone, graph.parameter("hz")).rate == AUDIO


def test_a_score_begins_each_note_at_its_time_and_frees_nothing_twice() -> None:
    messages = score(NOTES, [(0.0, NEUTRAL)], master=True)
    begun = [(m.at_s, m.values[0]) for m in messages if m.address == "/s_new" and "note" in str(m.values[0])]
    assert begun == [(0.0, "note pad"), (0.5, "note bell")]
    assert [m.at_s for m in messages] == sorted(m.at_s for m in messages)
    numbers = [m.values[1] for m in messages if m.address == "/s_new"]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.skipif(shutil.which("scsynth") is None, reason="SuperCollider's server is not installed")
@pytest.mark.filterwarnings("ignore:Chunk .non-data. not understood")
@pytest.mark.parametrize("slow", [CONTROL, AUDIO])
def test_scsynth_plays_the_bell_that_it_is_given(tmp_path: Path, slow: int) -> None:
    sound = tmp_path / "bell.wav"
    spent_s = render_cpu_s(score(NOTES, [(0.0, NEUTRAL)], master=True, slow=slow), 1.5, keep=sound)
    assert spent_s is not None
    assert spent_s > 0.0
    rate_hz, samples = wavfile.read(sound)
    after = np.abs(np.fft.rfft(samples[int(0.55 * rate_hz) : int(1.05 * rate_hz), 0]))
    before = np.abs(np.fft.rfft(samples[: rate_hz // 2, 0]))
    at_880_hz = slice(435, 446)
    assert after[at_880_hz].max() > 5.0 * before[at_880_hz].max()
    assert 0.01 < np.abs(samples).max() <= 0.8
