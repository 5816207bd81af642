"""The real models and the shared recordings of speech; tests on them are skipped where they are not."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from voice_guide.listen.transcript import Transcriber
from voice_guide.models import find, model_folder


@pytest.fixture(scope="session")
def voice_models() -> Callable[[str], Path]:
    """A function from a model's name to its folder; skips the test where model or voice stack is missing."""

    def folder_of(name: str) -> Path:
        for package in ("torch", "transformers", "onnxruntime"):
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"{package} is not installed: make voice")
        folder = find(name)
        if folder is None:
            pytest.skip(f"model {name} is not in {model_folder()}: make voice")
        return folder

    return folder_of


@pytest.fixture(scope="session")
def transcriber(voice_models: Callable[[str], Path]) -> Transcriber:
    """Whisper base for English, loaded once."""
    folder = voice_models("whisper-base")
    from voice_guide.listen.whisper import load_transcriber

    return load_transcriber(folder)


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of the shared recordings of speech."""
    folder = os.environ.get("STILLWATER_DATA")
    if folder is None:
        pytest.skip(
            "STILLWATER_DATA is not set: the recordings it would name are not part of this repository"
        )
    return Path(folder) / "speech"


@pytest.fixture(scope="session")
def sentence_model(voice_models: Callable[[str], Path]):
    """The packaged sentence model on one thread."""
    folder = voice_models("minilm")
    import torch

    from voice_guide.embed import load_embedder

    torch.set_num_threads(1)
    return load_embedder(folder)
