"""The edge link without sockets: nothing lost, nothing twice, order and stamps kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.edge import (
    Backlog,
    Block,
    ClockTie,
    Hello,
    Landing,
    Open,
    Ping,
    Pong,
    Welcome,
    pack,
    parse_from_agent,
    parse_from_server,
)
from sensors.errors import BadEdge

ECG = Open(
    key="ecg|1",
    name="ecg",
    kind="ECG",
    source_id="ecg",
    labels=("II",),
    rate_hz=100.0,
    value_format="float32",
)


class Shelf:
    """An outlet that keeps what it is given, while somebody reads."""

    def __init__(self) -> None:
        self.samples, self.stamps, self.read = [], [], True

    def push(self, samples, stamps_s) -> None:
        self.samples += samples[:, 0].tolist()
        self.stamps += stamps_s.tolist()

    def has_readers(self) -> bool:
        return self.read


def landing_on(shelf, allowed=lambda _: True) -> Landing:
    return Landing(lambda _: shelf, allowed)


def chunk(first: int, count: int):
    numbers = np.arange(first, first + count, dtype=np.float32)
    return numbers[:, None], numbers.astype(np.float64) / 100.0


def carry(backlog: Backlog, landing: Landing, arrives: int | None = None, *, acks: bool = True) -> None:
    """Send what is waiting; only the first `arrives` messages get there, acks only come back if `acks`."""
    for sent in backlog.outgoing()[:arrives]:
        message = parse_from_agent(pack(sent))
        landing.open(message) if isinstance(message, Open) else landing.block(message)
    for ack in landing.publish():
        if acks:
            backlog.acknowledged(parse_from_server(pack(ack)))


def connect(backlog: Backlog, landing: Landing, run: str = "a") -> None:
    backlog.disconnected()
    backlog.resume(landing.hello(Hello(version=1, agent="bed 3", run=run)))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 40),
            st.sampled_from(["flows", "breaks", "acks lost"]),
            st.none() | st.integers(0, 4),
        ),
        max_size=40,
    )
)
def test_whatever_breaks_every_sample_arrives_once_and_in_order(steps) -> None:
    shelf, backlog = Shelf(), Backlog()
    landing = landing_on(shelf)
    backlog.open(ECG)
    connect(backlog, landing)
    sent = 0
    for count, fate, arrives in steps:
        backlog.add(ECG.key, *chunk(sent, count))
        sent += count
        if fate == "flows":
            carry(backlog, landing)
        else:
            carry(backlog, landing, arrives, acks=fate == "breaks")
            connect(backlog, landing)
    connect(backlog, landing)
    carry(backlog, landing)
    assert shelf.samples == list(range(sent))
    assert np.allclose(shelf.stamps, np.arange(sent) / 100.0, atol=0)
    assert backlog.waiting == 0
    assert landing.lost == 0


def test_an_outage_of_sixty_seconds_loses_nothing_and_a_longer_one_says_what() -> None:
    shelf, backlog = Shelf(), Backlog()
    landing = landing_on(shelf)
    backlog.open(ECG)
    connect(backlog, landing)
    carry(backlog, landing)
    backlog.disconnected()
    for first in range(0, 6000, 10):
        backlog.add(ECG.key, *chunk(first, 10))
        assert backlog.outgoing() == []
    connect(backlog, landing)
    carry(backlog, landing)
    assert shelf.samples == list(range(6000))

    backlog.disconnected()
    for first in range(6000, 6000 + 7000, 10):
        backlog.add(ECG.key, *chunk(first, 10))
    connect(backlog, landing)
    carry(backlog, landing)
    assert shelf.samples[-1] == 12999
    assert landing.lost == 13000 - len(shelf.samples)
    assert 900 <= landing.lost <= 1000


def test_nothing_is_acknowledged_while_nobody_reads_it() -> None:
    shelf, backlog = Shelf(), Backlog()
    shelf.read = False
    landing = landing_on(shelf)
    backlog.open(ECG)
    connect(backlog, landing)
    backlog.add(ECG.key, *chunk(0, 50))
    carry(backlog, landing)
    assert backlog.waiting == 50
    shelf.read = True
    for ack in landing.publish():
        backlog.acknowledged(ack)
    assert backlog.waiting == 0
    assert len(shelf.samples) == 50


def test_what_nobody_reads_for_a_minute_is_given_up_oldest_first() -> None:
    shelf, backlog = Shelf(), Backlog()
    shelf.read = False
    landing = landing_on(shelf)
    backlog.open(ECG)
    connect(backlog, landing)
    for first in range(0, 9000, 50):  # a minute and a half of 100 Hz
        backlog.add(ECG.key, *chunk(first, 50))
        carry(backlog, landing)
    assert 2900 <= landing.unread <= 3000
    assert landing.unread_now() == {"ecg": landing.unread}
    shelf.read = True
    landing.publish()
    assert shelf.samples == list(range(landing.unread, 9000))
    assert landing.unread_now() == {}


def test_what_nobody_reads_is_bounded_in_bytes_too(monkeypatch) -> None:
    monkeypatch.setattr("sensors.edge.MOST_HELD_BYTES", 1200)  # a hundred samples and their stamps
    shelf = Shelf()
    shelf.read = False
    landing, backlog = landing_on(shelf), Backlog()
    backlog.open(ECG)
    connect(backlog, landing)
    for first in range(0, 500, 50):
        backlog.add(ECG.key, *chunk(first, 50))
        carry(backlog, landing)
    assert landing.unread == 400


def test_a_receiver_that_was_restarted_gets_what_was_never_acknowledged() -> None:
    backlog = Backlog()
    backlog.open(ECG)
    first, second = Shelf(), Shelf()
    landing = landing_on(first)
    connect(backlog, landing)
    backlog.add(ECG.key, *chunk(0, 30))
    carry(backlog, landing)
    backlog.add(ECG.key, *chunk(30, 30))
    again = landing_on(second)
    connect(backlog, again)
    carry(backlog, again)
    assert second.samples == list(range(30, 60))


def test_a_restarted_agent_is_numbered_anew() -> None:
    shelf = Shelf()
    landing = landing_on(shelf)
    for run in ("a", "b"):
        backlog = Backlog()
        backlog.open(ECG)
        connect(backlog, landing, run)
        backlog.add(ECG.key, *chunk(0, 20))
        carry(backlog, landing)
    assert shelf.samples == [*range(20), *range(20)]


def test_a_stream_that_nobody_pinned_is_ignored() -> None:
    shelf, backlog = Shelf(), Backlog()
    landing = landing_on(shelf, allowed=lambda stream: stream.name == "other")
    backlog.open(ECG)
    connect(backlog, landing)
    backlog.add(ECG.key, *chunk(0, 20))
    carry(backlog, landing)
    assert shelf.samples == []
    assert landing.refused == {ECG.key}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (Block(key="no", first=0, stamps=b"", samples=b""), "opened"),
        (Block(key=ECG.key, first=0, stamps=b"1234567", samples=b""), "4 bytes a stamp"),
        (Block(key=ECG.key, first=-1, stamps=b"", samples=b""), "number -1"),
        (Block(key=ECG.key, first=0, stamps=np.array([np.nan]).tobytes(), samples=b"1234"), "finite"),
    ],
)
def test_a_malformed_block_is_refused_with_its_reason(message, told) -> None:
    landing = landing_on(Shelf())
    landing.hello(Hello(version=1, agent="a", run="r"))
    landing.open(ECG)
    with pytest.raises(BadEdge, match=told):
        landing.block(message)


def test_bad_bytes_versions_and_shapes_are_refused() -> None:
    with pytest.raises(BadEdge, match="hello, open, block or ping"):
        parse_from_agent(b"\xff\x00garbage")
    with pytest.raises(BadEdge, match="at most"):
        parse_from_agent(b"0" * (5 << 20))
    landing = landing_on(Shelf())
    with pytest.raises(BadEdge, match="version"):
        landing.hello(Hello(version=9, agent="a", run="r"))
    landing.open(ECG)
    wider = Open(**{**{f: getattr(ECG, f) for f in ECG.__struct_fields__}, "labels": ("I", "II")})
    with pytest.raises(BadEdge, match="another shape"):
        landing.open(wider)
    text = Open(
        **{**{f: getattr(ECG, f) for f in ECG.__struct_fields__}, "key": "t", "value_format": "string"}
    )
    with pytest.raises(BadEdge, match="float32"):
        landing.open(text)


def test_messages_survive_the_wire() -> None:
    for message in (ECG, Ping(agent_s=1.5), Hello(version=1, agent="a", run="r")):
        assert parse_from_agent(pack(message)) == message
    for message in (Welcome(wanted={"k": 3}), Pong(agent_s=1.0, server_s=2.0)):
        assert parse_from_server(pack(message)) == message


def test_the_clock_is_tied_by_the_fastest_answer_and_never_steps() -> None:
    tie = ClockTie()
    assert tie.offset_s(0.0) is None
    tie.pong(Pong(agent_s=0.0, server_s=100.10), 0.2)  # 100.0 in truth, seen through a slow way
    first = tie.offset_s(0.2)
    assert first == pytest.approx(100.0)
    tie.pong(Pong(agent_s=1.0, server_s=101.503), 1.002)
    stepped = tie.offset_s(1.2)
    assert first < stepped <= first + 1e-3 + 1e-9
    assert tie.offset_s(1000.0) == pytest.approx(100.502, abs=1e-6)
