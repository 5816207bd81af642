"""The tests import the scripts as what they are: files beside one another, no package."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"


@pytest.fixture
def script() -> Iterator[Callable[[str], ModuleType]]:
    """Import a file of scripts/ by its name; forgotten afterwards, so that no test sees another's changes."""
    before = set(sys.modules)
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(SCRIPTS))
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None)
            if origin and Path(origin).parent == SCRIPTS:
                del sys.modules[name]
