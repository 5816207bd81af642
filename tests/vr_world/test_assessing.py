"""A resonance assessment in a session: a simulated patient is led, measured, and left alone at a word."""

import dataclasses

import pytest

from sensors.devices._patient import PatientTraits, RoomView, SimulatedPatient
from therapy.controls import TABLE
from therapy.events import AssessmentBegun, AssessmentEnded, AssessmentStep, Beat, Breath
from therapy.patient import PatientState, Reading
from therapy.plan import PLANS, Condition
from therapy.steer import Wishes
from vr_world.assessing import NotAssessable, view
from vr_world.loop import World

TICK_S = 0.2
PLAN = PLANS["breathing-pace"]


def reading(vital: str, value: float | None, quality: float = 0.9, reason: str = "") -> Reading:
    return Reading(
        vital=vital, value=value, unit="1", at_s=0.0, quality=quality, window_s=10.0, reason=reason
    )


class Calls:
    """Outputs that remember events, and what the patient got."""

    def __init__(self) -> None:
        self.events, self.traces = [], []

    def controls(self, controls, at_s) -> None:
        self.traces.append((at_s, controls))

    def event(self, event) -> None:
        self.events.append(event)

    def changed(self, changes) -> None: ...
    def picture(self, *, safe, fade_s) -> None: ...
    def sound(self, gain, fade_s) -> None: ...
    def scene(self, name) -> None: ...

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


class Lived:
    """A session with a simulated patient whose beats and breaths reach the world."""

    def __init__(self, plan=PLAN) -> None:
        self.calls = Calls()
        self.state_now = PatientState(
            at_s=0.0,
            vitals={"heart_rate": reading("heart_rate", 66.0), "breath_rate": reading("breath_rate", 12.0)},
            breath_rate_per_min=12.0,
        )
        self.world = World(self, self.calls)
        self.patient = SimulatedPatient(
            PatientTraits(seed=4, compliance=0.95, reach_per_min=99.0, resonance_per_min=5.4), waves=False
        )
        self.now_s = 10.0
        self.world.open("s1", plan, "0142", self.now_s)
        self.world.order("begin", self.now_s, by="test")

    def state(self, now_s: float) -> PatientState:
        return dataclasses.replace(self.state_now, at_s=now_s)

    def live(self, seconds: float) -> "Lived":
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            self.world.tick(self.now_s)
            now = self.world.controls
            room = RoomView(
                present=True,
                pacer_phase=now.pacer_phase,
                breath_pace_per_min=now.breath_pace_per_min,
                swell=now.swell,
                weather=now.weather,
            )
            span = self.patient.step(room, TICK_S)
            began_s = 10.0
            for at_s in span.beats_s:
                self.world.felt(
                    Beat(at_s=began_s + at_s, stream="ecg", interval_s=None, quality=0.9, artefact="")
                )
            for at_s in span.inhales_s:
                self.world.felt(Breath(at_s=began_s + at_s, stream="belt", period_s=None, quality=0.9))
        return self


