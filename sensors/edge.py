"""The edge link: samples of a sensor's machine, carried to the room's machine without losing one.

    sensor ─▶ LSL ─▶ Backlog (60 s) ─▶ one TLS socket ─▶ Landing ─▶ LSL on the room's machine

Plain LSL between two machines loses what was under way when a connection breaks (1.8 s a break, measured) and
everything that it could not send. Here each sample has a number; the sender keeps what was not acknowledged,
and after a break goes on from the number that the receiver asks for. This module is sans-I/O: both ends are
plain objects, `vr_world.edge_agent` and `vr_world.edge_door` give them sockets.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from sensors.errors import BadEdge
from sensors.quality import Floats

__all__ = [
    "BACKLOG_S",
    "CARRIED",
    "VERSION",
    "Ack",
    "Backlog",
    "Block",
    "ClockTie",
    "Hello",
    "Landing",
    "Open",
    "Ping",
    "Pong",
    "Port",
    "Welcome",
    "pack",
    "parse_from_agent",
    "parse_from_server",
]

VERSION: Final = 1
#: How the source id of a carried stream begins.
CARRIED: Final = "edge-"
#: How much of the past a sender keeps. A break that lasts longer loses its beginning, and says so.
BACKLOG_S: Final = 60.0
#: Largest message; a server's web socket takes 64 kB. `Backlog.add` cuts larger chunks.
MOST_BYTES: Final = 60 * 1024
_CUT_BYTES: Final = 48 * 1024
MOST_CHANNELS: Final = 512
#: A minute of 32 channels of 1 kHz in double precision.
MOST_HELD_BYTES: Final = 16 << 20
#: A clock may be led to a better estimate by this much a second: no stamp ever goes back.
_SLEW_S_PER_S: Final = 1e-3
_PINGS_KEPT: Final = 12

_NUMBERS: Final = {
    "float32": np.float32,
    "double64": np.float64,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
}


class Hello(msgspec.Struct, frozen=True, tag="hello", forbid_unknown_fields=True):
    """The first message of a sender. `run` is another one each time the agent starts."""

    version: int
    agent: str
    run: str


class Open(msgspec.Struct, frozen=True, tag="open", forbid_unknown_fields=True):
    """A stream that will be sent. `key` stays the same while its samples are numbered on."""

    key: str
    name: str
    kind: str
    source_id: str
    labels: tuple[str, ...]
    rate_hz: float
    value_format: str


class Block(msgspec.Struct, frozen=True, tag="block", forbid_unknown_fields=True):
    """Samples number `first` and following, little-endian, row by row, with the agent's stamps.

    `offset_s` added to the stamps gives the receiver's clock.
    """

    key: str
    first: int
    stamps: bytes
    samples: bytes
    offset_s: float = 0.0


class Ping(msgspec.Struct, frozen=True, tag="ping", forbid_unknown_fields=True):
    """Asks for the receiver's clock."""

    agent_s: float


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """The receiver's first message: the number of the next sample it wants, by stream key."""

    wanted: dict[str, int]


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    """Samples before `next` have arrived and were published."""

    key: str
    next: int


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    """The answer to a `Ping`: its own stamp and the receiver's clock."""

    agent_s: float
    server_s: float


FromAgent: TypeAlias = Hello | Open | Block | Ping
FromServer: TypeAlias = Welcome | Ack | Pong

_pack = msgspec.msgpack.Encoder()
_from_agent = msgspec.msgpack.Decoder(FromAgent)
_from_server = msgspec.msgpack.Decoder(FromServer)


def pack(message: FromAgent | FromServer) -> bytes:
    """Return `message` as bytes (MessagePack)."""
    return _pack.encode(message)


def parse_from_agent(data: bytes) -> FromAgent:
    """Return a sender's message.

    Raises:
        BadEdge: it is too large, or not one of the messages.
    """
    if len(data) > MOST_BYTES:
        raise BadEdge("edge message", f"at most {MOST_BYTES} bytes", len(data))
    try:
        message: FromAgent = _from_agent.decode(data)
    except msgspec.DecodeError as error:
        raise BadEdge("edge message", "hello, open, block or ping", str(error)) from error
    return message


