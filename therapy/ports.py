"""Ports: what the product needs of machines that may be replaced by others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

from therapy.escalation import Channel
from therapy.talk import RiskKind

__all__ = ["HelpCall", "Notifier", "RoomHost"]


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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpCall:
    """What is sent when a human is called outside the panel: where and how urgent, never a patient's word.

    Attributes:
        room: which room.
        kind: what the risk screen found.
        channel: which step of the escalation this is.
        after_s: how long nobody has acknowledged.
    """

    room: str
    kind: RiskKind
    channel: Channel
    after_s: float


class Notifier(Protocol):
    """Reaches a human who is not at the panel: a pager gateway, a chat, a siren."""

    async def notify(self, call: HelpCall, /) -> None:
        """Hand `call` over, within seconds.

        Raises:
            therapy.errors.NotNotified: nobody was reached; tell `Escalation.call_failed`.
        """
        ...
