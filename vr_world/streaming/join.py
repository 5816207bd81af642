"""Six-digit join codes: the therapist's panel shows one, a headset types it, once. Sans-I/O.

A code is valid for minutes and for one headset. A million codes are few, so tries are limited: per peer
(address) and over all peers. Joining yields a secret for the headset's cookie; only its digest is kept.
Time comes in as `now_s` (any monotonic clock), randomness as two functions (`secrets.randbelow` and
`secrets.token_urlsafe` in the product).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import deque
from collections.abc import Callable
from typing import Final

from vr_world.streaming.errors import CodeTaken, GroupFull, TooManyTries, WrongCode

__all__ = ["CODE_VALID_S", "GROUP_MOST", "JOINED_VALID_S", "JoinCode", "JoinDesk", "Joined"]

CODE_VALID_S: Final = 600.0
#: A headset stays joined for a long clinic day at most; the end of its session ends that (`close_room`).
JOINED_VALID_S: Final = 12 * 3600.0
TRY_WINDOW_S: Final = 60.0
TRIES_PER_PEER: Final = 8
#: Headsets in one group: a room of people whom one therapist can see.
GROUP_MOST: Final = 16
#: Over all peers: 120 tries a minute for 10 minutes hit a given code with a probability of 0.12 %.
TRIES_IN_ALL: Final = 120


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JoinCode:
    """A code that opens `room` until `expires_at_s`; into a `group` beside the headsets that are there."""

    code: str
    room: str
    expires_at_s: float
    group: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A headset that may connect to `room`. `headset` is its public name."""

    headset: str
    room: str
    expires_at_s: float


class JoinDesk:
    """Issues codes, exchanges each for one headset's secret, and knows who has joined.

    Args:
        randbelow: uniform integer in 0…n−1 from a cryptographic source.
        new_secret: a fresh unguessable string.
    """

    def __init__(self, randbelow: Callable[[int], int], new_secret: Callable[[], str]) -> None:
        self._randbelow = randbelow
        self._new_secret = new_secret
        self._codes: dict[str, JoinCode] = {}  # open, by code
        self._taken: dict[
            str, tuple[JoinCode, bytes]
        ] = {}  # used and not yet expired; digest of the user's secret
        self._joined: dict[bytes, Joined] = {}  # by digest of the secret
        self._wrong: deque[tuple[float, str]] = deque()  # (at_s, peer) of wrong tries, oldest first

    def issue(self, room: str, now_s: float, *, group: bool = False) -> JoinCode:
        """Return a new code for `room`; the room's earlier code, if still open, is void.

        The headset that uses it takes the room, or with `group` one more place in it.
        """
        self._forget_old(now_s)
        self._codes = {code: c for code, c in self._codes.items() if c.room != room}
        code = self._free_code()
        self._codes[code] = JoinCode(code=code, room=room, expires_at_s=now_s + CODE_VALID_S, group=group)
        return self._codes[code]

    def open_code(self, room: str, now_s: float) -> JoinCode | None:
        """Return the code that now opens `room`, or `None` (expired, used, or never issued)."""
        self._forget_old(now_s)
        return next((c for c in self._codes.values() if c.room == room), None)

    def redeem(self, code: str, *, peer: str, secret: str | None, now_s: float) -> tuple[Joined, str]:
        """Exchange `code` for a place in its room.

        Args:
            code: what the headset's user typed; spaces are ignored.
            peer: who asks (address), for counting tries.
            secret: the cookie that the headset already has, if any: the headset that used a code may use
                it again while it is valid, and gets the same secret back.
            now_s: the time.

        Returns:
            The headset and the secret for its cookie. A headset that was in the room before is out, unless
            the code is a group's.

        Raises:
            GroupFull: the group has `GROUP_MOST` headsets; the code stays open.
            TooManyTries: this peer, or all together, were wrong too often in the last minute.
            CodeTaken: the code was used by another headset.
            WrongCode: no such code, or it has expired.
        """
        self._forget_old(now_s)
        self._refuse_too_many(peer, now_s)
        digits = "".join(code.split())
        if digits in self._taken:
            return self._rejoin(digits, peer=peer, secret=secret, now_s=now_s)
        if digits not in self._codes:
            self._wrong.append((now_s, peer))
            raise WrongCode("code must be one that the panel shows now, got another")
        entry = self._codes[digits]
        there = sum(j.room == entry.room for j in self._joined.values())
        if entry.group and there >= GROUP_MOST:
            raise GroupFull(f"a group must have at most {GROUP_MOST} headsets, it has {there}")
        del self._codes[digits]
        return self._admit(entry, now_s)

    def who(self, secret: str | None, now_s: float) -> Joined | None:
        """Return the headset that holds `secret`, or `None` when it has not joined or is no longer in."""
        self._forget_old(now_s)
        return None if secret is None else self._joined.get(_digest(secret))

    def in_room(self, room: str, now_s: float) -> Joined | None:
        """Return the headset that has joined `room`, if any."""
        self._forget_old(now_s)
        return next((j for j in self._joined.values() if j.room == room), None)

    def close_room(self, room: str) -> None:
        """Void the room's codes and its headset: its session is over."""
        self._codes = {code: c for code, c in self._codes.items() if c.room != room}
        self._taken = {code: t for code, t in self._taken.items() if t[0].room != room}
        self._joined = {digest: j for digest, j in self._joined.items() if j.room != room}

    def _admit(self, code: JoinCode, now_s: float) -> tuple[Joined, str]:
        secret = self._new_secret()
        digest = _digest(secret)
        if not code.group:
            self._joined = {d: j for d, j in self._joined.items() if j.room != code.room}
        # the public name is a slice of the digest: unique enough to tell headsets apart, useless as a key
        name = f"headset-{digest.hex()[:8]}"
        joined = Joined(headset=name, room=code.room, expires_at_s=now_s + JOINED_VALID_S)
        self._joined[digest] = joined
        self._taken[code.code] = (code, digest)
        return joined, secret

    def _rejoin(self, digits: str, *, peer: str, secret: str | None, now_s: float) -> tuple[Joined, str]:
        _, owner = self._taken[digits]
        joined = self._joined.get(owner)
        if secret is None or _digest(secret) != owner or joined is None:
            self._wrong.append((now_s, peer))
            raise CodeTaken("code must be unused, got one that another headset has used: ask for a new one")
        return joined, secret

    def _refuse_too_many(self, peer: str, now_s: float) -> None:
        mine = [at_s for at_s, who in self._wrong if who == peer]
        for tries, limit in ((mine, TRIES_PER_PEER), ([at_s for at_s, _ in self._wrong], TRIES_IN_ALL)):
            if len(tries) >= limit:
                wait_s = tries[-limit] + TRY_WINDOW_S - now_s
                raise TooManyTries(
                    f"wrong codes must be fewer than {limit} a minute, got {len(tries)}", wait_s
                )

    def _forget_old(self, now_s: float) -> None:
        self._codes = {code: c for code, c in self._codes.items() if now_s < c.expires_at_s}
        self._taken = {code: t for code, t in self._taken.items() if now_s < t[0].expires_at_s}
        self._joined = {digest: j for digest, j in self._joined.items() if now_s < j.expires_at_s}
        while self._wrong and self._wrong[0][0] <= now_s - TRY_WINDOW_S:
            self._wrong.popleft()

    def _free_code(self) -> str:
        while True:  # at most one code per room is open: a clash is rare and the next draw ends it
            code = f"{self._randbelow(1_000_000):06d}"
            if code not in self._codes and code not in self._taken:
                return code


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
