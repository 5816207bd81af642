"""What would be remembered: fixed words, few of them, nothing that was said or felt."""

from __future__ import annotations

from clinic.memory import LONGEST_NOTE, MOST_PROPOSED
from voice_guide.linebank import load_lines
from voice_guide.remember import MOST_NOTES, PREFERENCES, worth_remembering
from voice_guide.skill import skills


def test_what_comes_up_most_often_comes_first_and_feelings_never() -> None:
    intents = ["silence", "too_bright", "sad", "silence", "anxious", "hard_memory", "listening"]
    assert worth_remembering(intents, finished_skills=["pmr"]) == (
        "likes the guide to be quiet",
        "prefers it darker",
        "knows the exercise: Tense and let go",
    )
    assert worth_remembering(["crying", "pain", "nonsense"]) == ()


def test_there_are_never_too_many_and_all_fit_the_clinic() -> None:
    notes = worth_remembering(list(PREFERENCES), finished_skills=list(skills()))
    assert len(notes) == MOST_NOTES == MOST_PROPOSED
    titles = [f"knows the exercise: {spec.title}" for spec in skills().values()]
    assert all(len(note) <= LONGEST_NOTE for note in (*PREFERENCES.values(), *titles))
    assert PREFERENCES.keys() <= load_lines("en").intents.keys()
