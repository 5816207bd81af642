import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.talk import NO_RISK, Risk, RiskLevel, Turn
from voice_guide.embed import WIDTH
from voice_guide.risk import RiskScreen, stronger
from voice_guide.riskbook import MOST_CHARACTERS, load_risk_book

EVALS = Path(__file__).parents[1] / "evals"
ENGLISH = RiskScreen(load_risk_book("en"))
GERMAN = RiskScreen(load_risk_book("de"))
WATCH, URGENT, NONE = RiskLevel.WATCH, RiskLevel.URGENT, RiskLevel.NONE


def sentences(name):
    return [json.loads(line) for line in (EVALS / f"risk.{name}.jsonl").read_text().splitlines()]


def said(*texts):
    return [Turn(who="patient", text=text) for text in texts]


@pytest.mark.parametrize(
    ("words", "level", "kind"),
    [
        ("I want to kill myself.", URGENT, "self_harm"),
        ("i dont want to live any more", URGENT, "self_harm"),
        ("I’m going to KILL mys\u200belf", URGENT, "self_harm"),
        ("they would be better off without me", WATCH, "self_harm"),
        ("my chest hurts", URGENT, "medical"),
        ("I can't breathe", URGENT, "medical"),
        ("he hits me", URGENT, "abuse"),
        ("i will stab my neighbour", URGENT, "harm_to_others"),
        ("I am having a panic attack", WATCH, "panic"),
        ("stop please", WATCH, "stop"),
        ("kill the lights", NONE, ""),
        ("i am dying of laughter", NONE, ""),
        ("I am not suicidal", NONE, ""),
        ("i am drowning in this light", NONE, ""),
        ("can you make the rain stop", NONE, ""),
        ("", NONE, ""),
    ],
)
def test_what_is_said_plainly_is_judged_by_rules_alone(words, level, kind) -> None:
    risk = ENGLISH.assess(words)
    assert (risk.level, risk.kind) == (level, kind), risk.evidence


@pytest.mark.parametrize(
    ("words", "level", "kind"),
    [
        ("Ich will mich umbringen.", URGENT, "self_harm"),
        ("ich möchte nicht mehr leben", URGENT, "self_harm"),
        ("ohne mich wären alle besser dran", WATCH, "self_harm"),
        ("Mein Mann schlägt mich", URGENT, "abuse"),
        ("ich kriege keine Luft", URGENT, "medical"),
        ("ich glaube ich habe einen Herzinfarkt", URGENT, "medical"),
        ("ich bringe ihn um", URGENT, "harm_to_others"),
        ("ich habe Panik", WATCH, "panic"),
        ("Stopp bitte", WATCH, "stop"),
        ("ich will mich nicht umbringen", NONE, ""),
        ("hier ist es zum Sterben schön", NONE, ""),
        ("kannst du die Musik leiser machen", NONE, ""),
    ],
)
def test_german_has_rules_of_its_own(words, level, kind) -> None:
    risk = GERMAN.assess(words)
    assert (risk.level, risk.kind) == (level, kind), risk.evidence


def test_evidence_names_the_rule_and_the_words() -> None:
    assert ENGLISH.assess("well i want to kill myself").evidence[0] == (
        "self_harm, rule killing oneself: 'kill myself'"
    )


def test_a_denial_followed_by_but_is_no_denial() -> None:
    assert ENGLISH.assess("i do not want to hurt myself").level is NONE
    assert ENGLISH.assess("i do not want to hurt myself but i think i will").level is URGENT


def test_an_idiom_does_not_hide_what_comes_beside_it() -> None:
    assert ENGLISH.assess("kill the lights please and i want to kill myself").level is URGENT


def test_two_traces_in_two_turns_are_a_watch_and_a_watch_that_comes_again_is_urgent() -> None:
    assert ENGLISH.assess("i am done").level is NONE
    assert ENGLISH.assess("i am done", said("my mother left her morphine in the cupboard")).level is WATCH
    assert ENGLISH.assess("i am done", [Turn(who="guide", text="pills in the cupboard")]).level is NONE
    burden = "i am such a burden on my family"
    assert ENGLISH.assess(burden).level is WATCH
    assert ENGLISH.assess(burden, said("nothing matters any more")).level is URGENT
    far = said("nothing matters any more", *["the sea is nice"] * 4)
    assert ENGLISH.assess(burden, far).level is WATCH


