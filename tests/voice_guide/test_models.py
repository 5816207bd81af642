"""Models: only the pinned bytes, whole or not at all."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from voice_guide import _catalogue, models
from voice_guide.errors import BadModel
from voice_guide.installing import fetch_from_hub, has_sources, unpacked
from voice_guide.models import (
    MANIFEST,
    MODELS,
    ModelSpec,
    SourceFile,
    WeightPackage,
    assemble,
    find,
    model_folder,
    need,
    verify,
)

FILES = {"a/weights.bin": b"weights" * 1000, "a/config.json": b"{}"}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """A model of two small files, known under the name `tiny`."""
    spec = ModelSpec(
        name="tiny",
        title="Tiny",
        task="voice",
        licence="CC0-1.0",
        origin="this test",
        packages=(WeightPackage(name="tiny-weights", version="1.0", wheel_sha256="0" * 64),),
        sources=tuple(
            SourceFile(
                path=path,
                into=f"deep/{Path(path).name}",
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
            )
            for path, data in FILES.items()
        ),
        making="copy",
        size=7002,
    )
    monkeypatch.setitem(models.MODELS, "tiny", spec)
    return spec


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of installed packages that holds the files of `tiny`."""
    folder = tmp_path / "site-packages"
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_model_is_made_of_its_files_and_found(tiny: ModelSpec, packages: Path, tmp_path: Path) -> None:
    told: list[float] = []
    home = tmp_path / "models"
    assert find("tiny", home) is None
    made = assemble("tiny", home, lambda share, _what: told.append(share), places=(packages,))
    assert find("tiny", home) == made == need("tiny", home)
    assert (made / "deep" / "weights.bin").read_bytes() == FILES["a/weights.bin"]
    verify(made)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert left_in(home) == ["tiny"]
    manifest = json.loads((made / MANIFEST).read_text())
    assert manifest["licence"] == "CC0-1.0"
    assert manifest["fingerprint"] == tiny.fingerprint


@pytest.mark.usefixtures("tiny")
def test_a_file_with_one_wrong_byte_is_refused_and_nothing_is_left(packages: Path, tmp_path: Path) -> None:
    damaged = bytearray(FILES["a/weights.bin"])
    damaged[3000] ^= 1
    (packages / "a" / "weights.bin").write_bytes(damaged)
    with pytest.raises(BadModel, match=r"weights.bin must have sha256 [0-9a-f]{64}, got [0-9a-f]{64}"):
        assemble("tiny", tmp_path / "models", places=(packages,))
    assert left_in(tmp_path / "models") == []


def test_a_file_of_another_length_is_not_the_file(tiny: ModelSpec, packages: Path, tmp_path: Path) -> None:
    (packages / "a" / "weights.bin").write_bytes(b"short")
    assert not has_sources(tiny, (packages,))
    with pytest.raises(BadModel, match=r"weights.bin \(7000 bytes\) of tiny-weights==1.0 is not in"):
        assemble("tiny", tmp_path / "models", places=(packages,))


