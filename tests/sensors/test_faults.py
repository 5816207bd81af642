"""Each sensor broken in each way, the others well: nothing that is wrong steers, and nothing jumps."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Mapping
from typing import Final

import numpy as np
import pytest

from sensors.devices._patient import BELT_HZ, ECG_HZ, PatientTraits, RoomView, SimulatedPatient
from sensors.devices._population import Fault, FaultKind, spoilt
from sensors.estimators import by_stream_type
from sensors.fuse import Fusion, Sources, missing, steering_breath
from sensors.quality import Floats
from sensors.testing import brain, head, pulses, skin
from therapy.controls import START, TABLE, Controls
from therapy.patient import PatientState, Reading
from therapy.plan import PLANS
from therapy.safety import bound
from therapy.steer import LEAD_PER_MIN_PER_S, steer
from therapy.trust import NOTHING_KNOWN, steadied

STEP_S: Final = 0.5
LONG_S: Final = 100.0
BREAKS_S: Final = 45.0
#: A signal that died steers nothing after this (the issue's limit).
GONE_S: Final = 30.0
TRUSTED: Final = 0.3
LABELS: Final = ("F3", "F4", "Fz", "O1")
KINDS: Final = ("ECG", "PPG", "RESPIRATION", "EDA", "EEG", "HEADPOSE")
#: Told from one of the others as well, so that one broken sensor does not take it away.
SHARED: Final = ("heart_rate", "breath_rate", "breath_depth")


@functools.cache
def signal(kind: str) -> tuple[Floats, Floats, float, tuple[str, ...]]:
    """Return a signal (n, channels), its times (n,), its rate and its labels."""
    match kind:
        case "ECG" | "RESPIRATION":
            span = SimulatedPatient(PatientTraits(seed=3)).step(RoomView(), LONG_S)
            if kind == "ECG":
                return span.ecg[:, None], span.ecg_s, ECG_HZ, ("ECG",)
            return span.belt[:, None], span.belt_s, BELT_HZ, ("",)
        case "PPG":
            x, at_s, _ = pulses(LONG_S, 64.0, per_min=66.0)
            return x[:, None], at_s, 64.0, ("PPG",)
        case "EDA":
            x, at_s, _ = skin(LONG_S, 32.0)
            return x[:, None], at_s, 32.0, ("EDA",)
        case "EEG":
            x, at_s = brain(LONG_S, 250.0, alpha_uv=(8.0,) * len(LABELS))
            return x, at_s, 250.0, LABELS
    x, at_s = head(LONG_S, 72.0)
    return x, at_s, 0.0, ("X", "Y", "Z", "QX", "QY", "QZ", "QW")


@functools.cache
def told(kind: str, fault: FaultKind | None = None) -> tuple[tuple[Reading, ...], ...]:
    """Return what the estimator of `kind` says at each step."""
    x, at_s, rate_hz, labels = signal(kind)
    if fault is not None:
        broken = Fault(kind=fault, sensor=kind, from_s=BREAKS_S)
        columns = []
        for number, column in enumerate(x.T):
            scaled, sent_s = spoilt(column, at_s, broken, np.random.default_rng(number))
            burst = fault is FaultKind.MOTION and sent_s.size == column.size
            moved = column + (scaled - column) * float(np.std(column)) if burst else scaled
            columns.append(moved)
        x, at_s = np.column_stack(columns), sent_s
    spec = by_stream_type()[kind]
    chosen = list(spec.choose(labels))
    estimator = spec.build(rate_hz, tuple(labels[at] for at in chosen))
    said = []
    for step in range(round(LONG_S / STEP_S)):
        until_s = (step + 1) * STEP_S
        part = (at_s > until_s - STEP_S) & (at_s <= until_s)
        estimator.push(x[part][:, chosen], at_s[part])
        said.append(tuple(estimator.readings(until_s)))
    return tuple(said)


def lived(faults: Mapping[str, FaultKind]) -> list[tuple[PatientState, Controls]]:
    """Return state and controls at each step of a stage that calms, with these sensors broken."""
    stage = PLANS["sea-at-dusk"].stages[1]
    sources, fusion, known = Sources(), Fusion(), NOTHING_KNOWN
    controls, moments = START, []
    for step in range(round(LONG_S / STEP_S)):
        now_s = (step + 1) * STEP_S
        said = {kind: told(kind, faults.get(kind))[step] for kind in KINDS}
        vitals = {**missing(now_s), **sources.choose(said, now_s)}
        fusion.learn(vitals, now_s)
        arousal, confidence = fusion.arousal(vitals)
        state = PatientState(
            at_s=now_s,
            vitals=vitals,
            arousal=arousal,
            arousal_confidence=confidence,
            breath_rate_per_min=steering_breath(vitals),
        )
        known, seen = steadied(known, state, STEP_S)
        wanted = steer(seen, stage, controls, STEP_S)
        controls = bound(wanted.controls, controls, PLANS["sea-at-dusk"].limits, STEP_S).controls
        moments.append((seen, controls))
    return moments


@pytest.mark.parametrize("fault", list(FaultKind))
@pytest.mark.parametrize("kind", KINDS)
def test_no_broken_sensor_makes_a_control_jump(kind: str, fault: FaultKind) -> None:
    for (_, before), (_, after) in itertools.pairwise(lived({kind: fault})):
        for name, limit in TABLE.items():
            step = abs(limit.distance(getattr(before, name), getattr(after, name)))
            assert step <= limit.slope_per_s * STEP_S + 1e-9, name


@pytest.mark.parametrize("fault", [FaultKind.LEAD_OFF, FaultKind.BATTERY])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_dead_sensor_told_is_no_value_any_more_and_says_why(kind: str, fault: FaultKind) -> None:
    before = {reading.vital: reading for reading in told(kind)[-1]}
    assert any(reading.value is not None for reading in before.values())
    step = round((BREAKS_S + GONE_S) / STEP_S)
    for reading in told(kind, fault)[step]:
        assert reading.value is None or reading.quality < TRUSTED, reading
        assert reading.value is not None or reading.reason, reading


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_sensor_that_is_shaken_no_wrong_value_is_called_good(kind: str) -> None:
    true = [{reading.vital: reading.value for reading in step} for step in told(kind)]
    wrong = good = 0
    for step, readings in enumerate(told(kind, FaultKind.MOTION)):
        for reading in readings:
            due = true[step].get(reading.vital)
            if reading.value is None or reading.quality < 0.5 or due is None or step * STEP_S < BREAKS_S:
                continue
            if reading.vital in ("heart_rate", "pulse_rate", "breath_rate"):
                good += 1
                wrong += abs(reading.value - due) > max(0.1 * abs(due), 3.0)
    assert wrong <= 0.05 * max(good, 1)


def test_when_every_sensor_dies_all_controls_go_where_they_are_without_a_body() -> None:
    dead = lived(dict.fromkeys(KINDS, FaultKind.BATTERY))
    nobody = lived_without_a_body()
    moved = {
        name: abs(limit.distance(getattr(dead[round(BREAKS_S / STEP_S)][1], name), getattr(there, name)))
        for name, limit in TABLE.items()
        for there in [nobody[round(BREAKS_S / STEP_S)]]
    }
    assert max(moved.values()) > 0.0, "the body steered before"
    seen, controls = dead[round((BREAKS_S + GONE_S) / STEP_S)]
    assert seen.arousal_confidence == 0.0
    assert seen.breath_rate_per_min is None
    there = nobody[round((BREAKS_S + GONE_S) / STEP_S)]
    for name, limit in TABLE.items():
        if name not in ("pacer_phase", "breath_pace_per_min"):
            left = abs(limit.distance(getattr(controls, name), getattr(there, name)))
            assert left <= 0.05 * (limit.high - limit.low), name
    # The pacer runs by itself from the pace it had, and leads on blindly no faster than it led before.
    paces = [moment[1].breath_pace_per_min for moment in dead[round((BREAKS_S + 10.0) / STEP_S) :]]
    blind_s = STEP_S * (len(paces) - 1)
    assert paces[0] - paces[-1] == pytest.approx(LEAD_PER_MIN_PER_S * blind_s, rel=0.01)
    assert max(a - b for a, b in itertools.pairwise(paces)) <= LEAD_PER_MIN_PER_S * STEP_S + 1e-9
    assert paces[-1] > PLANS["sea-at-dusk"].stages[1].aim.breath_pace_per_min


def lived_without_a_body() -> list[Controls]:
    stage, plan = PLANS["sea-at-dusk"].stages[1], PLANS["sea-at-dusk"]
    controls, moments = START, []
    for step in range(round(LONG_S / STEP_S)):
        state = dataclasses.replace(PatientState(at_s=0.0), at_s=(step + 1) * STEP_S)
        controls = bound(
            steer(state, stage, controls, STEP_S).controls, controls, plan.limits, STEP_S
        ).controls
        moments.append(controls)
    return moments
