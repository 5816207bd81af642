"""espeak-ng: tiny, quick, plain, many languages. GPL-3.0, so it is a program that we call, not a library."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import Final

import numpy as np
from scipy.io import wavfile

from voice_guide.errors import NoVoice
from voice_guide.voice import Pcm, VoiceSpec

__all__ = ["VOICE"]

_PROGRAM: Final = "espeak-ng"
#: Words a minute at pace 1: calm speech (its own default is 175).
_CALM_WPM: Final = 138
_LOW_PITCH: Final = 38
_WITHIN_S: Final = 10.0
#: BCP 47 tag → its name for the voice.
_VOICES: Final = {"en": "en-gb", "de": "de"}


def _missing() -> str:
    return "" if shutil.which(_PROGRAM) else "the system package espeak-ng is missing: run make voice"


class _Espeak:
    def __init__(self, language: str) -> None:
        self._language = _VOICES[language]

    def render(self, text: str, pace: float) -> tuple[Pcm, int]:
        wpm = round(min(max(_CALM_WPM * pace, 80.0), 260.0))
        command = [_PROGRAM, "-v", self._language, "-s", str(wpm), "-p", str(_LOW_PITCH), "-b", "1"]
        try:
            # The words go in on stdin: nothing in them is an option, and without -m nothing is markup.
            done = subprocess.run(  # noqa: S603  # a named program with arguments that we made
                [*command, "--stdout", "--stdin"],
                input=text.encode(),
                capture_output=True,
                check=False,
                timeout=_WITHIN_S,
            )
        except FileNotFoundError as error:
            raise NoVoice(_missing() or f"{_PROGRAM} cannot be run") from error
        except subprocess.TimeoutExpired as error:
            raise NoVoice(f"{_PROGRAM} must speak within {_WITHIN_S:g} s, did not") from error
        if done.returncode != 0 or len(done.stdout) < 100:
            told = done.stderr.decode(errors="replace").strip()[:200]
            raise NoVoice(f"{_PROGRAM} must give sound, ended with {done.returncode}: {told}")
        return _samples(done.stdout)

    def close(self) -> None:
        """Nothing is kept between clauses."""


def _samples(wav: bytes) -> tuple[Pcm, int]:
    # Its header of a stream claims 2 GB: the sizes are put right first.
    at = wav.index(b"data") + 4
    length = len(wav) - at - 4
    fixed = (
        wav[:4]
        + (len(wav) - 8).to_bytes(4, "little")
        + wav[8:at]
        + length.to_bytes(4, "little")
        + wav[at + 4 :]
    )
    rate_hz, samples = wavfile.read(io.BytesIO(fixed))
    return samples.astype(np.float32) / np.float32(32768.0), int(rate_hz)


VOICE: Final = VoiceSpec(
    name="espeak_ng",
    title="espeak-ng, plain and quick",
    languages=tuple(_VOICES),
    rank=1,
    missing=_missing,
    open=_Espeak,
)
