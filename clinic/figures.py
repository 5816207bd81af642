"""What sessions measured of each patient and later ones begin with: values at rest, resonance. Blocking."""

from __future__ import annotations

import math
import secrets
import statistics
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import select

from clinic.errors import BadRequest
from clinic.messages import Figure, FigureBody
from clinic.store import Store
from clinic.tables import PatientFigureRow

__all__ = ["KINDS", "RESONANCE", "PatientFigures"]

#: What is kept: name → (unit, lowest, highest). All but the resonance are medians of two minutes at rest.
KINDS: Final[Mapping[str, tuple[str, float, float]]] = {
    "heart_rate": ("bpm", 25.0, 220.0),
    "rmssd": ("ms", 0.5, 500.0),
    "breath_rate": ("1/min", 2.0, 60.0),
    "resonance": ("1/min", 4.0, 7.5),
}
RESONANCE: Final = "resonance"
#: A resting value is that of so many newest sessions; one odd day does not move their median far.
_SESSIONS: Final = 5
_SHOWN: Final = 200


class PatientFigures:
    """Figures by patient; `utc_s` is the wall clock, seconds since 1970."""

    def __init__(self, store: Store, *, utc_s: Callable[[], float]) -> None:
        self._store = store
        self._utc_s = utc_s

    def note(self, session_id: str, *, patient: str, kind: str, value: float, why: str = "") -> None:
        """Keep what `session_id` measured; a later call replaces it.

        Raises:
            BadRequest: an unknown kind, or a value out of its range.
        """
        _, low, high = KINDS.get(kind, ("", math.nan, math.nan))
        if kind not in KINDS:
            raise BadRequest(f"kind must be one of {', '.join(KINDS)}, got {kind[:40]!r}")
        if not low <= value <= high:
            raise BadRequest(f"{kind} must be in {low:g}…{high:g}, got {value!r}")
        with self._store.writing() as db:
            row = db.get(PatientFigureRow, (session_id, kind))
            if row is None:
                row = PatientFigureRow(session_id=session_id, kind=kind, patient=patient)
                db.add(row)
            row.at_utc_s, row.value, row.why = self._utc_s(), value, why

    def keep(self, body: FigureBody) -> Figure:
        """Keep a figure that a human brings (a resonance that was assessed) and return it as kept."""
        now, source = self._utc_s(), f"by-hand-{secrets.token_hex(6)}"
        self.note(source, patient=body.patient, kind=body.kind, value=body.value, why=body.why)
        return Figure(
            kind=body.kind,
            value=body.value,
            unit=KINDS[body.kind][0],
            at_utc_s=now,
            session_id=source,
            why=body.why,
        )

    def before(self, patient: str) -> dict[str, float]:
        """Return, by kind, what a session begins with: the newest resonance, medians of values at rest."""
        found: dict[str, list[float]] = {}
        for figure in self.of(patient):
            found.setdefault(figure.kind, []).append(figure.value)
        return {
            kind: values[0] if kind == RESONANCE else statistics.median(values[:_SESSIONS])
            for kind, values in found.items()
        }

    def of(self, patient: str) -> list[Figure]:
        """Return what is kept of `patient`, newest first."""
        rows = (
            select(PatientFigureRow)
            .where(PatientFigureRow.patient == patient)
            .order_by(PatientFigureRow.at_utc_s.desc(), PatientFigureRow.kind)
            .limit(_SHOWN)
        )
        with self._store.reading() as db:
            return [
                Figure(
                    kind=row.kind,
                    value=row.value,
                    unit=KINDS[row.kind][0],
                    at_utc_s=row.at_utc_s,
                    session_id=row.session_id,
                    why=row.why,
                )
                for row in db.scalars(rows)
            ]
