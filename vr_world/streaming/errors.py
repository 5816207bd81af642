"""The errors of `vr_world.streaming`, one tree.

StreamingError
├── BadMessage          bytes or text that are not a message of our protocol
└── JoinRefused         a headset may not join; `status` is the HTTP status that says so
    ├── WrongCode       401: no such code, or it has expired
    ├── CodeTaken       409: another headset has used it
    ├── GroupFull       409: a group has as many headsets as it may
    └── TooManyTries    429: wait `retry_after_s`
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BadMessage",
    "CodeTaken",
    "GroupFull",
    "JoinRefused",
    "StreamingError",
    "TooManyTries",
    "WrongCode",
]


class StreamingError(Exception):
    """Base of every error that `vr_world.streaming` raises."""


class BadMessage(StreamingError, ValueError):
    """Bytes or text that are not a message of our protocol: says what, the limit, and what came."""


class JoinRefused(StreamingError):
    """A headset may not join."""

    status: ClassVar[int] = 403


class WrongCode(JoinRefused):
    """No code of ours, or one that has expired."""

    status: ClassVar[int] = 401


class CodeTaken(JoinRefused):
    """The code is right, but another headset has used it."""

    status: ClassVar[int] = 409


class GroupFull(JoinRefused):
    """The group has as many headsets as it may."""

    status: ClassVar[int] = 409


class TooManyTries(JoinRefused):
    """Too many wrong codes; `retry_after_s` says when to try again."""

    status: ClassVar[int] = 429

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
