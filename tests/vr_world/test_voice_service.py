"""The voice service with minds that die, stall, dawdle and talk nonsense: real processes, real socket."""

import asyncio
import contextlib
import dataclasses
import multiprocessing
import os
import pickle
import signal
import time

import pytest
from websockets.asyncio.client import unix_connect

from therapy.talk import Briefing, GuideMode, Proposal, Utterance
from voice_guide.keeper import Keeper
from voice_guide.messages import (
    CancelThinking,
    Join,
    Listen,
    NotSpoken,
    NotUsable,
    Prepare,
    Proposed,
    SentenceReady,
    Sound,
    Speak,
    SpeechStarted,
    Spoken,
    Status,
    Think,
)
from voice_guide.service import ServiceConfig, Shutdown
from voice_guide.workers._post import Post, Ready, WorkerConfig
from vr_world.guide_link import GONE, GuideLink
from vr_world.supervise import Child, ChildSpec

pytestmark = pytest.mark.timeout(120)

#: A thought may last this long here; a line of the room's own must come within 2 s of the last word.
UNTIL_S = 0.6
PACKETS = 60
#: A worker that cannot even be imported.
NOBODY = "no_such_package_of_models:main"


def _worker(connection, take) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    post = Post(connection)
    post.send("", Ready(""))
    with contextlib.suppress(EOFError):
        while True:
            found = post.take(0.1)
            if found is not None:
                take(post, *found)


def ears(connection, _config) -> None:
    """Ears that say which rooms they listen to."""

    def take(post, room, message) -> None:
        if isinstance(message, Listen) and message.on:
            post.send(room, SpeechStarted(at_s=float(os.getpid())))

    _worker(connection, take)


def mind(connection, _config) -> None:
    def take(post, room, message) -> None:
        if not isinstance(message, Think):
            return
        turn = message.briefing.turn
        match message.briefing.words:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stall":
                time.sleep(2.0)
            case "dawdle":
                for word in ("One", "word", "a", "while"):
                    time.sleep(0.4)
                    post.send(room, SentenceReady(turn=turn, text=word))
            case "another turn":
                post.send(room, Proposed(proposal=Proposal(turn=turn + 1000, say="Not asked.")))
        post.send(room, Proposed(proposal=Proposal(turn=turn, say="I hear you.")))

    _worker(connection, take)


def mouth(connection, _config) -> None:
    def take(post, room, message) -> None:
        if isinstance(message, Prepare):
            prepared[room] = len(message.texts)
        if isinstance(message, Speak) and message.utterance.text == "Prepared?":
            reason = f"{prepared.get(room, 0)} texts are ready"
            post.send(room, NotSpoken(utterance=message.utterance.utterance, reason=reason))
        elif isinstance(message, Speak):
            for seq in range(PACKETS):
                packet = Spoken(
                    utterance=message.utterance.utterance,
                    seq=seq,
                    offset_s=0.02 * seq,
                    payload=b"opus",
                    last=seq == PACKETS - 1,
                )
                post.send(room, packet)
                time.sleep(0.02)
                if message.utterance.text == "Die." and seq == 10:
                    os.kill(os.getpid(), signal.SIGKILL)

    prepared: dict[str, int] = {}
    _worker(connection, take)


def stranger(connection, _config) -> None:
    """A mouth without a voice."""
    Post(connection).send("", Ready("no voice: apt-get install espeak-ng"))
    time.sleep(60)


@dataclasses.dataclass
class Room:
    """A room's end of the link, and what it was told."""

    told: list
    link: GuideLink

    async def until(self, happened, within_s: float = 20.0):
        async with asyncio.timeout(within_s):
            while not (found := happened()):
                await asyncio.sleep(0.005)
        return found

    def of(self, kind) -> list:
        return [message for message in self.told if isinstance(message, kind)]

    @property
    def status(self) -> Status:
        """The newest; nothing is well before the first."""
        return ([Status(ears=GONE, mind=GONE, mouth=GONE), *self.of(Status)])[-1]

    @property
    def lost(self) -> int:
        """How often there was no connection."""
        return sum(status.mind == GONE for status in self.of(Status))

    def ask(self, turn: int, words: str, mode: GuideMode = GuideMode.APPROVED) -> None:
        briefing = Briefing(turn=turn, mode=mode, language="en", words=words)
        assert self.link.send(Think(briefing=briefing, until_s=time.monotonic() + UNTIL_S))

    def answers(self, turn: int) -> list:
        return [m for m in self.of(NotUsable) if m.turn == turn] + [
            m for m in self.of(Proposed) if m.proposal.turn == turn
        ]

    async def answer(self, turn: int, within_s: float = 10.0):
        """The one answer to `turn`."""
        await self.until(lambda: self.answers(turn), within_s)
        (found,) = self.answers(turn)
        return found

    async def well(self) -> None:
        await self.until(lambda: self.status == Status())


