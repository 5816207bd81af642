"""A group's seats: one stream for all, nobody waits for the slowest."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vr_world.rendering.flight import CAP, SILENT_AFTER_S
from vr_world.seats import GROUP, KEY_FOR_ONE_EVERY_S, Lane, Seats
from vr_world.streaming import protocol
from vr_world.streaming.control import Hello
from vr_world.streaming.headset import Headset


class Socket:
    """A video socket that keeps what is sent, until it is closed."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.code: int | None = None
        self._closed = asyncio.Event()

    async def send(self, data: bytes) -> None:
        self.sent.append(data)

    async def close(self, code: int = 1000, _reason: str = "") -> None:
        self.code = code
        self._closed.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await self._closed.wait()
        for data in list[bytes]():
            yield data

    def ids(self) -> list[int]:
        return [cast(protocol.Frame, protocol.parse_down(data)).frame_id for data in self.sent]


def frame(number: int, *, key: bool = False, panorama: bool = True) -> protocol.Frame:
    return protocol.Frame(
        frame_id=number,
        pose_seq=0,
        eye_width=1536,
        eye_height=768,
        render_at_s=1.0,
        sent_at_s=1.0,
        pose_client_ms=0.0,
        position=(0.0, 0.0, 0.0),
        orientation=(0.0, 0.0, 0.0, 1.0),
        tan_left=(1.0, 1.0, 1.0, 1.0),
        tan_right=(1.0, 1.0, 1.0, 1.0),
        ipd_m=0.0,
        key=key,
        payload=b"picture",
        panorama=panorama,
    )


def seats(stream: str = "panorama") -> Seats:
    told: Any = SimpleNamespace()
    made = Seats(told, lambda: 0.0)
    told.headset_needs_key = made.needs_key
    made.stream = cast(Any, stream)
    return made


@contextlib.asynccontextmanager
async def looking(room: Seats, *names: str) -> AsyncIterator[list[tuple[Headset, Socket]]]:
    """Headsets of these names with open video sockets."""
    found, tasks = [], []
    for name in names:
        headset, socket = await room.named(name), Socket()
        tasks.append(asyncio.create_task(headset.serve_video(cast(Any, socket))))
        await asyncio.sleep(0)
        room.came(headset, Hello(version=1))
        found.append((headset, socket))
    try:
        yield found
    finally:
        for _, socket in found:
            await socket.close()
        await asyncio.gather(*tasks)


async def sent() -> None:
    """Let the senders send what waits."""
    for _ in range(8):
        await asyncio.sleep(0)


def test_a_lane_begins_with_a_key_frame() -> None:
    lane = Lane()
    offers = [lane.offer(n, 0.0, key=n == 3) for n in (1, 2, 3, 4)]
    assert offers == [False, False, True, True]


def test_a_lane_that_is_full_waits_for_a_key_frame_even_when_there_is_room_again() -> None:
    lane = Lane()
    assert [lane.offer(n, 0.0, key=n == 1) for n in range(1, CAP + 2)] == [True] * CAP + [False]
    lane.acked(CAP, 0.1)
    assert not lane.offer(CAP + 2, 0.1, key=False)
    assert lane.offer(CAP + 3, 0.1, key=True)


def test_a_lane_asks_for_a_key_frame_only_when_it_can_take_it_and_not_often() -> None:
    lane = Lane()
    assert lane.asks_key(0.0)
    assert not lane.asks_key(KEY_FOR_ONE_EVERY_S / 2)
    assert lane.asks_key(KEY_FOR_ONE_EVERY_S / 2, alone=True)
    for n in range(1, CAP + 2):
        lane.offer(n, 10.0, key=n == 1)
    assert not lane.asks_key(20.0), "nothing has been acknowledged: it could not take one"
    lane.acked(CAP, 20.0)
    assert lane.asks_key(20.0)


def test_a_lane_that_stays_silent_is_tried_again_with_a_key_frame() -> None:
    lane = Lane()
    for n in range(1, CAP + 2):
        lane.offer(n, 0.0, key=n == 1)
    later_s = SILENT_AFTER_S + 0.1
    assert not lane.offer(9, later_s, key=False)
    assert lane.asks_key(later_s)
    assert lane.offer(10, later_s, key=True)