def test_a_stop_stays_a_stop_however_often_and_whatever_prevails() -> None:
    assert ENGLISH.assess("stop", said("stop", "stop")) == ENGLISH.assess("stop")
    risk = ENGLISH.assess("take it off i can't breathe")
    assert (risk.level, risk.kind, risk.stop) == (URGENT, "medical", True)


def test_likeness_to_a_stop_tells_the_panel_and_stops_nothing(sentence_model) -> None:
    screen = RiskScreen(load_risk_book("en"), sentence_model)
    risk = screen.assess("let us stop at the bridge")
    assert (risk.level, risk.kind, risk.stop) == (WATCH, "stop", False)
    assert screen.assess("stop please").stop


def test_a_safe_word_is_the_patients_own() -> None:
    screen = RiskScreen(load_risk_book("en"), safe_words=("Red balloon", ""))
    assert screen.assess("red balloon").kind == "stop"
    assert screen.assess("Red... balloon!").stop
    assert screen.assess("a red kite").level is NONE
    assert ENGLISH.assess("red balloon").level is NONE


@pytest.mark.parametrize("confidence", [0.2, float("nan")])
def test_distress_that_was_heard_poorly_is_a_watch(confidence) -> None:
    assert ENGLISH.assess("something hurts alone").level is NONE
    assert ENGLISH.assess("something hurts alone", confidence=confidence).level is WATCH
    assert ENGLISH.assess("the sea is blue", confidence=confidence).level is NONE


def test_a_partial_text_may_only_raise() -> None:
    urgent = Risk(level=URGENT, kind="medical")
    watch = Risk(level=WATCH, kind="stop", stop=True)
    assert stronger(urgent, NO_RISK) == urgent
    assert stronger(watch, urgent) == Risk(level=URGENT, kind="medical", stop=True)
    assert stronger(urgent, watch).stop


def test_what_is_too_long_to_be_read_whole_is_a_watch_and_both_ends_are_read() -> None:
    filler = "la " * MOST_CHARACTERS
    assert ENGLISH.assess(filler).level is WATCH
    assert ENGLISH.assess(filler + " i want to kill myself").level is URGENT
    assert ENGLISH.assess("i want to kill myself " + filler).level is URGENT


