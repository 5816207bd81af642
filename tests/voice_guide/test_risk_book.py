import pytest

from therapy.talk import RiskLevel
from voice_guide.errors import BadModel, BadRiskBook
from voice_guide.risk import RiskScreen
from voice_guide.riskbook import KINDS, languages, load_risk_book

LINES = "\n".join(f'[lines.{kind}]\nurgent = "U {kind}"\nagain = "A"' for kind in KINDS)
BOOK = f"""
format = 1
language = "xx"
version = 3
similar = false
approval = {{ role = "a clinician", date = 2026-01-02 }}
words = {{ beast = "shark|eel" }}
rewrites = {{ "i'm" = "i am" }}
[thresholds]
watch = 0.0
urgent = 0.2
trace = -0.1
similarity = 0.4
unclear_confidence = 0.5
unclear_margin = 0.1
{LINES}
[[harmless]]
name = "far"
patterns = ["{{beast}} far away"]
[[rules]]
name = "beasts"
kind = "panic"
level = "watch"
patterns = ["i am <2>{{beast}}s?", "bite*"]
unless = ["toy"]
[[exemplars]]
name = "e"
kind = "panic"
level = "watch"
phrases = ["A shark."]
[[negatives]]
name = "n"
phrases = ["A toy."]
"""


@pytest.fixture
def load(tmp_path):
    def from_text(text):
        path = tmp_path / "risk.xx.toml"
        path.write_text(text)
        return load_risk_book(path)

    return from_text


def test_a_book_says_what_its_patterns_mean(load) -> None:
    book = load(BOOK)
    screen = RiskScreen(book)
    for words, level in [
        ("I'm the shark", RiskLevel.WATCH),
        ("i am a big eel", RiskLevel.WATCH),
        ("i am not a very big eel", RiskLevel.NONE),
        ("it bites", RiskLevel.WATCH),
        ("a frostbite", RiskLevel.NONE),
        ("it bites my toy", RiskLevel.NONE),
        ("i am a shark far away", RiskLevel.NONE),
        ("it bites and that was long after i had lost a toy", RiskLevel.WATCH),
    ]:
        assert screen.assess(words).level is level, words
    assert book.approved == "a clinician, 2026-01-02"
    assert book.line("medical") == "U medical"


@pytest.mark.parametrize(
    ("was", "now", "why"),
    [
        ("format = 1", "format = 2", "format must be 1, got 2"),
        ('kind = "panic"\nlevel = "watch"\npatterns', 'kind = "fear"\nlevel = "watch"\npatterns', "'fear'"),
        ('level = "watch"\npatterns', 'level = "high"\npatterns', "one of unclear, trace, watch, urgent"),
        ('"bite*"', '"bite("', r"line \d+: rules\[beasts\].patterns must be a pattern"),
        ('"bite*"', '"(a*)+"', "letters, spaces"),
        ('"bite*"', '"bite.{0,9}me"', "known \\[words\\]|letters, spaces"),
        ('"bite*"', '"*"', "letters, spaces"),
        ('"bite*"', '"bite <3>"', "at an end"),
        ('"bite*"', '"bite <99>me"', "at most 20"),
        ('"bite*"', '"bite <3><3>me"', "in a row"),
        ('"bite*"', '"bite|"', "at least one word"),
        ('"bite*"', '"{fish}"', "known \\[words\\]"),
        ('"bite*"', '"bite*", "bite*"', "without repeats"),
        ('"bite*"', "3", "must be texts, got 3"),
        ("watch = 0.0", "watch = 7.0", "thresholds.watch must be -1.0"),
        ("watch = 0.0", "watch = 0.9", "trace ≤ watch ≤ urgent"),
        ("watch = 0.0", 'watch = "0"', "a float"),
        ("version = 3", 'version = "3"', "version must be a int"),
        ("version = 3", "version = 3\nauthor = 1", "'author'"),
        ('urgent = "U medical"\n', "", "lines.medical.urgent"),
        ('urgent = "U medical"', 'urgent = ""', "lines.medical.urgent"),
        ('name = "beasts"', 'name = "beasts"\ntypo = 1', "'typo'"),
        ('phrases = ["A toy."]', "phrases = []", "at least one text"),
        ("[[rules]]", "[rules]", "written as \\[\\[rules\\]\\]"),
        ("format = 1", "format = ", "cannot be read"),
        ("date = 2026-01-02", 'date = "soon"', "approval.date must be a date"),
    ],
)
def test_what_is_wrong_with_a_book_is_said_with_file_and_place(load, was, now, why) -> None:
    assert was in BOOK
    with pytest.raises(BadRiskBook, match=why) as refused:
        load(BOOK.replace(was, now, 1))
    assert str(refused.value).startswith("risk.xx.toml")
    assert "\n" not in str(refused.value)


def test_every_book_that_ships_is_whole(tmp_path) -> None:
    assert languages() == ("de", "en")
    for language in languages():
        book = load_risk_book(language)
        assert book.language == language
        assert {rule.kind for rule in book.rules} == set(KINDS)
        for kind in KINDS:
            assert book.line(kind, "urgent")
            assert book.line(kind, "again")
    with pytest.raises(BadRiskBook, match="one of de, en, got 'fr'"):
        load_risk_book("fr")
    with pytest.raises(BadRiskBook, match="cannot be read"):
        load_risk_book(tmp_path / "risk.none.toml")


def test_approved_lines_promise_nothing() -> None:
    for (kind, _), line in load_risk_book("en").lines.items():
        for word in ("promise", "will be fine", "on the way", "will come", "should", "must", "everything is"):
            assert word not in line.lower(), (kind, line)


def test_a_folder_without_a_model_is_named(tmp_path) -> None:
    pytest.importorskip("transformers", reason="the extra `voice` is not installed")
    from voice_guide.embed import load_embedder

    with pytest.raises(BadModel, match=r"config\.json"):
        load_embedder(tmp_path)
