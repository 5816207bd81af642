"""What the renderer knows at any moment: the newest word of each kind, behind one lock."""

from __future__ import annotations

import dataclasses
import math
import threading
from typing import Final, assert_never

from therapy.controls import Controls
from therapy.errors import BadValue
from therapy.personal import SceneLook
from vr_world.rendering.congestion import Allowance, LinkLadder
from vr_world.rendering.ease import Easer
from vr_world.rendering.errors import BadView
from vr_world.rendering.fade import SAFE_WITHIN_S, SCENE_CLOSE_S, Veil
from vr_world.rendering.flight import Flight
from vr_world.rendering.messages import (
    Ack,
    HeadsetOff,
    HeadsetOn,
    KeyRequest,
    Pose,
    RendererConfig,
    Safe,
    SetControls,
    SetScene,
    SetStream,
    Shutdown,
    Stream,
    ToRenderer,
)
from vr_world.rendering.view import STRAIGHT_AHEAD, View, checked, widened

__all__ = ["KEY_EVERY_S", "Desk", "Look"]

#: Of a longer gap between two pictures, only this much counts for a fade: no step, whatever the machine does.
_SEEN_S: Final = 0.12
#: A key frame costs some three others. Requests that come faster are met together.
KEY_EVERY_S: Final = 0.4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything one picture is drawn from."""

    view: View
    controls: Controls
    veil: float
    pose_seq: int
    pose_client_ms: float
    codecs: tuple[str, ...]
    scene: str
    dress: SceneLook
    stream: Stream = "view"


class Desk:
    """Takes the room's words from one thread and gives them to the others.

    Args:
        config: first controls, overscan, fade-in.
        at_s: session time of the start.
    """

    def __init__(self, config: RendererConfig, at_s: float) -> None:
        self._changed = threading.Condition()
        self._overscan_deg = config.overscan_deg
        self._easer = Easer(config.controls, at_s)
        self._veil = Veil()
        self._safe = False
        self._shown_since_s: float | None = None
        self._fade_in_s = config.fade_in_s
        self._scene = config.scene
        self._dress = config.look
        self._stream: Stream = config.stream
        self._built: tuple[str, SceneLook] | None = None
        self._headset = ""
        self._codecs: tuple[str, ...] = ()
        self._pose: Pose | None = None
        self._view = _idle(config.overscan_deg)
        self._flight = Flight()
        self._link = LinkLadder(bitrate_bps=config.bitrate_bps, min_eye_px=config.min_eye_px)
        self._eye_px = config.eye_px
        self._key_wanted = True
        self._key_at_s = -math.inf
        self._stopped = False
        self._looked_s = at_s
        self._refused = 0
        self._refusal = ""

    @property
    def stopped(self) -> bool:
        """Whether everything shall end."""
        return self._stopped

    def stop(self) -> None:
        """End everything; wakes who waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def take(self, message: ToRenderer, at_s: float) -> None:
        """Learn what the room says at `at_s`. What is outside its limits is refused and counted."""
        with self._changed:
            try:
                self._learn(message, at_s)
            except (BadValue, BadView) as error:
                self._count(str(error))
            self._changed.notify_all()

    def refuse(self, reason: str) -> None:
        """Count something else that was refused, and why."""
        with self._changed:
            self._count(reason)

    def wait(self, timeout_s: float) -> None:
        """Return when something came in, or after `timeout_s`."""
        with self._changed:
            if not self._stopped:
                self._changed.wait(max(timeout_s, 0.0))

    def begin(self, at_s: float, scene: str, dress: SceneLook) -> None:
        """Open the veil on `scene`, which has been built and dressed, unless another is wanted by now."""
        with self._changed:
            self._built = (scene, dress)
            if not self._safe and self._ready:
                self._veil.open(at_s, self._fade_in_s)

    def veil(self, at_s: float) -> None:
        """Close the veil: the place that is wanted stands ready behind it. Repeating it changes nothing."""
        with self._changed:
            self._veil.close(at_s, SCENE_CLOSE_S)

    def reopen(self, at_s: float) -> None:
        """Open the veil again that closed for a place which is not wanted any more."""
        with self._changed:
            if self._veil.closing and self._ready and not self._safe:
                self._veil.open(at_s, self._fade_in_s)

    def stay(self, at_s: float, scene: str, dress: SceneLook) -> None:
        """Want the place that is shown again: the other one cannot be built."""
        with self._changed:
            self._scene, self._dress = scene, dress
            if not self._safe:
                self._veil.open(at_s, self._fade_in_s)

    @property
    def shown(self) -> str:
        """Name of the place that is shown, or that is coming now."""
        with self._changed:
            if self._built is None or self._veil.closing:
                return self._scene
            return self._built[0]

    def look(self, at_s: float) -> Look:
        """Return what to draw at `at_s`."""
        with self._changed:
            unseen_s = at_s - self._looked_s - _SEEN_S
            self._looked_s = at_s
            if unseen_s > 0.0 and self._codecs and not self._safe:  # a stop is never slowed down
                self._veil.wait(unseen_s)
            pose = self._pose
            return Look(
                view=self._view,
                controls=self._easer.at(at_s),
                veil=self._veil.at(at_s),
                pose_seq=0 if pose is None else pose.seq,
                pose_client_ms=0.0 if pose is None else pose.client_ms,
                codecs=self._codecs,
                scene=self._scene,
                dress=self._dress,
                stream=self._stream,
            )

    def may_send(self, at_s: float) -> bool:
        """Whether a headset looks and has room for another frame."""
        with self._changed:
            if not self._codecs:
                return False
            if self._flight.lost(at_s):
                self._link.forget()
                self._key_wanted = True
            return self._flight.may_send()

    def sent(self, frame_id: int, at_s: float) -> None:
        """A frame is on its way."""
        with self._changed:
            self._flight.sent(frame_id, at_s)

    def left(self, frame_id: int, size_bytes: int, eye_px: int, at_s: float) -> None:
        """A frame has been encoded and handed to the link."""
        with self._changed:
            self._eye_px = eye_px
            self._link.sent(frame_id, size_bytes, at_s)

    def allowance(self) -> Allowance:
        """Return what the link to the headset carries now."""
        with self._changed:
            return self._link.allowance

    def take_key_wish(self, at_s: float) -> bool:
        """Return whether the frame of `at_s` must be a key frame; a wish too soon after the last waits."""
        with self._changed:
            if not self._key_wanted or at_s - self._key_at_s < KEY_EVERY_S:
                return False
            self._key_wanted, self._key_at_s = False, at_s
            return True

    @property
    def looked_at(self) -> bool:
        """Whether a headset looks."""
        return bool(self._codecs)

    @property
    def _ready(self) -> bool:
        """Whether what is wanted is what was built last."""
        return self._built == (self._scene, self._dress)

    @property
    def in_flight(self) -> int:
        """Frames sent and not acknowledged."""
        return len(self._flight)

    def refusals(self) -> tuple[int, str]:
        """Return how many bad inputs were refused and the newest one's reason."""
        with self._changed:
            return self._refused, self._refusal

    def _count(self, reason: str) -> None:
        self._refused += 1
        self._refusal = reason[:200]

    def _learn(self, message: ToRenderer, at_s: float) -> None:  # noqa: C901, PLR0912  # one branch a message
        match message:
            case SetControls():
                self._easer.take(message.controls, message.at_s)
            case Pose():
                self._look_from(message)
            case Ack():
                if message.headset == self._headset:
                    self._flight.acked(message.frame_id, at_s)
                    rtt_s = None if message.rtt_ms is None else message.rtt_ms / 1000.0
                    decode_s = message.decode_ms / 1000.0
                    self._link.acked(message.frame_id, decode_s, self._eye_px, at_s, rtt_s)
            case KeyRequest():
                if message.headset == self._headset:
                    self._key_wanted = True
            case HeadsetOn():
                self._headset, self._codecs = message.headset, tuple(message.codecs)
                self._leave_head()
            case HeadsetOff():
                if message.headset == self._headset:
                    self._headset, self._codecs = "", ()
                    self._leave_head()
            case Safe():
                self._go_safe(message, at_s)
            case SetScene():
                if (message.name, message.look) != (self._scene, self._dress):
                    self._scene, self._dress = message.name, message.look
            case SetStream():
                self._stream = message.stream
            case Shutdown():
                self._stopped = True
            case _:
                assert_never(message)

    def _look_from(self, pose: Pose) -> None:
        if pose.headset != self._headset:
            return
        view = checked(
            View(
                position=pose.position,
                orientation=pose.orientation,
                tan_left=pose.tan_left,
                tan_right=pose.tan_right,
                ipd_m=pose.ipd_m,
            )
        )
        self._pose = pose
        self._view = dataclasses.replace(
            view,
            tan_left=widened(view.tan_left, self._overscan_deg),
            tan_right=widened(view.tan_right, self._overscan_deg),
        )

    def _leave_head(self) -> None:
        self._pose = None
        self._view = _idle(self._overscan_deg)
        self._flight = Flight()
        self._link.forget()
        self._key_wanted, self._key_at_s = True, -math.inf

    def _go_safe(self, word: Safe, at_s: float) -> None:
        if not math.isfinite(word.fade_s):
            word = dataclasses.replace(
                word, fade_s=0.0 if word.on else 3.0
            )  # stop is obeyed, however it is said
        self._safe = word.on
        if word.on:
            self._veil.close(at_s, min(word.fade_s, SAFE_WITHIN_S))
        elif self._ready:
            self._veil.open(at_s, word.fade_s)


def _idle(overscan_deg: float) -> View:
    tan = widened(STRAIGHT_AHEAD.tan_left, overscan_deg)
    return dataclasses.replace(STRAIGHT_AHEAD, tan_left=tan, tan_right=tan)