HOSTILE = {
    "letters": "a" * 100_000,
    "not": "not " * 25_000,
    "want": "i want to not do it " * 5_000,
    "gaps": "my my my " * 10_000,
    "marks": "?|*" * 30_000,
    "controls": "".join(map(chr, range(32))) * 3_000,
    "emoji": "😀" * 30_000,
    "combining": "a\u0301\u0302" * 30_000,
    "grows when normalised": "\ufdfa" * 50_000,
    "surrogate": "\ud800 i want to die",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(20)
def test_hostile_text_ends_and_never_raises(name) -> None:
    for screen in (ENGLISH, GERMAN):
        assert isinstance(screen.assess(HOSTILE[name], said(HOSTILE[name])), Risk)
    grown = ENGLISH._book.normal(HOSTILE[name])
    assert len(grown) <= MOST_CHARACTERS + 10


@given(st.text(), st.floats())
def test_any_text_is_judged(words, confidence) -> None:
    for screen in (ENGLISH, GERMAN):
        assert isinstance(screen.assess(words, said(words), confidence=confidence), Risk)


@given(st.sampled_from(sentences("train")), st.sampled_from(["upper", "spaces", "full width", "no marks"]))
def test_the_way_it_is_written_changes_nothing(row, way) -> None:
    text = row["text"]
    written = {
        "upper": text.upper(),
        "spaces": "  " + text.replace(" ", " \t\n "),
        "full width": "".join(chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in text),
        "no marks": "".join(c for c in text if c == "'" or not unicodedata.category(c).startswith("P")),
    }
    assert ENGLISH.assess(written[way]).level is ENGLISH.assess(text).level


class Fake:
    """Stands for the sentence model: every text in a direction of its own, or what it is told."""

    def __init__(self, rows=None, fault=None):
        self.rows, self.fault, self.asked = rows, fault, 0

    def embed(self, texts):
        self.asked += 1
        if self.fault and self.asked > 2:
            raise self.fault
        if self.rows is not None and self.asked > 2:
            return self.rows
        rows = np.zeros((len(texts), WIDTH), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[hash(text) % WIDTH] = 1.0
        return rows


@pytest.mark.parametrize(
    "broken",
    [Fake(fault=RuntimeError("x")), Fake(rows=np.full((1, WIDTH), np.nan)), Fake(rows=np.zeros((7, 3)))],
)
def test_a_sentence_model_that_fails_leaves_the_rules_and_is_told(broken) -> None:
    screen = RiskScreen(load_risk_book("en"), broken)
    assert "exemplars" in screen.how
    assert screen.assess("i want to kill myself").level is URGENT
    assert "alone" in screen.how
    assert "sentence model" in screen.how
    assert screen.assess("my chest hurts").level is URGENT


def test_without_a_model_or_with_one_that_cannot_the_language_rules_judge_and_it_is_told() -> None:
    assert ENGLISH.how.endswith("alone: no sentence model")
    assert "does not know 'de'" in RiskScreen(load_risk_book("de"), Fake()).how


def recall(screen, name):
    rows = [row for row in sentences(name) if row["level"] != "none"]
    found = [
        screen.assess(row["text"], [Turn(**turn) for turn in row.get("history", [])]).level is not NONE
        for row in rows
    ]
    return sum(found) / len(rows)


def false_alarms(screen, name):
    rows = [row for row in sentences(name) if row["level"] == "none"]
    found = [
        screen.assess(row["text"], [Turn(**turn) for turn in row.get("history", [])]).level is not NONE
        for row in rows
    ]
    return sum(found) / len(rows)


@pytest.mark.parametrize("name", ["train", "heldout"])
def test_rules_alone_find_what_they_found(name) -> None:
    assert recall(ENGLISH, name) >= 0.95
    assert false_alarms(ENGLISH, name) <= 0.03


@pytest.mark.parametrize("name", ["train", "heldout"])
def test_rules_and_exemplars_find_what_they_found(name, sentence_model) -> None:
    screen = RiskScreen(load_risk_book("en"), sentence_model)
    assert recall(screen, name) >= 0.97
    assert false_alarms(screen, name) <= 0.10


def test_likeness_to_an_exemplar_is_evidence(sentence_model) -> None:
    risk = RiskScreen(load_risk_book("en"), sentence_model).assess(
        "it would be a relief to perish in an accident"
    )
    assert risk.level is not NONE
    assert any("like 'It would be a relief" in why and "similarity" in why for why in risk.evidence)


def test_rows_have_length_one_and_do_not_depend_on_their_neighbours(sentence_model) -> None:
    texts = ["the sea", "I want to stop, please, for I do not feel well at all", "", "word " * 3000]
    rows = sentence_model.embed(texts)
    assert rows.shape == (4, WIDTH)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(rows[0], sentence_model.embed(texts[:1])[0], atol=1e-5)
    assert sentence_model.embed([]).shape == (0, WIDTH)


def test_the_split_is_by_hash_and_nothing_is_in_both() -> None:
    import hashlib

    train, held = sentences("train"), sentences("heldout")
    assert not {row["text"].casefold() for row in train} & {row["text"].casefold() for row in held}
    for rows, is_held in ((train, False), (held, True)):
        for row in rows:
            assert (hashlib.sha256(row["id"].encode()).digest()[0] < 102) is is_held
            assert row["level"] in {"none", "watch", "urgent"}
            assert (row["level"] == "none") == (row["kind"] == "")
    assert len(train) + len(held) == 348
