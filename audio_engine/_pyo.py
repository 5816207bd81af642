"""The one place that imports pyo: quietly, because it prints a notice about wxPython on stdout."""

from __future__ import annotations

import contextlib
import io

with contextlib.redirect_stdout(io.StringIO()):
    import pyo

__all__ = ["pyo"]
