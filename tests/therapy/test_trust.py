import dataclasses
import itertools

import pytest

from therapy.controls import NEUTRAL
from therapy.errors import BadValue
from therapy.patient import PatientState
from therapy.steer import Wishes
from therapy.trust import FADE_S, HOLD_S, NOTHING_KNOWN, PLAY, TRUST_FROM, TRUST_UNTIL, steadied
from therapy.yoke import Trace, follow


def state(arousal=0.5, confidence=0.9, breath=12.0):
    return PatientState(
        at_s=0.0, arousal=arousal, arousal_confidence=confidence, breath_rate_per_min=breath, coherence=0.4
    )


def test_trust_comes_later_than_it_goes() -> None:
    between = 0.5 * (TRUST_FROM + TRUST_UNTIL)
    assert not steadied(NOTHING_KNOWN, state(confidence=between), 0.1)[0].trusted
    known, _ = steadied(NOTHING_KNOWN, state(confidence=TRUST_FROM), 0.1)
    known, seen = steadied(known, state(confidence=between), 0.1)
    assert known.trusted
    assert seen.arousal_confidence == between
    assert not steadied(known, state(confidence=TRUST_UNTIL - 0.01), 0.1)[0].trusted


def test_a_trembling_estimate_does_not_move_what_is_seen() -> None:
    known, _ = steadied(NOTHING_KNOWN, state(0.5), 0.1)
    for tremble in (0.5 + 0.9 * PLAY, 0.5 - 0.9 * PLAY):
        known, seen = steadied(known, state(tremble), 0.1)
        assert seen.arousal == 0.5
    assert steadied(known, state(0.8), 0.1)[1].arousal == pytest.approx(0.8 - PLAY)


def test_what_was_known_is_held_then_fades_and_is_forgotten() -> None:
    known, _ = steadied(NOTHING_KNOWN, state(), 0.1)
    dead = PatientState(at_s=0.0)
    told = []
    for _ in range(200):
        known, seen = steadied(known, dead, 0.1)
        told.append(seen)
    held = told[round(HOLD_S / 0.1) - 3]
    assert (held.arousal, held.arousal_confidence, held.breath_rate_per_min) == (0.5, 0.9, 12.0)
    confidences = [seen.arousal_confidence for seen in told]
    assert confidences == sorted(confidences, reverse=True)
    assert max(a - b for a, b in itertools.pairwise(confidences)) < 0.05
    late = told[round((HOLD_S + FADE_S) / 0.1) + 1]
    assert (late.arousal, late.arousal_confidence) == (0.0, 0.0)
    assert (late.breath_rate_per_min, late.coherence) == (None, None)
    assert [seen.breath_lost for seen in (held, late)] == [False, True]
    assert not steadied(known, state(), 0.1)[1].breath_lost


def test_a_breath_that_was_never_heard_is_not_lost() -> None:
    assert not steadied(NOTHING_KNOWN, PatientState(at_s=0.0), 60.0)[1].breath_lost


def test_a_yoked_world_does_what_the_trace_did_until_it_is_over() -> None:
    light = [dataclasses.replace(NEUTRAL, light=value) for value in (0.4, 0.6)]
    trace = Trace(times_s=(0.0, 10.0), controls=tuple(light))
    told = follow(trace, 5.0, NEUTRAL, 0.05)
    assert told is not None
    assert told.controls.light == 0.4
    assert follow(trace, 10.1, NEUTRAL, 0.05) is None


def test_the_therapist_outranks_the_trace() -> None:
    trace = Trace(times_s=(0.0, 10.0), controls=(NEUTRAL, NEUTRAL))
    told = follow(trace, 5.0, NEUTRAL, 0.05, Wishes(light=0.9, breath_pace_per_min=9.0))
    assert told is not None
    assert NEUTRAL.light < told.controls.light < 0.9
    assert told.controls.breath_pace_per_min > NEUTRAL.breath_pace_per_min
    assert "the therapist asked for it" in {reason.because for reason in told.why}


@pytest.mark.parametrize("times_s", [(), (0.0,), (1.0, 1.0)])
def test_a_trace_that_cannot_be_is_refused(times_s) -> None:
    with pytest.raises(BadValue):
        Trace(times_s=times_s, controls=(NEUTRAL, NEUTRAL))