def test_a_patient_is_led_through_all_paces_and_the_one_at_resonance_is_told_with_its_reasons() -> None:
    lived = Lived().live(200.0)
    lived.world.assess("stepped", 3, lived.now_s)
    assert lived.world.assessing
    begun = len(lived.calls.traces)
    while lived.world.assessing:
        lived.live(10.0)
    [ended] = lived.calls.of(AssessmentEnded)
    assert ended.per_min == pytest.approx(5.4, abs=0.5)
    assert "a minute" in ended.why
    assert [event.kind for event in lived.calls.of(AssessmentBegun)] == ["stepped"]
    steps = lived.calls.of(AssessmentStep)
    assert sorted(round(step.per_min * 2) / 2 for step in steps) == [4.5, 5.0, 5.5, 6.0, 6.5]
    assert all(step.rsa_bpm is not None for step in steps)
    slopes = [
        abs(b.breath_pace_per_min - a.breath_pace_per_min) / TICK_S
        for (_, a), (_, b) in zip(lived.calls.traces[begun:], lived.calls.traces[begun + 1 :], strict=False)
    ]
    assert max(slopes) <= TABLE["breath_pace_per_min"].slope_per_s * 1.001
    assert lived.calls.traces[-1][1].swell > 0.6, "a pacer that is followed is seen"
    shown = view(lived.world.assessment, lived.world.assessment_ended)
    assert shown is not None
    assert (shown["running"], shown["left_s"], len(shown["measured"])) == (False, 0.0, 5)
    assert shown["found"]["per_min"] == ended.per_min
    lived.live(60.0)
    assert lived.calls.traces[-1][1].breath_pace_per_min > 7.0, "the place goes with the patient's own again"


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (lambda world, now_s: world.wish(Wishes(breath_pace_per_min=7.0), now_s, "{}"), "therapist set the"),
        (lambda world, now_s: world.unwell(0.5, now_s, source="patient"), "unwell"),
        (lambda world, now_s: world.break_off(now_s, "the therapist ended it"), "therapist ended"),
        (lambda world, now_s: world.order("return", now_s, by="therapist"), "the way out began"),
        (lambda world, now_s: world.order("stop", now_s, by="patient"), "the session ended"),
    ],
)
def test_a_word_ends_it_and_nothing_is_found(what, why: str) -> None:
    lived = Lived().live(5.0)
    lived.world.assess("sliding", 3, lived.now_s)
    lived.live(60.0)
    what(lived.world, lived.now_s)
    lived.live(1.0)
    [ended] = lived.calls.of(AssessmentEnded)
    assert ended.per_min is None
    assert why in ended.why
    assert not lived.world.assessing
    shown = view(lived.world.assessment, lived.world.assessment_ended)
    assert shown is not None
    assert (shown["running"], shown["found"], why in shown["ended"]) == (False, None, True)


def test_a_pause_lets_the_step_begin_anew_and_another_room_says_that_it_was_lost() -> None:
    lived = Lived().live(5.0)
    lived.world.assess("stepped", 3, lived.now_s)
    lived.live(120.0)
    left_s = lived.world.assessment.left_s
    lived.world.order("pause", lived.now_s, by="therapist")
    lived.live(30.0)
    lived.world.order("resume", lived.now_s, by="therapist")
    assert lived.world.assessing
    assert lived.world.assessment.left_s > left_s
    other = World(lived, Calls())
    other.restore(lived.world.memory(), PLAN, lived.now_s)
    assert not other.assessing
    [told] = other._outputs.of(AssessmentEnded)
    assert "started again" in told.why


def test_it_does_not_begin_where_it_could_not_be_true() -> None:
    lived = Lived()

    def refused(match: str, kind: str = "stepped") -> None:
        with pytest.raises(NotAssessable, match=match):
            lived.world.assess(kind, 1, lived.now_s)

    lived.live(1.0)
    well = lived.state_now
    no_belt = {**well.vitals, "breath_rate": reading("breath_rate", None, 0.0, "lead off")}
    lived.state_now = dataclasses.replace(well, vitals=no_belt)
    lived.live(1.0)
    refused("a breath signal; now: lead off")
    noisy = {**well.vitals, "heart_rate": reading("heart_rate", 70.0, 0.2)}
    lived.state_now = dataclasses.replace(well, vitals=noisy)
    lived.live(1.0)
    refused("their quality is 0.2 of at least 0.5")
    lived.state_now = well
    lived.live(PLAN.stages[0].duration_s + 480.0)
    refused("minutes before the way out; 11 are left", "sliding")
    lived.world.order("pause", lived.now_s, by="therapist")
    refused("running; it is PAUSED")
    for plan in (
        dataclasses.replace(PLAN, condition=Condition.OFF),
        dataclasses.replace(PLAN, blind=True),
    ):
        lived = Lived(plan).live(1.0)
        refused("no study's control")
    lived = Lived().live(1.0)
    lived.world.assess("stepped", 1, lived.now_s)
    refused("no other is going on")
