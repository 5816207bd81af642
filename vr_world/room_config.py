"""How a room is started."""

from __future__ import annotations

import dataclasses
from typing import Any

from sensors.pins import Pins
from therapy.dose import DEFAULT_FULL_SCALE_DBA

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
        pins: which streams are this room's, and what they are.
        seed: of places and music.
        eye_px: first picture size of one eye.
        full_scale_dba: level at the ear of sound at 0 LUFS.
        sensitive_ears: count the sound dose against the allowance of sensitive ears.
        audio_standby: keep a second audio process ready to take over.
        guide: whether sessions have a voice guide.
        voice_socket: of the machine's voice service.
        notify: how a human is reached who is not at the panel (`vr_world.notifiers`), empty: not at all.
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
    pins: Pins = dataclasses.field(default_factory=Pins)
    full_scale_dba: float = DEFAULT_FULL_SCALE_DBA
    sensitive_ears: bool = False
    audio_standby: bool = True
    guide: bool = False
    voice_socket: str = ""
    notify: str = ""
    snapshot: dict[str, Any] | None = None
    died_at_s: float | None = None
