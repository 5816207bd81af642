"""The errors of `audio_engine`, one tree.

AudioError
├── EngineBroken    the synthesis made something that is not sound (NaN, infinity); only a new process helps
├── BadAudioConfig  a configuration that cannot be played
├── BadPalette      a place's palette names what nobody declared, or asks for what cannot be played
├── BadBlock        frames of the wrong shape or type given to an encoder or a writer
└── BadRender       a rendering that cannot be made or written as asked
"""

from __future__ import annotations

__all__ = ["AudioError", "BadAudioConfig", "BadBlock", "BadPalette", "BadRender", "EngineBroken"]


class AudioError(Exception):
    """Base of every error that `audio_engine` raises."""


class EngineBroken(AudioError, RuntimeError):
    """The synthesis made something that is not sound; it latches, so only a new process helps."""


class BadAudioConfig(AudioError, ValueError):
    """A configuration that cannot be played."""


class BadPalette(AudioError, ValueError):
    """A palette that cannot be played."""


class BadBlock(AudioError, ValueError):
    """Frames of the wrong shape or type."""


class BadRender(AudioError, ValueError):
    """A rendering that cannot be made or written as asked."""
