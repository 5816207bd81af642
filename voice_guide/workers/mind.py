"""The mind: briefings of every room in, proposals out. One thought at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from multiprocessing.connection import Connection
from typing import Final

from therapy.errors import TherapyError
from therapy.talk import Briefing, GuideMode, Proposal
from voice_guide.choose import WITH_MODEL, Chooser
from voice_guide.embed import load_embedder
from voice_guide.errors import VoiceError
from voice_guide.linebank import load_lines
from voice_guide.messages import NotUsable, Proposed, SentenceReady, Think
from voice_guide.models import find
from voice_guide.think import Mind, Sentence, ThinkSettings, backends, packaged
from voice_guide.workers._post import Post, Ready, WorkerConfig

__all__ = ["main"]

_NICE: Final = 10
_LIKENESS: Final = "likeness"


def main(connection: Connection, config: WorkerConfig) -> None:
    """Think until the service is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICE)
    post = Post(connection)
    missing, mind, choosers = "", None, {}
    settings = config.think if isinstance(config.think, ThinkSettings) else ThinkSettings()
    try:
        known = backends()
        if settings.backend not in known:
            missing = f"backend must be one of {', '.join(known)}, got {settings.backend!r}"
        else:
            mind = known[settings.backend].open(settings)
        choosers = _choosers(config.languages)
    except (TherapyError, VoiceError) as error:
        missing = str(error)
    post.send("", Ready(missing))
    with contextlib.suppress(EOFError):
        while True:
            found = post.take(0.25)
            if found is not None and isinstance(found[1], Think):
                _think(post, found[0], found[1], mind, settings.backend, choosers)


def _choosers(languages: tuple[str, ...]) -> dict[str, Chooser]:
    folder = find("minilm")
    if folder is None:
        return {}
    embedder = load_embedder(folder)
    return {language: Chooser(load_lines(language), embedder) for language in languages}


def _think(
    post: Post, room: str, asked: Think, mind: Mind | None, model: str, choosers: dict[str, Chooser]
) -> None:
    briefing = asked.briefing
    key = (room, briefing.turn)

    def cancelled() -> bool:
        post.beat()
        return key in post.cancelled or time.monotonic() > asked.until_s

    if cancelled():
        post.cancelled.discard(key)
        return
    alike = _alike(briefing, choosers.get(briefing.language))
    if alike is not None:
        post.send(room, Proposed(proposal=alike))
    elif mind is None:
        post.send(room, NotUsable(turn=briefing.turn, reason="no model"))
    else:
        if model == packaged.BACKEND.name:  # it may choose words; what is unclear to all changes nothing
            words = tuple(line for line in briefing.lines if not line.actions)
            briefing = dataclasses.replace(briefing, lines=words)
        for thought in mind.think(briefing, cancelled=cancelled):
            if isinstance(thought, Sentence):
                post.send(room, SentenceReady(turn=thought.turn, text=thought.text))
            elif isinstance(thought, Proposal):
                post.send(room, Proposed(proposal=thought))
            else:
                post.send(room, NotUsable(turn=briefing.turn, reason=thought.reason))
    post.cancelled.discard(key)


def _alike(briefing: Briefing, chooser: Chooser | None) -> Proposal | None:
    """Return the offered line whose meaning the sentence model is sure of: sooner and surer than a model."""
    if chooser is None or briefing.mode is not GuideMode.APPROVED:
        return None
    found = chooser.find(briefing.words)
    if len(found) < 2 or found[0].score < WITH_MODEL.speak or found[0].turned:
        return None
    first, second = found[0], found[1]
    line = next((line for line in briefing.lines if line.intent == first.intent), None)
    sure = first.score >= WITH_MODEL.act and first.score - second.score >= WITH_MODEL.margin
    if line is None or (line.actions and not sure):
        return None
    return Proposal(
        turn=briefing.turn,
        say=line.text,
        line_id=line.line_id,
        actions=line.actions,
        backend=_LIKENESS,
        reason=f"{first.intent}: {first.evidence}",
    )
