"""Piper: a natural voice on a processor. GPL-3.0, so it runs as a program of its own: `_piper_program.py`."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from voice_guide.errors import NoVoice
from voice_guide.models import find
from voice_guide.voice import Pcm, VoiceSpec

__all__ = ["VOICE"]

MODEL: Final = "piper-joe"
_PROGRAM: Final = Path(__file__).with_name("_piper_program.py")
#: Piper's own pace is brisk: this much longer is calm.
_CALM: Final = 1.18
_READY_WITHIN_S: Final = 30.0
_CLAUSE_WITHIN_S: Final = 10.0
_MOST_SAMPLES: Final = 60 * 48_000


def _missing() -> str:
    if importlib.util.find_spec("piper") is None:
        return "the package piper-tts is missing: run make voice"
    return "" if find(MODEL) else f"its weights are missing: run stillwater models install {MODEL}"


class _Piper:
    def __init__(self, language: str) -> None:
        del language  # English is all that this voice has
        home = find(MODEL)
        if home is None:
            raise NoVoice(_missing())
        self._model = next(home.glob("*.onnx"))
        self._process: subprocess.Popen[bytes] | None = None

    def render(self, text: str, pace: float) -> tuple[Pcm, int]:
        asked = {"text": text, "length_scale": _CALM / min(max(pace, 0.5), 2.0)}
        try:
            return self._asked(asked)
        except NoVoice:
            self.close()  # a program that is silent or gone is started anew, once
            return self._asked(asked)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(BrokenPipeError):  # words that it will never take
                self._process.communicate()
            self._process = None

    def _asked(self, asked: dict[str, Any]) -> tuple[Pcm, int]:
        process = self._running()
        assert process.stdin is not None  # noqa: S101  # opened with a pipe
        try:
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise NoVoice(f"Piper's program must take words, is gone: {error}") from error
        until_s = time.monotonic() + _CLAUSE_WITHIN_S
        told = json.loads(self._line(process, until_s))
        count = int(told["samples"])
        if not 0 < count <= _MOST_SAMPLES:
            raise NoVoice(f"Piper must give 1…{_MOST_SAMPLES} samples, gave {count}")
        sound = self._bytes(process, 2 * count, until_s)
        return np.frombuffer(sound, "<i2").astype(np.float32) / np.float32(32768.0), int(told["rate_hz"])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603  # this Python, our program
                [sys.executable, "-P", str(_PROGRAM), str(self._model)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            self._line(self._process, time.monotonic() + _READY_WITHIN_S)
        return self._process

    def _line(self, process: subprocess.Popen[bytes], until_s: float) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            line += self._bytes(process, 1, until_s)
        return line

    @staticmethod
    def _bytes(process: subprocess.Popen[bytes], count: int, until_s: float) -> bytes:
        assert process.stdout is not None  # noqa: S101  # opened with a pipe
        parts: list[bytes] = []
        missing = count
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            while missing:
                if not waiting.select(max(until_s - time.monotonic(), 0.0)):
                    raise NoVoice("Piper's program must speak in time, is silent")
                part = process.stdout.read(missing)
                if not part:
                    raise NoVoice(f"Piper's program must speak, ended with {process.wait()}")
                parts.append(part)
                missing -= len(part)
        return b"".join(parts)


VOICE: Final = VoiceSpec(
    name="piper",
    title="Piper, natural (en_US joe)",
    languages=("en",),
    rank=2,
    missing=_missing,
    open=_Piper,
)
