"""Running other programs as a set-up step: say what happens, show progress, fail with one line.

Standard library only, and free of syntax newer than Python 3.8, so that a machine with an old Python gets
a sentence instead of a traceback.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["LOG", "ROOT", "Failure", "fail_with_one_line", "run", "say"]

ROOT = Path(__file__).resolve().parent.parent

#: Everything that the programs we run have printed, newest set-up only.
LOG = ROOT / ".cache" / "setup.log"

#: Without a terminal, a sign of life this often (seconds): what watches a build takes silence for death.
SIGN_OF_LIFE_S = 15.0

_COLOURS = re.compile("\x1b\\[[0-9;]*m")


class Failure(Exception):  # not a bug in the program: what the person reads
    """A step that cannot be done; the message is the one line to show."""


def say(text: str) -> None:
    """Print one line of what is being done."""
    print(f"stillwater: {text}", flush=True)


def fail_with_one_line(main: Callable[[], None]) -> None:
    """Run `main`; on a `Failure` or Ctrl-C print one line on stderr and exit with 1 or 130."""
    try:
        main()
    except Failure as failure:
        print(f"stillwater: failed: {failure}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("\nstillwater: interrupted; the next run goes on from here", file=sys.stderr)
        raise SystemExit(130) from None


class _Progress:
    """One rewritten line on a terminal; without one, a line now and then."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._started_s = time.monotonic()
        self._spoke_s = self._started_s
        self._terminal = sys.stdout.isatty()

    def show(self, last: str) -> None:
        now_s = time.monotonic()
        took_s = now_s - self._started_s
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{f'  … {self._what} ({took_s:.0f} s) {last}'[:width]}", end="", flush=True)
        elif now_s - self._spoke_s >= SIGN_OF_LIFE_S:
            self._spoke_s = now_s
            print(f"  … {self._what} ({took_s:.0f} s) {last[:100]}", flush=True)

    def done(self) -> None:
        if self._terminal:
            print("\r\033[K", end="")
        print(f"  {self._what}: {time.monotonic() - self._started_s:.0f} s", flush=True)


def _reason(lines: Sequence[str]) -> str:
    """Return the line that best says why a program failed: the last about an error, else the last."""
    telling = [
        line for line in lines if line.lower().lstrip().startswith(("error", "e:", "npm error", "fatal"))
    ]
    return (telling or list(lines) or ["it printed nothing"])[-1]


def run(
    what: str,
    command: Sequence[object],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    because: Callable[[Sequence[str]], str] = _reason,
) -> None:
    """Run `command` (nothing on its standard input) with its output in `LOG`, showing progress as `what`.

    Raises:
        Failure: it is not there, or did not exit with 0; `because` picks the line to show from its output.
    """
    words = [str(word) for word in command]
    LOG.parent.mkdir(parents=True, exist_ok=True)
    progress = _Progress(what)
    lines = []
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(words)}\n")
        try:
            child = subprocess.Popen(
                words,
                cwd=str(cwd),
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise Failure(f"{what}: cannot start {words[0]}: {error.strerror}") from None
        with child:
            for line in child.stdout or ():
                log.write(line)
                plain = _COLOURS.sub("", line).strip()
                if plain:
                    lines.append(plain)
                    progress.show(plain)
    if child.returncode != 0:
        if sys.stdout.isatty():
            print("\r\033[K", end="")
        raise Failure(f"{what}: {because(lines)} (all of it: {LOG.relative_to(ROOT)})")
    progress.done()
