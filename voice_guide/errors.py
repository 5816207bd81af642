"""The errors of `voice_guide`, one tree.

VoiceError
└── BadLines        a file of lines or rules that cannot be used: says which, where, the limit and the value
"""

from __future__ import annotations

__all__ = ["BadLines", "VoiceError"]


class VoiceError(Exception):
    """Base of every error that `voice_guide` raises."""


class BadLines(VoiceError, ValueError):
    """A file of lines or rules that cannot be used."""
