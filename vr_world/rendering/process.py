"""The renderer process: words in, encoded frames out, drawn and encoded side by side in two threads.

`main` runs in a child process (multiprocessing, spawn). Three threads share one `Desk`:

- the reader takes what the room says (newest wins) and never waits for anything else;
- the drawing thread, the process' main one, owns the graphics engine;
- the sending thread converts, encodes and sends, while the next picture is drawn.
"""

from __future__ import annotations

import signal
import threading
from multiprocessing.connection import Connection

from vr_world.clock import session_now_s
from vr_world.rendering.desk import Desk
from vr_world.rendering.drawing import Drawing
from vr_world.rendering.messages import RendererConfig
from vr_world.rendering.sending import Sending

__all__ = ["main"]


def main(conn: Connection, config: RendererConfig) -> None:
    """Render until the pipe closes or a `Shutdown` comes.

    Raises:
        NoPipe: this machine cannot draw; the room sees the process end with the reason on stderr.
        therapy.errors.BadPlugin: no such scene.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    desk = Desk(config, session_now_s())
    sending = Sending(conn, desk, config)
    threads = [
        threading.Thread(target=_read, args=(conn, desk), name="reader", daemon=True),
        threading.Thread(target=sending.run, name="sender", daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        Drawing(desk, sending, config).run()
    finally:
        desk.stop()
        sending.close()
        threads[1].join(timeout=2.0)


def _read(conn: Connection, desk: Desk) -> None:
    """Take words until there are no more."""
    while not desk.stopped:
        try:
            message = conn.recv()
        except (EOFError, OSError):
            desk.stop()
            return
        desk.take(message, session_now_s())
