"""The packaged small model (SmolLM2-135M-Instruct): it chooses among approved lines and writes nothing.

A model of this size is not fit to speak to a patient (docs/reference/models/smollm2-135m-instruct.md). What
it can do is say how much more likely each approved line becomes when these words were said before it: the
mean log-likelihood of the line after the patient's words, less that after words that say nothing (pointwise
mutual information). Plain likelihood prefers common lines, and asking it for a line's name under a
constrained decoder was hardly better than chance; figures on the model's page.

The lines come best first from rules and sentence meaning, which are right more often than this model. So each
place further down costs a line `ORDER_WEIGHT`: the model moves a line up only where it clearly prefers it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from therapy.talk import ApprovedLine, Briefing, Proposal
from voice_guide.think._mind import BackendSpec, Mind, NoMind, NotUsable, Thought, never_cancelled
from voice_guide.think._prompt import Message, plain
from voice_guide.think._schema import choices, unaskable
from voice_guide.think._settings import ThinkSettings
from voice_guide.think._watch import Watch

if TYPE_CHECKING:
    from voice_guide.think._torch import LoadedModel

__all__ = ["BACKEND", "MODEL", "MOST_LINES", "ORDER_WEIGHT", "PackagedMind"]

_NAME: Final = "packaged"
#: The model's name in `voice_guide.models`.
MODEL: Final = "smollm2-135m-instruct"
#: Most lines that are weighed in a turn, and how many in one step (between steps it asks whether to go on).
MOST_LINES: Final = 4
_STEP: Final = 2
#: By how many nats a token a line must be preferred to pass the one before it. Measured on 83 held-out
#: utterances with their six likeliest lines: by order alone 82 right, by the model alone 32; with 0.5 nats a
#: place 78, with 0.8 80, with 1.2 82. Below 1.2 the model does harm.
ORDER_WEIGHT: Final = 1.2
#: Longest words of a patient that are read; of longer ones the end.
_LONGEST_WORDS: Final = 240
#: Most lines whose likelihood without words is remembered.
_MOST_KNOWN: Final = 2_000
#: The language that it was tuned for.
_LANGUAGE: Final = "en"
#: Words that say nothing.
_NOTHING_SAID: Final = ("hello", "hm")

_SHOTS: Final = (
    Message(
        role="system",
        content="You are a gentle guide in a calm virtual place. "
        "Answer the patient with the one sentence that fits what was said.",
    ),
    Message(role="user", content="it is cold here"),
    Message(role="assistant", content="Thank you for telling me. A warmer light may help."),
    Message(role="user", content="what is this place"),
    Message(role="assistant", content="This is a calm place by the sea. You may look around."),
    Message(role="user", content="the birds are too loud"),
    Message(role="assistant", content="Of course. The birds become quieter."),
)


class PackagedMind:
    """A `Mind` that chooses: in every mode that asks it, one of the approved lines offered."""

    def __init__(self, model: LoadedModel, settings: ThinkSettings) -> None:
        self._model = model
        self._settings = settings
        self._alone: dict[str, float] = {}

    def prepare(self, lines: Sequence[ApprovedLine]) -> None:
        """Weigh `lines` without words, so that no turn has to: some 0.1 s a line."""
        self._weigh_alone([line.text for line in lines])

    def think(
        self, briefing: Briefing, *, cancelled: Callable[[], bool] = never_cancelled
    ) -> Iterator[Thought]:
        """Yield the proposal: the line that these words make likelier than the others, with its actions."""
        watch = Watch(self._settings, began_s=self._settings.now_s())
        offered = [*choices(briefing).values()][:MOST_LINES]
        refused = unaskable(briefing) or _not_for_it(briefing, offered)
        if refused:
            yield NotUsable(turn=briefing.turn, reason=refused, backend=_NAME)
            return
        gains: list[float] = []
        for at in range(0, len(offered), _STEP):
            gains += self.gains(briefing.words, [line.text for line in offered[at : at + _STEP]])
            late = "called off" if cancelled() else watch.check(self._settings.now_s())
            if late:
                yield NotUsable(turn=briefing.turn, reason=late, backend=_NAME)
                return
        yield _chosen(briefing, offered, gains)

    def gains(self, words: str, texts: Sequence[str]) -> list[float]:
        """Return by how many nats a token `words` make each of `texts` likelier."""
        self._weigh_alone(texts)
        after = self._weigh(plain(words[-4 * _LONGEST_WORDS :], 4 * _LONGEST_WORDS)[-_LONGEST_WORDS:], texts)
        return [likely - self._alone[text] for likely, text in zip(after, texts, strict=True)]

    def close(self) -> None:
        """Nothing is held open."""

    def _weigh(self, words: str, texts: Sequence[str]) -> list[float]:
        prompt = self._model.prompt((*_SHOTS, Message(role="user", content=words)))
        return self._model.likelihoods(prompt, [self._model.tokens(text) for text in texts])

    def _weigh_alone(self, texts: Sequence[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._alone]
        if len(self._alone) + len(new) > _MOST_KNOWN:
            self._alone.clear()
            new = [*dict.fromkeys(texts)]
        for at in range(0, len(new), MOST_LINES):
            part = new[at : at + MOST_LINES]
            weighed = [self._weigh(words, part) for words in _NOTHING_SAID]
            for text, *likely in zip(part, *weighed, strict=True):
                self._alone[text] = sum(likely) / len(likely)


def _not_for_it(briefing: Briefing, offered: Sequence[ApprovedLine]) -> str:
    """Return why this model has nothing to say to `briefing`, or ""."""
    if briefing.language.split("-", maxsplit=1)[0].casefold() != _LANGUAGE:
        return f"language must be {_LANGUAGE!r} for the packaged model, is {briefing.language[:12]!r}"
    return "" if offered else "there must be an approved line to choose from, there is none"


def _chosen(briefing: Briefing, offered: Sequence[ApprovedLine], gains: Sequence[float]) -> Proposal:
    scores = [gain - ORDER_WEIGHT * place for place, gain in enumerate(gains)]
    best = max(range(len(offered)), key=scores.__getitem__)
    line = offered[best]
    moved = "the first offered" if best == 0 else f"moved up from place {best + 1}"
    return Proposal(
        turn=briefing.turn,
        say=line.text,
        line_id=line.line_id,
        actions=line.actions,
        backend=_NAME,
        reason=f"{moved} of {len(offered)}: {gains[best]:+.2f} nats a token from the patient's words",
    )


def _open(settings: ThinkSettings) -> Mind:
    try:
        from voice_guide.models import find  # noqa: PLC0415  # only who opens it needs the models
        from voice_guide.think._torch import LoadedModel  # noqa: PLC0415  # and torch
    except ImportError as error:
        raise NoMind(f"the extra `voice` must be installed: {error}") from error
    folder = Path(settings.folder) if settings.folder else find(MODEL)
    if folder is None or not (folder / "config.json").is_file():
        raise NoMind(f"{MODEL} must be installed (stillwater models install), is not in {folder or 'place'}")
    return PackagedMind(LoadedModel(folder, threads=settings.threads), settings)


BACKEND: Final = BackendSpec(
    name=_NAME,
    doc="the packaged small model: chooses among approved lines, writes nothing",
    open=_open,
)
