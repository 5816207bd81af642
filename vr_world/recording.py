"""The recorder process: one session on disk, beside the room and outliving its troubles.

It opens inlets of its own to the sensors' streams, so that neither the room's estimators nor its death cost a
sample, and takes everything else from the room's pipe. The disk has a thread to itself: while it is slow or
refuses, the process goes on listening, and says so.

    Shutdown, SIGTERM       everything is written, the recording is closed with footers and checksums
    the room is gone        everything is written and synced; the recording can be gone on with
    SIGKILL, power cut      at most a second is lost; the next recorder goes on and marks the gap
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import select
import signal
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Final, assert_never

from sensors.lsl import configure
from sensors.pins import Pins
from session_records.errors import BadRow
from session_records.messages import (
    EventLine,
    FromRecorder,
    OpenSession,
    RecorderAlarm,
    RecorderHeartbeat,
    Rows,
    Shutdown,
    ToRecorder,
)
from session_records.recorder import Recorder
from therapy.events import AlarmRaised, to_line
from vr_world.clock import session_now_s
from vr_world.recorded_sources import RecordedSources

__all__ = ["RecorderConfig", "main"]

LISTEN_S: Final = 0.02
WRITE_S: Final = 0.1
HEARTBEAT_S: Final = 0.25
#: A disk that has taken nothing for so long is told to the therapist.
SLOW_DISK_S: Final = 2.0
COMPLAIN_S: Final = 10.0
ALARMS_KEPT: Final = 100
#: Names the run of the session clock, which starts anew with the machine.
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
#: Messages taken in one go, before the sensors' streams have their turn again.
BURST: Final = 500


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecorderConfig:
    """How to start a recorder.

    Attributes:
        lsl_session: LSL session id; streams of other ids are not seen.
        lan: whether LSL looks beyond this machine.
        pins: which streams are this room's.
    """

    lsl_session: str
    lan: bool = False
    pins: Pins = dataclasses.field(default_factory=Pins)


class _Ending(enum.Enum):
    CLOSE = enum.auto()
    SUSPEND = enum.auto()


def main(conn: Connection, config: RecorderConfig) -> None:
    """Record until `Shutdown`, SIGTERM or the end of the pipe.

    Raises:
        sensors.errors.SensorsError: LSL cannot be set up; the room sees the process end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure(config.lsl_session, lan=config.lan)
    process = _Process(conn, RecordedSources(config.pins))

    def leave(_number: int, _frame: FrameType | None) -> None:
        process.ending = _Ending.CLOSE

    signal.signal(signal.SIGTERM, leave)
    process.run()


