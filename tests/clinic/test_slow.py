"""What wearables know: kept once, shown newest first, refused with the place of the fault."""

from __future__ import annotations

from typing import Any

import pytest
from small_clinic import Clinic

from clinic.slow import KINDS


def body(clinic: Clinic, *values: dict[str, Any], patient: str = "0142") -> dict[str, Any]:
    now = clinic.clock()
    filled = [{"start_utc_s": now - 600.0, "end_utc_s": now - 300.0, **value} for value in values]
    return {"patient": patient, "source": "watch", "values": filled}


async def test_values_are_kept_once_and_shown_newest_first(clinic: Clinic) -> None:
    async with clinic.signed_in() as signed_in:
        now = clinic.clock()
        sent = body(
            clinic,
            {"kind": "heart_rate", "value": 64.0, "unit": "bpm"},
            {"kind": "sleep", "value": 412.0, "start_utc_s": now - 40_000.0},
        )
        assert (await signed_in.post("/api/context", json=sent)).json() == {"added": 2, "known": 0}
        sent["values"].append({**sent["values"][0], "start_utc_s": now - 500.0})
        assert (await signed_in.post("/api/context", json=sent)).json() == {"added": 1, "known": 2}
        shown = (await signed_in.post("/api/context/newest", json={"patient": "0142"})).json()
        assert [value["start_utc_s"] for value in shown] == [now - 500.0, now - 600.0, now - 40_000.0]
        assert shown[-1] == {
            "kind": "sleep",
            "start_utc_s": now - 40_000.0,
            "end_utc_s": now - 300.0,
            "value": 412.0,
            "unit": "min",
            "source": "watch",
        }
        assert (await signed_in.post("/api/context/newest", json={"patient": "other"})).json() == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"kind": "mood", "value": 1.0}, "values[1].kind must be one of heart_rate"),
        ({"kind": "steps", "value": -1.0}, "values[1].value of steps must be 0…200000"),
        ({"kind": "steps", "value": 10.0, "unit": "km"}, "values[1].unit of steps must be '1'"),
        ({"kind": "steps", "value": 10.0, "end_utc_s": 9e12}, "lie in the past"),
        ({"kind": "steps", "value": 10.0, "start_utc_s": 9e12}, "begin before it ends"),
    ],
)
async def test_one_wrong_value_keeps_all_out_and_is_named(
    clinic: Clinic, wrong: dict[str, Any], told: str
) -> None:
    async with clinic.signed_in() as signed_in:
        answer = await signed_in.post(
            "/api/context", json=body(clinic, {"kind": "heart_rate", "value": 60.0}, wrong)
        )
        assert answer.status_code == 400
        assert told in answer.json()["error"]
        assert (await signed_in.post("/api/context/newest", json={"patient": "0142"})).json() == []


def test_every_kind_has_a_unit_and_a_range() -> None:
    assert all(unit and low < high for unit, low, high in KINDS.values())
