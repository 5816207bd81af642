"""What the sea and the sky are made of, without a picture."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import _land, _sea, _sky

HOURS = st.floats(0.0, 24.0, allow_nan=False)
INHALE = st.floats(0.3, 0.55)
PHASE = st.floats(0.0, 1.0)


@given(INHALE, PHASE, PHASE)
def test_the_swell_always_goes_on_and_meets_the_ends_of_the_breath(
    inhale: float, one: float, other: float
) -> None:
    early, late = sorted((one, other))
    assert _sea.swell_warp(late, inhale) >= _sea.swell_warp(early, inhale) - 1e-12
    assert _sea.swell_warp(0.0, inhale) == pytest.approx(0.0)
    assert _sea.swell_warp(1.0, inhale) == pytest.approx(1.0)
    assert _sea.breath(inhale, inhale) == pytest.approx(1.0)


@given(PHASE, st.floats(0.0, 1.0))
def test_the_swell_never_reaches_the_eye_and_fades_before_the_horizon(warp: float, swell: float) -> None:
    away = np.geomspace(0.01, 5000.0, 200, dtype=np.float32)
    height = _sea.swell_m(away, warp, swell)
    assert np.abs(height).max() <= 0.26
    assert np.abs(height[away > 1000.0]).max() < 0.01


def test_the_wind_waves_are_slopes_of_one_height_with_the_slope_they_promise() -> None:
    surface = _sea.Waves(3).surface(12.5)
    assert surface.shape == (3, 128, 128)
    assert math.sqrt(float((surface[0] ** 2 + surface[1] ** 2).mean())) == pytest.approx(1.0, rel=0.12)
    step = _sea.TILE_M / 128
    smooth = np.fft.fft2(surface[2])
    wave = 2.0 * np.pi * np.fft.fftfreq(128, step)
    slope_x = np.fft.ifft2(1j * wave[None, :] * smooth).real
    inner = np.abs(slope_x - surface[0]).mean()
    assert inner < 0.05


def test_waves_are_the_same_for_the_same_seed_and_move_without_jumps() -> None:
    one, same, other = _sea.Waves(3), _sea.Waves(3), _sea.Waves(4)
    assert np.array_equal(one.surface(5.0), same.surface(5.0))
    assert np.any(one.surface(5.0) != other.surface(5.0))
    assert np.abs(one.surface(5.0) - one.surface(5.0 + 1 / 72)).max() < 1.0


def test_encoding_keeps_slopes_to_a_step() -> None:
    surface = _sea.Waves(3).surface(1.0)
    coded = _sea.encoded(surface).astype(float)
    back = (coded[..., 2] / 255.0 - 0.50196) * 8.0315
    assert np.abs(back - np.clip(surface[0], -4, 4)).max() < 0.02


@given(HOURS)
def test_the_sky_is_finite_and_never_black_at_any_hour(hour: float) -> None:
    sky = _sky.radiance(_sky.env_directions(), _sky.heaven(hour))
    assert np.isfinite(sky).all()
    assert sky.min() > 0.005
    assert sky.max() < 6.0


def test_the_lights_go_round_without_a_jump_and_meet_at_midnight() -> None:
    hours = [*np.arange(0.0, 24.0, 0.05), 23.9999, 0.0]
    for one, other in itertools.pairwise(_sky.heaven(float(h)) for h in hours):
        assert math.dist(one.sun, other.sun) < 0.02
        assert math.dist(one.moon, other.moon) < 0.02
        assert abs(one.stars - other.stars) < 0.1
        assert max(abs(a - b) for a, b in zip(one.sun_colour, other.sun_colour, strict=True)) < 0.9


def test_the_moon_is_always_up_and_the_sun_rises_and_sets() -> None:
    assert _sky.heaven(13.0).sun_deg > 40.0
    assert _sky.heaven(1.0).sun_deg < -20.0
    assert all(_sky.heaven(h / 4).moon[2] > 0.1 for h in range(96))
    assert _sky.heaven(13.0).stars == 0.0
    assert _sky.heaven(23.0).stars == 1.0


@given(st.floats(2000.0, 9000.0))
def test_the_white_keeps_its_luminance(kelvin: float) -> None:
    red, green, blue = _sky.tint(kelvin)
    assert 0.2126 * red + 0.7152 * green + 0.0722 * blue == pytest.approx(1.0)
    assert min(red, green, blue) > 0.3


def test_the_sky_maps_places_are_where_the_shader_looks() -> None:
    ways = _sky.env_directions()
    assert np.linalg.norm(ways, axis=-1) == pytest.approx(1.0, abs=1e-5)
    flat = ways[..., :2] / np.abs(ways[..., :2]).sum(axis=-1, keepdims=True)
    turn = np.where(flat[..., 1] >= 0.0, 0.25 - 0.25 * flat[..., 0], 0.75 + 0.25 * flat[..., 0])
    rows, columns = _sky.ENV_SHAPE
    assert turn == pytest.approx(np.tile((np.arange(columns) + 0.5) / columns, (rows, 1)), abs=1e-5)
    assert np.sqrt(ways[..., 2]) == pytest.approx(
        np.tile(((np.arange(rows) + 0.5) / rows)[:, None], (1, columns)), abs=1e-4
    )


def test_land_lies_all_round_but_not_under_the_sun() -> None:
    layers = _land.ridges(7)
    assert [r.distance_m for r in layers] == sorted(r.distance_m for r in layers)
    open_sea = np.radians(np.linspace(-2.0, 18.0, 50)).astype(np.float32)
    assert _land.skyline(layers, open_sea).max() < 0.01
    left = np.radians(np.linspace(-60.0, -35.0, 50)).astype(np.float32)
    assert _land.skyline(layers, left).min() > 0.02
