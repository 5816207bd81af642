"""Noise that is read from loops: what it sounds like, and voices that cost nothing while they are silent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal
from sound_kit import Apart

from audio_engine.messages import RATE_HZ
from therapy.controls import Controls
from therapy.specs import Palette

COLOURS = ("brown", "pink", "white")


def drawn() -> dict[str, np.ndarray]:
    from audio_engine.noise import LENGTHS, loop, spectra

    made = zip(COLOURS, spectra(LENGTHS[0], COLOURS), strict=True)
    return {colour: loop(LENGTHS[0], spectrum) for colour, spectrum in made}


def read(seed: int) -> np.ndarray:
    """Return 6 s of pyo's own pink noise, then of three of our readers (frames, 4)."""
    from audio_engine._pyo import pyo
    from audio_engine.desk import Desk
    from audio_engine.synth import Synth

    synth = Synth(seed)
    desk = Desk(synth.server, seed)
    ours = desk.noise("pink", [1.0, 1.0])
    third = desk.noise("pink")
    parts = [pyo.PinkNoise().out(0), ours.out(1), third.out(3)]
    sound = np.concatenate([synth.process()[:, :4].copy() for _ in range(600)])[4800:]
    del parts, ours, third, desk
    synth.close()
    return sound


def active_streams(controls: Controls, seconds: float) -> tuple[int, int, int]:
    """Return how many streams there are, the most that worked at once, and how many work at the end."""
    from audio_engine.engine import Engine

    palette = Palette(instruments={"pad": "choir", "bell": "flute"})
    engine = Engine(seed=1, scene="x", controls=controls, palette=palette)
    engine.fade(1.0, 0.1)
    working = []
    for k in range(round(seconds * 100)):
        engine.block(k * 0.01)
        working.append(sum(stream.isPlaying() for stream in engine._desk.streams()))
    built = len(engine._desk.streams())
    engine.close()
    return built, max(working), working[-1]


def test_loops_have_their_colour_no_seam_and_no_offset(apart: Apart) -> None:
    slopes = {}
    for colour, samples in apart(drawn).items():
        hz, power = signal.welch(samples, RATE_HZ, nperseg=8192)
        at = [power[(hz > low) & (hz < 1.26 * low)].mean() for low in (200.0, 3200.0)]
        slopes[colour] = 10.0 * np.log10(at[1] / at[0]) / 4.0
        assert abs(samples.mean()) < 1e-4
        steps = np.abs(np.diff(samples))
        assert abs(samples[0] - samples[-1]) <= steps.max(), colour
    assert slopes["white"] == pytest.approx(0.0, abs=0.3)
    assert slopes["pink"] == pytest.approx(-3.0, abs=0.3), "dB an octave"
    assert slopes["brown"] == pytest.approx(-6.0, abs=0.3)


def test_a_band_is_what_pyos_filters_leave() -> None:
    from audio_engine.noise import Band

    hz = np.fft.rfftfreq(4800, 1.0 / RATE_HZ)
    wanted = np.ones(len(hz), complex)
    for b, a in (
        signal.butter(2, 1800.0, "highpass", fs=RATE_HZ),
        signal.butter(2, 5200.0, "lowpass", fs=RATE_HZ),
    ):
        delay = np.exp(-2j * np.pi * hz / RATE_HZ)
        wanted *= np.polyval(b[::-1], delay) / np.polyval(a[::-1], delay)
    gains = Band(above_hz=1800.0, below_hz=5200.0).gains(4800)
    assert gains[1:-1] == pytest.approx(np.abs(wanted)[1:-1], rel=1e-3)
    peak = Band(peak_hz=1300.0, q=2.0).gains(4800)
    assert hz[peak.argmax()] == pytest.approx(1300.0, abs=10.0)
    assert peak.max() == pytest.approx(1.0, abs=1e-3)
    passed = hz[peak > np.sqrt(0.5)]
    assert np.ptp(passed) == pytest.approx(1300.0 / 2.0, rel=0.06), "its width at −3 dB is the peak over Q"


def test_readers_are_as_loud_as_pyos_noise_and_independent(apart: Apart) -> None:
    sound = apart(read, 3)
    _, power = signal.welch(sound, RATE_HZ, nperseg=4096, axis=0)
    ratio_db = 10.0 * np.log10(power[20:, 1:].mean(axis=0) / power[20:, 0].mean())
    assert ratio_db == pytest.approx(0.0, abs=0.5)
    assert np.abs(np.corrcoef(sound.T) - np.eye(4)).max() < 0.1
    assert np.array_equal(sound, apart(read, 3))
    assert not np.array_equal(sound[:, 1], apart(read, 4)[:, 1]), "a seed begins somewhere else"


def test_voices_that_do_not_sound_do_not_work(apart: Apart) -> None:
    nature = {"ocean": 0.0, "wind": 0.0, "rain": 0.0, "fire": 0.0, "birds": 0.0}
    built, most, last = apart(active_streams, Controls(notes_per_s=0.4, pulse=0.0, **nature), 12.0)
    assert last <= most < 0.7 * built
