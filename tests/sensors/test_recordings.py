import csv
import dataclasses
import itertools
import re
import shutil

import numpy as np
import pytest

from sensors.analyze import analyze
from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.errors import BadRecording
from sensors.recordings import SAMPLES, RecordedStream, Recording, kind_of_channel, load_recording
from sensors.tabular import told


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("II", "ECG"),
        ("MLII", "ECG"),
        ("avr", "ECG"),
        ("V", "ECG"),
        ("v6", "ECG"),
        ("ECG lead 1", "ECG"),
        ("PLETH", "PPG"),
        ("RESP", "Respiration"),
        ("ABP", "Misc"),
        ("Vibration", "Misc"),
        ("", "Misc"),
    ],
)
def test_channels_are_named_by_what_they_measure(label, kind):
    assert kind_of_channel(label) == kind


def test_samples_are_found_in_installed_packages():
    ecg = load_recording("sample:ecg").streams[0]
    assert (ecg.kind, ecg.rate_hz, ecg.samples.shape) == ("ECG", 1000.0, (22350, 1))
    ppg = load_recording("sample:ppg").streams[0]
    assert (ppg.kind, ppg.rate_hz) == ("PPG", 100.0)
    with pytest.raises(BadRecording, match=f"one of {', '.join(SAMPLES)}, got 'nope'"):
        load_recording("sample:nope")


def test_wfdb_records_load_with_any_of_their_names(recordings):
    for name in ("v102s", "v102s.hea", "v102s.dat"):
        recording = load_recording(recordings / name)
        assert [(s.kind, s.labels) for s in recording.streams] == [
            ("ECG", ("II", "V")),
            ("PPG", ("PLETH",)),
            ("Respiration", ("RESP",)),
        ]
        assert recording.duration_s == pytest.approx(300.0)
    assert load_recording(recordings / "a103l.mat").streams[0].samples.shape == (82500, 2)


def test_a_record_whose_signal_file_is_partly_missing_gives_what_is_there(recordings):
    (stream,) = load_recording(recordings / "s0010_re").streams
    assert stream.samples.shape == (38400, 12)


def test_xdf_examples_load(recordings):
    for name in ("minimal.xdf", "clock_resets.xdf", "empty_streams.xdf"):
        recording = load_recording(recordings / name)
        assert all(np.all(np.diff(s.stamps_s) >= 0.0) for s in recording.streams)


def test_what_is_not_a_recording_is_refused_in_one_line(tmp_path, recordings):
    empty = tmp_path / "empty.xdf"
    empty.touch()
    junk = tmp_path / "junk.xdf"
    junk.write_bytes(b"not an xdf at all" * 10)
    headless = tmp_path / "plain.txt"
    headless.write_text("1 2 3\n")
    cut = tmp_path / "cut.txt"
    cut.write_text("# OpenSignals Text File Format\n# {broken\n# EndOfHeader\n1\t2\n")
    alone = tmp_path / "v102s.hea"
    shutil.copy(recordings / "v102s.hea", alone)
    torn = tmp_path / "torn"
    torn.mkdir()
    shutil.copy(recordings / "v102s.hea", torn)
    (torn / "v102s.dat").write_bytes((recordings / "v102s.dat").read_bytes()[:1000])
    bad_header = tmp_path / "bad.hea"
    bad_header.write_bytes(bytes(range(256)))
    for path in (
        empty,
        junk,
        headless,
        cut,
        alone,
        torn / "v102s",
        bad_header,
        tmp_path / "none.xdf",
        tmp_path,
    ):
        with pytest.raises(BadRecording) as caught:
            load_recording(path)
        assert "\n" not in str(caught.value)
        assert "must be" in str(caught.value)


def test_analyze_writes_what_the_live_estimators_see(recordings, tmp_path):
    done = []
    result = analyze(load_recording(recordings / "v102s"), tmp_path / "out", done.append)
    assert done[-1] == 1.0
    assert done == sorted(done)
    assert result.passed_over == ()
    tables = {}
    for name in ("beats", "breaths", "vitals"):
        with (tmp_path / "out" / f"{name}.csv").open(newline="") as file:
            tables[name] = list(csv.DictReader(file))
    assert list(tables["beats"][0]) == ["time_s", "stream", "interval_s", "quality"]
    assert list(tables["vitals"][0]) == ["time_s", "vital", "value", "unit", "quality"]
    assert tables["beats"][0]["interval_s"] == ""
    assert len(tables["beats"]) == result.beats > 400
    times = [float(row["time_s"]) for row in tables["vitals"]]
    assert times == sorted(times)
    rates = [float(r["value"]) for r in tables["vitals"] if r["vital"] == "heart_rate" and r["value"]]
    assert np.median(rates) == pytest.approx(103.4, abs=2.0)
    assert {r["quality"] for r in tables["vitals"] if not r["value"]} == {"0.000"}


