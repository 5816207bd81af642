"""The errors of `voice_guide`, one tree.

VoiceError
├── BadLines        a file of approved lines that cannot be used: says which, where, the limit and the value
├── BadModel        weights that are missing, damaged or of an unknown kind; says what to do
├── BadRiskBook     a file of risk rules that cannot be used: says which, where, the limit and the value
├── BadSpeech       a recording or packet that cannot be read as speech
├── NoVoice         nothing can speak: what is missing, or how it failed
└── NoVoiceStack    a package of the extra `voice` is not installed
"""

from __future__ import annotations

__all__ = ["BadLines", "BadModel", "BadRiskBook", "BadSpeech", "NoVoice", "NoVoiceStack", "VoiceError"]


class VoiceError(Exception):
    """Base of every error that `voice_guide` raises."""


class BadLines(VoiceError, ValueError):
    """A file of approved lines that cannot be used."""


class BadModel(VoiceError):
    """Weights that are missing, damaged or of an unknown kind."""


class BadRiskBook(VoiceError, ValueError):
    """A file of risk rules that cannot be used."""


class BadSpeech(VoiceError):
    """A recording or packet that cannot be read as speech."""

    def __init__(self, what: str, limit: str, got: object) -> None:
        super().__init__(f"{what} must be {limit}, got {got!r}")
        self.what = what
        self.limit = limit
        self.got = got


class NoVoice(VoiceError):
    """Nothing can speak: what is missing, or how it failed."""


class NoVoiceStack(VoiceError):
    """A package of the extra `voice` is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"{package} is not installed: run make voice, or pip install 'stillwater[voice]'")
        self.package = package
