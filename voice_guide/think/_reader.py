"""From pieces of a model's text to thoughts: what all backends that write share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from therapy.talk import Briefing, GuideMode
from voice_guide.think._mind import NotUsable, Sentence, Thought
from voice_guide.think._schema import parse
from voice_guide.think._settings import ThinkSettings
from voice_guide.think._stream import SayStream
from voice_guide.think._watch import Watch

__all__ = ["read_along"]


def read_along(
    pieces: Iterable[str],
    briefing: Briefing,
    settings: ThinkSettings,
    *,
    backend: str,
    cancelled: Callable[[], bool],
    began_s: float,
) -> Iterator[Thought]:
    """Yield sentences of `say` as they are complete, last a `Proposal` or `NotUsable`.

    Args:
        pieces: what the model writes, token by token. An empty piece only asks whether to go on waiting. It
            is not read any further than a watch allows.
        briefing: what was asked; askable.
        settings: what the watch allows, and the clock.
        backend: name of the backend, for the record.
        cancelled: whether nobody waits any more; asked after each piece.
        began_s: when the thought began, on the clock of `settings`.
    """
    watch, stream, written = Watch(settings, began_s=began_s), SayStream(), []
    for piece in pieces:
        now_s = settings.now_s()
        given_up = "called off" if cancelled() else ""
        given_up = given_up or (watch.token(piece, now_s) if piece else watch.check(now_s))
        if given_up:
            yield NotUsable(turn=briefing.turn, reason=given_up, backend=backend)
            return
        written.append(piece)
        if briefing.mode is GuideMode.FREE:
            for sentence in stream.push(piece):
                watch.speakable()
                yield Sentence(turn=briefing.turn, text=sentence)
    late = watch.check(settings.now_s())
    if late:
        yield NotUsable(turn=briefing.turn, reason=late, backend=backend)
        return
    yield parse("".join(written), briefing, backend)
