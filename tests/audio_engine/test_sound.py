"""What is heard: measured on rendered sound."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import signal
from sound_kit import (
    BARE,
    RATE_HZ,
    TUNE,
    Apart,
    broken,
    centroid_hz,
    decode,
    digest,
    every_bell,
    faded,
    flutes_held,
    high_peak_dbfs,
    integrated_lufs,
    lived,
    notes_without,
    plain,
    power_spectrum,
    storm,
    true_peak_dbtp,
    with_notes,
)

from audio_engine.composer.score import Composer
from audio_engine.composer.theory import pitch_classes
from audio_engine.messages import OpusPacket
from audio_engine.midi import sounding
from therapy.controls import Controls


@pytest.mark.parametrize(
    "controls",
    [
        Controls(),
        Controls(music_lufs=-36.0, ocean=0.0, wind=0.0, brightness=0.1, pulse=0.0, notes_per_s=0.2),
        Controls(
            music_lufs=-22.0, ocean=1.0, wind=1.0, weather=1.0, brightness=0.9, notes_per_s=3.0, pulse=0.9
        ),
    ],
    ids=["neutral", "dark and sparse", "bright and stormy"],
)
def test_integrated_loudness_is_the_plans(apart: Apart, controls: Controls) -> None:
    sound = apart(plain, 26.0, [(0.0, controls)], fade_s=0.3)
    assert np.isfinite(sound).all()
    assert integrated_lufs(sound) == pytest.approx(controls.music_lufs, abs=1.5)
    assert true_peak_dbtp(sound) <= -1.0


def test_brightness_raises_the_spectral_centroid_step_by_step(apart: Apart) -> None:
    levels = [0.0, 0.25, 0.5, 0.75, 1.0]
    heard = [
        centroid_hz(apart(plain, 7.0, [(0.0, dataclasses.replace(BARE, brightness=b))])[2 * RATE_HZ :])
        for b in levels
    ]
    assert heard == sorted(heard)
    assert heard[-1] > 1.35 * heard[0]


@pytest.mark.parametrize("mode", ["dorian", "minor_pentatonic"])
def test_the_tonal_part_keeps_to_its_scale(apart: Apart, mode: str) -> None:
    controls = dataclasses.replace(BARE, mode=mode, notes_per_s=1.5, pulse=0.5, tension=0.6, brightness=0.7)
    hz, power = power_spectrum(apart(plain, 12.0, [(0.0, controls)]))
    audible = (hz > 60.0) & (hz < 8000.0)
    classes = np.rint(69 + 12 * np.log2(hz[audible] / 440.0)).astype(int) % 12
    scale = pitch_classes(Composer("ocean/3").tonic, mode)
    outside = ~np.isin(classes, list(scale))
    assert power[audible][outside].sum() < 0.05 * power[audible].sum()


def test_a_note_sounds_at_the_time_it_is_stamped_with(apart: Apart) -> None:
    controls = dataclasses.replace(BARE, notes_per_s=0.3, brightness=0.3)
    sound, notes = apart(with_notes, 12.0, controls)
    bells = [n for n in notes if n.instrument in TUNE and 1.0 < n.at_s < 11.0]
    assert len(bells) > 2
    sos = signal.butter(6, 1200.0, "highpass", fs=RATE_HZ, output="sos")
    top = np.abs(signal.sosfilt(sos, sound.mean(axis=1)))
    for note in bells:
        at = round(note.at_s * RATE_HZ)
        assert top[at + 240 : at + 1440].max() > 1.5 * top[at - 1200 : at].max()


def test_what_is_told_of_held_notes_covers_all_of_their_sound(apart: Apart) -> None:
    controls = dataclasses.replace(BARE, tempo_bpm=72.0, breath_pace_per_min=9.0, tension=0.6)
    _, notes = apart(with_notes, 30.0, controls)
    drones = {n.midi_note: n for n in sounding(notes) if n.instrument == "drone"}
    assert len(drones) == 2, "tonic and fifth, each tied from phrase to phrase, are told as one note"
    assert all(n.at_s < 0.1 and n.at_s + n.duration_s > 30.0 for n in drones.values())
    for at_s in np.arange(0.5, 30.0, 0.5):
        held = [n for n in sounding(notes) if n.instrument == "pad" and 0 <= at_s - n.at_s < n.duration_s]
        pads = {n.midi_note for n in held}
        assert len(pads) >= 4, f"a voice of the chord is missing at {at_s} s"


def test_a_flute_plays_one_note_at_a_time(apart: Apart) -> None:
    held, played = apart(flutes_held, 8.0, Controls(notes_per_s=3.0, tempo_bpm=80.0))
    assert played >= 12
    assert max(held) == 1


CALM = dataclasses.replace(BARE, brightness=0.0, tempo_bpm=50.0, notes_per_s=0.5, music_lufs=-30.0)
LIVELY = dataclasses.replace(
    BARE, brightness=0.6, tempo_bpm=90.0, notes_per_s=2.5, music_lufs=-24.0, tension=1.0, pulse=1.0,
    swell=1.0, mode="lydian", register=74.0, breath_pace_per_min=12.0, pacer_phase=0.6,
)  # fmt: skip


def test_steps_of_every_musical_control_do_not_click(apart: Apart) -> None:
    steady = max(high_peak_dbfs(apart(plain, 9.0, [(0.0, c)])) for c in (CALM, LIVELY))
    steps = [(0.37 * k, LIVELY if k % 2 else CALM) for k in range(20)]
    assert high_peak_dbfs(apart(plain, 9.0, steps)) <= steady + 1.0


def test_nature_starts_and_stops_without_a_click(apart: Apart) -> None:
    still = Controls(ocean=0.0, wind=0.0, notes_per_s=0.0, pulse=0.0)
    windy = dataclasses.replace(still, ocean=1.0, wind=1.0)
    steady = high_peak_dbfs(apart(plain, 6.0, [(0.0, windy)]))
    assert high_peak_dbfs(apart(plain, 6.0, [(0.0, windy), (2.5, still), (4.0, windy)])) <= steady + 3.0


def test_stop_fades_within_a_quarter_second_and_start_comes_softly(apart: Apart) -> None:
    sound = apart(faded, [(0.0, 1.0, 0.4), (4.0, 0.0, 0.25), (5.0, 1.0, 0.4)], CALM, 7.0)
    stopped = sound[round(4.27 * RATE_HZ) : round(5.0 * RATE_HZ)]
    assert np.abs(stopped).max() == 0.0
    assert np.abs(sound[round(6.0 * RATE_HZ) :]).max() > 0.005
    steady = high_peak_dbfs(apart(faded, [(0.0, 1.0, 0.4)], CALM, 7.0))
    assert high_peak_dbfs(sound) <= steady + 1.0


def test_a_storm_of_absurd_controls_is_survived_without_click_peak_stuck_note_or_leak(apart: Apart) -> None:
    heard = apart(storm, 25.0, 1)
    assert np.isfinite(heard.sound).all()
    assert true_peak_dbtp(heard.sound) <= -1.0
    assert heard.refused > 1000
    assert heard.sharpest_dbfs <= heard.steady_dbfs + 3.0
    assert heard.overdue_notes == 0
    assert heard.grown_mb < 8.0


def test_the_same_session_is_the_same_sound_whatever_happened_in_it(apart: Apart) -> None:
    first, again, other = apart(lived, 5), apart(lived, 5), apart(lived, 6)
    assert first == again
    assert len(first.notes) > 20
    assert (other.bed, other.place, other.packets) != (first.bed, first.place, first.packets)


def test_the_same_seed_is_the_same_sound_bit_for_bit(apart: Apart) -> None:
    first, again, other = apart(digest, 2.0, 5), apart(digest, 2.0, 5), apart(digest, 2.0, 6)
    assert first == again
    assert first != other


def test_every_note_of_the_densest_score_finds_a_voice(apart: Apart) -> None:
    played, written = apart(every_bell, 8.0, Controls(notes_per_s=4.0, tempo_bpm=40.0, register=48.0), 3)
    assert played == written > 28


def test_a_nan_from_the_synthesis_is_heard_as_silence_and_ends_the_player(apart: Apart) -> None:
    error, heard = apart(broken)
    packets = [m for m in heard if isinstance(m, OpusPacket)]
    assert error == "synthesis must be finite, got NaN or infinity in block 4"
    assert [p.seq for p in packets] == [0, 1, 2, 3]
    assert np.isfinite(decode([p.data for p in packets])).all()


def test_an_instrument_that_must_not_be_heard_begins_no_note(apart: Apart) -> None:
    lively = Controls(notes_per_s=3.0, tempo_bpm=80.0)
    assert "bell" in apart(notes_without, frozenset(), lively, 8.0)
    left = apart(notes_without, frozenset({"bells"}), lively, 8.0)
    assert left
    assert "bell" not in left
