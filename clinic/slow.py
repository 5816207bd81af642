"""The slow channel: what a wearable or a phone knows of the days before. Context, never part of the loop.

A phone delivers seconds to hours late, so nothing here steers anything: it is shown beside a session and
exported with it. Sending the same values again changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import select

from clinic.errors import BadRequest
from clinic.messages import ContextAdded, ContextBody, ContextValue
from clinic.store import Store
from clinic.tables import ContextRow

__all__ = ["KINDS", "SlowChannel"]

#: What may be sent: kind → (unit, lowest, highest). Names and units as HealthKit and Health Connect use them.
KINDS: Final[Mapping[str, tuple[str, float, float]]] = {
    "heart_rate": ("bpm", 20.0, 260.0),
    "resting_heart_rate": ("bpm", 20.0, 200.0),
    "hrv_sdnn": ("ms", 0.0, 500.0),
    "hrv_rmssd": ("ms", 0.0, 500.0),
    "respiratory_rate": ("1/min", 2.0, 80.0),
    "oxygen_saturation": ("1", 0.5, 1.0),
    "sleep": ("min", 0.0, 1440.0),
    "steps": ("1", 0.0, 200_000.0),
}
_LONGEST_S: Final = 48 * 3600.0
_SHOWN: Final = 500


class SlowChannel:
    """Values by patient; `utc_s` is the wall clock, seconds since 1970. Blocking (disk)."""

    def __init__(self, store: Store, *, utc_s: Callable[[], float]) -> None:
        self._store = store
        self._utc_s = utc_s

    def add(self, body: ContextBody) -> ContextAdded:
        """Keep the values of `body`; either all of them or, with an error, none.

        Raises:
            BadRequest: an unknown kind, a value out of range, a time that cannot be.
        """
        now_utc_s = self._utc_s()
        for index, value in enumerate(body.values):
            _check(index, value, now_utc_s)
        new = 0
        with self._store.writing() as db:
            for value in body.values:
                key = (body.patient, value.kind, value.start_utc_s, body.source)
                if db.get(ContextRow, key) is not None:
                    continue
                new += 1
                db.add(
                    ContextRow(
                        patient=body.patient,
                        kind=value.kind,
                        start_utc_s=value.start_utc_s,
                        source=body.source,
                        end_utc_s=value.end_utc_s,
                        value=value.value,
                    )
                )
                db.flush()
        return ContextAdded(added=new, known=len(body.values) - new)

    def newest(self, patient: str) -> Sequence[ContextValue]:
        """Return the newest values of `patient`, newest first."""
        with self._store.reading() as db:
            rows = db.scalars(
                select(ContextRow)
                .where(ContextRow.patient == patient)
                .order_by(ContextRow.start_utc_s.desc())
                .limit(_SHOWN)
            )
            return [
                ContextValue(
                    kind=row.kind,
                    start_utc_s=row.start_utc_s,
                    end_utc_s=row.end_utc_s,
                    value=row.value,
                    unit=KINDS[row.kind][0],
                    source=row.source,
                )
                for row in rows
            ]


def _check(index: int, value: ContextValue, now_utc_s: float) -> None:
    where = f"values[{index}]"
    if value.kind not in KINDS:
        raise BadRequest(f"{where}.kind must be one of {', '.join(KINDS)}, got {value.kind!r}")
    unit, low, high = KINDS[value.kind]
    if value.unit not in ("", unit):
        raise BadRequest(f"{where}.unit of {value.kind} must be {unit!r}, got {value.unit!r}")
    if not (math.isfinite(value.value) and low <= value.value <= high):
        raise BadRequest(
            f"{where}.value of {value.kind} must be {low:g}…{high:g} {unit}, got {value.value!r}"
        )
    length_s = value.end_utc_s - value.start_utc_s
    if not (
        0.0 <= length_s <= _LONGEST_S and value.start_utc_s > 0.0 and value.end_utc_s <= now_utc_s + 60.0
    ):
        raise BadRequest(
            f"{where} must begin before it ends, last at most {_LONGEST_S / 3600:g} h and lie in the past,"
            f" got {value.start_utc_s!r}…{value.end_utc_s!r}"
        )
