"""The one place that imports pyo: quietly, because it prints a notice about wxPython on stdout.

pyo's head-related transfer functions are 97,000 lines of constants that take half of its import time
(measured 0.27 of 0.51 s). We place sounds on the headset and never use them, and a room that lost its
audio process waits for this import, so an empty module stands in for them.
"""

from __future__ import annotations

import contextlib
import io
import sys
import types

sys.modules.setdefault("pyo.lib.hrtf", types.ModuleType("pyo.lib.hrtf"))
with contextlib.redirect_stdout(io.StringIO()):
    import pyo

__all__ = ["pyo"]
