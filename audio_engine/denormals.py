"""Numbers too small to matter, taken as zero: what a filter or a room leaves behind when it fades away.

A decaying filter's memory passes through the denormal numbers (below 1.2e-38) on its way to zero, and a
processor computes with them up to a hundred times slower than with others: silence would cost more than
sound. pyo leaves the processor's switch for this as it is; scsynth and other engines set it. `Flush` sets
it around a block and puts it back, so that nothing else in the process computes differently.

The switch is a part of the floating-point environment, which C's `fegetenv` and `fesetenv` read and write:
bits 15 and 6 of MXCSR on x86-64 (Intel SDM vol. 1, 10.2.3), bit 24 of FPCR on AArch64 (Arm ARM, C5.2.8).
glibc and musl lay both out alike. Elsewhere nothing is switched.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
from typing import Any, Final

__all__ = ["Flush"]

#: Machine → (bytes of the environment, offset of its control word, bits to set).
_LAYOUTS: Final = {
    "x86_64": (32, 28, 0x8040),
    "aarch64": (8, 0, 1 << 24),
}


class Flush:
    """Flushing for the thread that enters it: `with flush: …`.

    Attributes:
        works: whether this machine and its C library can be switched.
    """

    def __init__(self) -> None:
        layout = _LAYOUTS.get(platform.machine())
        name = ctypes.util.find_library("m")
        self.works = platform.system() == "Linux" and layout is not None and name is not None
        if not (self.works and layout and name):
            return
        size, offset, bits = layout
        library: Any = ctypes.CDLL(name)
        self._set = library.fesetenv
        self._usual = ctypes.create_string_buffer(size)
        library.fegetenv(self._usual)
        self._flushing = ctypes.create_string_buffer(self._usual.raw, size)
        word = ctypes.c_uint32.from_buffer(self._flushing, offset)
        word.value |= bits

    def __enter__(self) -> None:
        if self.works:
            self._set(self._flushing)

    def __exit__(self, *_: object) -> None:
        if self.works:
            self._set(self._usual)
