"""Set-up does what is needed and no more, and fails with one line."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
Script = Callable[[str], ModuleType]


def _pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def _project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_pin_has_a_hash_and_no_index_is_named() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock.name
        assert "--index" not in text, lock.name
        blocks = re.split(r"\n(?=[a-z0-9])", text)[1:]
        assert len(blocks) == len(_pins(lock.name)) > 0
        assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_web_lock_names_no_registry_and_checks_every_package() -> None:
    lock = (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') > 30


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = _project()["project"]
    assert isinstance(project, dict)
    extras = project["optional-dependencies"]
    for lock, asked in (
        ("requirements.lock", project["dependencies"]),
        ("requirements-dev.lock", [*project["dependencies"], *extras["dev"]]),
        ("requirements-samples.lock", extras["samples"]),
        (
            "requirements-voice.lock",
            [*(one for one in extras["voice"] if "torch" not in one), *extras["piper"]],
        ),
    ):
        pins = _pins(lock)
        for requirement in map(Requirement, asked):
            name = canonicalize_name(requirement.name)
            assert name in pins, f"{lock} misses {name}: run make lock"
            assert pins[name] in requirement.specifier, f"{lock}: {name} {pins[name]}: run make lock"


def test_what_is_tested_is_what_is_installed() -> None:
    run, dev = _pins("requirements.lock"), _pins("requirements-dev.lock")
    assert run.items() <= dev.items()
    voice = _pins("requirements-voice.lock")
    assert {name: voice[name] for name in voice.keys() & dev.keys()}.items() <= dev.items()


def test_pytorch_and_what_it_brings_for_graphics_cards_stay_outside_the_locks() -> None:
    pinned = {name for lock in ROOT.glob("requirements*.lock") for name in _pins(lock.name)}
    assert [
        name for name in pinned if name == "torch" or name.startswith(("nvidia-", "cuda-", "triton"))
    ] == []
    (torch,) = re.findall(r"^torch==\S+$", (ROOT / "requirements-torch.txt").read_text("utf-8"), re.MULTILINE)
    project = _project()["project"]
    assert isinstance(project, dict)
    (asked,) = (r for r in map(Requirement, project["optional-dependencies"]["voice"]) if r.name == "torch")
    assert torch.removeprefix("torch==") in asked.specifier


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v18.19.1", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.1.0", True),
        ("", False),
        ("nonsense", False),
    ],
)
def test_node_is_new_enough_where_vite_says_so(version: str, enough: bool, script: Script) -> None:  # noqa: FBT001
    assert script("web").node_is_new_enough(version) is enough


@pytest.fixture
def small_web(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`scripts/web.py` over a client of one file that is built already."""
    web = script("web")
    for name, path in (
        ("ROOT", ""),
        ("WEB", "web"),
        ("STATIC", "static"),
        ("BUILT_FROM", "static/.built-from"),
    ):
        monkeypatch.setattr(web, name, tmp_path / path)
    (tmp_path / "web" / "node_modules").mkdir(parents=True)
    (tmp_path / "static").mkdir()
    (tmp_path / "web" / "main.ts").write_text("1")
    (tmp_path / "static" / "index.html").write_text("built")
    (tmp_path / "static" / ".built-from").write_text(web._digest(*web._sources()))
    return web


def test_the_web_client_is_built_again_only_when_its_sources_change(small_web: ModuleType) -> None:
    assert small_web.is_current()
    (small_web.WEB / "node_modules" / "other.js").write_text("not ours")
    assert small_web.is_current()
    (small_web.WEB / "main.ts").write_text("2")
    assert not small_web.is_current()
    (small_web.WEB / "main.ts").write_text("1")
    assert small_web.is_current()
    (small_web.WEB / "more.ts").write_text("")
    assert not small_web.is_current()


def test_a_client_without_its_page_is_not_built(small_web: ModuleType) -> None:
    (small_web.STATIC / "index.html").unlink()
    assert not small_web.is_current()


