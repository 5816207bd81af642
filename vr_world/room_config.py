"""How a room is started."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from therapy.specs import Palette

__all__ = ["RoomConfig"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RoomConfig:
    """How to start a room.

    Attributes:
        room: its name.
        socket: path of the unix socket to listen on.
        sessions: folder in which each session gets its own.
        lsl_session: LSL session id.
        lan: whether LSL looks beyond this machine.
        seed: of places and music.
        eye_px: first picture size of one eye.
        palettes: what each place sounds like, by its name.
        snapshot: what the room before it was doing (`Remember.snapshot`), or `None`.
        died_at_s: when the room before it died.
    """

    room: str
    socket: str
    sessions: str
    lsl_session: str
    lan: bool
    seed: int
    eye_px: int
    palettes: Mapping[str, Palette] = dataclasses.field(default_factory=dict)
    snapshot: dict[str, Any] | None = None
    died_at_s: float | None = None
