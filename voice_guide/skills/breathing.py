"""Breathing with the place, a little slower than by oneself.

Six breaths a minute without holding, the exhale as long as the inhale or longer: the usual default of
heart-rate-variability biofeedback (Lehrer 2003; Laborde et al. 2022). `four_six` counts four in and six out.
`box` (four equal parts, with holding) is there for those who know it and ask for it; it is never the default,
as holding the breath can bring panic nearer.
"""

from typing import Final

from therapy.actions import PaceBreath
from voice_guide.skill import Part, Speak, scripted

_OPENING: Final[tuple[Part, ...]] = (
    Speak("breathing.invite", 4.0),
    Speak("exercise.exit", 4.0),
    Speak("breathing.posture", 10.0),
    Speak("breathing.notice", 20.0),
)
_HOLDS: Final[tuple[Part, ...]] = (Speak("breathing.gently", 45.0), Speak("breathing.wander", 50.0))

SKILL: Final = scripted(
    name="breathing",
    title="Breathing with the place",
    longest_s=360.0,
    script=(
        *_OPENING,
        Speak("breathing.join", 30.0, PaceBreath(breath_pace_per_min=6.0)),
        Speak("breathing.longer_out", 45.0),
        *_HOLDS,
    ),
    variants={
        "four_six": (
            *_OPENING,
            Speak("breathing.four_six", 40.0, PaceBreath(breath_pace_per_min=6.0)),
            *_HOLDS,
        ),
        "box": (*_OPENING, Speak("breathing.box", 40.0), Speak("breathing.box_free", 30.0), *_HOLDS),
    },
    closing=(Speak("breathing.close", 5.0),),
    not_for=frozenset({"panic", "trauma", "respiratory"}),
    source="Lehrer 2003; Laborde et al. 2022: about 6 a minute, no holding, stop on dizziness",
)
