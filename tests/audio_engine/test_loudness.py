from __future__ import annotations

import numpy as np
import pytest
from scipy import signal
from sound_kit import decibels, integrated_lufs, true_peak_dbtp

from audio_engine.loudness import SILENT_DB, KWeighting, LoudnessMeter, PeakDetector, PeakMeter, lufs


def _blocks(sound: np.ndarray) -> list[np.ndarray]:
    return list(sound.reshape(-1, 480, 2))


def _noise(seconds: int, level: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (level * rng.standard_normal((seconds * 48_000, 2))).astype(np.float32)


def test_the_loudness_of_noise_agrees_with_ffmpeg() -> None:
    noise = _noise(5)
    weighting = KWeighting()
    mean = np.mean([weighting.energy(b) for b in _blocks(noise)])
    assert lufs(float(mean)) == pytest.approx(integrated_lufs(noise), abs=0.1)


def test_a_full_scale_kilohertz_on_one_side_is_minus_3_lufs() -> None:
    # BS.1770-5, annex 1: 0 dBFS at 997 Hz on one front channel reads −3.01 LKFS.
    t = np.arange(48_000) / 48_000
    tone = np.stack([np.sin(2 * np.pi * 997 * t), np.zeros_like(t)], axis=1).astype(np.float32)
    meter = LoudnessMeter()
    for block in _blocks(tone):
        meter.push(block)
    assert meter.lufs == pytest.approx(-3.01, abs=0.05)


def test_the_matrix_form_is_the_filter() -> None:
    sos = np.array(
        [
            [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
            [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
        ]
    )
    noise = _noise(1)
    weighting = KWeighting()
    ours = [weighting.energy(b) for b in _blocks(noise)]
    theirs = (
        (signal.sosfilt(sos, noise.astype(np.float64), axis=0) ** 2).sum(axis=1).reshape(-1, 480).mean(axis=1)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)  # samples are float32


def test_silence_reads_as_silence() -> None:
    meter = LoudnessMeter()
    assert meter.lufs == SILENT_DB
    meter.push(np.zeros((480, 2), np.float32))
    assert meter.lufs == SILENT_DB


def test_a_peak_between_samples_is_found() -> None:
    # A quarter of the sampling rate, 45° off: every sample at 0.707, the wave at 1.
    t = np.arange(4800)
    tone = np.repeat(np.sin(np.pi / 2 * t + np.pi / 4)[:, None], 2, axis=1).astype(np.float32)
    detector = PeakDetector()
    detector.push(tone[:480])  # the start from nothing overshoots by itself
    found = max(detector.push(b) for b in _blocks(tone)[1:])
    assert decibels(found) == pytest.approx(0.0, abs=0.1)


def test_true_peak_of_noise_agrees_with_eightfold_resampling() -> None:
    sos = signal.butter(6, 16_000, fs=48_000, output="sos")
    noise = signal.sosfilt(sos, _noise(1), axis=0).astype(np.float32)
    detector = PeakDetector()
    found = max(detector.push(b) for b in _blocks(noise))
    assert decibels(found) == pytest.approx(true_peak_dbtp(noise), abs=0.4)


def test_a_meter_reads_the_same_whenever_it_is_read() -> None:
    noise = _noise(1)
    often, seldom = LoudnessMeter(), LoudnessMeter()
    for k, block in enumerate(_blocks(noise)):
        seldom.push(block)
        often.push(block)
        if k % 3:
            assert often.lufs > SILENT_DB
    assert often.full
    assert often.lufs == pytest.approx(seldom.lufs, abs=1e-6)


def test_a_peak_meter_reads_the_highest_of_all_blocks_since_it_was_read() -> None:
    noise = _noise(1) * np.linspace(1.0, 0.2, 48_000, dtype=np.float32)[:, None]
    detector, meter = PeakDetector(), PeakMeter()
    each = []
    for k, block in enumerate(_blocks(noise)):
        each.append(detector.push(block))
        meter.push(block)
        if k % 17 == 16:
            assert meter.take() == pytest.approx(max(each), rel=1e-5)
            each.clear()
    assert meter.take() == pytest.approx(max(each), rel=1e-5)
    assert meter.take() == 0.0


@pytest.mark.parametrize("matters", [0.05, 0.2, 0.35, 0.5])
def test_a_peak_that_matters_is_never_left_out(matters: float) -> None:
    exact, quick = PeakDetector(), PeakDetector()
    for block in _blocks(_noise(1) * np.linspace(0.1, 1.5, 48_000, dtype=np.float32)[:, None]):
        true, found = exact.push(block), quick.push(block, matters)
        assert found == true or max(found, true) <= matters
