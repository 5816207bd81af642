"""The checker itself: it must find what hurts and let pass what does not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vr_world.rendering.comfort import (
    EXTENDED_S,
    MOST_FLASHES,
    FlashMeter,
    disparity,
    faults,
    relative_luminance,
    steepest_per_s,
)
from vr_world.rendering.errors import BadPicture

Bytes = npt.NDArray[np.uint8]
RATE_HZ = 30


def coded(luminance: float) -> int:
    linear = min(max(luminance, 0.0), 1.0)
    return round(255.0 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055))


def grey(luminance: float, size: int = 48) -> Bytes:
    return np.full((size, size, 4), coded(luminance), np.uint8)


def red(share: float, size: int = 48) -> Bytes:
    picture = np.zeros((size, size, 4), np.uint8)
    picture[..., 2] = coded(share)
    return picture


def met(picture_at: Callable[[float], Bytes], seconds: float = 3.0, cells: int = 12) -> FlashMeter:
    meter = FlashMeter(cells)
    for index in range(round(seconds * RATE_HZ)):
        meter.push(picture_at(index / RATE_HZ), index / RATE_HZ)
    return meter


def square(at_s: float, per_s: float, low: float, high: float) -> float:
    return high if math.fmod(at_s * per_s, 1.0) < 0.5 else low


@pytest.mark.parametrize("per_s", [5, 6, 10])
def test_flashes_are_found(per_s: int) -> None:
    general = met(lambda s: grey(square(s, per_s, 0.1, 0.4))).general
    assert general > MOST_FLASHES
    assert abs(general - per_s) <= 1


def test_one_flashing_cell_is_enough() -> None:
    def picture(at_s: float) -> Bytes:
        whole = grey(0.2)
        whole[4:8, 40:44] = coded(square(at_s, 6, 0.2, 0.5))
        return whole

    assert met(picture).general > MOST_FLASHES


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a tenth is needed", lambda s: square(s, 8, 0.30, 0.38)),
        ("bright states do not count", lambda s: square(s, 8, 0.83, 1.0)),
        ("three a second may be", lambda s: square(s, 2.9, 0.1, 0.5)),
        ("a breath", lambda s: 0.3 + 0.25 * math.sin(2 * math.pi * 0.25 * s)),
        ("a fade", lambda s: 0.1 + 0.2 * s),
        ("a stair goes one way", lambda s: 0.1 + 0.15 * math.floor(s * 2)),
    ],
)
def test_what_is_no_flash_passes(name: str, value: Callable[[float], float]) -> None:
    assert met(lambda s: grey(value(s))).general <= MOST_FLASHES, name


def test_a_swing_across_the_bright_limit_counts() -> None:
    assert met(lambda s: grey(square(s, 6, 0.75, 1.0))).general > MOST_FLASHES


def test_a_flash_may_take_several_pictures_to_rise() -> None:
    assert met(lambda s: grey(0.3 + 0.1 * math.sin(2 * math.pi * 5 * s))).general >= 4


def test_red_flashes_are_found_where_luminance_hardly_moves() -> None:
    meter = met(lambda s: red(square(s, 6, 0.10, 0.30)))
    assert meter.general == 0
    assert meter.red > MOST_FLASHES


def test_a_blue_flash_is_no_red_one() -> None:
    assert met(lambda s: red(square(s, 6, 0.10, 0.30))[..., [2, 1, 0, 3]]).red == 0


@given(st.floats(0.05, 0.9), st.floats(0.0, 0.4), st.floats(0.05, 0.5))
def test_nothing_as_slow_as_a_breath_is_ever_a_row_of_flashes(mean: float, size: float, per_s: float) -> None:
    def value(at_s: float) -> float:
        return mean + size * math.sin(2 * math.pi * per_s * at_s)

    assert met(lambda s: grey(value(s), 12), 4.0, cells=3).general <= 1


def test_pictures_must_come_in_order_and_hold_their_cells() -> None:
    meter = FlashMeter()
    meter.push(grey(0.2), 1.0)
    with pytest.raises(BadPicture, match=r"in order, after 1 s, got 1\.0"):
        meter.push(grey(0.2), 1.0)
    with pytest.raises(BadPicture, match="12 pixels a side or more, got 8x8"):
        FlashMeter().push(grey(0.2, 8), 0.0)


def test_luminance_is_wcags() -> None:
    white, pure_red = np.full((1, 1, 4), 255, np.uint8), red(1.0, 1)
    assert relative_luminance(white)[0, 0] == pytest.approx(1.0)
    assert relative_luminance(pure_red)[0, 0] == pytest.approx(0.2126)


def test_the_steepest_second_is_found() -> None:
    at_s = np.arange(0.0, 6.0, 0.1)
    light = np.where(at_s < 3.0, 0.02 * at_s, 0.06 + 0.08 * (at_s - 3.0))
    assert steepest_per_s(light, at_s) == pytest.approx(0.08, rel=0.02)
    assert steepest_per_s(np.where(at_s < 2.95, 0.1, 0.5), at_s) == pytest.approx(0.4)


def noise(seed: int = 1, size: int = 96) -> Bytes:
    rng = np.random.default_rng(seed)
    return np.repeat(rng.integers(40, 200, (size, size, 1), dtype=np.uint8), 4, axis=2)


def test_a_good_picture_has_no_faults() -> None:
    assert faults(noise()) == []


def test_each_fault_is_named() -> None:
    hole = noise()
    hole[30, 30] = 0
    bright = noise()
    bright[:20] = 255
    dark = noise() // 40
    assert [text.partition(":")[0] for text in faults(hole)] == ["holes"]
    assert [text.partition(":")[0] for text in faults(bright)] == ["blown out"]
    assert "too dark" in [text.partition(":")[0] for text in faults(dark)]
    assert "blank" in [text.partition(":")[0] for text in faults(grey(0.3))]


@pytest.mark.parametrize("shift", [-3, 0, 5])
def test_disparity_has_its_sign_and_size(shift: int) -> None:
    left = noise()
    seen = disparity(left, np.roll(left, -shift, axis=1), reach_px=8)
    assert seen.blocks > 10
    assert seen.least == seen.most == shift


def test_eyes_that_have_nothing_in_common_do_not_match() -> None:
    assert disparity(noise(1), noise(2), reach_px=8).blocks == 0


@pytest.mark.parametrize("colour", [grey, red])
def test_two_flashes_a_second_pass_and_four_do_not(colour: Callable[[float], Bytes]) -> None:
    def flashes(per_s: float) -> int:
        meter = met(lambda s: colour(square(s, per_s, 0.1, 0.5)))
        return max(meter.general, meter.red)

    assert flashes(2.0) == 2
    assert flashes(4.0) > MOST_FLASHES


def test_a_saturated_red_flash_is_red_and_a_grey_one_is_not() -> None:
    saturated = met(lambda s: red(square(s, 5, 0.0, 1.0)))
    assert saturated.red > MOST_FLASHES
    assert met(lambda s: grey(square(s, 5, 0.0, 1.0))).red == 0


def test_there_is_no_allowance_for_small_areas_and_the_area_is_told() -> None:
    """WCAG allows a quarter of ten degrees; here one cell of 144 is too much, and most of a cell counts."""

    def patched(side_px: int) -> FlashMeter:
        def picture(at_s: float) -> Bytes:
            whole = grey(0.2)
            whole[8 : 8 + side_px, 8 : 8 + side_px] = coded(square(at_s, 6, 0.2, 0.5))
            return whole

        return met(picture)

    assert patched(4).widest == pytest.approx(1 / 144)
    assert patched(12).widest == pytest.approx(9 / 144)
    assert patched(2).general == 0  # a quarter of a cell: its mean moves by less than a tenth
    assert patched(2).widest == 0.0


def test_two_flashes_a_second_that_go_on_for_long_are_extended() -> None:
    def kept_up(seconds: float) -> float:
        return met(lambda s: grey(square(s, 2.5, 0.1, 0.5) if s < seconds else 0.1), 8.0).extended_s

    assert kept_up(7.5) > EXTENDED_S
    assert kept_up(3.0) < EXTENDED_S
    assert met(lambda s: grey(square(s, 1.0, 0.1, 0.5)), 8.0).extended_s == 0.0
