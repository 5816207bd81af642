"""The errors of `clinic`, one tree. Each says what, the limit, and (never a secret) the value received.

ClinicError
├── StoreError          the database cannot be opened or is from a newer version
├── BadRequest          400: a body or a path that is not what the API documents
├── NotSignedIn         401: no valid session, or a wrong password or set-up code
├── Forbidden           403: the request did not come from our own page
├── NoSuchRoom          404: no room of that name
├── Refused             409: understood, but not now; the reason says why
├── TooBig              413: more bytes than the limit
└── TooManyTries        429: wait `retry_after_s`
"""

from __future__ import annotations

import math

__all__ = [
    "BadRequest",
    "ClinicError",
    "Forbidden",
    "NoSuchRoom",
    "NotSignedIn",
    "Refused",
    "StoreError",
    "TooBig",
    "TooManyTries",
]


class ClinicError(Exception):
    """Base of every error that `clinic` raises. `status` is the HTTP answer for it."""

    status: int = 500


class StoreError(ClinicError):
    """The database cannot be used as it is."""


class BadRequest(ClinicError, ValueError):
    """Something from outside that is not what the API documents."""

    status = 400


class NotSignedIn(ClinicError):
    """No valid session, or a secret that did not match."""

    status = 401


class Forbidden(ClinicError):
    """The request did not come from our own page."""

    status = 403


class NoSuchRoom(ClinicError, LookupError):
    """No room of that name."""

    status = 404

    def __init__(self, room: str) -> None:
        super().__init__(f"no room {room[:40]!r}")
        self.room = room


class Refused(ClinicError):
    """Understood, but not now."""

    status = 409

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooBig(ClinicError):
    """More bytes than the limit."""

    status = 413


class TooManyTries(ClinicError):
    """Wait `retry_after_s` seconds."""

    status = 429

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = max(1, math.ceil(retry_after_s))
        super().__init__(f"too many wrong tries; try again in {self.retry_after_s} s")
