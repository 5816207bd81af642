"""Tables that say little of themselves."""

import numpy as np
import pytest
from scipy.io import wavfile

from sensors.errors import BadRecording
from sensors.recordings import load_recording
from sensors.tabular import told


def written(folder, text):
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_names_that_say_it_need_no_more(tmp_path):
    path = written(tmp_path, "time_ms;ECG;note;ECG lead 2\n0;1;7;4\n5;2;7;5\n10;;7;6\n")
    (stream,) = load_recording(path).streams
    assert (stream.kind, stream.rate_hz, stream.labels) == ("ECG", 200.0, ("ECG", "ECG lead 2"))
    np.testing.assert_array_equal(stream.samples, [[1, 4], [2, 5], [np.nan, 6]])
    np.testing.assert_allclose(stream.stamps_s, [0.0, 0.005, 0.010])


def test_what_the_caller_tells_outranks_the_file(tmp_path):
    path = written(tmp_path, "timer,hr\n0,1\n8.5,2\n17,3\n")
    (stream,) = load_recording(path, told(["hr=PPG", "timer=time:ms"], None)).streams
    assert (stream.kind, round(stream.rate_hz)) == ("PPG", 118)
    (stream,) = load_recording(path, told(["hr=EDA", "timer=time:ms"], 4.0)).streams
    assert (stream.kind, stream.rate_hz, stream.stamps_s[-1]) == ("EDA", 4.0, 0.5)


def test_columns_without_a_name_are_counted_from_one(tmp_path):
    path = written(tmp_path, "1\t5\n2\t6\n")
    (stream,) = load_recording(path, told(["2=RESP"], 10.0)).streams
    np.testing.assert_array_equal(stream.samples[:, 0], [5.0, 6.0])


def test_a_wav_states_its_rate_and_has_numbers_for_names(tmp_path):
    path = tmp_path / "two.wav"
    wavfile.write(path, 250, np.array([[1, 2], [3, 4], [5, 6]], dtype=np.int16))
    first, second = load_recording(path, told(["1=ECG", "2=Respiration"], None)).streams
    assert (first.kind, first.rate_hz, second.kind) == ("ECG", 250.0, "Respiration")
    np.testing.assert_array_equal(second.samples[:, 0], [2, 4, 6])


@pytest.mark.parametrize(
    ("text", "columns", "rate_hz", "match"),
    [
        ("1\n2\n", [], 10.0, "columns of table.csv must be told: --column NAME=KIND"),
        ("1\n2\n", ["1=PPG"], None, "sampling rate of table.csv must be told: --rate HZ"),
        ("1\n2\n", ["pulse=PPG"], 10.0, "column of table.csv must be one of 1, got 'pulse'"),
        ("ECG\n1\nx\n", [], 10.0, "line 3 of table.csv must be numbers, got 'x'"),
        ("ECG,b\n1,2\n1\n", [], 10.0, "line 3 of table.csv must be 2 columns long, got 1"),
        ("ECG\n1\n", [], 10.0, "rows of table.csv must be at least 2"),
        ("time_s,ECG\n0,1\n1,2\n0.5,3\n", [], None, "clock of table.csv must be rising, got '0.5 after 1'"),
        ("", [], 10.0, "size of table.csv must be"),
        ("ECG\n\n\n", [], 10.0, "rows of table.csv must be at least 2"),
    ],
)
def test_what_is_not_enough_or_broken_is_told_in_one_line(tmp_path, text, columns, rate_hz, match):
    with pytest.raises(BadRecording, match=match):
        load_recording(written(tmp_path, text), told(columns, rate_hz))


def test_broken_wavs_and_binary_tables_are_refused(tmp_path):
    for name, content in (("a.wav", b"RIFF\x00"), ("b.wav", b"junk" * 9), ("c.csv", bytes(range(256)))):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(BadRecording) as caught:
            load_recording(path, told(["1=ECG"], 100.0))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["PPG", "=PPG", "hr="])
def test_a_column_is_told_with_its_kind(text):
    with pytest.raises(BadRecording, match="column must be NAME=KIND"):
        told([text], None)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_is_positive_and_finite(rate_hz):
    with pytest.raises(BadRecording, match="rate must be positive"):
        told([], rate_hz)


def test_only_tables_are_told_about(tmp_path):
    with pytest.raises(BadRecording, match="with columns or a rate told must be one of"):
        load_recording(tmp_path / "x.xdf", told([], 10.0))
