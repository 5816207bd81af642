"""An ear without models: loud is speech, and a transcriber that says what the test wants."""

import concurrent.futures
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from voice_guide.listen.ear import Ear, EarEvent
from voice_guide.listen.transcript import RATE_HZ, Samples, Transcript, Word

#: Pushed at once, as from a headset.
PACKET = 320


class LoudVad:
    """Speech is what is louder than a hundredth."""

    def __init__(self) -> None:
        self.resets = 0

    def probability(self, chunk: Samples) -> float:
        return 0.95 if float(np.abs(chunk).max()) > 0.01 else 0.02

    def reset(self) -> None:
        self.resets += 1


class Says:
    """Says the next of its texts each time, the last for ever; remembers how much it was given."""

    def __init__(self, *texts: str, took_s: float = 0.0) -> None:
        self.texts = list(texts)
        self.lengths_s: list[float] = []
        self.took_s = took_s

    def transcribe(self, pcm: Samples) -> Transcript:
        self.lengths_s.append(len(pcm) / RATE_HZ)
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        words = tuple(Word(text=word, confidence=0.9) for word in text.split())
        return Transcript(text=text, confidence=0.9 if text else 0.0, words=words, took_s=self.took_s)


class ByHand(concurrent.futures.Executor):
    """Runs what was submitted when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[concurrent.futures.Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self.waiting.append((future, lambda: fn(*args, **kwargs)))
        return future

    def run_one(self) -> None:
        future, call = self.waiting.pop(0)
        future.set_result(call())


def sound(*parts: tuple[str, float]) -> Samples:
    """Return speech (`("talk", s)`) and silence (`("quiet", s)`) one after another."""
    random = np.random.default_rng(1)
    made = [
        (random.uniform(-0.3, 0.3, round(s * RATE_HZ)) if what == "talk" else np.zeros(round(s * RATE_HZ)))
        for what, s in parts
    ]
    return np.concatenate(made).astype(np.float32)


def stamped(ear: Ear, pcm: Samples, from_s: float = 0.0) -> Iterator[tuple[float, EarEvent]]:
    """Push `pcm` in packets of 20 ms; yield each event with the time when it came."""
    for start in range(0, len(pcm), PACKET):
        for event in ear.push(pcm[start : start + PACKET], from_s + start / RATE_HZ):
            yield from_s + (start + PACKET) / RATE_HZ, event
