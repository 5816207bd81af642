"""Over real LSL on loopback, in a session of its own."""

import math
import multiprocessing
import threading
import time
import uuid

import numpy as np
import pytest

from sensors import lsl
from sensors.devices import replay, simulated_patient
from sensors.devices._process import DeviceHeartbeat, Shutdown
from sensors.errors import LslError
from sensors.ingest import Ingest
from sensors.outlets import CONTROLS_KIND, ControlsOutlet
from sensors.raw import Chunk, Found, Lost, Offset, RawInlets, Recovered
from sensors.recordings import RecordedStream, Recording
from therapy.controls import NEUTRAL, numeric_fields
from therapy.events import BadInput, Beat, StreamChanged, StreamFound, StreamLost, StreamRecovered

pytestmark = pytest.mark.usefixtures("lsl_session")

PATIENCE_S = 20.0


def wait_for(what, each=lambda: None):
    """Wait until `what()` is true, calling `each()` meanwhile; return what it was."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        each()
        value = what()
        if value:
            return value
        time.sleep(0.01)
    pytest.fail(f"waited {PATIENCE_S:g} s in vain")


class Device:
    """An outlet that sends seconds of a slow wave; channel 0 counts samples."""

    def __init__(self, name, kind="ECG", rate_hz=250.0, channels=1, source_id=None):
        self.rate_hz, self.channels, self.count = rate_hz, channels, 0
        self.sent_s = lsl.local_clock()
        self.outlet = lsl.Outlet(
            name=name,
            kind=kind,
            labels=[f"c{k}" for k in range(channels)],
            rate_hz=rate_hz,
            source_id=source_id or f"test-{name}",
        )

    def send(self, value=None):
        """Send what is due since the last call."""
        due = int((lsl.local_clock() - self.sent_s) * self.rate_hz)
        if due:
            numbers = np.arange(self.count, self.count + due, dtype=np.float32)
            if value is not None:
                numbers[:] = value
            stamps = self.sent_s + np.arange(1, due + 1) / self.rate_hz
            self.outlet.push(np.repeat(numbers[:, None], self.channels, axis=1), stamps)
            self.count += due
            self.sent_s = float(stamps[-1])

    def skip(self):
        self.sent_s = lsl.local_clock()


@pytest.fixture
def watched():
    """A running ingest that reads the streams of this test only, with the events it told."""
    tag = uuid.uuid4().hex[:6]
    events = []
    ingest = Ingest(on_event=events.append, kind_of=lambda s: s.kind if tag in s.name else None)
    ingest.start()
    yield ingest, events, tag
    ingest.stop()


def told(events, kind, stream):
    return [
        e for e in events if isinstance(e, kind) and getattr(e, "stream", getattr(e, "source", "")) == stream
    ]


def test_the_session_clock_is_lsls():
    assert abs(lsl.check_clock()) < 1e-3


def test_a_second_session_id_in_one_process_is_refused(lsl_session):
    lsl.configure(lsl_session)
    with pytest.raises(LslError, match="which this process already uses"):
        lsl.configure("another")
    with pytest.raises(LslError, match="letters, digits"):
        lsl.configure("no spaces or ] brackets")


def test_a_stream_that_dies_is_lost_and_one_that_returns_is_recovered_with_its_gap(watched):
    ingest, events, tag = watched
    ecg, belt = Device(f"{tag}-ecg"), Device(f"{tag}-belt", "RESP", 50.0)

    def send():
        belt.send()
        if ecg is not None:
            ecg.send()

    wait_for(
        lambda: told(events, StreamFound, f"{tag}-ecg") and told(events, StreamFound, f"{tag}-belt"), send
    )
    wait_for(
        lambda: all(row["alive"] and row["age_s"] < 0.5 for row in ingest.streams(time.monotonic())), send
    )
    ecg = None
    wait_for(lambda: told(events, StreamLost, f"{tag}-ecg"), send)
    rows = {row["name"]: row for row in ingest.streams(time.monotonic())}
    assert (rows[f"{tag}-ecg"]["alive"], rows[f"{tag}-ecg"]["quality"]) == (False, 0.0)
    assert rows[f"{tag}-belt"]["alive"]
    ecg = Device(f"{tag}-ecg")
    (recovered,) = wait_for(lambda: told(events, StreamRecovered, f"{tag}-ecg"), send)
    assert recovered.gap_s > 1.0
    assert not told(events, StreamLost, f"{tag}-belt")
    assert len(told(events, StreamFound, f"{tag}-ecg")) == 1


def test_a_hung_device_is_noticed_although_its_connection_lives(watched):
    ingest, events, tag = watched
    device = Device(f"{tag}-ecg")
    wait_for(lambda: told(events, StreamFound, f"{tag}-ecg"), device.send)
    wait_for(lambda: ingest.streams(time.monotonic())[0]["age_s"] < 0.2, device.send)
    wait_for(lambda: told(events, StreamLost, f"{tag}-ecg"))
    device.skip()
    wait_for(lambda: told(events, StreamRecovered, f"{tag}-ecg"), device.send)


def test_a_stream_that_changes_its_shape_is_a_new_one(watched):
    ingest, events, tag = watched
    device = Device(f"{tag}-ecg", channels=1)
    wait_for(lambda: told(events, StreamFound, f"{tag}-ecg"), device.send)
    device = Device(f"{tag}-ecg", channels=3)
    (changed,) = wait_for(lambda: told(events, StreamChanged, f"{tag}-ecg"), device.send)
    assert changed.was.startswith("1 channels")
    assert changed.now.startswith("3 channels")
    wait_for(lambda: len(told(events, StreamFound, f"{tag}-ecg")) == 2, device.send)
    wait_for(lambda: ingest.streams(time.monotonic())[0]["age_s"] < 0.2, device.send)
    device = Device(f"{tag}-ecg", channels=3, rate_hz=500.0)
    wait_for(lambda: len(told(events, StreamChanged, f"{tag}-ecg")) == 2, device.send)
    assert len(ingest.streams(time.monotonic())) == 1


def test_absurd_values_are_told_once_a_second_and_make_no_number(watched):
    ingest, events, tag = watched
    device = Device(f"{tag}-ecg")
    wait_for(lambda: told(events, StreamFound, f"{tag}-ecg"), device.send)
    began = time.monotonic()
    wait_for(lambda: told(events, BadInput, f"{tag}-ecg"), lambda: device.send(math.nan))
    wait_for(lambda: len(told(events, BadInput, f"{tag}-ecg")) >= 3, lambda: device.send(math.inf))
    lasted = time.monotonic() - began
    assert len(told(events, BadInput, f"{tag}-ecg")) <= lasted + 2.0
    state = ingest.state(time.monotonic())
    assert state.vitals["heart_rate"].value is None
    assert (state.arousal, state.arousal_confidence, state.next_beat_s) == (0.0, 0.0, None)


@pytest.mark.parametrize(
    ("rate_hz", "value_format", "why"),
    [
        (0.0, "float32", "60…5000 Hz, got 0.0"),
        (6000.0, "float32", "60…5000 Hz"),
        (250.0, "string", "strings"),
    ],
)
def test_a_stream_that_cannot_be_an_ecg_is_refused(watched, rate_hz, value_format, why):
    ingest, events, tag = watched
    outlet = lsl.Outlet(
        name=f"{tag}-odd",
        kind="ECG",
        labels=["x"],
        rate_hz=rate_hz,
        source_id=f"{tag}",
        value_format=value_format,
    )
    (bad,) = wait_for(lambda: told(events, BadInput, f"{tag}-odd"))
    assert why in bad.what
    assert ingest.streams(time.monotonic()) == []
    assert not outlet.has_readers()


def test_the_first_of_two_steers_and_the_other_is_listed_until_it_is_pinned(watched):
    ingest, events, tag = watched
    first = Device(f"{tag}-first")
    wait_for(lambda: told(events, StreamFound, f"{tag}-first"), first.send)
    second = Device(f"{tag}-second")

    def send():
        first.send()
        second.send()

    def steering():
        return {row["name"]: row["steers"] for row in ingest.streams(time.monotonic())}

    wait_for(lambda: told(events, StreamFound, f"{tag}-second"), send)
    assert steering() == {f"{tag}-first": True, f"{tag}-second": False}
    ingest.pin("ECG", f"{tag}-second")
    assert steering() == {f"{tag}-first": False, f"{tag}-second": True}


def test_stamps_of_the_time_of_day_are_shifted_and_told(watched):
    _, events, tag = watched
    outlet = lsl.Outlet(name=f"{tag}-ecg", kind="ECG", labels=["II"], rate_hz=250.0, source_id=tag)
    patient = simulated_patient.SimulatedPatient()
    began = time.monotonic()

    def send():
        span = patient.step(simulated_patient.RoomView(), 0.1)
        outlet.push(span.ecg[:, None].astype(np.float32), 1.7e9 + span.ecg_s)
        time.sleep(max(0.0, began + float(span.ecg_s[-1]) - time.monotonic()))

    (bad, *_) = wait_for(lambda: told(events, BadInput, f"{tag}-ecg"), send)
    assert "local_clock" in bad.what
    (beat, *_) = wait_for(lambda: told(events, Beat, f"{tag}-ecg"), send)
    assert abs(beat.at_s - time.monotonic()) < 5.0


def test_raw_inlets_give_every_sample_once_with_the_senders_stamps():
    tag = uuid.uuid4().hex[:6]
    device = Device(f"{tag}-any", "Anything", 100.0, channels=2)
    raw = RawInlets(lambda s: tag in s.name)
    happened = []

    def step():
        device.send()
        happened.extend(raw.poll())

    def chunks():
        return [h for h in happened if isinstance(h, Chunk)]

    wait_for(lambda: sum(len(c.raw_stamps_s) for c in chunks()) > 150, step)
    values = np.concatenate([c.samples[:, 0] for c in chunks()])
    stamps = np.concatenate([c.raw_stamps_s for c in chunks()])
    np.testing.assert_array_equal(np.diff(values), 1.0)
    np.testing.assert_allclose(np.diff(stamps), 0.01, atol=0.011)
    (found,) = [h for h in happened if isinstance(h, Found)]
    assert found.source.labels == ("c0", "c1")
    assert "<info>" in found.source.xml
    assert all(abs(o.offset_s) < 0.01 for o in happened if isinstance(o, Offset))
    assert any(isinstance(h, Offset) for h in happened)
    del device.outlet
    wait_for(lambda: [h for h in happened if isinstance(h, Lost)], lambda: happened.extend(raw.poll()))
    device = Device(f"{tag}-any", "Anything", 100.0, channels=2)
    wait_for(lambda: [h for h in happened if isinstance(h, Recovered)], step)
    raw.close()


def test_raw_inlets_read_text_streams():
    tag = uuid.uuid4().hex[:6]
    outlet = lsl.Outlet(
        name=tag, kind="Markers", labels=["text"], rate_hz=0.0, source_id=tag, value_format="string"
    )
    raw = RawInlets(lambda s: s.name == tag)
    seen = []

    def step():
        seen.extend(h for h in raw.poll() if isinstance(h, Chunk))

    wait_for(outlet.has_readers, step)
    outlet.push_one(["stage: ARRIVE …"], 12.5)
    wait_for(lambda: seen, step)
    assert seen[0].samples[0, 0].decode() == "stage: ARRIVE …"
    assert seen[0].raw_stamps_s[0] == 12.5
    raw.close()


def test_a_replayed_recording_arrives_sample_by_sample():
    tag = uuid.uuid4().hex[:6]
    numbers = np.arange(500, dtype=np.float64)[:, None]
    stream = RecordedStream(
        name=tag,
        kind="ECG",
        rate_hz=250.0,
        labels=("II",),
        samples=numbers,
        stamps_s=7.0 + np.arange(500) / 250.0,
    )
    stop = threading.Event()
    raw = RawInlets(lambda s: s.name == tag)
    chunks = []
    player = threading.Thread(
        target=replay.publish,
        args=(Recording(name=tag, streams=(stream,)), stop),
        kwargs={"loop": True, "wait_for_reader": True},
    )
    player.start()
    try:
        wait_for(
            lambda: sum(len(c.raw_stamps_s) for c in chunks) > 600,
            lambda: chunks.extend(h for h in raw.poll() if isinstance(h, Chunk)),
        )
    finally:
        stop.set()
        player.join()
        raw.close()
    values = np.concatenate([c.samples[:, 0] for c in chunks])
    stamps = np.concatenate([c.raw_stamps_s for c in chunks])
    steps = np.diff(values)
    assert np.all((steps == 1.0) | (steps == -499.0))  # no sample lost; the loop begins again
    np.testing.assert_allclose(np.diff(stamps), 0.004, atol=1e-6)
    assert abs(stamps[-1] - time.monotonic()) < 5.0


def test_the_simulated_patient_is_read_against_its_truth_and_sees_the_room_come_and_go(watched):
    ingest, events, _tag = watched
    room = uuid.uuid4().hex[:6]
    ingest._kind_of = lambda s: s.kind if room in s.name else None
    truth = RawInlets(lambda s: s.kind == simulated_patient.TRUTH_KIND and room in s.name)
    stop = threading.Event()
    config = simulated_patient.SimulatedPatientConfig(seed=4, room=room)
    patient = threading.Thread(target=simulated_patient.publish, args=(config, stop))
    patient.start()
    rows = []

    def look():
        for h in truth.poll():
            if isinstance(h, Chunk):
                rows.extend(zip(h.raw_stamps_s.tolist(), h.samples[:, 0].tolist(), strict=True))

    def until_seen(outlet):
        def step():
            look()
            outlet.push(NEUTRAL, time.monotonic())

        wait_for(outlet._outlet.has_readers, step)

    try:
        until_seen(ControlsOutlet(room))  # and gone again
        wait_for(lambda: len([e for e in events if isinstance(e, Beat)]) >= 6, look)
        until_seen(ControlsOutlet(room))
    finally:
        stop.set()
        patient.join()
        truth.close()
    r_peaks = [at for at, mark in rows if mark == 1.0]
    beats = [e.at_s for e in events if isinstance(e, Beat)]
    compared = [b for b in beats if r_peaks[0] < b < r_peaks[-1]]
    assert len(compared) >= 4
    assert max(min(abs(b - t) for t in r_peaks) for b in compared) < 0.01


def test_controls_are_published_with_labels():
    room = uuid.uuid4().hex[:6]
    outlet = ControlsOutlet(room)
    raw = RawInlets(lambda s: s.kind == CONTROLS_KIND and s.source_id.endswith(room))
    seen = []

    def step():
        outlet.push(NEUTRAL, time.monotonic())
        seen.extend(raw.poll())

    chunk = wait_for(lambda: next((h for h in seen if isinstance(h, Chunk)), None), step)
    assert chunk.source.labels == numeric_fields()
    assert chunk.samples[0].tolist() == [getattr(NEUTRAL, name) for name in numeric_fields()]
    raw.close()


@pytest.mark.e2e
@pytest.mark.parametrize("how", ["Shutdown", "closed pipe"])
def test_a_device_process_publishes_until_its_parent_asks_or_is_gone(lsl_session, how):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    room = uuid.uuid4().hex[:6]
    config = simulated_patient.SimulatedPatientConfig(lsl_session=lsl_session, room=room)
    process = context.Process(target=simulated_patient.main, args=(theirs, config))
    process.start()
    theirs.close()
    raw = RawInlets(lambda s: room in s.name)
    kinds = set()

    def look():
        kinds.update(h.source.kind for h in raw.poll() if isinstance(h, Chunk))

    try:
        wait_for(lambda: kinds >= {"ECG", "Respiration", simulated_patient.TRUTH_KIND}, look)
        assert isinstance(ours.recv(), DeviceHeartbeat)
        if how == "Shutdown":
            ours.send(Shutdown())
        ours.close()
        process.join(PATIENCE_S)
        assert process.exitcode == 0
    finally:
        if process.is_alive():
            process.kill()
        raw.close()
