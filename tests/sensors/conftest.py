"""Signals that carry their truth, and the folder of real recordings that `STILLWATER_DATA` names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def recordings() -> Path:
    folder = os.environ.get("STILLWATER_DATA")
    if folder is None:
        pytest.skip(
            "STILLWATER_DATA is not set: the recordings it would name are not part of this repository"
        )
    return Path(folder) / "biosignals"


@pytest.fixture(scope="session")
def lsl_session() -> str:
    """Keep LSL in this process to itself, on loopback."""
    from sensors import lsl

    session = f"stillwater-tests-{os.getpid()}"
    lsl.configure(session)
    return session
