"""The index of therapy sessions: what there was, where its folder is, how it ended. Blocking (disk)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from sqlalchemy import select, update

from clinic.errors import Refused
from clinic.messages import SessionInfo
from clinic.ports import SessionStart
from clinic.store import Store
from clinic.tables import SessionRow

__all__ = ["GOING_ON", "INTERRUPTED", "SessionIndex"]

GOING_ON: Final = "GOING_ON"
#: The outcome of a session whose server ended before it did.
INTERRUPTED: Final = "INTERRUPTED"


class SessionIndex:
    """Sessions by their ids. Call `interrupt_open` once when the server starts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def started(
        self, session_id: str, *, room: str, start: SessionStart, folder: Path, at_utc_s: float
    ) -> None:
        """Note that a session began.

        Raises:
            Refused: the id exists.
        """
        screening = {"present": start.screening.present, "override_reason": start.screening.override_reason}
        with self._store.writing() as db:
            if db.get(SessionRow, session_id) is not None:
                raise Refused(f"session {session_id!r} exists already")
            db.add(
                SessionRow(
                    session_id=session_id,
                    room=room,
                    patient=start.patient,
                    plan_id=start.plan_id,
                    folder=str(folder),
                    screening=json.dumps(screening, ensure_ascii=False),
                    started_utc_s=at_utc_s,
                    ended_utc_s=None,
                    outcome=GOING_ON,
                )
            )

    def ended(self, session_id: str, *, outcome: str, at_utc_s: float) -> None:
        """Note how a session ended (`ENDED`, `STOPPED`, …). A session that has ended stays as it was."""
        with self._store.writing() as db:
            db.execute(
                update(SessionRow)
                .where(SessionRow.session_id == session_id, SessionRow.ended_utc_s.is_(None))
                .values(ended_utc_s=at_utc_s, outcome=outcome)
            )

    def interrupt_open(self, *, at_utc_s: float) -> int:
        """Close what an earlier run of the server left open; return how many."""
        with self._store.writing() as db:
            left = db.scalars(select(SessionRow).where(SessionRow.ended_utc_s.is_(None))).all()
            for row in left:
                row.ended_utc_s, row.outcome = at_utc_s, INTERRUPTED
            return len(left)

    def recent(self, limit: int = 100) -> list[SessionInfo]:
        """Return up to `limit` sessions, newest first."""
        newest = select(SessionRow).order_by(SessionRow.started_utc_s.desc()).limit(limit)
        with self._store.reading() as db:
            return [
                SessionInfo(
                    session_id=row.session_id,
                    room=row.room,
                    patient=row.patient,
                    plan_id=row.plan_id,
                    folder=row.folder,
                    started_utc_s=row.started_utc_s,
                    ended_utc_s=row.ended_utc_s,
                    outcome=row.outcome,
                )
                for row in db.scalars(newest)
            ]
