"""The errors of `voice_guide`, one tree.

VoiceError
├── BadModel        weights that are missing, damaged or of an unknown kind; says what to do
├── BadSpeech       a recording or packet that cannot be read as speech
└── NoVoiceStack    a package of the extra `voice` is not installed
"""

from __future__ import annotations

__all__ = ["BadModel", "BadSpeech", "NoVoiceStack", "VoiceError"]


class VoiceError(Exception):
    """Base of every error that `voice_guide` raises."""


class BadModel(VoiceError):
    """Weights that are missing, damaged or of an unknown kind."""


class BadSpeech(VoiceError):
    """A recording or packet that cannot be read as speech."""

    def __init__(self, what: str, limit: str, got: object) -> None:
        super().__init__(f"{what} must be {limit}, got {got!r}")
        self.what = what
        self.limit = limit
        self.got = got


class NoVoiceStack(VoiceError):
    """A package of the extra `voice` is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"{package} is not installed: run make voice, or pip install 'stillwater[voice]'")
        self.package = package
