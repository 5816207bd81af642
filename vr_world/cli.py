"""`stillwater`: the command line. Stable: people script against it.

Exit codes: 0 done, 1 the check failed, 2 bad usage or input. Errors are one line on stderr.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    # A spawned child process imports the script that started us: it must not import the whole product.
    from vr_world.commands.app import run  # noqa: PLC0415

    sys.exit(run())
