"""The documentation: writes the reference pages that the code already knows, and checks every link.

python scripts/pages.py           write them, then check
python scripts/pages.py --check   change nothing; fail if a page is not current or a link leads nowhere

A generated page says at its top where its words come from.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from steps import ROOT, Failure, fail_with_one_line, say

__all__ = ["GENERATED", "broken_links", "commands", "is_current", "pages"]

_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
_HEADING: Final = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_FENCE: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


_CONTROLS_INTRO: Final = """\
What the world does at one instant. Nothing reaches a patient outside these bounds or faster than these
slopes: `therapy.safety.bound` holds every change to them, whoever asked for it
([safety](../topics/safety.md)). A plan may narrow the bounds, never widen them.
"""
_EVENTS_INTRO: Final = """\
Everything that is recorded or shown besides signals. In a recording each event is one line of JSON,
`{"v":VERSION,"type":…,"at_s":…,"data":{…}}`: `at_s` is session time ([clocks](../topics/clocks.md)), and
`data` holds the fields below.
"""
_RECORDINGS_INTRO: Final = """\
A session is one folder that only its owner can read:

| file | holds |
| --- | --- |
| `XDF_FILE` | everything on one clock: signals, estimates, controls, reasons, poses, frames, sound, events |
| `JOURNAL_FILE` | the [events](events.md) again, one line of JSON each, readable while the session runs |
| `ABOUT_FILE` | when it began, versions, plan, seed, which run of the clock |
| `SUMS_FILE` | checksums of the others, written when the session is closed: `sha256sum --check SUMS_FILE` |

The XDF file holds every LSL stream of the session as it came, with its own name, type and rate, raw stamps
and clock offsets, and the streams below. All of those are on the [session clock](../topics/clocks.md), have
no fixed rate, and carry `NaN` where a quantity is not known. Columns keep their order from version to
version. How to open one: [read a recording](../howto/read-a-recording.md).

