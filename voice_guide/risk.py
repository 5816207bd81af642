"""Does a human have to look? Judged from words alone, before and apart from any language model.

Two ways of looking, either is enough: the rules of the risk book, and the distance of what was said to its
exemplars (similarity to the nearest exemplar of risk, less that to the nearest of what is not: scene talk,
idioms, denials). What each of the last turns said counts too: a watch that comes again is urgent, and two
traces, each too weak alone, are a watch. It is tuned for recall: a false alarm costs a look.

Without a sentence model the rules judge alone, and `how` says so.
"""

from __future__ import annotations

import dataclasses
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np

from therapy.talk import NO_RISK, Risk, RiskKind, RiskLevel, Turn
from voice_guide.embed import Embedder, Rows
from voice_guide.riskbook import GAP, KINDS, MOST_CHARACTERS, BookLevel, RiskBook, load_risk_book

__all__ = ["RECENT_TURNS", "RiskBook", "RiskScreen", "load_risk_book", "stronger"]

#: How many turns of the patient before this one are looked at.
RECENT_TURNS: Final = 4
#: A kind that was a watch lately and is one again is urgent; a second "stop" is not.
_REPEAT_RAISES: Final = frozenset({"medical", "self_harm", "harm_to_others", "abuse", "panic"})
#: Long speech is compared in pieces, for one clause drowns in the mean of many: words, step, most pieces.
_PIECE, _STEP, _MOST_PIECES = 14, 7, 24
_RANK: Final = {"unclear": 0, "trace": 1, "watch": 2, "urgent": 3}
#: Another kind than the one that is nearest speaks too, if its margin is less by no more than this.
_SECOND: Final = 0.05
_REMEMBERED: Final = 64
_MOST_EVIDENCE: Final = 6
_SHOWN: Final = 80


@dataclasses.dataclass(frozen=True, slots=True)
class _Sign:
    """Something that spoke for one kind, with its evidence in words and its strength 0 … 1.

    `exact` where the patient's own words were matched, and not only likeness found.
    """

    kind: RiskKind
    level: BookLevel
    why: str
    score: float
    exact: bool = False


def stronger(one: Risk, other: Risk) -> Risk:
    """Return the more urgent of two judgements of the same turn; `one` where they are equal.

    A partial text may only raise: keep `risk = stronger(risk, screen.assess(partial))`.
    """
    order = (RiskLevel.NONE, RiskLevel.WATCH, RiskLevel.URGENT)
    more = other if order.index(other.level) > order.index(one.level) else one
    return dataclasses.replace(more, stop=one.stop or other.stop)


