"""Make this machine ready: system libraries, virtual environment, Python packages, web client.

python3 scripts/setup.py          what `make demo` needs
python3 scripts/setup.py --voice  and the voice guide: PyTorch, speech synthesis, models (2.5 GB)
python3 scripts/setup.py --dev    and what tests and checks need; the voice guide too if it can be had

Each step says what it does, does only what is missing, and fails with one line. A second run takes about a
second. Standard library only, no syntax newer than Python 3.8 (see `steps.py`).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from steps import LOG, ROOT, Failure, fail_with_one_line, run, say

OLDEST = (3, 11)
#: Tried in this order after the `python3` that runs this. Every pinned package has wheels for these.
PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
#: Panda3D draws without a screen through EGL; the Mesa drivers come with these as dependencies.
LIBRARIES = {"libEGL.so.1": "libegl1", "libGL.so.1": "libgl1"}
PIP = ("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off")
#: A lock is complete, so nothing is left to resolve; wheels only, so nothing is left to compile.
LOCKED = ("--require-hashes", "--no-deps", "--only-binary=:all:")


def _ask(command: Sequence[object]) -> str | None:
    """Return what `command` prints, or None if it cannot be run or fails."""
    try:
        asked = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None


def _version(python: object) -> tuple[int, ...] | None:
    """Return (major, minor) of an interpreter, or None if it does not run."""
    said = _ask([python, "-c", "import sys; print(*sys.version_info[:2])"])
    return tuple(int(word) for word in said.split()) if said else None


def _find_python() -> str:
    """Return a suitable interpreter; the `python3` that people know comes first, then the newest.

    Raises:
        Failure: none is 3.11 or newer.
    """
    for candidate in (sys.executable, *PYTHONS):
        path = shutil.which(candidate)
        if path and (_version(path) or (0, 0)) >= OLDEST:
            return path
    mine = ".".join(str(part) for part in sys.version_info[:3])
    raise Failure(
        f"Python 3.11 or newer is needed, and only {mine} was found: apt-get install python3.11-venv"
    )


def _environment() -> Path:
    """Return the virtual environment's interpreter: of the active one, else of `.venv`, made if need be.

    Raises:
        Failure: the active one is gone or too old, or none can be made.
    """
    active = os.environ.get("VIRTUAL_ENV")
    home = Path(active) if active else ROOT / ".venv"
    python = home / "bin" / "python"
    version = _version(python)
    if version is not None and version >= OLDEST:
        say(f"Python {version[0]}.{version[1]} in {'the active ' if active else ''}{home}")
        return python
    if active:
        has = f"Python {version[0]}.{version[1]}" if version else "no Python"
        raise Failure(
            f"the active virtual environment {home} has {has}, 3.11 or newer is needed: deactivate it"
        )
    base = _find_python()
    if _ask([base, "-c", "import ensurepip, venv"]) is None:
        # Debian and Ubuntu keep this part of Python in a package of its own.
        major, minor = _version(base) or OLDEST
        _apt([f"python{major}.{minor}-venv"])
    say(f"virtual environment .venv from {base}")
    run("making the virtual environment", [base, "-m", "venv", "--clear", home])
    return python


def _is_ubuntu() -> bool:
    release = Path("/etc/os-release")
    lines = release.read_text(encoding="utf-8").splitlines() if release.is_file() else []
    return any(line.startswith(("ID=", "ID_LIKE=")) and "ubuntu" in line for line in lines)


def _as_root() -> list[str]:
    """Return what to put before a command that needs root.

    Raises:
        Failure: neither root nor sudo.
    """
    if os.geteuid() == 0:
        return []
    # Asked here, where sudo can still put its question on the terminal.
    if shutil.which("sudo") is None or subprocess.run(["sudo", "-v"], check=False).returncode != 0:
        raise Failure("this needs root or sudo")
    return ["sudo"]


def _apt(packages: Sequence[str]) -> None:
    """Install Debian packages; refresh the package lists only if they turn out to be missing or old.

    Raises:
        Failure: no apt, no right to use it, or it failed; says what to install.
    """
    wanted = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise Failure(f"no apt-get here: please install what Debian calls {wanted}, then run this again")
    say(f"system packages: {wanted}")
    try:
        prefix = [
            *_as_root(),
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-o",
            "DPkg::Lock::Timeout=300",
        ]
        install = [*prefix, "install", "--yes", "--no-install-recommends", *packages]
        try:
            run(f"installing {wanted}", install)
        except Failure:
            run("refreshing apt's package lists", [*prefix, "update"])
            run(f"installing {wanted}", install)
    except Failure as failure:
        raise Failure(f"{failure}; by hand: sudo apt-get update && sudo apt-get install {wanted}") from None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _system_libraries() -> None:
    missing = [package for library, package in LIBRARIES.items() if not _loads(library)]
    if missing:
        _apt(missing)


_WHERE_CHROMIUM = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def _browser(python: Path) -> None:
    """Have a Chromium for the browser tests.

    On Ubuntu the package `chromium` is a stand-in for a snap, which neither root nor a container can run
    without a session: Playwright's own build is used there.
    """
    if not _is_ubuntu():
        if shutil.which("chromium") is None:
            _apt(["chromium"])
        return
    path = _ask([python, "-c", _WHERE_CHROMIUM])
    if path is None or not Path(path).is_file():
        # Its --with-deps calls apt-get itself, through sudo if need be.
        run("installing Chromium", [python, "-m", "playwright", "install", "--with-deps", "chromium"])


class _Stamp:
    """Remembers in the virtual environment what it was last given."""

    def __init__(self, python: Path, name: str, *sources: Path) -> None:
        digest = hashlib.sha256(str(ROOT).encode())
        for source in sources:
            digest.update(source.read_bytes())
        self._value = digest.hexdigest()
        self._file = python.parent.parent / ".stillwater" / name

    def is_current(self) -> bool:
        return self._file.is_file() and self._file.read_text(encoding="utf-8") == self._value

    def write(self) -> None:
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text(self._value, encoding="utf-8")


def _install(python: Path, what: str, wanted: Path, options: Sequence[str]) -> None:
    """Install what the file `wanted` lists, unless this was done."""
    stamp = _Stamp(python, wanted.name, wanted)
    if not stamp.is_current():
        say(f"Python packages: {what} ({wanted.name})")
        run(f"installing {what}", [python, *PIP, *options, "-r", wanted])
        stamp.write()


def _python_packages(python: Path, *, dev: bool) -> None:
    """Install what the lock files pin, and this project in place."""
    if _ask([python, "-m", "pip", "--version"]) is None:
        run("adding pip to the virtual environment", [python, "-m", "ensurepip"])
    for what, lock in _locks(dev=dev):
        _install(python, what, lock, LOCKED)
    here = _Stamp(python, "project", ROOT / "pyproject.toml")
    if not here.is_current():
        run(
            "installing this project in place",
            [python, *PIP, "--no-deps", "--no-build-isolation", "--editable", ROOT],
        )
        here.write()


#: Prints nothing and exits with 0 if every model is there and complete.
_HAS_MODELS = "import sys; from voice_guide.models import MODELS, find; sys.exit(not all(map(find, MODELS)))"


def _voice_guide(python: Path) -> None:
    """Have what the voice guide runs on: espeak-ng, its Python packages, PyTorch, the models.

    PyTorch comes as pip finds it, for this machine's graphics card or for none: no lock can name all of its
    builds (docs/decisions/0025-torch-stays-outside-the-lock.md).
    """
    if shutil.which("espeak-ng") is None:
        _apt(["espeak-ng"])
    lock, torch = ROOT / "requirements-voice.lock", ROOT / "requirements-torch.txt"
    _install(python, "what the voice guide needs", lock, LOCKED)
    _install(python, "PyTorch", torch, ["--only-binary=:all:"])
    if _ask([python, "-c", _HAS_MODELS]) is None:
        say("models of the voice guide")
        run("getting the models", [python.parent / "stillwater", "models", "install"])


def _voice_guide_if_it_can_be_had(python: Path) -> None:
    try:
        _voice_guide(python)
    except Failure as failure:
        say(f"without the voice guide, whose tests are skipped: {failure}")


def _locks(*, dev: bool) -> Iterator[tuple[str, Path]]:
    if dev:
        yield "what the tests need", ROOT / "requirements-dev.lock"
    yield "what Stillwater needs", ROOT / "requirements.lock"
    # Packages that are wanted for the recordings inside them. Their own requirements (OpenCV and others, some
    # to be compiled) are left out: nothing here imports them, so `pip check` speaks of them in vain.
    yield "sample recordings", ROOT / "requirements-samples.lock"


def main() -> None:
    """Do every step."""
    dev, voice = sys.argv[1:] == ["--dev"], sys.argv[1:] == ["--voice"]
    if sys.argv[1:] and not dev and not voice:
        raise Failure(f"setup.py takes nothing, --voice or --dev, got {' '.join(sys.argv[1:])}")
    if not sys.platform.startswith("linux"):
        raise Failure(f"Stillwater's server runs on Linux, this is {sys.platform}")
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("", encoding="utf-8")
    python = _environment()
    _system_libraries()
    _python_packages(python, dev=dev)
    if voice:
        _voice_guide(python)
    if dev:
        _browser(python)
        _voice_guide_if_it_can_be_had(python)
    # In the virtual environment's Python: it may hold the Node.js that this needs.
    built = subprocess.run([str(python), str(ROOT / "scripts" / "web.py")], check=False)
    if built.returncode != 0:
        raise SystemExit(built.returncode)
    say("ready")


if __name__ == "__main__":
    fail_with_one_line(main)
