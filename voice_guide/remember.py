"""What the guide would like to remember of a session: a few preferences in fixed words. Pure.

Never what the patient said, never how they felt, nothing of health. A therapist keeps, edits or drops each
with the patient (`clinic.memory`); without consent nothing is even proposed.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Final

from voice_guide.skill import skills

__all__ = ["MOST_NOTES", "PREFERENCES", "worth_remembering"]

#: Most notes of one session: those that came up most often.
MOST_NOTES: Final = 6
#: Intent → the note that it makes. What is not here is not remembered.
PREFERENCES: Final[Mapping[str, str]] = types.MappingProxyType(
    {
        "too_bright": "prefers it darker",
        "too_dark": "prefers it lighter",
        "less_mist": "prefers clear air",
        "less_waves": "prefers calm water",
        "more_waves": "likes livelier water",
        "music_softer": "prefers softer music",
        "music_louder": "prefers louder music",
        "music_off": "would rather have no music",
        "music_slower": "prefers slow music",
        "music_livelier": "prefers cheerful music",
        "nature_softer": "prefers soft sounds of nature",
        "slower_breath": "likes a slow breath",
        "faster_breath": "needs a quicker breath than led",
        "own_breath": "would rather breathe without being led",
        "silence": "likes the guide to be quiet",
        "headset": "the headset needs a careful fit",
    }
)


def worth_remembering(intents: Sequence[str], *, finished_skills: Sequence[str] = ()) -> tuple[str, ...]:
    """Return at most `MOST_NOTES` notes, those that came up most often first.

    Args:
        intents: what the patient meant in the session, in order (`voice_guide.choose.Choice.intent`), surely
            understood ones only.
        finished_skills: exercises that went to their end, in order.
    """
    counts: dict[str, int] = {}
    for intent in intents:
        if intent in PREFERENCES:
            counts[PREFERENCES[intent]] = counts.get(PREFERENCES[intent], 0) + 1
    known = skills()
    for name in finished_skills:
        note = f"knows the exercise: {known[name].title}"
        counts[note] = counts.get(note, 0) + 1
    return tuple(sorted(counts, key=lambda note: -counts[note])[:MOST_NOTES])
