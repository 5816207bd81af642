"""The arithmetic of `stillwater bench mind_faults`, from made-up phases."""

import pytest

from benchmarks._kit import BenchmarkFailed
from benchmarks.mind_faults import Phase, figures


def test_each_phase_is_compared_with_the_one_in_which_the_model_answers() -> None:
    well = Phase(frames=20.0, gap_ms=80.0, late=0, blocks=1400, lost=0, answered_s=1.1)
    ill = Phase(frames=19.0, gap_ms=90.0, late=7, blocks=1400, lost=1, answered_s=1.9)
    named = {figure.name: figure for figure in figures({"answers": well, "stalled": ill})}
    assert named["stalled: pictures"].note.startswith("0.95 of")
    assert named["stalled: blocks of music late"].value == pytest.approx(0.5)
    assert named["stalled: first sound of an answer"].ratio == pytest.approx(0.95)


def test_a_patient_who_was_not_answered_is_a_failure() -> None:
    silent = Phase(frames=20.0, gap_ms=80.0, late=0, blocks=1400, lost=0, answered_s=None)
    with pytest.raises(BenchmarkFailed, match="answers"):
        figures({"answers": silent})
