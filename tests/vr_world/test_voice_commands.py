"""`stillwater models` and `transcribe` as a person meets them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from voice_guide.models import MODELS
from vr_world.commands.app import run

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stillwater(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run the command line here, with an empty model folder; return code, output and errors."""
    monkeypatch.setenv("STILLWATER_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "160")

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["stillwater", *(str(word) for word in words)])
        code = run()
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_models_says_what_is_needed_and_that_it_is_missing(stillwater: Command, tmp_path: Path) -> None:
    code, out, _ = stillwater("models")
    assert code == 0
    assert all(name in out for name in MODELS)
    assert str(tmp_path / "models") in out.replace("\n", "")
    assert "stillwater models install" in out


def test_models_as_json_holds_every_hash(stillwater: Command) -> None:
    code, out, _ = stillwater("models", "--json")
    told = json.loads(out)
    assert code == 0
    assert [one["state"] for one in told] == ["missing"] * len(MODELS)
    assert [len(one["files"]) for one in told] == [len(spec.sources) for spec in MODELS.values()]


def test_a_damaged_model_is_seen_and_fails_the_check(stillwater: Command, tmp_path: Path) -> None:
    (tmp_path / "models" / "silero-vad").mkdir(parents=True)
    code, out, _ = stillwater("models", "--check")
    assert code == 1
    assert "damaged" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("install", "gpt"), "model must be one of whisper-base"),
        (
            ("install", "--from", "no/such/folder"),
            "--from must be a folder that exists, got 'no/such/folder'",
        ),
        (("install", "--hub", "whisper"), "--hub must be OWNER/NAME, got 'whisper'"),
        (("install", "--hub", "a/b", "minilm"), "--hub must be alone, got 'minilm'"),
    ],
)
def test_what_cannot_be_installed_is_said_in_one_line(
    stillwater: Command, words: tuple[str, ...], said: str
) -> None:
    code, _, err = stillwater("models", *words)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_an_empty_folder_is_not_installed_from(stillwater: Command, tmp_path: Path) -> None:
    code, _, err = stillwater("models", "install", "silero-vad", "--from", tmp_path)
    assert code == 2
    assert "silero_vad.onnx (2327524 bytes) of silero-vad==6.2.3 is not in" in err
    assert list((tmp_path).glob("models/*")) == []


@pytest.mark.parametrize("what", ["missing", "empty", "text"])
def test_what_cannot_be_transcribed_is_said_in_one_line(
    stillwater: Command, what: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    if what != "missing":
        path.write_text("" if what == "empty" else "These are words already.")
    code, out, err = stillwater("transcribe", path)
    assert code == 2
    assert out == ""
    assert err.startswith("stillwater: recording must be a ")
    assert len(err.strip().splitlines()) == 1


def test_without_the_model_transcribe_says_how_to_get_it(stillwater: Command, tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(16_000))
    code, _, err = stillwater("transcribe", tmp_path / "a.wav")
    assert code == 2
    assert "run stillwater models install whisper-base" in err
