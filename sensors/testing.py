"""Signals that carry their truth, for tests and benchmarks of estimators. Made up: no patient's."""

from __future__ import annotations

import math

import numpy as np
from scipy import signal

from sensors.quality import Floats

__all__ = ["brain", "head", "pulses", "skin"]


def pulses(
    seconds: float, rate_hz: float, *, per_min: float = 66.0, noise: float = 0.01, seed: int = 0
) -> tuple[Floats, Floats, Floats]:
    """Return a finger's PPG (n,) of height 1, its times (n,) and the true times of its systolic peaks."""
    rng = np.random.default_rng(seed)
    stamps = np.arange(int(seconds * rate_hz)) / rate_hz
    peaks, at = [], 0.4
    while at < seconds:
        peaks.append(at)
        swing = 0.04 * math.sin(2.0 * math.pi * 0.1 * at) + 0.01 * float(rng.standard_normal())
        at += 60.0 / per_min * (1.0 + swing)
    x = 0.3 * np.sin(2.0 * np.pi * 0.2 * stamps) + noise * rng.standard_normal(stamps.size)
    for peak in peaks:  # upstroke, runoff and a dicrotic wave
        since = stamps - peak
        x += np.exp(-0.5 * (since / np.where(since < 0.0, 0.06, 0.12)) ** 2)
        x += 0.3 * np.exp(-0.5 * ((since - 0.32) / 0.07) ** 2)
    return x, stamps, np.array(peaks)


def _response(since: Floats) -> Floats:
    """Return a skin response of height 1: Bateman's shape, a rise of two seconds and a slower decay."""
    slow, quick = 4.0, 0.9
    top = slow * quick / (slow - quick) * math.log(slow / quick)
    late = np.maximum(since, 0.0)
    shape: Floats = np.exp(-late / slow) - np.exp(-late / quick)
    return shape / (math.exp(-top / slow) - math.exp(-top / quick))


def skin(
    seconds: float, rate_hz: float, *, seed: int = 0, noise: float = 0.002, every_s: float = 11.0
) -> tuple[Floats, Floats, list[tuple[float, float]]]:
    """Return skin conductance (n,) in µS, its times (n,), and (onset, amplitude) of its responses."""
    rng = np.random.default_rng(seed)
    stamps = np.arange(int(seconds * rate_hz)) / rate_hz
    x = 4.0 + 0.0005 * stamps + 0.05 * np.sin(2.0 * np.pi * stamps / 170.0)
    truth, at = [], 8.0
    while at < seconds - 5.0:
        height = float(rng.uniform(0.08, 0.6))
        x = x + height * _response(stamps - at)
        truth.append((at, height))
        at += every_s * float(rng.uniform(0.7, 1.5))
    return x + noise * rng.standard_normal(stamps.size), stamps, truth


def _rhythm(
    rng: np.random.Generator, count: int, band_hz: tuple[float, float], rms: float, rate_hz: float
) -> Floats:
    sos = signal.butter(4, band_hz, btype="bandpass", fs=rate_hz, output="sos")
    x: Floats = signal.sosfiltfilt(sos, rng.standard_normal(count + 1000))[500 : count + 500]
    return rms * x / float(np.std(x))


def brain(
    seconds: float,
    rate_hz: float,
    *,
    alpha_uv: tuple[float, ...],
    peak_hz: float = 10.3,
    theta_uv: float = 5.0,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """Return EEG (n, channels) in µV with a rhythm at `peak_hz` of RMS `alpha_uv` in each, and its times.

    Each channel has theta (5…6.5 Hz) of RMS `theta_uv`, a 1/f² background, and an electrode's offset.
    """
    rng = np.random.default_rng(seed)
    count = int(seconds * rate_hz)
    slow = signal.butter(1, 1.0, btype="highpass", fs=rate_hz, output="sos")
    channels = []
    for strength in alpha_uv:
        noise = signal.sosfilt(slow, np.cumsum(rng.standard_normal(count)))
        x = 3.0 * noise / float(np.std(noise)) + 0.5 * rng.standard_normal(count)
        x += _rhythm(rng, count, (5.0, 6.5), theta_uv, rate_hz)
        if strength:
            x += _rhythm(rng, count, (peak_hz - 0.6, peak_hz + 0.6), strength, rate_hz)
        channels.append(x + 15000.0)
    return np.column_stack(channels), np.arange(count) / rate_hz


def head(
    seconds: float,
    rate_hz: float,
    *,
    radius_m: float = 0.02,
    circles_hz: float = 0.5,
    turn_deg: float = 10.0,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """Return unevenly sampled poses (n, 7) of a head that circles and shakes slowly, and their times (n,)."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate_hz)
    stamps = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / rate_hz + 0.3
    circle = 2.0 * np.pi * circles_hz * stamps
    half = 0.5 * np.radians(turn_deg) * np.sin(2.0 * np.pi * 0.25 * stamps)
    zero = np.zeros(count)
    x, z = radius_m * np.cos(circle), radius_m * np.sin(circle)
    poses = np.column_stack((x, 1.2 + zero, z, zero, np.sin(half), zero, np.cos(half)))
    poses[:, :3] += 0.0002 * rng.standard_normal((count, 3))  # the tracker's trembling
    return poses, stamps
