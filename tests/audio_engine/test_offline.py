from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from sound_kit import Apart, commanded, with_notes

from audio_engine.errors import BadRender
from audio_engine.offline import render, write_wav
from therapy.controls import Controls


def test_the_length_is_exact_and_the_ends_are_soft(apart: Apart) -> None:
    sound, notes = apart(with_notes, 2.345, Controls())
    assert sound.shape == (round(2.345 * 48_000), 2)
    assert sound.dtype == np.float32
    assert np.abs(sound[:48]).max() < 1e-4
    assert np.abs(sound[-48:]).max() < 1e-3
    assert min(n.at_s for n in notes) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_an_absurd_length_is_refused(seconds: float) -> None:
    with pytest.raises(BadRender, match="seconds must be"):
        render(lambda _at_s: Controls(), seconds, 1)


def test_a_wav_file_holds_the_samples_to_24_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sound = rng.uniform(-1.0, 1.0, (1000, 2)).astype(np.float32)
    sound[0] = (1.0, -1.0)
    write_wav(tmp_path / "a.wav", sound)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 3, 48_000)
        raw = np.frombuffer(file.readframes(1000), np.uint8).reshape(-1, 3)
    padded = np.concatenate([np.zeros((len(raw), 1), np.uint8), raw], axis=1)
    back = padded.view("<i4").reshape(-1, 2) / 2**31
    np.testing.assert_allclose(back, sound, atol=3e-7)


def test_what_is_no_sound_is_not_written(tmp_path: Path) -> None:
    for bad in (
        np.full((10, 2), np.nan, np.float32),
        np.zeros(10, np.float32),
        np.zeros((10, 1), np.float32),
    ):
        with pytest.raises(BadRender, match="finite"):
            write_wav(tmp_path / "a.wav", bad)
    assert not (tmp_path / "a.wav").exists()


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadRender, match="WAV file must be writable"):
        write_wav(tmp_path / "no" / "a.wav", np.zeros((10, 2), np.float32))


def test_the_command_writes_the_same_bytes_again_for_the_same_seed(apart: Apart, tmp_path: Path) -> None:
    first, again = apart(commanded, tmp_path, 5), apart(commanded, tmp_path, 5)
    assert first == again
    assert len(first[0]) > 48_000 * 6
    other = apart(commanded, tmp_path, 6)
    assert other[0] != first[0], "the seed is heard"
    assert other[1] != first[1]
