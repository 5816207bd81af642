"""A room's sound dose: told once at 80 %, once at 100 %, and from then on it is quieter."""

from __future__ import annotations

import pytest

from therapy.events import AlarmRaised, Event, SoundDoseReached
from vr_world.sound_dose import EASED_GAIN, SoundDose


def played(dose: SoundDose, hours: float, lufs: float) -> None:
    for second in range(round(hours * 3600)):
        dose.hear(lufs, float(second))


def test_it_warns_at_80_percent_and_eases_down_at_100() -> None:
    told: list[Event] = []
    dose = SoundDose(sensitive=False, full_scale_dba=105.0, on_event=told.append)
    dose.open(0.79)
    played(dose, 1.0, -25.0)
    assert [type(event) for event in told] == [SoundDoseReached, AlarmRaised]
    assert not dose.eased
    played(dose, 8.0, -25.0)
    limit, alarm = told[2:]
    assert isinstance(limit, SoundDoseReached)
    assert limit.eased
    assert limit.week_percent == pytest.approx(100.0, abs=0.1)
    assert isinstance(alarm, AlarmRaised)
    assert "eased down by 10 dB" in alarm.what
    assert dose.eased
    assert dose.state()["level_dba"] == pytest.approx(80.0)
    dose.open(0.0)
    assert not dose.eased


def test_sensitive_ears_have_less_than_a_third_of_it() -> None:
    adult, sensitive = (
        SoundDose(sensitive=which, full_scale_dba=105.0, on_event=lambda _event: None)
        for which in (False, True)
    )
    for dose in (adult, sensitive):
        dose.open(0.0)
        played(dose, 0.1, -25.0)
    assert sensitive.state()["session"] / adult.state()["session"] == pytest.approx(10.0**0.5)


def test_a_gap_between_heartbeats_is_not_heard() -> None:
    dose = SoundDose(sensitive=False, full_scale_dba=105.0, on_event=lambda _event: None)
    dose.open(0.0)
    dose.hear(-25.0, 0.0)
    dose.hear(-25.0, 10_000.0)
    assert dose.state()["session"] == pytest.approx(1.0 / (40 * 3600))


def test_eased_is_ten_decibels_down() -> None:
    assert pytest.approx(0.1) == (EASED_GAIN**2) ** 2, "the fade's gain is squared into an amplitude"


def test_a_room_that_is_started_again_counts_on() -> None:
    first = SoundDose(sensitive=False, full_scale_dba=105.0, on_event=lambda _event: None)
    first.open(0.3)
    played(first, 2.0, -25.0)
    again = SoundDose(sensitive=False, full_scale_dba=105.0, on_event=lambda _event: None)
    memory = first.memory()
    again.open(memory["before"], session=memory["session"])
    assert again.state()["session"] == first.state()["session"] > 0.0
    assert again.state()["week"] == pytest.approx(first.state()["week"])
