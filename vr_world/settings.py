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
from therapy.talk import GuideMode
from voice_guide.think import ThinkSettings

__all__ = ["DATA_VARIABLE", "GUIDE_KEY_VARIABLE", "SETTINGS", "ServerSettings", "data_folder"]

DATA_VARIABLE: Final = "STILLWATER_HOME"
GUIDE_KEY_VARIABLE: Final = "STILLWATER_GUIDE_KEY"

#: Environment variable → what it sets. `docs/reference/settings.md` is checked against it.
SETTINGS: Final[Mapping[str, str]] = {
    DATA_VARIABLE: "folder for recordings, the database and certificates (default: the user's data folder)",
    "STILLWATER_MODELS": "folder for the voice guide's models (default: `models` in the folder above)",
    GUIDE_KEY_VARIABLE: "bearer token for the guide's language model server, where it wants one",
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
        guide: run the voice guide; without it rooms have none.
        guide_policy: how freely a guide may speak here at most: `free` has to be allowed on purpose.
        guide_languages: languages that are made ready, the first is the usual one.
        guide_voice: name of the voice (`voice_guide.speak`), empty for the best there is.
        guide_think: which model thinks, within what bounds (`voice_guide.think`).
        notify: how a human is reached who is not at the panel when a risk was found: `https://…` (a POST) or
            `command:PROGRAM …`; empty: the panel alone.
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
    guide: bool = False
    guide_policy: GuideMode = GuideMode.APPROVED
    guide_languages: tuple[str, ...] = ("en",)
    guide_voice: str = ""
    guide_think: ThinkSettings = dataclasses.field(default_factory=ThinkSettings)
    notify: str = ""
    idle_s: float = 900.0


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that everything is kept in."""
    named = environ.get(DATA_VARIABLE)
    return (
        Path(named).expanduser() if named else Path(platformdirs.user_data_dir("stillwater", appauthor=False))
    )
