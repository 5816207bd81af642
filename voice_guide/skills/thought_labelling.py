"""A thought at a distance: notice it, name it as a thought, look at it once more, and let it be.

Naming ("I am having the thought that …") is defusion of acceptance and commitment therapy (Hayes et al.
1999); the questions after it are the catch, check, change of cognitive therapy (Beck 1979), asked once and
not pressed. The thought need not be said aloud.
"""

from typing import Final

from voice_guide.skill import Ask, Part, Speak, scripted

_REFRAME: Final[tuple[Part, ...]] = (
    Ask("thoughts.friend", 40.0, otherwise=(Speak("thoughts.thank", 5.0),)),
    Ask("thoughts.other_way", 40.0, otherwise=(Speak("thoughts.thank", 5.0),)),
)

SKILL: Final = scripted(
    name="thought_labelling",
    title="A thought at a distance",
    longest_s=540.0,
    script=(
        Speak("thoughts.invite", 4.0),
        Speak("exercise.exit", 4.0),
        Speak("thoughts.notice", 25.0),
        Speak("thoughts.name", 25.0),
        Speak("thoughts.float", 40.0),
        Ask(
            "thoughts.look_ask",
            12.0,
            answers={"yes": _REFRAME, "okay": _REFRAME},
            otherwise=(Speak("thoughts.no_need", 5.0),),
        ),
        Speak("thoughts.return", 30.0),
    ),
    closing=(Speak("thoughts.close", 5.0),),
    not_for=frozenset({"psychosis", "acute_crisis"}),
    source="defusion (Hayes, Strosahl and Wilson 1999); catch, check, change (Beck et al. 1979)",
)
