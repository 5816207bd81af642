"""Several leads of one heart."""

import functools

import numpy as np
import pytest

from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.estimators._leads import BestLead, leads
from sensors.estimators.ecg import ESTIMATOR, EcgEstimator


@functools.cache
def heart():
    return SimulatedPatient(PatientTraits(seed=2)).step(RoomView(), 50.0)


def two_leads(spoilt, from_s):
    span = heart()
    rng = np.random.default_rng(1)
    x = np.column_stack([span.ecg, 0.6 * span.ecg + 0.01 * rng.standard_normal(span.ecg.size)])
    late = span.ecg_s >= from_s
    x[late, spoilt] = rng.standard_normal(int(late.sum())).cumsum() * 0.3
    return x, span.ecg_s


def run(x, t, size=25):
    estimator = ESTIMATOR.build(250.0, ("II", "V"))
    beats = []
    for at in range(0, len(x), size):
        beats += estimator.push(x[at : at + size], t[at : at + size])
    return estimator, beats


def test_another_lead_takes_over_and_no_beat_is_told_twice():
    x, t = two_leads(0, 20.0)
    estimator, beats = run(x, t)
    assert isinstance(estimator, BestLead)
    assert estimator.chosen == 1
    rate = estimator.readings(float(t[-1]))[0]
    alone = EcgEstimator(250.0)
    alone.push(x[:, 1], t)
    assert rate == alone.readings(float(t[-1]))[0]
    assert rate.quality > 0.8
    assert np.min(np.diff([b.at_s for b in beats])) > 0.25
    true = np.array([b for b in heart().beats_s if 3.0 < b < 19.0 or 30.0 < b < 49.0])
    mine = np.array([b.at_s for b in beats])
    assert all(np.min(np.abs(mine - b)) < 0.02 for b in true)


def test_a_lead_that_is_as_good_does_not_take_over():
    x, t = two_leads(1, 20.0)
    estimator, _ = run(x, t)
    assert estimator.chosen == 0
    assert estimator.next_beat_s(float(t[-1])) is not None
    assert len(estimator.intervals(float(t[-1]), 30.0)) > 20


def test_chunks_do_not_matter():
    x, t = two_leads(0, 8.0)
    x, t = x[:5000], t[:5000]
    told = [[(b.at_s, b.quality) for b in run(x, t, size)[1]] for size in (7, 125, 4096)]
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [
        (("",), (0,)),
        (("I", "II", "III", "AVR"), (1, 0, 2)),
        (("V5", "MLII"), (1, 0)),
        (("a", "b", "c", "d"), (0, 1, 2)),
    ],
)
def test_the_usual_leads_come_first(labels, chosen):
    assert leads(labels) == chosen
