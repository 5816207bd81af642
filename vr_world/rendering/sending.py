"""The sending thread: one picture is converted, encoded and sent while the next is drawn."""

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from multiprocessing.connection import Connection
from typing import Final

from vr_world.clock import session_now_s
from vr_world.rendering.desk import Desk, Look
from vr_world.rendering.encoder import Encoder, JpegEncoder, Picture
from vr_world.rendering.focus import regions, regions_round
from vr_world.rendering.messages import Frame, FromRenderer, Mirror, RendererConfig, RendererHeartbeat
from vr_world.rendering.quality import Rung
from vr_world.streaming.depth import Grid, pack_depth
from vr_world.streaming.protocol import Foveation

__all__ = ["Drawn", "Sending"]

_HEARTBEAT_S: Final = 0.15
#: The drawing thread is taken for stuck after this; then the heartbeat stops, and the room sees it.
_DRAWING_DEAD_S: Final = 2.0
_SMOOTHING: Final = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture on its way from the drawing thread."""

    frame_id: int
    look: Look
    picture: Picture
    depth: Grid | None
    eye_px: int
    parts: Foveation | None
    render_at_s: float
    draw_s: float
    copy_s: float
    to_headset: bool

    @property
    def panorama(self) -> bool:
        """Whether the picture shows all round."""
        return self.look.stream == "panorama"

    @property
    def eye_size(self) -> tuple[int, int]:
        """Width and height of what one eye is given, as fine as its middle, pixels."""
        height, width, _ = self.picture.shape
        return (width, height) if self.panorama else (self.eye_px, self.eye_px)


class Sending:
    """Takes one picture at a time. `wait_for_room`, `offer` and `drawing_lives` are the drawing thread's.

    Args:
        conn: pipe to the room; only this thread writes to it.
        desk: shared knowledge: key wishes, flight.
        config: sizes and rates.
    """

    def __init__(self, conn: Connection, desk: Desk, config: RendererConfig) -> None:
        self._conn = conn
        self._desk = desk
        self._config = config
        self._slot: Drawn | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._encoder: Encoder | None = None
        self._encoder_as: tuple[int, int, int, tuple[str, ...]] = (0, 0, 0, ())
        self._jpeg = JpegEncoder(config.mirror_px)
        self._mirror_at_s = 0.0
        self._beat_at_s = 0.0
        self._told_scene = ""
        self._parts_ms: dict[str, float] = {}
        self._frames_at_s: deque[float] = deque(maxlen=90)
        self._drawing_at_s = 0.0
        self._scene_s = 0.0
        self._rung: Rung | None = None
        self.busy_s = 0.0

    def drawing_lives(self, at_s: float, scene_s: float, rung: Rung) -> None:
        """The drawing thread has come round once more."""
        self._drawing_at_s, self._scene_s, self._rung = at_s, scene_s, rung

    def wait_for_room(self, timeout_s: float) -> bool:
        """Return whether a picture can be offered, waiting up to `timeout_s` for it."""
        with self._changed:
            return self._changed.wait_for(lambda: self._slot is None, timeout_s)

    def offer(self, drawn: Drawn) -> None:
        """Hand over a picture. Call after `wait_for_room` said yes."""
        with self._changed:
            self._slot = drawn
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def run(self) -> None:
        """Send until closed, or until the room's end of the pipe is gone."""
        try:
            while not self._closed:
                drawn = self._take(_HEARTBEAT_S)
                if drawn is not None:
                    self._work(drawn)
                self._beat(session_now_s())
        except (BrokenPipeError, ConnectionResetError):
            self._closed = True  # the room is gone: the reader sees the same and ends the process
        finally:
            self._desk.stop()

    def _take(self, timeout_s: float) -> Drawn | None:
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self._closed, timeout_s)
            drawn, self._slot = self._slot, None
            self._changed.notify_all()
            return drawn

    def _work(self, drawn: Drawn) -> None:
        began_s = session_now_s()
        self._note("draw", drawn.draw_s)
        self._note("copy", drawn.copy_s)
        self._frames_at_s.append(drawn.render_at_s)
        if drawn.to_headset:
            self._encode(drawn, began_s)
        if began_s - self._mirror_at_s >= 1.0 / self._config.mirror_hz:
            self._mirror(drawn, began_s)
        self.busy_s = session_now_s() - began_s

    def _encode(self, drawn: Drawn, began_s: float) -> None:
        encoder = self._encoder_for(drawn)
        if self._desk.take_key_wish(drawn.render_at_s):
            encoder.ask_key()
        frame = encoder.convert(drawn.picture)
        converted_s = session_now_s()
        payload, key = encoder.encode(frame, drawn.render_at_s)
        encoded_s = session_now_s()
        self._note("convert", converted_s - began_s)
        self._note("encode", encoded_s - converted_s)
        look, (width, height) = drawn.look, drawn.eye_size
        self._send(
            Frame(
                frame_id=drawn.frame_id,
                pose_seq=look.pose_seq,
                eye_width=width,
                eye_height=height,
                render_at_s=drawn.render_at_s,
                sent_at_s=encoded_s,
                pose_client_ms=look.pose_client_ms,
                position=look.view.position,
                orientation=look.view.orientation,
                tan_left=look.view.tan_left,
                tan_right=look.view.tan_right,
                ipd_m=look.view.ipd_m,
                key=key,
                codec=encoder.codec,
                safe=look.veil >= 1.0,
                payload=payload,
                depth=b"" if drawn.depth is None else pack_depth(drawn.depth),
                panorama=drawn.panorama,
                foveation=drawn.parts,
            )
        )
        self._desk.left(drawn.frame_id, len(payload), drawn.eye_px, encoded_s)

    def _encoder_for(self, drawn: Drawn) -> Encoder:
        height, width = drawn.picture.shape[:2]
        bitrate_bps = self._desk.allowance().bitrate_bps
        wanted = (width, height, bitrate_bps, drawn.look.codecs)
        if self._encoder is None or wanted != self._encoder_as:
            rate_hz = 30.0 if self._rung is None else self._rung.rate_hz
            self._encoder = Encoder(
                codecs=drawn.look.codecs,
                width=width,
                height=height,
                rate_hz=rate_hz,
                bitrate_bps=bitrate_bps,
            )
            self._encoder_as = wanted
        if drawn.panorama:
            self._encoder.aim(regions_round(width, height))
        else:
            view, overscan_deg = drawn.look.view, self._config.overscan_deg
            self._encoder.aim(regions(view, overscan_deg, width // 2, height, drawn.parts))
        return self._encoder

    def _mirror(self, drawn: Drawn, began_s: float) -> None:
        start_s = session_now_s()
        height, width = drawn.picture.shape[:2]
        seen = drawn.picture[: height if drawn.parts is None else drawn.parts.rim_px, : width // 2]
        if drawn.panorama:  # a quarter of the circle, straight ahead
            seen = drawn.picture[height // 4 : 3 * height // 4, 3 * width // 8 : 5 * width // 8]
        self._send(Mirror(jpeg=self._jpeg.encode(seen), at_s=drawn.render_at_s))
        self._note("mirror", session_now_s() - start_s)
        self._mirror_at_s = began_s

    def _beat(self, now_s: float) -> None:
        alive = now_s - self._drawing_at_s < _DRAWING_DEAD_S
        scene = self._desk.shown
        # the sound goes over to the next place when it hears that the picture does: at once
        due = now_s - self._beat_at_s >= _HEARTBEAT_S or scene != self._told_scene
        if not due or not alive or self._rung is None:
            return
        self._beat_at_s, self._told_scene = now_s, scene
        refused, refusal = self._desk.refusals()
        self._send(
            RendererHeartbeat(
                at_s=now_s,
                fps=self._fps(now_s),
                eye_px=self._rung.eye_px,
                target_hz=self._rung.rate_hz if self._desk.looked_at else self._config.idle_hz,
                scene=scene,
                scene_s=self._scene_s,
                parts_ms={name: round(ms, 3) for name, ms in self._parts_ms.items()},
                in_flight=self._desk.in_flight,
                encoder="" if self._encoder is None else self._encoder.detail,
                bitrate_bps=self._desk.allowance().bitrate_bps,
                refused=refused,
                refusal=refusal,
            )
        )

    def _fps(self, now_s: float) -> float:
        recent = [at_s for at_s in self._frames_at_s if now_s - at_s < 1.25]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / (recent[-1] - recent[0])

    def _note(self, part: str, took_s: float) -> None:
        was = self._parts_ms.get(part, took_s * 1000.0)
        self._parts_ms[part] = was + _SMOOTHING * (took_s * 1000.0 - was)

    def _send(self, message: FromRenderer) -> None:
        self._conn.send(message)
