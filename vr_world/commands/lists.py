"""`stillwater scenes`, `devices` and `doctor`: what is installed, and whether this machine can do it."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Annotated, Final

import av
import psutil
import typer
from rich.console import Console
from rich.table import Table

from sensors import lsl
from sensors.errors import SensorsError
from therapy.discover import declared
from therapy.specs import DeviceSpec, SceneSpec
from voice_guide.models import MODELS, find, model_folder
from vr_world.commands.mapping import map_streams, publish_device
from vr_world.settings import data_folder

__all__ = ["CHECKS", "Check", "devices", "doctor", "scenes"]

#: How long to look for streams: LSL needs more than its 0.5 s round to be sure.
LOOK_S: Final = 1.5
ENOUGH_DISK: Final = 5 * 2**30
VOICE_STACK: Final = ("torch", "transformers", "onnxruntime", "llguidance")


def scenes() -> None:
    """List the places."""
    table = Table("name", "title", "what it is")
    for scene in declared("scenes", "SCENE", SceneSpec).values():
        table.add_row(scene.name, scene.title, scene.description)
    Console().print(table)


def devices(
    lan: Annotated[bool, typer.Option(help="look on the network, not only on this machine")] = False,  # noqa: FBT002
    map_: Annotated[  # noqa: FBT002  # a flag
        bool, typer.Option("--map", help="ask what each stream in sight is, and whose; kept for `serve`")
    ] = False,
    publish: Annotated[
        str | None,
        typer.Option(
            metavar="DEVICE[:WHAT]", help="read a device and publish it as LSL streams until Ctrl-C"
        ),
    ] = None,
) -> None:
    """List the kinds of signal source, and the LSL streams that can be seen now."""
    if publish is not None:
        return publish_device(publish, lan=lan)
    if map_:
        return map_streams(lan=lan)
    kinds = Table("device", "title", "needs", "state")
    for device in declared("sensors.devices", "DEVICE", DeviceSpec).values():
        kinds.add_row(device.name, device.title, device.help, device.available() or "ready")
    console = Console()
    console.print(kinds)
    lsl.configure("default", lan=lan)
    found = lsl.visible_streams(LOOK_S)
    streams = Table("stream", "type", "channels", "rate, Hz", "source id", title="LSL streams in sight")
    for stream in found:
        streams.add_row(
            stream.name, stream.kind, str(stream.channels), f"{stream.rate_hz:g}", stream.source_id
        )
    console.print(streams if found else "No LSL stream in sight.")
    return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look at the machine. `look` returns what it found; it raises `Trouble` with what to do about it."""

    title: str
    look: Callable[[], str]


class Trouble(Exception):
    """What is wrong and what to do. `fatal` when no session can run."""

    def __init__(self, what: str, *, fatal: bool = True) -> None:
        super().__init__(what)
        self.fatal = fatal


def doctor() -> int:
    """Check this machine and say what to do about what is missing or slow."""
    table = Table("check", "state", "found")
    fatal = False
    for check in CHECKS:
        try:
            found, state = check.look(), "ok"
        except Trouble as trouble:
            found, state = str(trouble), "MISSING" if trouble.fatal else "note"
            fatal = fatal or trouble.fatal
        table.add_row(check.title, state, found)
    Console().print(table)
    return 1 if fatal else 0


def _python() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


def _machine() -> str:
    cores, memory = os.cpu_count() or 1, psutil.virtual_memory().total / 2**30
    if cores < 2:
        raise Trouble(f"{cores} core: a room needs two (picture and sound side by side)", fatal=False)
    return f"{cores} cores, {memory:.0f} GiB"


def _picture() -> str:
    """Open the pipe in a process of its own: a driver that fails may take the process with it."""
    code = "from vr_world.rendering.renderer import Renderer; print(Renderer('ocean', 1, 64).device)"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603  # our own
    if asked.returncode != 0:
        last = (asked.stderr.strip().splitlines() or ["the pipe could not be opened"])[-1]
        raise Trouble(f"{last}; apt-get install libegl1 libgl1")
    return asked.stdout.strip().splitlines()[-1]


def _video() -> str:
    if "libx264" not in av.codecs_available:
        raise Trouble("PyAV has no libx264: install the av wheel from the package index")
    return "H.264 (x264)"


def _sound() -> str:
    code = "import pyo; print(pyo.PYO_VERSION)"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603  # our own
    if asked.returncode != 0:
        raise Trouble("pyo does not load: install the pyo wheel from the package index")
    return f"pyo {asked.stdout.split()[-1]}"  # what comes before is pyo's note about wxPython


def _priority() -> str:
    code = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)  # noqa: S603  # our own
    if asked.returncode != 0:
        raise Trouble(
            "no real-time priority: music may stutter on a busy machine; "
            "allow it with 'setcap cap_sys_nice+ep' on Python or LimitRTPRIO= in the service",
            fatal=False,
        )
    return "granted"


def _signals() -> str:
    lsl.configure("doctor", lan=False)
    try:
        lsl.check_clock()
    except SensorsError as error:
        raise Trouble(str(error)) from error
    return f"liblsl {lsl.library_version()}, clock is the session clock"


def _pages() -> str:
    from vr_world.app import STATIC  # the whole server; other commands need not wait for it

    if not (STATIC / "index.html").exists():
        raise Trouble("the web pages are not built: run make setup")
    built = time.strftime("%Y-%m-%d %H:%M", time.localtime((STATIC / "index.html").stat().st_mtime))
    return f"built {built}"


def _voice() -> str:
    packages = [name for name in VOICE_STACK if importlib.util.find_spec(name) is None]
    models = [name for name in MODELS if find(name) is None]
    if packages or models:
        missing = ", ".join([*packages, *models])
        raise Trouble(f"without {missing} it speaks scripted lines or none: make voice", fatal=False)
    return f"{len(MODELS)} models in {model_folder()}"


def _disk() -> str:
    home = data_folder()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < ENOUGH_DISK:
        raise Trouble(f"{free / 2**30:.1f} GiB free for {home}: a day of sessions needs 5 GiB", fatal=False)
    return f"{free / 2**30:.0f} GiB free for {home}"


CHECKS: Final = (
    Check(title="Python", look=_python),
    Check(title="machine", look=_machine),
    Check(title="picture (Panda3D)", look=_picture),
    Check(title="video encoder", look=_video),
    Check(title="sound (pyo)", look=_sound),
    Check(title="real-time priority", look=_priority),
    Check(title="signals (LSL)", look=_signals),
    Check(title="web pages", look=_pages),
    Check(title="voice guide", look=_voice),
    Check(title="disk", look=_disk),
)
