"""Sentences as directions: near in meaning, near in angle. all-MiniLM-L6-v2 through transformers.

Mean of the last layer over the tokens that are words, then length one (Reimers & Gurevych, EMNLP 2019, and
the model's own card). Loaded from a folder only; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voice_guide.errors import BadModel, NoVoiceStack

__all__ = ["WIDTH", "Embedder", "Rows", "SentenceModel", "load_embedder"]

#: Length of a row.
WIDTH: Final = 384
#: (n, 384) float32, each row of length one.
Rows: TypeAlias = NDArray[np.float32]
#: A sentence's tokens; the model was trained on 128 and takes 256 (its card). Speech longer than this is cut.
_TOKENS: Final = 128
_BATCH: Final = 32


class Embedder(Protocol):
    """Turns texts into directions."""

    def embed(self, texts: Sequence[str], /) -> Rows:
        """Return one row of length one for each text, shape (n, 384)."""
        ...


class SentenceModel:
    """A sentence model in memory. Make it with `load_embedder`; one thread at a time.

    Args:
        tokenizer: of the model's folder.
        model: its encoder, in evaluation mode.
    """

    def __init__(self, tokenizer: Any, model: Any) -> None:
        self._tokenizer = tokenizer
        self._model = model

    def embed(self, texts: Sequence[str], /) -> Rows:
        """Return one row of length one for each text, shape (n, 384); texts beyond 128 tokens are cut."""
        if not texts:
            return np.zeros((0, WIDTH), dtype=np.float32)
        parts = [self._some(list(texts[begin : begin + _BATCH])) for begin in range(0, len(texts), _BATCH)]
        return np.concatenate(parts)

    def _some(self, texts: list[str]) -> Rows:
        import torch  # noqa: PLC0415  # only processes that hold models pay for it

        read = self._tokenizer(texts, padding=True, truncation=True, max_length=_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            states = self._model(**read).last_hidden_state
        words = read["attention_mask"].unsqueeze(-1).to(states.dtype)
        mean = (states * words).sum(dim=1) / words.sum(dim=1).clamp(min=1.0)
        rows: Rows = torch.nn.functional.normalize(mean, dim=1).to(torch.float32).numpy()
        return rows


def load_embedder(folder: Path) -> SentenceModel:
    """Load a sentence model from a folder (half a second); reads no network.

    Args:
        folder: with `config.json`, `model.safetensors` and the tokenizer's files.

    Raises:
        BadModel: the folder does not hold a BERT-like encoder that is 384 wide.
        NoVoiceStack: torch or transformers is not installed.
    """
    try:
        import transformers  # noqa: PLC0415  # heavy, and only here
    except ImportError as missing:
        raise NoVoiceStack(missing.name or "transformers") from missing
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise BadModel(f"sentence model folder must hold {name}, {folder} does not")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = transformers.AutoModel.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as fault:
        raise BadModel(f"sentence model in {folder} cannot be read: {fault}") from fault
    width = getattr(model.config, "hidden_size", None)
    if width != WIDTH:
        raise BadModel(f"sentence model must be {WIDTH} wide, {folder} is {width}")
    return SentenceModel(tokenizer, model.eval())
