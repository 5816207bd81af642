"""A walk through the body, to notice and not to change: settle, breath, regions in order, the whole, back.

The order follows the body scan of mindfulness-based stress reduction (Kabat-Zinn 1990), shorter, as a headset
asks for; own words.
"""

from typing import Final

from voice_guide.skill import Speak, scripted

SKILL: Final = scripted(
    name="body_scan",
    title="A walk through the body",
    longest_s=720.0,
    script=(
        Speak("body_scan.invite", 4.0),
        Speak("exercise.exit", 4.0),
        Speak("body_scan.eyes", 8.0),
        Speak("body_scan.breath", 25.0),
        Speak("body_scan.feet", 35.0),
        Speak("body_scan.legs", 35.0),
        Speak("body_scan.seat", 30.0),
        Speak("body_scan.belly", 35.0),
        Speak("body_scan.wander", 20.0),
        Speak("body_scan.hands", 35.0),
        Speak("body_scan.shoulders", 30.0),
        Speak("body_scan.face", 30.0),
        Speak("body_scan.whole", 60.0),
    ),
    closing=(Speak("body_scan.widen", 10.0), Speak("body_scan.close", 5.0)),
    not_for=frozenset({"panic", "trauma", "dissociation", "eating_disorder"}),
    source="order of the body scan in mindfulness-based stress reduction (Kabat-Zinn 1990)",
)
