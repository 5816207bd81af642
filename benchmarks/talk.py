"""How soon the guide answers, by stage, and how soon it is quiet: real packets, models and voice."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from benchmarks._kit import Benchmark, BenchmarkFailed, Figure, Progress
from therapy.talk import Utterance
from voice_guide.choose import Chooser
from voice_guide.conversation import Conversation
from voice_guide.dialogue import (
    Ask,
    CancelAsk,
    Command,
    ConversationSettings,
    Escalate,
    HushNow,
    Played,
    Release,
    Somebody,
    SpeakNow,
    Surroundings,
)
from voice_guide.errors import VoiceError
from voice_guide.linebank import load_lines
from voice_guide.messages import (
    CancelThinking,
    FromService,
    HeardNow,
    Hush,
    Join,
    Listen,
    Prepare,
    Sound,
    Speak,
    Spoken,
    Status,
    Think,
)
from voice_guide.mouth import PACKET_S, Mouth
from voice_guide.riskbook import load_risk_book
from voice_guide.say_screen import SayScreen
from voice_guide.service import ServiceConfig, Shutdown
from voice_guide.skill import skills
from voice_guide.voice import best_voice
from vr_world.guide_link import GuideLink
from vr_world.loop import TICK_S
from vr_world.room_guide import LEAST_LEAD_S, said_ahead
from vr_world.streaming import control
from vr_world.supervise import Child, ChildSpec

__all__ = ["BENCH", "Clip", "Timed", "figures", "opus_silence", "spoken"]

#: What the patient says, in the packaged voice.
SAID: Final = (
    "The waves are a bit much.",
    "Could you turn the music down a little, please?",
    "I feel anxious today.",
    "Thank you, that was nice.",
    "Can we go somewhere else?",
    "It reminds me of something.",
    "I keep thinking about my sister.",
    "I do not really know what to say about this week.",
    "My neighbour has painted his fence again.",
    "We used to drive out there every summer.",
)
ROUNDS: Final = 2
#: What must bring a human: each is released before the next.
RISKY: Final = (
    "I do not want to live any more.",
    "My chest hurts and I cannot breathe.",
    "When I am home tonight I will take all of my pills.",
)
#: Softer blocks than this share of the loudest are no speech: voices end with a little silence.
_SILENT: Final = 0.03
_QUIET_S: Final = 1.6
#: Loading the models takes 20 s here, and minutes where the processor has other work.
_LOAD_S: Final = 240.0
_TURN_S: Final = 15.0
#: What is promised: `voice_guide.dialogue.ANSWER_WITHIN_S`, and the aims of the guide's design.
_LINE_S, _AIM_S, _ACK_S, _HUSH_S = 2.0, 1.2, 0.6, 0.3
#: From the words of danger to the alarm on the panel (`therapy.escalation`), and to a line at the ear.
_ALARM_S: Final = 2.0


@dataclasses.dataclass(slots=True)
class Timed:
    """One turn, in seconds after the patient's last sound, `hush_s` after their first; `None`: never.

    Partial words are screened too: `alarm_s` and `risk_s` of a long sentence may be negative.
    """

    heard_s: float | None = None
    line_s: float | None = None
    mm_s: float | None = None
    sound_s: float | None = None
    any_sound_s: float | None = None
    hush_s: float | None = None
    alarm_s: float | None = None
    risk_s: float | None = None


def figures(turns: Sequence[Timed]) -> list[Figure]:
    """Return the figures of these turns. Raises `BenchmarkFailed` if a stage never came."""
    shown = (
        ("words", "heard_s", None, "turn ended and words known"),
        ("line", "line_s", _LINE_S, "an answer is on its way; promised within the limit"),
        ("first sound of the answer", "sound_s", _AIM_S, "due at the ear; aimed at"),
        ("acknowledgement", "mm_s", _ACK_S, "due at the ear, before an answer that takes time; aimed at"),
        ("first sound at all", "any_sound_s", None, "acknowledgement or answer"),
        ("barge-in to silence", "hush_s", _HUSH_S, "from the patient's first sound to silence at the ear"),
        ("danger to alarm", "alarm_s", _ALARM_S, "words of danger: a human is called"),
        ("danger to line", "risk_s", _ALARM_S, "words of danger: the approved line at the ear"),
    )
    told = []
    for title, field, limit, what in shown:
        values = [value for turn in turns if (value := getattr(turn, field)) is not None]
        if not values:
            raise BenchmarkFailed(f"{title} must be measured in one of {len(turns)} turns, was in none")
        note = f"{what}; {len(values)} of {len(turns)} turns"
        p50, p95 = (float(np.percentile(values, share)) for share in (50, 95))
        told.append(Figure(name=f"{title}, p50", value=p50, unit="s", limit=limit, note=note))
        told.append(Figure(name=f"{title}, p95", value=p95, unit="s"))
    return told


@dataclasses.dataclass(frozen=True, slots=True)
class Clip:
    """Packets of a sentence; speech is from `first` to `last`."""

    packets: list[bytes]
    first: int
    last: int


def spoken(texts: Sequence[str]) -> list[Clip]:
    """Return `texts` in the packaged voice. Raises `VoiceError`."""
    voice = best_voice("en").open("en")
    try:
        mouth = Mouth(lambda _language: voice)
        said = [
            [
                packet.payload
                for packet in mouth.speak(
                    Utterance(utterance=1, turn=0, text=text, source="line", language="en")
                )
            ]
            for text in texts
        ]
    finally:
        voice.close()
    return [Clip(packets, *_speech(packets)) for packets in said]


def _speech(packets: list[bytes]) -> tuple[int, int]:
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    loud = np.array(
        [
            max(
                (
                    float(np.abs(f.to_ndarray().astype(np.float64)).max())
                    for f in decoder.decode(av.Packet(p))
                ),
                default=0.0,
            )
            for p in packets
        ]
    )
    found = np.flatnonzero(loud > _SILENT * loud.max())
    return int(found[0]), int(found[-1])


class _Room:
    """A conversation, the link to the service, and a headset that plays at once what comes."""

    def __init__(self, socket: str) -> None:
        book, bank = load_risk_book("en"), load_lines("en")
        self.talk = Conversation(
            ConversationSettings(
                chooser=Chooser(bank),
                book=book,
                surroundings=lambda: Surroundings(places=("forest", "ocean"), here="ocean"),
                skills=skills(),
                screen=lambda text, heard: SayScreen(language="en", heard=heard)(text),
                met_before=True,
            )
        )
        self.link = GuideLink(socket, Join(room="bench"), self._told, self._broke)
        self.prepared = Prepare(language="en", texts=said_ahead(book, bank))
        self.status = Status(ears="…", mind="…", mouth="…")
        self.well = asyncio.Event()
        self.turn = Timed()
        self.ended_s = self.began_s = time.monotonic()
        self.speaking: dict[int, SpeakNow] = {}
        self.playing_until_s = 0.0
        self._seq = 0
        self._silence = opus_silence()

    @staticmethod
    def _broke(error: BaseException) -> None:
        raise BenchmarkFailed(f"the link to the voice service must hold, broke: {error}") from error

    async def live(self) -> None:
        """Let time pass, as a room does."""
        self._do(self.talk.take(Somebody(True), time.monotonic()))
        self._do(self.talk.begin(time.monotonic()))
        while True:
            self._do(self.talk.tick(time.monotonic()))
            await asyncio.sleep(TICK_S)

    async def say(self, packets: Sequence[bytes]) -> None:
        """Send what the microphone hears, in real time."""
        begun_s = time.monotonic()
        for number, payload in enumerate(packets):
            await asyncio.sleep(max(begun_s + PACKET_S * number - time.monotonic(), 0.0))
            self._seq += 1
            self.link.send(Sound(seq=self._seq, at_s=time.monotonic() - PACKET_S, payload=payload))

    async def quiet(self, quiet_s: float) -> None:
        """Send silence, in real time."""
        await self.say([self._silence] * round(quiet_s / PACKET_S))

    async def turn_of(self, clip: Clip, done: Callable[[Timed], float | None]) -> Timed:
        """Say `clip` and be quiet until `done` has a time, `_TURN_S` at most; return what came."""
        self.turn = Timed()
        self.began_s = time.monotonic() + PACKET_S * (clip.first + 1)
        self.ended_s = time.monotonic() + PACKET_S * (clip.last + 1)
        await self.say(clip.packets)
        await self.quiet(_QUIET_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TURN_S):
                while done(self.turn) is None:
                    await self.quiet(0.1)
        return self.turn

    async def hear_out(self) -> None:
        """Be quiet until the guide has said what it says."""
        while self.speaking and time.monotonic() < self.playing_until_s + 1.0:
            await self.quiet(0.1)

    def released(self) -> None:
        """Let the guide go on: a human is there."""
        self._do(self.talk.take(Release(), time.monotonic()))

    def _told(self, message: FromService) -> None:
        now_s = time.monotonic()
        match message:
            case Spoken():
                self._sounds(message, now_s)
                return
            case Status():
                self.status = message
                if message == Status():
                    self.well.set()
            case HeardNow(heard=heard) if heard.final and self.turn.heard_s is None:
                self.turn.heard_s = now_s - self.ended_s
        self._do(self.talk.take(message, now_s))

    def _sounds(self, packet: Spoken, now_s: float) -> None:
        command = self.speaking.get(packet.utterance)
        if command is None:
            return
        if packet.seq == 0:
            at_s = max(command.at_s, now_s + LEAST_LEAD_S)
            after_s = at_s - self.ended_s
            if command.safety and self.turn.risk_s is None:
                self.turn.risk_s = after_s
            self.turn.any_sound_s = after_s if self.turn.any_sound_s is None else self.turn.any_sound_s
            if command.utterance.source != "acknowledgement" and self.turn.sound_s is None:
                self.turn.sound_s = after_s
            self.playing_until_s = at_s
            if command.utterance.source == "acknowledgement" and self.turn.mm_s is None:
                self.turn.mm_s = after_s
        self.playing_until_s += PACKET_S
        if packet.last:
            asyncio.get_running_loop().call_later(
                max(self.playing_until_s - now_s, 0.0), self._played, packet.utterance
            )

    def _played(self, utterance: int) -> None:
        if (command := self.speaking.pop(utterance, None)) is not None:
            text = command.utterance.text
            played = Played(utterance=utterance, until_ms=0.0, done=True, heard=text)
            self._do(self.talk.take(played, time.monotonic()))

    def _do(self, commands: Sequence[Command]) -> None:
        now_s = time.monotonic()
        for command in commands:
            match command:
                case SpeakNow(utterance=utterance):
                    self.speaking[utterance.utterance] = command
                    if utterance.source != "acknowledgement" and self.turn.line_s is None:
                        self.turn.line_s = now_s - self.ended_s
                    self.link.send(Speak(utterance=utterance))
                case HushNow():
                    self.speaking.clear()
                    self.link.send(Hush())
                    if self.turn.hush_s is None:
                        self.turn.hush_s = now_s - self.began_s + control.Hush().fade_s
                case Escalate() if self.turn.alarm_s is None:
                    self.turn.alarm_s = now_s - self.ended_s
                case Ask(briefing=briefing, until_s=until_s):
                    self.link.send(Think(briefing=briefing, until_s=until_s))
                case CancelAsk(turn=turn):
                    self.link.send(CancelThinking(turn=turn))
                case _:
                    pass  # nothing that has a sound


async def _talk(clips: Sequence[Clip], risky: Sequence[Clip], progress: Progress) -> list[Timed]:
    with tempfile.TemporaryDirectory() as folder:
        socket = str(Path(folder) / "v.sock")
        spec = ChildSpec(
            name="voice",
            main="voice_guide.service:main",
            config=lambda: ServiceConfig(socket=socket),
            shutdown=Shutdown(),
            silence_s=_LOAD_S,
            on_start=lambda _child: None,
        )
        child = Child(spec, on_message=lambda _: None, on_event=lambda _: None, now_s=time.monotonic)
        child.start()
        room = _Room(socket)
        room.link.start()
        living = asyncio.create_task(room.live())
        try:
            await _ready(room)
            turns = [turn for number in range(ROUNDS) for turn in await _round(room, clips, number, progress)]
            return turns + await _in_danger(room, risky, progress)
        finally:
            living.cancel()
            await asyncio.gather(living, room.link.stop(), child.stop(), return_exceptions=True)


async def _ready(room: _Room) -> None:
    try:
        async with asyncio.timeout(_LOAD_S):
            await room.well.wait()
    except TimeoutError:
        raise BenchmarkFailed(f"ears, mind and mouth must be well, are {room.status}") from None
    room.link.send(Listen(on=True))
    room.link.send(room.prepared)
    await asyncio.sleep(3.0)  # lines that a patient meets at once are rendered ahead


async def _round(room: _Room, clips: Sequence[Clip], number: int, progress: Progress) -> list[Timed]:
    turns = []
    for clip, text in zip(clips, SAID, strict=True):
        progress(f"round {number + 1}: {text}")
        turn = await room.turn_of(clip, lambda turn: turn.sound_s)
        turns.append(dataclasses.replace(turn, alarm_s=None, risk_s=None))
        if room.speaking and number % 2 == 1:  # the next one speaks into it
            await room.quiet(0.5)
            continue
        await room.hear_out()
    return turns


async def _in_danger(room: _Room, clips: Sequence[Clip], progress: Progress) -> list[Timed]:
    """Return what came of words of danger: only alarm and line, for the others are another turn's."""
    turns = []
    for clip, text in zip(clips, RISKY, strict=True):
        progress(f"in danger: {text}")
        turn = await room.turn_of(clip, lambda turn: turn.risk_s)
        if turn.alarm_s is None or turn.risk_s is None:
            raise BenchmarkFailed(f"an alarm and a line must follow {text!r}, did not within {_TURN_S:g} s")
        turns.append(Timed(alarm_s=turn.alarm_s, risk_s=turn.risk_s))
        await room.hear_out()
        room.released()
    return turns


def opus_silence() -> bytes:
    """Return a packet of 20 ms of silence."""
    codec: Any = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = 48_000, "mono", "flt"
    codec.options = {"frame_duration": "20"}
    codec.open()
    frame: Any = av.AudioFrame(format="flt", layout="mono", samples=codec.frame_size)
    frame.sample_rate = 48_000
    frame.planes[0].update(bytes(4 * codec.frame_size))
    return bytes([*codec.encode(frame), *codec.encode(None)][0])


def _run(progress: Progress) -> list[Figure]:
    try:
        progress("the patient's sentences")
        clips, risky = spoken(SAID), spoken(RISKY)
    except VoiceError as error:
        raise BenchmarkFailed(str(error)) from error
    return figures(asyncio.run(_talk(clips, risky, progress)))


BENCH = Benchmark(name="talk", title="How soon the guide answers, with the packaged models", run=_run)
