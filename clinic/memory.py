"""What the guide may remember of a patient: off until they consent, short notes, erasable at any time.

After a session a short list of notes is proposed (`voice_guide.remember`: preferences in fixed words, never
what the patient said). A therapist keeps, edits or drops them with the patient; only kept notes reach the
guide. Each look and each change is noted with who and when. Blocking (disk).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from clinic.errors import BadRequest, Refused
from clinic.messages import GuideMemoryBody, GuideMemoryInfo, MemoryAccess
from clinic.store import Store
from clinic.tables import GuideMemoryAccessRow, GuideMemoryRow, GuideNoteRow

__all__ = ["LONGEST_NOTE", "MOST_KEPT", "MOST_PROPOSED", "GuideMemory"]

#: A note is a preference, not a story.
LONGEST_NOTE: Final = 120
MOST_KEPT: Final = 12
#: Of one session; older proposals give way.
MOST_PROPOSED: Final = 6
_SHOWN_ACCESSES: Final = 50
_GUIDE: Final = "guide"


class GuideMemory:
    """Memories by patient; `utc_s` is the wall clock, seconds since 1970."""

    def __init__(self, store: Store, *, utc_s: Callable[[], float]) -> None:
        self._store = store
        self._utc_s = utc_s

    def of(self, patient: str, *, actor: str) -> GuideMemoryInfo:
        """Return what is remembered of `patient`, and who looked; this look is noted."""
        with self._store.writing() as db:
            self._note(db, patient, actor, "looked")
            return self._info(db, patient)

    def keep(self, body: GuideMemoryBody, *, actor: str) -> GuideMemoryInfo:
        """Set consent and the notes that are kept; proposals have then been decided upon.

        Raises:
            Refused: notes without the patient's consent.
            BadRequest: too many, too long, or two alike.
        """
        notes = [" ".join(note.split()) for note in body.notes]
        _check(notes)
        if notes and not body.consent:
            raise Refused("notes need the patient's consent, and it is not given")
        now_utc_s = self._utc_s()
        with self._store.writing() as db:
            row = self._row(db, body.patient)
            if body.consent != row.consent:
                row.consent_utc_s = now_utc_s if body.consent else None
                self._note(db, body.patient, actor, "consent given" if body.consent else "consent taken back")
            row.consent = body.consent
            db.execute(delete(GuideNoteRow).where(GuideNoteRow.patient == body.patient))
            for text in notes:
                db.add(GuideNoteRow(patient=body.patient, text=text, kept=True, at_utc_s=now_utc_s))
            self._note(db, body.patient, actor, f"{len(notes)} notes kept")
            db.flush()
            return self._info(db, body.patient)

    def propose(self, patient: str, notes: Sequence[str]) -> int:
        """Put `notes` of a session before the therapist; return how many are new. None without consent.

        Raises:
            BadRequest: too many or too long.
        """
        wanted = [" ".join(note.split()) for note in notes]
        _check(wanted, most=MOST_PROPOSED)
        with self._store.writing() as db:
            if not self._row(db, patient).consent:
                return 0
            known = set(db.scalars(select(GuideNoteRow.text).where(GuideNoteRow.patient == patient)))
            new = [note for note in wanted if note not in known]
            older = select(GuideNoteRow).where(GuideNoteRow.patient == patient, GuideNoteRow.kept.is_(False))
            waiting = list(db.scalars(older.order_by(GuideNoteRow.note_id)))
            for row in waiting[: max(len(waiting) + len(new) - MOST_PROPOSED, 0)]:
                db.delete(row)
            now_utc_s = self._utc_s()
            db.add_all(
                GuideNoteRow(patient=patient, text=note, kept=False, at_utc_s=now_utc_s) for note in new
            )
            if new:
                self._note(db, patient, _GUIDE, f"{len(new)} notes proposed")
            return len(new)

    def erase(self, patient: str, *, actor: str) -> GuideMemoryInfo:
        """Forget `patient`: notes, consent, and that they met. Who erased stays known."""
        with self._store.writing() as db:
            db.execute(delete(GuideNoteRow).where(GuideNoteRow.patient == patient))
            db.execute(delete(GuideMemoryRow).where(GuideMemoryRow.patient == patient))
            self._note(db, patient, actor, "erased")
            db.flush()
            return self._info(db, patient)

    def met(self, patient: str) -> None:
        """Note that the guide has said to `patient` what it is; call it once that has been heard."""
        with self._store.writing() as db:
            row = self._row(db, patient)
            if row.met_utc_s is None:
                row.met_utc_s = self._utc_s()

    def for_guide(self, patient: str) -> tuple[tuple[str, ...], bool]:
        """Return the notes that the guide may know (none without consent), and whether the two have met."""
        with self._store.writing() as db:
            row = db.get(GuideMemoryRow, patient)
            if row is None:
                return (), False
            kept = select(GuideNoteRow.text).where(GuideNoteRow.patient == patient, GuideNoteRow.kept)
            notes = tuple(db.scalars(kept.order_by(GuideNoteRow.note_id))) if row.consent else ()
            if notes:
                self._note(db, patient, _GUIDE, "looked")
            return notes, row.met_utc_s is not None

    def _row(self, db: Session, patient: str) -> GuideMemoryRow:
        row = db.get(GuideMemoryRow, patient)
        if row is None:
            row = GuideMemoryRow(patient=patient, consent=False, consent_utc_s=None, met_utc_s=None)
            db.add(row)
        return row

    def _note(self, db: Session, patient: str, actor: str, what: str) -> None:
        db.add(GuideMemoryAccessRow(patient=patient, at_utc_s=self._utc_s(), actor=actor, what=what))

    def _info(self, db: Session, patient: str) -> GuideMemoryInfo:
        row = db.get(GuideMemoryRow, patient)
        notes = list(
            db.scalars(
                select(GuideNoteRow).where(GuideNoteRow.patient == patient).order_by(GuideNoteRow.note_id)
            )
        )
        accesses = db.scalars(
            select(GuideMemoryAccessRow)
            .where(GuideMemoryAccessRow.patient == patient)
            .order_by(GuideMemoryAccessRow.access_id.desc())
            .limit(_SHOWN_ACCESSES)
        )
        return GuideMemoryInfo(
            consent=row is not None and row.consent,
            consent_utc_s=row.consent_utc_s if row is not None else None,
            met_before=row is not None and row.met_utc_s is not None,
            notes=[note.text for note in notes if note.kept],
            proposed=[note.text for note in notes if not note.kept],
            accesses=[MemoryAccess(at_utc_s=a.at_utc_s, actor=a.actor, what=a.what) for a in accesses],
        )


def _check(notes: Sequence[str], *, most: int = MOST_KEPT) -> None:
    if len(notes) > most:
        raise BadRequest(f"notes must be at most {most}, got {len(notes)}")
    for index, note in enumerate(notes):
        if not 0 < len(note) <= LONGEST_NOTE:
            raise BadRequest(f"notes[{index}] must have 1…{LONGEST_NOTE} characters, has {len(note)}")
    if len(set(notes)) < len(notes):
        raise BadRequest("notes must differ, two are alike")
