"""The errors of `therapy`, one tree.

TherapyError
├── BadValue        a value outside its limit: says what, the limit, and the value received
├── BadPlan         a session plan that cannot be run as written
├── BadPlugin       a plug-in that is missing, declared twice, or not what its folder holds
└── NotNotified     a human who could not be called: over what, and why
"""

from __future__ import annotations

__all__ = ["BadPlan", "BadPlugin", "BadValue", "NotNotified", "TherapyError"]


class TherapyError(Exception):
    """Base of every error that `therapy` raises."""


class BadValue(TherapyError, ValueError):
    """A value outside its limit."""

    def __init__(self, what: str, limit: str, got: object) -> None:
        super().__init__(f"{what} must be {limit}, got {got!r}")
        self.what = what
        self.limit = limit
        self.got = got


class BadPlan(TherapyError, ValueError):
    """A session plan that cannot be run as written."""


class BadPlugin(TherapyError, LookupError):
    """A plug-in that is missing, declared twice, or of the wrong kind."""


class NotNotified(TherapyError):
    """A human who could not be called."""
