"""What the guide may remember: nothing without consent, erasable, and every look is known."""

from __future__ import annotations

import pytest
from small_clinic import Clinic

from clinic.errors import BadRequest
from clinic.memory import LONGEST_NOTE, MOST_KEPT, GuideMemory

START = {"plan_id": "calm-sea", "patient": "0142", "screening": {"present": []}}


def memory(clinic: Clinic) -> GuideMemory:
    return GuideMemory(clinic.store, utc_s=clinic.clock)


async def test_it_is_off_until_the_patient_consents(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        shown = (await browser.post("/api/guide-memory/of", json={"patient": "0142"})).json()
        assert (shown["consent"], shown["notes"], shown["met_before"]) == (False, [], False)
        body = {"patient": "0142", "consent": False, "notes": ["prefers it darker"]}
        answer = await browser.post("/api/guide-memory", json=body)
        assert answer.status_code == 409
        assert "consent" in answer.json()["error"]
        assert memory(clinic).propose("0142", ["prefers it darker"]) == 0


async def test_notes_are_kept_changed_and_gone_with_the_consent(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        body = {"patient": " 0142 ", "consent": True, "notes": ["  prefers   it darker ", "likes quiet"]}
        kept = (await browser.post("/api/guide-memory", json=body)).json()
        assert kept["notes"] == ["prefers it darker", "likes quiet"]
        assert kept["consent_utc_s"] == clinic.clock()
        assert memory(clinic).for_guide("0142") == (("prefers it darker", "likes quiet"), False)
        gone = await browser.post("/api/guide-memory", json={"patient": "0142", "consent": False})
        assert (gone.json()["notes"], gone.json()["consent_utc_s"]) == ([], None)
        assert memory(clinic).for_guide("0142") == ((), False)


async def test_what_is_proposed_waits_for_the_therapist(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        await browser.post("/api/guide-memory", json={"patient": "0142", "consent": True, "notes": ["a"]})
        assert memory(clinic).propose("0142", ["a", "b", "c"]) == 2
        assert memory(clinic).propose("0142", ["b", "d", "e", "f", "g", "h"]) == 5
        shown = (await browser.post("/api/guide-memory/of", json={"patient": "0142"})).json()
        assert shown["notes"] == ["a"]
        assert shown["proposed"] == ["c", "d", "e", "f", "g", "h"]
        assert memory(clinic).for_guide("0142")[0] == ("a",)
        with pytest.raises(BadRequest, match="at most 6"):
            memory(clinic).propose("0142", [str(n) for n in range(7)])


async def test_erasing_forgets_everything_but_who_erased(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        await browser.post("/api/guide-memory", json={"patient": "0142", "consent": True, "notes": ["a"]})
        memory(clinic).met("0142")
        memory(clinic).met("0142")
        assert memory(clinic).for_guide("0142") == (("a",), True)
        assert memory(clinic).for_guide("other") == ((), False)
        erased = (await browser.post("/api/guide-memory/erase", json={"patient": "0142"})).json()
        assert (erased["notes"], erased["consent"], erased["met_before"]) == ([], False, False)
        did = [(access["actor"], access["what"]) for access in erased["accesses"]]
        assert did[0][1] == "erased"
        assert ("guide", "looked") in did
        assert not any(what == "a" for _, what in did)


async def test_a_session_starts_with_what_the_guide_may_know(clinic: Clinic) -> None:
    async with clinic.signed_in() as browser:
        body = {"patient": START["patient"], "consent": True, "notes": ["prefers it darker"]}
        await browser.post("/api/guide-memory", json=body)
        memory(clinic).met(START["patient"])
        assert (await browser.post("/api/rooms/1/session", json=START)).status_code == 200
        started = clinic.rooms.starts[-1]
        assert (started.remembered, started.met_before) == (("prefers it darker",), True)


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        (["x" * (LONGEST_NOTE + 1)], f"notes[0] must have 1…{LONGEST_NOTE} characters"),
        (["fine", "  "], "notes[1] must have"),
        ([str(n) for n in range(MOST_KEPT + 1)], f"notes must be at most {MOST_KEPT}"),
        (["same", "same"], "two are alike"),
    ],
)
async def test_what_cannot_be_a_note_is_refused_and_changes_nothing(
    clinic: Clinic, notes: list[str], told: str
) -> None:
    async with clinic.signed_in() as browser:
        answer = await browser.post(
            "/api/guide-memory", json={"patient": "0142", "consent": True, "notes": notes}
        )
        assert answer.status_code == 400
        assert told in answer.json()["error"]
        assert memory(clinic).for_guide("0142") == ((), False)


async def test_nobody_without_an_account_sees_it(clinic: Clinic) -> None:
    async with clinic.browser() as stranger:
        for path in ("/api/guide-memory/of", "/api/guide-memory/erase"):
            assert (await stranger.post(path, json={"patient": "0142"})).status_code == 401