def test_one_picture_goes_to_all_and_the_slow_one_slows_nobody() -> None:
    async def play() -> tuple[list[int], list[int], list[bool], list[bool]]:
        room = seats()
        async with looking(room, "quick", "slow") as ((quick, fast_link), (_, slow_link)):
            asked, told = [], []
            for n in range(1, 31):
                now_s = n / 15.0
                asked.append(room.frame(frame(n, key=n in {1, 20}), now_s))
                await sent()
                told.append(room.acked(quick, n, now_s))
                if n == 15:
                    room.acked(room.here[1], CAP, now_s)
            return fast_link.ids(), slow_link.ids(), asked, told

    quick, slow, asked, told = asyncio.run(play())
    assert quick == list(range(1, 31))
    assert slow[: CAP + 1] == [*range(1, CAP + 1), 20], "what it cannot take is left out until a key frame"
    assert all(told), "the quick one's word is the renderer's"
    assert asked.index(True) == 15, "the key frame is asked for when the slow one can take it"


def test_the_same_bytes_go_to_all_and_only_the_first_word_counts() -> None:
    async def play() -> None:
        room = seats()
        async with looking(room, *"abcdefghij") as all_of_them:
            room.frame(frame(1, key=True), 0.0)
            await sent()
            assert len({id(link.sent[0]) for _, link in all_of_them}) == 1, "packed once"
            words = [room.acked(headset, 1, 0.1) for headset, _ in all_of_them]
            assert words == [True] + [False] * 9
            assert room.looker == GROUP

    asyncio.run(play())


def test_a_newcomer_is_given_a_key_frame_and_the_renderer_hears_nothing_else_of_it() -> None:
    async def play() -> None:
        room = seats()
        async with looking(room, "first"):
            room.frame(frame(1, key=True), 0.0)
            headset = await room.named("second")
            link = Socket()
            serving = asyncio.create_task(headset.serve_video(cast(Any, link)))
            await asyncio.sleep(0)
            assert room.asks_key(0.0), "for the newcomer"
            assert not room.came(headset, Hello(version=1)), "the same codecs: nothing changes"
            assert not room.frame(frame(2), 0.1)
            room.frame(frame(3, key=True), 0.2)
            await sent()
            assert link.ids() == [3]
            await link.close()
            await serving

    asyncio.run(play())


def test_a_group_is_sent_what_all_of_it_decode() -> None:
    async def play() -> None:
        room = seats()
        first, second = await room.named("a"), await room.named("b")
        assert room.came(first, Hello(version=1, codecs=("h264", "vp9"), space=True))
        assert list(room.codecs) == ["h264", "vp9"]
        assert room.space is True
        assert room.came(second, Hello(version=1, codecs=("vp9",)))
        assert list(room.codecs) == ["vp9"]
        assert not room.space
        room.went(first)
        assert room.leads(second)

    asyncio.run(play())


def test_in_a_room_for_one_a_second_headset_takes_the_place_of_the_first() -> None:
    async def play() -> None:
        room = seats("view")
        async with looking(room, "first") as ((first, link),):
            second = await room.named("second")
            assert link.code == 4409
            assert not room.came(first, Hello(version=1)), "it has had to go"
            room.came(second, Hello(version=1))
            assert [headset.name for headset in room.here] == ["second"]
            assert room.looker == "second"

    asyncio.run(play())


@pytest.mark.parametrize(("was", "then"), [("view", "panorama"), ("panorama", "view")])
def test_another_stream_begins_with_an_empty_room(was: Any, then: Any) -> None:
    async def play() -> None:
        room = seats(was)
        headset = await room.named("first")
        room.came(headset, Hello(version=1))
        assert room.change(was) == []
        assert room.change(then) == [headset]
        assert room.here == []

    asyncio.run(play())


async def test_who_has_stopped_gets_no_picture_and_is_not_listened_to_until_another_session() -> None:
    room = seats()
    async with looking(room, "one", "two") as ((one, first), (two, second)):
        assert room.frame(frame(1, key=True), 0.0) is False
        await sent()
        room.let_go(one)
        assert [headset.name for headset in room.here] == ["two"]
        assert room.leads(two)
        assert not room.leads(one)
        room.frame(frame(2), 0.1)
        await sent()
        assert (first.ids(), second.ids()) == ([1], [1, 2])
        assert room.came(one, Hello(version=1)) is False, "its page was loaded again"
        assert [headset.name for headset in room.here] == ["two"]
        assert room.out == ["one"]
        room.admit()
        room.came(one, Hello(version=1))
        assert [headset.name for headset in room.here] == ["two", "one"]


async def test_who_has_stopped_stays_out_of_the_room_that_goes_on_with_their_session() -> None:
    room = seats()
    room.admit(but=["one"])
    async with looking(room, "one", "two"):
        assert [headset.name for headset in room.here] == ["two"]
        assert room.out == ["one"]
