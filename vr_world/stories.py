"""Three stories of a minute, as a session would tell them: what to listen to without a patient.

An imagined patient's arousal goes its way, and the world follows through `therapy.steer` and
`therapy.safety`, as it does in a room; so what is heard is what a patient would hear.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Final

from therapy.controls import NEUTRAL, Controls
from therapy.errors import BadValue
from therapy.patient import PatientState
from therapy.plan import Aim, Limits, Stage, StageKind
from therapy.safety import bound
from therapy.steer import steer

__all__ = ["STORIES", "Story", "tell"]

STEP_S: Final = 0.05
#: The world has met the patient before the story begins: five of the slowest time constants of the steering.
_MEETING_S: Final = 40.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A title, its stage, and the patient: arousal (−1 … 1) and breaths a minute, first and last."""

    title: str
    kind: StageKind
    aim: float
    arousal: tuple[float, float]
    breaths_per_min: tuple[float, float]


STORIES: Final[Mapping[str, Story]] = {
    "settle": Story(
        title="arousal goes from high to low",
        kind=StageKind.SETTLE,
        aim=-0.4,
        arousal=(0.8, -0.5),
        breaths_per_min=(13.0, 7.0),
    ),
    "calm": Story(
        title="calm is held",
        kind=StageKind.DEEPEN,
        aim=-0.5,
        arousal=(-0.5, -0.5),
        breaths_per_min=(6.0, 6.0),
    ),
    "return": Story(
        title="back to the room",
        kind=StageKind.RETURN,
        aim=0.1,
        arousal=(-0.5, 0.0),
        breaths_per_min=(6.0, 11.0),
    ),
}


def tell(name: str, seconds: float, start: Controls = NEUTRAL) -> list[Controls]:
    """Return the story's controls, one each 50 ms for `seconds`.

    The way from first to last takes the middle half of the time.

    Raises:
        BadValue: no such story.
    """
    story = STORIES.get(name)
    if story is None:
        raise BadValue("story", f"one of {', '.join(STORIES)}", name)
    stage = Stage(
        name=story.title,
        kind=story.kind,
        duration_s=seconds,
        scene="ocean",
        aim=Aim(arousal=story.aim, breath_pace_per_min=6.0, strength=0.5),
    )
    now = dataclasses.replace(start, breath_pace_per_min=story.breaths_per_min[0])
    told = []
    before, after = round(_MEETING_S / STEP_S), round(seconds / STEP_S)
    for k in range(-before, after):
        state = _patient(story, k * STEP_S, max(k, 0) / max(after, 1))
        now = bound(steer(state, stage, now, STEP_S).controls, now, Limits(), STEP_S).controls
        if k >= 0:
            told.append(now)
    return told


def _patient(story: Story, at_s: float, share: float) -> PatientState:
    """Return the imagined patient when `share` (0 … 1) of the story has passed."""
    way = 0.5 - 0.5 * math.cos(math.pi * min(max(2.0 * share - 0.5, 0.0), 1.0))

    def between(ends: tuple[float, float]) -> float:
        return ends[0] + (ends[1] - ends[0]) * way

    breaths_per_min = between(story.breaths_per_min)
    return PatientState(
        at_s=at_s,
        arousal=between(story.arousal),
        arousal_confidence=0.9,
        breath_phase=at_s * breaths_per_min / 60.0 % 1.0,
        breath_rate_per_min=breaths_per_min,
    )
