"""The room's audio child, `main(conn, config)`: controls come in, Opus packets go out, 60 ms ahead.

Paced by the session clock (CLOCK_MONOTONIC). It never blocks on its parent: when the room does not read,
packets are dropped and counted. It ends cleanly when the pipe closes or on `Shutdown`; it ends with an
error when the synthesis breaks, so that the room starts another.

This module is light on purpose: a room imports it without pyo, and the child has its priority before it
loads the rest.
"""

from __future__ import annotations

import gc
import os
import signal
from multiprocessing.connection import Connection
from typing import Final

from audio_engine.messages import AudioConfig

__all__ = ["main", "prioritise"]

_PRIORITY: Final = 10


def main(conn: Connection, config: AudioConfig) -> None:
    """Play until the pipe closes or `Shutdown` comes. Messages: `audio_engine.messages`.

    Raises:
        BadAudioConfig: `config` cannot be played.
        EngineBroken: the synthesis made a NaN; a silent packet was sent before.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    realtime = config.realtime and prioritise()
    from audio_engine.player import Player  # noqa: PLC0415  # see the module's docstring

    player = Player(conn, config, realtime=realtime)
    # Whatever was built lives as long as the process; a collection in the middle of a block would be heard.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        player.run()
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        player.close()


def prioritise() -> bool:
    """Ask for round-robin real-time priority for this process; return whether it was granted."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))
    except (OSError, AttributeError):
        return False
    return True
