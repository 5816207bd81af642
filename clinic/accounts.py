"""Who may use the panel: set-up at first start, sign-in, and sessions that end when nobody is there.

Blocking (disk, and about 50 ms of Argon2 for a password): call from a worker thread. Thread-safe.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import secrets
import threading
import unicodedata
from collections.abc import Callable
from typing import Final

import argon2
from sqlalchemy import delete, select

from clinic.errors import BadRequest, NotSignedIn, Refused
from clinic.limiter import TryLimiter
from clinic.store import Store
from clinic.tables import Account, SignInSession

__all__ = ["IDLE_S", "MAX_PASSWORD", "MIN_PASSWORD", "Accounts", "SignedIn"]

MIN_PASSWORD: Final = 10
MAX_PASSWORD: Final = 256
IDLE_S: Final = 900.0
#: However busy: after a working day one signs in again.
LONGEST_S: Final = 12 * 3600.0
#: `last_seen` is written at most this often, so that a request seldom waits for the disk.
_TOUCH_EVERY_S: Final = 20.0
#: Letters and digits that nobody mistakes for one another when reading from a console.
_CODE_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_THERAPIST: Final = "therapist"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A valid session: whose, and until when it lasts without any further request."""

    account: str
    expires_utc_s: float


class Accounts:
    """The account and its sessions.

    Args:
        store: the open database.
        utc_s: the wall clock, seconds since 1970 (sessions outlive a restart).
        now_s: the monotonic clock, for waiting times.
        idle_s: a session ends this long after its last request.
        hasher: Argon2 with other costs; the default is the library's (RFC 9106, low memory).
        limiter: counts wrong passwords and set-up codes.
    """

    def __init__(
        self,
        store: Store,
        *,
        utc_s: Callable[[], float],
        now_s: Callable[[], float],
        idle_s: float = IDLE_S,
        hasher: argon2.PasswordHasher | None = None,
        limiter: TryLimiter | None = None,
    ) -> None:
        self._store = store
        self._utc_s = utc_s
        self._now_s = now_s
        self.idle_s = idle_s
        self._hasher = hasher or argon2.PasswordHasher()
        self._limiter = limiter or TryLimiter()
        self._limiting = threading.Lock()
        self._hashing = threading.Lock()  # one 64 MiB hash at a time
        self._setup_code = None if self.is_set_up() else _new_code()

    @property
    def setup_code(self) -> str | None:
        """The code to print on the console, such as `7KQ2-M9XD`; `None` once there is an account."""
        return self._setup_code

    def is_set_up(self) -> bool:
        """Whether there is an account."""
        with self._store.reading() as db:
            return db.scalar(select(Account.account_id).limit(1)) is not None

    def set_up(self, code: str, password: str, address: str) -> str:
        """Make the account and return a session token for the browser that did it.

        Raises:
            Refused: there is an account already.
            NotSignedIn: not the code on the console.
            BadRequest: a password outside the rules.
            TooManyTries: wait.
        """
        expected = self._setup_code
        if expected is None:
            raise Refused("an account exists already: sign in")
        prepared = _prepared(password)
        self._admit(address)
        if not hmac.compare_digest(_plain(code), _plain(expected)):
            raise NotSignedIn("wrong set-up code: it is printed where the server was started")
        with self._hashing:
            digest = self._hasher.hash(prepared)
        with self._store.writing() as db:
            if db.scalar(select(Account.account_id).limit(1)) is not None:
                raise Refused("an account exists already: sign in")
            account = Account(name=_THERAPIST, password_hash=digest, created_utc_s=self._utc_s())
            db.add(account)
            db.flush()
            account_id = account.account_id
        self._setup_code = None
        self._forgive(address)
        return self._open_session(account_id)

    def sign_in(self, password: str, address: str) -> str:
        """Return a new session token.

        Raises:
            Refused: there is no account yet.
            NotSignedIn: wrong password.
            TooManyTries: wait.
        """
        self._admit(address)
        with self._store.reading() as db:
            account = db.scalar(select(Account).where(Account.name == _THERAPIST))
            if account is None:
                raise Refused("no account yet: set one up with the code that the server printed")
            account_id, digest = account.account_id, account.password_hash
        self._verify(digest, password)
        self._forgive(address)
        if self._hasher.check_needs_rehash(digest):
            with self._hashing:
                renewed = self._hasher.hash(_normal(password))
            with self._store.writing() as db:
                db.get_one(Account, account_id).password_hash = renewed
        return self._open_session(account_id)

    def session(self, token: str | None) -> SignedIn:
        """Return whose session `token` is, and count this as activity.

        Raises:
            NotSignedIn: none, unknown, idle for too long, or too old.
        """
        now_s = self._utc_s()
        digest = _digest(token or "")
        with self._store.reading() as db:
            row = db.execute(
                select(SignInSession.last_seen_utc_s, SignInSession.expires_utc_s, Account.name)
                .join(Account, Account.account_id == SignInSession.account_id)
                .where(SignInSession.token_hash == digest)
            ).one_or_none()
        if row is None:
            raise NotSignedIn("sign in first")
        last_seen_s, expires_s, name = row
        ends_s = min(expires_s, last_seen_s + self.idle_s)
        if now_s >= ends_s:
            self.sign_out(token)
            raise NotSignedIn("signed out after a time without activity: sign in again")
        if now_s - last_seen_s >= min(_TOUCH_EVERY_S, self.idle_s / 4):
            self._touch(digest, now_s)
            ends_s = min(expires_s, now_s + self.idle_s)
        return SignedIn(account=name, expires_utc_s=ends_s)

    def peek(self, token: str | None) -> bool:
        """Whether `token` is a valid session now, without counting as activity."""
        now_s = self._utc_s()
        with self._store.reading() as db:
            row = db.get(SignInSession, _digest(token or ""))
            return row is not None and now_s < min(row.expires_utc_s, row.last_seen_utc_s + self.idle_s)

    def sign_out(self, token: str | None) -> None:
        """End the session of `token`, if there is one."""
        with self._store.writing() as db:
            db.execute(delete(SignInSession).where(SignInSession.token_hash == _digest(token or "")))

    def _open_session(self, account_id: int) -> str:
        token = secrets.token_urlsafe(32)
        now_s = self._utc_s()
        with self._store.writing() as db:
            db.execute(
                delete(SignInSession).where(
                    (SignInSession.expires_utc_s <= now_s)
                    | (SignInSession.last_seen_utc_s <= now_s - self.idle_s)
                )
            )
            db.add(
                SignInSession(
                    token_hash=_digest(token),
                    account_id=account_id,
                    created_utc_s=now_s,
                    last_seen_utc_s=now_s,
                    expires_utc_s=now_s + LONGEST_S,
                )
            )
        return token

    def _touch(self, digest: str, now_s: float) -> None:
        with self._store.writing() as db:
            row = db.get(SignInSession, digest)
            if row is not None:
                row.last_seen_utc_s = max(row.last_seen_utc_s, now_s)

    def _verify(self, digest: str, password: str) -> None:
        if len(password) > MAX_PASSWORD:
            raise NotSignedIn("wrong password")
        try:
            with self._hashing:
                self._hasher.verify(digest, _normal(password))
        except argon2.exceptions.VerifyMismatchError:
            raise NotSignedIn("wrong password") from None

    def _admit(self, address: str) -> None:
        with self._limiting:
            self._limiter.admit(address, self._now_s())

    def _forgive(self, address: str) -> None:
        with self._limiting:
            self._limiter.forgive(address)


def _prepared(password: str) -> str:
    """Return `password` as it is hashed, or raise `BadRequest` where it breaks the rules."""
    normal = _normal(password)
    if not MIN_PASSWORD <= len(normal) <= MAX_PASSWORD:
        raise BadRequest(
            f"password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters, got {len(normal)}"
            " (a few words in a row are easy to remember)"
        )
    if len(set(normal)) < 4:
        raise BadRequest(f"password must have 4 or more different characters, got {len(set(normal))}")
    return normal


def _normal(password: str) -> str:
    """Return one spelling of `password`: keyboards compose accents differently (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _new_code() -> str:
    code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(8))
    return f"{code[:4]}-{code[4:]}"


def _plain(code: str) -> bytes:
    """Return `code` without the marks and cases that a reader may add."""
    return "".join(letter for letter in code.upper() if letter.isalnum()).encode()
