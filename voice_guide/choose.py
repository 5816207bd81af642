"""What a patient means, and which approved line answers it, without any language model. Pure.

Rules speak first, then likeness to example phrases (a sentence model where there is one, else words and
parts of words in common). What is unsure changes nothing: it gets a gentle line that listens.
`Chooser.choose` is the guide's answer in `scripted` mode and whenever a model is late or talks nonsense;
`Chooser.lines` is what a model may choose from in `approved` mode.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from therapy.controls import Controls
from therapy.talk import NO_RISK, ApprovedLine, Proposal, Risk, RiskLevel
from voice_guide.bank import BankLine, Intent, LineBank, Shift, Slots
from voice_guide.ratings import Scale, bare_number, read_rating
from voice_guide.rules import normal

__all__ = ["BACKEND", "Choice", "Chooser", "Embedder", "Found", "Heed", "Present", "WordOverlap"]

#: Who proposed, in events and on the panel.
BACKEND: Final = "lines"
Rows: TypeAlias = npt.NDArray[np.float32]

#: Words that turn a meaning round: what is only *like* a wish is then not acted on.
_TURNS: Final = frozenset(
    {"not", "no", "never", "cant", "cannot", "dont", "doesnt", "isnt", "arent", "wasnt", "wont", "didnt"}
    | {"without", "nicht", "kein", "keine", "keinen", "nie", "niemals", "ohne"}
)
#: Names of a place after these are what the patient wants to leave.
_AWAY: Final = frozenset(
    {"dont", "not", "hate", "leave", "from", "out", "nicht", "kein", "weg", "verlassen", "hasse"}
)
_LISTENING, _UNCLEAR, _OFFER = "listening", "unclear", "offer_therapist"
#: Where the screen watches these, an answer that is made for such words may be said; never a way out.
_OF_THE_BODY: Final = frozenset({"medical", "panic"})
_WAYS_OUT: Final = frozenset({"finish"})
#: Most characters of a rule that are shown as a reason.
_SHOWN: Final = 48


class Embedder(Protocol):
    """Turns sentences into directions: alike sentences point alike."""

    def embed(self, texts: Sequence[str], /) -> Rows:
        """Return unit rows, shape `(len(texts), width)`."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heed:
    """How sure it has to be. Chosen on the `tune` half of `tests/evals/intents.jsonl`.

    Attributes:
        speak: least likeness (cosine) at which an intent is answered.
        act: least likeness at which something is done.
        margin: by how much it must lead the next intent to do something.
        clear: least confidence of the recogniser; below, the patient is asked to say it again.
        cover: least share of what was said that a rule must be about; a story that has the words is none.
    """

    speak: float
    act: float
    margin: float
    clear: float = 0.3
    cover: float = 0.12


