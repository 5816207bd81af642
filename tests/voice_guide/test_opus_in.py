"""Packets of a microphone become sound whose time never slips."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_guide.errors import BadSpeech
from voice_guide.listen.opus_in import OpusIn
from voice_guide.listen.transcript import RATE_HZ, Samples

PACKET = 320  # samples of 20 ms at 16 kHz


def packets_of(sound_48k: Samples) -> list[bytes]:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = 48_000, "mono", "flt", 32_000
    encoder.options = {"frame_duration": "20", "application": "voip"}
    packets = []
    for start in range(0, len(sound_48k), 960):
        frame = av.AudioFrame.from_ndarray(sound_48k[None, start : start + 960], format="flt", layout="mono")
        frame.sample_rate, frame.pts = 48_000, start
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


@pytest.fixture(scope="module")
def packets() -> list[bytes]:
    """Two seconds of a tone of 440 Hz, amplitude 0.3."""
    return packets_of((0.3 * np.sin(2 * np.pi * 440 * np.arange(96_000) / 48_000)).astype(np.float32))


def test_a_tone_stays_a_tone_of_its_strength_and_length(packets: list[bytes]) -> None:
    ear = OpusIn()
    heard = np.concatenate([ear.push(number, packet) for number, packet in enumerate(packets)])
    assert len(heard) == len(packets) * PACKET
    middle = heard[RATE_HZ // 2 : RATE_HZ // 2 + 3200]
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)
    peak_hz = np.abs(np.fft.rfft(middle)).argmax() * RATE_HZ / len(middle)
    assert peak_hz == pytest.approx(440, abs=6)


def test_what_is_missing_is_silence_of_its_length_and_what_is_late_is_dropped(packets: list[bytes]) -> None:
    ear = OpusIn()
    heard = [ear.push(number, packet) for number, packet in enumerate(packets[:50])]
    after = ear.push(53, packets[53])
    assert len(after) == 4 * PACKET
    assert np.abs(after[: 3 * PACKET]).max() == 0.0
    assert np.abs(after[3 * PACKET :]).max() > 0.1
    assert len(ear.push(51, packets[51])) == 0
    assert len(np.concatenate([*heard, after])) == 54 * PACKET
    assert (ear.lost.missing, ear.lost.late, ear.lost.broken) == (3, 1, 0)


def test_a_page_that_was_loaded_again_is_heard_at_once(packets: list[bytes]) -> None:
    ear = OpusIn()
    for number, packet in enumerate(packets[:50]):
        ear.push(5000 + number, packet)
    again = np.concatenate([ear.push(1 + number, packet) for number, packet in enumerate(packets[:50])])
    assert len(again) == 50 * PACKET
    assert np.abs(again[-RATE_HZ // 4 :]).max() > 0.1
    assert ear.lost.late == 0


def test_a_long_break_is_not_filled(packets: list[bytes]) -> None:
    ear = OpusIn()
    ear.push(0, packets[0])
    assert len(ear.push(100_000, packets[1])) == PACKET


def test_a_length_that_opus_does_not_have_is_refused() -> None:
    with pytest.raises(BadSpeech, match=r"packet_ms must be one of 2\.5, 5, 10, 20, 40, 60, got 15"):
        OpusIn(15)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 80), st.binary(max_size=60)), max_size=30))
def test_any_packets_in_any_order_give_whole_packets_of_finite_sound(sent: list[tuple[int, bytes]]) -> None:
    ear = OpusIn()
    first, last, total = None, -1, 0
    for number, packet in sent:
        heard = ear.push(number, packet)
        assert heard.dtype == np.float32
        assert np.isfinite(heard).all()
        total += len(heard)
        if first is None:
            first = number
        last = max(last, number)
    assert first is None or total == (last - first + 1) * PACKET