@pytest.mark.usefixtures("tiny")
def test_a_failing_conversion_leaves_the_old_model_as_it_was(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "models"
    assemble("tiny", home, places=(packages,))

    def fails(_making: str, _sources: Mapping[str, Path], made: Path) -> None:
        (made / "half.bin").write_bytes(b"half of it")
        raise BadModel("cannot convert")

    monkeypatch.setattr(models, "convert", fails)
    monkeypatch.setitem(
        models.MODELS, "tiny", dataclasses.replace(models.MODELS["tiny"], making="gguf", version=2)
    )
    with pytest.raises(BadModel, match="cannot convert"):
        assemble("tiny", home, places=(packages,))
    assert left_in(home) == ["tiny"]
    assert (home / "tiny" / "deep" / "weights.bin").exists()
    assert find("tiny", home) is None, "it is of an older make than wanted"


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("how", ["no manifest", "cut manifest", "missing file", "short file"])
def test_a_folder_that_is_not_whole_is_never_found(how: str, packages: Path, tmp_path: Path) -> None:
    made = assemble("tiny", tmp_path, places=(packages,))
    match how:
        case "no manifest":
            (made / MANIFEST).unlink()
        case "cut manifest":
            (made / MANIFEST).write_bytes((made / MANIFEST).read_bytes()[:40])
        case "missing file":
            (made / "deep" / "config.json").unlink()
        case _:
            (made / "deep" / "weights.bin").write_bytes(b"short")
    assert find("tiny", tmp_path) is None
    with pytest.raises(BadModel):
        verify(made)
    with pytest.raises(BadModel, match="run stillwater models install tiny"):
        need("tiny", tmp_path)
    assert find("tiny", assemble("tiny", tmp_path, places=(packages,)).parent) is not None, "made again"


@pytest.mark.usefixtures("tiny")
def test_damage_inside_a_file_is_seen_by_reading_it(packages: Path, tmp_path: Path) -> None:
    made = assemble("tiny", tmp_path, places=(packages,))
    (made / "deep" / "config.json").write_bytes(b"[]")
    with pytest.raises(BadModel, match=r"config.json must have sha256"):
        verify(made)


def test_files_may_lie_flat_in_a_folder(tiny: ModelSpec, packages: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in tiny.sources:
        (flat / Path(path.path).name).write_bytes((packages / path.path).read_bytes())
    assert assemble("tiny", tmp_path / "models", places=(flat,)).is_dir()


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(BadModel, match=r"must be one of whisper-base, .*got 'gpt'"):
        find("gpt")


def test_where_models_are_kept(tmp_path: Path) -> None:
    assert model_folder({"STILLWATER_MODELS": str(tmp_path)}) == tmp_path
    assert model_folder({"STILLWATER_HOME": str(tmp_path)}) == tmp_path / "models"
    assert model_folder({}).name == "models"


def test_every_packaged_model_is_pinned_by_whole_hashes() -> None:
    hashes = [source.sha256 for spec in MODELS.values() for source in spec.sources]
    hashes += [one.wheel_sha256 for spec in MODELS.values() for one in spec.packages]
    assert all(len(one) == 64 and set(one) <= set("0123456789abcdef") for one in hashes)
    assert len({spec.fingerprint for spec in MODELS.values()}) == len(MODELS)
    assert all(spec.size > 0 and spec.licence and spec.origin for spec in MODELS.values())
    for spec in _catalogue.MODELS.values():
        assert len({source.into for source in spec.sources}) == len(spec.sources)


def test_packages_that_are_installed_are_not_fetched(
    tiny: ModelSpec, packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice_guide.installing.places_of_packages", lambda: (packages,))
    monkeypatch.setattr("voice_guide.installing._pip", lambda *_: pytest.fail("pip was asked"))
    with unpacked([tiny], tmp_path / "scratch") as places:
        assert places == (packages,)


def test_what_pip_says_is_passed_on_in_one_line(
    tiny: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    with (
        pytest.raises(BadModel, match=r"pip cannot install tiny-weights==1.0: ERROR: .*") as refused,
        unpacked([tiny], tmp_path / "scratch"),
    ):
        pass
    assert "\n" not in str(refused.value)
    assert left_in(tmp_path / "scratch") == []


def test_a_model_from_the_hub_is_whole_or_not_there(tmp_path: Path) -> None:
    def gives(repository: str, folder: Path) -> None:
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"from": repository}))

    def breaks(repository: str, folder: Path) -> None:
        gives(repository, folder)
        raise BadModel("the line is cut")

    with pytest.raises(BadModel, match="cut"):
        fetch_from_hub("openai/whisper-small", tmp_path, breaks)
    assert left_in(tmp_path) == []
    home = fetch_from_hub("openai/whisper-small", tmp_path, gives)
    assert home.name == "openai--whisper-small"
    verify(home)
    with pytest.raises(BadModel, match=r"config\.json, found none"):
        fetch_from_hub("a/b", tmp_path, lambda _repository, folder: folder.mkdir())


@pytest.mark.parametrize("name", ["whisper", "a/b/c", "../x", "a/..", "/b", "a/"])
def test_a_name_that_is_no_hub_repository_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="OWNER/NAME"):
        fetch_from_hub(name, tmp_path, lambda *_: pytest.fail("it was asked"))
