"""The errors of `sensors`, one tree.

SensorsError
├── BadRecording    a recording that is missing, empty, corrupt or of an unknown kind
├── BadStream       a stream whose description an estimator cannot work with
├── BadClock        LSL's clock is not the session clock
├── LslError        LSL could not be set up as asked
└── IngestStopped   the reading thread is not running; says why
"""

from __future__ import annotations

__all__ = ["BadClock", "BadRecording", "BadStream", "IngestStopped", "LslError", "SensorsError"]


class SensorsError(Exception):
    """Base of every error that `sensors` raises."""


class _Limited(SensorsError):
    """Something outside its limit: what, the limit, and what was received."""

    def __init__(self, what: str, limit: str, got: object) -> None:
        super().__init__(f"{what} must be {limit}, got {got!r}")
        self.what = what
        self.limit = limit
        self.got = got


class BadRecording(_Limited):
    """A recording that is missing, empty, corrupt or of an unknown kind."""


class BadStream(_Limited):
    """A stream whose description an estimator cannot work with."""


class BadClock(_Limited):
    """LSL's clock is not the session clock."""


class LslError(_Limited):
    """LSL could not be set up as asked."""


class IngestStopped(SensorsError):
    """The reading thread is not running; the message and the cause say why."""
