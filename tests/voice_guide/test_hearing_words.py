"""Words from sound: the guard against loops, the recordings, and Whisper itself where it is installed."""

import re
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hearing_kit import Says, sound, stamped
from hypothesis import given
from hypothesis import strategies as st

from voice_guide.errors import BadModel, BadSpeech
from voice_guide.listen._decoding import confidence_of, loop_start, token_cap
from voice_guide.listen._words import distance, spoken_words
from voice_guide.listen.ear import Ear, EarSettings, Partial, TurnEnded
from voice_guide.listen.recordings import pieces, read_wav, transcribe_long
from voice_guide.listen.transcript import RATE_HZ, Samples, Transcriber
from voice_guide.listen.vad import load_vad
from voice_guide.listen.whisper import load_transcriber

# --- the guard, without a model


@pytest.mark.parametrize(
    ("tokens", "start"),
    [
        ([5, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4], 5),
        ([9, 7, 7, 7, 7, 7, 7], 2),
        ([7, 7, 7], None),
        ([1, 2, 3, 4, 1, 2, 3, 4], None),
        ([], None),
    ],
)
def test_a_loop_is_seen_where_its_second_round_begins(tokens: list[int], start: int | None) -> None:
    assert loop_start(tokens) == start


@given(st.lists(st.integers(0, 9), max_size=10), st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_whatever_repeats_long_enough_is_stopped(before: list[int], run: list[int]) -> None:
    tokens = [*before]
    for number in range(200):
        tokens.append(run[number % len(run)])
        if loop_start(tokens) is not None:
            break
    assert len(tokens) <= len(before) + 6 * len(run) + 12


@given(st.lists(st.integers(0, 10**6), unique=True, max_size=60))
def test_words_that_do_not_repeat_are_no_loop(tokens: list[int]) -> None:
    assert loop_start(tokens) is None


def test_the_cap_grows_with_the_sound_and_ends() -> None:
    assert token_cap(0.0, 224) == 8
    assert token_cap(1.5, 224) == 19
    assert token_cap(60.0, 224) == 224


def test_confidence_is_low_for_unsure_words_and_for_sound_that_may_not_be_speech() -> None:
    assert confidence_of([], 0.0) == 0.0
    assert confidence_of([0.0, 0.0], 0.0) == 1.0
    assert confidence_of([-0.1] * 4, 0.1) == pytest.approx(0.814, abs=1e-3)
    assert confidence_of([-0.1] * 4, 0.9) < 0.1


# --- recordings, without a model


def write_wav(path: Path, rate_hz: int, channels: int, seconds: float = 0.5) -> None:
    tone = np.sin(2 * np.pi * 300 * np.arange(int(rate_hz * seconds)) / rate_hz)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.repeat(tone, channels) * 12_000).astype("<i2").tobytes())


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (16_000, 1), (44_100, 2), (48_000, 2)])
def test_any_rate_and_channels_are_read_as_mono_at_16_khz(
    rate_hz: int, channels: int, tmp_path: Path
) -> None:
    write_wav(tmp_path / "a.wav", rate_hz, channels)
    pcm = read_wav(tmp_path / "a.wav")
    assert len(pcm) == pytest.approx(RATE_HZ / 2, abs=20)
    assert np.abs(pcm[2000:6000]).max() == pytest.approx(12_000 / 32_768, rel=0.05)


