"""The session clock: seconds of CLOCK_MONOTONIC, which is `pylsl.local_clock()` in every process."""

from __future__ import annotations

import time

__all__ = ["session_now_s"]

session_now_s = time.monotonic
