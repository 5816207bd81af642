from __future__ import annotations

from collections.abc import Iterator

import pytest

from vr_world.rendering.studio import Studio


@pytest.fixture(scope="session")
def studio() -> Iterator[Studio]:
    """One engine for all pictures: a process can hold no second one."""
    with Studio("ocean", seed=7) as studio:
        yield studio
