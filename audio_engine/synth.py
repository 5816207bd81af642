"""pyo without a sound card: one server, and its output buffer as an array that is never copied."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from audio_engine._pyo import pyo
from audio_engine.denormals import flushed
from audio_engine.desk import BUSSES
from audio_engine.messages import BLOCK_FRAMES, RATE_HZ

__all__ = ["Synth"]


class Synth:
    """One pyo server in manual mode; one at a time in a process.

    Args:
        seed: of pyo's random generator, 0 … 2³¹ − 1.

    Attributes:
        server: the pyo server.
        out: its output (480, BUSSES) after `process`.
    """

    def __init__(self, seed: int) -> None:
        self.server: Any = pyo.Server(
            sr=RATE_HZ, nchnls=BUSSES, buffersize=BLOCK_FRAMES, duplex=0, audio="manual"
        )
        self.server.setVerbosity(1)
        self.server.deactivateMidi()
        # pyo takes −1 as "random" and 0 as "unset".
        self.server.setGlobalSeed(seed + 1)
        self.server.boot()
        self.server.start()
        self.out = _view(self.server.getOutputAddr(), BUSSES)
        self._block = flushed(lambda: self.server.process())  # noqa: PLW0108  # whatever it is by then

    def process(self) -> npt.NDArray[np.float32]:
        """Make one block; return `out`."""
        self._block()
        return self.out

    def close(self) -> None:
        """Shut the server down, and let go of its memory. Whatever was built must be gone before."""
        self.out = np.zeros((BLOCK_FRAMES, BUSSES), np.float32)
        self.server.stop()
        self.server.shutdown()


def _view(address: str, channels: int) -> npt.NDArray[np.float32]:
    """Return the server's interleaved float buffer as an array (480, channels), shared, not copied."""
    size = BLOCK_FRAMES * channels
    buffer = (ctypes.c_float * size).from_address(int(address, 16))
    return np.ctypeslib.as_array(buffer).reshape(BLOCK_FRAMES, channels)
