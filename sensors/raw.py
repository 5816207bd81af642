"""Streams as they come, for the recorder: the sender's own stamps, and the clock measurements beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sensors.inlets import Changed, Chunk, Found, Happening, Inlets, Lost, Offset, Recovered, Refused
from sensors.lsl import Source, local_clock
from sensors.outlets import CONTROLS_KIND

__all__ = [
    "Changed",
    "Chunk",
    "Found",
    "Happening",
    "Lost",
    "Offset",
    "RawInlets",
    "Recovered",
    "Refused",
    "Source",
    "local_clock",
    "not_our_own",
]

_BUFFER_S: Final = 300


def not_our_own(source: Source) -> bool:
    """Take every stream but the rooms' controls, which the recorder has from the room itself."""
    return source.kind != CONTROLS_KIND and source.channels > 0


class RawInlets:
    """Inlets without any post-processing; streams that appear later are followed. Belongs to one thread.

    Call `poll` at least a few times a second. It returns, in order:

    - `Found(source)`: with labels and the whole description (`source.xml`), before its first samples;
    - `Chunk(source, samples (n, channels), raw_stamps_s (n,), offset_s)`: raw stamps. Text streams have
      samples of `bytes` objects;
    - `Offset(source, at_s, offset_s)`: a clock measurement, at the start and every five seconds;
    - `Lost(source, reason)`, `Recovered(source, gap_s)`: a hole in the signal, which nothing fills;
    - `Changed(was, source)`: another shape; a `Found` for the new one follows.
    """

    def __init__(self, accept: Callable[[Source], bool] = not_our_own) -> None:
        self._inlets = Inlets(
            lambda source: "" if accept(source) else None, clock=local_clock, buffer_s=_BUFFER_S
        )

    def poll(self) -> list[Happening]:
        """Return what happened since the last call. Never waits."""
        return self._inlets.poll()

    def close(self) -> None:
        """Unsubscribe from all streams."""
        self._inlets.close()
