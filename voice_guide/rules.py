"""Rules for what words mean, in a form that a clinician can read and write. Pure.

A rule is groups joined by ` + `; each group is alternatives joined by `|`, of which one must be among the
words; a group that begins with `!` must have none among them. `wave*` means every word that begins so,
several words in a row are a phrase. A rule that begins with `^` is one group, and one of it must be all that
was said.

    waves|sea + too much|calmer + !music
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from typing import Final

from voice_guide.errors import BadLines

__all__ = ["MOST_WORDS", "Rule", "normal"]

#: Longer speech is looked at by its end only: what is asked for comes last.
MOST_WORDS: Final = 60
_MOST_CHARACTERS: Final = 2000
_APOSTROPHES: Final = re.compile(r"['’‘`´]")
_NOT_WORD: Final = re.compile(r"[^\w]+|_")
_PATTERN: Final = re.compile(r"[\w ]+\*?")


def normal(words: str) -> str:
    """Return `words` in small letters without marks, single spaces between; at most the last `MOST_WORDS`."""
    text = unicodedata.normalize("NFKC", words[-_MOST_CHARACTERS:]).casefold()
    parts = _NOT_WORD.sub(" ", _APOSTROPHES.sub("", text)).split()
    return " ".join(parts[-MOST_WORDS:])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, ready to be asked. Make it with `Rule.parse`."""

    text: str
    all_of: tuple[re.Pattern[str], ...]
    none_of: tuple[re.Pattern[str], ...]
    whole: bool

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Return the rule that `text` writes.

        Raises:
            BadLines: an empty group or alternative, a mark without meaning, or nothing that has to be there.
        """
        whole = text.startswith("^")
        groups = [group.strip() for group in text.removeprefix("^").split(" + ")]
        wanted = [_group(text, group) for group in groups if not group.startswith("!")]
        unwanted = [_group(text, group[1:]) for group in groups if group.startswith("!")]
        if not wanted or (whole and (len(wanted) > 1 or unwanted)):
            raise BadLines(f"rule must have a group that has to be there, and with ^ only that: {text!r}")
        return cls(text=text, all_of=tuple(wanted), none_of=tuple(unwanted), whole=whole)

    def strength(self, heard: str) -> int:
        """Return how many characters of `heard` (as `normal` returns it) the rule is about; 0: not at all."""
        if self.whole:
            return len(heard) + 1 if self.all_of[0].fullmatch(heard) else 0
        if any(pattern.search(heard) for pattern in self.none_of):
            return 0
        total = 0
        for pattern in self.all_of:
            found = [match[0] for match in pattern.finditer(heard)]
            if not found:
                return 0
            total += max(map(len, found))
        return total


def _group(rule: str, group: str) -> re.Pattern[str]:
    alternatives: list[str] = []
    for raw in group.split("|"):
        prefix = raw.strip().endswith("*")
        if not _PATTERN.fullmatch(raw.strip()):
            raise BadLines(f"rule may use letters, |, +, !, * at a word's end and ^ at the start: {rule!r}")
        word = normal(raw)
        if not word:
            raise BadLines(f"rule must not have an empty alternative: {rule!r}")
        alternatives.append(re.escape(word) + (r"\w*" if prefix else ""))
    return re.compile(rf"\b(?:{'|'.join(sorted(alternatives, key=len, reverse=True))})\b")
