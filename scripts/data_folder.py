"""Says which recordings the tests will use, before they run.

Recordings are not kept in the repository. `STILLWATER_DATA` names a folder of them; the tests that need it
are skipped where it is not set. A folder that is named and not there is a mistake, not an absence.
"""

from __future__ import annotations

import os
from pathlib import Path

from steps import Failure, fail_with_one_line, say


def main() -> None:
    """Say it.

    Raises:
        Failure: `STILLWATER_DATA` names no folder.
    """
    named = os.environ.get("STILLWATER_DATA", "")
    if not named:
        say("STILLWATER_DATA is not set: the tests on those recordings are skipped, each says so at the end")
    elif not Path(named).is_dir():
        raise Failure(f"STILLWATER_DATA must name a folder, got {named}")
    else:
        say(f"recordings from STILLWATER_DATA={named}")


if __name__ == "__main__":
    fail_with_one_line(main)
