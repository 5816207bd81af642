"""What sessions measured of a patient, and what the next one begins with."""

from __future__ import annotations

import pytest
from small_clinic import Clinic

from clinic.errors import BadRequest
from clinic.figures import KINDS, PatientFigures


def test_the_next_session_begins_with_the_median_and_the_newest_resonance(clinic: Clinic) -> None:
    figures = PatientFigures(clinic.store, utc_s=clinic.clock)
    for day, rate in enumerate((90.0, 60.0, 62.0, 110.0, 61.0, 63.0)):
        clinic.clock.s += 86_400.0
        figures.note(f"s{day}", patient="P1", kind="heart_rate", value=rate)
    for at, pace in enumerate((6.0, 5.4)):
        clinic.clock.s += 60.0
        figures.note(f"r{at}", patient="P1", kind="resonance", value=pace, why="lag")
    figures.note("s5", patient="P1", kind="heart_rate", value=64.0)  # measured again: replaced
    assert figures.before("P1") == {"heart_rate": 62.0, "resonance": 5.4}
    assert figures.before("P2") == {}
    assert figures.of("P1")[0].session_id == "s5"


@pytest.mark.parametrize(("kind", "value"), [("mood", 3.0), ("resonance", 12.0), ("rmssd", float("nan"))])
def test_what_no_body_has_is_refused(clinic: Clinic, kind: str, value: float) -> None:
    figures = PatientFigures(clinic.store, utc_s=clinic.clock)
    with pytest.raises(BadRequest, match="must be"):
        figures.note("s", patient="P1", kind=kind, value=value)
    assert figures.of("P1") == []


async def test_a_resonance_is_kept_and_shown(clinic: Clinic) -> None:
    body = {"patient": "0142", "kind": "resonance", "value": 5.5, "why": "stepped, clear"}
    async with clinic.signed_in() as signed_in:
        kept = (await signed_in.post("/api/figures", json=body)).json()
        assert (await signed_in.post("/api/figures/of", json={"patient": "0142"})).json() == [kept]
        assert (kept["value"], kept["unit"], kept["why"]) == (5.5, KINDS["resonance"][0], "stepped, clear")
        wrong = await signed_in.post("/api/figures", json={**body, "value": 60.0})
        assert wrong.status_code == 400
        assert "resonance must be in 4…7.5" in wrong.text
    async with clinic.browser() as stranger:
        assert (await stranger.post("/api/figures/of", json={"patient": "0142"})).status_code == 401
