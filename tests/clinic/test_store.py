from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import alembic.autogenerate
import alembic.runtime.migration
import pytest
from small_clinic import Clinic
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from clinic.doses import SoundDoses
from clinic.errors import Refused, StoreError
from clinic.ports import SessionStart
from clinic.screening import Screening
from clinic.sessions import GOING_ON, INTERRUPTED, SessionIndex
from clinic.store import open_store
from clinic.tables import Base, SignInSession

START = SessionStart(
    plan_id="calm-sea",
    patient="0142",
    screening=Screening(present=("seizures",), override_reason="neurologist agreed in writing"),
    actor="therapist",
)


def test_the_migrations_make_exactly_the_tables_that_the_code_declares(tmp_path: Path) -> None:
    store = open_store(tmp_path / "db.sqlite")
    with store.reading() as db:
        context = alembic.runtime.migration.MigrationContext.configure(
            db.connection(), opts={"compare_type": True, "compare_server_default": True}
        )
        differences = alembic.autogenerate.compare_metadata(context, Base.metadata)
    store.close()
    assert differences == []


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "db.sqlite"
    first = open_store(path)
    SessionIndex(first).started("s1", room="1", start=START, folder=tmp_path, at_utc_s=1.0)
    first.close()
    second = open_store(path)
    assert [s.session_id for s in SessionIndex(second).recent()] == ["s1"]
    second.close()


def test_what_is_saved_is_on_the_disk_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    store = open_store(path)
    with store.reading() as db:
        pragmas = {
            name: db.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    store.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    open_store(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StoreError, match=r"'9999'.*newer"):
        open_store(path)


def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    path.write_bytes(b"these are not the bytes of a database, and there are enough of them" * 40)
    with pytest.raises(StoreError, match=r"db\.sqlite") as refused:
        open_store(path)
    assert "\n" not in str(refused.value)
    assert path.read_bytes().startswith(b"these are not")


def test_a_folder_in_its_place_is_said_too(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        open_store(tmp_path)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "db.sqlite")

    def add_orphan() -> None:
        with store.writing() as db:
            db.add(
                SignInSession(
                    token_hash="t", account_id=77, created_utc_s=0.0, last_seen_utc_s=0.0, expires_utc_s=9.0
                )
            )

    with pytest.raises(IntegrityError):
        add_orphan()
    with store.reading() as db:
        assert db.get(SignInSession, "t") is None
    store.close()


def test_sessions_are_listed_newest_first_with_how_they_ended(clinic: Clinic) -> None:
    index = clinic.sessions
    for number in range(3):
        index.started(f"s{number}", room="1", start=START, folder=Path("x"), at_utc_s=float(number))
    index.ended("s1", outcome="STOPPED", at_utc_s=50.0)
    index.ended("s1", outcome="ENDED", at_utc_s=60.0)
    listed = index.recent(2)
    assert [(s.session_id, s.outcome, s.ended_utc_s) for s in listed] == [
        ("s2", GOING_ON, None),
        ("s1", "STOPPED", 50.0),
    ]


def test_why_a_contraindication_was_overridden_is_kept(clinic: Clinic) -> None:
    clinic.sessions.started("s", room="1", start=START, folder=Path("x"), at_utc_s=0.0)
    with clinic.store.reading() as db:
        kept = db.execute(text("SELECT screening FROM session_index")).scalar_one()
    assert "seizures" in kept
    assert "neurologist agreed in writing" in kept


def test_a_week_of_sound_is_the_sum_of_its_sessions_and_no_more(clinic: Clinic) -> None:
    doses, day_s = SoundDoses(clinic.store), 86_400.0
    doses.note("old", patient="P1", share=0.5, at_utc_s=0.0)
    doses.note("a", patient="P1", share=0.1, at_utc_s=5 * day_s)
    doses.note("a", patient="P1", share=0.2, at_utc_s=5.01 * day_s)
    doses.note("a", patient="P1", share=0.05, at_utc_s=5.02 * day_s)  # a room that began to count anew
    doses.note("b", patient="P1", share=0.3, at_utc_s=6 * day_s)
    doses.note("c", patient="P2", share=0.7, at_utc_s=6 * day_s)
    assert doses.week("P1", now_utc_s=8 * day_s) == pytest.approx(0.5)
    assert doses.week("P1", now_utc_s=6.5 * day_s) == pytest.approx(1.0)
    assert doses.week("nobody", now_utc_s=8 * day_s) == 0.0


def test_a_session_is_begun_once(clinic: Clinic) -> None:
    clinic.sessions.started("s", room="1", start=START, folder=Path("x"), at_utc_s=0.0)
    with pytest.raises(Refused, match="'s' exists"):
        clinic.sessions.started("s", room="1", start=START, folder=Path("x"), at_utc_s=1.0)


def test_what_an_earlier_run_left_open_is_marked(clinic: Clinic) -> None:
    clinic.sessions.started("old", room="1", start=START, folder=Path("x"), at_utc_s=0.0)
    clinic.sessions.started("done", room="1", start=START, folder=Path("x"), at_utc_s=1.0)
    clinic.sessions.ended("done", outcome="ENDED", at_utc_s=2.0)
    assert clinic.sessions.interrupt_open(at_utc_s=9.0) == 1
    assert {s.session_id: s.outcome for s in clinic.sessions.recent()} == {
        "old": INTERRUPTED,
        "done": "ENDED",
    }
