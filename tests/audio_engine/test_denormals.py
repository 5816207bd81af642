"""Denormal numbers are zero inside, and only inside."""

import platform

import numpy as np
import pytest

from audio_engine.denormals import Flush

TINY = np.full(64, 1e-40, np.float32)  # denormal: the least normal one is 1.2e-38


def halved() -> float:
    return float((TINY * np.float32(0.5)).max())


@pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() not in ("x86_64", "aarch64"), reason="no known switch"
)
def test_denormals_are_zero_inside_and_as_they_were_outside_even_after_a_failure() -> None:
    flush = Flush()
    assert flush.works
    assert halved() > 0.0
    with flush:
        assert halved() == 0.0
        assert float(np.float32(1.5) + np.float32(2.25)) == 3.75
    assert halved() > 0.0
    with pytest.raises(ValueError, match="broken"), flush:
        raise ValueError("broken")
    assert halved() > 0.0


def test_an_unknown_machine_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "sparc64")
    flush = Flush()
    assert not flush.works
    with flush:
        assert halved() > 0.0
