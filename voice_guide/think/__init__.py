"""Backends that think: one file each, one constant `BACKEND: BackendSpec`.

`backends()` finds them, `backends()[name].open(settings)` returns a `Mind`, and `mind.think(briefing)` yields
sentences as they are complete, then one `Proposal` or `NotUsable`. Nothing that comes out may happen before
`therapy.safety.admit` has let it through.
"""

from __future__ import annotations

from therapy.discover import declared
from voice_guide.think._mind import BackendSpec, Mind, NoMind, NotUsable, Sentence, Thought
from voice_guide.think._settings import ThinkSettings
from voice_guide.think._watch import Watch

__all__ = [
    "BackendSpec",
    "Mind",
    "NoMind",
    "NotUsable",
    "Sentence",
    "ThinkSettings",
    "Thought",
    "Watch",
    "backends",
]


def backends() -> dict[str, BackendSpec]:
    """Return every backend by its name.

    Raises:
        BadPlugin: a file of this folder that declares none, or a name declared twice.
    """
    return declared("voice_guide.think", "BACKEND", BackendSpec)
