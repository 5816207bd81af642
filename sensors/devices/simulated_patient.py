"""A simulated patient over real LSL: publishes ECG and belt, follows the room's controls.

Plausible, not physiologically validated.

A third stream, type `SimulatedTruth`, says what is true: event (0 sample, 1 R peak, 2 inhale starts),
breath_phase, breaths_per_min, heart_rate, stress. Tests measure latency and error against it.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final

import numpy as np

from sensors import lsl
from sensors.devices import _process
from sensors.devices._patient import (
    BELT_HZ,
    ECG_HZ,
    Body,
    PatientTraits,
    RoomView,
    SimulatedPatient,
    Span,
)
from sensors.inlets import Chunk, Inlets, Lost
from sensors.lsl import Outlet, Source, local_clock
from sensors.outlets import CONTROLS_KIND, controls_source_id
from therapy.controls import numeric_fields
from therapy.specs import DeviceSpec

__all__ = [
    "DEVICE",
    "TRUTH_KIND",
    "Body",
    "PatientTraits",
    "RoomView",
    "SimulatedPatient",
    "SimulatedPatientConfig",
    "Span",
    "main",
    "publish",
]

TRUTH_KIND: Final = "SimulatedTruth"
_TICK_S: Final = 0.01
_BEHIND_S: Final = 1.0
_FORGET_ROOM_S: Final = 3.0
_TRUTH_EVERY_S: Final = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPatientConfig:
    """How to start one.

    Attributes:
        seed: of all noise.
        lsl_session: LSL session id, as for `sensors.lsl.configure`.
        room: whose controls to follow.
        traits: who is simulated; `seed` replaces its seed.
    """

    seed: int = 1
    lsl_session: str = "default"
    room: str = "1"
    traits: PatientTraits = dataclasses.field(default_factory=PatientTraits)


class _Eyes:
    """What the patient sees of the room, from its controls stream; nothing when that is silent."""

    def __init__(self, room: str) -> None:
        self._source_id = controls_source_id(room)
        self._inlets = Inlets(self._accept, clock=local_clock)
        self._index = {name: i for i, name in enumerate(numeric_fields())}
        self._newest: list[float] | None = None
        self._newest_s = 0.0

    def _accept(self, source: Source) -> str | None:
        fits = source.kind == CONTROLS_KIND and source.source_id == self._source_id
        return "" if fits and source.channels == len(self._index) else None

    def look(self, now_s: float) -> RoomView:
        for happened in self._inlets.poll():
            if isinstance(happened, Chunk):
                row = happened.samples[-1]
                if np.all(np.isfinite(row)):
                    self._newest = [float(v) for v in row]
                    self._newest_s = float(happened.raw_stamps_s[-1]) + happened.offset_s
            elif isinstance(happened, Lost):
                self._newest = None
        if self._newest is None or not 0.0 <= now_s - self._newest_s + 1.0 < _FORGET_ROOM_S + 1.0:
            return RoomView()
        value = {name: self._newest[i] for name, i in self._index.items()}
        pace = value["breath_pace_per_min"]
        return RoomView(
            present=True,
            pacer_phase=(value["pacer_phase"] + pace / 60.0 * (now_s - self._newest_s)) % 1.0,
            breath_pace_per_min=pace,
            swell=value["swell"],
            weather=value["weather"],
            tempo_bpm=value["tempo_bpm"],
            light=value["light"],
        )

    def close(self) -> None:
        self._inlets.close()


class _Signals:
    """The three outlets."""

    def __init__(self, room: str) -> None:
        notes = "simulated; plausible, not physiologically validated"
        tag = f"simulated-patient-{room}"
        self._ecg = Outlet(
            name=f"{tag} ECG",
            kind="ECG",
            labels=("II",),
            rate_hz=ECG_HZ,
            source_id=f"{tag}-ecg",
            unit="mV",
            notes=notes,
        )
        self._belt = Outlet(
            name=f"{tag} belt",
            kind="Respiration",
            labels=("chest",),
            rate_hz=BELT_HZ,
            source_id=f"{tag}-belt",
            notes=notes,
        )
        self._truth = Outlet(
            name=f"{tag} truth",
            kind=TRUTH_KIND,
            labels=("event", "breath_phase", "breaths_per_min", "heart_rate", "stress"),
            rate_hz=0.0,
            source_id=f"{tag}-truth",
            value_format="double64",
            notes=notes,
        )
        self._told_s = 0.0

    def push(self, span: Span, began_s: float) -> None:
        self._ecg.push(span.ecg[:, None].astype(np.float32), span.ecg_s + began_s)
        self._belt.push(span.belt[:, None].astype(np.float32), span.belt_s + began_s)
        body = span.body
        now = (body.breath_phase, body.breaths_per_min, body.heart_rate, body.stress)
        marks = [(at_s, 1.0) for at_s in span.beats_s] + [(at_s, 2.0) for at_s in span.inhales_s]
        end_s = float(span.belt_s[-1]) if span.belt_s.size else self._told_s
        if end_s - self._told_s >= _TRUTH_EVERY_S:
            self._told_s = end_s
            marks.append((end_s, 0.0))
        for at_s, mark in sorted(marks):
            self._truth.push_one((mark, *now), at_s + began_s)


def publish(
    config: SimulatedPatientConfig, stop: threading.Event, clock: Callable[[], float] = local_clock
) -> None:
    """Live in real time until `stop`. Time in which the machine stood still is a gap in the signals."""
    patient = SimulatedPatient(dataclasses.replace(config.traits, seed=config.seed))
    eyes = _Eyes(config.room)
    signals = _Signals(config.room)
    began_s = clock()
    lived_s = 0.0
    try:
        while not stop.wait(_TICK_S):
            now_s = clock()
            if now_s - began_s - lived_s > _BEHIND_S:
                began_s = now_s - lived_s
            ticks = int((now_s - began_s - lived_s) * BELT_HZ)
            if ticks:
                start_s = began_s + lived_s
                signals.push(patient.step(eyes.look(start_s), ticks / BELT_HZ), began_s)
                lived_s += ticks / BELT_HZ
    finally:
        eyes.close()


def main(conn: Connection, config: SimulatedPatientConfig) -> None:
    """Run in a process of its own until the parent asks for the end, or is gone."""
    lsl.configure(config.lsl_session)
    _process.run(conn, "simulated-patient", lambda stop: publish(config, stop))


DEVICE: Final = DeviceSpec(
    name="simulated-patient",
    title="Simulated patient: ECG and belt that answer to the room",
    help="nothing; plausible, not physiologically validated",
    available=lambda: "",
)