@pytest.fixture
def logged(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`scripts/steps.py` with its log in a folder of its own."""
    steps = script("steps")
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps, "LOG", tmp_path / "set-up.log")
    return steps


def test_a_failing_step_tells_its_reason_in_one_line_and_keeps_the_rest(
    logged: ModuleType, tmp_path: Path
) -> None:
    program = (
        "print('much'); print('\\x1b[31mERROR: no wheel for this machine\\x1b[0m'); print('bye'); exit(3)"
    )
    with pytest.raises(logged.Failure) as failed:
        logged.run("installing", [sys.executable, "-c", program], cwd=tmp_path)
    assert str(failed.value) == "installing: ERROR: no wheel for this machine (all of it: set-up.log)"
    assert "much" in logged.LOG.read_text(encoding="utf-8")


def test_a_program_that_is_not_there_is_named(logged: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(logged.Failure, match="cannot start no-such-program: No such file"):
        logged.run("building", ["no-such-program"], cwd=tmp_path)


def test_an_active_environment_that_is_too_old_is_refused(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho 3 10\n")
    python.chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    setup = script("setup")
    with pytest.raises(setup.Failure, match=r"has Python 3\.10, 3\.11 or newer is needed"):
        setup._environment()


def test_an_active_environment_that_is_gone_is_refused(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "gone"))
    setup = script("setup")
    with pytest.raises(setup.Failure, match="has no Python"):
        setup._environment()


def test_without_apt_it_says_what_to_install(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    setup = script("setup")
    with pytest.raises(
        setup.Failure, match="no apt-get here: please install what Debian calls libegl1 libgl1"
    ):
        setup._apt(["libegl1", "libgl1"])


def test_a_lock_that_changed_is_installed_again(script: Script, tmp_path: Path) -> None:
    setup = script("setup")
    lock = tmp_path / "a.lock"
    lock.write_text("one==1")
    stamp = setup._Stamp(tmp_path / "bin" / "python", "a.lock", lock)
    assert not stamp.is_current()
    stamp.write()
    assert setup._Stamp(tmp_path / "bin" / "python", "a.lock", lock).is_current()
    lock.write_text("one==2")
    assert not setup._Stamp(tmp_path / "bin" / "python", "a.lock", lock).is_current()


def test_without_the_voice_guide_set_up_goes_on_and_says_why(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    setup = script("setup")
    monkeypatch.setenv("PATH", str(tmp_path))  # neither espeak-ng nor apt-get
    setup._voice_guide_if_it_can_be_had(Path(sys.executable))
    said = capsys.readouterr().out
    assert "without the voice guide, whose tests are skipped: no apt-get here" in said
    assert "espeak-ng" in said
    with pytest.raises(setup.Failure, match="espeak-ng"):
        setup._voice_guide(Path(sys.executable))


def test_what_is_there_is_not_installed_again(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = script("setup")
    python = tmp_path / "bin" / "python"
    for name in ("requirements-voice.lock", "requirements-torch.txt"):
        setup._Stamp(python, name, ROOT / name).write()
    asked: list[str] = []
    monkeypatch.setattr(setup.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(setup, "_ask", lambda _command: "")
    monkeypatch.setattr(setup, "run", lambda what, _command: asked.append(what))
    setup._voice_guide(python)
    assert asked == []
    monkeypatch.setattr(setup, "_ask", lambda _command: None)
    setup._voice_guide(python)
    assert asked == ["getting the models"]


@pytest.mark.parametrize(
    ("named", "code", "said"),
    [
        ("", 0, "STILLWATER_DATA is not set"),
        (".", 0, "recordings from STILLWATER_DATA=."),
        ("no/such/folder", 1, "failed: STILLWATER_DATA must name a folder, got no/such/folder"),
    ],
)
def test_the_data_folder_is_told_before_the_tests(named: str, code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "data_folder.py")],
        env={**os.environ, "STILLWATER_DATA": named},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert len((done.stdout + done.stderr).splitlines()) == 1


def test_the_scripts_that_a_bare_machine_runs_are_understood_by_an_old_python() -> None:
    import ast

    for name in ("setup.py", "steps.py"):
        source = (ROOT / "scripts" / name).read_text(encoding="utf-8")
        ast.parse(source, name, feature_version=(3, 8))


def test_a_wheel_carries_the_web_client_and_no_tests(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("stillwater-*.whl")
    with zipfile.ZipFile(wheel) as files:
        names = set(files.namelist())
    assert {"vr_world/static/index.html", "vr_world/static/panel/index.html", "therapy/safety.py"} <= names
    assert [name for name in names if name.startswith(("tests/", "web/", "scripts/", "docs/"))] == []
