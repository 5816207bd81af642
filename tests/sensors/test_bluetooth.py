"""What Bluetooth sensors send, byte for byte, and the beats that come of it."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.devices._ble import BeatTimes, parse_ecg_frame, parse_heart_rate
from sensors.devices.polar_ecg import EcgStamps
from sensors.errors import BadNotification


@pytest.mark.parametrize(
    ("sent", "rate", "contact", "intervals_s"),
    [
        # as straps send them: 8-bit rate with one and two intervals, contact told; 16-bit with energy
        ("16 48 5c 03", 72, True, (860 / 1024,)),
        ("10 3c 00 04 f8 03", 60, None, (1.0, 1016 / 1024)),
        ("14 50 a0 02", 80, False, (672 / 1024,)),
        ("19 2c 01 34 12 00 02", 300, None, (0.5,)),
        ("00 41", 65, None, ()),
    ],
)
def test_notifications_of_straps_are_read(sent, rate, contact, intervals_s):
    heard = parse_heart_rate(bytes.fromhex(sent))
    assert (heard.rate_bpm, heard.contact, heard.intervals_s) == (rate, contact, intervals_s)


@pytest.mark.parametrize("sent", ["", "01 50", "10 3c 00", "18 3c", "01"])
def test_notifications_that_are_cut_off_are_refused(sent):
    with pytest.raises(BadNotification, match="heart rate notification"):
        parse_heart_rate(bytes.fromhex(sent))


@given(st.binary(max_size=24))
def test_no_bytes_break_the_parsers(data):
    for parse in (parse_heart_rate, parse_ecg_frame):
        try:
            parse(data)
        except BadNotification as error:
            assert "must be" in str(error)


def test_beat_times_keep_the_rhythm_when_notifications_come_late_and_unevenly():
    rng = np.random.default_rng(4)
    intervals = 0.85 + 0.06 * np.sin(np.arange(300) / 3.0) + 0.01 * rng.standard_normal(300)
    true_s = 10.0 + np.cumsum(intervals)
    times, found = BeatTimes(), []
    at = 0
    for arrived in np.arange(11.0, true_s[-1] + 2.0, 1.0):
        upto = int(np.searchsorted(true_s, arrived))
        late_s = float(rng.uniform(0.1, 0.6))
        found += times.add(tuple(intervals[at:upto]), arrived + late_s)
        at = upto
    stamps = np.array([at_s for at_s, _ in found])
    assert len(found) == 300
    assert np.all(np.diff(stamps) > 0.0)
    # the rhythm is that of the heart, though arrivals jitter by half a second
    assert np.abs(np.diff(stamps) - intervals[1:]).max() < 0.06
    # and the beats are where they were, but for the mean way of a notification
    late = stamps - true_s
    assert 0.0 < late[50:].mean() < 1.6
    assert late[50:].std() < 0.25


def test_a_pause_of_a_strap_is_a_jump_and_never_a_step_back():
    times = BeatTimes()
    times.add((1.0, 1.0), 100.0)
    after = times.add((1.0,), 110.0)
    assert after == [(110.0, 1.0)]
    late = times.add((0.8,), 110.1)  # arrived sooner than its interval allows
    assert late[0][0] > 110.0


def test_polar_frames_are_read_with_their_sign():
    body = b"".join(value.to_bytes(3, "little", signed=True) for value in (0, 1, -1, 8388607, -8388608, -250))
    stamp, samples = parse_ecg_frame(struct.pack("<BQB", 0, 599_616_000_123_456_789, 0) + body)
    assert stamp == 599_616_000_123_456_789
    assert samples == (0, 1, -1, 8388607, -8388608, -250)


@pytest.mark.parametrize("data", [b"", b"\x02" + bytes(12), bytes(9) + b"\x01" + bytes(3), bytes(10) + b"12"])
def test_other_frames_are_refused(data):
    with pytest.raises(BadNotification, match="Polar ECG frame"):
        parse_ecg_frame(data)


def test_ecg_stamps_follow_the_sensors_clock_and_not_the_radio():
    rng = np.random.default_rng(2)
    stamps, errors = EcgStamps(), []
    drift = 1.0 + 30e-6
    for frame in range(600):
        taken_s = (frame + 1) * 73 / 130.0
        arrived_s = 50.0 + taken_s + float(rng.exponential(0.05))
        at_s = stamps.of(int(taken_s * drift * 1e9), 73, arrived_s)
        assert len(at_s) == 73
        errors.append(at_s[-1] - (50.0 + taken_s))
    assert np.all(np.abs(np.diff(errors[20:])) < 0.01)
    assert min(errors[50:]) >= 0.0
    assert max(errors[50:]) < 0.02