@contextlib.asynccontextmanager
async def service(tmp_path, **workers: str):
    states: list = []
    socket = str(tmp_path / "v.sock")
    names = {"ears": f"{__name__}:ears", "mind": f"{__name__}:mind", "mouth": f"{__name__}:mouth"}
    spec = ChildSpec(
        name="voice",
        main="voice_guide.service:main",
        config=lambda: ServiceConfig(socket=socket, workers={**names, **workers}),
        shutdown=Shutdown(),
        silence_s=30.0,
        on_start=lambda _child: None,
    )
    child = Child(spec, on_message=states.append, on_event=lambda _event: None, now_s=time.monotonic)
    child.start()
    rooms: list[Room] = []
    failures: list[BaseException] = []

    def join(name: str) -> Room:
        told: list = []
        room = Room(told, GuideLink(socket, Join(room=name), told.append, failures.append))
        room.link.start()
        rooms.append(room)
        return room

    try:
        yield child, join, states
    finally:
        await asyncio.gather(*(room.link.stop() for room in rooms))
        await child.stop()
    assert not failures


@pytest.fixture
def utterance() -> Utterance:
    return Utterance(utterance=5, turn=1, text="Slowly out.", source="line", language="en")


async def test_whatever_the_mind_does_a_room_is_answered_in_time_and_words_go_on(tmp_path, utterance) -> None:
    async with service(tmp_path) as (_child, join, _states):
        room, other = join("1"), join("2")
        await room.well()
        await other.well()
        room.ask(1, "hello")
        assert (await room.answer(1)).proposal.say == "I hear you."

        assert room.link.send(Speak(utterance=utterance))
        room.ask(2, "die")
        assert "being started again" in (await room.answer(2)).reason
        await room.until(lambda: room.of(Spoken) and room.of(Spoken)[-1].last)
        assert [packet.seq for packet in room.of(Spoken)] == list(range(PACKETS)), "no gap"

        await room.well()
        room.ask(3, "another turn")
        assert isinstance(await room.answer(3), Proposed)
        assert not room.answers(1003), "an answer that nobody asked for"

        room.ask(4, "dawdle", GuideMode.FREE)
        assert (await room.answer(4)).reason == "no answer in time"
        room.ask(5, "stall")
        other.ask(6, "hello")
        assert (await room.answer(5)).reason == "no answer in time"
        assert (await other.answer(6)).reason == "no answer in time", (
            "the mind is one; rooms do not wait for it"
        )
        other.ask(7, "hello")
        room.link.send(CancelThinking(turn=5))
        assert not other.of(Spoken), "another room's words"
        await other.until(lambda: other.answers(7), 4.0)


async def test_without_a_voice_a_room_is_told_at_once_and_what_to_do(tmp_path, utterance) -> None:
    async with service(tmp_path, mouth=f"{__name__}:stranger") as (_child, join, _states):
        room = join("1")
        await room.until(lambda: "espeak-ng" in room.status.mouth)
        room.link.send(Speak(utterance=utterance))
        told = await room.until(lambda: room.of(NotSpoken))
        assert told[0] == NotSpoken(utterance=5, reason="no voice: apt-get install espeak-ng")


async def test_a_room_finds_a_service_that_was_killed_again(tmp_path, utterance) -> None:
    async with service(tmp_path) as (child, join, states):
        room = join("1")
        await room.well()
        room.link.send(Prepare(language="en", texts=("Hello.", "Slowly.")))
        room.link.send(Listen(on=True))
        (ears_before,) = await room.until(lambda: room.of(SpeechStarted))
        workers = [pid for pid in (await room.until(lambda: states and states[-1])).pids.values() if pid]
        os.kill(child.pid, signal.SIGKILL)
        await room.until(lambda: room.status.mind == GONE)
        assert not room.link.send(Speak(utterance=utterance)), "said to be impossible, not lost"
        await room.well()
        room.ask(1, "hello")
        assert isinstance(await room.answer(1), Proposed)
        await room.until(lambda: room.of(SpeechStarted)[-1] != ears_before)  # listens without being told to
        room.link.send(Speak(utterance=dataclasses.replace(utterance, text="Prepared?")))
        (told,) = await room.until(lambda: room.of(NotSpoken))
        assert told.reason == "2 texts are ready"

        def left(pid: int) -> bool:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
            return False

        await room.until(lambda: all(left(pid) for pid in workers))


async def test_a_mouth_that_dies_in_an_utterance_says_so_and_the_next_words_are_spoken(
    tmp_path, utterance
) -> None:
    async with service(tmp_path) as (_child, join, _states):
        room, other = join("1"), join("2")
        await room.well()
        await other.well()
        room.link.send(Prepare(language="en", texts=("Hello.",)))
        room.link.send(Speak(utterance=dataclasses.replace(utterance, text="Die.")))
        (told,) = await room.until(lambda: room.of(NotSpoken))
        assert told.utterance == 5
        assert "being started again" in told.reason
        assert room.of(Spoken), "it had begun"
        assert not other.of(NotSpoken), "nothing of the other room was lost"
        assert "being started again" in other.status.mouth
        await room.well()
        room.link.send(Speak(utterance=dataclasses.replace(utterance, utterance=6, text="Prepared?")))
        await room.until(lambda: room.of(NotSpoken)[-1].utterance == 6)
        assert room.of(NotSpoken)[-1].reason == "1 texts are ready", "a new mouth is told what stands"
        room.link.send(Speak(utterance=dataclasses.replace(utterance, utterance=7)))
        await room.until(lambda: room.of(Spoken)[-1].utterance == 7)


