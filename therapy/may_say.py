"""What the guide may say: approved lines with their slots, and what no words of a model may hold. Pure."""

from __future__ import annotations

import dataclasses
import re
import types
import unicodedata
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

__all__ = [
    "LONGEST_LINE",
    "LONGEST_SAY",
    "UNSPEAKABLE",
    "MaySay",
    "fills",
    "screens_nothing",
    "unsayable",
]

#: Most characters of a model's words in one turn (some 20 s of calm speech), and of an approved line.
LONGEST_SAY: Final = 300
LONGEST_LINE: Final = 600

_SLOT: Final = re.compile(r"\{([a-z_]+)\}")
#: What no words of a model may hold, whatever the screen of sentences says.
_NEVER_SAID: Final[Mapping[str, re.Pattern[str]]] = types.MappingProxyType(
    {
        "an address": re.compile(
            r"https?:|www\.|\w@\w|\b\w+\.(?:com|org|net|de|io|ai|co|uk)\b", re.IGNORECASE
        ),
        "a dose": re.compile(
            r"\d\s*(?:mg|mcg|µg|μg|ml|milligrams?|micrograms?|millilit(?:re|er)s?|milligramm|tablets?|pills?|"
            r"tabletten?|drops|tropfen|units)\b",
            re.IGNORECASE,
        ),
        "a telephone number": re.compile(r"\d(?:[\s\-/()]?\d){4,}"),
        "markup": re.compile(r"[<>{}\[\]|\\^`]|\*\*|__|##"),
    }
)
#: Categories of characters that are neither read nor spoken: controls, formats (direction overrides, zero
#: widths), surrogates, private, unassigned, separators of lines and paragraphs.
UNSPEAKABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def screens_nothing(_text: str) -> str:
    """Refuse every sentence: what stands where nobody has given a screen."""
    return "nothing screens a model's words here"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MaySay:
    """What may be said.

    Attributes:
        lines: text by id of every approved line; `{slot}`s in it are filled from `slots`.
        slots: slot → the closed set of its fillings.
        risk_lines: the ids of `lines` that may be said while a risk is unreleased.
        screen: from a model's words, why they may not be spoken, or "" (`voice_guide.say_screen` and the risk
            screen). It is asked in FREE only.
    """

    lines: Mapping[str, str] = dataclasses.field(default_factory=dict)
    slots: Mapping[str, AbstractSet[str]] = dataclasses.field(default_factory=dict)
    risk_lines: AbstractSet[str] = frozenset()
    screen: Callable[[str], str] = screens_nothing


def fills(text: str, line: str, slots: Mapping[str, AbstractSet[str]]) -> bool:
    """Return whether `text` is the approved `line` with every slot filled from its closed set."""
    parts = _SLOT.split(line)
    pattern = ""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            pattern += re.escape(part)
            continue
        fillings = sorted(slots.get(part, ()), key=len, reverse=True)
        if not fillings:
            return False
        pattern += "(?:" + "|".join(re.escape(filling) for filling in fillings) + ")"
    return re.fullmatch(pattern, text) is not None


def unsayable(text: str) -> str:
    """Return why no words of a model may be `text`, whatever a screen says, or ""."""
    if not 0 < len(text) <= LONGEST_SAY or not text.strip():
        return f"a model's words must have 1…{LONGEST_SAY} characters, have {len(text)}"
    for character in text:
        if unicodedata.category(character) in UNSPEAKABLE:
            return f"a model's words must be speakable, hold U+{ord(character):04X}"
    plain = unicodedata.normalize("NFKC", text)  # full-width digits and letters too
    for what, pattern in _NEVER_SAID.items():
        if pattern.search(plain):
            return f"a model's words must not hold {what}"
    return ""
