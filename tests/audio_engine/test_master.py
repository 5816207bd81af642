from __future__ import annotations

import numpy as np
import pytest
from scipy import signal
from sound_kit import high_peak_dbfs, integrated_lufs, true_peak_dbtp

from audio_engine.master import Master
from audio_engine.space import encode, to_stereo
from therapy.specs import Direction

#: What the parts say: wrong by up to 20 dB in some of these tests.
DECLARED = -25.0


def _run(master: Master, sound: np.ndarray, target_lufs: float) -> np.ndarray:
    return np.concatenate([master.process(b, target_lufs, DECLARED) for b in sound.reshape(-1, 480, 2)])


def _music(seconds: float, level: float) -> np.ndarray:
    rng = np.random.default_rng(2)
    sos = signal.butter(2, 3000, fs=48_000, output="sos")
    noise = signal.sosfilt(sos, rng.standard_normal((round(seconds * 48_000), 2)), axis=0)
    return (level * noise).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_no_burst_gets_over_minus_1_dbtp(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal((48_000 * 3, 2)).astype(np.float32)
    sound *= np.repeat(10.0 ** rng.uniform(-4, 2.5, 300), 480)[:, None].astype(np.float32)
    out = _run(Master(-20.0, DECLARED, gain=1.0), sound, -20.0)
    assert np.isfinite(out).all()
    assert true_peak_dbtp(out) <= -1.0


def test_a_single_full_scale_click_is_held_down_before_it_comes() -> None:
    sound = np.zeros((48_000, 2), np.float32)
    sound[24_000] = 900.0
    assert true_peak_dbtp(_run(Master(-20.0, DECLARED, gain=1.0), sound, -20.0)) <= -1.0


@pytest.mark.parametrize(("level", "target"), [(0.05, -38.0), (0.1, -27.0), (0.5, -27.0)])
def test_loudness_settles_on_the_target_whatever_comes_in(level: float, target: float) -> None:
    out = _run(Master(target, DECLARED, gain=1.0), _music(52.0, level), target)
    assert integrated_lufs(out[48_000 * 38 :]) == pytest.approx(target, abs=1.5)


def test_a_fade_out_of_a_quarter_second_ends_in_silence_without_a_click() -> None:
    master = Master(-25.0, DECLARED, gain=1.0)
    sos = signal.butter(8, 2000, fs=48_000, output="sos")
    sound = signal.sosfilt(sos, _music(4.0, 0.2), axis=0).astype(np.float32)
    before = _run(master, sound[:96_000], -25.0)
    master.fade(0.0, 0.25)
    after = _run(master, sound[96_000:], -25.0)
    # 0.25 s and the block that the limiter holds.
    assert np.abs(after[12_480 + 480 :]).max() == 0.0
    steady = high_peak_dbfs(before[4800:])
    assert high_peak_dbfs(np.concatenate([before[4800:], after])) <= steady + 1.0


def test_it_starts_silent_until_a_fade() -> None:
    out = _run(Master(-25.0, DECLARED), _music(1.0, 0.2), -25.0)
    assert np.abs(out).max() == 0.0


def test_a_louder_target_is_reached_at_six_decibels_a_second() -> None:
    master = Master(-40.0, DECLARED, gain=1.0)
    sound = _music(12.0, 0.1)
    quiet = _run(master, sound[: 48_000 * 4], -40.0)
    half_second = _run(master, sound[48_000 * 4 : 48_000 * 4 + 24_000], -20.0)
    rise = 20 * np.log10(half_second[-9600:].std() / quiet[-48_000:].std())
    assert 1.5 < rise < 4.0
    assert master.take_peak_dbtp() < -1.0


def _with_place(master: Master, bed: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Play a bed and a place (n, 4); return what goes to the two channels and what goes apart."""
    heads, fields = [], []
    for b, p in zip(bed.reshape(-1, 480, 2), place.reshape(-1, 480, 4), strict=True):
        heads.append(master.process(b + to_stereo(p), -25.0, DECLARED, p))
        fields.append(np.zeros((480, 4), np.float32) if master.place is None else master.place)
    return np.concatenate(heads), np.concatenate(fields)


def test_a_place_that_goes_apart_is_what_the_two_channels_lack() -> None:
    bed, sea = _music(3.0, 0.02), _music(3.0, 0.02)
    place = (sea @ encode(Direction(azimuth_deg=60.0, spread_deg=40.0))).astype(np.float32)
    folded, none = _with_place(Master(-25.0, DECLARED, gain=1.0), bed, place)
    assert not none.any()
    apart = Master(-25.0, DECLARED, gain=1.0)
    apart.set_apart(on=True)
    heads, fields = _with_place(apart, bed, place)
    np.testing.assert_allclose(heads + to_stereo(fields), folded, atol=2e-6)
    y, x = (fields[48_000:, 0] @ fields[48_000:, axis] for axis in (1, 3))
    assert np.degrees(np.arctan2(y, x)) == pytest.approx(60.0, abs=3.0)
    # the bed alone, once the place has left: the same gain as the whole mix had
    gain = (heads[96_480:] * bed[96_000:-480]).sum() / (bed[96_000:-480] ** 2).sum()
    np.testing.assert_allclose(heads[96_480:], gain * bed[96_000:-480], atol=0.02 * np.abs(heads).max())


def test_a_place_that_goes_apart_falls_silent_with_the_rest() -> None:
    sea = _music(3.0, 0.2)
    place = (sea @ encode(Direction(azimuth_deg=60.0, spread_deg=40.0))).astype(np.float32)
    master = Master(-25.0, DECLARED, gain=1.0)
    master.set_apart(on=True)
    _with_place(master, sea, place)
    master.fade(0.0, 0.5)
    heads, fields = _with_place(master, sea, place)
    assert np.abs(fields[:24_000]).max() > 1e-3
    assert not fields[-48_000:].any(), "a stop is silence all round"
    assert not heads[-48_000:].any()


def test_however_the_head_turns_a_loud_place_stays_under_the_ceiling() -> None:
    rng = np.random.default_rng(1)
    burst = (3.0 * rng.standard_normal((48_000, 2))).astype(np.float32)
    place = (burst @ encode(Direction(azimuth_deg=90.0, spread_deg=10.0))).astype(np.float32)
    master = Master(-20.0, DECLARED, gain=1.0)
    master.set_apart(on=True)
    heads, fields = _with_place(master, np.zeros((48_000, 2), np.float32), place)
    ear = np.abs(heads).max(axis=1) + 0.7 * (np.abs(fields[:, 0]) + np.linalg.norm(fields[:, 1:], axis=1))
    assert ear.max() <= 10.0 ** (-1.9 / 20.0)


def test_what_one_master_has_learnt_another_begins_with() -> None:
    first = Master(-25.0, DECLARED, gain=1.0)
    before = _run(first, _music(20.0, 0.4), -25.0)[-3 * 48_000 :]
    second = Master(-25.0, DECLARED, gain=1.0)
    second.remember(first.correction_db)
    out = _run(second, _music(3.0, 0.4), -25.0)
    assert integrated_lufs(out) == pytest.approx(integrated_lufs(before), abs=0.7)
    unknowing = _run(Master(-25.0, DECLARED, gain=1.0), _music(3.0, 0.4), -25.0)
    assert abs(integrated_lufs(unknowing) - integrated_lufs(before)) > 2.0
