"""Stripes are found at any pitch and turn, and nothing else is taken for them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vr_world.rendering.errors import BadPicture
from vr_world.rendering.patterns import MOST_PAIRS, MOST_STRIPED, stripes

Bytes = npt.NDArray[np.uint8]
SIDE = 384
Y, X = np.mgrid[0:SIDE, 0:SIDE] / SIDE


def shown(light: npt.NDArray[np.float64]) -> Bytes:
    linear = np.clip(light, 0.0, 1.0)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.repeat(np.rint(255.0 * coded).astype(np.uint8)[..., None], 4, axis=-1)


def grating(
    pairs: float, degrees: float, swing: float = 0.3, *, mean: float = 0.4
) -> npt.NDArray[np.float64]:
    turn = np.radians(degrees)
    way = X * np.cos(turn) + Y * np.sin(turn)
    return np.asarray(mean + swing / 2.0 * np.sin(2.0 * np.pi * pairs * way))


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0])
@pytest.mark.parametrize("pairs", [7, 20, 150])
def test_a_grating_is_found_with_its_pitch(pairs: int, degrees: float) -> None:
    seen = stripes(shown(grating(pairs, degrees)))
    assert seen.harmful
    assert seen.share > 0.9
    assert seen.pairs == pytest.approx(pairs, rel=0.06)


@pytest.mark.parametrize(
    ("name", "light"),
    [
        ("five pairs and fewer are no pattern", grating(4, 0.0)),
        ("nor when they lie aslant", grating(4, 30.0)),
        ("hard edges have overtones", 0.4 + 0.2 * np.sign(np.sin(2.0 * np.pi * 2 * X))),
        ("a tenth of luminance is needed", grating(20, 0.0, 0.08)),
        ("bright stripes do not count", grating(20, 0.0, 0.12, mean=0.92)),
        ("a horizon", np.where(Y > 0.5, 0.1, 0.8)),
        ("a sky", Y),
        ("noise", np.random.default_rng(3).random((SIDE, SIDE))),
        ("a choppy sea", sum(grating(18 + 2 * k, 40.0 * k, 0.4) for k in range(4)) / 4.0),
    ],
)
def test_what_are_no_stripes_passes(name: str, light: npt.NDArray[np.float64]) -> None:
    assert not stripes(shown(light)).harmful, name


def test_stripes_in_more_than_a_tenth_are_too_many_and_below_it_may_be() -> None:
    def patch(side_share: float) -> Bytes:
        light = np.full((SIDE, SIDE), 0.4)
        edge = round(side_share * SIDE)
        light[:edge, :edge] = grating(40, 20.0)[:edge, :edge]
        return shown(light)

    below, above = stripes(patch(0.27)), stripes(patch(0.42))
    assert 0.0 < below.share <= MOST_STRIPED
    assert not below.harmful
    assert above.share > MOST_STRIPED
    assert above.pairs > MOST_PAIRS
    assert above.harmful


def test_a_picture_must_be_large_enough() -> None:
    with pytest.raises(BadPicture, match="96 pixels a side or more, got 64x48"):
        stripes(np.zeros((48, 64, 4), np.uint8))
