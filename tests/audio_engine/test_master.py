from __future__ import annotations

import numpy as np
import pytest
from scipy import signal
from sound_kit import high_peak_dbfs, integrated_lufs, true_peak_dbtp

from audio_engine.master import Master

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
