"""What every instrument, soundscape and palette must keep to, whichever plug-in brings it.

Each is heard alone and dry, in a process of its own: pyo can crash one.
"""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import signal

from audio_engine.messages import RATE_HZ
from tests.audio_engine.sound_kit import Sound, decibels, integrated_lufs
from therapy.controls import NEUTRAL, TABLE
from therapy.discover import declared
from therapy.specs import Ambience, Direction, Palette, SceneSpec

ROOT = Path(__file__).parents[2] / "audio_engine"
INSTRUMENTS, SOUNDSCAPES = (
    sorted(p.stem for p in (ROOT / folder).glob("*.py") if not p.stem.startswith("_"))
    for folder in ("instruments", "soundscapes")
)
SCENES = declared("scenes", "SCENE", SceneSpec)
Apart = Callable[..., Any]
#: Everything at its brightest and most stirred.
MOST = dataclasses.replace(NEUTRAL, brightness=1.0, weather=1.0, tension=1.0)


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    """Call a function in the sound process; return its result."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:

        def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            return pool.submit(function, *args, **kwargs).result(timeout=110)

        yield call


@pytest.fixture(scope="module")
def whole(apart: Apart) -> Callable[[str], Sound]:
    """The first 14 s of each, rendered once: an instrument plays for 8 of them."""

    @functools.cache
    def render(name: str) -> Sound:
        return apart(heard, name, 14.0, 5)

    return render


def heard(name: str, seconds: float, *args: Any, **kwargs: Any) -> Any:
    from audio_engine.audition import audition

    return audition(name, seconds, *args, **kwargs)


def high(sound: Sound) -> Sound:
    """What is above 8 kHz, where clicks live."""
    return signal.sosfilt(signal.butter(8, 8000.0, "highpass", fs=RATE_HZ, output="sos"), sound, axis=0)


def peak_dbfs(sound: Sound) -> float:
    return decibels(float(np.abs(sound).max()))


def specs() -> dict[str, dict[str, Any]]:
    """Return name → what each declares."""
    from therapy.specs import InstrumentSpec, SoundscapeSpec

    known = {
        **declared("audio_engine.instruments", "INSTRUMENT", InstrumentSpec),
        **declared("audio_engine.soundscapes", "SOUNDSCAPE", SoundscapeSpec),
    }
    return {
        name: {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec) if f.name != "build"}
        for name, spec in known.items()
    }


def refusal(palette: Palette) -> str:
    """Return why the palette cannot be played, or nothing."""
    from audio_engine.errors import BadPalette
    from audio_engine.rack import check

    try:
        check(palette)
    except BadPalette as bad:
        return str(bad)
    return ""


@pytest.mark.parametrize("name", [*INSTRUMENTS, *SOUNDSCAPES])
def test_it_is_finite_in_range_as_loud_as_declared_and_the_same_for_the_same_seed(
    apart: Apart, whole: Callable[[str], Sound], name: str
) -> None:
    sound = whole(name)[: 8 * RATE_HZ]
    assert np.isfinite(sound).all()
    assert integrated_lufs(sound) == pytest.approx(apart(specs)[name]["lufs"], abs=3.0)
    most = apart(heard, name, 1.5, 5, MOST)
    assert max(peak_dbfs(sound), peak_dbfs(most)) < -3.0
    again, other = apart(heard, name, 0.5, 5), apart(heard, name, 0.5, 6)
    assert np.array_equal(again, sound[: len(again)])
    if name in SOUNDSCAPES:
        assert not np.array_equal(again, other)
        assert abs(decibels(float(sound[:, 0].std() / sound[:, 1].std()))) < 4.0, "it leans to one side"


@pytest.mark.parametrize("name", [*INSTRUMENTS, *SOUNDSCAPES])
def test_it_starts_and_stops_without_a_click_and_then_costs_nothing(
    apart: Apart, whole: Callable[[str], Sound], name: str
) -> None:
    gated = apart(heard, name, 3.0, 5, NEUTRAL, [(0.0, 1.0, 0.4), (1.2, 0.0, 0.25), (2.0, 1.0, 0.4)])
    # −90 dBFS is below what a 16-bit loudspeaker can do.
    steady = max(peak_dbfs(high(whole(name)[: 8 * RATE_HZ])), -90.0)
    assert peak_dbfs(high(gated)) <= steady + 1.0
    assert np.abs(gated[round(1.5 * RATE_HZ) : 2 * RATE_HZ]).max() == 0.0


def left_behind() -> dict[str, int]:
    """Build, play and drop each; return how many of its pyo streams live on."""
    import gc

    from audio_engine.desk import Desk
    from audio_engine.rack import Part
    from audio_engine.synth import Synth
    from therapy.specs import ALL_AROUND, InstrumentSpec, SoundscapeSpec

    synth = Synth(3)
    desk = Desk(synth.server, 3)
    specs = {
        **declared("audio_engine.instruments", "INSTRUMENT", InstrumentSpec),
        **declared("audio_engine.soundscapes", "SOUNDSCAPE", SoundscapeSpec),
    }
    # As in the engine's process: nobody collects what holds itself.
    gc.disable()
    left = {}
    for name, spec in specs.items():
        before = len(desk.streams())
        part = Part(desk, spec, None if isinstance(spec, InstrumentSpec) else ALL_AROUND)
        part.voice.steer(NEUTRAL)
        part.fade(1.0, 0.1)
        synth.process()
        part.drop()
        del part
        left[name] = len(desk.streams()) - before
    gc.enable()
    del desk
    gc.collect()
    synth.close()
    return left


def test_nothing_of_it_lives_on_when_its_place_is_left(apart: Apart) -> None:
    left = apart(left_behind)
    assert set(left) == {*INSTRUMENTS, *SOUNDSCAPES}
    assert {name: count for name, count in left.items() if count} == {}


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_its_notes_begin_and_end_softly(whole: Callable[[str], Sound], name: str) -> None:
    sound, top = whole(name), high(whole(name))
    rings = np.abs(sound[: 8 * RATE_HZ]).max()
    assert np.abs(sound[round(13.5 * RATE_HZ) :]).max() < 1e-3 * rings
    assert peak_dbfs(top[8 * RATE_HZ :]) <= peak_dbfs(top[: 8 * RATE_HZ])
    # No stroke is a crack: what is left of it above 8 kHz is far below the tone.
    assert peak_dbfs(top) < -40.0


@pytest.mark.parametrize("name", SOUNDSCAPES)
def test_nothing_in_it_comes_suddenly(whole: Callable[[str], Sound], name: str) -> None:
    sound = whole(name).astype(np.float64)
    tenths = np.sqrt((sound**2).sum(axis=1).reshape(-1, RATE_HZ // 10).mean(axis=1))
    # The loudest tenth of a second against the mean of all, rests included.
    assert decibels(float(tenths.max() / np.sqrt((tenths**2).mean()))) < 12.0


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_every_name_in_a_places_palette_exists(apart: Apart, scene: str) -> None:
    palette = SCENES[scene].palette
    assert apart(refusal, palette) == ""
    known = apart(specs)
    controls = [c for a in palette.soundscapes if (c := known[a.name]["control"])]
    assert set(controls) <= set(TABLE)
    assert len(set(controls)) == len(controls), "two sounds of one place hang on one control"


def test_a_place_says_what_it_sounds_like() -> None:
    sounds = [(tuple(s.palette.instruments.items()), s.palette.soundscapes) for s in SCENES.values()]
    assert len(set(sounds)) == len(sounds), "two places sound the same"


@pytest.mark.parametrize(
    ("palette", "why"),
    [
        (Palette(instruments={"bell": "kazoo"}), "instrument of bell must be one of"),
        (Palette(instruments={"pad": "harp"}), "instrument of pad must carry chords"),
        (Palette(soundscapes=(Ambience(name="traffic"),)), "soundscape must be one of"),
        (Palette(soundscapes=(Ambience(name="rain"), Ambience(name="rain"))), "must each be named once"),
        (Palette(soundscapes=(Ambience(name="rain", level=float("nan")),)), "level of rain must be in 0…1"),
        (
            Palette(soundscapes=(Ambience(name="rain", direction=Direction(azimuth_deg=400.0)),)),
            "azimuth_deg of rain must be in -180…180, got 400.0",
        ),
    ],
)
def test_a_palette_that_cannot_be_played_is_refused(apart: Apart, palette: Palette, why: str) -> None:
    assert why in apart(refusal, palette)
