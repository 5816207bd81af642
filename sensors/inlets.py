"""Follow LSL streams: found, opened, read, lost, recovered, changed. Nothing here waits.

`Inlets` serves `sensors.ingest`, which maps stamps to session time, and `sensors.raw`, which keeps them.
Opening a stream and measuring its clock take up to a second, so each stream has a small thread for that.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy.typing as npt

from sensors.lsl import Inlet, Resolver, Source
from sensors.quality import Floats

__all__ = [
    "Changed",
    "Chunk",
    "Found",
    "Happening",
    "Inlets",
    "Lost",
    "Offset",
    "Recovered",
    "Refused",
    "stale_after_s",
]

_LOOK_S: Final = 0.25
_OPEN_S: Final = 4.0
_CLOCK_EVERY_S: Final = 5.0
_CLOCK_WAIT_S: Final = 2.0
_RETRY_S: Final = 2.0


def stale_after_s(rate_hz: float) -> float | None:
    """Return how long a stream may be silent: a second or three sample periods; `None` for irregular ones."""
    return max(1.0, 3.0 / rate_hz) if rate_hz > 0.0 else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A stream is open and is read from now on."""

    source: Source


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Samples (n, channels) with the sender's stamps (n,); `offset_s` added to them gives session time."""

    source: Source
    samples: npt.NDArray[Any]
    raw_stamps_s: Floats
    offset_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """A new measurement of `source`'s clock at session time `at_s`."""

    source: Source
    at_s: float
    offset_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A stream fell silent or broke."""

    source: Source
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A lost stream sends again; `gap_s` lies between the last sample before and the first after."""

    source: Source
    gap_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A stream came back with another shape; `source` is the new one, which will be `Found` next."""

    was: Source
    source: Source


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A stream that will not be read, and why."""

    source: Source
    why: str


Happening: TypeAlias = Found | Chunk | Offset | Lost | Recovered | Changed | Refused


