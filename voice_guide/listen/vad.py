"""Is somebody speaking? Silero's detector, one answer for each 32 ms."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from voice_guide.errors import BadModel, BadSpeech, NoVoiceStack
from voice_guide.listen.transcript import RATE_HZ, Samples

__all__ = ["CHUNK", "CHUNK_S", "SileroVad", "Vad", "load_vad"]

#: Samples that the detector takes at once.
CHUNK: Final = 512
CHUNK_S: Final = CHUNK / RATE_HZ
#: Samples before a chunk that it also wants to see.
_CONTEXT: Final = 64


class Vad(Protocol):
    """Answers chunk after chunk; remembers what came before."""

    def probability(self, chunk: Samples) -> float:
        """Return how likely (0 … 1) somebody speaks in `chunk`, shape (512,)."""
        ...

    def reset(self) -> None:
        """Forget what came before: the sound is not continuous here."""
        ...


def load_vad(folder: Path) -> SileroVad:
    """Load Silero's detector from its model folder.

    Raises:
        BadModel: it is not there or does not load.
        NoVoiceStack: onnxruntime is not installed.
    """
    file = folder / "silero_vad.onnx"
    if not file.is_file():
        raise BadModel(f"{folder} must hold silero_vad.onnx, found none")
    try:
        import onnxruntime  # noqa: PLC0415  # an extra, and slow to import
    except ImportError as error:
        raise NoVoiceStack("onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            str(file), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its error classes have only this base in common
        raise BadModel(f"{file} does not load: {str(error).splitlines()[0]}") from error
    return SileroVad(session)


class SileroVad:
    """Silero's detector over an onnxruntime session."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(RATE_HZ, np.int64)
        self._input = np.zeros((1, _CONTEXT + CHUNK), np.float32)
        self._state = np.zeros((2, 1, 128), np.float32)

    def probability(self, chunk: Samples) -> float:
        """Return how likely (0 … 1) somebody speaks in `chunk`, shape (512,).

        Raises:
            BadSpeech: another shape.
        """
        if chunk.shape != (CHUNK,):
            raise BadSpeech("chunk", f"{CHUNK} samples", chunk.shape)
        self._input[0, :_CONTEXT] = self._input[0, CHUNK:]
        self._input[0, _CONTEXT:] = chunk
        said, self._state = self._session.run(
            None, {"input": self._input, "state": self._state, "sr": self._rate}
        )
        return float(said[0, 0])

    def reset(self) -> None:
        """Forget what came before."""
        self._input[:] = 0.0
        self._state = np.zeros_like(self._state)
