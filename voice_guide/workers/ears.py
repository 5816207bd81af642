"""Ears: sound of every room in, words and what the risk screen says of them out."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol

import numpy as np

from therapy.talk import Heard, Turn
from voice_guide.embed import load_embedder
from voice_guide.errors import VoiceError
from voice_guide.listen.ear import Ear, EarEvent, Partial, TurnEnded
from voice_guide.listen.ear import SpeechEnded as QuietAgain
from voice_guide.listen.ear import SpeechStarted as VoiceBegan
from voice_guide.listen.opus_in import OpusIn
from voice_guide.listen.transcript import RATE_HZ
from voice_guide.listen.vad import load_vad
from voice_guide.listen.whisper import load_transcriber
from voice_guide.messages import HeardNow, HoldTurn, Join, Listen, Sound, SpeechEnded, SpeechStarted
from voice_guide.models import find, need
from voice_guide.risk import RiskScreen
from voice_guide.riskbook import load_risk_book
from voice_guide.workers._post import Left, Post, Ready, WorkerConfig

__all__ = ["main"]

#: Rendering and sound go first.
_NICE: Final = 5
_POLL_S: Final = 0.02
_TURNS: Final = 8


class _MakesEar(Protocol):
    def __call__(self) -> Ear: ...


class _Room:
    """One patient's ear and screen."""

    def __init__(self, ear: Ear, screen: RiskScreen) -> None:
        self.ear = ear
        self.screen = screen
        self.opus = OpusIn()
        self.listening = False
        self.turns: deque[Turn] = deque(maxlen=_TURNS)


def main(connection: Connection, config: WorkerConfig) -> None:
    """Listen until the service is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICE)
    post = Post(connection)
    with concurrent.futures.ThreadPoolExecutor(1, "whisper") as executor:
        try:
            make_ear, screen_for = _build(config, executor)
        except VoiceError as error:
            _deaf(post, str(error))
            return
        post.send("", Ready(""))
        with contextlib.suppress(EOFError):
            _listen(post, make_ear, screen_for)


def _build(
    config: WorkerConfig, executor: concurrent.futures.Executor
) -> tuple[_MakesEar, Callable[[str], RiskScreen]]:
    folder = need("whisper-base")
    vads = need("silero-vad")
    transcriber = load_transcriber(
        folder, language=None if len(config.languages) > 1 else config.languages[0]
    )
    transcriber.transcribe(np.zeros(RATE_HZ, np.float32))  # the first one takes seconds; it is nobody's
    minilm = find("minilm")
    embedder = None if minilm is None else load_embedder(minilm)
    screens: dict[str, RiskScreen] = {}

    def screen_for(language: str) -> RiskScreen:
        if language not in screens:
            screens[language] = RiskScreen(load_risk_book(language), embedder)
        return screens[language]

    for language in config.languages:
        screen_for(language)
    return lambda: Ear(transcriber, load_vad(vads), executor=executor), screen_for


def _deaf(post: Post, why: str) -> None:
    """Nothing can be heard: say so, and stay, so that nobody starts us again and again."""
    post.send("", Ready(why))
    with contextlib.suppress(EOFError):
        while True:
            post.take(0.5)


def _listen(post: Post, make_ear: _MakesEar, screen_for: Callable[[str], RiskScreen]) -> None:
    rooms: dict[str, _Room] = {}
    while True:
        found = post.take(_POLL_S)
        if found is not None:
            name, message = found
            _take(post, rooms, name, message, make_ear, screen_for)
        for name, room in rooms.items():
            _tell(post, name, room, room.ear.poll())


def _take(
    post: Post,
    rooms: dict[str, _Room],
    name: str,
    message: object,
    make_ear: _MakesEar,
    screen_for: Callable[[str], RiskScreen],
) -> None:
    match message:
        case Join(language=language):  # another session: nothing of the words before it is known any more
            rooms[name] = _Room(make_ear(), screen_for(language))
        case Left():
            rooms.pop(name, None)
        case Sound() if name in rooms and rooms[name].listening:
            room = rooms[name]
            # The packet may complete what was missing before it: the sound ends where the packet does.
            pcm = room.opus.push(message.seq, message.payload)
            if len(pcm):
                _tell(post, name, room, room.ear.push(pcm, message.at_s + 0.02 - len(pcm) / 16_000))
        case Listen(on=on) if name in rooms:
            room = rooms[name]
            if room.listening and not on:
                _tell(post, name, room, room.ear.flush())
            room.listening = on
        case HoldTurn(on=on) if name in rooms:
            rooms[name].ear.hold(on)
        case _:
            pass  # of a room that has left, or while nobody listens


def _tell(post: Post, name: str, room: _Room, events: list[EarEvent]) -> None:
    for event in events:
        match event:
            case VoiceBegan(at_s=at_s):
                post.send(name, SpeechStarted(at_s=at_s))
            case QuietAgain():
                pass  # the turn may go on
            case Partial(heard=heard, paused=paused):
                post.send(name, _judged(room, heard, paused=paused))
            case TurnEnded(heard=heard):
                if heard.text:
                    post.send(name, _judged(room, heard))
                    room.turns.append(Turn(who="patient", text=heard.text))
                else:
                    post.send(name, SpeechEnded(at_s=heard.until_s))


def _judged(room: _Room, heard: Heard, *, paused: bool = False) -> HeardNow:
    history: Any = tuple(room.turns)
    risk = room.screen.assess(heard.text, history, confidence=heard.confidence)
    return HeardNow(heard=heard, risk=risk, paused=paused)
