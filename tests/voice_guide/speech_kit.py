"""Speech for tests, spoken by espeak-ng."""

import shutil

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from voice_guide.speak.espeak_ng import VOICE
from voice_guide.voice import levelled, resampled

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="the system package espeak-ng is not installed: make voice"
)


def spoken(text: str, rate_hz: int = 16_000, language: str = "en") -> npt.NDArray[np.float32]:
    """Return `text` as mono sound of `rate_hz`."""
    sound = levelled(resampled(*VOICE.open(language).render(text, 1.0)))
    return signal.resample_poly(sound, rate_hz, 48_000).astype(np.float32)
