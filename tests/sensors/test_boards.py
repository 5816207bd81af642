"""BrainFlow's synthetic board through our device, and files of other programs."""

import threading
import time

import edfio
import numpy as np
import pytest

from sensors.devices.brainflow_board import DEVICE, Board, publish
from sensors.errors import BadDevice, BadRecording
from sensors.lsl import local_clock
from sensors.raw import Chunk, Found, RawInlets
from sensors.recordings import load_recording


@pytest.mark.usefixtures("lsl_session")
def test_the_synthetic_board_becomes_lsl_streams_with_our_stamps():
    stop = threading.Event()
    board = threading.Thread(target=publish, args=("synthetic", stop))
    raw = RawInlets(lambda s: s.source_id.startswith("brainflow-synthetic"))
    found, heard = {}, {}
    board.start()
    try:
        end_s = time.monotonic() + 30.0
        while time.monotonic() < end_s and sum(len(c) for c in heard.get("EEG", [])) < 250:
            for happening in raw.poll():
                if isinstance(happening, Found):
                    found[happening.source.kind] = happening.source
                elif isinstance(happening, Chunk):
                    heard.setdefault(happening.source.kind, []).append(happening.raw_stamps_s)
            time.sleep(0.02)
    finally:
        stop.set()
        board.join()
        raw.close()
    assert found["EEG"].channels == 16
    assert found["EEG"].rate_hz == 250.0
    assert {"EEG", "PPG", "EDA"} <= set(found)
    stamps = np.concatenate(heard["EEG"])
    assert np.all(np.diff(stamps) > 0.0)
    assert abs(stamps[-1] - local_clock()) < 10.0
    assert DEVICE.available() == ""


def test_an_unknown_board_is_refused_with_the_known_ones():
    with pytest.raises(BadDevice, match="cyton"):
        Board("no-such-board")


def test_edf_is_read_by_kind_and_rate(tmp_path):
    t = np.arange(0, 20, 1 / 200)
    edfio.Edf(
        [
            edfio.EdfSignal(np.sin(2 * np.pi * 1.2 * t), 200, label="ECG", physical_dimension="mV"),
            edfio.EdfSignal(np.sin(2 * np.pi * 10 * t), 200, label="EEG Fpz", physical_dimension="uV"),
            edfio.EdfSignal(np.sin(2 * np.pi * 11 * t), 200, label="EEG Pz", physical_dimension="uV"),
            edfio.EdfSignal(np.sin(2 * np.pi * 0.2 * t[::8]), 25, label="Resp chest"),
        ]
    ).write(tmp_path / "night.edf")
    streams = {s.kind: s for s in load_recording(tmp_path / "night.edf").streams}
    assert streams["ECG"].rate_hz == 200.0
    assert streams["ECG"].unit == "mV"
    assert streams["EEG"].labels == ("EEG Fpz", "EEG Pz")
    assert np.allclose(streams["EEG"].samples[:, 0], np.sin(2 * np.pi * 10 * t), atol=1e-3)
    assert streams["Respiration"].rate_hz == 25.0


@pytest.mark.parametrize("content", [b"", b"0" * 300, b"0       " + b"x" * 400])
def test_a_broken_edf_is_refused_with_its_name(tmp_path, content):
    (tmp_path / "bad.edf").write_bytes(content)
    with pytest.raises(BadRecording, match=r"bad\.edf"):
        load_recording(tmp_path / "bad.edf")
