"""`stillwater demo` as a process of its own, with its panel's API; gone when the block is left."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks._children import leaving_politely
from benchmarks._kit import BenchmarkFailed

__all__ = ["Demo", "running_demo"]

#: A demo ends by itself after this, should nobody be left to end it.
_LONGEST_S: Final = 300.0
_STARTS_WITHIN_S: Final = 90.0
_LEAVES_WITHIN_S: Final = 15.0
_ANSWERS_WITHIN_S: Final = 10.0
_COOKIE: Final = "stillwater_session"


class Demo:
    """A running demo, signed in as its therapist. Make one with `running_demo`.

    Attributes:
        origin: such as `http://localhost:43210`.
        code: joins one headset.
        pid: the gateway's process.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        self._process = process
        self._lines: list[str] = []
        self._said = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        self.origin = self._find(r"Therapist panel\s+(http://\S+)/panel/")
        self.code = self._find(r"#code=(\d{6})")
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        self.ask("POST", "/api/account/sign-in", {"password": self._find(r"password\s+(\S+)")})

    def state(self) -> dict[str, Any]:
        """Return the room's state, as the panel has it. Blocks."""
        return self.ask("GET", "/api/rooms/1")

    def panel_headers(self) -> dict[str, str]:
        """Return what the panel's socket must be opened with."""
        value = next(str(cookie.value) for cookie in self._cookies if cookie.name == _COOKIE)
        return {"origin": self.origin, "cookie": f"{_COOKIE}={value}"}

    def processes(self, state: Mapping[str, Any]) -> dict[str, int]:
        """Return the ids of all processes by what they do; `state` names the room's."""
        found = {"gateway": self.pid}
        found |= {each["name"]: int(each["pid"]) for each in state["processes"] if each["pid"]}
        found["room"] = int(psutil.Process(found["renderer"]).ppid())
        for child in psutil.Process(self.pid).children():
            if child.pid != found["room"] and "resource_tracker" not in " ".join(child.cmdline()):
                found["signals"] = child.pid
        return found

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask the panel's API for something, as its therapist. Blocks."""
        request = urllib.request.Request(  # noqa: S310  # our own http address
            self.origin + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", "origin": self.origin, "x-stillwater": "1"},
            method=method,
        )
        with self._opener.open(request, timeout=_ANSWERS_WITHIN_S) as answer:
            told = json.loads(answer.read() or b"{}")
        return told if isinstance(told, dict) else {}

    def _listen(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                with self._said:
                    self._lines.append(line.rstrip())
                    self._said.notify_all()
        with self._said:
            self._lines.append("")
            self._said.notify_all()

    def _find(self, pattern: str) -> str:
        def look() -> re.Match[str] | None:
            return next(filter(None, (re.search(pattern, line) for line in self._lines)), None)

        with self._said:
            self._said.wait_for(lambda: look() or self._process.poll() is not None, _STARTS_WITHIN_S)
            found = look()
        if found is None:
            raise BenchmarkFailed(f"the demo must print {pattern!r}, printed: {' / '.join(self._lines)}")
        return found[1]


@contextlib.contextmanager
def running_demo(home: Path) -> Iterator[Demo]:
    """Run a demo with a simulated patient that keeps its data in `home`, while the block lasts.

    Raises:
        BenchmarkFailed: it does not start.
    """
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from vr_world.cli import main; main()",
            "demo",
            "--no-guide",
            "--no-tls",
            "--port",
            "0",
            "--seconds",
            str(_LONGEST_S),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "STILLWATER_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1"},
    )
    try:
        with leaving_politely():
            yield Demo(process)
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Let the demo leave, and kill what is left of it and its processes."""
    family: list[psutil.Process] = []
    if process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_LEAVES_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
