"""Approved lines: read strictly, the same in every language, with actions that the gate lets through."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

from therapy.actions import Dim, Hold, PaceBreath, Say, ShiftMusic, ShiftScene
from therapy.controls import NEUTRAL, TABLE
from therapy.gate import Admitted, admit
from therapy.may_say import MaySay
from therapy.plan import Limits
from therapy.talk import GuideMode
from voice_guide.bank import Shift, Slots, filled, resolved
from voice_guide.errors import BadLines
from voice_guide.linebank import LINES, languages, load_lines
from voice_guide.rules import Rule, normal

PLACES = frozenset({"ocean", "forest"})
#: What no line may hold: orders, promises, diagnoses.
NEVER = re.compile(
    r"you must|you have to be|i promise|will (?:heal|cure)|cured|don't worry|guarantee|disorder|diagnos|"
    r"müssen sie (?!nicht|dabei)|ich verspreche|heilen|keine sorge|störung",
    re.IGNORECASE,
)


def altered(tmp_path: Path, name: str, old: str, new: str) -> Path:
    """A folder with all files, one of them with `old` replaced by `new`."""
    folder = tmp_path / "lines"
    shutil.copytree(LINES, folder)
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def test_english_and_german_have_the_same_lines_and_do_the_same() -> None:
    english, german = load_lines("en"), load_lines("de")
    assert languages() == ("de", "en")
    assert english.lines.keys() == german.lines.keys()
    assert len(english.lines) >= 60
    for name, intent in english.intents.items():
        other = german.intents[name]
        assert (intent.actions, intent.skill, intent.screen_first) == (
            other.actions,
            other.skill,
            other.screen_first,
        )
        assert bool(intent.phrases) == bool(other.phrases)
        assert bool(intent.rules) == bool(other.rules), name


@pytest.mark.parametrize("language", ["en", "de"])
def test_lines_are_short_and_neither_order_nor_promise_nor_diagnose(language: str) -> None:
    for line in load_lines(language).lines.values():
        assert not NEVER.search(line.text), line
        sentences = [part for part in re.split(r"(?<=[.!?])\s+", line.text) if part]
        assert len(sentences) <= 3, line
        assert line.text[-1] in ".?!", line


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_gate_admits_every_line_and_every_action_as_it_is(language: str) -> None:
    bank = load_lines(language)
    now = dataclasses.replace(NEUTRAL, music_lufs=-33.0)  # the guide may not make it louder than neutral
    slots = Slots(place="forest", minutes=7, count=6)
    may_say = MaySay(
        lines={line.line_id: line.text for line in bank.lines.values()},
        slots=bank.fillings(),
    )
    for line in bank.lines.values():
        approved = bank.approved(line, now=now, slots=slots, places=tuple(PLACES))
        for action in (Say(text=approved.text, line_id=line.line_id), *approved.actions):
            verdict = admit(
                action,
                mode=GuideMode.SCRIPTED,
                limits=Limits(),
                controls=now,
                places=PLACES,
                may_say=may_say,
                fastest_breath_per_min=15.0,
            )
            assert isinstance(verdict, Admitted), (line.line_id, action, verdict)


def test_steps_start_from_what_the_world_does_now() -> None:
    low = dataclasses.replace(NEUTRAL, light=0.1)
    actions = (
        Shift(control="light", by=-0.15),
        Shift(control="weather", by=-0.2),
        Shift(control="music_lufs", by=-4.0),
        Shift(control="breath_pace_per_min", to=5.0),
        Hold(for_s=60.0),
    )
    assert resolved(actions, now=low, slots=Slots()) == (
        Dim(light=0.0),
        ShiftScene(control="weather", value=pytest.approx(0.1)),
        ShiftMusic(control="music_lufs", value=-31.0),
        PaceBreath(breath_pace_per_min=5.0),
        Hold(for_s=60.0),
    )
    dark = dataclasses.replace(NEUTRAL, light=TABLE["light"].low)
    assert resolved(actions[:1], now=dark, slots=Slots()) == ()


def test_a_place_is_gone_to_only_where_the_patient_may_go() -> None:
    bank = load_lines("en")
    line = bank.line("other_place.there")
    inside = bank.approved(line, now=NEUTRAL, slots=Slots(place="reef"), places=("reef",))
    assert inside.actions == (ShiftScene(place="reef"),)
    assert inside.text == "Yes. We go to the reef, slowly."
    assert bank.approved(line, now=NEUTRAL, slots=Slots(place="reef"), places=()).actions == ()


def test_slots_are_filled_from_closed_sets_only() -> None:
    bank = load_lines("en")
    assert filled("{minutes} and {count}", Slots(minutes=3, count=0), bank.places) == "3 and 0"
    with pytest.raises(BadLines, match=r"slot \{minutes\} must be known"):
        filled("{minutes}", Slots(), bank.places)
    with pytest.raises(BadLines, match=r"slot \{place\} must be one of ocean"):
        filled("{place}", Slots(place="the moon"), bank.places)


def test_a_line_said_lately_gives_way_to_another() -> None:
    bank = load_lines("en")
    first = bank.pick("less_waves", Slots())
    second = bank.pick("less_waves", Slots(), said=(first.line_id,))
    assert first != second
    everything = tuple(line.line_id for line in bank.intents["less_waves"].lines)
    assert bank.pick("less_waves", Slots(), said=everything) == first


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (
            "guide.en.toml",
            'control = "light", by = -0.15',
            'control = "sun", by = -0.15',
            "control must be one of",
        ),
        ("guide.en.toml", 'control = "light", by = -0.15', 'control = "light"', "must have either by or to"),
        (
            "guide.en.toml",
            'control = "light", by = -0.15',
            'control = "light", by = 7.0',
            "must move by at most",
        ),
        ("guide.en.toml", "by = -4.0", "to = 3.0", "must go to -45…-20"),
        ("guide.en.toml", "advance = true", "advance = true, hold_s = 5.0", "an action must be one of"),
        ("guide.en.toml", "advance = true", "jump = true", "unknown field `jump`"),
        ("guide.en.toml", "hold_s = 120.0", "hold_s = 1e9", "hold_s"),
        ("guide.en.toml", ', reason = "a hard memory comes up"', "", "a call must have a reason"),
        (
            "guide.en.toml",
            "About {minutes} minutes",
            "About {hours} minutes",
            "slots of line 'time_left.minutes'",
        ),
        (
            "guide.en.toml",
            "About {minutes} minutes",
            "About {minutes minutes",
            "slots of line 'time_left.minutes'",
        ),
        ("guide.en.toml", 'name = "too_dark"', 'name = "too_bright"', "must be written once"),
        ("guide.en.toml", '"too choppy|', '"too (choppy|', "rule may use letters"),
        ("guide.en.toml", 'mm = "Mm."\n', 'mm = ""\n', "must have 1…220 characters, has 0"),
        ("guide.en.toml", 'welcome = "You are welcome."', f'welcome = "{"so " * 90}"', "must have 1…220"),
        ("guide.en.toml", "date = 2026-11-23", 'date = "soon"', "date"),
        ("guide.en.toml", "version = 1", "version = 0", "version"),
        ("guide.en.toml", 'language = "en"', 'language = "fr"', "language must be 'en', is 'fr'"),
        ("guide.en.toml", "[[intents]]", "[[intents", "guide.en.toml"),
        (
            "guide.de.toml",
            'softer = "Gern. Das Licht wird weicher."\n',
            "",
            "line 'too_bright.softer' is missing",
        ),
        (
            "guide.de.toml",
            'name = "too_dark"',
            'name = "so_dark"',
            "intent 'too_dark' of the original is missing",
        ),
        ("guide.de.toml", "[places.reef]", "[places.moon]", "place 'moon' must be in both"),
        (
            "guide.de.toml",
            'name = "too_dark"',
            'name = "too_dark"\nactions = [{ advance = true }]',
            "they stand in the original alone",
        ),
    ],
)
def test_a_fault_in_a_file_is_told_with_its_place(
    tmp_path: Path, name: str, old: str, new: str, told: str
) -> None:
    folder = altered(tmp_path, name, old, new)
    with pytest.raises(BadLines, match=re.escape(told)) as fault:
        load_lines(name.split(".")[1], folder)
    assert name in str(fault.value)
    assert "\n" not in str(fault.value)


def test_an_unknown_language_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadLines, match="language must be one of de, en, got 'fr'"):
        load_lines("fr")
    folder = tmp_path / "lines"
    shutil.copytree(LINES, folder)
    (folder / "skills.de.toml").unlink()
    with pytest.raises(BadLines, match=r"skills\.de\.toml: must be there"):
        load_lines("de", folder)
    with pytest.raises(BadLines, match="line must be one of the"):
        load_lines("en").line("nobody.knows")


def test_a_rule_wants_all_its_groups_and_none_of_its_denials() -> None:
    rule = Rule.parse("waves|sea + too much|calm* + !music")
    assert rule.strength(normal("The WAVES are… too much!")) == len("waves") + len("too much")
    assert rule.strength(normal("make the sea calmer"))
    assert not rule.strength(normal("calm music at the sea"))
    assert not rule.strength(normal("the seat is too much"))
    whole = Rule.parse("^yes|yes please")
    assert whole.strength("yes please")
    assert not whole.strength("yes it is too loud")
    assert normal("I can’t — don't!") == "i cant dont"
    for bad in ("", "!no", "^a + b", "a||b", "a + ", "a.*"):
        with pytest.raises(BadLines):
            Rule.parse(bad)
