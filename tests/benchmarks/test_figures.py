"""Each benchmark's figures from made-up measurements: the arithmetic, the limits, and what is refused."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import math
import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from audio_engine.messages import AudioHeartbeat
from benchmarks import (
    _accuracy,
    _cores,
    _noise,
    audio,
    audio_cost,
    frames,
    heartbeat,
    memory,
    passages,
    records,
    sensors,
    session,
)
from benchmarks._kit import Benchmark, BenchmarkFailed, Figure
from sensors.devices.simulated_patient import PatientTraits, RoomView, SimulatedPatient
from sensors.errors import BadRecording
from therapy.discover import declared
from vr_world.commands.app import app


def by_name(figures: Sequence[Figure]) -> dict[str, Figure]:
    named = {figure.name: figure for figure in figures}
    assert len(named) == len(figures), "each figure has a name of its own"
    assert all(math.isfinite(figure.value) for figure in figures), "JSON knows no NaN"
    return named


def test_every_benchmark_is_discovered() -> None:
    assert {"audio", "frames", "heartbeat", "link", "records", "sensors", "session"} <= set(
        declared("benchmarks", "BENCH", Benchmark)
    )


def test_the_command_prints_json_with_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "WRITE_S", 0.05)
    monkeypatch.setattr(records, "SYNCS", 3)
    answer = CliRunner().invoke(app, ["bench", "records", "--json"])
    assert answer.exit_code == 0
    (shown,) = json.loads(answer.stdout)
    assert shown["benchmark"] == "records"
    assert shown["machine"]["cores"] >= 1
    for figure in shown["figures"]:
        assert figure["ratio"] == (figure["limit"] and pytest.approx(figure["value"] / figure["limit"]))


def test_an_unknown_benchmark_is_refused_with_the_known_ones() -> None:
    answer = CliRunner().invoke(app, ["bench", "warp"])
    assert answer.exit_code != 0
    assert "heartbeat" in str(answer.exception)


# -- frames ----------------------------------------------------------------------------------------------


def test_frames_are_held_against_thirty_and_against_the_slowest_stage() -> None:
    alone = frames.Alone(
        device="soft",
        parts_ms={
            "draw": [20.0],
            "copy": [1.0],
            "convert": [2.0],
            "encode": [2.0],
            "depth": [0.5],
            "mirror": [2.0],
            "payload_kb": [20.0],
            "depth_bytes": [900.0],
        },
        processor_ms={"frame": [40.0, 40.0, 50.0], "mirror": [2.0, 2.0, 9.0]},
        read_back_ms=1.5,
        depth_read_back_ms=0.2,
    )
    piped = frames.Piped(
        frames_per_s=36.0, parts_ms={"draw": 24.0, "copy": 1.0, "convert": 3.0, "encode": 3.0}
    )
    used = _cores.CoresUsed(cores=2, drawing=0.36, rasterising=0.9, sending=0.36, others=0.2)
    found = by_name(frames.figures(640, alone, piped, used))
    assert found["640²: one after another"].value == pytest.approx(40.0)
    assert found["640²: side by side"].ratio == pytest.approx(1.2)
    assert found["640²: side by side, of 1 / slowest stage"].ratio == pytest.approx(36.0 * 0.025)
    assert found["640²: side by side, of 1 / slowest stage alone"].limit == pytest.approx(1e3 / 21.0)
    assert found["640²: mirror, processor time"].ratio == pytest.approx(2.0 / 4.0), "of a tenth of a frame"
    assert found["640²: mirror, of all that pictures take"].value == pytest.approx(100 * 8.0 / 1200.0)
    time_of_one = found["640²: side by side, processor time of a frame"]
    assert time_of_one.value == pytest.approx(1.62 / 0.036)
    assert time_of_one.ratio == pytest.approx(1.62 / 1.8), "the share of what the others left that was used"
    assert found["640²: depth"].ratio == pytest.approx(0.5 / 25.0)
    for part in ("draw", "read back, within draw", "copy", "convert", "encode"):
        assert found[f"640²: {part}"].limit == pytest.approx(1e3 / 30.0)


def test_the_cores_are_shared_out_between_a_renderers_threads_and_the_others() -> None:
    first = _cores.Reading(at_s=10.0, drawing_s=1.0, rasterising_s=2.0, renderer_s=4.0, machine_s=100.0)
    last = _cores.Reading(at_s=12.0, drawing_s=1.8, rasterising_s=3.6, renderer_s=6.8, machine_s=103.6)
    used = _cores.cores_used(first, last, 2)
    assert (used.drawing, used.rasterising, used.sending, used.others) == pytest.approx((0.4, 0.8, 0.2, 0.4))
    assert used.renderer == pytest.approx(1.4)
    assert used.left == pytest.approx(1.6)


def test_a_process_of_this_machine_is_read() -> None:
    before = _cores.reading(os.getpid())
    began_s = time.process_time()
    while time.process_time() - began_s < 0.1:
        pass
    after = _cores.reading(os.getpid())
    assert after.drawing_s - before.drawing_s >= 0.05, "this test runs in the main thread"
    assert after.machine_s - before.machine_s >= 0.05


# -- session ---------------------------------------------------------------------------------------------


def moment(
    at_s: float, *, blocks: int, late: int, written: int, states: int, busy_s: float
) -> session.Moment:
    return session.Moment(
        at_s=at_s,
        state={
            "processes": [
                {"name": "audio", "detail": f"{late} of {blocks} blocks late, fifo 10, no standby"}
            ],
            "recording": {"on": True, "bytes": written},
        },
        usage={
            "room": session.Usage(cpu_s=busy_s, memory_mb=80.0, shared_mb=90.0),
            "benchmark": session.Usage(cpu_s=2.0 * busy_s, memory_mb=70.0, shared_mb=75.0),
        },
        panel_states=states,
        panel_pictures=states // 2,
    )


def seen(**changes: Any) -> session.Seen:
    first = moment(100.0, blocks=500, late=1, written=1_000_000, states=10, busy_s=1.0)
    last = moment(110.0, blocks=1500, late=3, written=1_500_000, states=110, busy_s=2.0)
    pictures = [
        session.Picture(
            pose_sent_s=None if index == 7 else 100.0 + index / 25.0 - 0.050,
            render_at_s=100.0 + index / 25.0 - 0.040,
            received_s=100.0 + index / 25.0,
            eye_px=512,
            size=10_000,
        )
        for index in range(250)
    ]
    whole = session.Seen(first=first, last=last, pictures=pictures, packet_numbers=[*range(7, 500), 502, 506])
    return dataclasses.replace(whole, **changes)


def test_a_session_is_held_against_what_it_promises() -> None:
    found = by_name(session.figures(seen()))
    assert found["frames received"].value == pytest.approx(25.0)
    assert found["frames received"].ratio == pytest.approx(25.0 / 30.0)
    assert found["eye size"].value == 512
    assert found["video"].value == pytest.approx(2.0)
    assert found["pose to encoded frame received p50"].value == pytest.approx(50.0)
    assert found["pose to drawing p95"].value == pytest.approx(10.0)
    assert found["panel states"].ratio == pytest.approx(1.0)
    assert found["audio blocks late"].value == pytest.approx(0.2)
    assert found["audio blocks late"].ratio == pytest.approx(2.0)
    assert found["audio packets lost"].value == pytest.approx(100.0 * 5 / 500)
    assert found["processor: room"].value == pytest.approx(10.0)
    assert found["processor: all of Stillwater"].value == pytest.approx(10.0), "without this program"
    assert found["memory: room"].value == 80.0
    assert found["memory of a room"].value == 90.0
    assert found["recording"].value == pytest.approx(3.0)


@pytest.mark.parametrize("missing", ["pictures", "packet_numbers"])
def test_a_session_without_pictures_or_sound_is_not_measured(missing: str) -> None:
    with pytest.raises(BenchmarkFailed, match="a headset must get"):
        session.figures(seen(**{missing: []}))


def test_a_line_of_the_audio_process_that_tells_nothing_is_refused() -> None:
    whole = seen()
    silent = dataclasses.replace(
        whole.last, state={**whole.last.state, "processes": [{"name": "audio", "detail": ""}]}
    )
    with pytest.raises(BenchmarkFailed, match="late blocks"):
        session.figures(dataclasses.replace(whole, last=silent))


# -- heartbeat -------------------------------------------------------------------------------------------


def test_a_beat_is_followed_to_the_first_sound_and_picture_that_hold_it() -> None:
    log = heartbeat.Log(
        peaks_s=[10.0, 11.0, 20.0],
        heard=[
            heartbeat.Heard(peak_s=10.01, at_s=10.12),
            heartbeat.Heard(peak_s=11.0, at_s=11.13),
            heartbeat.Heard(peak_s=14.0, at_s=14.1),  # not a true beat
            heartbeat.Heard(peak_s=20.0, at_s=20.1),  # its way was not seen to its end
        ],
        ticks=[
            heartbeat.Tick(sent_s=at_s, beats=beats)
            for at_s, beats in ((10.10, 0), (10.15, 1), (11.12, 1), (11.17, 2), (14.2, 3), (20.2, 4))
        ],
        blocks=[heartbeat.Block(made_s=10.0 + k / 100, ear_s=10.08 + k / 100) for k in range(600)],
        frames=[heartbeat.Shown(drawn_s=10.0 + k / 25, received_s=10.05 + k / 25) for k in range(150)],
    )
    first, second = heartbeat.ways(log)
    assert first.event_s == pytest.approx(0.12)
    assert first.controls_s == pytest.approx(0.15)
    assert first.ear_s == pytest.approx(0.24), "the block of 10.15 s had begun when the controls came"
    assert first.eye_s == pytest.approx(0.21), "drawn at 10.16 s"
    assert second.controls_s == pytest.approx(0.17)
    found = by_name(heartbeat.figures([first, second], 3))
    assert found["R peak to sound at the ear p95"].limit == 150.0
    assert found["R peak to beat event p50"].value == pytest.approx(125.0)
    assert found["beats followed"].value == pytest.approx(200.0 / 3.0)


# -- audio -----------------------------------------------------------------------------------------------


def test_late_blocks_are_held_against_one_in_a_thousand() -> None:
    first = AudioHeartbeat(
        at_s=5.0,
        blocks=500,
        late_blocks=4,
        missed_blocks=1,
        dropped_packets=0,
        block_ms_p99=3.0,
        lufs_momentary=-27.0,
        peak_dbtp=-9.0,
        bar=1.0,
        bar_at_s=5.0,
        realtime=False,
    )
    last = dataclasses.replace(first, at_s=15.0, blocks=1500, late_blocks=6, block_ms_p99=4.0)
    found = by_name(audio.figures(audio.Paced(first=first, last=last, cpu_s=1.5), [1.0, 2.0, 3.0], 6.0))
    assert found["paced: processor time"].value == pytest.approx(15.0)
    assert found["paced: late blocks"].ratio == pytest.approx(2.0)
    assert found["paced: block p99"].ratio == pytest.approx(0.4)
    assert found["flat out: block p50"].limit == 10.0
    assert found["offline render"].ratio == pytest.approx(6.0)
    assert "without real-time priority" in found["paced: processor time"].note


def test_the_musics_cost_is_told_by_part_and_held_against_its_like() -> None:
    costs = {
        "engine": 5.0,
        "synthesis": 3.0,
        "master": 1.5,
        "opus": 1.0,
        "opus of the place": 2.0,
        "numpy": 6.0,
        "empty server": 0.01,
        "scsynth": 2.0,
        "scsynth dry": 1.5,
        "scsynth at audio rate": 2.5,
        "scsynth dry at audio rate": 2.0,
    }
    found = by_name(audio_cost.figures(costs, {True: (5, 0.4), False: (6, 0.0)}))
    assert found["our full patch"].ratio == pytest.approx(2.5)
    assert found["of which synthesis"].ratio == pytest.approx(2.0)
    assert found["synthesis against scsynth's at audio rate"].value == pytest.approx(1.5)
    assert found["of which score and steering"].value == pytest.approx(0.5)
    assert "one more: 0.40 % late" in found["rooms per core, with real-time priority"].note
    assert "were not tried" in found["rooms per core, without real-time priority"].note
    costs = {name: cost for name, cost in costs.items() if "scsynth" not in name}
    alone = by_name(audio_cost.figures(costs, {}))
    assert alone["our full patch"].limit is None
    assert "not installed" in alone["scsynth, same notes"].note


# -- sensors ---------------------------------------------------------------------------------------------


def test_beats_among_movement_are_not_called_good() -> None:
    lived = SimulatedPatient(PatientTraits(seed=1)).step(RoomView(), 40.0)
    case = _accuracy.Case(
        name="made up",
        how="clean",
        rate_hz=250.0,
        x=lived.ecg,
        beats_s=np.asarray(lived.beats_s),
        counts=((5.0, 39.0),),
        height=1.3,
    )
    clean = _accuracy.scored(case, case.x)
    moved = _accuracy.scored(case, _noise.noisy(case.x, 250.0, "motion bursts", 0.0, case.height))
    assert (clean.found, clean.true) == (clean.due, clean.told)
    assert clean.due > 40
    assert min(quality for quality, _ in clean.beats) > 0.5
    assert moved.true < moved.told, "movement is taken for beats"
    assert not [quality for quality, wrong in moved.beats if wrong and quality >= _accuracy.GOOD]


def test_every_estimator_is_measured_at_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors, "SIGNAL_S", 1.0)
    monkeypatch.setattr(sensors, "beats", list)
    for part in ("accuracy", "breaths", "against_window"):
        monkeypatch.setattr(sensors, part, lambda _: [])
    found = by_name(sensors.BENCH.run(lambda _: None))
    for estimator in ("ecg", "respiration"):
        for size in (1, 8, 64):
            figure = found[f"{estimator}, chunks of {size}"]
            assert figure.value > 0.0
            assert figure.limit == 1000.0


def test_agreement_of_beats_counts_misses_and_inventions() -> None:
    found = by_name(
        sensors.compared(np.array([1.001, 2.0, 2.5, 4.2]), np.array([1.0, 2.0, 3.0, 4.0])),
    )
    assert found["beats: sensitivity"].value == pytest.approx(0.5)
    assert found["beats: positive predictive value"].value == pytest.approx(0.5)
    assert found["beats: sensitivity"].limit == 0.99


def test_without_beats_nothing_is_compared() -> None:
    with pytest.raises(BenchmarkFailed, match="found 0; neurokit2 2"):
        sensors.compared(np.empty(0), np.array([1.0, 2.0]))


def test_without_the_oracle_the_comparison_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    (figure,) = sensors.beats()
    assert figure.note == "not compared: neurokit2 is not installed"


def test_without_the_recording_the_comparison_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_spec: str) -> None:
        raise BadRecording("sample:ecg", "in the installed package pyhrv", "not installed")

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(sensors, "load_recording", missing)
    (figure,) = sensors.beats()
    assert "not compared" in figure.note
    assert "pyhrv" in figure.note


# -- passages --------------------------------------------------------------------------------------------


def test_the_longest_gap_of_a_passage_is_told() -> None:
    steady = [index / 100.0 for index in range(100)]
    broken = [at_s for at_s in steady if not 0.395 < at_s < 0.595]
    passage = passages.Passage(name="to forest", pictures_s=broken, packets_s=steady)
    starts = [
        passages.Start(scene=scene, linked_s=linked_s, begun_s=begun_s)
        for scene, linked_s, begun_s in (("reef", 0.2, 0.5), ("ocean", 0.1, 0.3), ("forest", 0.3, 1.5))
    ]
    found = by_name(passages.figures([passage], starts))
    assert found["to forest: longest gap between pictures"].value == pytest.approx(210.0)
    assert found["to forest: longest gap between packets of sound"].value == pytest.approx(10.0)
    assert found["begun: first picture of the place, p50"].ratio == pytest.approx(0.25)
    longest = found["begun: first picture of the place, longest"]
    assert (longest.value, longest.limit) == (1.5, 2.0)
    assert longest.note.endswith("longest in forest")
    assert found["the headset's call to its first picture, longest"].value == pytest.approx(0.3)


def test_a_passage_without_pictures_is_not_measured() -> None:
    with pytest.raises(BenchmarkFailed, match="to forest"):
        passages.figures([passages.Passage(name="to forest", pictures_s=[], packets_s=[0.0, 0.01])], [])


# -- memory ----------------------------------------------------------------------------------------------


def room_in(place: str, renderer_mb: float) -> memory.Held:
    rest = {"room": 60.0, "audio": 70.0, "standby": 50.0, "recorder": 20.0}
    return memory.Held(place=place, pss_mb={"renderer": renderer_mb, **rest})


def test_a_room_is_weighed_in_each_place_and_after_all_of_them() -> None:
    found = by_name(
        memory.figures([room_in("ocean", 200.0), room_in("reef", 240.0), room_in("ocean", 210.0)])
    )
    assert found["a room in reef"].value == pytest.approx(440.0)
    assert "renderer 240" in found["a room in reef"].note
    assert found["a room in ocean, again"].value == pytest.approx(410.0)
    assert found["grown by going through all places"].value == pytest.approx(10.0)


def test_a_room_without_one_of_its_processes_is_not_weighed() -> None:
    with pytest.raises(BenchmarkFailed, match="standby"):
        memory.figures(
            [memory.Held(place="ocean", pss_mb={"room": 1.0, "renderer": 1.0, "audio": 1.0, "recorder": 1.0})]
        )
