"""The room's audio child, `main(conn, config)`: controls come in, Opus packets go out, 60 ms ahead.

Paced by the session clock (CLOCK_MONOTONIC). It never blocks on its parent: when the room does not read,
packets are dropped and counted. It ends cleanly when the pipe closes or on `Shutdown`; it ends with an
error when the synthesis breaks, so that the room starts another. With `config.standby` it is that other:
built beforehand, silent and asleep until `TakeOver`.

This module is light on purpose: a room imports it without pyo, and the child has its priority before it
loads the rest.
"""

from __future__ import annotations

import gc
import signal
from multiprocessing.connection import Connection

from audio_engine.messages import AudioConfig
from audio_engine.priority import NORMAL, prioritise

__all__ = ["main"]


def main(conn: Connection, config: AudioConfig) -> None:
    """Play until the pipe closes or `Shutdown` comes. Messages: `audio_engine.messages`.

    Raises:
        BadAudioConfig: `config` cannot be played.
        EngineBroken: the synthesis made a NaN; a silent packet was sent before.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A standby must not take the cores from what plays while it builds.
    first = config.realtime and not config.standby
    priority = prioritise() if first else NORMAL
    from audio_engine.player import Player  # noqa: PLC0415  # see the module's docstring

    player = Player(conn, config, priority=priority)
    # Whatever was built lives as long as the process; a collection in the middle of a block would be heard.
    # The player collects what came since, in the pauses between blocks.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        begin = player.stand_by() if config.standby else config
        if begin is not None:
            if begin.realtime and not first:
                player.priority = prioritise()
            player.begin(begin)
            player.run()
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        player.close()
