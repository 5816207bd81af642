"""`stillwater`: the command line. Stable: people script against it.

Exit codes: 0 done, 1 the check failed, 2 bad usage or input. Errors are one line on stderr.
"""

from __future__ import annotations

import sys

import click
import typer

from audio_engine.errors import AudioError
from clinic.errors import ClinicError
from sensors.errors import SensorsError
from session_records.errors import RecordsError
from therapy.errors import TherapyError
from vr_world.commands.serve import demo, serve
from vr_world.rendering.errors import RenderingError

__all__ = ["app", "main"]

app = typer.Typer(
    help="An open VR therapy server: calm places and live music that follow the body.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(serve)
app.command()(demo)

_OURS = (AudioError, ClinicError, RecordsError, RenderingError, SensorsError, TherapyError)


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = app(standalone_mode=False)
    except click.ClickException as error:
        print(f"stillwater: {error.format_message()}", file=sys.stderr)  # noqa: T201  # the one error line
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except _OURS as error:
        print(f"stillwater: {error}", file=sys.stderr)  # noqa: T201  # the one error line
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)
