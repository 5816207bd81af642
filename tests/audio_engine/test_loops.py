"""Tones that are added up in numpy: what they sound like, where they begin and end."""

from __future__ import annotations

import numpy as np
import pytest
from sound_kit import Apart

from audio_engine.messages import BLOCK_FRAMES, RATE_HZ

BLOCKS = 120


def held() -> np.ndarray:
    """Return one tone of 220 Hz and one of 300: up at block 3, the first down again at block 57 (frames,)."""
    from audio_engine.desk import Desk
    from audio_engine.instruments._loops import Loops, Wave
    from audio_engine.synth import Synth

    synth = Synth(1)
    desk = Desk(synth.server, 1)
    loops = Loops(desk, [Wave(partials=[1.0])], 2)
    end = loops.sound.out(0)
    sound = []
    for k in range(BLOCKS):
        if k == 3:
            for voice, hz in enumerate((220.0, 300.0)):
                loops.tune(voice, hz)
                loops.gains[voice].time = 0.2
                loops.gains[voice].value = 0.25
        if k == 57:
            loops.gains[0].time = 0.1
            loops.gains[0].value = 0.0
        desk.fill()
        sound.append(synth.process()[:, 0].copy())
    del loops, end, desk
    synth.close()
    return np.concatenate(sound)


def struck() -> tuple[np.ndarray, np.ndarray, int]:
    """Return both sides of a stroke 100 samples into block 7, alone and with others after it, and its end."""
    from audio_engine.desk import Desk
    from audio_engine.instruments._loops import Wave
    from audio_engine.instruments._rings import Rings, Tone
    from audio_engine.synth import Synth

    sounds = []
    for others in (False, True):
        synth = Synth(1)
        desk = Desk(synth.server, 1)
        x = np.linspace(0.0, 1.0, 8192)
        ring = np.minimum(x / 0.01, 1.0) * np.exp(-4.0 * x) * (1.0 - x)
        rings = Rings(desk, [Tone(wave=Wave(partials=[1.0]), ring=ring)], (0.75, 0.25))
        end = rings.sound.out(0)
        sound = []
        for k in range(BLOCKS):
            if k == 7:
                rings.strike(0, 440.0, 100 / RATE_HZ, [0.8], 0.5)
            if others and k in (33, 34):
                rings.strike(1, 660.0, 0.0, [0.05], 0.5)
            desk.fill()
            sound.append(synth.process()[:, :2].copy())
        del rings, end, desk
        synth.close()
        sounds.append(np.concatenate(sound))
    return sounds[0], sounds[1], 7 * BLOCK_FRAMES + 100 + round(0.8 * RATE_HZ)


def test_held_tones_begin_and_end_in_their_blocks_without_a_seam(apart: Apart) -> None:
    sound = apart(held)
    assert not sound[: 3 * BLOCK_FRAMES].any()
    assert np.abs(sound[3 * BLOCK_FRAMES : 4 * BLOCK_FRAMES]).max() > 0.01
    # Two sines of 0.25 turn by no more than this from sample to sample, wherever the tables go round.
    steepest = 0.25 * 2.0 * np.pi * (220.0 + 300.0) / RATE_HZ
    assert np.abs(np.diff(sound)).max() < steepest * 1.01
    both, last = sound[30 * BLOCK_FRAMES : 57 * BLOCK_FRAMES], sound[70 * BLOCK_FRAMES : 110 * BLOCK_FRAMES]
    assert both.std() == pytest.approx(0.25, rel=0.03)
    assert last.std() == pytest.approx(0.25 / np.sqrt(2.0), rel=0.01)
    power = np.abs(np.fft.rfft(last * np.hanning(len(last)))) ** 2
    hz = np.fft.rfftfreq(len(last), 1.0 / RATE_HZ)
    assert hz[power.argmax()] == pytest.approx(300.0, abs=RATE_HZ / len(last))
    assert power[np.abs(hz - 300.0) > 20.0].sum() < 1e-7 * power.sum(), "nothing but the tone"


def test_a_stroke_begins_on_its_sample_leans_and_ends(apart: Apart) -> None:
    alone, among, end = apart(struck)
    begin = 7 * BLOCK_FRAMES + 100
    assert not alone[:begin].any()
    assert alone[begin : begin + 8].any()
    assert not alone[end:].any()
    assert alone[end - 480 : end].any()
    assert alone[:, 0] == pytest.approx(3.0 * alone[:, 1], rel=1e-4, abs=1e-7)
    assert np.abs(np.diff(alone[:, 0])).max() < 0.75 * 0.5 * 2.0 * np.pi * 440.0 / RATE_HZ * 1.01
    # What is struck later leaves it as it is.
    later = 33 * BLOCK_FRAMES
    after = later + BLOCK_FRAMES + round(0.05 * RATE_HZ) + 1
    np.testing.assert_array_equal(alone[:later], among[:later])
    np.testing.assert_allclose(alone[after:], among[after:], atol=1e-7)
    assert np.abs(alone[later:after] - among[later:after]).max() > 0.01
