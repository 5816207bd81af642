"""Kind wishes: for somebody easy to like, for oneself, for somebody one hardly knows, for all.

Never a hard person: that step belongs to a therapist. Oneself comes second and may be left out, for many find
it the hardest.
"""

from typing import Final

from voice_guide.skill import Ask, Speak, scripted

SKILL: Final = scripted(
    name="loving_kindness",
    title="Kind wishes",
    longest_s=600.0,
    script=(
        Speak("kindness.invite", 4.0),
        Speak("exercise.exit", 4.0),
        Speak("kindness.easy", 20.0),
        Speak("kindness.easy_wish", 40.0),
        Ask(
            "kindness.self_ask",
            8.0,
            answers={"no": (Speak("kindness.self_not", 4.0),)},
        ),
        Speak("kindness.self_wish", 40.0),
        Speak("kindness.neutral", 40.0),
        Speak("kindness.all", 45.0),
    ),
    closing=(Speak("kindness.close", 5.0),),
    not_for=frozenset({"fresh_grief", "psychosis"}),
    source="order easy, self, neutral, all; no hard person (after Salzberg 1995; Hofmann et al. 2011)",
)
