"""Reads the approved lines: what the guide may say and do, in files that a clinician edits and approves.

`voice_guide/lines/*.en.toml` are the originals: intents with their rules, phrases, actions and lines. A
file of another language (`*.de.toml`) has rules, phrases and lines only; what is done stands once, in the
original, so that no translation can do something else.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from therapy.actions import Advance, AskRating, CallTherapist, Hold
from therapy.controls import TABLE
from voice_guide.bank import SLOT, Approval, BankAction, BankLine, Intent, LineBank, Place, Shift, ToPlace
from voice_guide.errors import BadLines
from voice_guide.rules import Rule, normal

__all__ = ["FILES", "LINES", "LONGEST_LINE", "ORIGINAL", "languages", "load_lines"]

#: The files that ship.
LINES: Final = Path(__file__).parent / "lines"
#: The families of files that make a bank; each has one file a language.
FILES: Final = ("guide", "skills", "stages")
#: The language in which actions are written.
ORIGINAL: Final = "en"
#: A line is spoken in one breath or two: at the guide's calm pace some 14 characters a second.
LONGEST_LINE: Final = 220
#: Nobody asks for these: they are the pacer's and the session's.
_NOT_TO_MOVE: Final = frozenset({"pacer_phase", "inhale_fraction", "arc", "binaural"})
_SLOTS: Final = ("place", "minutes", "count")
_LINE_ID: Final = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")


class _Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `actions`."""

    control: str = ""
    by: float | None = None
    to: float | None = None
    go: bool = False
    hold_s: Annotated[float, msgspec.Meta(gt=0, le=600)] | None = None
    advance: bool = False
    ask_rating: Literal["suds", "mood"] | None = None
    call: Literal["watch", "urgent"] | None = None
    reason: str = ""


