"""Where a server keeps things and how it listens: one table, read once at start."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import platformdirs

from sensors.pins import Pin
from therapy.dose import DEFAULT_FULL_SCALE_DBA

__all__ = ["DATA_VARIABLE", "SETTINGS", "ServerSettings", "data_folder"]

DATA_VARIABLE: Final = "STILLWATER_HOME"

#: Environment variable → what it sets. `docs/reference/settings.md` is checked against it.
SETTINGS: Final[Mapping[str, str]] = {
    DATA_VARIABLE: "folder for recordings, the database and certificates (default: the user's data folder)",
    "STILLWATER_MODELS": "folder for the voice guide's models (default: `models` in the folder above)",
    "STILLWATER_DATA": "folder with shared recordings, for tests only",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How one server runs.

    Attributes:
        home: folder for everything that is kept.
        host: address that TLS listens on; plain http listens on 127.0.0.1 alone.
        port: plain http port (0 = any free one); TLS listens on `tls_port`.
        tls_port: TLS port (0 = any free one), or `None` for no TLS (a demo on one machine).
        rooms: names of the rooms.
        lsl_session: LSL session id: streams of other sessions are not seen.
        lan: whether LSL looks beyond this machine; then only streams in `pins` are read.
        pins: which streams are which room's (`sensors.pins`).
        edge_key: what a `stillwater edge` must know to send here; empty: none may.
        eye_px: first picture size of one eye.
        full_scale_dba: how loud sound at 0 LUFS is at the ear, dBA, with the headset's volume as it is
            used: the sound dose (ITU-T H.870) is estimated from it. The default is an assumption.
        sensitive_ears: count the dose against 75 dBA for 40 h a week (children, sensitive ears), not 80 dBA.
        audio_standby: keep a second audio process of each room built and asleep (about 60 MB), so that the
            music is back within half a second of a crash; without it in one to two.
        idle_s: the panel signs out after this long without a request.
    """

    home: Path
    host: str = "0.0.0.0"  # noqa: S104  # headsets are other machines; TLS and a sign-in guard it
    port: int = 8080
    tls_port: int | None = 8443
    rooms: tuple[str, ...] = ("1",)
    lsl_session: str = "default"
    lan: bool = False
    pins: tuple[Pin, ...] = ()
    edge_key: str = ""
    eye_px: int = 640
    full_scale_dba: float = DEFAULT_FULL_SCALE_DBA
    sensitive_ears: bool = False
    audio_standby: bool = True
    idle_s: float = 900.0


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that everything is kept in."""
    named = environ.get(DATA_VARIABLE)
    return (
        Path(named).expanduser() if named else Path(platformdirs.user_data_dir("stillwater", appauthor=False))
    )
