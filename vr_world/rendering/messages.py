"""What the room and the renderer process say to each other, as frozen values sent through a pipe.

Positions are WebXR's (metres, x right, y up, −z forward) relative to the seated origin; all `*_s` stamps
are session time.
"""

from __future__ import annotations

import dataclasses
from typing import Final, Literal, TypeAlias

from therapy.controls import NEUTRAL, Controls
from therapy.personal import PLAIN, SceneLook
from vr_world.streaming.protocol import Foveation

__all__ = [
    "Ack",
    "Frame",
    "FromRenderer",
    "HeadsetOff",
    "HeadsetOn",
    "KeyRequest",
    "Mirror",
    "Pose",
    "RendererConfig",
    "RendererHeartbeat",
    "Safe",
    "SetControls",
    "SetScene",
    "SetStream",
    "Shutdown",
    "Stream",
    "ToRenderer",
]

#: left, right, up, down; all positive: tangents of the angles from the line of sight.
Tan: TypeAlias = tuple[float, float, float, float]

#: What is drawn: the view of one head, or all round for any number of heads.
Stream: TypeAlias = Literal["view", "panorama"]

#: A common headset's field of view (about ±45°), used until a headset tells its own.
IDLE_TAN: Final[Tan] = (1.0, 1.0, 1.0, 1.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RendererConfig:
    """How to start a renderer.

    Attributes:
        scene: name of a declared `SceneSpec`.
        seed: the same seed builds the same place.
        controls: shown until the first `SetControls`.
        scene_s: seconds that the scene has already lived (a respawned renderer goes on where it was).
        eye_px: side of one eye's square picture to begin with.
        min_eye_px: the quality ladder never goes below.
        max_eye_px: nor above.
        frame_rate_hz: rate to hold; `None` is 30 on a software pipe and 72 on hardware.
        bitrate_bps: ceiling of the video stream.
        overscan_deg: widening of the client's field of view on each side.
        fade_in_s: time from the dark-warm picture to the scene at the start.
        mirror_px: side of the mirror picture.
        mirror_hz: rate of the mirror picture.
        idle_hz: rate of rendering while no headset looks.
        look: how the place is dressed for the patient.
        stream: what is drawn to begin with; the size of a panorama follows `eye_px`.
    """

    scene: str = "ocean"
    seed: int = 0
    controls: Controls = NEUTRAL
    scene_s: float = 0.0
    eye_px: int = 640
    min_eye_px: int = 384
    max_eye_px: int = 1440
    frame_rate_hz: float | None = None
    bitrate_bps: int = 16_000_000
    overscan_deg: float = 12.0
    fade_in_s: float = 3.0
    mirror_px: int = 480
    mirror_hz: float = 4.0
    idle_hz: float = 5.0
    look: SceneLook = PLAIN
    stream: Stream = "view"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SetControls:
    """What the world shall do from `at_s` on; 20 Hz."""

    controls: Controls
    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where a head is. `client_ms` is the headset's own clock, echoed. Newest wins."""

    headset: str
    seq: int
    client_ms: float
    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float]
    tan_left: Tan
    tan_right: Tan
    ipd_m: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The headset has decoded a frame. `rtt_ms`: what its pings take, if that is known."""

    headset: str
    frame_id: int
    decode_ms: float
    rtt_ms: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """The headset cannot decode on without a key frame."""

    headset: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeadsetOn:
    """A headset looks; the newest one drives the view. `codecs`: what it decodes, e.g. `("h264", "vp9")`."""

    headset: str
    codecs: tuple[str, ...] = ("h264",)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeadsetOff:
    """A headset went."""

    headset: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Safe:
    """Fade to the dark-warm picture (`on`, at most a quarter second whatever `fade_s` says) or back."""

    on: bool
    fade_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SetScene:
    """Go to another place, or dress this one anew, through a fade."""

    name: str
    look: SceneLook = PLAIN


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SetStream:
    """Draw the view of one head, or all round."""

    stream: Stream


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """End the process cleanly."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One encoded picture, two eyes side by side or all round, with all that its wire header needs.

    Attributes:
        frame_id: counts from 1.
        pose_seq: `Pose.seq` it was rendered for; 0 = no pose yet.
        eye_width: pixels of one eye, as fine as its middle; of the whole picture in a panorama.
        eye_height: pixels of one eye.
        render_at_s: when drawing began, session time.
        sent_at_s: when the process put it into the pipe, session time.
        pose_client_ms: `Pose.client_ms`, echoed.
        position: exact head position of the drawing (WebXR axes).
        orientation: exact head orientation of the drawing, x y z w.
        tan_left: field of view drawn for the left eye, overscan included.
        tan_right: the same for the right eye.
        ipd_m: distance of the two eyes drawn.
        key: whether decoding can begin here.
        codec: `h264` or `vp9`.
        safe: whether this is the safe picture (fully faded).
        payload: H.264 Annex B, or one VP9 frame.
        depth: coarse depth of the picture as `streaming.depth.pack_depth` packs it; empty without.
        panorama: equirectangular, straight ahead (−z) in the middle, the same for both eyes.
        foveation: how the picture is divided into rims and middles; `None`: it is not.
    """

    frame_id: int
    pose_seq: int
    eye_width: int
    eye_height: int
    render_at_s: float
    sent_at_s: float
    pose_client_ms: float
    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float]
    tan_left: Tan
    tan_right: Tan
    ipd_m: float
    key: bool
    codec: str
    safe: bool
    payload: bytes
    depth: bytes = b""
    panorama: bool = False
    foveation: Foveation | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """What the patient sees (left eye) as one JPEG, for the panel."""

    jpeg: bytes
    at_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RendererHeartbeat:
    """The renderer lives.

    Attributes:
        at_s: session time.
        fps: frames drawn in a second, over the last second or so.
        eye_px: side of one eye's picture now.
        target_hz: rate that is aimed at now.
        scene: the place that is shown, or that the veil closes for.
        scene_s: age of the scene, to be given to a respawned renderer.
        parts_ms: smoothed time of each stage by name: `draw`, `copy`, `convert`, `encode`, `mirror`.
        in_flight: frames sent and not yet acknowledged.
        encoder: the encoder in use, and better ones that refused; empty before the first frame.
        bitrate_bps: ceiling of the video stream now, as far as the link carries.
        refused: bad inputs refused so far.
        refusal: the newest of them: what, limit, value.
    """

    at_s: float
    fps: float
    eye_px: int
    target_hz: float
    scene: str
    scene_s: float
    parts_ms: dict[str, float]
    in_flight: int
    encoder: str
    bitrate_bps: int
    refused: int
    refusal: str


ToRenderer: TypeAlias = (
    SetControls | Pose | Ack | KeyRequest | HeadsetOn | HeadsetOff | Safe | SetScene | SetStream | Shutdown
)
FromRenderer: TypeAlias = Frame | Mirror | RendererHeartbeat
