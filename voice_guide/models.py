"""The weights that the voice guide runs on: known, checked, made ready, found. Never downloaded from here.

A model is a folder of `model_folder()`. It is made by `assemble` from files of pinned packages, complete or
not at all, and carries `stillwater-model.json`: what it was made from, with size and sha256 of each file.
`find` answers at once (presence and sizes); `verify` reads every byte.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import site
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import platformdirs

from voice_guide._catalogue import MODELS, ModelSpec, SourceFile, WeightPackage
from voice_guide._converting import convert
from voice_guide.errors import BadModel

__all__ = [
    "MANIFEST",
    "MODELS",
    "MODELS_VARIABLE",
    "ModelSpec",
    "Progress",
    "SourceFile",
    "WeightPackage",
    "assemble",
    "find",
    "model_folder",
    "need",
    "places_of_packages",
    "spec_of",
    "verify",
    "write_manifest",
]

MODELS_VARIABLE: Final = "STILLWATER_MODELS"
MANIFEST: Final = "stillwater-model.json"
_BLOCK: Final = 1 << 20

#: Told the share done, 0 … 1, and what is being done.
Progress = Callable[[float, str], None]


class _File(msgspec.Struct, frozen=True, kw_only=True):
    size: int
    sha256: str


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a model folder says of itself."""

    name: str
    fingerprint: str
    licence: str
    files: dict[str, _File]


def model_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of all models: `STILLWATER_MODELS`, else `models` in the data folder."""
    named = environ.get(MODELS_VARIABLE)
    if named:
        return Path(named).expanduser()
    home = environ.get("STILLWATER_HOME")
    data = (
        Path(home).expanduser() if home else Path(platformdirs.user_data_dir("stillwater", appauthor=False))
    )
    return data / "models"


def spec_of(name: str) -> ModelSpec:
    """Return the spec of a packaged model.

    Raises:
        BadModel: no model has that name.
    """
    if name not in MODELS:
        raise BadModel(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    return MODELS[name]


def find(name: str, folder: Path | None = None) -> Path | None:
    """Return the folder of a packaged model, or `None` if it is not there, not complete or of an old make.

    Looks at names and sizes only (`verify` reads the bytes). `folder` is `model_folder()` if not given.
    """
    spec = spec_of(name)
    home = (folder or model_folder()) / name
    manifest = _read_manifest(home)
    if manifest is None or manifest.fingerprint != spec.fingerprint:
        return None
    for path, file in manifest.files.items():
        if not (home / path).is_file() or (home / path).stat().st_size != file.size:
            return None
    return home


def need(name: str, folder: Path | None = None) -> Path:
    """Return the folder of a packaged model.

    Raises:
        BadModel: it is not there; says how to get it.
    """
    found = find(name, folder)
    if found is None:
        raise BadModel(
            f"model {name} is not in {folder or model_folder()}: run stillwater models install {name}"
        )
    return found


def verify(home: Path) -> None:
    """Read every file of a model folder and compare it with its manifest.

    Raises:
        BadModel: the manifest is missing or a file differs; says which.
    """
    manifest = _read_manifest(home)
    if manifest is None:
        raise BadModel(f"{home} must hold {MANIFEST}, found none that can be read")
    for path, file in manifest.files.items():
        if not (home / path).is_file():
            raise BadModel(f"{home / path} is missing: install the model again")
        got = _sha256(home / path)
        if got != file.sha256:
            raise BadModel(
                f"{home / path} must have sha256 {file.sha256}, got {got}: install the model again"
            )


def places_of_packages() -> tuple[Path, ...]:
    """Return the folders in which this Python's packages are installed."""
    return tuple(Path(place) for place in site.getsitepackages())


def assemble(
    name: str,
    folder: Path | None = None,
    progress: Progress | None = None,
    *,
    places: Sequence[Path] | None = None,
) -> Path:
    """Make a packaged model from the files of its packages; return its folder. Nothing is left if it fails.

    Args:
        name: of the model.
        folder: where models are kept (`model_folder()` if not given).
        progress: told the share done.
        places: folders in which its packages, or their files, are looked for; site-packages if not given.

    Raises:
        BadModel: a file is missing or is not the pinned one, or the folder cannot be written.
        NoVoiceStack: the conversion needs a package that is not installed.
    """
    spec = spec_of(name)
    tell = progress or _silent
    sources = dict(_checked(spec, places if places is not None else places_of_packages(), tell))
    folder = folder or model_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as scratch:
            made = Path(scratch) / name
            made.mkdir()
            _make(spec, sources, made, tell)
            write_manifest(made, name=name, fingerprint=spec.fingerprint, licence=spec.licence)
            _put(made, folder / name, Path(scratch) / "old")
    except OSError as error:
        raise BadModel(f"cannot write model {name} into {folder}: {error.strerror or error}") from error
    tell(1.0, f"{name}: ready")
    return folder / name


def write_manifest(home: Path, *, name: str, fingerprint: str, licence: str) -> None:
    """Write what the folder `home` holds now into its manifest."""
    files = {
        path.relative_to(home).as_posix(): _File(size=path.stat().st_size, sha256=_sha256(path))
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    manifest = _Manifest(name=name, fingerprint=fingerprint, licence=licence, files=files)
    (home / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))


def _silent(share: float, what: str) -> None:
    del share, what


def _read_manifest(home: Path) -> _Manifest | None:
    try:
        return msgspec.json.decode((home / MANIFEST).read_bytes(), type=_Manifest)
    except (OSError, msgspec.DecodeError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(spec: ModelSpec, places: Sequence[Path], tell: Progress) -> Iterator[tuple[str, Path]]:
    """Yield (what the model calls it, where it is) of each source file, after reading it whole."""
    total = sum(source.size for source in spec.sources)
    done = 0
    for source in spec.sources:
        tell(0.5 * done / total, f"{spec.name}: checking {Path(source.path).name}")
        path = _located(source, places, spec)
        got = _sha256(path)
        if got != source.sha256:
            raise BadModel(f"{path} must have sha256 {source.sha256}, got {got}")
        done += source.size
        yield source.into, path


def _located(source: SourceFile, places: Sequence[Path], spec: ModelSpec) -> Path:
    """Return where a source file is: below its package's folder, or by its bare name (a local folder)."""
    for place in places:
        for path in (place / source.path, place / Path(source.path).name):
            if path.is_file() and path.stat().st_size == source.size:
                return path
    wanted = " ".join(f"{package.name}=={package.version}" for package in spec.packages)
    looked = ", ".join(str(place) for place in places)
    raise BadModel(f"{source.path} ({source.size} bytes) of {wanted} is not in {looked}")


def _make(spec: ModelSpec, sources: Mapping[str, Path], made: Path, tell: Progress) -> None:
    if spec.making == "copy":
        for number, (into, path) in enumerate(sources.items()):
            tell(0.5 + 0.4 * number / len(sources), f"{spec.name}: copying {into}")
            (made / into).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, made / into)
        return
    tell(0.5, f"{spec.name}: converting")
    convert(spec.making, sources, made)
    tell(0.9, f"{spec.name}: hashing")


def _put(made: Path, home: Path, old: Path) -> None:
    """Move a finished folder to its place in one step; what was there goes into the scratch folder."""
    if home.exists():
        home.rename(old)
    made.rename(home)
