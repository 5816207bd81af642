"""Finding the pace at which this patient's heart and breath resonate: a guided procedure. Pure.

Slow breathing drives the baroreflex hardest at one rate, in adults 4.5…6.5 breaths a minute, to each their
own (Lehrer, Vaschillo & Vaschillo 2000; Shaffer & Meehan 2020, whose order of criteria is kept). Two kinds:

`stepped`   6.5, 6.0, 5.5, 5.0, 4.5 breaths a minute, two minutes each, **in random order**: heart and mood
            drift over ten minutes, and a falling order mistakes the drift for resonance.
`sliding`   from 6.5 to 4.5 in one long glide (Fisher & Lehrer 2022): finer, but in one order only.

    steps = stepped(seed)                        pace the patient through them, in this order
    measured = [measure(step, beats, inhales)]   of each; its first 30 s do not count: the breath settles
    choice = choose(measured)                    the pace, and why
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
import statistics
from collections.abc import Sequence
from typing import Final

from therapy.errors import BadValue

__all__ = [
    "PACES_PER_MIN",
    "Choice",
    "Measured",
    "Step",
    "choose",
    "measure",
    "pace_at",
    "sliding",
    "stepped",
]

PACES_PER_MIN: Final = (6.5, 6.0, 5.5, 5.0, 4.5)
STEP_S: Final = 120.0
SETTLE_S: Final = 30.0
SLIDE_S: Final = 900.0
SLIDE_PARTS: Final = 15
_LEAST_BREATHS: Final = 4
_LEAST_BEATS: Final = 40
#: Weight of the swing against coherence, where the lags do not tell.
_SWING: Final = 0.6
#: Lag of the heart's swing behind the breath's at resonance, in turns: that of the simulated patients, whose
#: baroreflex lags a quarter turn and whose direct swing does not. For people it is still to be measured.
_LAG: Final = 0.21
#: No sinus rhythm changes by so much within a breath of these paces; a doubled interval does.
_ODD: Final = 1.7
_LEAST_SLOPE: Final = 0.01
_BEYOND: Final = 0.3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Pace from `start_per_min` to `end_per_min` (the same, where it is a step) between two times."""

    start_s: float
    end_s: float
    start_per_min: float
    end_per_min: float

    @property
    def per_min(self) -> float:
        """The pace in the middle."""
        return 0.5 * (self.start_per_min + self.end_per_min)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one step showed.

    Attributes:
        per_min: its pace.
        rsa_bpm: swing of the heart rate at the breath's frequency, peak to trough.
        share: of the heart's rhythm (0.04…0.26 Hz) that is at the breath's frequency, 0 … 1 (coherence).
        phase: of the heart's swing behind the breath's, in turns −0.5 … 0.5.
        breaths: whole breaths that it rests on.
    """

    per_min: float
    rsa_bpm: float
    share: float
    phase: float
    breaths: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The pace that was chosen, how clearly (0 … 1), and the reasons for a human to read."""

    per_min: float
    clarity: float
    why: str
    measured: tuple[Measured, ...]


def stepped(seed: int, start_s: float = 0.0) -> tuple[Step, ...]:
    """Return the steps in an order that `seed` decides."""
    paces = list(PACES_PER_MIN)
    random.Random(seed).shuffle(paces)  # noqa: S311  # an order, no secret
    return tuple(
        Step(start_s=start_s + i * STEP_S, end_s=start_s + (i + 1) * STEP_S, start_per_min=p, end_per_min=p)
        for i, p in enumerate(paces)
    )


def sliding(start_s: float = 0.0) -> tuple[Step, ...]:
    """Return the parts of the glide, to be paced without a break and measured each by itself."""
    top, bottom = PACES_PER_MIN[0], PACES_PER_MIN[-1]
    edges = [top + (bottom - top) * k / SLIDE_PARTS for k in range(SLIDE_PARTS + 1)]
    part_s = SLIDE_S / SLIDE_PARTS
    return tuple(
        Step(start_s=start_s + i * part_s, end_s=start_s + (i + 1) * part_s, start_per_min=a, end_per_min=b)
        for i, (a, b) in enumerate(itertools.pairwise(edges))
    )


def pace_at(steps: Sequence[Step], at_s: float) -> float:
    """Return the pace at `at_s`; the first before the procedure, the last after it."""
    step = next((s for s in steps if at_s < s.end_s), steps[-1])
    share = min(max((at_s - step.start_s) / (step.end_s - step.start_s), 0.0), 1.0)
    return step.start_per_min + (step.end_per_min - step.start_per_min) * share