def test_analyze_tells_the_swing_with_the_breath_where_there_are_both(tmp_path):
    lived = SimulatedPatient(PatientTraits(seed=4, breaths_per_min=7.0)).step(RoomView(), 100.0)
    both = [
        RecordedStream(
            name=kind, kind=kind, rate_hz=rate_hz, labels=(kind,), samples=x[:, None], stamps_s=stamps
        )
        for kind, rate_hz, x, stamps in (
            ("ECG", 250.0, lived.ecg, lived.ecg_s),
            ("Respiration", 50.0, lived.belt, lived.belt_s),
        )
    ]
    swings = {}
    for name, streams in (("both", both), ("heart", both[:1])):
        analyze(Recording(name=name, streams=tuple(streams)), tmp_path / name)
        with (tmp_path / name / "vitals.csv").open(newline="") as file:
            swings[name] = [row for row in csv.DictReader(file) if row["vital"] == "rsa_amplitude"]
    assert swings["heart"] == []
    late = [row for row in swings["both"] if float(row["time_s"]) > 60.0]
    assert len(late) > 30
    beats, inhales = np.array(lived.beats_s), np.array(lived.inhales_s)
    rates = 60.0 / np.diff(beats)
    middles = 0.5 * (beats[1:] + beats[:-1])
    breaths = itertools.pairwise(inhales[4:])
    true = [np.ptp(rates[(middles > start) & (middles <= end)]) for start, end in breaths]
    assert float(late[-1]["value"]) == pytest.approx(np.median(true[-7:]), rel=0.15)
    assert min(float(row["quality"]) for row in late[5:]) > 0.5


def test_analyze_says_what_it_cannot_read_and_why(tmp_path):
    streams = [
        RecordedStream(
            name=name,
            kind=kind,
            rate_hz=1.0,
            labels=("t",),
            samples=np.ones((5, 1)),
            stamps_s=np.arange(5.0),
        )
        for name, kind in (("room", "Temperature"), ("slow", "EEG"))
    ]
    done = []
    result = analyze(Recording(name="x", streams=tuple(streams)), tmp_path, done.append)
    room, slow = result.passed_over
    assert re.fullmatch(r"room: its type must be one of .*ECG.*RR, is Temperature", room)
    assert slow == "slow: EEG sampling rate must be in 100…20000 Hz, got 1.0"
    assert done == [1.0]
    for name in ("beats", "breaths", "vitals"):
        assert len((tmp_path / f"{name}.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "columns", "rate_hz", "beats"),
    [
        ("ring_data.csv", ["1=PPG"], 32.0, 60),
        ("data.csv", ["1=PPG"], 100.0, 18),
        ("data2.csv", ["hr=PPG", "timer=time:ms"], None, 25),
        ("SC4001E0-PSG.wav", ["1=EEG"], None, 0),
        ("SampleECG.txt", [], None, 4),
        ("a103l.hea", [], None, 30),
        ("s0010_re.hea", [], None, 4),
        ("minimal.xdf", [], None, 0),
        ("clock_resets.xdf", [], None, 0),
        ("empty_streams.xdf", [], None, 0),
    ],
)
def test_each_shared_recording_gives_three_tables(recordings, tmp_path, name, columns, rate_hz, beats):
    recording = load_recording(recordings / name, told(columns, rate_hz))
    first = [
        dataclasses.replace(s, samples=s.samples[:8_000], stamps_s=s.stamps_s[:8_000])
        for s in recording.streams
    ]
    result = analyze(dataclasses.replace(recording, streams=tuple(first)), tmp_path)
    assert result.beats >= beats
    too_slow = ("minimal.xdf", "empty_streams.xdf", "SC4001E0-PSG.wav")
    assert (result.vitals > 0) == (name not in too_slow)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["beats.csv", "breaths.csv", "vitals.csv"]
