"""Numbers as people say them; what may mean two is none."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from voice_guide.ratings import Rating, Scale, bare_number, parse_rating, read_rating

#: What ratings are made of, in both languages.
MADE_OF = [
    "ten", "of", "no", "to", "seven", "7.5", "/", "a", "half", "hundred",
    "%", "-", "from", "down", "now", "or", "eins", "zwanzig", "von",
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "scale", "language", "value"),
    [
        ("seven", "mood", "en", 7),
        ("About a seven.", "suds", "en", 70),
        ("from eight down to five", "mood", "en", 5),
        ("sixty out of a hundred", "suds", "en", 60),
        ("ten… no, nine", "mood", "en", 9),
        ("five, I mean six", "mood", "en", 6),
        ("it was an eight and now it's a five", "mood", "en", 5),
        ("it went from an eight to a four", "mood", "en", 4),
        ("not a seven, an eight", "mood", "en", 8),
        ("7/10", "suds", "en", 70),
        ("thirty-five", "suds", "en", 35),
        ("eighty five out of one hundred", "suds", "en", 85),
        ("forty percent", "suds", "en", 40),
        ("seven and a half", "suds", "en", 75),
        ("nought", "suds", "en", 0),
        ("ten", "suds", "en", 100),
        ("seven, seven", "mood", "en", 7),
        ("no, seven", "mood", "en", 7),
        ("sieben", "mood", "de", 7),
        ("ungefähr eine sechs", "suds", "de", 60),
        ("fünfundzwanzig von hundert", "suds", "de", 25),
        ("von acht auf fünf", "mood", "de", 5),
        ("zehn, nein, neun", "mood", "de", 9),
        ("dreißig", "suds", "de", 30),
        ("sieben von zehn", "mood", "de", 7),
    ],
)
def test_a_number_is_read(words: str, scale: Scale, language: str, value: int) -> None:
    assert parse_rating(words, scale=scale, language=language) == value


@pytest.mark.parametrize(
    ("words", "scale", "language"),
    [
        ("seven or eight", "mood", "en"),
        ("between six and seven", "mood", "en"),
        ("eight to five", "mood", "en"),
        ("less than five", "mood", "en"),
        ("at least six", "mood", "en"),
        ("eight, maybe nine", "mood", "en"),
        ("eleven", "mood", "en"),
        ("a hundred", "mood", "en"),
        ("two hundred", "suds", "en"),
        ("-3", "mood", "en"),
        ("1000000", "suds", "en"),
        ("seven out of nine", "mood", "en"),
        ("ten minutes ago", "mood", "en"),
        ("no one", "mood", "en"),
        ("this one", "mood", "en"),
        ("I don't know", "mood", "en"),
        ("", "mood", "en"),
        ("sechs oder sieben", "mood", "de"),
        ("zwischen vier und fünf", "mood", "de"),
        ("seven", "mood", "xx"),
    ],
)
def test_what_is_not_clear_is_no_rating(words: str, scale: Scale, language: str) -> None:
    assert parse_rating(words, scale=scale, language=language) is None


def test_the_number_is_said_back_as_it_was_said() -> None:
    assert read_rating("about a seven", scale="suds") == Rating(value=70, said=7)
    assert read_rating("sixty out of a hundred", scale="suds") == Rating(value=60, said=60)


def test_a_bare_number_stands_alone() -> None:
    assert bare_number("maybe a four out of ten") == 4
    assert bare_number("I'd say thirty") == 30
    assert bare_number("ungefähr sechs", "de") == 6
    assert bare_number("five things I can see") is None
    assert bare_number("the bus was ten minutes late") is None
    assert bare_number("well") is None


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(
    st.one_of(
        st.text(max_size=80),
        st.lists(
            st.sampled_from(MADE_OF),
            max_size=9,
        ).map(" ".join),
    ),
    st.sampled_from(["suds", "mood"]),
    st.sampled_from(["en", "de"]),
)
def test_whatever_is_said_a_rating_lies_on_its_scale(words: str, scale: Scale, language: str) -> None:
    value = parse_rating(words, scale=scale, language=language)
    assert value is None or 0 <= value <= {"suds": 100, "mood": 10}[scale]
    number = bare_number(words, language)
    assert number is None or 0 <= number <= 100