def measure(step: Step, beats_s: Sequence[float], inhales_s: Sequence[float]) -> Measured | None:
    """Return what the heart did in `step`, `None` when too little of it is known.

    Args:
        step: which; of a step its first 30 s are left out, of a glide nothing.
        beats_s: times of clean heartbeats, rising.
        inhales_s: times at which inhales began, rising (the patient's own, not the pacer's).
    """
    settle_s = SETTLE_S if step.start_per_min == step.end_per_min else 0.0
    inhales = [t for t in inhales_s if step.start_s + settle_s <= t < step.end_s]
    if len(inhales) - 1 < _LEAST_BREATHS:
        return None
    first, last = inhales[0], inhales[-1]
    points = [
        (0.5 * (a + b), 60.0 / (b - a))
        for a, b in itertools.pairwise(beats_s)
        if first <= a and b <= last and 0.3 <= b - a <= 2.2
    ]
    if points:  # a beat that was missed or left out doubles an interval, and would be half of the swing
        usual = statistics.median(rate for _, rate in points)
        points = [(at, rate) for at, rate in points if 1.0 / _ODD <= rate / usual <= _ODD]
    if len(points) < min(_LEAST_BEATS, (last - first) / 2.0):
        return None
    turns = [(_turn(inhales, at), rate) for at, rate in points]
    mean = statistics.fmean(rate for _, rate in turns)
    cosine = 2.0 * statistics.fmean((r - mean) * math.cos(2.0 * math.pi * t) for t, r in turns)
    sine = 2.0 * statistics.fmean((r - mean) * math.sin(2.0 * math.pi * t) for t, r in turns)
    swing = math.hypot(cosine, sine)
    total = statistics.fmean((r - mean) ** 2 for _, r in turns)
    peak = math.atan2(sine, cosine) / (2.0 * math.pi)  # where in the breath the heart is fastest
    return Measured(
        per_min=60.0 * (len(inhales) - 1) / (last - first),
        rsa_bpm=2.0 * swing,
        share=min(0.5 * swing * swing / total, 1.0) if total > 0.0 else 0.0,
        phase=math.remainder(peak - _INHALED, 1.0),
        breaths=len(inhales) - 1,
    )


#: Where in the breath the inhale ends.
_INHALED: Final = 0.4


def _turn(inhales: Sequence[float], at_s: float) -> float:
    k = next(i for i in range(len(inhales) - 1) if at_s <= inhales[i + 1])
    return (at_s - inhales[k]) / (inhales[k + 1] - inhales[k])


def choose(measured: Sequence[Measured]) -> Choice:
    """Return the pace at resonance, and why.

    Phase first: a resonator lags its drive the more the faster it is driven, whatever mood and depth of
    breath do to the height of its swing. A line through the steps' lags, weighted by how much of the rhythm
    goes with the breath, tells where the lag is that of resonance. Where the lags do not rise with the pace,
    or the line leaves the range, the step with the greatest swing and coherence is taken.

    Raises:
        BadValue: fewer than three steps could be measured.
    """
    if len(measured) < 3:
        raise BadValue("resonance assessment", "at least three measured steps", len(measured))
    ordered = tuple(sorted(measured, key=lambda m: m.per_min))
    best_swing = max(m.rsa_bpm for m in ordered)
    best_share = max(m.share for m in ordered)
    scores = [
        _SWING * m.rsa_bpm / max(best_swing, 1e-9) + (1.0 - _SWING) * m.share / max(best_share, 1e-9)
        for m in ordered
    ]
    k = max(range(len(scores)), key=scores.__getitem__)
    crossing = _crossing(ordered)
    if crossing is not None:
        per_min = crossing
        how = f"the heart's lag behind the breath is that of resonance at {per_min:.1f} a minute"
    else:
        per_min = _between([m.per_min for m in ordered], scores, k)
        how = f"the lags do not tell; the swing is greatest at {per_min:.1f} a minute"
    near = min(ordered, key=lambda m: abs(m.per_min - per_min))
    why = (
        f"{how}; near it the heart swung {near.rsa_bpm:.1f} bpm (most: {best_swing:.1f}) and "
        f"{100.0 * near.share:.0f} % of its rhythm went with the breath (most: {100.0 * best_share:.0f} %)"
    )
    return Choice(
        per_min=per_min, clarity=statistics.fmean(m.share for m in ordered), why=why, measured=ordered
    )


def _crossing(ordered: Sequence[Measured]) -> float | None:
    """Return the pace at which the line through the lags is at resonance's, `None` where it tells nothing."""
    weights = [m.share * m.share for m in ordered]
    total = sum(weights)
    if total <= 0.0:
        return None
    pace = sum(w * m.per_min for w, m in zip(weights, ordered, strict=True)) / total
    lag = sum(w * m.phase for w, m in zip(weights, ordered, strict=True)) / total
    across = sum(w * (m.per_min - pace) ** 2 for w, m in zip(weights, ordered, strict=True))
    along = sum(w * (m.per_min - pace) * (m.phase - lag) for w, m in zip(weights, ordered, strict=True))
    if across <= 0.0 or along / across < _LEAST_SLOPE:
        return None
    crossing = pace + (_LAG - lag) * across / along
    low, high = PACES_PER_MIN[-1] - _BEYOND, PACES_PER_MIN[0] + _BEYOND
    return crossing if low <= crossing <= high else None


def _between(paces: Sequence[float], scores: Sequence[float], k: int) -> float:
    """Return where a parabola through three scores is highest; the best pace at an end of the range."""
    if not 0 < k < len(paces) - 1:
        return paces[k]
    (x0, x1, x2), (y0, y1, y2) = paces[k - 1 : k + 2], scores[k - 1 : k + 2]
    left, right = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    bend = (right - left) / (x2 - x0)
    if bend >= 0.0:
        return x1
    top = 0.5 * (x0 + x1) - left / (2.0 * bend)
    return min(max(top, x0), x2)