@pytest.mark.parametrize("what", ["missing", "empty", "header", "noise", "folder"])
def test_what_is_no_recording_is_refused_in_one_line(what: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    if what == "folder":
        path.mkdir()
    elif what != "missing":
        write_wav(path, 16_000, 1)
        whole = path.read_bytes()
        noise = np.random.default_rng(1).bytes(4000)
        path.write_bytes({"empty": b"", "header": whole[:44], "noise": noise}[what])
    with pytest.raises(BadSpeech) as refused:
        read_wav(path)
    assert "\n" not in str(refused.value)


def test_a_long_recording_is_cut_where_it_is_quiet_and_nothing_is_lost() -> None:
    pcm = sound(("talk", 23.0), ("quiet", 0.5), ("talk", 25.0), ("quiet", 0.5), ("talk", 20.0))
    cut = pieces(pcm)
    assert np.array_equal(np.concatenate(cut), pcm)
    assert [len(piece) / RATE_HZ for piece in cut] == pytest.approx([23.25, 25.5, 20.25], abs=0.3)
    says = Says("one", "two", "three")
    assert transcribe_long(says, pcm).text == "one two three"


@pytest.mark.parametrize(
    ("truth", "heard", "errors"),
    [
        ("ten of clubs", "10 of clubs.", 0),
        ("and mister john", "And Mr. John", 0),
        ("five five", "5, 5.", 0),
        ("he was not", "he was", 1),
        ("a b c", "a x c d", 2),
        ("ill disposed", "ill-disposed", 0),
    ],
)
def test_words_are_compared_as_they_sound(truth: str, heard: str, errors: int) -> None:
    assert distance(spoken_words(truth), spoken_words(heard)) == errors


# --- Whisper


TRUTH = {
    "librivox-0870": "and mister john dashwood had then leisure to consider how much there might be "
    "prudently in his power to do for them",
    "librivox-0880": "he was not an ill disposed young man",
    "cards-001": "ten of clubs",
    "cards-004": "five five",
}


def test_whisper_makes_at_most_one_error_in_ten_words(transcriber: Transcriber, speech: Path) -> None:
    errors = words = 0
    for name, said in TRUTH.items():
        heard = transcriber.transcribe(read_wav(speech / f"{name}.wav"))
        assert not heard.looped
        assert 0.2 < heard.confidence <= 1.0
        assert " ".join(word.text for word in heard.words) == heard.text
        errors += distance(spoken_words(said), spoken_words(heard.text))
        words += len(spoken_words(said))
    assert errors / words <= 0.10


def test_silence_and_nothing_have_no_words(transcriber: Transcriber) -> None:
    for pcm in (np.zeros(0, np.float32), np.zeros(RATE_HZ * 3, np.float32), np.zeros(100, np.float32)):
        assert transcriber.transcribe(pcm).text == ""


def test_sound_that_is_none_is_refused(transcriber: Transcriber) -> None:
    with pytest.raises(BadSpeech, match="one channel of finite samples"):
        transcriber.transcribe(np.full(RATE_HZ, np.nan, np.float32))
    with pytest.raises(BadSpeech, match="one channel of finite samples"):
        transcriber.transcribe(np.zeros((2, RATE_HZ), np.float32))


def test_noise_is_not_heard_as_sure_words(transcriber: Transcriber) -> None:
    noise: Samples = (np.random.default_rng(0).standard_normal(RATE_HZ * 4) * 0.05).astype(np.float32)
    assert transcriber.transcribe(noise).confidence < 0.3


def test_the_ear_hears_a_recording_with_the_real_models(
    transcriber: Transcriber, voice_models: Callable[[str], Path], speech: Path
) -> None:
    said = read_wav(speech / "librivox-0880.wav")
    quiet = np.zeros(RATE_HZ * 2, np.float32)
    ear = Ear(transcriber, load_vad(voice_models("silero-vad")), settings=EarSettings(partial_every_s=1.5))
    told = list(stamped(ear, np.concatenate((quiet, said, quiet)), from_s=50.0))
    (ended,) = [event for _, event in told if isinstance(event, TurnEnded)]
    assert distance(spoken_words(ended.heard.text), spoken_words(TRUTH["librivox-0880"])) <= 1
    assert any(isinstance(event, Partial) for _, event in told)
    assert 52.0 <= ended.heard.from_s <= 52.6
    assert told[-1][0] - ended.heard.until_s < 1.1


def test_long_noise_ends_in_no_turn_of_sure_words(voice_models: Callable[[str], Path]) -> None:
    says = Says("Thank you.")
    ear = Ear(says, load_vad(voice_models("silero-vad")))
    noise = (np.random.default_rng(3).standard_normal(RATE_HZ * 20) * 0.3).astype(np.float32)
    told = [event for _, event in stamped(ear, noise)]
    assert sum(isinstance(event, TurnEnded) for event in told) <= 1
    assert sum(says.lengths_s) <= 20.0


def test_a_folder_without_a_model_or_an_unknown_language_is_refused(
    tmp_path: Path, voice_models: Callable[[str], Path]
) -> None:
    folder = voice_models("whisper-base")
    with pytest.raises(BadModel, match=re.escape("found no config.json")):
        load_transcriber(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadModel, match="does not load as a Whisper"):
        load_transcriber(tmp_path)
    with pytest.raises(BadModel, match=r"silero_vad\.onnx"):
        load_vad(folder)
