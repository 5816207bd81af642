"""How much sound each patient has had in the last seven days. Blocking (disk)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select

from clinic.store import Store
from clinic.tables import SoundDoseRow

__all__ = ["WEEK_S", "SoundDoses"]

WEEK_S: Final = 7 * 24 * 3600.0


class SoundDoses:
    """Sound doses by session, as shares of a week's allowance (`therapy.dose`)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, session_id: str, *, patient: str, share: float, at_utc_s: float) -> None:
        """Keep what a session has given so far; a later call replaces it, and never with less."""
        with self._store.writing() as db:
            row = db.get(SoundDoseRow, session_id)
            if row is None:
                row = SoundDoseRow(session_id=session_id, patient=patient, at_utc_s=at_utc_s, share=share)
                db.add(row)
            row.at_utc_s = at_utc_s
            row.share = max(row.share, share)

    def week(self, patient: str, *, now_utc_s: float) -> float:
        """Return the share of a week's allowance that `patient` has had in the seven days before."""
        total = select(func.sum(SoundDoseRow.share)).where(
            SoundDoseRow.patient == patient, SoundDoseRow.at_utc_s > now_utc_s - WEEK_S
        )
        with self._store.reading() as db:
            return float(db.scalar(total) or 0.0)
