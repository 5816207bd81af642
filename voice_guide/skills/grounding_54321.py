"""Five things to see, four to touch, three to hear, two to smell, one to taste, then the date and the place.

In a headset the seeing and hearing are of the place, the touching is of the real chair. It asks nothing of
the inner world, which is why it is what remains when other exercises are not for a patient.
"""

from typing import Final

from voice_guide.skill import Ask, Part, Speak, scripted

_GOOD: Final[tuple[Part, ...]] = (Speak("grounding.good", 3.0),)

SKILL: Final = scripted(
    name="grounding_54321",
    title="Five, four, three, two, one",
    longest_s=360.0,
    script=(
        Speak("grounding.invite", 3.0),
        Speak("exercise.exit", 3.0),
        Ask("grounding.see", 25.0, otherwise=_GOOD),
        Ask("grounding.touch", 25.0, otherwise=_GOOD),
        Ask("grounding.hear", 20.0, otherwise=_GOOD),
        Ask("grounding.smell", 15.0),
        Ask("grounding.taste", 10.0),
        Ask("grounding.date", 12.0),
    ),
    closing=(Speak("grounding.close", 5.0),),
    source="5-4-3-2-1 of the senses, common in trauma-informed care",
)
