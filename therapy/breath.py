"""The shape of a paced breath, shared by picture, sound and the simulated patient."""

from __future__ import annotations

import math

__all__ = ["breath_level"]


def breath_level(phase: float, inhale_fraction: float) -> float:
    """Return how full the breath is, 0 (empty, the inhale starts) … 1 (full).

    Two half cosines, continuous in value and slope: up over `inhale_fraction` of the breath, down over the
    rest. `phase` is in breaths; its fraction counts.
    """
    turn = phase % 1.0
    if turn < inhale_fraction:
        return 0.5 - 0.5 * math.cos(math.pi * turn / inhale_fraction)
    return 0.5 + 0.5 * math.cos(math.pi * (turn - inhale_fraction) / (1.0 - inhale_fraction))
