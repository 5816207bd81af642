"""Counting wrong tries: how long someone who guesses has to wait. No clock of its own."""

from __future__ import annotations

import collections
import ipaddress
from typing import Final

from clinic.errors import TooManyTries

__all__ = ["TryLimiter"]

#: Five guesses in five minutes from one place, thirty from everywhere: ≤ 8,640 guesses a day in all.
PER_ADDRESS: Final = 5
OVERALL: Final = 30
WINDOW_S: Final = 300.0


class TryLimiter:
    """A sliding window of tries, per address and overall. Safe to use from one thread at a time.

    Call `admit` before the secret is looked at (so that parallel guesses count too) and `forgive` when it
    was right.
    """

    def __init__(
        self, *, per_address: int = PER_ADDRESS, overall: int = OVERALL, window_s: float = WINDOW_S
    ) -> None:
        self._per_address = per_address
        self._overall = overall
        self._window_s = window_s
        self._tries: collections.deque[tuple[float, str]] = collections.deque()

    def admit(self, address: str, now_s: float) -> None:
        """Count one try of `address` at `now_s`.

        Raises:
            TooManyTries: the window is full; nothing was counted.
        """
        while self._tries and self._tries[0][0] <= now_s - self._window_s:
            self._tries.popleft()
        place = _place(address)
        own = [at_s for at_s, where in self._tries if where == place]
        if len(own) >= self._per_address:
            raise TooManyTries(own[-self._per_address] + self._window_s - now_s)
        if len(self._tries) >= self._overall:
            raise TooManyTries(self._tries[-self._overall][0] + self._window_s - now_s)
        self._tries.append((now_s, place))

    def forgive(self, address: str) -> None:
        """Forget the tries of `address`: it knew the secret."""
        place = _place(address)
        self._tries = collections.deque(entry for entry in self._tries if entry[1] != place)


def _place(address: str) -> str:
    """Return what counts as one place: an IPv4 address, the /64 of an IPv6 one, or the text as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return str(parsed)
