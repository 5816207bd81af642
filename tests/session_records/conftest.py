from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from records_kit import Load


@pytest.fixture
def load(caplog: pytest.LogCaptureFixture) -> Load:
    """Load a file with pyxdf as a researcher would, by stream name; any complaint of pyxdf fails the test."""
    import pyxdf

    def loaded(path: Path, *, damaged: bool = False) -> dict[str, dict[str, Any]]:
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="pyxdf"):
            streams, header = pyxdf.load_xdf(str(path))
        assert header["info"]["version"] == ["1.0"]
        if not damaged:
            assert [record.getMessage() for record in caplog.records] == []
        names = [stream["info"]["name"][0] for stream in streams]
        assert len(set(names)) == len(names)
        return dict(zip(names, streams, strict=True))

    return loaded
