"""Chance for the composer: a fresh generator for each decision, so that no draw depends on an earlier one."""

from __future__ import annotations

from random import Random

__all__ = ["chance"]


def chance(seed: str, *place: str | int) -> Random:
    """Return a generator that is the same for the same seed and place (`"bar", 12`), on every machine."""
    return Random("/".join([seed, *map(str, place)]))  # noqa: S311  # music, not secrets