#: With a sentence model, and with words in common.
WITH_MODEL: Final = Heed(speak=0.6, act=0.8, margin=0.1)
WITH_WORDS: Final = Heed(speak=0.7, act=0.85, margin=0.15)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An intent that may be meant.

    `score` is 1 … 2 by a rule, at most 1 by likeness; `evidence` says which. `turned`: the likest phrase
    denies something ("I do not like …").
    """

    intent: str
    score: float
    evidence: str
    by_rule: bool
    turned: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What the choice depends on besides the words.

    Attributes:
        controls: what the world does now.
        here: the place that is shown.
        places: where the patient may go.
        minutes_left: until the end of the session, `None` if not known.
        said: ids of lines said lately, oldest first.
        awaiting: the rating that was asked for just now.
        asked_again: whether it was asked for a second time already.
    """

    controls: Controls
    here: str = ""
    places: tuple[str, ...] = ()
    minutes_left: int | None = None
    said: tuple[str, ...] = ()
    awaiting: Scale | None = None
    asked_again: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The answer. `skill` names the exercise that begins with it; `sure` whether an intent was found."""

    proposal: Proposal
    intent: str
    skill: str = ""
    sure: bool = True


class WordOverlap:
    """Likeness by words and parts of words in common, rare ones counting more. Needs no model.

    Args:
        phrases: what it will be compared with; they say which words are rare.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        counts: dict[str, int] = {}
        for phrase in phrases:
            for part in set(_parts(phrase)):
                counts[part] = counts.get(part, 0) + 1
        self._column = {part: index for index, part in enumerate(sorted(counts))}
        total = len(phrases) + 1
        weights = [math.log(total / counts[part]) for part in sorted(counts)]
        self._weight = np.array(weights, dtype=np.float32)
        self._unseen = math.log(total)

    def embed(self, texts: Sequence[str], /) -> Rows:
        """Return unit rows; the last column is what no phrase has."""
        rows = np.zeros((len(texts), len(self._column) + 1), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            unseen = 0
            for part in _parts(text):
                column = self._column.get(part)
                if column is None:
                    unseen += 1
                else:
                    row[column] += self._weight[column] * _weight_of(part)
            row[-1] = 0.5 * self._unseen * math.sqrt(unseen)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _denies(heard: str) -> bool:
    return bool(_TURNS & set(heard.split()))


def _parts(text: str) -> list[str]:
    words = normal(text).split()
    return [
        *words,
        *(f"#{word}#"[i : i + 4] for word in words if len(word) > 3 for i in range(len(word) - 1)),
    ]


def _weight_of(part: str) -> float:
    """Whole words count more than the parts that hold against endings and misspellings."""
    return 0.35 if len(part) == 4 and "#" in part else 1.0


class Chooser:
    """Finds intents in words and answers with approved lines. Make one per language and keep it.

    Args:
        bank: the approved lines.
        embedder: a sentence model; used only where the bank says that it knows the language.
    """

    def __init__(self, bank: LineBank, embedder: Embedder | None = None) -> None:
        self.bank = bank
        phrases = [(name, phrase) for name, each in bank.intents.items() for phrase in each.phrases]
        texts = [normal(phrase) for _, phrase in phrases]
        self._phrases = [(name, _denies(text)) for (name, _), text in zip(phrases, texts, strict=True)]
        modelled = embedder is not None and bank.similar
        self._heed = WITH_MODEL if modelled else WITH_WORDS
        self._embedder: Embedder = embedder if embedder is not None and modelled else WordOverlap(texts)
        self._rows = self._embedder.embed(texts)

    def find(self, words: str) -> list[Found]:
        """Return the intents that `words` may mean, likeliest first; each once."""
        heard = normal(words)
        if not heard:
            return []
        best: dict[str, Found] = {}
        likeness = self._rows @ self._embedder.embed([heard])[0]
        for (name, turned), like in zip(self._phrases, likeness, strict=True):
            if name not in best or float(like) > best[name].score:
                score = min(float(like), 1.0)
                best[name] = Found(
                    intent=name, score=score, evidence=f"likeness {score:.2f}", by_rule=False, turned=turned
                )
        for name, intent in self.bank.intents.items():
            ruled = self._ruled(intent, heard)
            if ruled is not None:
                like = best[name].score if name in best else 0.0
                best[name] = dataclasses.replace(ruled, score=ruled.score + 0.1 * max(like, 0.0))
        return sorted(best.values(), key=lambda each: -each.score)

    def lines(self, words: str, present: Present, *, k: int = 6) -> list[tuple[ApprovedLine, float]]:
        """Return up to `k` approved lines that may answer, best first, a listening one always among them."""
        slots = self.slots(words, present)
        likely = [(found.intent, found.score) for found in self.find(words)[: max(k - 1, 0)]]
        return [
            (self._approved(self.bank.pick(name, slots, said=present.said), slots, present), score)
            for name, score in [*likely, (_LISTENING, 0.0)]
        ]

    def choose(
        self, words: str, present: Present, *, turn: int, confidence: float = 1.0, risk: Risk = NO_RISK
    ) -> Choice:
        """Return the answer to `words`. Never fails, whatever was said.

        Args:
            words: of the patient.
            present: what it depends on besides.
            turn: that is answered.
            confidence: of the hearing, 0 … 1.
            risk: what the risk screen found in them. Where it watches, a human is offered, unless an intent
                was found that is made for such words. (What is urgent never comes here: it has its own line.)
        """
        if not normal(words) or not confidence >= self._heed.clear:
            reason = f"heard with confidence {confidence:.2f}"
            return self._answer(_UNCLEAR, present, turn, reason, sure=False)
        found = self.find(words)
        if present.awaiting is not None:
            rated = self._rated(words, present, turn, sure=bool(found) and found[0].by_rule)
            if rated is not None:
                return rated
        name, reason = self._meant(words, found)
        if self._offers(risk, self.bank.intents[name]):
            return self._answer(_OFFER, present, turn, f"the risk screen watches: {risk.kind}")
        if name == _LISTENING:
            return self._answer(_LISTENING, present, turn, reason, sure=False)
        answer = self._answer(name, present, turn, reason, slots=self.slots(words, present))
        moves = any(isinstance(action, Shift) for action in self.bank.intents[name].actions)
        if moves and not answer.proposal.actions:
            return self._answer("held", present, turn, f"{name}: as far as it goes already")
        return answer

    def _offers(self, risk: Risk, intent: Intent) -> bool:
        """Whether a human is offered instead of an answer to `intent`."""
        if risk.level is RiskLevel.NONE or risk.kind == "stop":
            return False
        made_for_it = intent.screen_first and intent.name not in _WAYS_OUT and risk.kind in _OF_THE_BODY
        return not (made_for_it or intent.name == "therapist")

    def own(self, intent: str, present: Present, *, turn: int, reason: str) -> Choice:
        """Return a line of `intent` that the guide says by itself (`held`, `refused`, `unclear` …)."""
        return self._answer(intent, present, turn, reason)

    def _meant(self, words: str, found: Sequence[Found]) -> tuple[str, str]:
        """Return the intent that may be answered and acted on, and why; the listening one when unsure."""
        if not found or found[0].score < self._heed.speak:
            return _LISTENING, "nothing known was meant"
        first = found[0]
        intent = self.bank.intents[first.intent]
        if intent.rating:
            return _LISTENING, "a number, and none was asked for"
        if intent.actions and not self._may_act(words, found):
            return _LISTENING, f"{first.intent} only perhaps ({first.evidence}): nothing is changed"
        return first.intent, f"{first.intent}: {first.evidence}"

    def _ruled(self, intent: Intent, heard: str) -> Found | None:
        if intent.rating and bare_number(heard, self.bank.language) is not None:
            return Found(intent=intent.name, score=1.5, evidence="a bare number", by_rule=True)
        strength, text = max(((rule.strength(heard), rule.text) for rule in intent.rules), default=(0, ""))
        cover = min(strength / len(heard), 1.0)
        if cover < self._heed.cover:
            return None
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
        return Found(intent=intent.name, score=1.0 + cover, evidence=f"rule {shown!r}", by_rule=True)

    def _may_act(self, words: str, found: Sequence[Found]) -> bool:
        first = found[0]
        if self.bank.intents[first.intent].always:
            return True
        if self.bank.story is not None and self.bank.story.strength(normal(words)):
            return False
        if first.by_rule:
            return True
        second = found[1].score if len(found) > 1 else 0.0
        same = _denies(normal(words)) == first.turned
        return first.score >= self._heed.act and first.score - second >= self._heed.margin and same

    def _rated(self, words: str, present: Present, turn: int, *, sure: bool) -> Choice | None:
        """Return the answer to a rating that was asked for; `None` when something else is spoken of."""
        scale = present.awaiting
        if scale is None:
            return None
        rating = read_rating(words, scale=scale, language=self.bank.language)
        if rating is not None:
            slots = Slots(count=rating.said)
            choice = self._answer("rating", present, turn, f"{scale} {rating.value}", slots=slots)
            return dataclasses.replace(
                choice, proposal=dataclasses.replace(choice.proposal, rating=rating.value)
            )
        if sure:
            return None
        name = "leave_rating" if present.asked_again else "ask_again"
        return self._answer(name, present, turn, f"no clear number for {scale}", sure=False)

    def slots(self, words: str, present: Present) -> Slots:
        """Return what is known for the slots of a line that answers `words`."""
        place = self.bank.place_in(words)
        leaving = bool(_AWAY & set(normal(words).split()))
        if leaving or place == present.here or place not in present.places:
            place = ""
        return Slots(place=place, minutes=present.minutes_left)

    def _answer(
        self,
        name: str,
        present: Present,
        turn: int,
        reason: str,
        *,
        slots: Slots | None = None,
        sure: bool = True,
    ) -> Choice:
        known = slots if slots is not None else Slots(minutes=present.minutes_left)
        line = self._approved(self.bank.pick(name, known, said=present.said), known, present)
        proposal = Proposal(
            turn=turn,
            say=line.text,
            line_id=line.line_id,
            actions=line.actions,
            backend=BACKEND,
            reason=reason,
        )
        return Choice(proposal=proposal, intent=name, skill=self.bank.intents[name].skill, sure=sure)

    def _approved(self, line: BankLine, slots: Slots, present: Present) -> ApprovedLine:
        return self.bank.approved(line, now=present.controls, slots=slots, places=present.places)
