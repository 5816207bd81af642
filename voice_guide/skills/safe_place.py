"""A place of one's own, imagined with the senses, and a small sign to come back to it."""

from typing import Final

from voice_guide.skill import Ask, Speak, scripted

SKILL: Final = scripted(
    name="safe_place",
    title="A place of one's own",
    longest_s=600.0,
    script=(
        Speak("safe_place.invite", 4.0),
        Speak("exercise.exit", 4.0),
        Speak("safe_place.find", 35.0),
        Ask(
            "safe_place.found",
            12.0,
            answers={
                "no": (Speak("safe_place.not_found", 15.0),),
                "yes": (Speak("safe_place.good", 4.0),),
            },
        ),
        Speak("safe_place.see", 30.0),
        Speak("safe_place.hear", 30.0),
        Speak("safe_place.touch", 30.0),
        Speak("safe_place.change", 20.0),
        Speak("safe_place.sign", 25.0),
    ),
    closing=(Speak("safe_place.close", 6.0),),
    not_for=frozenset({"psychosis", "dissociation"}),
    source="safe or calm place as used in preparation for trauma therapy; own words",
)
