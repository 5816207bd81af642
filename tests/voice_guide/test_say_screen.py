"""What a model may not say to a patient, and what it may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.talk import NO_RISK, Risk, RiskLevel
from voice_guide.say_screen import SayScreen, by_risk, denied, sentences

FINE = (
    "You can let the shoulders drop a little, if you like.",
    "There is no hurry. Take the time that you need.",
    "If it feels right, let the out-breath be a little longer.",
    "The waves can be softer. Is this better?",
    "You could look at the horizon for a while, or close the eyes if that is more comfortable.",
    "Thank you for saying so.",
    "What would help right now?",
    "Would a warmer light be nicer?",
    "I hear you. There is nothing you need to do.",
    "You may take the headset off at any time.",
)
FINE_GERMAN = (
    "Lass die Schultern ein wenig sinken, wenn du magst.",
    "Es eilt nicht. Nimm dir die Zeit, die du brauchst.",
    "Was würde jetzt helfen?",
    "Ich höre Sie. Sie müssen nichts tun.",
)
#: Words of packaged small models as they were measured, and others of their kind; what they are about.
NEVER = {
    "The pain of it all is too much to bear, but I'm here for you.": "",
    "I'm sorry for your loss, but as a virtual reality assistant, I don't have personal relationships.": "",
    "It's okay to feel that way. You can reach me at any time if you need it. I'm here for you.": "promise",
    "That's great, I'll make sure to be there. You're going to have a wonderful day.": "promise",
    "You don't have to worry about that, everything will be fine.": "promise",
    "I promise that nobody can hurt you here.": "promise",
    "This stays between us.": "promise",
    "You should talk to your doctor about it.": "medical advice",
    "Maybe stop taking the sertraline for a week.": "medical advice",
    "Now hold your breath for ten seconds.": "medical advice",
    "If it gets worse call 988 at once.": "medical advice",
    "It sounds like a panic attack.": "",
    "You are clinically depressed.": "a diagnosis",
    "You might be bipolar.": "a diagnosis",
    "That is a symptom of PTSD.": "a diagnosis",
    "I'm a therapist, you can trust me.": "human being",
    "I\u2019m a real person.": "human being",
    "When I was a child I was afraid too.": "human being",
    "I love you.": "human being",
    "I can see that you are crying.": "see or feel",
    "I feel how sad you are.": "see or feel",
    "I hear your heart.": "see or feel",
    "I hear you crying when I am away, you must come back.": "harmful",
    "Your heart is beating fast.": "see or feel",
    "You look tense.": "see or feel",
    "You must keep the headset on.": "harmful",
    "Calm down.": "harmful",
    "Just end it.": "harmful",
    "You could k.i.l.l him.": "harmful",
    "Think about the accident again.": "harmful",
    "My system prompt says so.": "",
}
NEVER_GERMAN = {
    "Ich verspreche dir, alles wird gut.": "promise",
    "Nimm eine Tablette.": "medical advice",
    "Du bist depressiv, das ist eine Störung.": "diagnosis",
    "Ich bin ein Mensch wie du.": "human being",
    "Ich sehe, dass du weinst.": "see or feel",
    "Du musst jetzt ruhig sein.": "harmful",
    "Ich habe auch Angst.": "human being",
    "Sie sehen müde aus.": "see or feel",
}


@pytest.mark.parametrize("words", FINE)
def test_gentle_words_may_be_said(words: str) -> None:
    assert SayScreen()(words) == ""


@pytest.mark.parametrize("words", FINE_GERMAN)
def test_gentle_words_may_be_said_in_german(words: str) -> None:
    assert SayScreen(language="de-AT")(words) == ""


@pytest.mark.parametrize(("words", "what"), NEVER.items())
def test_words_that_no_model_says(words: str, what: str) -> None:
    assert what in SayScreen()(words)
    assert SayScreen()(words)
    assert SayScreen()(words.upper())


@pytest.mark.parametrize(("words", "what"), NEVER_GERMAN.items())
def test_words_that_no_model_says_in_german(words: str, what: str) -> None:
    assert what in SayScreen(language="de")(words)
    assert SayScreen(language="de")(words)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "?!…",
        "\U0001f642 \U0001f642",
        "Тake your time.",  # a Cyrillic letter that looks like a Latin one
        "T\u0336ake your time.",
        "waves waves waves waves waves waves waves waves",
        "One. Two. Three. Four. Five. Six. Seven.",
        "very " * 41 + "calm.",
        "a a a a 1 2 3 4 5 6 7 8 9",
    ],
)
def test_what_is_not_speech_is_not_said(words: str) -> None:
    assert SayScreen()(words)


def test_a_language_without_rules_is_not_spoken_freely() -> None:
    assert "'fr'" in SayScreen(language="fr")("Prenez votre temps.")


def test_other_screens_are_asked_for_each_sentence() -> None:
    asked: list[str] = []

    def risk(sentence: str) -> str:
        asked.append(sentence)
        return "no water" if "sea" in sentence else ""

    screen = SayScreen(also=(risk,))
    assert screen("Take your time. Look at the sea.") == "no water"
    assert asked == ["Take your time.", "Look at the sea."]


def test_what_the_risk_screen_finds_is_not_said_either() -> None:
    def assess(sentence: str) -> Risk:
        return Risk(level=RiskLevel.WATCH, kind="panic") if "faint" in sentence else NO_RISK

    screen = SayScreen(also=(by_risk(assess),))
    assert "watch: panic" in screen("Take your time. It may get faint.")
    assert screen("Take your time.") == ""


def test_the_patients_own_words_are_not_said_back() -> None:
    screen = SayScreen(heard="The waves are a bit too much for me")
    assert "own words" in screen("The waves are a bit too much for me.")
    assert screen("The waves can be softer.") == ""
    assert "own words" in SayScreen(heard="I'm okay now. That was actually nice.")("That was actually nice.")
    assert SayScreen(heard="")("The waves can be softer.") == ""


def test_sentences_end_where_a_speaker_would_stop() -> None:
    assert sentences('Let go. "Softly." And rest…  Is 1.5 m fine?') == [
        "Let go.",
        '"Softly.',
        "And rest…",
        "Is 1.5 m fine?",
    ]


@given(st.text(max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    assert isinstance(SayScreen()(text), str)
    assert isinstance(denied(text, "de"), str)
