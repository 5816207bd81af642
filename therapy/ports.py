"""Ports: what the product needs of machines that may be replaced by others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["RoomHost"]


class RoomHost(Protocol):
    """Runs rooms somewhere: processes of this machine today, actors of a cluster later.

    A room that dies is started again with the newest `snapshot`.
    """

    def start(self, room: str, snapshot: Callable[[], dict[str, Any] | None]) -> None:
        """Start `room` and keep it alive; `snapshot()` says what the next one must go on with."""
        ...

    def endpoint(self, room: str) -> str:
        """Return the unix socket that `room` listens on."""
        ...

    def restarts(self, room: str) -> int:
        """Return how often `room` had to be started again."""
        ...

    async def stop(self) -> None:
        """Let every room leave."""
        ...
