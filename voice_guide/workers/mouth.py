"""The mouth: utterances of every room in, packets of speech out. Rooms take turns, clause by clause."""

from __future__ import annotations

import collections
import contextlib
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Final

from voice_guide.errors import NoVoice
from voice_guide.messages import Hush, NotSpoken, Prepare, Speak, Spoken
from voice_guide.mouth import Mouth
from voice_guide.voice import Voice, best_voice
from voice_guide.workers._post import Left, Post, Ready, WorkerConfig

__all__ = ["main"]

#: Packets of one room before the next has its turn: half a second of speech.
_TURN: Final = 25


class _Voices:
    """Opens the voice of a language when it is first needed."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._open: dict[str, Voice] = {}

    def __call__(self, language: str) -> Voice:
        if language not in self._open:
            try:
                spec = best_voice(language, self._wanted)
            except NoVoice:
                spec = best_voice(language)  # the wanted one does not speak it
            self._open[language] = spec.open(language)
        return self._open[language]

    def close(self) -> None:
        for voice in self._open.values():
            voice.close()


def main(connection: Connection, config: WorkerConfig) -> None:
    """Speak until the service is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    post = Post(connection)
    voices = _Voices(config.voice)
    missing = ""
    for language in config.languages:
        try:
            voices(language)
        except NoVoice as error:
            missing = str(error)
    post.send("", Ready(missing))
    try:
        with contextlib.suppress(EOFError):
            _speak(post, Mouth(voices))
    finally:
        voices.close()


def _speak(post: Post, mouth: Mouth) -> None:
    speaking: dict[tuple[str, int], Iterator[Spoken]] = {}
    ahead: collections.deque[tuple[str, str]] = collections.deque()
    while True:
        found = post.take(0.0 if speaking else 0.02 if ahead else 0.25)
        if found is not None:
            _take(*found, mouth, speaking, ahead)
            continue
        for key in list(speaking):
            _say_on(post, key, speaking)
        if ahead and not speaking:
            language, text = ahead.popleft()
            with contextlib.suppress(NoVoice):  # said when it is to be spoken
                mouth.prepare(text, language)


def _take(
    room: str,
    message: object,
    mouth: Mouth,
    speaking: dict[tuple[str, int], Iterator[Spoken]],
    ahead: collections.deque[tuple[str, str]],
) -> None:
    match message:
        case Speak(utterance=utterance, pace=pace):
            speaking[room, utterance.utterance] = mouth.speak(utterance, pace)
        case Hush(utterance=wanted):
            for key in [k for k in speaking if k[0] == room and wanted in (0, k[1])]:
                del speaking[key]
        case Prepare(language=language, texts=texts):
            ahead.extend((language, text) for text in texts)
        case Left():
            for key in [k for k in speaking if k[0] == room]:
                del speaking[key]


def _say_on(post: Post, key: tuple[str, int], speaking: dict[tuple[str, int], Iterator[Spoken]]) -> None:
    room, utterance = key
    try:
        for _ in range(_TURN):
            packet = next(speaking[key], None)
            if packet is None:
                del speaking[key]
                return
            post.send(room, packet)
    except NoVoice as error:
        del speaking[key]
        post.send(room, NotSpoken(utterance=utterance, reason=str(error)))
