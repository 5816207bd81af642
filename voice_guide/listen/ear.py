"""One patient's ear: sound in, what was said out. Joins detector, turns and transcriber.

Nothing waits in here and nothing grows: sound of a turn lies in one buffer of 28 s, at most one transcription
runs at a time and one waits. Words are looked at in the pause already (after 0.25 s), so that at the end of
the turn they are mostly there; if the patient goes on, those words become a partial result.

    ear = Ear(transcriber, vad, executor=ThreadPoolExecutor(1))
    for event in ear.push(samples, from_s): …

Without an executor the transcriber runs inside `push` (tests, files).
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import itertools
from typing import Final, Literal, TypeAlias

import numpy as np

from therapy.talk import Heard
from voice_guide.listen.transcript import RATE_HZ, Samples, Transcriber, Transcript
from voice_guide.listen.turns import (
    Began,
    Finished,
    Paused,
    Resumed,
    TurnDetector,
    TurnEvent,
    TurnSettings,
)
from voice_guide.listen.vad import CHUNK, CHUNK_S, Vad

__all__ = ["Ear", "EarEvent", "EarSettings", "Partial", "SpeechEnded", "SpeechStarted", "TurnEnded"]

#: Sound kept from before speech is noticed: a soft consonant comes first.
_BEFORE_S: Final = 0.3
#: Of a longer quiet inside a turn this much is kept, and its last `_BEFORE_S`.
_QUIET_KEPT_S: Final = 0.5
#: Longest sound that is transcribed at once (Whisper sees 30 s); longer turns are cut at a pause.
_PIECE_S: Final = 28.0
_CUT_FROM_S: Final = 18.0
#: A stamp this far from where the sound should be is a gap, and the detector begins anew.
_GAP_S: Final = 0.1
#: Finished turns that may wait for their words.
_WAITING: Final = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EarSettings:
    """How an ear listens.

    Attributes:
        turns: when a turn begins and ends.
        partial_every_s: partial words this often while the patient speaks (and at most half of the time).
        least_speech_s: a turn with less speech than this is a knock or a cough: no words are looked for.
    """

    turns: TurnSettings = dataclasses.field(default_factory=TurnSettings)
    partial_every_s: float = 1.0
    least_speech_s: float = 0.16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted:
    """Somebody speaks since `at_s` (again, in a turn that goes on)."""

    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded:
    """Quiet since `at_s`; the turn may go on."""

    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """Words so far of a turn that goes on; later ones replace them.

    `paused`: these are all its words so far, and it is quiet now.
    """

    heard: Heard
    paused: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded:
    """The turn is over and these were its words; empty (confidence 0) after a knock, a cough, a sigh.

    It comes for each turn that began: who waits for its end waits for ever otherwise.
    """

    heard: Heard


EarEvent: TypeAlias = SpeechStarted | SpeechEnded | Partial | TurnEnded


@dataclasses.dataclass(slots=True, kw_only=True)
class _Turn:
    """One turn as it grows."""

    number: int
    from_s: float
    until_s: float
    #: Counts each chunk of speech, so that one can tell whether more was said since.
    spoken: int = 0
    done: list[Transcript] = dataclasses.field(default_factory=list)  # pieces that are finished
    latest: Transcript | None = None  # of the piece that grows
    latest_spoken: int = -1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Sound to be transcribed. `piece` ends a piece of the turn, `end` the turn."""

    turn: _Turn
    kind: Literal["look", "piece", "end"]
    spoken: int
    pcm: Samples


