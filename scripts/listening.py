"""The listening page: plays every place, instrument and sound, measures them, and draws what is heard.

python scripts/listening.py

Writes docs/topics/listening.md and docs/pictures/listening/. Each figure is computed from the sound itself,
made as `stillwater sound` makes it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from scipy import signal
from steps import ROOT, fail_with_one_line, say

from audio_engine.audition import audition
from audio_engine.loudness import KWeighting, LoudnessMeter, PeakDetector, decibels
from audio_engine.messages import BLOCK_FRAMES, RATE_HZ, NotePlayed
from audio_engine.midi import sounding
from audio_engine.offline import render
from therapy.controls import NEUTRAL
from therapy.discover import declared
from therapy.specs import InstrumentSpec, SceneSpec, SoundscapeSpec
from vr_world.stories import STEP_S, STORIES, tell

mpl.use("Agg")
from matplotlib import pyplot as plt

Sound = npt.NDArray[np.float32]
PAGE: Final = ROOT / "docs" / "topics" / "listening.md"
PICTURES: Final = ROOT / "docs" / "pictures" / "listening"
SEED: Final = 1
SECONDS: Final = 60.0
_FLOOR_DB: Final = -100.0
_DPI: Final = 72


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured on one sound."""

    lufs: float
    target_lufs: float
    peak_dbtp: float
    top_dbfs: float
    centroid_hz: float
    notes_per_min: float
    swell_db: float


def integrated_lufs(sound: Sound) -> float:
    """Return the gated loudness (ITU-R BS.1770-5): 400 ms blocks, −70 LUFS and −10 LU gates."""
    weighting = KWeighting()
    tens = np.array([weighting.energy(block) for block in sound.reshape(-1, BLOCK_FRAMES, 2)])
    blocks = np.lib.stride_tricks.sliding_window_view(tens, 40)[::10].mean(axis=1)
    loud = blocks[blocks > 10.0 ** ((-70.0 + 0.691) / 10.0)]
    if not loud.size:
        return -math.inf
    kept = loud[loud > loud.mean() / 10.0]
    return -0.691 + 10.0 * math.log10(float(kept.mean()))


def short_term_lufs(sound: Sound) -> npt.NDArray[np.float64]:
    """Return the loudness of the last 3 s, each second."""
    meter, curve = LoudnessMeter(3.0), []
    for k, block in enumerate(sound.reshape(-1, BLOCK_FRAMES, 2)):
        meter.push(block)
        if k % 100 == 99:
            curve.append(meter.lufs)
    return np.array(curve)


def true_peak_dbtp(sound: Sound) -> float:
    """Return the true peak."""
    detector = PeakDetector()
    return decibels(max(detector.push(block) for block in sound.reshape(-1, BLOCK_FRAMES, 2)))


def top_dbfs(sound: Sound) -> float:
    """Return the peak above 8 kHz, where a click would stand out."""
    sos = signal.butter(8, 8000.0, "highpass", fs=RATE_HZ, output="sos")
    return decibels(float(np.abs(signal.sosfilt(sos, sound, axis=0)).max()))


