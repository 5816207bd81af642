from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:  # test folders are not packages; the small clinic is this folder's own module
    sys.path.insert(0, str(HERE))

from small_clinic import PASSWORD, Clinic, make_clinic  # noqa: E402 - needs the path above


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Clinic]:
    """A clinic at its first start: no account yet."""
    made = make_clinic(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def clinic(fresh: Clinic) -> Clinic:
    """A clinic whose therapist has a password."""
    fresh.accounts.set_up(fresh.accounts.setup_code or "", PASSWORD, "console")
    return fresh
