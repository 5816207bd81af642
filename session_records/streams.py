"""The derived streams of a session: what each is called and what its columns mean.

All are on the session clock and irregular. Rows carry `NaN` where a quantity is unknown, never a made-up
number; `mode_index` counts in the order that its unit gives. Columns are never re-ordered.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from typing import Final

from session_records.chunks import Channel, Format, StreamDeclaration
from therapy import units
from therapy.controls import MODES, TABLE, Controls, numeric_fields
from therapy.patient import PatientState

__all__ = ["DERIVED", "VITALS", "controls_row", "features_row"]

#: Vitals with columns of their own: name and unit.
VITALS: Final = (("heart_rate", units.BPM), ("rmssd", units.MS), ("breath_rate", units.PER_MIN))


def _columns(*pairs: tuple[str, str]) -> tuple[Channel, ...]:
    return tuple(Channel(label=label, unit=unit) for label, unit in pairs)


def _declare(name: str, kind: str, channels: tuple[Channel, ...], fmt: Format) -> StreamDeclaration:
    title = f"stillwater-{name}"
    return StreamDeclaration(
        name=title, type=kind, channels=channels, nominal_rate_hz=0.0, format=fmt, source_id=title
    )


def _numbers(name: str, kind: str, *pairs: tuple[str, str]) -> StreamDeclaration:
    # float64 throughout: a replay must find the very numbers that steered, and float32 cannot hold a stamp.
    return _declare(name, kind, _columns(*pairs), Format.DOUBLE64)


def _texts(name: str, label: str) -> StreamDeclaration:
    return _declare(name, "Markers", _columns((label, "JSON")), Format.STRING)


def _vital_columns() -> tuple[tuple[str, str], ...]:
    return tuple(
        column
        for vital, unit in VITALS
        for column in (
            (vital, unit),
            (f"{vital}_quality", units.FRACTION),
            (f"{vital}_at", units.S),
            (f"{vital}_window", units.S),
        )
    )


_FEATURES: Final = (
    *_vital_columns(),
    ("arousal", units.FRACTION),
    ("arousal_confidence", units.FRACTION),
    ("breath_phase", units.FRACTION),
    ("breath_phase_confidence", units.FRACTION),
    ("breath_rate_per_min", units.PER_MIN),
    ("next_beat", units.S),
    ("coherence", units.FRACTION),
)
_CONTROLS: Final = (
    *((name, TABLE[name].unit) for name in numeric_fields()),
    ("mode_index", "index in " + " ".join(MODES)),
)
_QUATERNION: Final = tuple((f"q{axis}", units.FRACTION) for axis in "xyzw")
_TANGENTS: Final = tuple(
    (f"tan_{eye}_{side}", units.RATIO)
    for eye in ("left", "right")
    for side in ("left", "right", "up", "down")
)

#: Streams by the name that `Rows` uses. The stamp of a row: features and controls, the instant that they are
#: for; poses, when the pose was received; frames rendered, when drawing began; frames shown, when the picture
#: was first shown; audio blocks, when the first sample is due at the ear; audio levels, when they were
#: measured; why, commands and events, when they were true. `events` is written by `Recorder.event`.
DERIVED: Final[Mapping[str, StreamDeclaration]] = types.MappingProxyType(
    {
        "features": _numbers("features", "StillwaterFeatures", *_FEATURES),
        "controls": _numbers("controls", "StillwaterControls", *_CONTROLS),
        "poses": _numbers(
            "poses",
            "StillwaterPoses",
            ("seq", "1"),
            ("client", units.MS),
            *((axis, "m") for axis in "xyz"),
            *_QUATERNION,
            *_TANGENTS,
            ("ipd", "m"),
        ),
        "frames_rendered": _numbers(
            "frames-rendered",
            "StillwaterFrames",
            ("frame_id", "1"),
            ("pose_seq", "1"),
            ("key", "1"),
            ("payload", "byte"),
            ("eye_width", "px"),
            ("eye_height", "px"),
            ("sent_at", units.S),
        ),
        "frames_shown": _numbers(
            "frames-shown",
            "StillwaterFrames",
            ("frame_id", "1"),
            ("pose_seq", "1"),
            ("age", units.MS),
            ("client", units.MS),
        ),
        "audio_blocks": _numbers("audio-blocks", "StillwaterAudio", ("seq", "1"), ("payload", "byte")),
        "audio_levels": _numbers(
            "audio-levels",
            "StillwaterAudio",
            ("lufs_momentary", units.LUFS),
            ("peak", "dBTP"),
            ("blocks", "1"),
            ("late_blocks", "1"),
            ("bar", "4 beats"),
            ("bar_at", units.S),
        ),
        "why": _texts("why", "reason"),
        "commands": _texts("commands", "command"),
        "events": _texts("events", "event"),
    }
)


def controls_row(controls: Controls) -> tuple[float, ...]:
    """Return `controls` as a row of the stream `controls`.

    Raises:
        ValueError: a mode that `therapy.controls.MODES` does not hold.
    """
    numbers: list[float] = [getattr(controls, name) for name in numeric_fields()]
    return (*numbers, float(list(MODES).index(controls.mode)))


def features_row(state: PatientState) -> tuple[float, ...]:
    """Return `state` as a row of the stream `features`: unknown is `NaN`, a missing vital has quality 0."""
    row: list[float] = []
    for vital, _ in VITALS:
        reading = state.vitals.get(vital)
        if reading is None:
            row += [math.nan, 0.0, math.nan, math.nan]
        elif reading.value is None:
            row += [math.nan, 0.0, reading.at_s, reading.window_s]
        else:
            row += [reading.value, reading.quality, reading.at_s, reading.window_s]
    row += [state.arousal, state.arousal_confidence, state.breath_phase, state.breath_phase_confidence]
    row += [
        math.nan if n is None else n for n in (state.breath_rate_per_min, state.next_beat_s, state.coherence)
    ]
    return tuple(row)
