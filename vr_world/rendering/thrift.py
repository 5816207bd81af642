"""Memory that a place leaves behind is given back: cached states, and what the C library keeps."""

from __future__ import annotations

import ctypes

from panda3d import core

__all__ = ["give_back"]


def give_back() -> None:
    """Forget cached render states and return free memory to the system; takes a millisecond or two.

    Panda3D keeps each composition of states that it has met, and with them textures and shaders of places
    that are long gone. `ShowBase` clears that away in a task of its own; who draws without it has to.
    """
    core.RenderState.clear_cache()
    core.RenderState.garbage_collect()
    core.TransformState.garbage_collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, others give back by themselves
    if trim is not None:
        trim(0)
