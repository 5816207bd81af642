"""Options that more than one place offers, in the words of `therapy.personal`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from therapy.specs import Choice, SceneOption

__all__ = ["ALIVE", "LANTERNS", "PALETTE", "companions"]

#: The white of the place, moved for the picture alone.
PALETTE: Final = SceneOption(
    name="palette",
    title="Colours",
    choices=(
        Choice(name="natural", title="as they are"),
        Choice(name="warm", title="warmer", shifts={"colour_temperature_k": -900.0}),
        Choice(name="cool", title="cooler", shifts={"colour_temperature_k": 1500.0}),
    ),
)

LANTERNS: Final = SceneOption(
    name="lanterns",
    title="Lanterns",
    choices=(
        Choice(name="lit", title="lit", contains=frozenset({"fire"})),
        Choice(name="none", title="none"),
    ),
)

#: Companion → its title and what it brings.
ALIVE: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "birds": ("birds far off", frozenset({"birds"})),
    "fireflies": ("fireflies", frozenset({"insects"})),
    "fish": ("slow fish", frozenset({"animals"})),
}


def companions(*kinds: str) -> SceneOption:
    """Return who may be there besides the patient: all of `kinds`, one of them, or nobody."""
    single = [Choice(name=kind, title=ALIVE[kind][0], contains=ALIVE[kind][1]) for kind in kinds]
    everyone = Choice(
        name="all",
        title=" and ".join(ALIVE[kind][0] for kind in kinds),
        contains=frozenset().union(*(ALIVE[kind][1] for kind in kinds)),
    )
    first = [everyone] if len(kinds) > 1 else []
    nobody = Choice(name="none", title="nobody")
    return SceneOption(name="companions", title="Companions", choices=(*first, *single, nobody))
