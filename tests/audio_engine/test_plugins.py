"""What every instrument and soundscape must be."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from sound_kit import Apart, loudness_curve, plain

from audio_engine.composer.roles import USUAL
from therapy.controls import TABLE, Controls

SILENT = Controls(notes_per_s=0.0, pulse=0.0, ocean=0.0, wind=0.0, rain=0.0, fire=0.0, birds=0.0)


def declared_here() -> tuple[dict[str, str], set[str]]:
    """Return each soundscape's control and the instruments' names."""
    from audio_engine.composer.roles import USUAL
    from audio_engine.composer.score import write
    from therapy.discover import declared
    from therapy.specs import InstrumentSpec, SoundscapeSpec

    controls = Controls(pulse=1.0)
    played = {note.instrument for note in write("a", lambda _beat: controls, 32)}
    instruments = declared("audio_engine.instruments", "INSTRUMENT", InstrumentSpec)
    assert played <= set(USUAL), "the score writes for a role that nobody usually plays"
    soundscapes = declared("audio_engine.soundscapes", "SOUNDSCAPE", SoundscapeSpec)
    return {name: spec.control for name, spec in soundscapes.items()}, set(instruments)


def test_the_score_is_playable_and_each_control_of_nature_has_a_sound(apart: Apart) -> None:
    soundscapes, instruments = apart(declared_here)
    assert set(USUAL.values()) <= instruments
    controls = {control for control in soundscapes.values() if control}
    assert {"ocean", "wind", "rain", "fire", "birds"} <= controls <= set(TABLE)
    assert "" in soundscapes.values(), "no sound belongs to a place alone"


@pytest.mark.parametrize("control", ["ocean", "wind"])
def test_a_soundscape_is_louder_with_its_control_against_the_music(apart: Apart, control: str) -> None:
    def top_share(level: float) -> float:
        sound = apart(plain, 4.0, [(0.0, dataclasses.replace(SILENT, brightness=0.0, **{control: level}))])
        # Between the partials of the pad there is only noise: the quietest bins tell how much of it.
        power = np.abs(np.fft.rfft(sound[48_000:144_000, 0] * np.hanning(96_000))) ** 2
        return float(np.median(power[600:3000]) / power.sum())

    low, high = top_share(0.1), top_share(1.0)
    assert high > 10.0 * low


def test_with_everything_at_nothing_the_pad_alone_sounds(apart: Apart) -> None:
    assert loudness_curve(apart(plain, 4.0, [(0.0, SILENT)]))[20:-15].min() > -60.0


def test_a_room_can_speak_to_the_audio_process_without_loading_pyo() -> None:
    code = "import sys, audio_engine.process; print(sorted({'pyo', 'numpy', 'av'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
