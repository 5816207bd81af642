"""A child is kept alive: death and silence are told, the next one goes on with what the last one had."""

import asyncio
import os
import signal
import time

import pytest

from therapy.events import ChildDied, ChildReturned
from vr_world.supervise import Child, ChildSpec, Outbox


def echo(connection, config) -> None:
    connection.send(("up", config, os.getpid()))
    while (message := connection.recv()) != "leave":
        if message == "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        connection.send(("echo", message))


def stubborn(connection, _config) -> None:
    connection.send("up")
    while True:
        time.sleep(60)


class Told:
    def __init__(self) -> None:
        self.messages: list = []
        self.events: list = []

    async def until(self, happened) -> None:
        async with asyncio.timeout(30):
            while not happened():
                await asyncio.sleep(0.01)


def child_of(told: Told, main="echo", silence_s: float = 30.0, *, keeps_mail: bool = False) -> Child:
    numbers = iter(range(100))
    spec = ChildSpec(
        name="echo",
        main=f"{__name__}:{main}",
        config=lambda: next(numbers),
        shutdown="leave",
        silence_s=silence_s,
        on_start=lambda child: child.send("last controls"),
        keeps_mail=keeps_mail,
    )
    return Child(spec, on_message=told.messages.append, on_event=told.events.append, now_s=time.monotonic)


async def test_a_killed_child_returns_with_its_last_controls() -> None:
    told = Told()
    child = child_of(told)
    child.start()
    await told.until(lambda: ("echo", "last controls") in told.messages)
    told.messages.clear()
    os.kill(child.pid, signal.SIGKILL)
    await told.until(lambda: ("echo", "last controls") in told.messages)
    died, returned = told.events
    assert isinstance(died, ChildDied)
    assert died.reason == "exit code -9"
    assert isinstance(returned, ChildReturned)
    assert returned.gap_s > 0
    assert told.messages[0][1] == 1, "the second child has the second configuration"
    assert child.restarts == 1
    await child.stop()


async def test_a_silent_child_is_ended_and_replaced() -> None:
    told = Told()
    child = child_of(told, silence_s=0.3)
    child.start()
    await told.until(lambda: child.alive)
    child.send("freeze")

    def replaced() -> bool:
        child.check()
        return any(isinstance(event, ChildReturned) for event in told.events)

    await told.until(replaced)
    assert "silent for" in told.events[0].reason
    await child.stop()


async def test_a_child_that_does_not_leave_is_ended() -> None:
    told = Told()
    child = child_of(told, main="stubborn")
    child.start()
    await told.until(lambda: child.alive)
    await child.stop()
    assert told.events == [], "leaving is not dying"
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_the_newest_message_of_a_key_wins_and_the_rest_keep_their_order() -> None:
    box = Outbox(limit=3)
    assert box.put("a")
    assert box.put("c1", key="controls")
    assert box.put("b")
    assert box.put("c2", key="controls")
    assert not box.put("too many")
    assert [box.take() for _ in range(2)] == ["a", "c2"]
    box.close()
    assert box.take() is None
    assert box.left() == ["b"]


async def test_mail_that_a_dead_child_never_took_reaches_the_next_one_behind_its_start() -> None:
    told = Told()
    child = child_of(told, keeps_mail=True)
    child.start()
    await told.until(lambda: ("echo", "last controls") in told.messages)
    os.kill(child.pid, signal.SIGSTOP)
    for number in range(3):
        child.send(number)
    # a pipe takes what fits into it: only what the writer could not hand over any more is left
    child.send(b"x" * 1_000_000)
    child.send("behind")
    os.kill(child.pid, signal.SIGKILL)
    await told.until(lambda: ("echo", "behind") in told.messages)
    assert told.messages.index(("echo", "behind")) > told.messages.index(("echo", "last controls"), 2)
    await child.stop()
