"""A mailbox of two places for one watcher: the newest state and the newest picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from clinic.ports import LiveItem

__all__ = ["Mailbox"]


class Mailbox:
    """What a slow watcher has not taken yet is replaced, never queued. For one event loop."""

    def __init__(self) -> None:
        self._state: str | None = None
        self._picture: bytes | None = None
        self._closed = False
        self._something = asyncio.Event()

    def put(self, item: LiveItem) -> None:
        """Offer a state (`str`) or a picture (`bytes`); an older one that still waits is dropped."""
        if isinstance(item, str):
            self._state = item
        else:
            self._picture = item
        self._something.set()

    def close(self) -> None:
        """Let `items` end after what is waiting."""
        self._closed = True
        self._something.set()

    async def items(self) -> AsyncGenerator[LiveItem, None]:
        """Yield what comes, the state before the picture."""
        while True:
            await self._something.wait()
            self._something.clear()
            state, self._state = self._state, None
            picture, self._picture = self._picture, None
            if state is not None:
                yield state
            if picture is not None:
                yield picture
            if self._closed and self._state is None and self._picture is None:
                return
