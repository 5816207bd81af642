"""The errors of `vr_world.rendering`, one tree.

RenderingError
├── NoPipe          the graphics pipe or a buffer could not be made: says which packages are missing
├── NoEncoder       no encoder for the codecs asked for could be opened
├── BadView         a head pose or field of view outside its limits
└── BadPicture      a picture or video that cannot be made as asked
"""

from __future__ import annotations

__all__ = ["BadPicture", "BadView", "NoEncoder", "NoPipe", "RenderingError"]


class RenderingError(Exception):
    """Base of every error that rendering raises."""


class NoPipe(RenderingError):
    """The graphics pipe or one of its buffers could not be made."""


class NoEncoder(RenderingError):
    """No encoder for the codecs asked for could be opened."""


class BadView(RenderingError, ValueError):
    """A head pose or a field of view outside its limits."""


class BadPicture(RenderingError, ValueError):
    """A picture or a video that cannot be made as asked."""