class Ear:
    """One patient's ear. Call `push` with the sound as it comes, from one thread."""

    def __init__(
        self,
        transcriber: Transcriber,
        vad: Vad,
        *,
        settings: EarSettings | None = None,
        executor: concurrent.futures.Executor | None = None,
    ) -> None:
        self._transcriber, self._vad, self._executor = transcriber, vad, executor
        self._settings = settings or EarSettings()
        self._turns = TurnDetector(self._settings.turns)
        self._numbers = itertools.count(1)
        self._rest: Samples = np.zeros(0, np.float32)
        self._next_s: float | None = None
        self._sound = np.zeros(int(_PIECE_S * RATE_HZ), np.float32)
        self._filled = 0
        self._turn: _Turn | None = None
        self._jobs: collections.deque[_Job] = collections.deque()
        self._running: tuple[_Job, concurrent.futures.Future[Transcript]] | None = None
        self._lost: list[_Job] = []
        self._looked_s = 0.0
        self._took_s = 0.0

    def push(self, pcm: Samples, from_s: float) -> list[EarEvent]:
        """Take sound that begins at `from_s`; return what happened. Never waits if there is an executor.

        Args:
            pcm: shape (n,), 16 kHz, any length.
            from_s: time of its first sample. A jump is a gap: it counts as quiet. A jump back ends the turn.
        """
        events: list[EarEvent] = []
        if self._next_s is not None and abs(from_s - self._next_s) > _GAP_S:
            self._rest = self._rest[:0]
            self._vad.reset()
            if from_s < self._next_s:  # another session's time: what was open belongs to the one before
                events += self.flush()
        start_s = from_s - len(self._rest) / RATE_HZ
        self._next_s = from_s + len(pcm) / RATE_HZ
        sound = np.concatenate((self._rest, pcm))
        whole = len(sound) // CHUNK
        for number in range(whole):
            chunk = sound[number * CHUNK : (number + 1) * CHUNK]
            self._chunk(chunk, start_s + (number + 1) * CHUNK_S, events)
            self._work(events)
        self._rest = sound[whole * CHUNK :].copy()
        self._work(events)
        return events

    def hold(self, on: bool) -> None:  # noqa: FBT001  # the one thing it says
        """Be slower to think that the patient has finished, or no longer."""
        self._turns.hold(on)

    def flush(self) -> list[EarEvent]:
        """End an open turn now: the microphone was closed. Call `poll` until its words are there."""
        events: list[EarEvent] = []
        for event in self._turns.flush():
            self._turned(event, events)
        self._work(events)
        return events

    def poll(self) -> list[EarEvent]:
        """Return what became known since, without new sound."""
        events: list[EarEvent] = []
        self._work(events)
        return events

    @property
    def busy(self) -> bool:
        """Whether words are still being looked for."""
        return self._running is not None or bool(self._jobs)

    # --- sound

    def _chunk(self, chunk: Samples, until_s: float, events: list[EarEvent]) -> None:
        if not np.isfinite(chunk).all():  # one such sample would stay in the detector's memory for ever
            chunk = np.zeros(CHUNK, np.float32)
        probability = self._vad.probability(chunk)
        told = self._turns.push(probability, until_s, CHUNK_S)
        if self._turn is None and not any(isinstance(event, Began) for event in told):
            self._keep_before(chunk)
            return
        for event in told:
            if isinstance(event, Finished) and event.why == "length":
                self._append(chunk)
            self._turned(event, events)
        if self._turn is None:
            self._keep_before(chunk)
            return
        if not self._turns.paused:
            self._turn.spoken += probability >= self._settings.turns.speaks
            self._turn.until_s = until_s
        if self._turns.paused and until_s - self._turn.until_s > _QUIET_KEPT_S:
            self._roll(chunk)
        else:
            self._append(chunk)
        self._look_now(until_s)

    def _keep_before(self, chunk: Samples) -> None:
        most = int(_BEFORE_S * RATE_HZ)
        kept = np.concatenate((self._sound[: self._filled], chunk))[-most:]
        self._filled = len(kept)
        self._sound[: self._filled] = kept

    def _roll(self, chunk: Samples) -> None:
        """Take `chunk` into the last 0.3 s without growing: a held turn may be quiet for minutes."""
        tail = self._sound[max(0, self._filled - int(_BEFORE_S * RATE_HZ)) : self._filled]
        if len(tail) < CHUNK:
            self._append(chunk)
            return
        tail[:-CHUNK] = tail[CHUNK:].copy()
        tail[-CHUNK:] = chunk

    def _append(self, chunk: Samples) -> None:
        if self._turn is None:
            return
        self._sound[self._filled : self._filled + CHUNK] = chunk
        self._filled += CHUNK
        if self._filled + CHUNK > len(self._sound):
            self._cut_piece()

    def _cut_piece(self) -> None:
        """Give the sound so far away as a finished piece of a long turn."""
        if self._turn is not None and self._filled:
            self._add_job(self._job(self._turn, "piece"))
            self._filled = 0

    # --- turns

    def _turned(self, event: TurnEvent, events: list[EarEvent]) -> None:
        match event:
            case Began():
                self._turn = _Turn(number=next(self._numbers), from_s=event.at_s, until_s=event.at_s)
                self._looked_s = event.at_s
                events.append(SpeechStarted(at_s=event.at_s))
            case Resumed():
                events.append(SpeechStarted(at_s=event.at_s))
            case Paused():
                events.append(SpeechEnded(at_s=event.at_s))
                self._pause(event.at_s)
            case Finished():
                if not event.paused:
                    events.append(SpeechEnded(at_s=event.until_s))
                self._end(event.until_s, events)

    def _pause(self, at_s: float) -> None:
        if self._turn is None or self._too_little(self._turn):
            return
        self._turn.until_s = at_s
        if self._filled > _CUT_FROM_S * RATE_HZ:
            self._cut_piece()
            return
        self._add_job(self._job(self._turn, "look"))

    def _end(self, until_s: float, events: list[EarEvent]) -> None:
        turn, self._turn = self._turn, None
        if turn is None:
            return
        turn.until_s = until_s
        if self._too_little(turn):  # its end waits for the words of those before it: turns end in order
            self._add_job(_Job(turn=turn, kind="end", spoken=turn.spoken, pcm=self._sound[:0].copy()))
        elif turn.latest is not None and turn.latest_spoken == turn.spoken and not self._pieces_of(turn):
            self._tell_end(turn, turn.latest, events)
        elif not self._promote(turn):
            self._add_job(self._job(turn, "end"))
        self._filled = 0

    def _too_little(self, turn: _Turn) -> bool:
        return not turn.done and turn.spoken * CHUNK_S < self._settings.least_speech_s

    def _look_now(self, until_s: float) -> None:
        """Ask for partial words, if it is time and nothing else is to be done."""
        every_s = max(self._settings.partial_every_s, 2.0 * self._took_s)
        if self._turn is None or self._turns.paused or self.busy or until_s - self._looked_s < every_s:
            return
        self._looked_s = until_s
        self._add_job(self._job(self._turn, "look"))

    # --- words

    def _job(self, turn: _Turn, kind: Literal["look", "piece", "end"]) -> _Job:
        # A copy: the buffer is written on while a thread reads this.
        return _Job(turn=turn, kind=kind, spoken=turn.spoken, pcm=self._sound[: self._filled].copy())

    def _pieces_of(self, turn: _Turn) -> bool:
        jobs = [*self._jobs, *([self._running[0]] if self._running else [])]
        return any(job.turn is turn and job.kind == "piece" for job in jobs)

    def _promote(self, turn: _Turn) -> bool:
        """Let a look at exactly these words, running or waiting, be the one that ends the turn."""
        if self._running and self._is_last_look(self._running[0], turn):
            job, future = self._running
            self._running = (dataclasses.replace(job, kind="end"), future)
            return True
        for number, job in enumerate(self._jobs):
            if self._is_last_look(job, turn):
                self._jobs[number] = dataclasses.replace(job, kind="end")
                return True
        return False

    @staticmethod
    def _is_last_look(job: _Job, turn: _Turn) -> bool:
        return job.turn is turn and job.kind == "look" and job.spoken == turn.spoken

    def _add_job(self, job: _Job) -> None:
        """Queue a job; a newer look takes the place of one that waits."""
        waiting = [one for one in self._jobs if one.kind != "look"]
        self._lost += waiting[:-_WAITING]
        self._jobs = collections.deque([*waiting[-_WAITING:], job])

    def _work(self, events: list[EarEvent]) -> None:
        """Take a finished transcription, start the next; tell what could not be transcribed in time."""
        for job in self._lost:
            self._take(job, Transcript(text="…" if len(job.pcm) else "", confidence=0.0), events)
        self._lost.clear()
        if self._running is not None and self._running[1].done():
            (job, future), self._running = self._running, None
            self._take(job, future.result(), events)
        while self._running is None and self._jobs:
            job = self._jobs.popleft()
            if not len(job.pcm):
                self._take(job, Transcript(text="", confidence=0.0), events)
            elif self._executor is None:
                self._take(job, self._transcriber.transcribe(job.pcm), events)
            else:
                self._running = (job, self._executor.submit(self._transcriber.transcribe, job.pcm))

    def _take(self, job: _Job, transcript: Transcript, events: list[EarEvent]) -> None:
        self._took_s = transcript.took_s
        turn = job.turn
        if job.kind == "end":
            self._tell_end(turn, transcript, events)
            return
        if job.kind == "piece":
            turn.done.append(transcript)
            turn.latest = None
        else:
            turn.latest, turn.latest_spoken = transcript, job.spoken
        if turn is not self._turn:
            return  # its end is on its way
        paused = self._turns.paused and job.spoken == turn.spoken
        if paused:
            self._turns.hear(_joined(turn))
        if _joined(turn):
            events.append(Partial(heard=_heard(turn, final=False), paused=paused))

    def _tell_end(self, turn: _Turn, transcript: Transcript, events: list[EarEvent]) -> None:
        turn.latest = transcript
        events.append(TurnEnded(heard=_heard(turn, final=True)))


def _parts(turn: _Turn) -> list[Transcript]:
    return [part for part in (*turn.done, turn.latest) if part is not None and part.text]


def _joined(turn: _Turn) -> str:
    return " ".join(part.text for part in _parts(turn))


def _heard(turn: _Turn, *, final: bool) -> Heard:
    """Return the words of a turn so far; its confidence is that of its pieces, weighed by their words."""
    parts = _parts(turn)
    words = sum(max(len(part.words), 1) for part in parts)
    sure = sum(part.confidence * max(len(part.words), 1) for part in parts)
    return Heard(
        turn=turn.number,
        text=_joined(turn),
        confidence=sure / words if words else 0.0,
        from_s=turn.from_s,
        until_s=turn.until_s,
        final=final,
        language=parts[-1].language if parts else "en",
    )
