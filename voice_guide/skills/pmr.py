"""Progressive muscle relaxation: tense 5 to 7 s, let go 15 to 20 s, group by group (Jacobson 1938).

The tensing is half of what is possible, and parts that hurt are left out.
"""

from typing import Final

from voice_guide.skill import Part, Speak, scripted


def _group(name: str) -> tuple[Part, ...]:
    return (Speak(f"pmr.{name}", 6.0), Speak("pmr.let_go", 18.0))


SKILL: Final = scripted(
    name="pmr",
    title="Tense and let go",
    longest_s=720.0,
    script=(
        Speak("pmr.invite", 4.0),
        Speak("exercise.exit", 4.0),
        Speak("pmr.skip_sore", 6.0),
        *_group("hands"),
        Speak("pmr.notice", 12.0),
        *_group("arms"),
        *_group("shoulders"),
        *_group("face"),
        *_group("belly"),
        *_group("legs"),
        *_group("feet"),
        Speak("pmr.whole", 40.0),
    ),
    closing=(Speak("pmr.close", 5.0),),
    not_for=frozenset({"injury", "hypertension_uncontrolled", "late_pregnancy"}),
    source="Jacobson 1938; Bernstein and Borkovec 1973: tense 5…7 s, release 15…20 s, seven groups",
)
