"""What of the body steers, and when it no longer does: hysteresis, hold, and a slow way out. Pure.

```
confidence ≥ 0.45 ─▶ trusted: the body steers, until its confidence is < 0.3
lost              ─▶ 2 s held as it was ─▶ fades over 6 s ─▶ the plan alone (an open-loop pacer)
```

*Neutral*, where the world goes when all signals die, is the plan alone: each control where the stage puts it
without a body, and a pacer that runs by itself from the pace it has (`therapy.steer`). With the controls' own
time constants (6 and 8 s) the world has forgotten a signal 10–30 s after it died. A trembling estimate does
not make the world tremble: arousal follows with a play of 0.04.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from therapy.patient import PatientState

__all__ = ["NOTHING_KNOWN", "Known", "steadied"]

TRUST_FROM: Final = 0.45
TRUST_UNTIL: Final = 0.3
HOLD_S: Final = 2.0
FADE_S: Final = 6.0
PLAY: Final = 0.04


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was last known of the body, and for how long nothing new has come."""

    trusted: bool = False
    arousal: float = 0.0
    confidence: float = 0.0
    alone_s: float = 0.0
    breath_rate_per_min: float | None = None
    breath_alone_s: float = 0.0
    breath_heard: bool = False
    coherence: float | None = None
    coherence_alone_s: float = 0.0


NOTHING_KNOWN: Final = Known()


def steadied(known: Known, state: PatientState, dt_s: float) -> tuple[Known, PatientState]:
    """Return what to remember, and `state` as the steering should see it `dt_s` after `known`."""
    trusted = state.arousal_confidence >= (TRUST_UNTIL if known.trusted else TRUST_FROM)
    if trusted:
        arousal = min(max(known.arousal, state.arousal - PLAY), state.arousal + PLAY)
        confidence, alone_s = state.arousal_confidence, 0.0
        if not known.trusted and known.confidence == 0.0:
            arousal = state.arousal
    else:
        arousal, confidence, alone_s = known.arousal, known.confidence, known.alone_s + dt_s
        if alone_s >= HOLD_S + FADE_S:
            arousal = confidence = 0.0
    rate, rate_alone_s = _held(
        state.breath_rate_per_min, known.breath_rate_per_min, known.breath_alone_s, dt_s
    )
    coherence, coherence_alone_s = _held(state.coherence, known.coherence, known.coherence_alone_s, dt_s)
    memory = Known(
        trusted=trusted,
        arousal=arousal,
        confidence=confidence,
        alone_s=alone_s,
        breath_rate_per_min=rate,
        breath_alone_s=rate_alone_s,
        breath_heard=known.breath_heard or rate is not None,
        coherence=coherence,
        coherence_alone_s=coherence_alone_s,
    )
    left = 1.0 - min(max((alone_s - HOLD_S) / FADE_S, 0.0), 1.0)
    seen = dataclasses.replace(
        state,
        arousal=arousal,
        arousal_confidence=confidence * left,
        breath_rate_per_min=rate,
        breath_lost=memory.breath_heard and rate is None,
        coherence=coherence,
    )
    return memory, seen


def _held(new: float | None, old: float | None, alone_s: float, dt_s: float) -> tuple[float | None, float]:
    """Return the new value, or the old one until it is too old; and how long nothing new has come."""
    if new is not None:
        return new, 0.0
    alone_s += dt_s
    return (old if alone_s <= HOLD_S else None), alone_s
