"""The sway of a headset's own poses: known when they flow, unknown when they stop."""

import math

import pytest

from vr_world.head_sway import HeadSway

UPRIGHT = (0.0, 0.0, 0.0, 1.0)


def swayed(sway: HeadSway, size_m: float, seconds: float, start_s: float = 50.0) -> float:
    at_s = start_s
    for index in range(round(seconds * 36)):
        at_s = start_s + index / 36
        # A tracker trembles by a tenth of a millimetre; a signal that repeats exactly is not a worn headset.
        trembling = 1e-4 * math.sin(37.0 * at_s)
        sway.take((size_m * math.sin(2.0 * math.pi * 0.5 * at_s), trembling, 0.0), UPRIGHT, at_s)
        sway.mm(at_s)
    return at_s


def test_a_heads_sway_is_measured_from_its_poses() -> None:
    sway = HeadSway()
    now_s = swayed(sway, 0.02, 14.0)
    assert sway.mm(now_s + 0.5) == pytest.approx(20.0 / math.sqrt(2.0), rel=0.1)


def test_without_poses_nothing_is_known() -> None:
    sway = HeadSway()
    assert sway.mm(10.0) is None
    now_s = swayed(sway, 0.02, 14.0)
    assert sway.mm(now_s + 20.0) is None
