"""A place's palette: what is built, what sleeps, how one goes over into the next, what the mix keeps to."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sound_kit import (
    BARE,
    Apart,
    Sound,
    high_peak_dbfs,
    integrated_lufs,
    loudness_curve,
    parts_without,
    plain,
    true_peak_dbtp,
    voices_without,
)

from audio_engine.space import encode, to_stereo
from therapy.controls import Controls
from therapy.discover import declared
from therapy.specs import PLAIN, Ambience, Direction, Palette, SceneSpec

PLACES = {name: spec.palette for name, spec in declared("scenes", "SCENE", SceneSpec).items()}
BELLS = dataclasses.replace(PLAIN, soundscapes=())
OTHERS = Palette(instruments={"pad": "choir", "bell": "harp", "drone": "choir"}, soundscapes=())
NATURE = Controls(ocean=0.8, wind=0.4, rain=0.5, birds=0.6, fire=0.5, notes_per_s=1.5)


def changed(
    palettes: list[tuple[float, Palette, float]], controls: Controls, seconds: float
) -> tuple[Sound, dict[str, Any]]:
    """Play the first palette, then go over to each other at its time; return the sound and what is left."""
    from audio_engine.engine import Engine

    engine = Engine(seed=3, scene="ocean", controls=controls, palette=palettes[0][1])
    engine.fade(1.0, 0.1)
    blocks, most_streams = [], 0
    for k in range(round(seconds * 100)):
        for at_s, palette, fade_s in palettes[1:]:
            if round(at_s * 100) == k:
                engine.place(palette, fade_s)
        blocks.append(engine.block(k * 0.01).frames)
        most_streams = max(most_streams, len(engine._desk.streams()))
    left = {
        "parts": sorted(engine.rack.parts),
        "awake": sorted(name for name, part in engine.rack.parts.items() if part.awake),
        "streams": len(engine._desk.streams()),
        "most_streams": most_streams,
        "changing": engine.rack.changing,
    }
    engine.close()
    return np.concatenate(blocks), left


def slept(controls: list[tuple[float, Controls]], seconds: float) -> list[tuple[list[str], list[str]]]:
    """Return what is built and what is awake before each change of the controls, and at the end."""
    from audio_engine.engine import Engine

    engine = Engine(seed=3, scene="ocean", controls=controls[0][1], palette=PLAIN)
    seen = []
    for k in range(round(seconds * 100)):
        for at_s, value in controls:
            if round(at_s * 100) == k:
                seen.append(
                    (sorted(engine.rack.parts), sorted(n for n, p in engine.rack.parts.items() if p.awake))
                )
                engine.steer(value, None)
        engine.block(k * 0.01)
    seen.append((sorted(engine.rack.parts), sorted(n for n, p in engine.rack.parts.items() if p.awake)))
    engine.close()
    return seen


def test_a_change_of_place_is_heard_as_a_fade_and_leaves_nothing_behind(apart: Apart) -> None:
    steps = [(0.0, BELLS, 0.0), (3.0, OTHERS, 1.0), (7.0, BELLS, 0.5)]
    controls = dataclasses.replace(BARE, brightness=0.3)
    sound, left = apart(changed, steps, controls, 11.0)
    first, fresh = apart(changed, steps[:1], controls, 6.5)
    other, _ = apart(changed, [(0.0, OTHERS, 0.0)], controls, 6.5)
    assert high_peak_dbfs(sound) <= max(high_peak_dbfs(first), high_peak_dbfs(other)) + 3.0
    curve = loudness_curve(sound)
    assert curve[30:].min() > np.median(curve[30:]) - 12.0, "there is a hole where the place changed"
    assert not left["changing"]
    assert {key: left[key] for key in ("parts", "streams")} == {
        key: fresh[key] for key in ("parts", "streams")
    }
    assert left["most_streams"] > fresh["streams"]


def test_the_newest_of_many_changes_counts(apart: Apart) -> None:
    places = list(PLACES.values())
    steps = [(0.0, BELLS, 0.0)] + [(0.5 + 0.13 * k, places[k % len(places)], 0.2) for k in range(10)]
    sound, left = apart(changed, [*steps, (2.3, BELLS, 0.3)], NATURE, 4.0)
    assert np.isfinite(sound).all()
    assert left["parts"] == ["bell", "drone", "pad", "pulse"]


def test_what_is_not_heard_is_not_built_or_sleeps(apart: Apart) -> None:
    still = dataclasses.replace(BARE, notes_per_s=0.0)
    windy = dataclasses.replace(still, wind=0.5)
    seen = apart(slept, [(0.5, still), (1.0, windy), (2.0, still)], 3.5)
    built, awake = zip(*seen, strict=True)
    assert all("ocean" not in names for names in built), "a silent sea was built"
    assert "wind" not in built[1]
    assert "wind" in awake[2]
    assert "wind" in built[3]
    assert "wind" not in awake[3]


def test_sounds_of_the_place_that_a_patient_must_not_hear_are_silent(apart: Apart) -> None:
    palette = Palette(soundscapes=(Ambience(name="insects"), Ambience(name="stream"), Ambience(name="trees")))
    assert apart(parts_without, frozenset(), palette, NATURE, 1.0) == {"insects", "stream", "trees"}
    assert apart(parts_without, frozenset({"insects", "water"}), palette, NATURE, 1.0) == {"trees"}


def test_the_usual_instrument_takes_over_from_one_that_must_not_be_heard(apart: Apart) -> None:
    night = PLACES["night_sky"]
    assert night.instruments["pad"] == "choir"
    assert "choir" in apart(voices_without, frozenset(), night, 1.0)
    assert "choir" not in (heard := apart(voices_without, frozenset({"voices"}), night, 3.0))
    assert "pad" in heard


def test_a_minute_holds_the_plans_loudness_within_one_lu(apart: Apart) -> None:
    controls = dataclasses.replace(NATURE, music_lufs=-28.0)
    sound = apart(plain, 60.0, [(0.0, controls)], palette=PLACES["reef"])
    assert integrated_lufs(sound) == pytest.approx(controls.music_lufs, abs=1.0)
    assert true_peak_dbtp(sound) <= -1.0


def test_a_sound_all_around_keeps_its_sides_and_one_on_the_left_is_on_the_left() -> None:
    two = np.array([[1.0, 0.25]], np.float32)
    around = (two @ encode(Direction())).astype(np.float32)
    assert to_stereo(around) == pytest.approx(two, abs=1e-6)
    left = to_stereo((two @ encode(Direction(azimuth_deg=90.0, spread_deg=0.0))).astype(np.float32))
    assert left[0, 0] == pytest.approx(1.25)
    assert left[0, 1] == pytest.approx(0.0, abs=1e-6)
    up = encode(Direction(elevation_deg=90.0, spread_deg=0.0))
    assert up[:, 2] == pytest.approx([1.0, 1.0])
    assert np.abs(up[:, [1, 3]]).max() < 1e-6


def test_a_place_of_its_own_says_where_its_sounds_come_from() -> None:
    stream = Ambience(name="stream", direction=Direction(azimuth_deg=-90.0, spread_deg=0.0))
    gains = encode(stream.direction or Direction())
    assert gains[:, 1] == pytest.approx([-1.0, -1.0]), "a stream on the right is louder on the right"
