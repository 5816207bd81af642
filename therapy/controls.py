"""`Controls`: what the world does, with the bounds and the greatest slope of every field in one table.

The table is the single source for `therapy.safety`, for the panel's sliders and for the reference page
in the documentation. Nothing reaches a patient without having been held to it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Final

from therapy import units
from therapy.errors import BadValue

__all__ = ["MODES", "NEUTRAL", "START", "TABLE", "Controls", "Limit", "numeric_fields", "parse_settings"]

#: Scales the composer may use, each as semitones above its tonic.
MODES: Final[Mapping[str, tuple[int, ...]]] = {
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "major_pentatonic": (0, 2, 4, 7, 9),
    "minor_pentatonic": (0, 3, 5, 7, 10),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What the world does at one instant. Bounds, slopes and units: `TABLE`."""

    # scene
    light: float = 0.5
    colour_temperature_k: float = 4500.0
    weather: float = 0.3
    density: float = 0.3
    time_of_day_h: float = 19.5
    swell: float = 0.5
    # music
    tempo_bpm: float = 60.0
    notes_per_s: float = 0.8
    brightness: float = 0.4
    tension: float = 0.2
    mode: str = "dorian"
    register: float = 62.0
    pulse: float = 0.2
    music_lufs: float = -27.0
    # nature
    ocean: float = 0.6
    wind: float = 0.2
    rain: float = 0.0
    fire: float = 0.0
    birds: float = 0.0
    # pace
    breath_pace_per_min: float = 6.0
    inhale_fraction: float = 0.4
    pacer_phase: float = 0.0
    # the music's shape
    melody: float = 0.6
    dynamics: float = 0.4
    space: float = 0.5
    silence: float = 0.0
    arc: float = 0.25
    binaural: float = 0.0


#: Where the world rests when nothing is known about the patient: six breaths a minute (0.1 Hz, the usual
#: default of heart-rate-variability biofeedback, Lehrer 2003), exhale longer than inhale.
NEUTRAL: Final = Controls()


