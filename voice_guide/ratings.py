"""A rating out of spoken words: "about a seven", "sixty out of a hundred", "ten… no, nine". Pure.

The guide asks for distress and for mood from nought to ten. A number up to ten is therefore one of ten; a
larger one is one of a hundred for distress, which many patients know so, and nothing for mood. Distress is
kept as SUDS, 0 … 100 (Wolpe 1969), mood as 0 … 10. What may mean two
numbers ("seven or eight", "less than five") is none: it is asked for once more, never guessed.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

__all__ = ["Rating", "Scale", "bare_number", "parse_rating", "read_rating"]

Scale: TypeAlias = Literal["suds", "mood"]

_TOP: Final[Mapping[Scale, int]] = {"suds": 100, "mood": 10}
_MOST_CHARACTERS: Final = 400
_TOKEN: Final = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+|/|%|-(?=\d)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A rating: `value` on its scale, and the number as it was `said`, to be said back."""

    value: int
    said: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Language:
    numbers: Mapping[str, int]
    tens: Mapping[str, int]
    correct: frozenset[str]
    out_of: frozenset[str]
    now: frozenset[str]
    to: frozenset[str]
    start: frozenset[str]
    vague: frozenset[str]
    unlike: frozenset[str]
    units: frozenset[str]
    half: frozenset[str]
    fillers: frozenset[str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EN_ONES: Final = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_EN_TENS: Final = dict(
    zip(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
        range(20, 100, 10),
        strict=True,
    )
)
_DE_ONES: Final = (
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
)
_DE_TENS: Final = dict(
    zip(
        ("zwanzig", "dreissig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"),
        range(20, 100, 10),
        strict=True,
    )
)
_DE_JOINED: Final = {
    f"{one}und{ten}": value + index
    for ten, value in _DE_TENS.items()
    for index, one in enumerate(["ein", *_DE_ONES[2:10]], start=1)
}

_LANGUAGES: Final[Mapping[str, _Language]] = {
    "en": _Language(
        numbers={word: n for n, word in enumerate(_EN_ONES)}
        | {"nought": 0, "naught": 0, "nil": 0, "none": 0, "hundred": 100, "fourty": 40},
        tens=_EN_TENS,
        correct=_words("no sorry wait actually rather mean correction scratch nope nah"),
        out_of=_words("of over"),
        now=_words("now today currently"),
        to=_words("to"),
        start=_words("from"),
        vague=_words("or between than under above below least most until either and"),
        unlike=_words("not no any every some this that which the another each isnt"),
        units=_words(
            "minute minutes hour hours day days week weeks year years times time oclock people things "
            "percent of"
        ),
        half=_words("half"),
        fillers=_words(
            "a an about around maybe perhaps say id i would its it is like just roughly approximately um "
            "uh er probably think guess out of more well okay so please hm mm an now at my"
        ),
    ),
    "de": _Language(
        numbers={word: n for n, word in enumerate(_DE_ONES)}
        | _DE_JOINED
        | {"hundert": 100, "einhundert": 100, "zwo": 2, "fuenf": 5, "zwoelf": 12},
        tens=_DE_TENS,
        correct=_words("nein ne nee doch eigentlich meine quatsch moment sondern lieber korrektur"),
        out_of=_words("von"),
        now=_words("jetzt heute gerade"),
        to=_words("auf"),
        start=_words("von"),
        vague=_words("oder zwischen bis unter über mehr weniger mindestens höchstens entweder und"),
        unlike=_words("nicht kein keine diese dieser dieses"),
        units=_words(
            "minute minuten stunde stunden tag tage tagen woche wochen jahr jahre jahren mal uhr leute "
            "prozent"
        ),
        half=_words("halb"),
        fillers=_words(
            "eine ein einen ungefähr etwa vielleicht so sagen ich würde es ist circa ca wohl bei also ähm "
            "äh na ja denke glaube von auf der die das bitte hm"
        ),
    ),
}


def parse_rating(words: str, *, scale: Scale, language: str = "en") -> int | None:
    """Return the rating on `scale` (suds 0 … 100, mood 0 … 10), or `None` where it is not clear."""
    rating = read_rating(words, scale=scale, language=language)
    return None if rating is None else rating.value


def read_rating(words: str, *, scale: Scale, language: str = "en") -> Rating | None:
    """Return the rating with the number as it was said, or `None` where it is not clear."""
    speech = _LANGUAGES.get(language)
    if speech is None:
        return None
    tokens = _read(_tokens(words), speech)
    kept = _after_correction(tokens, speech)
    found = _one_number(kept, speech)
    if found is None:
        return None
    said, out_of = found
    top = _TOP[scale]
    of = out_of if out_of is not None else (10 if said <= 10 or scale == "mood" else 100)
    if of not in {10, 100} or not 0 <= said <= of:
        return None
    return Rating(value=int(said * top / of + 0.5), said=int(said + 0.5))


def bare_number(words: str, language: str = "en") -> int | None:
    """Return the number, 0 … 100, when there is only one in `words`, and fillers; else `None`."""
    speech = _LANGUAGES.get(language)
    if speech is None:
        return None
    tokens = _read(_tokens(words), speech)
    numbers = [token for token in tokens if isinstance(token, float)]
    rest = [token for token in tokens if isinstance(token, str)]
    if not numbers or not set(rest) <= speech.fillers | {"/"}:
        return None
    found = _one_number(tokens, speech)
    return None if found is None or not 0 <= found[0] <= 100 else int(found[0] + 0.5)


_Token: TypeAlias = float | str


def _tokens(words: str) -> list[str]:
    text = unicodedata.normalize("NFKC", words[-_MOST_CHARACTERS:]).casefold()
    return _TOKEN.findall(re.sub(r"['’]", "", text))


def _read(tokens: Sequence[str], speech: _Language) -> list[_Token]:
    """Return `tokens` with numbers read, "twenty five" as one, "a hundred" as 100, "and a half" added."""
    read: list[_Token] = []
    tens_open = False
    for index, token in enumerate(tokens):
        value = _value(token, speech)
        before = read[-1] if read else ""
        if value is None:
            if token in speech.half and len(read) >= 2 and isinstance(read[-1], str):
                _add_half(read)
            else:
                read.append(token)
            tens_open = False
            continue
        if value == 1 and index and tokens[index - 1] in speech.unlike:
            read.append(token)  # "this one", "no one"
        elif value == 100 and before == 1.0:
            read[-1] = 100.0
        elif tens_open and 1 <= value <= 9 and isinstance(before, float):
            read[-1] = before + value
        else:
            read.append(-value if before == "-" else value)
        tens_open = token in speech.tens
    return read


def _value(token: str, speech: _Language) -> float | None:
    if token[0].isdigit():
        return float(token.replace(",", ".")) if len(token) <= 6 else None
    if token in speech.tens:
        return float(speech.tens[token])
    number = speech.numbers.get(token)
    return None if number is None else float(number)


def _add_half(read: list[_Token]) -> None:
    """Turn `seven and a` + half into 7.5; leave what is not of that form."""
    last = max((at for at, token in enumerate(read) if isinstance(token, float)), default=None)
    number = read[last] if last is not None else None
    if last is not None and isinstance(number, float) and len(read) - last <= 3:
        del read[last:]
        read.append(number + 0.5)


def _after_correction(tokens: Sequence[_Token], speech: _Language) -> Sequence[_Token]:
    """Return what comes after the last word that takes back a number said before it."""
    for at in range(len(tokens) - 1, 0, -1):
        taken_back = tokens[at] in speech.correct and any(isinstance(t, float) for t in tokens[:at])
        if taken_back:
            return tokens[at + 1 :]
    return tokens


def _one_number(tokens: Sequence[_Token], speech: _Language) -> tuple[float, int | None] | None:
    """Return the only number meant, and of how many it is one; `None` where there are several or none."""
    spots = [at for at, token in enumerate(tokens) if isinstance(token, float)]
    spots = [at for at in spots if not _is_other(tokens, at, speech)]
    out_of: int | None = None
    for first, second in itertools.pairwise(spots):
        between = set(tokens[first + 1 : second])
        if between & (speech.out_of | {"/"}) and not between & speech.to:
            out_of = _whole(tokens[second])
            spots.remove(second)
            break
    if (
        spots
        and out_of is None
        and any(t in {"percent", "%", "prozent"} for t in tokens[spots[-1] + 1 :][:1])
    ):
        out_of = 100
    if len(spots) > 1:
        spots = _latest(tokens, spots, speech)
    values = {tokens[at] for at in spots}
    if len(values) != 1:
        return None
    before = tokens[max(spots[0] - 3, 0) : spots[0]]
    if any(token in speech.vague for token in before) or any(
        t in speech.vague for t in tokens[spots[0] + 1 :][:1]
    ):
        return None
    value = values.pop()
    return (value, out_of) if isinstance(value, float) else None


def _whole(token: _Token) -> int:
    return int(token) if isinstance(token, float) and token == int(token) else -1


def _is_other(tokens: Sequence[_Token], at: int, speech: _Language) -> bool:
    """Whether the number at `at` counts something else ("ten minutes"), or is denied ("not a seven")."""
    after = tokens[at + 1] if at + 1 < len(tokens) else ""
    counts = after in speech.units and after not in speech.out_of and after not in {"percent", "prozent"}
    denied = any(token in {"not", "isnt", "nicht", "keine", "kein"} for token in tokens[max(at - 2, 0) : at])
    return counts or denied


def _latest(tokens: Sequence[_Token], spots: Sequence[int], speech: _Language) -> list[int]:
    """Return the last number where a way is told: "from eight down to five", "it was eight, now five"."""
    first, last = spots[0], spots[-1]
    between = tokens[spots[-2] + 1 : last]
    from_to = any(token in speech.start for token in tokens[:first]) and any(t in speech.to for t in between)
    down_to = any(t in {"down", "up", "runter", "herunter", "hinunter", "rauf"} for t in between)
    around_last = [*between, *tokens[last + 1 : last + 2]]
    says_now = any(token in speech.now for token in around_last)
    if len(spots) == 2 and (from_to or down_to or says_now) and not any(t in {"or", "oder"} for t in between):
        return [last]
    return list(spots)
