"""Draw a score as a piano roll: notes by role, phrases, chords, pauses and the breath.

python scripts/piano_roll.py --out roll.png --beats 128 --set tension=0.4 --set silence=0.3
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from audio_engine.composer.phrasing import Phrase
from audio_engine.composer.score import Composer, Note, Rest
from therapy.breath import breath_level
from therapy.controls import Controls, parse_settings

__all__ = ["Roll", "compose", "draw", "main"]

#: Legible beside each other for readers who tell few colours apart (Okabe & Ito 2008).
COLOURS: Final = {
    "pad": "#56b4e9",
    "drone": "#0072b2",
    "bell": "#d55e00",
    "answer": "#e69f00",
    "texture": "#009e73",
    "pulse": "#999999",
}
_NAMES: Final = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_PAPER, _INK, _FAINT, _REST = "#fbfaf7", "#222222", "#dddad2", "#ece6f5"
_LEFT, _RIGHT, _TOP, _BREATH, _BOTTOM = 56, 16, 58, 56, 30
_ROW: Final = 9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """A score with what it was made from; chords as (beat, pitch classes with the root first)."""

    controls: Controls
    beats: int
    notes: tuple[Note, ...]
    phrases: tuple[Phrase, ...]
    chords: tuple[tuple[int, tuple[int, ...]], ...]
    rests: tuple[Rest, ...]


def compose(seed: str, controls: Controls, beats: int) -> Roll:
    """Return `beats` beats of the piece of `seed` under steady controls."""
    composer = Composer(seed)
    notes: list[Note] = []
    phrases: list[Phrase] = []
    chords: list[tuple[int, tuple[int, ...]]] = []
    rests: list[Rest] = []
    for beat in range(beats):
        phase = controls.pacer_phase + beat * controls.breath_pace_per_min / controls.tempo_bpm
        found = composer.beat(beat, controls, phase % 1.0)
        notes += found
        if composer.phrase is not None and composer.phrase not in phrases:
            phrases.append(composer.phrase)
        if composer.rest is not None and composer.rest not in rests:
            rests.append(composer.rest)
        pads = [n for n in found if n.instrument == "pad"]
        if pads and (not chords or chords[-1][1] != _classes(pads)):
            chords.append((beat, _classes(pads)))
    return Roll(
        controls=controls,
        beats=beats,
        notes=tuple(notes),
        phrases=tuple(phrases),
        chords=tuple(chords),
        rests=tuple(rests),
    )


def _classes(pads: list[Note]) -> tuple[int, ...]:
    """Return the pitch classes of a chord, from its lowest note up."""
    ordered = sorted(n.midi_note for n in pads)
    return tuple(dict.fromkeys(note % 12 for note in ordered))


def draw(roll: Roll, width: int = 1600) -> Image.Image:
    """Return `roll` as a picture, `width` pixels wide; as high as its range of notes needs."""
    low = min((n.midi_note for n in roll.notes), default=48) - 2
    high = max((n.midi_note for n in roll.notes), default=72) + 2
    bottom = _TOP + (high - low + 1) * _ROW
    picture = Image.new("RGB", (width, bottom + _BREATH + _BOTTOM), _PAPER)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(12)

    def x(beat: float) -> float:
        return _LEFT + (width - _LEFT - _RIGHT) * beat / roll.beats

    def y(note: float) -> float:
        return bottom - (note - low + 1) * _ROW

    for rest in roll.rests:
        end = min(rest.end_beats, roll.beats)
        pen.rectangle((x(rest.start_beats), _TOP, x(end), bottom), fill=_REST)
        pen.text((x(rest.start_beats) + 4, _TOP + 4), "pause", fill=_INK, font=font)
    for key in range(low, high + 1):
        if key % 12 == 0:
            pen.line((_LEFT, y(key) + _ROW, width - _RIGHT, y(key) + _ROW), fill=_FAINT)
            pen.text((14, y(key) - 3), f"C{key // 12 - 1}", fill=_INK, font=font)
    for phrase in roll.phrases:
        at = x(phrase.start_beats)
        pen.line((at, _TOP - 8, at, bottom + _BREATH), fill=_INK if phrase.place == 0 else _FAINT, width=1)
    for note in sorted(roll.notes, key=lambda n: -n.duration_beats):
        end = min(note.start_beats + note.duration_beats, roll.beats)
        box = (x(note.start_beats), y(note.midi_note), max(x(end) - 1, x(note.start_beats) + 1))
        colour = _mixed(COLOURS.get(note.instrument, _INK), 0.35 + 0.65 * note.velocity)
        pen.rectangle((*box, y(note.midi_note) + _ROW - 2), fill=colour)
    for beat, classes in roll.chords:
        name = " ".join(_NAMES[c] for c in classes)
        pen.text((x(beat) + 2, _TOP - 20), name, fill=_INK, font=ImageFont.load_default(9))
    _draw_breath(pen, roll, x, bottom)
    _draw_legend(pen, roll, font)
    return picture


def _draw_breath(pen: ImageDraw.ImageDraw, roll: Roll, x: object, bottom: int) -> None:
    """Draw the lungs' fullness under the notes, and the seconds under it."""
    controls = roll.controls
    per_beat = controls.breath_pace_per_min / controls.tempo_bpm
    line = []
    for step in range(roll.beats * 8 + 1):
        level = breath_level(controls.pacer_phase + step / 8 * per_beat, controls.inhale_fraction)
        line.append((x(step / 8), bottom + _BREATH - 6 - level * (_BREATH - 14)))  # type: ignore[operator]  # a function of beats
    pen.line(line, fill="#cc79a7", width=2)
    pen.text((6, bottom + _BREATH // 2 - 6), "breath", fill=_INK, font=ImageFont.load_default(12))
    seconds = roll.beats * 60.0 / controls.tempo_bpm
    for at_s in range(0, int(seconds) + 1, 10):
        at = x(at_s * controls.tempo_bpm / 60.0)  # type: ignore[operator]  # as above
        pen.text((at, bottom + _BREATH + 8), f"{at_s} s", fill=_INK, font=ImageFont.load_default(10))


def _draw_legend(pen: ImageDraw.ImageDraw, roll: Roll, font: ImageFont.ImageFont | object) -> None:
    at = _LEFT
    for role in dict.fromkeys(note.instrument for note in roll.notes):
        pen.rectangle((at, 10, at + 12, 20), fill=COLOURS.get(role, _INK))
        pen.text((at + 16, 8), role, fill=_INK, font=font)  # type: ignore[arg-type]  # either kind of font
        at += 90


def _mixed(colour: str, share: float) -> tuple[int, int, int]:
    """Return `colour` with paper under it: soft notes are pale."""
    parts = zip((colour, _PAPER), (share, 1.0 - share), strict=True)
    weighted = [[int(c[i : i + 2], 16) * s for i in (1, 3, 5)] for c, s in parts]
    red, green, blue = (round(sum(both)) for both in zip(*weighted, strict=True))
    return red, green, blue


def main(arguments: list[str] | None = None) -> None:
    """Draw as the command line says."""
    parser = argparse.ArgumentParser(description="Draw a score as a piano roll.")
    parser.add_argument("--out", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--seed", default="ocean/1", help="SCENE/NUMBER, as `stillwater sound` has it")
    parser.add_argument("--beats", type=int, default=128, help="length")
    parser.add_argument("--width", type=int, default=1600, help="pixels")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a control")
    asked = parser.parse_args(arguments)
    controls = parse_settings(dict(pair.split("=", 1) for pair in asked.set))
    draw(compose(asked.seed, controls, asked.beats), asked.width).save(asked.out)


if __name__ == "__main__":
    main()