#: Where a session starts: the place does not breathe before the patient's breath is known, and the pacer
#: waits near a usual resting rate of adults (12…16 a minute).
START: Final = dataclasses.replace(NEUTRAL, swell=0.0, breath_pace_per_min=13.0, arc=0.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Bounds and greatest slope of one control.

    `cyclic` controls wrap from `high` to `low`; their slope is along the shorter way round. `meaning` says
    what the control is; `why` what it is for in a therapy, and what that rests on.
    """

    low: float
    high: float
    slope_per_s: float
    unit: str
    meaning: str
    why: str
    cyclic: bool = False

    def clamp(self, value: float) -> float:
        """Return `value` within the bounds (wrapped if cyclic). `value` must be finite."""
        if self.cyclic:
            span = self.high - self.low
            wrapped = self.low + math.fmod(value - self.low, span)
            if wrapped < self.low:
                wrapped += span
            return self.low if wrapped >= self.high else wrapped
        return min(max(value, self.low), self.high)

    def distance(self, start: float, end: float) -> float:
        """Return the signed way from `start` to `end`, the shorter one round if cyclic."""
        way = end - start
        if self.cyclic:
            span = self.high - self.low
            way = math.remainder(way, span)
        return way


def _share(slope_per_s: float, meaning: str, why: str) -> Limit:
    return Limit(low=0.0, high=1.0, slope_per_s=slope_per_s, unit=units.FRACTION, meaning=meaning, why=why)


#: Bounds and slopes. Sources: luminance ≤ 10 %/s in calm scenes (our comfort figure); pace 4…15 per min,
#: adults' resonance lies at 4.5…6.5 (Lehrer 2003; Fisher & Lehrer 2022); music −45…−20 LUFS keeps a
#: headset at common volume far below the 80 dB(A) × 40 h per week of ITU-T H.870. The slope of
#: `breath_pace_per_min` is the hard limit; `therapy.steer` leads far more slowly. The music's separate
#: controls (rhythm: `tempo_bpm`, `pulse`; melody: `melody`, `register`; harmony: `tension`, `mode`; timbre:
#: `brightness`; density: `notes_per_s`; dynamics: `dynamics`, `music_lufs`; `space`; `silence`) are
#: decision 0014.
TABLE: Final[Mapping[str, Limit]] = {
    "light": _share(0.1, "brightness of the place, dark to bright", "dusk invites rest, light wakes"),
    "colour_temperature_k": Limit(
        low=2000.0,
        high=9000.0,
        slope_per_s=250.0,
        unit=units.KELVIN,
        meaning="warm to cold light",
        why="warm light belongs to the evening and to rest",
    ),
    "weather": _share(
        0.1, "still to stirred: waves, wind, branches", "the place mirrors arousal, then grows still"
    ),
    "density": _share(
        0.08, "how much veils or fills the place: mist, particles", "clears as breath and heart agree"
    ),
    "time_of_day_h": Limit(
        low=0.0,
        high=24.0,
        slope_per_s=0.05,
        unit=units.HOURS,
        meaning="sun, moon and stars",
        why="evening deepens, morning brings back",
        cyclic=True,
    ),
    "swell": _share(
        0.2,
        "how strongly place and music move with the breath pacer",
        "a breath that is heard and seen needs no instruction",
    ),
    "tempo_bpm": Limit(
        low=40.0,
        high=96.0,
        slope_per_s=1.0,
        unit=units.BPM,
        meaning="rhythm: beat of the music",
        why="arousal follows tempo (Bernardi 2006); no heart is promised to fall in with it",
    ),
    "notes_per_s": Limit(
        low=0.0,
        high=4.0,
        slope_per_s=0.1,
        unit="1/s",
        meaning="density: melody notes in a second, on average",
        why="fewer events ask for less attention; matched first, then thinned",
    ),
    "brightness": _share(
        0.1, "timbre: spectral brightness of the instruments", "dark and soft sounds rouse less than bright"
    ),
    "tension": _share(
        0.05,
        "harmony: consonant and near home, to open, unresolved and far",
        "tension that resolves at each phrase's end lets go with it",
    ),
    "register": Limit(
        low=48.0,
        high=79.0,
        slope_per_s=1.0,
        unit=units.MIDI_NOTE,
        meaning="melody: centre of the tune",
        why="low lines are heard as calm, high ones as alert",
    ),
    "pulse": _share(
        0.1,
        "rhythm: how clearly the beat is heard",
        "a soft pulse steadies; without one the breath alone leads",
    ),
    "music_lufs": Limit(
        low=-45.0,
        high=-20.0,
        slope_per_s=3.0,
        unit=units.LUFS,
        meaning="dynamics: integrated loudness of the bed",
        why="under the weekly dose of ITU-T H.870; loud onsets startle",
    ),
    "ocean": _share(0.1, "loudness share of the sea", "slow broadband swells mask a room's noises"),
    "wind": _share(0.1, "loudness share of the wind", "air that moves with the weather"),
    "rain": _share(0.1, "loudness share of the rain", "even noise masks; only where the plan wants it"),
    "fire": _share(0.1, "loudness share of the fire", "warmth; crackles are sudden, so off by default"),
    "birds": _share(0.1, "loudness share of the birds", "day and return"),
    "breath_pace_per_min": Limit(
        low=4.0,
        high=15.0,
        slope_per_s=0.2,
        unit=units.PER_MIN,
        meaning="breaths a minute that the pacer leads",
        why="slow breathing near 0.1 Hz raises heart-rate variability; the patient's own pace comes first",
    ),
    "inhale_fraction": Limit(
        low=0.3,
        high=0.55,
        slope_per_s=0.02,
        unit=units.FRACTION,
        meaning="share of a breath that is inhaling",
        why="the exhale is as long as the inhale or longer, never held",
    ),
    "pacer_phase": Limit(
        low=0.0,
        high=1.0,
        slope_per_s=0.35,
        unit=units.FRACTION,
        meaning="where in the breath the pacer is; the inhale starts at 0",
        why="picture, sound and phrases breathe as one",
        cyclic=True,
    ),
    "melody": _share(
        0.05,
        "melody: how much tune: single tones, to whole motifs that are answered",
        "a tune holds attention and memory; letting it dissolve lets attention widen",
    ),
    "dynamics": _share(
        0.05,
        "dynamics: range between soft and loud within a phrase",
        "a crescendo constricts vessels (Bernardi 2009): little range for calm, more for life",
    ),
    "space": _share(
        0.05, "space: near and dry, to far and reverberant", "nearness engages; distance lets go"
    ),
    "silence": Limit(
        low=0.0,
        high=0.7,
        slope_per_s=0.05,
        unit=units.FRACTION,
        meaning="silence: share of time in composed pauses, of two minutes at most; the place sounds on",
        why="a pause of two minutes lowers heart rate below baseline (Bernardi 2006)",
    ),
    "arc": _share(
        0.05,
        "form: where the music is in the session: arrival 0, deepening about 0.5, return 1",
        "the return mirrors the arrival, so that the end is recognised",
    ),
    "binaural": _share(
        0.05,
        "level of a binaural beat, 0 is off",
        "off unless a plan asks: the evidence is weak, and a beat must never come unasked",
    ),
}


def numeric_fields() -> tuple[str, ...]:
    """Return the names of the numeric controls in the order of `Controls`."""
    return tuple(f.name for f in dataclasses.fields(Controls) if f.name != "mode")


def parse_settings(pairs: Mapping[str, str], base: Controls = NEUTRAL) -> Controls:
    """Return `base` with `pairs` (as typed on a command line, `{"light": "0.4"}`) set.

    Raises:
        BadValue: an unknown name, not a number, not finite, or outside the table's bounds.
    """
    changed: dict[str, float | str] = {}
    for name, text in pairs.items():
        if name == "mode":
            if text not in MODES:
                raise BadValue("mode", f"one of {', '.join(MODES)}", text)
            changed[name] = text
            continue
        limit = TABLE.get(name)
        if limit is None:
            raise BadValue("control", f"one of mode, {', '.join(TABLE)}", name)
        try:
            value = float(text)
        except ValueError:
            raise BadValue(name, f"a number in {limit.low:g}…{limit.high:g} {limit.unit}", text) from None
        if not (math.isfinite(value) and limit.low <= value <= limit.high):
            raise BadValue(name, f"in {limit.low:g}…{limit.high:g} {limit.unit}", text)
        changed[name] = value
    return dataclasses.replace(base, **changed)  # type: ignore[arg-type]  # names checked above