def parse_from_server(data: bytes) -> FromServer:
    """Return a receiver's message.

    Raises:
        BadEdge: it is not one of the messages.
    """
    try:
        message: FromServer = _from_server.decode(data)
    except msgspec.DecodeError as error:
        raise BadEdge("answer of the server", "welcome, ack or pong", str(error)) from error
    return message


@dataclasses.dataclass(slots=True)
class _Kept:
    """Samples that were not acknowledged yet."""

    open: Open
    next: int = 0
    sent: int = 0
    blocks: collections.deque[tuple[int, npt.NDArray[Any], Floats]] = dataclasses.field(
        default_factory=collections.deque
    )


class Backlog:
    """The sender's end: numbers samples, keeps `keep_s` of them, says what to send.

    Call `open` once a stream, `add` for what its inlet gave, `outgoing` for what a socket should send now,
    `resume` with each new connection's `Welcome`, `acknowledged` for each `Ack`.
    """

    def __init__(self, keep_s: float = BACKLOG_S) -> None:
        self._keep_s = keep_s
        self._streams: dict[str, _Kept] = {}
        self._announced: set[str] = set()
        self._connected = False

    def open(self, stream: Open) -> None:
        """Number the samples of `stream` from now on; opening it again changes nothing."""
        self._streams.setdefault(stream.key, _Kept(open=stream))

    def add(self, key: str, samples: npt.NDArray[Any], stamps_s: Floats) -> None:
        """Keep samples (n, channels) with their stamps (n,) on the agent's clock."""
        kept = self._streams[key]
        rows = max(1, _CUT_BYTES // (samples[:1].nbytes + 8))
        for start in range(0, len(stamps_s), rows):
            part = slice(start, start + rows)
            kept.blocks.append((kept.next, samples[part], stamps_s[part]))
            kept.next += len(stamps_s[part])
        oldest_s = float(stamps_s[-1]) - self._keep_s
        while float(kept.blocks[0][2][-1]) < oldest_s:
            first, _, stamps = kept.blocks.popleft()
            kept.sent = max(kept.sent, first + len(stamps))

    def disconnected(self) -> None:
        """Take note that nothing reaches the receiver."""
        self._connected = False
        self._announced.clear()

    def resume(self, welcome: Welcome) -> None:
        """Go on where the receiver stands: what it has is dropped, what it lacks will be sent again."""
        self._connected = True
        self._announced.clear()
        for key, kept in self._streams.items():
            self.acknowledged(Ack(key=key, next=min(welcome.wanted.get(key, 0), kept.next)))
            kept.sent = kept.blocks[0][0] if kept.blocks else kept.next

    def acknowledged(self, ack: Ack) -> None:
        """Drop what has arrived."""
        kept = self._streams.get(ack.key)
        if kept is None:
            return
        while kept.blocks and kept.blocks[0][0] + len(kept.blocks[0][2]) <= ack.next:
            kept.blocks.popleft()
        if kept.blocks and kept.blocks[0][0] < ack.next:
            first, samples, stamps = kept.blocks.popleft()
            cut = ack.next - first
            kept.blocks.appendleft((ack.next, samples[cut:], stamps[cut:]))

    def outgoing(self, offset_s: float = 0.0) -> list[Open | Block]:
        """Return what to send now; empty while there is no connection. `offset_s`: of `ClockTie`."""
        if not self._connected:
            return []
        out: list[Open | Block] = []
        for key, kept in self._streams.items():
            if key not in self._announced:
                self._announced.add(key)
                out.append(kept.open)
            for first, samples, stamps in kept.blocks:
                if first < kept.sent:
                    continue
                out.append(
                    Block(
                        key=key,
                        first=first,
                        stamps=np.ascontiguousarray(stamps, dtype="<f8").tobytes(),
                        samples=np.ascontiguousarray(samples).tobytes(),
                        offset_s=offset_s,
                    )
                )
                kept.sent = first + len(stamps)
        return out

    @property
    def waiting(self) -> int:
        """Samples that were not acknowledged."""
        return sum(len(stamps) for kept in self._streams.values() for _, _, stamps in kept.blocks)


class ClockTie:
    """What to add to the agent's stamps to have the receiver's clock: the fastest of the last pings.

    The first measurement holds at once; later ones are approached by at most a millisecond a second, so that
    stamps keep their order and their distances.
    """

    def __init__(self) -> None:
        self._measured: collections.deque[tuple[float, float]] = collections.deque(maxlen=_PINGS_KEPT)
        self._offset_s: float | None = None
        self._at_s = 0.0

    def pong(self, pong: Pong, received_s: float) -> None:
        """Take an answer that came at `received_s` on the agent's clock."""
        round_trip_s = received_s - pong.agent_s
        if round_trip_s < 0.0:
            return
        self._measured.append((round_trip_s, pong.server_s - (pong.agent_s + received_s) / 2.0))

    def offset_s(self, now_s: float) -> float | None:
        """Return the offset to use at `now_s` (agent's clock), `None` before the first answer."""
        if not self._measured:
            return None
        best_s = min(self._measured)[1]
        if self._offset_s is None:
            self._offset_s = best_s
        else:
            most_s = _SLEW_S_PER_S * max(0.0, now_s - self._at_s)
            self._offset_s += min(max(best_s - self._offset_s, -most_s), most_s)
        self._at_s = now_s
        return self._offset_s


class Port(Protocol):
    """Where samples land: an LSL outlet on the room's machine."""

    def push(self, samples: npt.NDArray[Any], stamps_s: Floats) -> None:
        """Publish samples (n, channels) with their stamps (n,)."""
        ...

    def has_readers(self) -> bool:
        """Tell whether somebody would get them."""
        ...


@dataclasses.dataclass(slots=True)
class _Landed:
    open: Open
    port: Port
    numbers: Any
    next: int = 0
    published: int = 0
    held_bytes: int = 0
    given_up: int = 0
    held: collections.deque[tuple[npt.NDArray[Any], Floats]] = dataclasses.field(
        default_factory=collections.deque
    )


class Landing:
    """The receiver's end for one agent: order kept, doubles dropped, nothing published into the void.

    Args:
        make_port: builds the outlet of a stream.
        allowed: which streams this server has pinned; others are refused.

    Samples wait here until somebody reads the outlet, and are acknowledged only then. What waits longer than
    the sender keeps (`BACKLOG_S`), or is more than `MOST_HELD_BYTES` a stream, is given up, oldest first.

    Attributes:
        unread: samples that were given up because nobody read the outlet.
        doubles: samples that came twice and were dropped.
        lost: samples that the agent had to give up before they came.
        refused: keys of streams that are not pinned here.
    """

    def __init__(self, make_port: Callable[[Open], Port], allowed: Callable[[Open], bool]) -> None:
        self._make_port = make_port
        self._allowed = allowed
        self._run = ""
        self._streams: dict[str, _Landed] = {}
        self.doubles = 0
        self.lost = 0
        self.unread = 0
        self.refused: set[str] = set()

    def hello(self, hello: Hello) -> Welcome:
        """Begin a connection; the streams of an agent that was started anew are numbered anew.

        Raises:
            BadEdge: another version of the protocol.
        """
        if hello.version != VERSION:
            raise BadEdge("edge protocol version", str(VERSION), hello.version)
        if hello.run != self._run:
            self._run = hello.run
            for landed in self._streams.values():
                self._publish(landed)
                landed.next = landed.published = 0
                landed.held.clear()
                landed.held_bytes = landed.given_up = 0
        return Welcome(wanted={key: landed.next for key, landed in self._streams.items()})

    def open(self, stream: Open) -> None:
        """Take note of a stream.

        Raises:
            BadEdge: a description that no sensor has, or another one under a known key.
        """
        if not self._allowed(stream):
            self.refused.add(stream.key)
            return
        known = self._streams.get(stream.key)
        if known is not None:
            if (known.open.labels, known.open.value_format, known.open.rate_hz) != (
                stream.labels,
                stream.value_format,
                stream.rate_hz,
            ):
                raise BadEdge(f"stream {stream.name}", "the same as before under its key", "another shape")
            return
        if stream.value_format not in _NUMBERS:
            raise BadEdge(f"values of {stream.name}", f"one of {', '.join(_NUMBERS)}", stream.value_format)
        if not 1 <= len(stream.labels) <= MOST_CHANNELS:
            raise BadEdge(f"channels of {stream.name}", f"1…{MOST_CHANNELS}", len(stream.labels))
        self._streams[stream.key] = _Landed(
            open=stream, port=self._make_port(stream), numbers=_NUMBERS[stream.value_format]
        )

    def block(self, block: Block) -> None:
        """Take samples.

        Raises:
            BadEdge: a stream that was not opened, or bytes that are not whole samples.
        """
        if block.key in self.refused:
            return
        landed = self._streams.get(block.key)
        if landed is None:
            raise BadEdge("stream of a block", "one that was opened", block.key)
        samples, stamps_s = _unpacked(landed, block)
        if block.first < landed.next:
            known = min(landed.next - block.first, len(stamps_s))
            self.doubles += known
            samples, stamps_s = samples[known:], stamps_s[known:]
        elif block.first > landed.next:
            self.lost += block.first - landed.next
            landed.next = block.first
        if len(stamps_s):
            landed.held.append((samples, stamps_s + block.offset_s))
            landed.held_bytes += samples.nbytes + stamps_s.nbytes
            landed.next += len(stamps_s)
            self._give_up(landed)

    def _give_up(self, landed: _Landed) -> None:
        """Forget what waited too long or is too much; the newest block stays whatever its size."""
        newest_s = float(landed.held[-1][1][-1])
        while len(landed.held) > 1:
            samples, stamps_s = landed.held[0]
            if newest_s - float(stamps_s[-1]) <= BACKLOG_S and landed.held_bytes <= MOST_HELD_BYTES:
                return
            landed.held.popleft()
            landed.held_bytes -= samples.nbytes + stamps_s.nbytes
            landed.given_up += len(stamps_s)
            self.unread += len(stamps_s)

    def unread_now(self) -> dict[str, int]:
        """Return, by name, how many samples of streams that nobody reads were given up since somebody did."""
        return {s.open.name: s.given_up for s in self._streams.values() if s.given_up}

    def publish(self) -> list[Ack]:
        """Publish what somebody reads; return what to acknowledge. Call it often."""
        return [ack for landed in self._streams.values() if (ack := self._publish(landed)) is not None]

    def _publish(self, landed: _Landed) -> Ack | None:
        if not landed.held or not landed.port.has_readers():
            return None
        while landed.held:
            samples, stamps_s = landed.held.popleft()
            landed.port.push(samples, stamps_s)
        landed.published, landed.held_bytes, landed.given_up = landed.next, 0, 0
        return Ack(key=landed.open.key, next=landed.published)


def _unpacked(landed: _Landed, block: Block) -> tuple[npt.NDArray[Any], Floats]:
    """Return the samples (n, channels) and stamps (n,) of a block.

    Raises:
        BadEdge: they do not fit each other, or the stamps are not finite.
    """
    channels = len(landed.open.labels)
    width = np.dtype(landed.numbers).itemsize * channels
    count, rest = divmod(len(block.stamps), 8)
    if rest or len(block.samples) != count * width or block.first < 0:
        got = f"{len(block.samples)} bytes for {count} stamps from number {block.first}"
        raise BadEdge(f"block of {landed.open.name}", f"{width} bytes a stamp", got)
    stamps_s = np.frombuffer(block.stamps, dtype="<f8")
    if not (np.all(np.isfinite(stamps_s)) and np.isfinite(block.offset_s)):
        raise BadEdge(f"stamps of {landed.open.name}", "finite", "others")
    little = np.dtype(landed.numbers).newbyteorder("<")
    return np.frombuffer(block.samples, dtype=little).reshape(count, channels), stamps_s
