"""A recording as if it happened now: published over LSL in real time, stamped with the session clock."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final

import numpy as np

from sensors import lsl
from sensors.devices import _process
from sensors.lsl import Outlet, local_clock
from sensors.recordings import RecordedStream, Recording, load_recording
from therapy.specs import DeviceSpec

__all__ = ["DEVICE", "RecordedStream", "Recording", "ReplayConfig", "load_recording", "main", "publish"]

_TICK_S: Final = 0.008
_WAIT_READER_S: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReplayConfig:
    """How to start one.

    Attributes:
        spec: as for `load_recording`.
        lsl_session: LSL session id, as for `sensors.lsl.configure`.
        loop: begin again at the end; the join is a jump in the signal, as it would be in life.
        wait_for_reader: hold the first sample until somebody reads, at most two seconds.
    """

    spec: str
    lsl_session: str = "default"
    loop: bool = True
    wait_for_reader: bool = True


class _Track:
    """One recorded stream and its outlet."""

    def __init__(self, recording: Recording, index: int) -> None:
        stream = recording.streams[index]
        self._stream = stream
        self._since_s = stream.stamps_s - recording.start_s
        with np.errstate(over="ignore"):  # too big for LSL's usual format: infinite, and refused as such
            self._samples = stream.samples.astype(np.float32)
        self._next = 0
        self.outlet = Outlet(
            name=stream.name,
            kind=stream.kind,
            labels=stream.labels,
            rate_hz=stream.rate_hz,
            source_id=f"replay-{recording.name}-{index}-{stream.kind}",
            unit=stream.unit,
            notes="replayed recording",
        )

    def push_until(self, elapsed_s: float, began_s: float) -> None:
        """Send what was recorded up to `elapsed_s` after the start, stamped as if that was at `began_s`."""
        end = int(np.searchsorted(self._since_s, elapsed_s, side="right"))
        if end > self._next:
            part = slice(self._next, end)
            self.outlet.push(self._samples[part], self._since_s[part] + began_s)
            self._next = end

    def rewind(self) -> None:
        self._next = 0


def publish(
    recording: Recording,
    stop: threading.Event,
    *,
    loop: bool = True,
    wait_for_reader: bool = False,
    clock: Callable[[], float] = local_clock,
) -> None:
    """Publish `recording` in real time until its end (for ever with `loop`) or `stop`.

    The outlets stay until then; source ids are the same each time the same recording is replayed.
    """
    tracks = [_Track(recording, i) for i in range(len(recording.streams))]
    began_s = clock()
    while wait_for_reader and clock() - began_s < _WAIT_READER_S:
        if any(track.outlet.has_readers() for track in tracks) or stop.wait(_TICK_S):
            break
    began_s = clock()
    while not stop.wait(_TICK_S):
        elapsed_s = clock() - began_s
        for track in tracks:
            track.push_until(elapsed_s, began_s)
        if elapsed_s >= recording.duration_s:
            if not loop:
                return
            began_s += recording.duration_s
            for track in tracks:
                track.rewind()


def main(conn: Connection, config: ReplayConfig) -> None:
    """Run in a process of its own until the parent asks for the end, or is gone.

    Raises:
        BadRecording: before anything is published.
    """
    recording = load_recording(config.spec)
    lsl.configure(config.lsl_session)
    _process.run(
        conn,
        "replay",
        lambda stop: publish(recording, stop, loop=config.loop, wait_for_reader=config.wait_for_reader),
    )


DEVICE: Final = DeviceSpec(
    name="replay",
    title="A recording (XDF, WFDB, OpenSignals) in real time",
    help="a file, or sample:NAME with the extra 'samples' installed",
    available=lambda: "",
)
