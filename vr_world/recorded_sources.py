"""The sensors' streams on their way into a recording: raw samples, raw stamps, clock offsets, gaps."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from typing import assert_never

import numpy as np

from sensors.pins import Pins
from sensors.raw import (
    Changed,
    Chunk,
    Found,
    Happening,
    Lost,
    Offset,
    RawInlets,
    Recovered,
    Refused,
    Source,
    not_our_own,
)
from session_records.chunks import Channel, Format, StreamDeclaration, clean_text
from session_records.errors import BadRow
from session_records.recorder import Recorder
from therapy.events import BadInput, Event, GapMarked, StreamChanged
from vr_world.clock import session_now_s

__all__ = ["RecordedSources", "declaration_of"]


def declaration_of(source: Source) -> StreamDeclaration:
    """Return what a recording says of `source`.

    A source without an id of its own gets its key, so that two such sources are never mixed. LSL readers can
    lose samples while a link is down, hence `can_drop_samples`: stamps are kept, gaps are not straightened.

    Raises:
        session_records.errors.BadDeclaration: a rate that cannot be.
        ValueError: a format that XDF does not have.
    """
    units = _units(source.xml)
    labels = [clean_text(label) for label in source.labels]
    channels = tuple(
        Channel(label=labels[i] if i < len(labels) else "", unit=units[i] if i < len(units) else "")
        for i in range(source.channels)
    )
    return StreamDeclaration(
        name=clean_text(source.name) or "unnamed",
        type=clean_text(source.kind),
        channels=channels,
        nominal_rate_hz=source.rate_hz,
        format=Format(source.value_format),
        source_id=clean_text(source.source_id or source.key),
        can_drop_samples=source.rate_hz > 0,
    )


def _units(description: str) -> list[str]:
    """Return the channels' units in an LSL description; none where it cannot be read."""
    try:
        info = ET.fromstring(description)  # noqa: S314  # liblsl parsed it before; expat ≥ 2.4.1 limits entities
    except ET.ParseError:
        return []
    return [clean_text(one.findtext("unit") or "") for one in info.iterfind("desc/channels/channel")]


def _text(value: str | bytes) -> str:
    """Return a marker as text; LSL hands out the bytes that were sent, which need not be UTF-8."""
    return value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")


@dataclasses.dataclass(slots=True)
class _Taken:
    """A stream that is read; `offset` is a clock measurement (at_s, offset_s) that is not recorded yet."""

    declaration: StreamDeclaration
    offset: tuple[float, float] | None = None
    complained: bool = False


class RecordedSources:
    """Inlets of its own to every stream of this room. After `sensors.lsl.configure`; `poll`, then `close`."""

    def __init__(self, pins: Pins | None = None) -> None:
        pins = pins or Pins()
        self._inlets = RawInlets(lambda source: not_our_own(source) and pins.kind_of(source) is not None)
        self._taken: dict[str, _Taken] = {}

    @property
    def count(self) -> int:
        """Streams that have been taken."""
        return len(self._taken)

    def poll(self, recorder: Recorder | None) -> list[Event]:
        """Put what has arrived into `recorder`; without one it is let go, as there is no session yet.

        Returns:
            Gaps, changes and refusals: they want to be recorded as events. Samples that cannot be recorded
            are told once for each stream.
        """
        events: list[Event] = []
        for happening in self._inlets.poll():
            try:
                events += self._take(happening, recorder)
            except BadRow as error:
                events += self._complain(happening.source, str(error))
        return events if recorder is not None else []

    def close(self) -> None:
        """Unsubscribe."""
        self._inlets.close()

    def _take(self, happening: Happening, recorder: Recorder | None) -> list[Event]:
        now_s = session_now_s()
        name = happening.source.name
        match happening:
            case Found(source=source):
                return self._found(source)
            case Chunk():
                return [] if recorder is None else self._samples(happening, recorder)
            case Offset(source=source, at_s=at_s, offset_s=offset_s):
                if (taken := self._taken.get(source.key)) is not None:
                    taken.offset = (at_s, offset_s)
            case Recovered(gap_s=gap_s):
                return [GapMarked(at_s=now_s, what=f"stream {name}", gap_s=gap_s, reason="no samples came")]
            case Changed(was=was, source=source):
                self._taken.pop(source.key, None)
                return [StreamChanged(at_s=now_s, stream=name, was=str(was.shape), now=str(source.shape))]
            case Refused(why=why):
                return [BadInput(at_s=now_s, source=f"stream {name}", what=why)]
            case Lost():
                pass  # the room tells of it when it happens; the gap is marked when its length is known
            case _:
                assert_never(happening)
        return []

    def _found(self, source: Source) -> list[Event]:
        try:
            self._taken[source.key] = _Taken(declaration_of(source))
        except ValueError as error:  # BadDeclaration is one
            return [BadInput(at_s=session_now_s(), source=f"stream {source.name}", what=str(error))]
        return []

    def _samples(self, chunk: Chunk, recorder: Recorder) -> list[Event]:
        """Record samples. Those without a finite stamp have no place in a recording."""
        taken = self._taken.get(chunk.source.key)
        if taken is None:
            return []  # it was refused when it was found
        if taken.offset is not None:
            recorder.clock_offset(taken.declaration, *taken.offset)
            taken.offset = None
        usable = np.isfinite(chunk.raw_stamps_s)
        stamps, samples = chunk.raw_stamps_s[usable], chunk.samples[usable]
        if taken.declaration.format is Format.STRING:
            recorder.raw(taken.declaration, stamps, [[_text(text) for text in row] for row in samples])
        else:
            recorder.raw(taken.declaration, stamps, samples)
        if usable.all():
            return []
        return self._complain(chunk.source, "samples whose stamp is not finite are not recorded")

    def _complain(self, source: Source, what: str) -> list[Event]:
        taken = self._taken.get(source.key)
        if taken is None or taken.complained:
            return []
        taken.complained = True
        return [BadInput(at_s=session_now_s(), source=f"stream {source.name}", what=what)]
