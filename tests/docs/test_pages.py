"""The documentation says what the code does, and every link leads somewhere."""

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from session_records.recorder import Recorder
from session_records.streams import controls_row, features_row
from therapy.controls import NEUTRAL, TABLE
from therapy.events import Beat, to_line
from therapy.patient import PatientState
from vr_world.streaming import protocol

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
Script = Callable[[str], ModuleType]

GENERATED = ("command-line", "controls", "events", "recordings", "settings")


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_page_is_what_the_code_says(page: str, script: Script) -> None:
    pages = script("pages")
    assert pages.is_current(f"docs/reference/{page}.md"), "run make docs"


def test_every_generated_page_is_tested_here(script: Script) -> None:
    assert set(script("pages").GENERATED) == {f"docs/reference/{page}.md" for page in GENERATED}


def test_every_control_is_documented() -> None:
    page = (DOCS / "reference" / "controls.md").read_text(encoding="utf-8")
    for name, limit in TABLE.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"{limit.low:g} … {limit.high:g}" in row
        assert f"| {limit.slope_per_s:g} |" in row


def test_every_command_and_option_is_documented(script: Script) -> None:
    page = (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")
    commands = script("pages").commands()
    assert {"analyze", "bench", "demo", "devices", "doctor", "render", "scenes", "serve", "sound"} <= set(
        commands
    )
    for name, command in commands.items():
        assert (command.help or "").strip(), f"stillwater {name} must say what it does"
        section = page.partition(f"## stillwater {name}\n")[2].partition("\n## ")[0]
        assert section, f"stillwater {name} is not documented"
        for parameter in command.params:
            if parameter.name == "help":
                continue
            assert getattr(parameter, "help", ""), (
                f"stillwater {name}: {parameter.name} must say what it does"
            )
            if parameter.param_type_name == "option":
                assert all(f"`{option}`" in section for option in parameter.opts)


def _shell_lines() -> list[str]:
    text = "".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *DOCS.rglob("*.md")])
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]


def test_every_command_that_is_shown_exists(script: Script) -> None:
    commands = script("pages").commands()
    shown = [line.split() for line in _shell_lines()]
    ours = [words[1:] for words in shown if words and words[0].endswith("bin/stillwater")]
    arguments = [
        re.findall(r'ARGS="([^"]*)"', line) for line in _shell_lines() if line.startswith("make demo")
    ]
    ours += [["demo", *words.split()] for found in arguments for words in found]
    assert len(ours) > 3
    for name, *words in ours:
        if words and f"{name} {words[0]}" in commands:
            name = f"{name} {words.pop(0)}"  # noqa: PLW2901  # a command of a group
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, f"stillwater {name}"


def test_every_make_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {line.split()[1] for line in _shell_lines() if line.startswith("make ")}
    assert {"demo", "test"} <= shown <= targets


def test_every_link_leads_somewhere(script: Script) -> None:
    pages = script("pages")
    everything = pages.pages()
    assert ROOT / "README.md" in everything
    assert [problem for page in everything for problem in pages.broken_links(page)] == []


def test_a_broken_link_is_found(script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pages = script("pages")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    (tmp_path / "there.md").write_text("# A heading, twice\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[ok](there.md) [ok](there.md#a-heading-twice) ![no](picture.png) [no](there.md#other) [far](https://x.org)\n"
        "```\n[not a link](gone.md)\n```\n"
    )
    assert list(pages.broken_links(page)) == [
        "page.md: picture.png is not there",
        "page.md: there.md#other names no heading",
    ]


def test_every_page_can_be_reached_from_the_readme(script: Script) -> None:
    pages = script("pages")
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^()\s#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        waiting.extend((page.parent / link).resolve() for link in links)
    assert [page for page in pages.pages() if page.is_relative_to(DOCS) and page not in seen] == []


def test_the_paths_that_contributing_names_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert text.splitlines()[2].startswith("| to change | open |")
    table = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    named = [path for line in table for path in re.findall(r"`([^`]+)`", line.split("|")[2])]
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_a_decision_has_its_four_parts_and_is_listed() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    listed = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [path.name[:4] for path in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]}: ")
        for part in ("**Status**: ", "## Context\n", "## Decision\n", "## Consequences\n"):
            assert part in text, f"{path.name} has no {part.strip()}"
        assert f"(decisions/{path.name})" in listed


