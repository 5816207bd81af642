"""The iso-principle as a path: the music first meets the patient's arousal, then leads to the stage's aim.

A policy with a trace and not a promise (Altshuler 1948; Starcke 2021). Over a stage the share of the lead
grows from nothing, while the patient is only met, to the stage's strength. Pure; `therapy.steer` follows it.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from therapy.errors import BadValue

__all__ = ["MEET_SHARE", "IsoPath", "IsoPoint"]

#: Share of a stage in which the patient is met before the lead begins …
MEET_SHARE: Final = 0.15
#: … and at which the aim should be reached: the rest is for staying there.
ARRIVED_SHARE: Final = 0.85
_POINTS: Final = 9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IsoPoint:
    """The path leads through `arousal` (−1 … 1) at session time `at_s`."""

    at_s: float
    arousal: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IsoPath:
    """A stage's path of arousal.

    Attributes:
        begins_s: session time at which the stage began.
        duration_s: length of the stage, > 0.
        met: the patient's arousal as the stage began, −1 … 1 (the aim itself where it was not known).
        aim: where the stage leads, −1 … 1.

    Raises:
        BadValue: a duration that is not positive, or an arousal out of range.
    """

    begins_s: float
    duration_s: float
    met: float
    aim: float

    def __post_init__(self) -> None:
        if not self.duration_s > 0.0:
            raise BadValue("duration_s", "a length > 0 s", self.duration_s)
        for name in ("met", "aim"):
            value = getattr(self, name)
            if not -1.0 <= value <= 1.0:
                raise BadValue(name, "an arousal in −1…1", value)

    @classmethod
    def through(
        cls, *, begins_s: float, duration_s: float, arousal: float, confidence: float, aim: float
    ) -> IsoPath:
        """Return the path from what is known of the patient; unknown (confidence 0) it starts at the aim."""
        trust = min(max(confidence, 0.0), 1.0)
        met = min(max(trust * arousal + (1.0 - trust) * aim, -1.0), 1.0)
        return cls(begins_s=begins_s, duration_s=duration_s, met=met, aim=aim)

    def lead(self, now_s: float) -> float:
        """Return how much of the way is asked for at `now_s`: 0 (meeting) … 1 (at the aim); no corners."""
        share = (now_s - self.begins_s) / self.duration_s
        way = min(max((share - MEET_SHARE) / (ARRIVED_SHARE - MEET_SHARE), 0.0), 1.0)
        return way * way * (3.0 - 2.0 * way)

    def arousal(self, now_s: float) -> float:
        """Return the arousal that the path leads through at `now_s`, −1 … 1."""
        return self.met + (self.aim - self.met) * self.lead(now_s)

    def points(self) -> tuple[IsoPoint, ...]:
        """Return the path as a line, from the stage's start to its end."""
        times = (self.begins_s + self.duration_s * i / (_POINTS - 1) for i in range(_POINTS))
        return tuple(IsoPoint(at_s=at_s, arousal=self.arousal(at_s)) for at_s in times)
