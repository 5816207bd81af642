import numpy as np
import pytest

from sensors.coherence import coherence
from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.estimators.ecg import EcgEstimator


def live(traits, seconds, pace=None, **room):
    """Live in a room that paces at `pace` a minute; return estimator, last span, breaths a minute."""
    patient, estimator, inhales = SimulatedPatient(traits), EcgEstimator(250.0), []
    for k in range(int(seconds * 5)):
        now = k / 5
        view = RoomView()
        if pace is not None:
            view = RoomView(
                present=True, pacer_phase=now * pace / 60.0 % 1.0, breath_pace_per_min=pace, **room
            )
        span = patient.step(view, 0.2)
        estimator.push(span.ecg, span.ecg_s)
        inhales += span.inhales_s
    return estimator, span, 60.0 / np.mean(np.diff(inhales[-10:]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pacing_at_six_raises_coherence_and_calms(seed):
    free, free_span, free_rate = live(PatientTraits(seed=seed), 180.0)
    paced, paced_span, paced_rate = live(PatientTraits(seed=seed), 180.0, pace=6.0)
    assert 10.0 < free_rate < 18.0
    assert paced_rate == pytest.approx(6.0, abs=0.05)
    before = coherence(free.intervals(180.0, 60.0), 180.0, 6.0)
    after = coherence(paced.intervals(180.0, 60.0), 180.0, 6.0)
    assert after > before + 0.3
    assert after > 0.6
    assert paced_span.body.stress < free_span.body.stress - 0.2


def test_who_does_not_comply_or_cannot_see_the_pacer_does_not_follow():
    assert live(PatientTraits(compliance=0.2), 120.0, pace=6.0)[2] > 9.0
    assert live(PatientTraits(), 120.0, pace=6.0, swell=0.0)[2] > 10.0


def test_a_stirred_room_stresses():
    calm = live(PatientTraits(compliance=0.0), 120.0, pace=15.0, weather=0.0)[1].body
    stirred = live(PatientTraits(compliance=0.0), 120.0, pace=15.0, weather=1.0)[1].body
    assert stirred.stress > calm.stress + 0.2
    assert stirred.heart_rate > calm.heart_rate + 3.0


def test_the_same_seed_lives_the_same_life_and_another_does_not():
    spans = [SimulatedPatient(PatientTraits(seed=s)).step(RoomView(), 10.0) for s in (7, 7, 8)]
    np.testing.assert_array_equal(spans[0].ecg, spans[1].ecg)
    np.testing.assert_array_equal(spans[0].belt, spans[1].belt)
    assert not np.array_equal(spans[0].ecg, spans[2].ecg)


def test_no_time_is_lost_between_odd_steps():
    patient = SimulatedPatient()
    ends = [patient.step(RoomView(), 0.013) for _ in range(1000)]
    stamps = np.concatenate([s.ecg_s for s in ends])
    assert stamps[-1] == pytest.approx(13.0, abs=0.021)
    np.testing.assert_allclose(np.diff(stamps), 1.0 / 250.0)