class _IntentFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[intents]]` of a file."""

    name: str
    lines: dict[str, str]
    about: str = ""
    rules: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    actions: tuple[_Step, ...] = ()
    always: bool = False
    screen_first: bool = False
    skill: str = ""
    rating: bool = False


class _ApprovalFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: Annotated[str, msgspec.Meta(min_length=3)]
    date: dt.date


class _PlaceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    words: tuple[str, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file."""

    language: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    approval: _ApprovalFile
    intents: tuple[_IntentFile, ...]
    similar: bool = False
    story: str = ""
    places: dict[str, _PlaceFile] = {}


def languages(folder: Path = LINES) -> tuple[str, ...]:
    """Return the languages for which `folder` has files, sorted."""
    return tuple(sorted({path.name.split(".")[1] for path in folder.glob(f"{FILES[0]}.*.toml")}))


def load_lines(language: str, folder: Path = LINES) -> LineBank:
    """Return the lines of `language` from the files in `folder`.

    Raises:
        BadLines: no such language, a file that is not as documented, or a translation that lacks lines or has
            lines that the original has not. All faults of that last kind are named at once.
    """
    if language not in languages(folder):
        raise BadLines(f"language must be one of {', '.join(languages(folder)) or 'none'}, got {language!r}")
    files = {name: _read(folder / f"{name}.{language}.toml", language) for name in _families(folder)}
    if language != ORIGINAL:
        originals = {name: _read(folder / f"{name}.{ORIGINAL}.toml", ORIGINAL) for name in files}
        files = {name: _translated(name, originals[name], file) for name, file in files.items()}
    intents: dict[str, Intent] = {}
    for name, file in files.items():
        where = f"{name}.{language}.toml"
        for intent in file.intents:
            if intent.name in intents:
                raise BadLines(f"{where}: intent must be written once, {intent.name!r} is there twice")
            intents[intent.name] = _intent(where, intent)
    return LineBank(
        language=language,
        approvals={
            name: Approval(role=file.approval.role, date=file.approval.date, version=file.version)
            for name, file in files.items()
        },
        intents=intents,
        places={
            name: Place(name=name, title=place.title, words=tuple(normal(word) for word in place.words))
            for name, place in files[FILES[0]].places.items()
        },
        lines={line.line_id: line for intent in intents.values() for line in intent.lines},
        similar=all(file.similar for file in files.values()),
        story=_story(f"{FILES[0]}.{language}.toml", files[FILES[0]].story),
    )


def _families(folder: Path) -> Iterator[str]:
    return (name for name in FILES if (folder / f"{name}.{ORIGINAL}.toml").exists())


def _read(path: Path, language: str) -> _File:
    try:
        with path.open("rb") as file:
            read: Any = tomllib.load(file)
        found = msgspec.convert(read, _File)
    except FileNotFoundError:
        raise BadLines(f"{path.name}: must be there, is not") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadLines(f"{path.name}: {error}") from error
    if found.language != language:
        raise BadLines(f"{path.name}: language must be {language!r}, is {found.language!r}")
    return found


def _translated(name: str, original: _File, translation: _File) -> _File:
    """Return `translation` with what stands in the original alone; name everything that does not fit."""
    where = f"{name}.{translation.language}.toml"
    ours = {intent.name: intent for intent in translation.intents}
    faults = [
        f"intent {each.name!r} of the original is missing"
        for each in original.intents
        if each.name not in ours
    ]
    intents: list[_IntentFile] = []
    known = {intent.name: intent for intent in original.intents}
    for intent in translation.intents:
        model = known.get(intent.name)
        if model is None:
            faults.append(f"intent {intent.name!r} is not in the original")
            continue
        faults += [
            f"line '{intent.name}.{line}' is missing" for line in model.lines if line not in intent.lines
        ]
        faults += [
            f"line '{intent.name}.{line}' is not in the original"
            for line in intent.lines
            if line not in model.lines
        ]
        if intent.actions or intent.skill or intent.rating:
            faults.append(f"intent {intent.name!r} has actions: they stand in the original alone")
        intents.append(
            msgspec.structs.replace(model, lines=intent.lines, rules=intent.rules, phrases=intent.phrases)
        )
    places = set(original.places) ^ set(translation.places)
    faults += [f"place {place!r} must be in both languages" for place in sorted(places)]
    if faults:
        raise BadLines(f"{where}: {len(faults)} do not fit the original: {'; '.join(faults)}")
    return msgspec.structs.replace(translation, intents=tuple(intents))


def _story(where: str, text: str) -> Rule | None:
    try:
        return Rule.parse(text) if text else None
    except BadLines as error:
        raise BadLines(f"{where}: story: {error}") from error


def _intent(where: str, intent: _IntentFile) -> Intent:
    at = f"{where}: intent {intent.name!r}"
    if not intent.lines:
        raise BadLines(f"{at} must have at least one line, has none")
    try:
        rules = tuple(Rule.parse(text) for text in intent.rules)
    except BadLines as error:
        raise BadLines(f"{at}: {error}") from error
    lines = tuple(_line(where, intent.name, key, text) for key, text in intent.lines.items())
    if all(line.slots for line in lines):
        raise BadLines(f"{at} must have a line without slots, for when nothing is known, has none")
    return Intent(
        name=intent.name,
        about=intent.about,
        rules=rules,
        phrases=intent.phrases,
        actions=tuple(_action(at, step) for step in intent.actions),
        lines=lines,
        always=intent.always,
        screen_first=intent.screen_first,
        skill=intent.skill,
        rating=intent.rating,
    )


def _line(where: str, intent: str, key: str, text: str) -> BankLine:
    line_id = f"{intent}.{key}"
    if not _LINE_ID.fullmatch(line_id):
        raise BadLines(f"{where}: line id must be of a-z, 0-9 and _, is {line_id!r}")
    if not 0 < len(text.strip()) <= LONGEST_LINE:
        raise BadLines(f"{where}: line {line_id!r} must have 1…{LONGEST_LINE} characters, has {len(text)}")
    slots = SLOT.findall(text)
    unknown = [name for name in slots if name not in _SLOTS]
    if unknown or text.count("{") != len(slots) or text.count("}") != len(slots):
        raise BadLines(f"{where}: slots of line {line_id!r} must be of {', '.join(_SLOTS)}, text is {text!r}")
    return BankLine(line_id=line_id, text=text.strip(), intent=intent, slots=frozenset(slots))


def _action(at: str, step: _Step) -> BankAction:
    given = [
        bool(step.control), step.go, step.hold_s is not None, step.advance,
        step.ask_rating is not None, step.call is not None,
    ]  # fmt: skip
    if sum(given) != 1:
        raise BadLines(
            f"{at}: an action must be one of control, go, hold_s, advance, ask_rating, call; got {step!r}"
        )
    if step.control:
        return _shift(at, step)
    if step.hold_s is not None:
        return Hold(for_s=step.hold_s)
    if step.ask_rating is not None:
        return AskRating(scale=step.ask_rating)
    if step.call is not None:
        if not step.reason:
            raise BadLines(f"{at}: a call must have a reason, has none")
        return CallTherapist(level=step.call, reason=step.reason)
    return ToPlace() if step.go else Advance()


def _shift(at: str, step: _Step) -> Shift:
    limit = TABLE.get(step.control)
    if limit is None or step.control in _NOT_TO_MOVE:
        able = [name for name in TABLE if name not in _NOT_TO_MOVE]
        raise BadLines(f"{at}: control must be one of {', '.join(able)}, is {step.control!r}")
    if (step.by is None) == (step.to is None):
        raise BadLines(
            f"{at}: control {step.control!r} must have either by or to, has by={step.by!r}, to={step.to!r}"
        )
    span = limit.high - limit.low
    if step.by is not None and not 0 < abs(step.by) <= span:
        raise BadLines(
            f"{at}: {step.control!r} must move by at most ±{span:g} and not 0, moves by {step.by!r}"
        )
    if step.to is not None and not limit.low <= step.to <= limit.high:
        raise BadLines(f"{at}: {step.control!r} must go to {limit.low:g}…{limit.high:g}, goes to {step.to!r}")
    return Shift(control=step.control, by=step.by, to=step.to or 0.0)
