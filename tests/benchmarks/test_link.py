"""The simulated link must do to bytes what it says, or tests over it say nothing."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks._link import LinkQuality, SimulatedLink, Way


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that says everything back."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()
        except OSError:
            return

    def answer(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(1 << 16):
                connection.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5.0)


def said_back(connection: socket.socket, data: bytes) -> bytes:
    threading.Thread(target=connection.sendall, args=(data,), daemon=True).start()
    back = b""
    while len(back) < len(data):
        back += connection.recv(1 << 16)
    return back


def test_everything_comes_through_in_order_and_not_before_its_time(echo_port: int) -> None:
    quality = LinkQuality(delay_s=0.02, jitter_s=0.01, loss=0.05, bits_per_s=100e6)
    data = random.Random(1).randbytes(300_000)
    with (
        SimulatedLink(echo_port, quality) as link,
        socket.create_connection(("127.0.0.1", link.port)) as here,
    ):
        began_s = time.monotonic()
        assert said_back(here, data) == data
        assert time.monotonic() - began_s >= 2 * 0.01 + 8 * 300_000 / 100e6
        assert link.passed_bytes == 600_000


def test_while_it_is_cut_nothing_passes_and_afterwards_everything(echo_port: int) -> None:
    with (
        SimulatedLink(echo_port, LinkQuality()) as link,
        socket.create_connection(("127.0.0.1", link.port)) as here,
    ):
        assert said_back(here, b"one") == b"one"
        link.cut()
        here.sendall(b"two")
        here.settimeout(0.2)
        with pytest.raises(TimeoutError):
            here.recv(10)
        link.mend()
        here.settimeout(5.0)
        assert here.recv(10) == b"two"


def test_when_one_end_goes_the_other_is_told(echo_port: int) -> None:
    with (
        SimulatedLink(echo_port, LinkQuality()) as link,
        socket.create_connection(("127.0.0.1", link.port)) as here,
    ):
        here.shutdown(socket.SHUT_WR)
        here.settimeout(5.0)
        assert here.recv(10) == b""


def arrivals(quality: LinkQuality, size_bytes: int, every_s: float, count: int) -> list[float]:
    """Return how long each of `count` messages is under way."""
    way = Way(random.Random(3))
    last_s, out = 0.0, []
    for i in range(count):
        last_s = way.arrival_s(size_bytes, i * every_s, last_s, quality)
        out.append(last_s - i * every_s)
    return out


def test_delay_and_jitter_stay_in_their_bounds() -> None:
    ways = arrivals(LinkQuality(delay_s=0.04, jitter_s=0.02), 200, 0.05, 500)
    assert min(ways) == pytest.approx(0.02, abs=0.002)
    assert max(ways) == pytest.approx(0.06, abs=0.002)


def test_a_narrow_pipe_takes_its_time_and_a_queue_grows() -> None:
    ways = arrivals(LinkQuality(bits_per_s=8e6), 10_000, 0.005, 100)
    assert ways[0] == pytest.approx(0.01)
    assert ways[-1] == pytest.approx(0.01 + 99 * 0.005)


def test_a_lost_packet_holds_up_what_follows() -> None:
    ways = arrivals(LinkQuality(delay_s=0.04, loss=0.01), 200, 0.01, 5000)
    held = [way for way in ways if way > 0.041]
    assert max(ways) == pytest.approx(0.04 + 0.11)
    # one in a hundred is lost, and the ten that come in the next 110 ms wait for it
    assert len(held) / len(ways) == pytest.approx(0.11, abs=0.03)
