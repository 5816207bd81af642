"""Streams of every kind at once, as `Inlets` would hand them over."""

import numpy as np
import pytest

from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.ingest import Ingest
from sensors.inlets import Chunk, Found
from sensors.lsl import Source
from therapy.events import Beat, Breath, StreamFound
from therapy.patient import NO_SIGNAL


def source(name, kind, rate_hz, labels):
    return Source(
        key=name,
        uid=name,
        name=name,
        kind=kind,
        source_id=name,
        host="here",
        channels=len(labels),
        rate_hz=rate_hz,
        value_format="float32",
        labels=labels,
    )


class Body:
    """Streams with samples made beforehand, fed second by second."""

    def __init__(self):
        self.events, self.streams = [], []
        self.ingest = Ingest(on_event=self.events.append)

    def add(self, name, kind, rate_hz, labels, samples, stamps_s):
        found = source(name, kind, rate_hz, labels)
        assert self.ingest._accept(found) == ""
        self.streams.append((found, samples.reshape(len(stamps_s), -1), stamps_s))
        self.ingest.feed([Found(source=found)], 0.0)

    def live(self, seconds):
        for now_s in np.arange(1.0, seconds + 1.0):
            chunks = []
            for found, samples, stamps in self.streams:
                part = (stamps >= now_s - 1.0) & (stamps < now_s)
                chunks.append(
                    Chunk(source=found, samples=samples[part], raw_stamps_s=stamps[part], offset_s=0.0)
                )
            self.ingest.feed(chunks, float(now_s))
        return self.ingest.state(float(seconds))


@pytest.fixture(scope="module")
def body():
    rng = np.random.default_rng(0)
    made = Body()
    patient = SimulatedPatient(PatientTraits(seed=4, breaths_per_min=7.0)).step(RoomView(), 90.0)
    made.add("strap", "ECG", 250.0, ("II",), patient.ecg, patient.ecg_s)
    made.add("belt", "Respiration", 50.0, ("chest",), patient.belt, patient.belt_s)
    stamps = np.arange(6480) / 72.0
    finger = sum(np.exp(-0.5 * ((stamps - t - 0.25) / 0.09) ** 2) for t in patient.beats_s)
    made.add("finger", "BVP", 72.0, ("ir",), finger + 0.01 * rng.standard_normal(6480), stamps)
    skin = 4.0 + 0.002 * rng.standard_normal(900)
    made.add("skin", "GSR", 10.0, ("EDA",), skin, np.arange(900) / 10.0)
    eeg = 10.0 * np.sin(2.0 * np.pi * 10.0 * np.arange(22500) / 250.0)[:, None] + rng.standard_normal(
        (22500, 3)
    )
    eeg[:, 2] = 1e6 * rng.standard_normal(22500)
    eeg[:, 1] *= 2.0
    made.add("cap", "EEG", 250.0, ("F3", "F4", "Right AUX"), eeg, np.arange(22500) / 250.0)
    pose = np.column_stack(
        (np.arange(6480), 0.01 * np.sin(stamps), np.full(6480, 1.2), 0.001 * rng.standard_normal(6480))
    )
    made.add("headset", "HeadPose", 0.0, ("seq", "x", "y", "z"), pose, stamps)
    made.state = made.live(90)
    return made


def test_every_kind_is_found_listed_and_read(body):
    rows = {row["name"]: row for row in body.ingest.streams(90.0)}
    assert set(rows) == {"strap", "belt", "finger", "skin", "cap", "headset"}
    assert all(row["steers"] and row["alive"] for row in rows.values())
    assert min(row["quality"] for row in rows.values()) > 0.5
    assert len([e for e in body.events if isinstance(e, StreamFound)]) == 6
    vitals = body.state.vitals
    assert vitals["pulse_rate"].value == pytest.approx(vitals["heart_rate"].value, abs=1.5)
    assert vitals["skin_conductance"].value == pytest.approx(4.0, abs=0.05)
    assert vitals["head_sway"].value == pytest.approx(7.0, abs=2.0)
    assert vitals["alpha_asymmetry"].value == pytest.approx(np.log(4.0), abs=0.2)
    assert vitals["rsa_amplitude"].value > 1.0


def test_every_value_has_a_quality_and_every_gap_a_reason(body):
    for name, reading in body.state.vitals.items():
        assert reading.vital == name
        assert (reading.value is None) == bool(reading.reason)
        assert (reading.quality > 0.0) == (reading.value is not None)


def test_pulses_are_no_beats_and_change_no_arousal(body):
    assert {e.stream for e in body.events if isinstance(e, Beat)} == {"strap"}
    assert {e.stream for e in body.events if isinstance(e, Breath)} == {"belt"}
    alone = Body()
    for found, samples, stamps in body.streams[:2]:
        alone.add(found.name, found.kind, found.rate_hz, found.labels, samples, stamps)
    assert alone.live(90).arousal == body.state.arousal


def test_without_a_belt_there_is_no_swing_with_the_breath():
    ingest = Ingest(on_event=lambda _: None)
    vitals = ingest.state(1.0).vitals
    assert {r.reason for r in vitals.values()} == {NO_SIGNAL}
    assert "rsa_amplitude" not in vitals


def test_streams_that_no_estimator_could_read_are_refused_with_a_reason():
    ingest = Ingest(on_event=lambda _: None)
    assert "100…20000 Hz" in ingest._accept(source("slow cap", "EEG", 50.0, ("Cz",)))
    assert "3 (position)" in ingest._accept(source("flat pose", "HeadPose", 72.0, ("x", "y")))
    assert "20…5000 Hz" in ingest._accept(source("finger", "PPG", 1.0, ("bpm",)))
    assert ingest._accept(source("thermometer", "Temperature", 1.0, ("t",))) is None
