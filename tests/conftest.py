"""A whole Stillwater as a process of its own: `stillwater demo`, its panel and its headset."""

import contextlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.sync.client import connect

from voice_guide.models import MODELS, find, model_folder
from vr_world.streaming.client import join

#: What takes minutes in real time begins first, so that the two lanes end together.
LONGEST = (
    "test_body",
    "test_loop_over_lsl",  # many processes: beside what mostly waits, not beside a browser's pictures
    "test_guided",
    "test_whole",
    "test_lived_session",
    "test_voice_service",
    "test_speech",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what lives longest in real time begin first; the order is random but for that."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(LONGEST)))


class Stillwater:
    """A running demo: what it printed, its API as the signed-in therapist, and its processes."""

    panel: httpx.Client | None = None

    def __init__(self, home: Path, *arguments: str) -> None:
        self.start(home, "demo", "--port", "0", "--no-tls", "--no-guide", *arguments)
        self.origin = self.said(r"Therapist panel\s+(http://\S+)/panel/")
        self.password = self.said(r"password\s+(\S+)")
        self.code = self.said(r"#code=(\d{6})")
        self.said(r"(Ctrl-C)")
        self.panel = httpx.Client(
            base_url=self.origin, headers={"x-stillwater": "1", "origin": self.origin}, timeout=10.0
        )
        self.panel.post("/api/account/sign-in", json={"password": self.password}).raise_for_status()

    def start(self, home: Path, *arguments: str) -> None:
        """Start the command line and gather what it says."""
        self.home = home
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from vr_world.cli import main; main()", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **os.environ,
                "STILLWATER_HOME": str(home),
                "STILLWATER_MODELS": str(model_folder()),
                "COLUMNS": "200",
                "NO_COLOR": "1",
            },
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def state(self) -> dict:
        answer = self.panel.get("/api/rooms/1")
        answer.raise_for_status()
        return answer.json()

    def command(self, name: str, **body) -> httpx.Response:
        return self.panel.post("/api/rooms/1/commands", json={"command": name, **body})

    def headset_cookie(self) -> str:
        return join(self.origin, self.command("new_code") and self.state()["join"]["code"])

    def until(self, happened, within_s: float = 40.0, what: str = "") -> dict:
        """Return the first state for which `happened` is true."""
        end_s = time.monotonic() + within_s
        state: dict = {}
        while time.monotonic() < end_s:
            if self.process.poll() is not None:
                raise AssertionError("stillwater ended:\n" + "\n".join(self.lines))
            with contextlib.suppress(httpx.HTTPStatusError):
                state = self.state()
                if happened(state):
                    return state
            time.sleep(0.1)
        raise AssertionError(
            f"did not happen within {within_s} s: {what}\nguide: {json.dumps(state.get('guide'))}\n"
            f"{json.dumps(state, indent=1)[:4000]}\n{self.lines}"
        )

    def live(self):
        """Open the panel's socket."""
        return connect(
            self.origin.replace("http", "ws", 1) + "/ws/panel/1",
            additional_headers={
                "origin": self.origin,
                "cookie": f"stillwater_session={self.panel.cookies['stillwater_session']}",
            },
            max_size=1 << 22,
        )

    def pid(self, name: str) -> int:
        """Return the process id of `renderer`, `audio`, `recorder` or `room`."""
        for process in self.state()["processes"]:
            if process["name"] == name and process["pid"]:
                return process["pid"]
        raise AssertionError(f"no process {name}")

    def room_pid(self) -> int:
        return psutil.Process(self.pid("renderer")).parent().pid

    def folder(self) -> Path:
        """Return the newest session's folder."""
        return max((self.home / "demo" / "sessions").iterdir())

    def journal(self) -> list[dict]:
        return [json.loads(line) for line in (self.folder() / "journal.jsonl").read_text().splitlines()]

    def close(self) -> None:
        """End it as Ctrl-C does."""
        if self.panel is not None:
            self.panel.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._reader.join(5)
        if not self.process.stdout.closed:
            self.process.stdout.close()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def said(self, pattern: str, within_s: float = 60.0) -> str:
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            for line in list(self.lines):
                if found := re.search(pattern, line):
                    return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"stillwater must print {pattern!r}, printed:\n" + "\n".join(self.lines))


@pytest.fixture
def stillwater(tmp_path):
    running: list[Stillwater] = []

    def start(*arguments: str) -> Stillwater:
        if arguments[:1] == ("serve",):
            server = object.__new__(Stillwater)
            running.append(server)
            server.start(tmp_path / "clinic", *arguments)
            return server
        running.append(Stillwater(tmp_path / f"home{len(running)}", *arguments))
        return running[-1]

    yield start
    for each in running:
        each.close()


@pytest.fixture
def voice_ready() -> None:
    """Skip where the voice guide's packages or weights are not installed."""
    for package in ("torch", "transformers", "onnxruntime", "piper"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: make voice")
    missing = [name for name in MODELS if find(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not in {model_folder()}: make voice")
