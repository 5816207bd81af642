"""The room's recording: what the room knows becomes rows and lines of the recorder process.

A recorder process lives as long as its session. Rows are gathered for a tenth of a second, so that hundreds
of stamps a second cross the pipe as a few messages. What the recorder cannot take is told, never dropped in
silence.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from audio_engine.messages import AudioHeartbeat
from session_records import messages as records
from session_records.streams import controls_row, features_row
from therapy.controls import Controls
from therapy.events import AlarmRaised, Event, TherapistCommand, to_line
from therapy.patient import PatientState
from therapy.why import Change
from vr_world.recording import RecorderConfig
from vr_world.room_config import RoomConfig
from vr_world.streaming.protocol import Frame, Pose, Shown
from vr_world.supervise import Child, ChildSpec

__all__ = ["Tape"]

RECORDER: Final = "vr_world.recording:main"
FLUSH_S: Final = 0.1
SILENCE_S: Final = 5.0
#: Footers, the last fsync and the checksums of a long session on a slow disk.
LEAVES_S: Final = 10.0


class _Batch:
    """Rows of one stream that wait to be sent."""

    def __init__(self) -> None:
        self.stamps_s: list[float] = []
        self.values: list[Sequence[Any]] = []


class Tape:
    """Records one session at a time. Everything but `open` and `close` is cheap and never waits."""

    def __init__(
        self, config: RoomConfig, *, on_event: Callable[[Event], None], now_s: Callable[[], float]
    ) -> None:
        self._config = config
        self._on_event = on_event
        self._now_s = now_s
        self._child: Child | None = None
        self._opened: records.OpenSession | None = None
        self._beat: records.RecorderHeartbeat | None = None
        self._batches: dict[str, _Batch] = {}
        self._flushed_s = 0.0
        self._lost = 0
        self._levels_at_s: float | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> bool:
        """Whether a session is being recorded."""
        return self._child is not None

    @property
    def child(self) -> Child | None:
        """The recorder process, while there is a session."""
        return self._child

    def open(self, folder: Path, about: dict[str, Any]) -> None:
        """Start to record into `folder`; one that holds a recording is gone on with."""
        self.close()
        self._opened = records.OpenSession(folder=str(folder), about=about)
        opened = self._opened
        self._batches.clear()
        self._beat = None
        self._child = Child(
            ChildSpec(
                name="recorder",
                main=RECORDER,
                config=lambda: RecorderConfig(
                    lsl_session=self._config.lsl_session, lan=self._config.lan, pins=self._config.pins
                ),
                shutdown=records.Shutdown(),
                silence_s=SILENCE_S,
                on_start=lambda child: self._begin(child, opened),
                leaves_within_s=LEAVES_S,
                keeps_mail=True,
            ),
            on_message=self._heard,
            on_event=self._on_event,
            now_s=self._now_s,
        )
        self._child.start()

    def close(self) -> None:
        """Let the recorder finish its files by itself."""
        if self._child is None:
            return
        self._flush(self._now_s())
        task = asyncio.get_running_loop().create_task(self._child.stop())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self._child = None

    async def stop(self) -> None:
        """Close, and wait until every recorder has finished."""
        self.close()
        await asyncio.gather(*self._closing)

    def pass_time(self, now_s: float) -> None:
        """Send what has been gathered. Call every tick."""
        if self._child is not None:
            self._child.check()
            if now_s - self._flushed_s >= FLUSH_S:
                self._flush(now_s)

    def controls(self, controls: Controls, at_s: float) -> None:
        """Record what the world does."""
        self._row("controls", at_s, controls_row(controls))

    def state(self, state: PatientState) -> None:
        """Record what was known of the patient."""
        self._row("features", state.at_s, features_row(state))

    def why(self, change: Change) -> None:
        """Record a line of the why-trace."""
        self._row("why", change.at_s, (msgspec.json.encode(dataclasses.asdict(change)).decode(),))

    def pose(self, pose: Pose, at_s: float) -> None:
        """Record where the head was."""
        row = (pose.seq, pose.client_ms, *pose.position, *pose.orientation)
        self._row("poses", at_s, (*row, *pose.tan_left, *pose.tan_right, pose.ipd_m))

    def frame(self, frame: Frame) -> None:
        """Record that a picture was made."""
        row = (frame.frame_id, frame.pose_seq, frame.key, len(frame.payload), frame.eye_width)
        self._row("frames_rendered", frame.render_at_s, (*row, frame.eye_height, frame.sent_at_s))

    def shown(self, shown: Shown, clock_offset_s: float) -> None:
        """Record when a picture met the eye, by the headset's clock mapped to ours."""
        at_s = shown.shown_client_ms / 1000.0 + clock_offset_s
        row = (shown.frame_id, shown.pose_seq, shown.age_ms, shown.shown_client_ms)
        self._row("frames_shown", at_s, row)

    def audio(self, seq: int, play_at_s: float, size: int) -> None:
        """Record that 10 ms of sound were made."""
        self._row("audio_blocks", play_at_s, (seq, size))

    def levels(self, beat: AudioHeartbeat) -> None:
        """Record how loud it is."""
        row = (beat.lufs_momentary, beat.peak_dbtp, beat.blocks, beat.late_blocks, beat.bar, beat.bar_at_s)
        self._row("audio_levels", beat.at_s, row)

    def event(self, event: Event) -> None:
        """Record an event, at once."""
        line = to_line(event)
        if isinstance(event, TherapistCommand):
            self._row("commands", event.at_s, (line,))
        if self._child is not None:
            self._flush(self._now_s())
            self._send(records.EventLine(at_s=event.at_s, line=line))

    def summary(self) -> dict[str, Any]:
        """Return what the panel shows of the recording."""
        if self._child is None or self._opened is None or self._beat is None:
            return {"on": False}
        beat = self._beat
        on = self._child.alive and beat.recording
        return {"on": on, "bytes": beat.bytes_written, "path": Path(self._opened.folder).name}

    def detail(self) -> str:
        """Return one line on how the recorder is doing."""
        if self._child is None:
            return "no session"
        beat = self._beat
        if beat is None:
            return "starting"
        return f"{beat.bytes_written / 1e6:.1f} MB, {beat.sources} signals, {beat.behind_s:.1f} s behind"

    def _begin(self, child: Child, opened: records.OpenSession) -> None:
        child.send(opened)

    def _heard(self, message: records.FromRecorder) -> None:
        match message:
            case records.RecorderHeartbeat():
                self._beat = message
            case records.RecorderAlarm(at_s=at_s, level=level, what=what):
                self._on_event(AlarmRaised(at_s=at_s, level=level, what=what))

    def _row(self, stream: str, at_s: float, values: Sequence[Any]) -> None:
        if self._child is not None:
            batch = self._batches.setdefault(stream, _Batch())
            batch.stamps_s.append(at_s)
            batch.values.append(values)

    def _flush(self, now_s: float) -> None:
        self._flushed_s = now_s
        batches, self._batches = self._batches, {}
        for stream, batch in batches.items():
            self._send(
                records.Rows(stream=stream, stamps_s=batch.stamps_s, values=batch.values), len(batch.values)
            )

    def _send(self, message: records.ToRecorder, size: int = 1) -> None:
        if self._child is None:
            return
        if self._child.send(message):
            if self._lost:
                lost, self._lost = self._lost, 0
                what = f"the recorder could not keep up: {lost} rows or lines were not recorded"
                self._on_event(AlarmRaised(at_s=self._now_s(), level="urgent", what=what))
        else:
            self._lost += size