class _Process:
    """The main thread listens and speaks; the one thread of `disk` writes."""

    def __init__(self, conn: Connection, sources: RecordedSources) -> None:
        self.ending: _Ending | None = None
        self._conn = conn
        self._sources = sources
        self._alone = False
        self._recorder: Recorder | None = None
        self._folder = ""
        self._ticking: Future[list[AlarmRaised]] | None = None
        self._written_s = 0.0
        self._spoken_s = 0.0
        self._alarms: collections.deque[RecorderAlarm] = collections.deque(maxlen=ALARMS_KEPT)
        self._slow = False
        self._unfit = 0
        self._complained_s = -COMPLAIN_S

    def run(self) -> None:
        """Record until told to end."""
        with ThreadPoolExecutor(1, "disk") as disk:
            while self.ending is None:
                self._listen(LISTEN_S)
                self._read_sources()
                now_s = session_now_s()
                self._write(disk, now_s)
                self._speak(now_s)
        self._end()

    def _listen(self, wait_s: float) -> None:
        """Take what the room has sent, after at most `wait_s` of waiting for it."""
        try:
            if self._conn.poll(wait_s):
                for _ in range(BURST):
                    self._take(self._conn.recv())
                    if not self._conn.poll():
                        return
        except (EOFError, OSError):
            self._lose_room()

    def _lose_room(self) -> None:
        self._alone = True
        self.ending = self.ending or _Ending.SUSPEND

    def _take(self, message: ToRecorder) -> None:
        match message:
            case OpenSession():
                self._open(message)
            case Rows(stream=stream, stamps_s=stamps_s, values=values):
                self._fit(lambda recorder: recorder.rows(stream, stamps_s, values))
            case EventLine(at_s=at_s, line=line):
                self._fit(lambda recorder: recorder.event(at_s, line))
            case Shutdown():
                self.ending = _Ending.CLOSE
            case _:
                assert_never(message)

    def _open(self, message: OpenSession) -> None:
        if self._recorder is not None:
            if message.folder != self._folder:
                self._alarm("urgent", "a recorder must record one session, got a second")
            return
        self._folder = message.folder
        self._recorder = Recorder(
            Path(message.folder),
            message.about,
            clock_id=BOOT_ID.read_text("ascii").strip(),
            started=dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            opened_s=session_now_s(),
        )

    def _fit(self, put: Callable[[Recorder], None]) -> None:
        """Put something into the recording; what does not fit is told, not fatal."""
        if self._recorder is None:
            self._complain("it came before its session")
            return
        try:
            put(self._recorder)
        except BadRow as error:
            self._complain(str(error))

    def _read_sources(self) -> None:
        for event in self._sources.poll(self._recorder):
            self._take(EventLine(at_s=event.at_s, line=to_line(event)))

    def _complain(self, why: str) -> None:
        self._unfit += 1
        now_s = session_now_s()
        if now_s >= self._complained_s + COMPLAIN_S:
            self._complained_s = now_s
            self._alarm("watch", f"{self._unfit} messages could not be recorded so far, the last: {why}")

    def _write(self, disk: ThreadPoolExecutor, now_s: float) -> None:
        if self._recorder is None:
            return
        if self._ticking is not None and self._ticking.done():
            self._tell(self._ticking.result())
            self._ticking = None
        if self._ticking is None and now_s >= self._written_s + WRITE_S:
            self._written_s = now_s
            self._ticking = disk.submit(self._recorder.tick, now_s)
        status = self._recorder.status(now_s)
        slow = status.recording and status.behind_s > SLOW_DISK_S
        if slow and not self._slow:
            what = f"recording waits in memory: the disk has not answered for {status.behind_s:.1f} s"
            self._alarm("urgent", what)
        self._slow = slow

    def _tell(self, alarms: list[AlarmRaised]) -> None:
        for alarm in alarms:
            self._alarm(alarm.level, alarm.what)

    def _alarm(self, level: str, what: str) -> None:
        self._alarms.append(RecorderAlarm(at_s=session_now_s(), level=level, what=what))

    def _speak(self, now_s: float) -> None:
        """Send alarms and, when it is due, a heartbeat; a room that does not read is not waited for."""
        while self._alarms and self._may_send():
            self._send(self._alarms.popleft())
        if now_s >= self._spoken_s + HEARTBEAT_S and self._may_send():
            self._spoken_s = now_s
            self._send(self._heartbeat(now_s))

    def _heartbeat(self, now_s: float) -> RecorderHeartbeat:
        status = None if self._recorder is None else self._recorder.status(now_s)
        return RecorderHeartbeat(
            at_s=now_s,
            recording=status is not None and status.recording,
            bytes_written=0 if status is None else status.bytes_written,
            behind_s=0.0 if status is None else status.behind_s,
            last_fsync_s=None if status is None else status.last_fsync_s,
            waiting_bytes=0 if status is None else status.waiting_bytes,
            refused=0 if status is None else status.refused,
            sources=self._sources.count,
        )

    def _may_send(self) -> bool:
        return not self._alone and bool(select.select([], [self._conn], [], 0)[1])

    def _send(self, message: FromRecorder) -> None:
        try:
            self._conn.send(message)
        except OSError:
            self._lose_room()

    def _end(self) -> None:
        """Finish what there is. The disk's thread has ended."""
        self._listen(0.0)
        self._read_sources()
        now_s = session_now_s()
        if self._ticking is not None:
            self._tell(self._ticking.result())
        if self._recorder is not None:
            ended = self._recorder.close if self.ending is _Ending.CLOSE else self._recorder.suspend
            self._tell(ended(now_s))
        self._spoken_s = now_s - HEARTBEAT_S
        self._speak(now_s)
        self._sources.close()
        self._conn.close()  # last: the room then waits for this process, which has nothing left to do
