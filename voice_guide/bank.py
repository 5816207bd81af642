"""The approved lines as values: intents, their lines, and what is done with them. Pure.

Relative steps (`by`) become absolute values by `resolved`, from what the world does now. Whatever comes of it
still passes `therapy.safety.admit`. The files they are read from: `voice_guide.linebank`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from therapy.actions import (
    Advance,
    AskRating,
    CallTherapist,
    Dim,
    GuideAction,
    Hold,
    PaceBreath,
    ShiftMusic,
    ShiftScene,
)
from therapy.controls import TABLE, Controls
from therapy.talk import ApprovedLine
from voice_guide.errors import BadLines
from voice_guide.rules import Rule, normal

__all__ = [
    "SCENE_CONTROLS",
    "SLOT",
    "Approval",
    "BankAction",
    "BankLine",
    "Intent",
    "LineBank",
    "Place",
    "Shift",
    "Slots",
    "ToPlace",
    "filled",
    "resolved",
]

#: Controls that change the picture; `light` and the pace have actions of their own, the others are heard.
SCENE_CONTROLS: Final = frozenset({"colour_temperature_k", "weather", "density", "time_of_day_h", "swell"})
#: A slot in a line's text.
SLOT: Final = re.compile(r"\{([^{}]*)\}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Move `control`: `by` from where it is now, or, when that is `None`, `to` a value."""

    control: str
    by: float | None = None
    to: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ToPlace:
    """Go to the place that the patient named; nothing when none was named."""


BankAction: TypeAlias = Shift | ToPlace | Hold | Advance | AskRating | CallTherapist


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who approved a file, by role (never a name), when, and which version of it."""

    role: str
    date: dt.date
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place as it is spoken of, and words that mean it (normalised)."""

    name: str
    title: str
    words: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BankLine:
    """One approved line; `slots` are those that its text needs."""

    line_id: str
    text: str
    intent: str
    slots: frozenset[str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a patient may mean, or what the guide may want to say.

    Attributes:
        name: its name, stable.
        about: for people.
        rules: any of them finds it.
        phrases: examples of it, for similarity.
        actions: what is done with any of its lines.
        lines: what may be said, the usual one first.
        always: done also when it is only likely, for it calls a human and that costs little.
        screen_first: the risk screen has to have looked at such words; shown to editors and tested.
        skill: the exercise that begins with it, or empty.
        rating: whether it is a bare number.
    """

    name: str
    about: str
    rules: tuple[Rule, ...]
    phrases: tuple[str, ...]
    actions: tuple[BankAction, ...]
    lines: tuple[BankLine, ...]
    always: bool = False
    screen_first: bool = False
    skill: str = ""
    rating: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """What is known for the slots of a line; each from a closed set (place names, whole numbers)."""

    place: str = ""
    minutes: int | None = None
    count: int | None = None

    @property
    def known(self) -> frozenset[str]:
        """The names of the slots that can be filled."""
        given = {"place": self.place or None, "minutes": self.minutes, "count": self.count}
        return frozenset(name for name, value in given.items() if value is not None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LineBank:
    """All lines of one language.

    `similar` says whether the sentence model knows the language; `story` finds words that tell of something
    else, then or elsewhere, and wish nothing now.
    """

    language: str
    approvals: Mapping[str, Approval]
    intents: Mapping[str, Intent]
    places: Mapping[str, Place]
    lines: Mapping[str, BankLine]
    similar: bool
    story: Rule | None = None

    def line(self, line_id: str) -> BankLine:
        """Return the line called `line_id`.

        Raises:
            BadLines: there is none.
        """
        found = self.lines.get(line_id)
        if found is None:
            raise BadLines(f"line must be one of the {len(self.lines)} of {self.language!r}, got {line_id!r}")
        return found

    def pick(self, intent: str, slots: Slots, *, said: Sequence[str] = ()) -> BankLine:
        """Return the line of `intent` that says most with `slots`, and was not said lately (`said`, ids)."""
        able = [line for line in self.intents[intent].lines if line.slots <= slots.known]
        most = max(len(line.slots) for line in able)
        best = [line for line in able if len(line.slots) == most]
        lately = {line_id: at for at, line_id in enumerate(said)}
        return min(best, key=lambda line: lately.get(line.line_id, -1))

    def fillings(self) -> dict[str, frozenset[str]]:
        """Return the closed set of fillings of every slot, for `therapy.may_say`."""
        numbers = frozenset(str(number) for number in range(101))
        titles = frozenset(place.title for place in self.places.values())
        return {"place": titles, "minutes": numbers, "count": numbers}

    def place_in(self, words: str) -> str:
        """Return the place that `words` name, the one named last; empty if none."""
        heard = f" {normal(words)} "
        at = {
            place.name: max(heard.rfind(f" {word} ") + len(word) / 100 for word in place.words)
            for place in self.places.values()
        }
        name = max(at, key=lambda each: at[each], default="")
        return name if name and at[name] >= 0 else ""

    def approved(
        self, line: BankLine, *, now: Controls, slots: Slots, places: Sequence[str] = ()
    ) -> ApprovedLine:
        """Return `line` with its slots filled and its actions as absolute values.

        Args:
            line: of this bank.
            now: what the world does.
            slots: what is known; must hold what the line needs.
            places: where the patient may go; a place that is not among them is not gone to.
        """
        return ApprovedLine(
            line_id=line.line_id,
            language=self.language,
            text=filled(line.text, slots, self.places),
            intent=line.intent,
            actions=resolved(self.intents[line.intent].actions, now=now, slots=slots, places=places),
        )


def filled(text: str, slots: Slots, places: Mapping[str, Place]) -> str:
    """Return `text` with its slots filled.

    Raises:
        BadLines: a slot of which nothing is known, or a place that is not in the bank.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in slots.known:
            raise BadLines(f"slot {{{name}}} must be known, is not, in {text!r}")
        if name != "place":
            return str(getattr(slots, name))
        place = places.get(slots.place)
        if place is None:
            raise BadLines(f"slot {{place}} must be one of {', '.join(places)}, got {slots.place!r}")
        return place.title

    return SLOT.sub(value, text)


def resolved(
    actions: Sequence[BankAction], *, now: Controls, slots: Slots, places: Sequence[str] = ()
) -> tuple[GuideAction, ...]:
    """Return `actions` as the gate takes them: absolute values in the table, from where the world is `now`.

    A step that would not move anything (the control is at its end already) is left out.
    """
    made: list[GuideAction] = []
    for action in actions:
        match action:
            case Shift():
                moved = _moved(action, now)
                made += [moved] if moved is not None else []
            case ToPlace():
                made += [ShiftScene(place=slots.place)] if slots.place in places else []
            case _:
                made.append(action)
    return tuple(made)


def _moved(shift: Shift, now: Controls) -> GuideAction | None:
    limit, present = TABLE[shift.control], getattr(now, shift.control)
    wanted = present + shift.by if shift.by is not None else shift.to
    value = round(limit.clamp(wanted), 6)
    if value == present:
        return None
    if shift.control == "light":
        return Dim(light=value)
    if shift.control == "breath_pace_per_min":
        return PaceBreath(breath_pace_per_min=value)
    if shift.control in SCENE_CONTROLS:
        return ShiftScene(control=shift.control, value=value)
    return ShiftMusic(control=shift.control, value=value)
