"""What a session leaves is kept: once, in order, and later where the disk refuses now."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from clinic.doses import SoundDoses
from clinic.figures import PatientFigures
from clinic.memory import GuideMemory
from clinic.messages import GuideMemoryBody
from clinic.ports import SessionStart
from clinic.screening import Screening
from clinic.sessions import SessionIndex
from clinic.store import Store, open_store
from vr_world import keeping as module
from vr_world.keeping import Keeping

SESSION = "20261123T090000Z-room1-abcdef"
PATIENT = "P-7"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "clinic.sqlite")
    start = SessionStart(plan_id="first-visit", patient=PATIENT, screening=Screening(), actor="therapist")
    SessionIndex(store).started(SESSION, room="1", start=start, folder=tmp_path, at_utc_s=1.0)
    GuideMemory(store, utc_s=lambda: 1.0).keep(
        GuideMemoryBody(patient=PATIENT, consent=True), actor="therapist"
    )
    yield store
    store.close()


def keeping(store: Store) -> Keeping:
    figures, memory = PatientFigures(store, utc_s=lambda: 2.0), GuideMemory(store, utc_s=lambda: 2.0)
    kept = Keeping(SessionIndex(store), SoundDoses(store), figures, memory, utc_s=lambda: 2.0)
    kept.began("1", SESSION)
    return kept


def state(phase: str = "RUNNING", dose: float = 0.0, **fields: Any) -> dict[str, Any]:
    return {"phase": phase, "patient": PATIENT, "sound": {"session": dose}, "guide": None, **fields}


async def test_a_session_leaves_its_dose_rest_notes_and_end(store: Store) -> None:
    kept = keeping(store)
    guide = {"met": True, "notes": ["likes the lake"]}
    kept.take("1", state(dose=0.01, baseline={"heart_rate": 62.0}, guide=guide))
    kept.take("1", state("ENDED", dose=0.03, guide=guide))
    kept.take("1", state("RUNNING", dose=9.0))  # of no session that is known
    await kept.finish()
    assert SoundDoses(store).week(PATIENT, now_utc_s=3.0) == pytest.approx(0.03)
    assert PatientFigures(store, utc_s=lambda: 3.0).before(PATIENT)["heart_rate"] == 62.0
    memory = GuideMemory(store, utc_s=lambda: 3.0).of(PATIENT, actor="therapist")
    assert memory.proposed == ["likes the lake"]
    assert SessionIndex(store).recent()[0].outcome == "ENDED"


async def test_what_the_disk_refuses_waits_until_it_does_not(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    kept, doses = keeping(store), SoundDoses(store)
    full = [True, True]

    def note(*args: Any, **fields: Any) -> None:
        if full and full.pop():
            raise OperationalError("INSERT", {"patient": PATIENT}, Exception("disk is full"))
        doses.note(*args, **fields)

    monkeypatch.setattr(kept._doses, "note", note)
    kept.take("1", state("STOPPED", dose=0.02))
    running = asyncio.create_task(kept.run())
    async with asyncio.timeout(10.0):
        while doses.week(PATIENT, now_utc_s=3.0) == 0.0:
            await asyncio.sleep(0)
    running.cancel()
    assert SessionIndex(store).recent()[0].outcome == "STOPPED"  # one refusal holds nothing else up
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 2
    assert all("sound dose" in line and PATIENT not in line and "0.02" not in line for line in told)


async def test_the_dose_is_written_in_steps_and_not_with_every_state(store: Store) -> None:
    kept = keeping(store)
    written: list[float] = []
    kept._doses.note = lambda *_args, share, **_fields: written.append(share)  # type: ignore[method-assign]
    for tenth in range(30):
        kept.take("1", state(dose=0.0001 * tenth))
        await kept.finish()
    assert written == pytest.approx([0.001, 0.002])
