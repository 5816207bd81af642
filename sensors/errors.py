"""The errors of `sensors`, one tree.

SensorsError
├── BadRecording    a recording that is missing, empty, corrupt or of an unknown kind
├── BadStream       a stream whose description an estimator cannot work with
├── BadEdge         a message of the edge link that does not fit
├── BadDevice       a device that is not there or does not answer
├── BadNotification what a Bluetooth sensor sent and nobody can read
├── BadPins         a table of streams that cannot be read
├── BadClock        LSL's clock is not the session clock
├── LslError        LSL could not be set up as asked
└── IngestStopped   the reading thread is not running; says why
"""

from __future__ import annotations

__all__ = [
    "BadClock",
    "BadDevice",
    "BadEdge",
    "BadNotification",
    "BadPins",
    "BadRecording",
    "BadStream",
    "IngestStopped",
    "LslError",
    "SensorsError",
]


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


class BadEdge(_Limited):
    """A message of the edge link that does not fit."""


class BadPins(_Limited):
    """A table of streams that cannot be read."""


class BadDevice(_Limited):
    """A device that is not there or does not answer."""


class BadNotification(_Limited):
    """What a Bluetooth sensor sent and nobody can read."""


class BadClock(_Limited):
    """LSL's clock is not the session clock."""


class LslError(_Limited):
    """LSL could not be set up as asked."""


class IngestStopped(SensorsError):
    """The reading thread is not running; the message and the cause say why."""
