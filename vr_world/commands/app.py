"""The command line, gathered from the commands of this folder."""

from __future__ import annotations

import sys

import typer

from audio_engine.errors import AudioError
from clinic.errors import ClinicError
from sensors.errors import SensorsError
from session_records.errors import RecordsError
from therapy.errors import TherapyError
from voice_guide.errors import VoiceError
from vr_world.commands.edge import edge
from vr_world.commands.guide import guide
from vr_world.commands.lists import devices, doctor, scenes
from vr_world.commands.offline import analyze, bench, midi, render, sound
from vr_world.commands.serve import demo, serve
from vr_world.commands.voice import models, transcribe
from vr_world.rendering.errors import RenderingError

__all__ = ["app", "run"]

app = typer.Typer(
    help="An open VR therapy server: calm places and live music that follow the body.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(serve)
app.command()(demo)
app.command()(analyze)
app.command()(midi)
app.command()(render)
app.command()(sound)
app.command()(bench)
app.command()(scenes)
app.command()(devices)
app.command()(edge)
app.command()(doctor)
app.command()(guide)
app.command()(transcribe)
app.add_typer(models, name="models")

_OURS = (
    AudioError,
    OSError,
    ClinicError,
    RecordsError,
    RenderingError,
    SensorsError,
    TherapyError,
    VoiceError,
)


def run() -> int:
    """Run the command line; return its exit code, with errors told in one line on stderr."""
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        print(f"stillwater: {error.format_message()}", file=sys.stderr)  # noqa: T201  # the one error line
        return 2
    except typer.Abort:
        return 130
    except _OURS as error:
        print(f"stillwater: {error}", file=sys.stderr)  # noqa: T201  # the one error line
        return 2
    return code if isinstance(code, int) else 0
