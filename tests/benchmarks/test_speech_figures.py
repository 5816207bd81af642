"""The arithmetic of `stillwater bench speech`, from made-up hearing."""

import numpy as np
import pytest

from benchmarks import speech
from benchmarks._kit import BenchmarkFailed
from voice_guide.listen.transcript import RATE_HZ


def heard(said: str, text: str, took_s: float, seconds: float = 2.0) -> speech.Heard:
    clip = speech.Clip(pcm=np.ones(round(seconds * RATE_HZ), np.float32), said=said)
    return speech.Heard(clip=clip, text=text, took_s=took_s)


def test_errors_and_times_are_held_against_the_limit_and_the_plain_pipeline() -> None:
    runs = {
        "quiet": [heard("a b c d", "a b c d", 0.2), heard("e f g h i j", "e f g h i x", 0.4)],
        "noise 5 dB below": [heard("a b", "", 0.1)],
    }
    plain = [heard("a b c d", "a b c d", 2.0), heard("e f g h i j", "e f g h i j", 2.0)]
    named = {figure.name: figure for figure in speech.figures(runs, plain, [0.0003] * 99 + [0.001], 0.25)}
    assert named["word error rate, quiet"].value == pytest.approx(0.1)
    assert named["word error rate, quiet"].ratio == pytest.approx(1.0)
    assert named["word error rate, noise 5 dB below"].value == 1.0
    assert named["word error rate, plain"].value == 0.0
    assert named["time for a sentence, p50"].value == pytest.approx(0.3)
    assert named["time for a second of speech"].ratio == pytest.approx(0.15)
    assert named["an ear while the patient talks"].ratio == pytest.approx(0.25)
    assert named["voice activity, a chunk"].value == pytest.approx(0.3)


@pytest.mark.parametrize("above_db", [20, 5, -5])
def test_noise_is_as_strong_as_it_says(above_db: float) -> None:
    pcm = np.sin(np.arange(RATE_HZ)).astype(np.float32)
    noise = speech.noisy(pcm, above_db, 1) - pcm
    assert 10 * np.log10((pcm**2).mean() / (noise**2).mean()) == pytest.approx(above_db, abs=0.1)


def test_without_recordings_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STILLWATER_DATA", raising=False)
    with pytest.raises(BenchmarkFailed, match="STILLWATER_DATA must name"):
        speech.BENCH.run(lambda _part: None)
