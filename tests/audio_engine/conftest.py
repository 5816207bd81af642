"""A process for the sound, so that a crash of pyo fails one test and not all of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from sound_kit import Apart


@pytest.fixture(scope="package")
def apart() -> Iterator[Apart]:
    """Call a function of `sound_kit` in the sound process; return its result."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:

        def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            return pool.submit(function, *args, **kwargs).result(timeout=110)

        yield call
