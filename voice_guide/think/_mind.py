"""What every backend is: `BackendSpec`, and the `Mind` that it opens."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias

from therapy.talk import ApprovedLine, Briefing, Proposal
from voice_guide.errors import VoiceError
from voice_guide.think._settings import ThinkSettings

__all__ = ["BackendSpec", "Mind", "NoMind", "NotUsable", "Sentence", "Thought", "never_cancelled"]


class NoMind(VoiceError):
    """A backend that cannot be opened: what it needs, and what it found."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One complete sentence of a model's own words (FREE only), while the rest is still being written.

    It has passed no screen yet: ask `therapy.safety.admit` about `Say(text=text)` before it is spoken.
    """

    turn: int
    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotUsable:
    """Nothing of this turn's thought may be used; a scripted line is said instead.

    `reason` may quote the model, and so the patient: it belongs into events, never into a log.
    """

    turn: int
    reason: str
    backend: str = ""


Thought: TypeAlias = Sentence | Proposal | NotUsable


def never_cancelled() -> bool:
    """Return False: nobody calls this thought off."""
    return False


class Mind(Protocol):
    """An open model. One thought at a time; not thread-safe."""

    def think(
        self, briefing: Briefing, *, cancelled: Callable[[], bool] = never_cancelled
    ) -> Iterator[Thought]:
        """Yield the sentences of an answer as they are complete, last one `Proposal` or `NotUsable`.

        It raises nothing that a model or a server could cause: that is `NotUsable` with its reason. When
        `cancelled()` becomes true it stops within a token, with `NotUsable`.
        """
        ...

    def prepare(self, lines: Sequence[ApprovedLine]) -> None:
        """Do ahead what can be done for lines that will be offered; nobody waits for it."""
        ...

    def close(self) -> None:
        """Let go of what is held open. It may be called twice."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BackendSpec:
    """A backend.

    Attributes:
        name: what a setting says.
        doc: for people, one line.
        open: loads or connects; raises `NoMind` where it cannot. Slow: seconds.
    """

    name: str
    doc: str
    open: Callable[[ThinkSettings], Mind]
