"""How large and how often to draw on this machine: sharpness gives way before the frame rate does. Pure.

Drawing and encoding run side by side, so a frame takes as long as the slower of the two. The ladder keeps
that time inside the frame's interval with some room, by changing the picture's size one step at a time;
only at the smallest size does the rate step down.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from vr_world.rendering.foveated import drawn_pixels

__all__ = ["EYE_SIZES_PX", "RATE_SHARES", "Ladder", "Rung", "panorama_px"]

#: Sides of one eye's square picture. Multiples of 16: whole macroblocks.
EYE_SIZES_PX: Final = (320, 384, 448, 512, 576, 640, 768, 896, 1024, 1152, 1280, 1440)
#: Steps of the rate, as shares of the target: for 30 Hz 30, 24, 20, 15.
RATE_SHARES: Final = (1.0, 0.8, 2.0 / 3.0, 0.5)

#: A panorama this many times as wide as an eye takes about as long to draw as two eyes do.
_PANORAMA: Final = 2.4

#: Above this share of the interval the rung is too high; below the lower one the next may be tried.
_TOO_FULL: Final = 0.95
_ROOM: Final = 0.75
#: A frame is judged after this many of its kind, so that one hiccup moves nothing.
_DOWN_AFTER_FRAMES: Final = 12
_UP_AFTER_S: Final = 4.0
#: After a fall, climbing waits longer, and longer again if the climb failed at once.
_UP_WAIT_MAX_S: Final = 60.0
_SMOOTHING: Final = 0.15


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step: side of an eye's picture and frames a second."""

    eye_px: int
    rate_hz: float


class Ladder:
    """Tell it each frame's slowest stage with `saw`; it answers with the rung to use from now on."""

    def __init__(self, *, eye_px: int, min_eye_px: int, max_eye_px: int, rate_hz: float) -> None:
        self._sizes = tuple(px for px in EYE_SIZES_PX if min_eye_px <= px <= max_eye_px) or (min_eye_px,)
        self._size = max((i for i, px in enumerate(self._sizes) if px <= eye_px), default=0)
        self._top = len(self._sizes) - 1
        self._target_hz = rate_hz
        self._rate = 0
        self._mean_s: float | None = None
        self._over = 0
        self._roomy_since_s: float | None = None
        self._up_wait_s = _UP_AFTER_S
        self._climbed_at_s: float | None = None

    @property
    def rung(self) -> Rung:
        """The step to draw with now."""
        return Rung(eye_px=self._sizes[self._size], rate_hz=self._target_hz * RATE_SHARES[self._rate])

    def allow(self, eye_px: int | None) -> Rung:
        """Draw no larger than `eye_px` from now on (`None`: as large as the machine can); return the rung."""
        sizes = enumerate(self._sizes)
        self._top = max((i for i, px in sizes if eye_px is None or px <= eye_px), default=0)
        if self._size > self._top:
            self._size = self._top
            self._forget()
        return self.rung

    def saw(self, slowest_s: float, now_s: float) -> Rung:
        """Learn that a frame's slowest stage took `slowest_s` at `now_s`; return the rung to use."""
        was_s = self._mean_s
        # A hiccup counts for no more than a frame of double length: only what lasts moves the ladder.
        mean_s = slowest_s if was_s is None else was_s + _SMOOTHING * (min(slowest_s, 2.0 * was_s) - was_s)
        self._mean_s = mean_s
        load = mean_s * self.rung.rate_hz
        self._over = self._over + 1 if load > _TOO_FULL else 0
        if self._over >= _DOWN_AFTER_FRAMES:
            self._down(now_s)
        elif load > _ROOM or not self._next_fits(mean_s):
            self._roomy_since_s = None
        elif self._roomy_since_s is None:
            self._roomy_since_s = now_s
        elif now_s - self._roomy_since_s >= self._up_wait_s:
            self._up(now_s)
        return self.rung

    def _next_fits(self, mean_s: float) -> bool:
        """Whether the next rung up would, by the number of its pixels, still leave room."""
        if self._rate > 0:
            return mean_s * self._target_hz * RATE_SHARES[self._rate - 1] < _ROOM
        if self._size >= self._top:
            return False
        grows = drawn_pixels(self._sizes[self._size + 1]) / drawn_pixels(self._sizes[self._size])
        return mean_s * grows * self._target_hz < _ROOM

    def _down(self, now_s: float) -> None:
        failed_climb = self._climbed_at_s is not None and now_s - self._climbed_at_s < 2.0 * _UP_AFTER_S
        self._up_wait_s = min(self._up_wait_s * 2.0, _UP_WAIT_MAX_S) if failed_climb else _UP_AFTER_S
        if self._size > 0:
            self._size -= 1
        elif self._rate + 1 < len(RATE_SHARES):
            self._rate += 1
        self._forget()

    def _up(self, now_s: float) -> None:
        if self._rate > 0:
            self._rate -= 1
        else:
            self._size += 1
        self._climbed_at_s = now_s
        self._forget()

    def _forget(self) -> None:
        self._mean_s = None
        self._over = 0
        self._roomy_since_s = None


def panorama_px(eye_px: int) -> int:
    """Return the width of the panorama that stands on the same step as an eye of `eye_px`; 16 divides it."""
    return 16 * round(_PANORAMA * eye_px / 16.0)
