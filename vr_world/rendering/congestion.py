"""What the link to a headset carries: bits give way first, then sharpness, and both come back slowly. Pure.

Each frame's acknowledgement says how long the frame was under way. What the smallest message takes there and
back (the headset's own pings, or the shortest way of the last half minute) is the link itself; what is more
is *queueing*: the frame was too big, or waited for others. Single late frames (a lost packet that TCP sends
again, a busy radio) are normal and move nothing: of the last half second even the better frames must be late.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from typing import Final

from vr_world.rendering.quality import EYE_SIZES_PX

__all__ = ["BITRATES_BPS", "Allowance", "LinkLadder"]

#: Ceilings of the video stream. The lowest is what a calm picture of 384² per eye needs.
BITRATES_BPS: Final = (
    2_000_000,
    2_800_000,
    4_000_000,
    5_600_000,
    8_000_000,
    11_000_000,
    16_000_000,
    22_000_000,
)

#: A picture that waits this long is felt when something near moves; half of it is as good as none.
_QUEUE_S: Final = 0.060
_CLEAR_S: Final = 0.030
#: The better quarter of so many frames decides; where few come through, of those of this time.
_WINDOW: Final = 15
_WINDOW_S: Final = 0.8
_LEAST: Final = 4
_BASE_OVER_S: Final = 30.0
#: A step shows in the queue after about this time: no second one before.
_DOWN_EVERY_S: Final = 1.0
_UP_AFTER_S: Final = 6.0
_UP_WAIT_MAX_S: Final = 96.0
#: A climb that is undone within this time was a mistake: wait twice as long for the next.
_FAILED_WITHIN_S: Final = 10.0
#: Of what was measured to come through, a first step down takes this much.
_SHARE: Final = 0.8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What may be sent: bits in a second, and the largest side of an eye's picture (`None`: any)."""

    bitrate_bps: int
    eye_px: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    frame_id: int
    size_bytes: int
    sent_at_s: float


class LinkLadder:
    """Tell it `sent` and `acked`; `allowance` is what to send from now on.

    Args:
        bitrate_bps: never more than this.
        min_eye_px: smallest side of an eye's picture.
    """

    def __init__(self, *, bitrate_bps: int, min_eye_px: int) -> None:
        rates = [rate for rate in BITRATES_BPS if rate < bitrate_bps]
        self._rates = (*rates, bitrate_bps)
        self._sizes = tuple(px for px in EYE_SIZES_PX if px >= min_eye_px)
        self._rate = len(self._rates) - 1
        self._eye_px: int | None = None
        self._full_px = 0
        self._rtt_s = math.inf
        self._under_way: deque[_Way] = deque(maxlen=64)
        self._delays_s: deque[float] = deque(maxlen=_WINDOW)
        self._base: deque[tuple[float, float]] = deque()
        self._came: deque[tuple[float, int]] = deque(maxlen=_WINDOW)
        self._moved_at_s = 0.0
        self._climbed_at_s: float | None = None
        self._clear_since_s: float | None = None
        self._up_wait_s = _UP_AFTER_S

    @property
    def allowance(self) -> Allowance:
        """What may be sent now."""
        return Allowance(bitrate_bps=self._rates[self._rate], eye_px=self._eye_px)

    @property
    def queueing_s(self) -> float:
        """How long the better ones of the last frames waited; 0 before any came."""
        if not self._delays_s:
            return 0.0
        base_s = min(self._base[0][1], self._rtt_s)
        return sorted(self._delays_s)[len(self._delays_s) // 4] - base_s

    def sent(self, frame_id: int, size_bytes: int, now_s: float) -> None:
        """A frame has left the encoder."""
        self._under_way.append(_Way(frame_id=frame_id, size_bytes=size_bytes, sent_at_s=now_s))

    def acked(
        self, frame_id: int, decode_s: float, eye_px: int, now_s: float, rtt_s: float | None = None
    ) -> None:
        """The headset has decoded `frame_id` in `decode_s`.

        Args:
            frame_id: as it was `sent`.
            decode_s: not the link's fault.
            eye_px: what is drawn now.
            now_s: when the acknowledgement came.
            rtt_s: what a ping takes there and back, if that is known.
        """
        self._rtt_s = math.inf if rtt_s is None else rtt_s
        while self._under_way and self._under_way[0].frame_id < frame_id:
            self._under_way.popleft()
        if not self._under_way or self._under_way[0].frame_id != frame_id:
            return
        way = self._under_way.popleft()
        delay_s = max(now_s - way.sent_at_s - max(decode_s, 0.0), 0.0)
        self._delays_s.append(delay_s)
        self._came.append((now_s, way.size_bytes))
        self._note_base(delay_s, now_s)
        self._judge(eye_px, now_s)

    def forget(self) -> None:
        """Another headset, or a link that was away: what was measured says nothing any more."""
        self._under_way.clear()
        self._delays_s.clear()
        self._base.clear()
        self._came.clear()
        self._clear_since_s = None

    def _note_base(self, delay_s: float, now_s: float) -> None:
        """Keep the delays that are or will be the shortest of the last half minute, the shortest first."""
        while self._base and self._base[-1][1] >= delay_s:
            self._base.pop()
        self._base.append((now_s, delay_s))
        while self._base[0][0] < now_s - _BASE_OVER_S:
            self._base.popleft()

    def _judge(self, eye_px: int, now_s: float) -> None:
        count = len(self._delays_s)
        seen_s = now_s - self._came[-count][0]
        if count < _WINDOW and (count < _LEAST or seen_s < _WINDOW_S):
            return
        queueing_s = self.queueing_s
        if queueing_s > _CLEAR_S:
            self._clear_since_s = None
        elif self._clear_since_s is None:
            self._clear_since_s = now_s
        if queueing_s > _QUEUE_S:
            if now_s - self._moved_at_s >= _DOWN_EVERY_S:
                self._down(eye_px, now_s)
        elif self._clear_since_s is not None and now_s - self._clear_since_s >= self._up_wait_s:
            self._up(now_s)

    def _down(self, eye_px: int, now_s: float) -> None:
        failed = self._climbed_at_s is not None and now_s - self._climbed_at_s < _FAILED_WITHIN_S
        self._up_wait_s = min(2.0 * self._up_wait_s, _UP_WAIT_MAX_S) if failed else _UP_AFTER_S
        if failed and self._eye_px is None and self._rate > 0:
            self._rate -= 1
        elif self._rate > 0:
            through_bps = self._through_bps()
            fitting = [i for i in range(self._rate) if self._rates[i] <= _SHARE * through_bps]
            self._rate = max(fitting, default=0)
        else:
            smaller = [px for px in self._sizes if px < eye_px]
            if self._eye_px is None:
                self._full_px = eye_px
            self._eye_px = max(smaller, default=self._sizes[0])
        self._moved(now_s)

    def _up(self, now_s: float) -> None:
        if self._eye_px is not None:
            larger = [px for px in self._sizes if self._eye_px < px < self._full_px]
            self._eye_px = min(larger, default=None)
        elif self._rate + 1 < len(self._rates):
            self._rate += 1
        else:
            return
        self._climbed_at_s = now_s
        self._moved(now_s)

    def _moved(self, now_s: float) -> None:
        self._moved_at_s = now_s
        self._clear_since_s = None
        self._delays_s.clear()

    def _through_bps(self) -> float:
        """What came through of late: the bytes of the last frames over the time that they took."""
        span_s = self._came[-1][0] - self._came[0][0]
        return 8.0 * sum(size for _, size in list(self._came)[1:]) / max(span_s, 1e-3)
