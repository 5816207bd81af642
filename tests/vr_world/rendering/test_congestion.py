"""The link ladder against simulated links: bits first, then sharpness, up slowly, no see-saw."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import random

import pytest

from vr_world.rendering.congestion import BITRATES_BPS, Allowance, LinkLadder
from vr_world.rendering.flight import Flight
from vr_world.rendering.quality import Ladder

RATE_HZ = 30.0
NATURAL_BPS = 12e6  # what the picture takes at 640² without a ceiling


@dataclasses.dataclass
class Link:
    """A link with a queue: `bps` wide, `delay_s` long, jittery; a loss holds all up for `stall_s`."""

    bps: float
    delay_s: float = 0.01
    jitter_s: float = 0.0
    loss: float = 0.0
    stall_s: float = 0.25
    free_at_s: float = 0.0
    last_s: float = 0.0

    def carry(self, size_bytes: int, now_s: float, chance: random.Random) -> float:
        """Return when a message that is sent now has arrived: in order, as TCP keeps it."""
        self.free_at_s = max(self.free_at_s, now_s) + 8.0 * size_bytes / self.bps
        at_s = self.free_at_s + self.delay_s + self.jitter_s * chance.random()
        if chance.random() < self.loss:
            at_s += self.stall_s
        self.last_s = max(self.last_s, at_s)
        return self.last_s


def drive(ladder: LinkLadder, link: Link, seconds: float, start_s: float = 0.0) -> list[Allowance]:
    """Send frames over `link` as the renderer does; return the allowance at each frame's time."""
    chance = random.Random(7)
    flight = Flight()
    acks: list[tuple[float, int]] = []
    allowed = []
    eye_px, now_s = 640, start_s
    first = frame_id = round(start_s * 1000)
    while now_s < start_s + seconds:
        while acks and acks[0][0] <= now_s:
            at_s, number = heapq.heappop(acks)
            flight.acked(number, at_s)
            ladder.acked(number, 0.004, eye_px, at_s, 2.0 * link.delay_s)
        allowance = ladder.allowance
        allowed.append(allowance)
        eye_px = min(640, allowance.eye_px or 640)
        if flight.may_send():
            frame_id += 1
            bps = min(NATURAL_BPS * (eye_px / 640) ** 2, allowance.bitrate_bps)
            # nothing is smaller than a picture of this size can be
            size_bytes = int(max(bps, 3.2e6 * (eye_px / 640) ** 2) / 8.0 / RATE_HZ)
            flight.sent(frame_id, now_s)
            ladder.sent(frame_id, size_bytes, now_s)
            heapq.heappush(acks, (link.carry(size_bytes, now_s, chance) + 0.004 + link.delay_s, frame_id))
        now_s += 1.0 / RATE_HZ
    assert frame_id > first
    return allowed


def a_ladder() -> LinkLadder:
    return LinkLadder(bitrate_bps=16_000_000, min_eye_px=384)


def test_a_wide_link_keeps_everything() -> None:
    allowed = drive(a_ladder(), Link(bps=50e6), 60.0)
    assert set(allowed) == {Allowance(bitrate_bps=16_000_000)}


def test_jitter_and_lost_packets_on_a_wide_link_move_nothing() -> None:
    link = Link(bps=50e6, delay_s=0.04, jitter_s=0.04, loss=0.01)
    assert set(drive(a_ladder(), link, 120.0)) == {Allowance(bitrate_bps=16_000_000)}


def test_on_a_narrow_link_bits_give_way_and_the_size_stays() -> None:
    allowed = drive(a_ladder(), Link(bps=6e6), 60.0)
    after_a_moment = allowed[round(3.0 * RATE_HZ) :]
    fitting = [a.bitrate_bps < 6e6 for a in after_a_moment]
    assert sum(fitting) > 0.8 * len(fitting)
    assert all(a.eye_px is None for a in allowed)


def test_sharpness_gives_way_only_when_the_bits_are_at_their_lowest() -> None:
    allowed = drive(a_ladder(), Link(bps=1.5e6), 60.0)
    after_a_moment = allowed[round(6.0 * RATE_HZ) :]
    small = [a.eye_px is not None and 384 <= a.eye_px < 640 for a in after_a_moment]
    assert sum(small) > 0.9 * len(small)
    assert all(a.bitrate_bps == BITRATES_BPS[0] for a in allowed if a.eye_px is not None)


def test_it_gives_way_within_two_seconds_and_climbs_slowly_sharpness_first() -> None:
    ladder = a_ladder()
    down = drive(ladder, Link(bps=1.5e6), 30.0)
    # a full window, then at once
    assert next(i for i, a in enumerate(down) if a.bitrate_bps < 16_000_000) < 2.0 * RATE_HZ
    back = drive(ladder, Link(bps=50e6), 120.0, start_s=30.0)
    steps = [i for i, (a, b) in enumerate(itertools.pairwise(back)) if a != b]
    assert min(b - a for a, b in itertools.pairwise(steps)) >= 5.9 * RATE_HZ
    sharp = next(i for i, a in enumerate(back) if a.eye_px is None)
    assert all(a.bitrate_bps == BITRATES_BPS[0] for a in back[:sharp])
    assert sharp > 5.9 * RATE_HZ
    assert back[-1] == Allowance(bitrate_bps=16_000_000)


@pytest.mark.parametrize("bps", [1e6, 2.2e6, 3.5e6, 5e6, 7e6, 9e6, 13e6])
def test_it_settles_instead_of_going_up_and_down(bps: float) -> None:
    allowed = drive(a_ladder(), Link(bps=bps), 300.0)
    late = allowed[len(allowed) // 2 :]
    changes = sum(a != b for a, b in itertools.pairwise(late))
    assert changes <= 6, "one try a minute and a half, and back"


def test_another_headset_starts_with_nothing_measured() -> None:
    ladder = a_ladder()
    drive(ladder, Link(bps=2e6), 3.0)
    ladder.forget()
    assert ladder.queueing_s == 0.0


def test_acks_of_frames_that_were_never_sent_change_nothing() -> None:
    ladder = a_ladder()
    for i in range(100):
        ladder.acked(i, 0.0, 640, i / 30.0)
    assert ladder.allowance == Allowance(bitrate_bps=16_000_000)
    assert ladder.queueing_s == 0.0


def test_the_machines_ladder_stays_below_what_the_link_allows_and_climbs_back_by_itself() -> None:
    ladder = Ladder(eye_px=640, min_eye_px=384, max_eye_px=1440, rate_hz=30.0)
    assert ladder.allow(512).eye_px == 512
    for i in range(900):
        ladder.saw(0.002, i / 30.0)
    assert ladder.rung.eye_px == 512
    assert ladder.allow(None).eye_px == 512
    for i in range(900, 1200):
        ladder.saw(0.002, i / 30.0)
    assert ladder.rung.eye_px > 512
