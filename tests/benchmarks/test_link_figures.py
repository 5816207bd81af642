"""What the link benchmark makes of what came over a link."""

from __future__ import annotations

import pytest

from benchmarks._kit import BenchmarkFailed
from benchmarks.link import Crossing, figures
from vr_world.streaming.client import Received
from vr_world.streaming.protocol import Audio, Frame

FRAME = Frame(
    frame_id=1,
    pose_seq=1,
    eye_width=512,
    eye_height=512,
    render_at_s=0.0,
    sent_at_s=0.0,
    pose_client_ms=0.0,
    position=(0.0, 0.0, 0.0),
    orientation=(0.0, 0.0, 0.0, 1.0),
    tan_left=(1.0, 1.0, 1.0, 1.0),
    tan_right=(1.0, 1.0, 1.0, 1.0),
    ipd_m=0.064,
    key=False,
    payload=bytes(9000),
    depth=bytes(1000),
)


def test_a_patients_view_of_a_link_is_rate_bits_age_and_the_sounds_spread() -> None:
    frames = [Received(at_s=i / 25.0, message=FRAME) for i in range(50)]
    late_s = [0.1 if i % 10 == 9 else 0.0 for i in range(200)]
    packets = [
        Received(at_s=5.0 + i * 0.01 + late, message=Audio(seq=i, play_at_s=i * 0.01, payload=b"x"))
        for i, late in enumerate(late_s)
    ]
    crossing = Crossing(link="a", frames=frames, packets=packets, pose_to_frame_ms=[80.0] * 50, lasted_s=2.0)
    by_name = {figure.name: figure.value for figure in figures(crossing)}
    assert by_name["a: frames received"] == 25.0
    assert by_name["a: video"] == pytest.approx(2.0)
    assert by_name["a: pose to frame received p95"] == 80.0
    assert by_name["a: spread of the sound's packets p99"] == pytest.approx(100.0)


def test_a_link_that_nothing_comes_over_is_no_measurement() -> None:
    silent = Crossing(link="a", frames=[], packets=[], pose_to_frame_ms=[], lasted_s=2.0)
    with pytest.raises(BenchmarkFailed, match="got 0 and 0"):
        figures(silent)