A recording survives `kill -9` of any process and loads as it lies there. Where something is missing a
`GapMarked` event says what and why; nothing is filled in.
"""
_COMMAND_LINE_INTRO: Final = """\
Exit codes: 0 done, 1 the check failed, 2 bad usage or input. An error is one line on stderr: what, limit,
value. `stillwater COMMAND --help` says the same as this page.
"""


def _note(source: str) -> str:
    return f"<!-- Written by `make docs` from {source}: change it there. -->\n"


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines) + "\n"


def _controls_page() -> str:
    from therapy.controls import MODES, NEUTRAL, TABLE  # noqa: PLC0415  # only when the page is wanted

    rows: list[tuple[object, ...]] = [
        (
            f"`{name}`",
            limit.meaning,
            f"{limit.low:g} … {limit.high:g}{', a circle' if limit.cyclic else ''}",
            limit.unit,
            f"{limit.slope_per_s:g}",
            f"{getattr(NEUTRAL, name):g}",
            limit.why,
        )
        for name, limit in TABLE.items()
    ]
    modes: list[tuple[object, ...]] = [
        (f"`{name}`", " ".join(str(step) for step in steps)) for name, steps in MODES.items()
    ]
    return "\n".join(
        (
            _note("`therapy/controls.py`"),
            "# Controls\n",
            _CONTROLS_INTRO,
            _table(
                ("control", "what it is", "bounds", "unit", "greatest change in a second", "at rest", "why"),
                rows,
            ),
            f"`mode` is the music's scale, in semitones above the tonic; at rest `{NEUTRAL.mode}`.\n",
            _table(("mode", "steps"), modes),
        )
    )


def _events_page() -> str:
    from therapy import events  # noqa: PLC0415  # only when the page is wanted

    rows: list[tuple[object, ...]] = []
    for kind in typing.get_args(events.Event):
        fields = [field.name for field in dataclasses.fields(kind) if field.name != "at_s"]
        rows.append(
            (f"`{kind.__name__}`", inspect.cleandoc(kind.__doc__), ", ".join(f"`{f}`" for f in fields))
        )
    return "\n".join(
        (
            _note("`therapy/events.py`"),
            "# Events\n",
            _EVENTS_INTRO.replace("VERSION", str(events.VERSION)),
            _table(("type", "what it says", "fields"), rows),
        )
    )


def _attributes(kind: type) -> Mapping[str, str]:
    """Return what the `Attributes:` part of a docstring says of each field."""
    section = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    return dict(re.findall(r"^\s+(\w+): (.+)$", section, re.MULTILINE))


def _recordings_page() -> str:
    from session_records import folder  # noqa: PLC0415  # only when the page is wanted
    from session_records.streams import DERIVED  # noqa: PLC0415

    intro = _RECORDINGS_INTRO
    for word in ("XDF", "JOURNAL", "ABOUT", "SUMS"):
        intro = intro.replace(f"{word}_FILE", getattr(folder, word))
    parts = [_note("`session_records/streams.py`"), "# Recordings\n", intro]
    for stream in DERIVED.values():
        parts.append(f"## {stream.name}\n")
        parts.append(f"Type `{stream.type}`, {stream.format.value}.\n")
        parts.append(_table(("column", "unit"), [(f"`{one.label}`", one.unit) for one in stream.channels]))
    return "\n".join(parts)


def _settings_page() -> str:
    from vr_world.settings import SETTINGS, ServerSettings  # noqa: PLC0415  # only when the page is wanted

    variables: list[tuple[object, ...]] = [(f"`{name}`", meaning) for name, meaning in SETTINGS.items()]
    meanings = _attributes(ServerSettings)
    fields: list[tuple[object, ...]] = [
        (
            f"`{field.name}`",
            meanings[field.name].rstrip("."),
            "" if field.default is dataclasses.MISSING else f"`{field.default!r}`",
        )
        for field in dataclasses.fields(ServerSettings)
    ]
    return "\n".join(
        (
            _note("`vr_world/settings.py`"),
            "# Settings\n",
            "## Environment variables\n",
            _table(("variable", "what it sets"), variables),
            "## How a server runs\n",
            "Options of [`stillwater serve` and `stillwater demo`](command-line.md) set these.\n",
            _table(("setting", "what it is", "default"), fields),
        )
    )


def commands() -> Mapping[str, Any]:
    """Return the commands of `stillwater` as typer made them, by name; of a group also those inside it."""
    import typer.main  # noqa: PLC0415  # only when the page is wanted

    from vr_world.commands.app import app  # noqa: PLC0415

    group = typer.main.get_command(app)
    found: dict[str, Any] = dict(group.commands)  # type: ignore[attr-defined]  # a group: it has several commands
    for name, command in group.commands.items():  # type: ignore[attr-defined]  # same
        for inner, below in getattr(command, "commands", {}).items():
            found[f"{name} {inner}"] = below
    return dict(sorted(found.items()))


def _option(parameter: Any) -> tuple[object, ...]:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{(parameter.metavar or parameter.name).upper()}`"
    elif not parameter.is_flag:
        names = f"{names} `{parameter.metavar or parameter.name.upper()}`"
    default = parameter.default
    shown = "" if default in (None, "", ()) or callable(default) or default is Ellipsis else f"`{default}`"
    return names, getattr(parameter, "help", "") or "", "required" if parameter.required else shown


def _command_line_page() -> str:
    parts = [
        _note("`vr_world/commands/`"),
        "# Command line\n",
        _COMMAND_LINE_INTRO,
    ]
    for name, command in commands().items():
        parts.append(f"## stillwater {name}\n")
        parts.append(f"{inspect.cleandoc(command.help or '')}\n")
        rows = [_option(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            parts.append(_table(("argument or option", "what it does", "default"), rows))
    return "\n".join(parts)


#: Each generated page with what writes it.
GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "docs/reference/command-line.md": _command_line_page,
    "docs/reference/controls.md": _controls_page,
    "docs/reference/events.md": _events_page,
    "docs/reference/recordings.md": _recordings_page,
    "docs/reference/settings.md": _settings_page,
}


def is_current(page: str) -> bool:
    """Say whether a generated page is what the code says now."""
    path = ROOT / page
    return path.is_file() and path.read_text(encoding="utf-8") == GENERATED[page]()


def pages() -> list[Path]:
    """Return every Markdown page of the project: what git keeps, or would."""
    asked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in sorted(asked.stdout.split("\0")) if name and (ROOT / name).is_file()]


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the usual forges make them."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    """Yield each link of `page` inside the project that leads nowhere. Other sites are not asked."""
    for target in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        if not goal.exists():
            yield f"{page.relative_to(ROOT)}: {target} is not there"
        elif anchor and goal.suffix == ".md" and anchor not in _anchors(goal):
            yield f"{page.relative_to(ROOT)}: {target} names no heading"


def main() -> None:
    """Write or compare the generated pages, then check links.

    Raises:
        Failure: a page is not current, or a link leads nowhere.
    """
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        raise Failure(f"pages.py takes nothing or --check, got {' '.join(sys.argv[1:])}")
    problems: list[str] = []
    for page, write in GENERATED.items():
        if check:
            if not is_current(page):
                problems.append(f"{page} is not what the code says: run make docs")
            continue
        (ROOT / page).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / page).write_text(write(), encoding="utf-8")
    everything = pages()
    for each in everything:
        problems.extend(broken_links(each))
    for problem in problems:
        print(problem)
    if problems:
        raise Failure(f"documentation: {len(problems)} of the things above")
    say(f"documentation: {len(everything)} pages, {len(GENERATED)} generated; every link leads somewhere")


if __name__ == "__main__":
    fail_with_one_line(main)
