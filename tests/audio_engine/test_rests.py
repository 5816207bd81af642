"""A composed pause as it is heard and told: near-silent, never dead, and never taken for a fault."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sound_kit import BARE, Apart, Sound, decibels, resting

from audio_engine.binaural import BEAT_HZ, CARRIER_HZ, Binaural
from audio_engine.messages import BLOCK_FRAMES, RATE_HZ
from therapy.controls import START, Controls


def _rms_db(sound: Sound, begin_s: float, end_s: float) -> float:
    part = sound[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)].astype(np.float64)
    return decibels(float(np.sqrt((part**2).mean())))


def test_a_pause_is_quiet_not_dead_and_announced(apart: Apart) -> None:
    controls = dataclasses.replace(BARE, tempo_bpm=90.0, silence=0.7, breath_pace_per_min=8.0, swell=0.3)
    sound, rests, flags = apart(resting, 28.0, controls)
    (rest,) = rests
    assert 5.0 < rest.at_s < 18.0
    assert 50.0 < rest.duration_s < 66.0
    played, paused = _rms_db(sound, 2.0, rest.at_s), _rms_db(sound, rest.at_s + 8.0, 28.0)
    assert played - 30.0 < paused < played - 9.0
    assert [flag for flag, _ in flags] == [False, True]
    assert flags[1][1] == pytest.approx(rest.at_s, abs=0.05)


def _heard(level: float, seconds: float = 3.0) -> np.ndarray[Any, Any]:
    binaural, still = Binaural(), np.zeros((BLOCK_FRAMES, 2), np.float32)
    return np.concatenate([binaural.added(still, level) for _ in range(round(seconds * 100))])


def test_a_binaural_beat_is_one_sine_for_each_ear_and_comes_slowly() -> None:
    sound = _heard(1.0)
    for ear, hertz in enumerate((CARRIER_HZ - BEAT_HZ / 2, CARRIER_HZ + BEAT_HZ / 2)):
        steady = sound[RATE_HZ : 3 * RATE_HZ, ear]
        spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady))))
        assert spectrum.argmax() * RATE_HZ / len(steady) == pytest.approx(hertz, abs=0.5)
    assert np.abs(sound[:480]).max() < 0.001
    assert np.abs(np.diff(sound, axis=0)).max() < 0.001


def test_binaural_beats_are_off_by_default() -> None:
    assert Controls().binaural == START.binaural == 0.0
    assert not _heard(0.0, 0.1).any()
