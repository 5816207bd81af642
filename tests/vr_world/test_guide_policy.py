"""No therapist's click makes the guide freer than the clinic allows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from clinic.errors import Refused
from clinic.ports import Command, GuideOrder, SessionStart
from clinic.screening import CONTRAINDICATIONS, Screening
from therapy.guide import GuideChoice
from therapy.talk import GuideMode
from voice_guide.skill import skills
from vr_world import rooms as module
from vr_world.link import Ask, pack, parse_ask
from vr_world.rooms import GUIDE_FLAGS, Rooms
from vr_world.settings import ServerSettings

POLICY = "at most 'approved' by this clinic's policy, 'free' was wanted"
#: The next thing after the policy that refuses: there is no room process behind these rooms.
NO_PROCESS = "is being started again"


class NothingKnown:
    """Figures of patients of whom nothing was measured."""

    def before(self, _patient: str) -> dict[str, float]:
        return {}


def rooms_with(**settings: Any) -> Rooms:
    nothing = cast("Any", None)
    return Rooms(
        ServerSettings(home=Path("nowhere"), **settings),
        nothing,
        nothing,
        nothing,
        nothing,
        cast("Any", NothingKnown()),
        nothing,
        address="",
        now_s=lambda: 0.0,
        utc_s=lambda: 0.0,
    )


def start(mode: GuideMode | None, plan_id: str = "sea-at-dusk") -> SessionStart:
    return SessionStart(
        plan_id=plan_id,
        patient="",
        screening=Screening(),
        actor="therapist",
        guide=None if mode is None else GuideChoice(mode=mode),
    )


@pytest.mark.parametrize(
    ("settings", "mode", "says"),
    [
        ({"guide": True}, GuideMode.FREE, POLICY),
        ({"guide": True}, GuideMode.APPROVED, NO_PROCESS),
        ({"guide": True, "guide_policy": GuideMode.FREE}, GuideMode.FREE, NO_PROCESS),
        ({"guide": True, "guide_policy": GuideMode.SCRIPTED}, None, NO_PROCESS),
    ],
)
def test_a_session_starts_only_within_the_policy(
    settings: dict[str, Any], mode: GuideMode | None, says: str
) -> None:
    rooms = rooms_with(**settings)
    with pytest.raises(Refused, match=says):
        asyncio.run(rooms.start_session("1", start(mode)))


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (GuideMode.FREE, "at most 'approved' in plan 'first-visit', 'free' was wanted"),
        (GuideMode.APPROVED, NO_PROCESS),
        (None, NO_PROCESS),
    ],
)
def test_a_plan_may_be_stricter_than_the_clinic(mode: GuideMode | None, says: str) -> None:
    rooms = rooms_with(guide=True, guide_policy=GuideMode.FREE)
    with pytest.raises(Refused, match=says):
        asyncio.run(rooms.start_session("1", start(mode, "first-visit")))


def test_during_a_session_its_plan_still_holds() -> None:
    command = Command(name="guide_mode", actor="therapist", guide=GuideOrder(mode=GuideMode.FREE))

    async def ask() -> None:
        rooms = rooms_with(guide=True, guide_policy=GuideMode.FREE)
        rooms.link_to("1").state = {"plan": {"plan_id": "first-visit"}, "phase": "RUNNING"}
        await rooms.command("1", command)

    with pytest.raises(Refused, match="in plan 'first-visit'"):
        asyncio.run(ask())


@pytest.mark.parametrize(("mode", "says"), [(GuideMode.FREE, POLICY), (GuideMode.OFF, NO_PROCESS)])
def test_the_mode_changes_only_within_the_policy(mode: GuideMode, says: str) -> None:
    command = Command(name="guide_mode", actor="therapist", guide=GuideOrder(mode=mode))
    with pytest.raises(Refused, match=says):
        asyncio.run(rooms_with(guide=True).command("1", command))


def test_the_panel_is_offered_what_the_policy_allows_and_free_is_never_usual() -> None:
    usual = asyncio.run(rooms_with(guide=True).guide())
    assert usual["modes"] == ["off", "scripted", "approved"]
    free = asyncio.run(rooms_with(guide=True, guide_policy=GuideMode.FREE).guide())
    assert free["modes"] == ["off", "scripted", "approved", "free"]
    assert free["usual"] == usual["usual"] == "approved"
    assert asyncio.run(rooms_with(guide=True, guide_policy=GuideMode.OFF).guide())["usual"] == "off"
    assert asyncio.run(rooms_with(guide=False).guide())["on"] is False


def test_what_the_gateway_asks_of_a_guide_crosses_the_link_as_it_is() -> None:
    ask = Ask(
        id=1, name="guide_mode", actor="therapist", mode=GuideMode.SCRIPTED, approval=True, text="Ruhig."
    )
    assert parse_ask(pack(ask)) == ask


def test_what_screening_found_keeps_exercises_away() -> None:
    found = SessionStart(
        plan_id="first-visit",
        patient="",
        screening=Screening(present=("acute_psychiatric",), override_reason="her doctor is in the room"),
        actor="therapist",
    )
    choice = rooms_with(guide=True)._guide_of(found)
    kept_away = {name for name, spec in skills().items() if not spec.fits(choice.flags)}
    assert {"safe_place", "thought_labelling"} <= kept_away
    assert all(set(flags) & spec_flags() for flags in GUIDE_FLAGS.values())
    assert set(GUIDE_FLAGS) <= set(CONTRAINDICATIONS)


def spec_flags() -> frozenset[str]:
    return frozenset().union(*(spec.not_for for spec in skills().values()))


async def test_a_rooms_link_that_fails_is_told_and_begins_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 0.0)
    begun = asyncio.Event()
    tries: list[int] = []

    async def run() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ZeroDivisionError
        begun.set()
        await asyncio.Event().wait()

    rooms = rooms_with()
    rooms._live("the link to room 1", run)
    async with asyncio.timeout(10.0):
        await begun.wait()
    assert [record.getMessage() for record in caplog.records] == [
        "the link to room 1 failed (ZeroDivisionError) and begins again"
    ]
    for task in tuple(rooms._tasks):
        task.cancel()