def centroids_hz(sound: Sound) -> npt.NDArray[np.float64]:
    """Return the spectral centroid of each second."""
    hz = np.fft.rfftfreq(RATE_HZ, 1.0 / RATE_HZ)
    seconds = sound[: len(sound) // RATE_HZ * RATE_HZ].mean(axis=1).reshape(-1, RATE_HZ)
    power = np.abs(np.fft.rfft(seconds * np.hanning(RATE_HZ), axis=1)) ** 2
    centroid: npt.NDArray[np.float64] = (power * hz).sum(axis=1) / np.maximum(power.sum(axis=1), 1e-12)
    return centroid


def swell_db(sound: Sound, pace_per_min: float) -> float:
    """Return how far loudness swings, top to bottom, at the pacer's frequency (its sine, fitted)."""
    tenths = (sound.astype(np.float64) ** 2).sum(axis=1).reshape(-1, RATE_HZ // 10).mean(axis=1)
    curve = 10.0 * np.log10(tenths + 1e-12)[50:-50]
    turns = 2.0 * np.pi * pace_per_min / 60.0 * 0.1 * np.arange(len(curve))
    waves = np.stack([np.ones_like(turns), np.sin(turns), np.cos(turns)], axis=1)
    _, sine, cosine = np.linalg.lstsq(waves, curve, rcond=None)[0]
    return float(2.0 * np.hypot(sine, cosine))


def played(scene: SceneSpec, story: str) -> tuple[Sound, list[NotePlayed], Figures]:
    """Play a story in a place, as `stillwater sound --story … --scene …` does."""
    told = tell(story, SECONDS)
    notes: list[NotePlayed] = []
    sound = render(
        lambda at_s: told[min(int(at_s / STEP_S + 0.5), len(told) - 1)],
        SECONDS,
        SEED,
        scene=scene.name,
        palette=scene.palette,
        follow_pacer=True,
        on_note=notes.append,
    )
    figures = Figures(
        lufs=integrated_lufs(sound),
        target_lufs=float(np.mean([c.music_lufs for c in told])),
        peak_dbtp=true_peak_dbtp(sound),
        top_dbfs=top_dbfs(sound),
        centroid_hz=float(np.median(centroids_hz(sound))),
        notes_per_min=60.0 * len(sounding(notes)) / SECONDS,
        swell_db=swell_db(sound, float(np.mean([c.breath_pace_per_min for c in told]))),
    )
    return sound, notes, figures


def _spectrogram(axes: Any, sound: Sound) -> None:
    hop = RATE_HZ // 10
    hz, at_s, power = signal.spectrogram(
        sound.mean(axis=1), RATE_HZ, nperseg=8192, noverlap=8192 - hop, scaling="spectrum"
    )
    rows = np.geomspace(40.0, 16000.0, 160)
    level = 10.0 * np.log10(np.stack([np.interp(rows, hz, column) for column in power.T], axis=1) + 1e-14)
    axes.pcolormesh(
        at_s, rows, level, vmin=_FLOOR_DB, vmax=-30.0, cmap="magma", shading="auto", rasterized=True
    )
    axes.set_yscale("log")
    axes.set_ylabel("Hz")


def _roll(axes: Any, notes: Sequence[NotePlayed]) -> None:
    roles = sorted({note.instrument for note in notes})
    for k, role in enumerate(roles):
        for note in (n for n in sounding(notes) if n.instrument == role):
            axes.plot(
                [note.at_s, min(note.at_s + note.duration_s, SECONDS)],
                [note.midi_note, note.midi_note],
                color=f"C{k}",
                linewidth=1.0 + 2.5 * note.velocity,
                solid_capstyle="butt",
            )
        axes.plot([], [], color=f"C{k}", label=role)
    axes.legend(loc="upper right", ncols=len(roles), fontsize="x-small", framealpha=0.8)
    axes.set_ylabel("MIDI note")


def _waveform(axes: Any, sound: Sound) -> None:
    columns = np.abs(sound).max(axis=1).reshape(-1, RATE_HZ // 10).max(axis=1)
    at_s = 0.1 * np.arange(len(columns))
    axes.fill_between(at_s, -columns, columns, color="C0", linewidth=0)
    axes.set_ylabel("wave")


def draw_story(path: Path, title: str, sound: Sound, notes: Sequence[NotePlayed]) -> None:
    """Draw spectrogram, piano roll, waveform, loudness and centroid under each other."""
    figure, rows = plt.subplots(
        4, 1, figsize=(11, 9), sharex=True, height_ratios=(3, 2.2, 1, 1.4), layout="constrained"
    )
    _spectrogram(rows[0], sound)
    rows[0].set_title(title, loc="left")
    _roll(rows[1], notes)
    _waveform(rows[2], sound)
    seconds = np.arange(1, len(sound) // RATE_HZ + 1)
    rows[3].plot(seconds, short_term_lufs(sound), color="C0", label="short-term LUFS (left)")
    rows[3].set_ylabel("LUFS")
    rows[3].set_xlabel("s")
    right = rows[3].twinx()
    right.plot(seconds, centroids_hz(sound), color="C1", label="centroid in Hz (right)")
    right.set_ylabel("Hz")
    lines = [*rows[3].get_lines(), *right.get_lines()]
    rows[3].legend(lines, [line.get_label() for line in lines], loc="lower right", fontsize="x-small")
    rows[3].set_xlim(0.0, SECONDS)
    _save(figure, path)


def draw_each(path: Path, sounds: dict[str, Sound], seconds: float) -> None:
    """Draw a small spectrogram of each of several sounds."""
    across = 2
    down = math.ceil(len(sounds) / across)
    figure, cells = plt.subplots(
        down, across, figsize=(11, 1.75 * down), sharex=True, sharey=True, layout="constrained"
    )
    for axes, (name, sound) in zip(cells.flat, sounds.items(), strict=False):
        _spectrogram(axes, sound)
        axes.set_title(name, loc="left", fontsize="small")
        axes.set_xlim(0.0, seconds)
    for axes in cells[-1]:
        axes.set_xlabel("s")
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A palette of 64 colours is enough for a spectrogram, and a quarter of the size.
    figure.canvas.draw()
    from PIL import Image  # noqa: PLC0415  # matplotlib brings it

    width, height = figure.canvas.get_width_height()
    picture = Image.frombuffer("RGBA", (width, height), figure.canvas.buffer_rgba()).convert("RGB")
    picture.quantize(64).save(path, optimize=True)
    plt.close(figure)
    say(f"wrote {path.relative_to(ROOT)} ({path.stat().st_size / 1000:.0f} kB)")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _row(first: Sequence[str], f: Figures) -> list[str]:
    return [
        *first,
        f"{f.lufs:.1f}",
        f"{f.target_lufs:.1f}",
        f"{f.peak_dbtp:.1f}",
        f"{f.top_dbfs:.0f}",
        f"{f.centroid_hz:.0f}",
        f"{f.notes_per_min:.0f}",
        f"{f.swell_db:.1f}",
    ]


_HEAD: Final = ["LUFS", "asked", "dBTP", "peak > 8 kHz, dBFS", "centroid, Hz", "notes/min", "swell, dB"]
_INTRO: Final = """\
<!-- Written by `python scripts/listening.py`: change it there. -->
# Listening

What the music and the places sound like, for eyes; the ears' part is one command:

```sh
.venv/bin/stillwater sound --story settle --scene forest --seconds 60 --seed 1 --out settle.wav
```

There are three stories: `settle` (arousal goes from high to low), `calm` (calm is held) and `return` (back to
the room). They are told by the same steering and the same safety as a session, for an imagined patient. Each
place plays them with its own palette of instruments and sounds
([add an instrument](../howto/add-instrument.md)).

Every figure here is measured on the sound itself, 60 s, seed 1. *LUFS* is the integrated loudness (ITU-R
BS.1770) and *asked* what the plan wants; *dBTP* the true peak, which never passes −1; the *peak above 8 kHz*
is where a click would stand out; *swell* is how far loudness swings with the breath pacer, top to bottom.
"""


def write_page(stories: Sequence[Sequence[str]], places: Sequence[Sequence[str]], parts: str) -> None:
    """Write the page around the tables."""
    pictures = "\n\n".join(
        f"### {STORIES[name].title.capitalize()}\n\n"
        f"![Spectrogram, piano roll, waveform, loudness and centroid of the story]"
        f"(../pictures/listening/{name}.png)"
        for name in STORIES
    )
    scenes = "\n\n".join(f"![{row[0]}](../pictures/listening/place-{row[0]}.png)" for row in places)
    text = f"""{_INTRO}
## The three stories, by the sea

{_table(["story", *_HEAD], stories)}

From top to bottom: spectrogram, the score as a piano roll (a colour for each role), waveform, short-term
loudness and spectral centroid.

{pictures}

## Each place

The calm story, a minute of it.

{_table(["place", *_HEAD], places)}

{scenes}

## Each instrument and each sound, alone

An instrument plays eight seconds, two chords or a note a second, and rings out. Loudness is measured dry,
alone, and compared with what its file declares; the test holds it within ±3 LU.

{parts}

![A small spectrogram of every instrument](../pictures/listening/instruments.png)

![A small spectrogram of every sound of a place](../pictures/listening/soundscapes.png)
"""
    PAGE.write_text(text, encoding="utf-8")
    say(f"wrote {PAGE.relative_to(ROOT)}")


def auditions() -> str:
    """Draw every instrument and soundscape alone; return the table of their levels."""
    rows = []
    instruments = declared("audio_engine.instruments", "INSTRUMENT", InstrumentSpec)
    soundscapes = declared("audio_engine.soundscapes", "SOUNDSCAPE", SoundscapeSpec)
    for kind, specs in (("instruments", instruments), ("soundscapes", soundscapes)):
        sounds: dict[str, Sound] = {}
        for name, spec in specs.items():
            sounds[name] = audition(name, 12.0, SEED, NEUTRAL)
            heard = sounds[name][: 8 * RATE_HZ]
            rows.append(
                [
                    name,
                    spec.title,
                    f"{spec.lufs:.1f}",
                    f"{integrated_lufs(heard):.1f}",
                    f"{true_peak_dbtp(heard):.1f}",
                    f"{top_dbfs(heard):.0f}",
                    f"{float(np.median(centroids_hz(heard))):.0f}",
                ]
            )
        draw_each(PICTURES / f"{kind}.png", sounds, 12.0)
    head = ["name", "", "declared LUFS", "LUFS", "dBTP", "peak > 8 kHz, dBFS", "centroid, Hz"]
    return _table(head, rows)


def main() -> None:
    """Play, measure, draw, write."""
    scenes = declared("scenes", "SCENE", SceneSpec)
    stories, places = [], []
    for name, story in STORIES.items():
        sound, notes, figures = played(scenes["ocean"], name)
        stories.append(_row([name], figures))
        draw_story(PICTURES / f"{name}.png", f"{story.title}: sea at dusk, seed {SEED}", sound, notes)
    for name, scene in scenes.items():
        sound, notes, figures = played(scene, "calm")
        places.append(_row([name], figures))
        draw_story(PICTURES / f"place-{name}.png", f"{scene.title}: calm, seed {SEED}", sound, notes)
    write_page(stories, places, auditions())


if __name__ == "__main__":
    fail_with_one_line(main)
