"""`stillwater render`, `sound`, `midi`, `analyze` and `bench`: what needs no session."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks._kit import Benchmark, figures_as_dict, figures_table
from therapy.controls import Controls, parse_settings
from therapy.discover import declared
from therapy.errors import BadValue
from therapy.specs import SceneSpec

__all__ = ["analyze", "bench", "midi", "render", "sound"]

Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="a control, such as light=0.4; may be repeated"),
]
_VIDEO: Final = ".mp4"
#: A table that goes to a file or a pipe is not squeezed into a terminal.
_FILE_COLUMNS: Final = 160


def render(
    scene: Annotated[str, typer.Argument(help="name of a place, see `stillwater scenes`")],
    out: Annotated[Path, typer.Option(help="file to write: .png, or .mp4 with --seconds")],
    settings: Settings = None,
    at: Annotated[float, typer.Option(help="age of the scene in seconds")] = 10.0,
    seed: Annotated[int, typer.Option(help="seed of the place")] = 1,
    size: Annotated[str, typer.Option(help="width x height of the whole picture")] = "1280x640",
    eyes: Annotated[str, typer.Option(help="both, left or panorama")] = "both",
    seconds: Annotated[float | None, typer.Option(help="length of a video")] = None,
) -> None:
    """Draw a picture, or a video, of a place."""
    from vr_world.rendering.still import parse_size, render_still, render_video

    controls = _controls(settings)
    pixels = parse_size(size)
    if seconds is None and out.suffix.lower() == _VIDEO:
        seconds = 10.0
    if seconds is None:
        render_still(scene, controls, at_s=at, seed=seed, size=pixels, eyes=eyes, out=out)
        return
    with _bar() as bar:
        task = bar.add_task("drawing", total=None)
        render_video(
            scene,
            controls,
            at_s=at,
            seconds=seconds,
            seed=seed,
            size=pixels,
            eyes=eyes,
            out=out,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def sound(
    out: Annotated[Path, typer.Option(help="WAV file to write")],
    settings: Settings = None,
    seconds: Annotated[float, typer.Option(help="length")] = 60.0,
    seed: Annotated[int, typer.Option(help="seed of the music")] = 1,
    scene: Annotated[str, typer.Option(help="place whose music and sounds they are")] = "ocean",
    story: Annotated[
        str | None, typer.Option(help="settle, calm or return: steered as for a patient, after --set")
    ] = None,
    midi: Annotated[Path | None, typer.Option(help="MIDI file to write beside it: the notes played")] = None,
) -> None:
    """Play music and soundscape into a WAV file, faster than real time."""
    from audio_engine.midi import HeardNote, write_midi
    from audio_engine.offline import MAX_SECONDS, write_wav
    from audio_engine.offline import render as render_sound
    from vr_world.stories import STEP_S, tell

    controls = _controls(settings)
    notes: list[HeardNote] = []
    if out.suffix.lower() != ".wav":
        raise BadValue("--out", "a file that ends in .wav", out.name)
    places = declared("scenes", "SCENE", SceneSpec)
    if scene not in places:
        raise BadValue("--scene", f"one of {', '.join(places)}", scene)
    told = tell(story, min(seconds, MAX_SECONDS), controls) if story is not None else [controls]
    with _bar() as bar:
        task = bar.add_task("playing", total=1.0)
        samples = render_sound(
            lambda at_s: told[min(int(at_s / STEP_S + 0.5), len(told) - 1)],
            seconds,
            seed,
            scene=scene,
            palette=places[scene].palette,
            follow_pacer=story is not None,
            on_progress=lambda share: bar.update(task, completed=share),
            on_note=notes.append,
        )
    write_wav(out, samples)
    if midi is not None:
        per_s = round(1.0 / STEP_S)
        write_midi(midi, notes, [(float(k), each.tempo_bpm) for k, each in enumerate(told[::per_s])])


def midi(
    session: Annotated[Path, typer.Argument(help="folder of a recorded session")],
    out: Annotated[Path, typer.Option(help="MIDI file to write")],
) -> None:
    """Write the music of a recorded session as a MIDI file: its notes, with the tempo as it was steered."""
    from audio_engine.midi import write_midi
    from session_records.played import played

    music = played(session)
    if not music.notes:
        raise BadValue("session", "a folder in which music was played", session.name)
    start_s = min(note.at_s for note in music.notes)
    tempo = [change for change in music.tempo if change[0] > start_s]
    first = [bpm for at_s, bpm in music.tempo if at_s <= start_s][-1:] or [music.tempo[0][1]]
    write_midi(out, music.notes, [(start_s, first[0]), *tempo], start_s=start_s)


def analyze(
    recording: Annotated[
        str, typer.Argument(metavar="FILE|sample:NAME", help="XDF, EDF, WFDB, OpenSignals, CSV, WAV")
    ],
    out: Annotated[Path, typer.Option(help="folder for beats.csv, breaths.csv and vitals.csv")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=KIND",
            help="what a column of a CSV or WAV is: ECG, PPG, … or time:s, time:ms, its clock; repeatable",
        ),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="sampling rate of a CSV or WAV in Hz")] = None,
) -> None:
    """Run the live estimators over a recording at full speed, and write what they find as CSV."""
    from sensors.analyze import analyze as analyze_recording
    from sensors.devices.replay import load_recording
    from sensors.tabular import told

    loaded = load_recording(recording, told(column or (), rate))
    with _bar() as bar:
        task = bar.add_task("analyzing", total=1.0)
        done = analyze_recording(loaded, out, progress=lambda share: bar.update(task, completed=share))
    for why in done.passed_over:
        typer.echo(f"stillwater: not read: {why}", err=True)


def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME …]", help="which; all without")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of tables")] = False,  # noqa: FBT002
) -> None:
    """Measure what this project claims, on this machine."""
    known = declared("benchmarks", "BENCH", Benchmark)
    for name in names or ():
        if name not in known:
            raise BadValue("benchmark", f"one of {', '.join(known)}", name)
    chosen = [known[name] for name in names or known]
    console, errors = Console(), Console(stderr=True)
    if not console.is_terminal:
        console = Console(width=_FILE_COLUMNS)
    results = []
    for benchmark in chosen:
        with errors.status(benchmark.title) as status:
            figures = benchmark.run(lambda part, b=benchmark: status.update(f"{b.title}: {part}"))  # type: ignore[misc]  # binds the loop's value
        results.append(figures_as_dict(benchmark, figures))
        if not as_json:
            console.print(figures_table(benchmark, figures))
    if as_json:
        print(json.dumps(results, indent=2))  # noqa: T201  # the command's output


def _controls(settings: Iterable[str] | None) -> Controls:
    pairs: dict[str, str] = {}
    for text in settings or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise BadValue("--set", "NAME=VALUE", text)
        pairs[name.strip()] = value.strip()
    return parse_settings(pairs)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