async def test_a_malformed_message_closes_that_connection_alone(tmp_path) -> None:
    malformed = {
        "bytes": b"\x00\x01",
        "text": "no pickle",
        "a call of what cannot be called": b"K\x01K\x02R.",
        "of the other side": pickle.dumps(Status()),
    }
    # Without workers that would have to start: the door is what is tried.
    async with service(tmp_path, ears=NOBODY, mind=NOBODY, mouth=NOBODY) as (_child, join, _states):
        room = join("1")
        await room.until(lambda: room.status.mind not in ("", GONE))
        connections = room.lost
        for name, data in malformed.items():
            async with unix_connect(str(tmp_path / "v.sock")) as stranger, asyncio.timeout(10.0):
                await stranger.send(data)
                await stranger.wait_closed()
            assert stranger.close_code == 4400, name
        assert room.link.send(CancelThinking(turn=1))
        assert room.lost == connections, "the other room's connection stands"


async def test_a_package_that_is_missing_is_named_with_what_to_do_and_not_started_again(tmp_path) -> None:
    async with service(tmp_path, mind=NOBODY) as (_child, join, states):
        room = join("1")
        await room.until(lambda: room.status.ears == room.status.mouth == "")
        await room.until(lambda: "no_such_package_of_models" in room.status.mind)
        assert "install" in room.status.mind
        pid = states[-1].pids["mind"]
        room.ask(1, "hello")
        assert "no_such_package_of_models" in (await room.answer(1)).reason
        seen = len(states)
        await room.until(lambda: len(states) > seen + 3)
        assert states[-1].pids["mind"] == pid


def stopped(connection, _config) -> None:
    """A worker that says it is well, and takes nothing any more."""
    connection.send(("", Ready("")))
    os.kill(os.getpid(), signal.SIGSTOP)


async def test_a_worker_that_took_nothing_any_more_is_started_again_however_much_waits_for_it() -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    keeper = Keeper(
        "ears",
        f"{__name__}:stopped",
        WorkerConfig(),
        on_message=lambda _room, _message: None,
        on_state=told.put_nowait,
    )
    keeper.start()
    try:
        assert await asyncio.wait_for(told.get(), 30.0) == ""
        sound = Sound(seq=1, at_s=0.0, payload=bytes(1000))
        while keeper.send("1", sound):
            await asyncio.sleep(0)
        os.kill(keeper.pid, signal.SIGKILL)
        assert "started again" in await asyncio.wait_for(told.get(), 10.0)
        assert await asyncio.wait_for(told.get(), 30.0) == "", "the next one is well"
        assert keeper.starts == 2
    finally:
        keeper.stop()


def test_a_turn_that_was_called_off_in_one_session_is_thought_of_in_the_next() -> None:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    post = Post(theirs)
    briefing = Briefing(turn=3, mode=GuideMode.APPROVED, language="en", words="x")
    ours.send(("1", CancelThinking(turn=3)))
    ours.send(("1", Think(briefing=briefing, until_s=9.0)))
    assert isinstance(post.take(10.0)[1], CancelThinking)
    assert isinstance(post.take(10.0)[1], Think)
    assert not post.cancelled
    ours.close()
    with pytest.raises(EOFError):
        post.take(10.0)


def test_another_session_is_heard_in_its_own_language_and_knows_no_words_of_the_one_before() -> None:
    worker = pytest.importorskip("voice_guide.workers.ears", reason="the extra `voice` is not installed")
    rooms: dict = {}

    def take(message) -> None:
        worker._take(None, rooms, "1", message, lambda: "an ear", lambda language: f"screen {language}")

    take(Join(room="1", language="en"))
    rooms["1"].turns.append("what somebody said")
    rooms["1"].listening = True
    take(Join(room="1", language="de"))
    assert (rooms["1"].screen, rooms["1"].listening, len(rooms["1"].turns)) == ("screen de", False, 0)


async def test_a_link_whose_room_fails_tells_and_comes_again(tmp_path, utterance) -> None:
    failures: list[BaseException] = []
    heard: asyncio.Queue = asyncio.Queue()

    def on_message(message) -> None:
        if isinstance(message, NotSpoken) and not failures:
            raise ZeroDivisionError
        heard.put_nowait(message)

    async with service(tmp_path, mouth=NOBODY):
        link = GuideLink(str(tmp_path / "v.sock"), Join(room="1"), on_message, failures.append)
        link.start()
        try:
            async with asyncio.timeout(60.0):
                for again in (False, True):
                    while not getattr(await heard.get(), "mouth", "").startswith("no_such"):
                        pass
                    assert link.send(Speak(utterance=utterance))
                    while again and not isinstance(await heard.get(), NotSpoken):
                        pass
        finally:
            await link.stop()
    assert [type(error) for error in failures] == [ZeroDivisionError]