class RiskScreen:
    """Judges what a patient says. One per language; one thread at a time.

    Args:
        book: from `load_risk_book`.
        embedder: a sentence model, or `None`: rules alone. Exemplars are embedded once, here.
        safe_words: words or phrases agreed with this patient that mean "stop".
    """

    def __init__(
        self, book: RiskBook, embedder: Embedder | None = None, *, safe_words: Sequence[str] = ()
    ) -> None:
        self._book = book
        self._fault = ""
        self._embedder = embedder if book.similar else None
        self._safe = _any_of([book.normal(word) for word in safe_words])
        self._positives = [(group, text) for group in book.positives for text in group.phrases]
        negatives = [text for group in book.negatives for text in group.phrases]
        self._negative_texts = negatives
        self._rows = self._embed([book.normal(text) for _, text in self._positives])
        self._negative_rows = self._embed([book.normal(text) for text in negatives])
        self._remembered: OrderedDict[tuple[str, bool], tuple[_Sign, ...]] = OrderedDict()
        if embedder is not None and not book.similar:
            self._fault = f"the sentence model does not know {book.language!r}"

    @property
    def how(self) -> str:
        """How it judges now, in words, for the panel."""
        rules = f"{len(self._book.rules)} rules ({self._book.language}, version {self._book.version})"
        if self._fault or self._rows is None or self._negative_rows is None:
            return f"{rules} alone: {self._fault or 'no sentence model'}"
        return f"{rules} and {len(self._positives)} exemplars against {len(self._negative_texts)}"

    def assess(self, words: str, history: Sequence[Turn] = (), *, confidence: float = 1.0) -> Risk:
        """Judge what was said; takes any text, never raises, a few milliseconds (about 20 with exemplars).

        Args:
            words: this turn so far, partial or final.
            history: earlier turns, oldest first; only the patient's last `RECENT_TURNS` are looked at.
            confidence: of the hearing, 0 … 1; what is not a number counts as poor.

        Returns:
            The most urgent kind that was found; `stop` also where another kind prevails, but only by rule or
            safe word: likeness to "stop" tells the panel and ends no session.
        """
        unclear = not confidence >= self._book.thresholds.unclear_confidence
        signs = list(self._signs(words, unclear=unclear))
        if len(words) > MOST_CHARACTERS:
            why = f"{len(words)} characters, of which only {MOST_CHARACTERS} were read"
            signs.append(_Sign("panic", "watch", why, 0.0))
        if signs:
            earlier = [turn.text for turn in history if turn.who == "patient"][-RECENT_TURNS:]
            signs += self._together(signs, [self._signs(text, unclear=False) for text in earlier])
        return _risk(signs)

    def _signs(self, words: str, *, unclear: bool) -> tuple[_Sign, ...]:
        """Return what speaks in one turn taken alone. What was asked lately is remembered."""
        normal = self._book.normal(words)
        key = (normal, unclear)
        if key in self._remembered:
            self._remembered.move_to_end(key)
            return self._remembered[key]
        text = self._book.cleared(normal)
        signs = (*self._by_rules(text, unclear=unclear), *self._by_exemplars(text, unclear=unclear))
        self._remembered[key] = signs
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return signs

    def _by_rules(self, text: str, *, unclear: bool) -> list[_Sign]:
        signs: list[_Sign] = []
        if self._safe is not None and (said := self._safe.search(text)):
            signs.append(_Sign("stop", "watch", f"safe word: {said[0]!r}", 1.0, exact=True))
        for rule in self._book.rules:
            if rule.level == "unclear" and not unclear:
                continue
            if found := rule.find(text):
                level: BookLevel = "watch" if rule.level == "unclear" else rule.level
                poor = ", heard poorly" if rule.level == "unclear" else ""
                why = f"rule {rule.name}: {found[:_SHOWN]!r}{poor}"
                signs.append(_Sign(rule.kind, level, why, _RANK[level] / 3.0, exact=True))
        return signs

    def _by_exemplars(self, text: str, *, unclear: bool) -> list[_Sign]:
        """Return the exemplar that speaks loudest, and of other kinds those nearly as loud."""
        pieces = _pieces(text)
        if not pieces or self._rows is None or self._negative_rows is None:
            return []
        if (said := self._embed(pieces)) is None:
            return []
        near = said @ self._rows.T
        margins = near - (said @ self._negative_rows.T).max(axis=1, keepdims=True, initial=0.0)
        limits = self._book.thresholds
        ease = limits.unclear_margin if unclear else 0.0
        loudest: dict[RiskKind, _Sign] = {}
        best = float(margins.max())
        for index in np.argsort(-margins.max(axis=0)):
            group, phrase = self._positives[index]
            if float(margins[:, index].max()) < best - _SECOND:
                break
            piece = int(margins[:, index].argmax())
            margin, similarity = float(margins[piece, index]) + ease, float(near[piece, index])
            if similarity < limits.similarity or margin < limits.trace or group.kind in loudest:
                continue
            level: BookLevel = "trace"
            if margin >= limits.watch:
                level = "urgent" if group.level == "urgent" and margin >= limits.urgent else "watch"
            why = f"like {phrase!r} (similarity {similarity:.2f}, margin {margin - ease:+.2f})"
            loudest[group.kind] = _Sign(group.kind, level, why, min(max(similarity, 0.0), 1.0))
        return list(loudest.values())

    def _together(self, signs: Sequence[_Sign], earlier: Sequence[Sequence[_Sign]]) -> list[_Sign]:
        """Return what this turn and earlier ones say together."""
        found: list[_Sign] = []
        before = [sign for turn in earlier for sign in turn]
        for kind in KINDS:
            now = max((_RANK[sign.level] for sign in signs if sign.kind == kind), default=0)
            then = [sign for sign in before if sign.kind == kind]
            most = max((_RANK[sign.level] for sign in then), default=0)
            if kind in _REPEAT_RAISES and now == _RANK["watch"] and most >= _RANK["watch"]:
                why = f"said before: {max(then, key=lambda sign: _RANK[sign.level]).why}"
                found.append(_Sign(kind, "urgent", why, 1.0))
            elif now == _RANK["trace"] and most >= _RANK["trace"]:
                found.append(_Sign(kind, "watch", f"with what came before: {then[-1].why}", 0.5))
        return found

    def _embed(self, texts: Sequence[str]) -> Rows | None:
        """Return rows, or `None` for good after the first failure: rules must go on judging."""
        if self._embedder is None or self._fault:
            return None
        try:
            rows = self._embedder.embed(texts)
        except Exception as fault:  # noqa: BLE001  # whatever a model does, the rules go on; `how` says so
            self._fault = f"the sentence model failed ({type(fault).__name__})"
            return None
        if rows.shape[0] != len(texts) or not np.isfinite(rows).all():
            self._fault = "the sentence model returned no numbers"
            return None
        return rows


def _risk(signs: Sequence[_Sign]) -> Risk:
    """Return the judgement: of the traces, two different ones of a kind in one turn are a watch."""
    signs = list(signs)
    for kind in KINDS:
        traces = [sign for sign in signs if sign.kind == kind and sign.level == "trace"]
        if len(traces) > 1:
            signs.append(_Sign(kind, "watch", "two traces together", 0.5))
    counted = [sign for sign in signs if _RANK[sign.level] >= _RANK["watch"]]
    if not counted:
        return NO_RISK
    counted.sort(key=lambda sign: (-_RANK[sign.level], KINDS.index(sign.kind), -sign.score))
    first = counted[0]
    shown = counted + [sign for sign in signs if sign.kind == first.kind and sign not in counted]
    return Risk(
        level=RiskLevel.URGENT if first.level == "urgent" else RiskLevel.WATCH,
        kind=first.kind,
        evidence=tuple(f"{sign.kind}, {sign.why}" for sign in shown[:_MOST_EVIDENCE]),
        score=first.score,
        stop=any(sign.kind == "stop" and sign.exact for sign in counted),
    )


def _pieces(text: str) -> list[str]:
    """Return cleared text as the pieces that are compared: each clause, long ones in overlapping windows."""
    pieces: list[str] = []
    for clause in text.split(GAP.strip()):
        words = clause.split()
        if not words:
            continue
        last = max(len(words) - _PIECE, 0)
        pieces += [" ".join(words[at : at + _PIECE]) for at in (*range(0, last, _STEP), last)]
    if len(pieces) <= _MOST_PIECES:
        return pieces
    half = _MOST_PIECES // 2
    return pieces[:half] + pieces[-half:]


def _any_of(words: Sequence[str]) -> re.Pattern[str] | None:
    known = [re.escape(word) for word in words if word]
    return re.compile(rf"(?<!\w)(?:{'|'.join(known)})(?!\w)") if known else None
