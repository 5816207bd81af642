"""Numbers too small to be heard are zero while pyo works.

A filter or a reverb whose input has ended rings down into subnormal floats, on which a processor is slow by a
factor of up to a hundred; audio programs therefore have it flush them to zero. pyo does not, so we set the
two bits for it. They belong to a thread, and are set through the C library's floating-point environment
(`fegetenv`, `fesetenv`): the rest of Python keeps its arithmetic.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Callable
from typing import Any, Final

__all__ = ["flushed"]

#: Room for any C library's `fenv_t` (32 bytes on x86-64, 8 on 64-bit ARM).
_ENVIRONMENT_BYTES: Final = 64
#: Where `fenv_t` of glibc and musl has the control register, and its bits: flush-to-zero and
#: denormals-are-zero of MXCSR (Intel SDM 1, 10.2.3), FZ of FPCR (Arm ARM, C5.2).
_REGISTERS: Final = {"x86_64": (28, 0x8040), "aarch64": (0, 1 << 24)}


def flushed(work: Callable[[], Any]) -> Callable[[], None]:
    """Return `work` that runs with subnormal numbers flushed to zero; `work` itself where that is unknown.

    Made and called in the same thread.
    """
    where = _REGISTERS.get(platform.machine()) if platform.system() == "Linux" else None
    if where is None:
        return work
    library = ctypes.PyDLL(None)
    if not hasattr(library, "fesetenv"):
        return work
    get, put = library.fegetenv, library.fesetenv
    offset, bits = where
    flushing = ctypes.create_string_buffer(_ENVIRONMENT_BYTES)
    get(flushing)
    (word,) = struct.unpack_from("=I", flushing, offset)
    struct.pack_into("=I", flushing, offset, word | bits)
    before = ctypes.create_string_buffer(_ENVIRONMENT_BYTES)

    def flush() -> None:
        get(before)
        put(flushing)
        try:
            work()
        finally:
            put(before)

    return flush