def test_the_wire_protocol_page_has_the_sizes_of_the_code() -> None:
    page = (DOCS / "reference" / "wire-protocol.md").read_text(encoding="utf-8")
    told = {
        name: (int(number), int(size))
        for name, number, size in re.findall(r"^\| ([A-Z_]+) \| (\d+) \| \w+ \| (\d+)", page, re.MULTILINE)
    }
    assert told == {
        "FRAME": (protocol._FRAME_TYPE, protocol._FRAME.size),
        "POSE": (protocol._POSE_TYPE, protocol._POSE.size),
        "ACK": (protocol._ACK_TYPE, protocol._ACK.size),
        "KEY_REQUEST": (protocol._KEY_REQUEST_TYPE, protocol._KEY_REQUEST.size),
        "SHOWN": (protocol._SHOWN_TYPE, protocol._SHOWN.size),
        "AUDIO_PLACE": (protocol._AUDIO_PLACE_TYPE, protocol._AUDIO_PLACE.size),
        "SPEECH": (protocol._SPEECH_TYPE, protocol._SPEECH.size),
        "MIC": (protocol._MICROPHONE_TYPE, protocol._MICROPHONE.size),
        "AUDIO_BED": (protocol._AUDIO_TYPE, protocol._AUDIO.size),
    }


def _python_blocks() -> list[tuple[str, int, str]]:
    return [
        (str(page.relative_to(ROOT)), text[: match.start()].count("\n") + 2, match.group(1))
        for page in sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])
        if (text := page.read_text(encoding="utf-8"))
        for match in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize(("page", "line", "code"), _python_blocks(), ids=lambda value: str(value)[:40])
def test_a_python_block_runs(page: str, line: int, code: str, tmp_path: Path) -> None:
    """In a process and a folder of its own, with a small session in `session`; LSL stays on this machine."""
    _record_a_session(tmp_path / "session")
    quiet = tmp_path / "lsl.cfg"
    quiet.write_text("[multicast]\nResolveScope = machine\nListenAddress = 127.0.0.1\n[log]\nlevel = -3\n")
    # The block keeps its line numbers, so that a failure points into the page.
    run = f"exec(compile({chr(10) * (line - 1) + code!r}, {page!r}, 'exec'))"
    done = subprocess.run(
        [sys.executable, "-c", run],
        cwd=tmp_path,
        env={**os.environ, "LSLAPICFG": str(quiet)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _record_a_session(folder: Path) -> None:
    recorder = Recorder(folder, {}, clock_id="test", started="2026-01-01T00:00:00+00:00", opened_s=100.0)
    for tick in range(40):
        at_s = 100.0 + tick * 0.05
        controls = dataclasses.replace(NEUTRAL, tempo_bpm=60.0 + tick)
        recorder.rows("controls", (at_s,), (controls_row(controls),))
        recorder.rows("features", (at_s,), (features_row(PatientState(at_s=at_s)),))
        if tick % 20 == 0:
            beat = Beat(at_s=at_s, stream="strap", interval_s=1.0, quality=0.9)
            recorder.event(at_s, to_line(beat))
        assert recorder.tick(at_s) == []
    assert recorder.close(102.0) == []


def test_every_vital_that_an_estimator_tells_is_in_the_reference():
    from sensors.estimators import by_stream_type

    labels = ("x", "y", "z", "qx", "qy", "qz", "qw")
    page = (ROOT / "docs/reference/vitals.md").read_text(encoding="utf-8")
    told = {
        reading.vital: reading.unit
        for kind, spec in by_stream_type().items()
        for reading in spec.build(
            16e3 if kind == "VOICE" else 250.0, tuple(labels[i] for i in spec.choose(labels))
        ).readings(0.0)
    }
    assert len(told) > 15
    for vital, unit in told.items():
        assert f"| `{vital}` | {unit} |" in page