class _Link:
    """One stream: its inlet, and the thread that opens it and then measures its clock."""

    def __init__(
        self, source: Source, build: Callable[[int], Inlet], buffer_s: int, clock: Callable[[], float]
    ) -> None:
        self.source = source
        self.opened = False  # announced to the reader
        self.ready = threading.Event()
        self.failed = threading.Event()
        self.offset_s = 0.0
        self.offsets: collections.deque[tuple[float, float]] = collections.deque(maxlen=256)
        self.heard_s = 0.0
        self.last_stamp_s: float | None = None
        self.lost = False
        self.inlet: Inlet | None = None
        self._build = build
        self._buffer_s = buffer_s
        self._clock = clock
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._tend, name=f"lsl-{source.name}", daemon=True)
        self._thread.start()

    def _tend(self) -> None:
        inlet = self._build(self._buffer_s)
        full = inlet.open(_OPEN_S)
        if full is None:
            self.failed.set()
            return
        self.source = full
        self.inlet = inlet
        self._measure(inlet)
        self.ready.set()
        while not self._end.wait(_CLOCK_EVERY_S):
            if not self.lost:
                self._measure(inlet)

    def _measure(self, inlet: Inlet) -> None:
        offset = inlet.offset_s(_CLOCK_WAIT_S)
        if offset is not None:
            self.offset_s = offset
            self.offsets.append((self._clock(), offset))

    def close(self) -> None:
        """Ask the thread to end. It holds the inlet: nothing is destroyed while LSL works on it."""
        self._end.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread."""
        self._thread.join(timeout_s)


class Inlets:
    """All streams that `accept` takes. Call `poll` every few milliseconds, from one thread; then `close`.

    `accept(source)` returns an empty string to take a stream, a reason to refuse it (told once), or `None`
    to pass it over in silence.
    """

    def __init__(
        self, accept: Callable[[Source], str | None], *, clock: Callable[[], float], buffer_s: int = 30
    ) -> None:
        self._accept = accept
        self._clock = clock
        self._buffer_s = buffer_s
        self._resolver = Resolver()
        self._links: dict[str, _Link] = {}
        self._known: dict[str, set[str]] = {}  # every uid that a key has had
        self._decided: set[str] = set()  # uids refused or passed over
        self._broken: dict[str, _Link] = {}  # lost for good; their device may come back as a new outlet
        self._retry_at_s: dict[str, float] = {}
        self._look_at_s = 0.0

    def poll(self) -> list[Happening]:
        """Return what happened since the last call, in order."""
        now_s = self._clock()
        happened: list[Happening] = []
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + _LOOK_S
            self._look(now_s, happened)
        for key, link in list(self._links.items()):
            if link.failed.is_set():
                del self._links[key]
                self._known[key].discard(link.source.uid)
                self._retry_at_s[key] = now_s + _RETRY_S
            elif link.ready.is_set():
                self._read(link, now_s, happened)
        return happened

    def _look(self, now_s: float, happened: list[Happening]) -> None:
        for source, build in self._resolver.streams():
            if source.uid in self._decided or now_s < self._retry_at_s.get(source.key, 0.0):
                continue
            known = self._known.setdefault(source.key, set())
            if source.uid in known:
                continue
            link = self._links.get(source.key)
            before = link or self._broken.get(source.key)
            same = before is not None and source.shape == before.source.shape
            if link is not None and same:
                known.add(source.uid)  # LSL's own recovery takes it up
                continue
            verdict = self._accept(source)
            if verdict != "":
                self._decided.add(source.uid)
            if verdict:
                happened.append(Refused(source=source, why=verdict))
            if before is not None and not same:
                happened.append(Changed(was=before.source, source=source))
                before.close()
                self._links.pop(source.key, None)
                self._broken.pop(source.key, None)
            if verdict == "":
                known.add(source.uid)
                self._links[source.key] = _Link(source, build, self._buffer_s, self._clock)

    def _read(self, link: _Link, now_s: float, happened: list[Happening]) -> None:
        if not link.opened:
            link.opened = True
            link.heard_s = now_s
            before = self._broken.pop(link.source.key, None)
            if before is None:
                happened.append(Found(source=link.source))
            else:
                link.last_stamp_s, link.lost = before.last_stamp_s, True
        while link.offsets:
            at_s, offset_s = link.offsets.popleft()
            happened.append(Offset(source=link.source, at_s=at_s, offset_s=offset_s))
        if link.inlet is None:
            return
        pulled = link.inlet.pull()
        if pulled is None:
            self._break(link, happened)
            return
        samples, stamps = pulled
        if len(stamps):
            self._heard(link, samples, stamps, now_s, happened)
            return
        limit_s = stale_after_s(link.source.rate_hz)
        if limit_s is not None and not link.lost and now_s - link.heard_s > limit_s:
            link.lost = True
            happened.append(Lost(source=link.source, reason=f"silent for {now_s - link.heard_s:.1f} s"))

    def _heard(
        self, link: _Link, samples: npt.NDArray[Any], stamps: Floats, now_s: float, happened: list[Happening]
    ) -> None:
        if link.lost:
            link.lost = False
            gap_s = now_s - link.heard_s
            if link.last_stamp_s is not None:
                gap_s = max(0.0, float(stamps[0]) - link.last_stamp_s)
            happened.append(Recovered(source=link.source, gap_s=gap_s))
        link.heard_s = now_s
        link.last_stamp_s = float(stamps[-1])
        happened.append(
            Chunk(source=link.source, samples=samples, raw_stamps_s=stamps, offset_s=link.offset_s)
        )

    def _break(self, link: _Link, happened: list[Happening]) -> None:
        """The sender is gone, and LSL cannot know it again without a source id; a new outlet may go on."""
        if not link.lost:
            happened.append(Lost(source=link.source, reason="the sender is gone"))
        link.lost = True
        link.close()
        self._broken[link.source.key] = link
        del self._links[link.source.key]

    def close(self) -> None:
        """End all threads; streams are unsubscribed when theirs has ended."""
        for link in self._links.values():
            link.close()
        for link in self._links.values():
            link.join(_OPEN_S + _CLOCK_WAIT_S)
        self._links.clear()
