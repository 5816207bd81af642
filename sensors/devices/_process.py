"""How a device lives in a process of its own: until its parent asks it to end, or is gone."""

from __future__ import annotations

import dataclasses
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final

from sensors.lsl import local_clock

__all__ = ["DeviceHeartbeat", "Shutdown", "run"]

_HEARTBEAT_S: Final = 0.25


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """Asks a device's process to end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceHeartbeat:
    """The device is well and still publishes."""

    at_s: float
    device: str


def run(conn: Connection, device: str, publish: Callable[[threading.Event], None]) -> None:
    """Call `publish(stop)` in a thread until it returns, the pipe ends, or `Shutdown` arrives; then stop it.

    What `publish` raises is raised here.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            publish(stop)
        except BaseException as error:  # noqa: BLE001  # raised again in the process's main thread
            failed.append(error)

    thread = threading.Thread(target=work, name=device)
    thread.start()
    try:
        while thread.is_alive():
            conn.send(DeviceHeartbeat(at_s=local_clock(), device=device))
            if conn.poll(_HEARTBEAT_S) and isinstance(conn.recv(), Shutdown):
                break
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone: so are we
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]
