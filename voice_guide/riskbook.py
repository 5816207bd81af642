"""The risk book: rules, exemplars, thresholds and approved lines of one language, read from a TOML file.

A clinician edits the file; whatever is wrong with it is said with file, key and line, and the book is not
used. What a pattern may say is narrow on purpose, so that no text can make it slow:

    ( ) | ?  ^ $     groups, alternatives, "may be there", start and end of what was said
    kill*            every word that begins so
    <3>              up to three words in between (0 … 20)
    {name}           alternatives of `[words]`

Patterns meet text as `RiskBook.normal` returns it: small letters, no marks, `I'm` and `im` written out as
`i am` by `[rewrites]`. `unless` silences a rule within four words or so, not further off. How it is used:
`voice_guide.risk`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib.resources
import re
import tomllib
import types
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from therapy.talk import RiskKind
from voice_guide.errors import BadRiskBook

__all__ = [
    "FORMAT",
    "KINDS",
    "MOST_CHARACTERS",
    "NEAR",
    "BookLevel",
    "Exemplars",
    "RiskBook",
    "Rule",
    "Thresholds",
    "languages",
    "load_risk_book",
]

#: The file format that this program reads.
FORMAT: Final = 1
#: `unclear` counts only where hearing was poor, `trace` only together with another.
BookLevel: TypeAlias = Literal["unclear", "trace", "watch", "urgent"]
#: Kinds of risk, the first prevails where two are equally urgent.
KINDS: Final[tuple[RiskKind, ...]] = ("medical", "self_harm", "harm_to_others", "abuse", "panic", "stop")
#: More than two minutes of speech. Of what is longer, only the two ends are read (and the screen says so).
MOST_CHARACTERS: Final = 2000
#: A guard silences a rule from at most so many characters away (four words or so), not from further off.
NEAR: Final = 25
#: Marks the place of what was cut or is harmless; no pattern matches across it.
GAP: Final = " | "
_LONGEST_WORD: Final = 40
_MOST_BETWEEN: Final = 20
_APOSTROPHES: Final = re.compile(r"[’‘`´ʼ]")
_INVISIBLE: Final = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_NOT_WORD: Final = re.compile(r"[^\w']+|_+")
_ALLOWED: Final = re.compile(r"(?:[\w ?()|^$]|(?<=\w)\*(?!\w))*")
_GAP_OF: Final = re.compile(r"<(\d{1,2})>")
_NAMED: Final = re.compile(r"\{(\w+)\}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: any of `patterns` speaks, unless a match of `unless` overlaps it or is `NEAR`."""

    name: str
    kind: RiskKind
    level: BookLevel
    patterns: re.Pattern[str]
    unless: re.Pattern[str] | None = None

    def find(self, text: str) -> str:
        """Return the words of `text` (normalised) that the rule is about, or an empty text."""
        if (found := self.patterns.search(text)) is None:
            return ""
        if self.unless is None:
            return found[0].strip()
        guards = [match.span() for match in self.unless.finditer(text)]
        for match in self.patterns.finditer(text):
            begin, end = match.start() - NEAR, match.end() + NEAR
            if not any(begin < guard_end and guard_begin < end for guard_begin, guard_end in guards):
                return match[0].strip()
        return ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exemplars:
    """Sentences of one kind; `kind` is empty for negatives. `level` is the most that they can say."""

    name: str
    kind: RiskKind
    level: Literal["watch", "urgent"]
    phrases: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How near words must be to exemplars.

    Attributes:
        watch: least margin (similarity to the nearest exemplar, less that to the nearest negative) for WATCH.
        urgent: the same for URGENT.
        trace: the same for a trace, which counts only together with another.
        similarity: no exemplar speaks below this similarity.
        unclear_confidence: hearing is poor below this confidence.
        unclear_margin: where hearing is poor, the margin may be less by this.
    """

    watch: float
    urgent: float
    trace: float
    similarity: float
    unclear_confidence: float
    unclear_margin: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RiskBook:
    """What the screen knows in one language. Make it with `load_risk_book`.

    Attributes:
        language: BCP 47 tag.
        version: the clinic's version of the file; a recording names it.
        approved: by which role and when, in words.
        similar: whether the sentence model knows the language.
        rules: in the file's order.
        harmless: idioms, denials and scene talk; what they match is taken out before anything is judged.
        positives: exemplars of risk.
        negatives: exemplars of what is not.
        thresholds: how near is near.
        lines: (kind, `urgent` or `again`) → the approved words.
        rewrites: spellings written out before anything is judged.
    """

    language: str
    version: int
    approved: str
    similar: bool
    rules: tuple[Rule, ...]
    harmless: re.Pattern[str] | None
    positives: tuple[Exemplars, ...]
    negatives: tuple[Exemplars, ...]
    thresholds: Thresholds
    lines: Mapping[tuple[RiskKind, str], str]
    rewrites: Mapping[str, str]

    def normal(self, words: str) -> str:
        """Return `words` in small letters, no marks, contractions written out; at most `MOST_CHARACTERS`.

        Of longer text both ends are kept, with `GAP` between.
        """
        if len(words) <= MOST_CHARACTERS:
            return self._normal(words)[:MOST_CHARACTERS]
        half = MOST_CHARACTERS // 2
        return self._normal(words[:half])[:half] + GAP + self._normal(words[-half:])[-half:]

    def cleared(self, normal: str) -> str:
        """Return normalised text without what is harmless in it; a `GAP` stays in its place."""
        return normal if self.harmless is None else self.harmless.sub(GAP, normal)

    def line(self, kind: RiskKind, which: Literal["urgent", "again"] = "urgent") -> str:
        """Return the approved words for `kind`, an empty text where none are to be said."""
        return self.lines.get((kind, which), "")

    def _normal(self, words: str) -> str:
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", words)).casefold()
        parts = _NOT_WORD.sub(" ", _APOSTROPHES.sub("'", text)).split()
        written = (self.rewrites.get(part, part) for part in parts)
        return " ".join(
            part.replace("'", "")[:_LONGEST_WORD] if " " not in part else part for part in written
        )


def languages() -> tuple[str, ...]:
    """Return the languages that a risk book ships for."""
    home = importlib.resources.files("voice_guide") / "lines"
    names = (entry.name for entry in home.iterdir())
    return tuple(sorted(name.split(".")[1] for name in names if re.fullmatch(r"risk\.\w+\.toml", name)))


def load_risk_book(source: Path | str = "en") -> RiskBook:
    """Read a risk book.

    Args:
        source: a file, or a language (`en`, `de`) for the book that ships.

    Raises:
        BadRiskBook: there is none, or something in it is wrong: file, line, key, limit and value.
    """
    if isinstance(source, Path):
        name, place = source.name, source
    else:
        if source not in languages():
            raise BadRiskBook(f"risk book's language must be one of {', '.join(languages())}, got {source!r}")
        name = f"risk.{source}.toml"
        place = cast("Path", importlib.resources.files("voice_guide") / "lines" / name)
    try:
        text = place.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise BadRiskBook(f"{name} cannot be read: {fault}") from fault
    return _Reader(name, text, table).book()


class _Reader:
    """Turns one parsed file into a book, and says where it cannot."""

    def __init__(self, name: str, text: str, table: dict[str, Any]) -> None:
        self._name = name
        self._text = text
        self._table = table
        self._words: dict[str, str] = {}

    def book(self) -> RiskBook:
        known = {"format", "language", "version", "similar", "approval", "words", "rewrites", "thresholds",
                 "lines", "harmless", "rules", "exemplars", "negatives"}  # fmt: skip
        self._only("", self._table, known)
        if self._table.get("format") != FORMAT:
            raise self._bad("format", f"{FORMAT}", self._table.get("format"))
        self._words = self._texts("words")
        rules = tuple(self._rule(at, entry) for at, entry in self._entries("rules"))
        if not rules:
            raise self._bad("rules", "at least one", [])
        self._unique([rule.name for rule in rules], "rules")
        return RiskBook(
            language=self._get("", self._table, "language", str),
            version=self._get("", self._table, "version", int),
            approved=self._approval(),
            similar=self._get("", self._table, "similar", bool),
            rules=rules,
            harmless=self._harmless(),
            positives=tuple(self._exemplars(at, entry) for at, entry in self._entries("exemplars")),
            negatives=tuple(self._negatives(at, entry) for at, entry in self._entries("negatives")),
            thresholds=self._thresholds(),
            lines=self._lines(),
            rewrites=types.MappingProxyType(self._texts("rewrites")),
        )

    def _rule(self, at: str, entry: dict[str, Any]) -> Rule:
        self._only(at, entry, {"name", "kind", "level", "patterns", "unless"})
        unless = self._list(at, entry, "unless") if "unless" in entry else ()
        return Rule(
            name=self._get(at, entry, "name", str),
            kind=self._kind(at, entry),
            level=cast("BookLevel", self._choice(at, entry, "level", get_args(BookLevel))),
            patterns=self._compiled(f"{at}.patterns", self._list(at, entry, "patterns")),
            unless=self._compiled(f"{at}.unless", unless) if unless else None,
        )

    def _harmless(self) -> re.Pattern[str] | None:
        parts: list[str] = []
        for at, entry in self._entries("harmless"):
            self._only(at, entry, {"name", "patterns", "unless_followed_by"})
            self._get(at, entry, "name", str)
            part = self._compiled(f"{at}.patterns", self._list(at, entry, "patterns")).pattern
            if "unless_followed_by" in entry:
                key = f"{at}.unless_followed_by"
                after = self._compiled(key, self._list(at, entry, "unless_followed_by")).pattern
                part = f"(?:{part})(?! (?:{after}))"
            parts.append(part)
        return re.compile("|".join(parts)) if parts else None

    def _exemplars(self, at: str, entry: dict[str, Any]) -> Exemplars:
        self._only(at, entry, {"name", "kind", "level", "phrases"})
        return Exemplars(
            name=self._get(at, entry, "name", str),
            kind=self._kind(at, entry),
            level=cast("Literal['watch', 'urgent']", self._choice(at, entry, "level", ("watch", "urgent"))),
            phrases=self._list(at, entry, "phrases"),
        )

    def _negatives(self, at: str, entry: dict[str, Any]) -> Exemplars:
        self._only(at, entry, {"name", "phrases"})
        phrases = self._list(at, entry, "phrases")
        return Exemplars(name=self._get(at, entry, "name", str), kind="", level="watch", phrases=phrases)

    def _thresholds(self) -> Thresholds:
        table = self._get("", self._table, "thresholds", dict)
        names = [field.name for field in dataclasses.fields(Thresholds)]
        self._only("thresholds", table, set(names))
        values = {name: self._get("thresholds", table, name, float) for name in names}
        for name, value in values.items():
            if not -1.0 <= value <= 1.0:
                raise self._bad(f"thresholds.{name}", "-1.0 … 1.0", value)
        if not values["trace"] <= values["watch"] <= values["urgent"]:
            raise self._bad("thresholds", "trace ≤ watch ≤ urgent", values)
        return Thresholds(**values)

    def _lines(self) -> Mapping[tuple[RiskKind, str], str]:
        table = self._get("", self._table, "lines", dict)
        lines: dict[tuple[RiskKind, str], str] = {}
        for kind in KINDS:
            said = self._get("lines", table, kind, dict)
            self._only(f"lines.{kind}", said, {"urgent", "again"})
            for which in ("urgent", "again"):
                lines[kind, which] = self._get(f"lines.{kind}", said, which, str)
        self._only("lines", table, set(KINDS))
        return types.MappingProxyType(lines)

    def _approval(self) -> str:
        table = self._get("", self._table, "approval", dict)
        self._only("approval", table, {"role", "date"})
        return f"{self._get('approval', table, 'role', str)}, {self._get('approval', table, 'date', dt.date)}"

    def _kind(self, at: str, entry: dict[str, Any]) -> RiskKind:
        return cast("RiskKind", self._choice(at, entry, "kind", KINDS))

    def _compiled(self, at: str, patterns: tuple[str, ...]) -> re.Pattern[str]:
        return re.compile("|".join(self._expanded(at, pattern) for pattern in patterns))

    def _expanded(self, at: str, pattern: str) -> str:
        def named(match: re.Match[str]) -> str:
            if match[1] not in self._words:
                raise self._bad(at, f"of known [words] ({', '.join(self._words)})", pattern)
            return f"({self._words[match[1]]})"

        whole = _NAMED.sub(named, pattern)
        plain = _GAP_OF.sub("", whole)
        if not _ALLOWED.fullmatch(plain):
            raise self._bad(
                at, "letters, spaces, ( ) | ? ^ $, * after a word's first letters, <n>, {word}", pattern
            )
        if any(int(most) > _MOST_BETWEEN for most in _GAP_OF.findall(whole)):
            raise self._bad(at, f"<n> of at most {_MOST_BETWEEN} words", pattern)
        if re.search(r"\?\?|\*\?|>\s*[<?]", whole):
            raise self._bad(at, "without two of ? * <n> in a row", pattern)
        if whole != whole.strip() or re.search(r"^<|>$|>[|)]", whole):
            raise self._bad(at, "without a space or <n> at an end", pattern)
        regex = _GAP_OF.sub(r"(?:\\w+ ){0,\1}", whole.replace("*", r"\w*"))
        try:
            compiled = re.compile(rf"(?<!\w)(?:{regex})(?!\w)")
        except re.error as fault:
            raise self._bad(at, f"a pattern ({fault})", pattern) from fault
        if compiled.search("") or compiled.search("|"):
            raise self._bad(at, "a pattern that needs at least one word", pattern)
        return compiled.pattern

    def _entries(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        entries = self._table.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self._bad(key, f"written as [[{key}]]", entries)
        return [(f"{key}[{entry.get('name', index)}]", entry) for index, entry in enumerate(entries)]

    def _texts(self, key: str) -> dict[str, str]:
        table = self._table.get(key, {})
        if not isinstance(table, dict) or not all(
            isinstance(value, str) and value for value in table.values()
        ):
            raise self._bad(key, "a table of texts", table)
        return table

    def _list(self, at: str, entry: dict[str, Any], key: str) -> tuple[str, ...]:
        values = self._get(at, entry, key, list)
        if not values:
            raise self._bad(f"{at}.{key}", "at least one text", values)
        for value in values:
            if not isinstance(value, str) or not value.strip():
                raise self._bad(f"{at}.{key}", "texts", value)
        self._unique(values, f"{at}.{key}")
        return tuple(values)

    def _choice(self, at: str, entry: dict[str, Any], key: str, allowed: tuple[str, ...]) -> str:
        value = entry.get(key)
        if value not in allowed:
            raise self._bad(f"{at}.{key}", f"one of {', '.join(allowed)}", value)
        return str(value)

    def _get(self, at: str, entry: dict[str, Any], key: str, kind: type) -> Any:
        value = entry.get(key)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind or value == "":
            raise self._bad(f"{at}.{key}" if at else key, f"a {kind.__name__}", value)
        return value

    def _only(self, at: str, entry: dict[str, Any], known: set[str]) -> None:
        for key in entry:
            if key not in known:
                raise self._bad(at or "top level", f"made of {', '.join(sorted(known))}", key)

    def _unique(self, values: list[Any], at: str) -> None:
        for value in values:
            if values.count(value) > 1:
                raise self._bad(at, "without repeats", value)

    def _bad(self, what: str, limit: str, got: object) -> BadRiskBook:
        said = got if isinstance(got, str) else ""
        lines = enumerate(self._text.splitlines(), 1)
        line = next((number for number, text in lines if said and said.split("\n")[0] in text), None)
        where = f"{self._name}, line {line}" if line else self._name
        return BadRiskBook(f"{where}: {what} must be {limit}, got {got!r:.200}")
