"""Pictures to packets: H.264 (NVENC where there is one, else x264), VP9 when asked, JPEG for the mirror."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType

from vr_world.rendering.errors import NoEncoder
from vr_world.rendering.focus import Region

__all__ = ["ENCODERS", "Encoder", "JpegEncoder", "Picture"]

#: Rows top first, B G R A: shape (height, width, 4).
Picture = npt.NDArray[np.uint8]

_CLOCK: Final = Fraction(1, 90_000)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    library: str
    codec: str
    options: Mapping[str, str]


#: By codec, best first. Key frames come only when asked for (an infinite group of pictures); `forced-idr`
#: makes such a frame a place where decoding can begin, with its parameter sets repeated.
ENCODERS: Final[Mapping[str, tuple[_Choice, ...]]] = {
    "h264": (
        _Choice(
            library="h264_nvenc",
            codec="h264",
            options={
                "preset": "p2",
                "tune": "ull",
                "zerolatency": "1",
                "delay": "0",
                "forced-idr": "1",
                "profile": "baseline",
                "rc": "vbr",
                "cq": "24",
                "no-scenecut": "1",
            },
        ),
        _Choice(
            library="libx264",
            codec="h264",
            options={
                "preset": "ultrafast",
                "tune": "zerolatency",
                "profile": "baseline",
                "crf": "20",
                "forced-idr": "1",
                # adaptive quantisation with no strength of its own: it takes the wishes for regions
                "x264-params": "scenecut=0:keyint=infinite:repeat-headers=1:annexb=1"
                ":aq-mode=1:aq-strength=0.01",
            },
        ),
    ),
    "vp9": (
        _Choice(
            library="libvpx-vp9",
            codec="vp9",
            options={"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "row-mt": "1"},
        ),
    ),
}

#: Longer than any session at any rate: the group of pictures ends only on request.
_NEVER: Final = 1 << 24


class Encoder:
    """One video stream of one size. A new size needs a new encoder, whose first frame is a key frame.

    Args:
        codecs: names that the client decodes, in its order of preference (`h264`, `vp9`).
        width: pixels of the whole picture; even.
        height: pixels; even.
        rate_hz: expected rate, for rate control.
        bitrate_bps: ceiling.
        threads: threads of the encoder.

    Raises:
        NoEncoder: none of `codecs` can be encoded on this machine.
    """

    def __init__(
        self,
        *,
        codecs: Sequence[str],
        width: int,
        height: int,
        rate_hz: float,
        bitrate_bps: int,
        threads: int = 2,
    ) -> None:
        self.width = width
        self.height = height
        self._converter = av.video.reformatter.VideoReformatter()
        self._context, choice, self._refusals = _opened(codecs, width, height, rate_hz, bitrate_bps, threads)
        self.library = choice.library
        self.codec = choice.codec
        self._key_wanted = True
        self._focus: Sequence[Region] = ()
        self._focusing: Any = None

    @property
    def detail(self) -> str:
        """The encoder's name, and why a better one of the same codec is not used, in one line."""
        return f"{self.library} ({'; '.join(self._refusals)})" if self._refusals else self.library

    def aim(self, focus: Sequence[Region]) -> None:
        """Spend the bits where `focus` says from the next frame on. An encoder that cannot do it does not."""
        if self.library == "libx264" and focus != self._focus:
            self._focus = focus
            self._focusing = _focusing(focus, self.width, self.height)

    def ask_key(self) -> None:
        """Make the next frame a key frame."""
        self._key_wanted = True

    def convert(self, picture: Picture) -> Any:
        """Return `picture` (height, width, 4) as a YUV frame that no longer refers to it."""
        if picture.shape != (self.height, self.width, 4):
            raise ValueError(f"a picture must be {(self.height, self.width, 4)}, got {picture.shape}")
        frame = av.VideoFrame.from_numpy_buffer(picture, format="bgra")
        return self._converter.reformat(
            frame,
            format="yuv420p",
            dst_colorspace=1,
            dst_color_range=1,
            interpolation="FAST_BILINEAR",
        )

    def encode(self, frame: Any, at_s: float) -> tuple[bytes, bool]:
        """Return the packet of `frame` as `convert` made it, and whether it is a key frame.

        Raises:
            NoEncoder: the encoder kept the frame back, which a low-latency stream must never do.
        """
        frame.pts = round(at_s * 90_000)
        frame.time_base = _CLOCK
        if self._focusing is not None:
            self._focusing.push(frame)
            frame = self._focusing.pull()
        frame.pict_type = PictureType.I if self._key_wanted else PictureType.NONE
        packets = self._context.encode(frame)
        if not packets:
            raise NoEncoder(f"{self.library} must give one packet for each frame, gave none")
        self._key_wanted = False
        return b"".join(bytes(p) for p in packets), any(p.is_keyframe for p in packets)


def _focusing(focus: Sequence[Region], width: int, height: int) -> Any:
    """Return a graph that marks each frame with the regions."""
    graph: Any = av.filter.Graph()
    last = graph.add_buffer(width=width, height=height, format="yuv420p", time_base=_CLOCK)
    for region in focus:
        marking = graph.add(
            "addroi",
            x=str(region.left),
            y=str(region.top),
            w=str(region.width),
            h=str(region.height),
            qoffset=f"{region.coarser:.4f}",
        )
        last.link_to(marking)
        last = marking
    last.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def _opened(
    codecs: Sequence[str], width: int, height: int, rate_hz: float, bitrate_bps: int, threads: int
) -> tuple[Any, _Choice, tuple[str, ...]]:
    """Return the first encoder that opens and why those before it did not.

    Being listed does not mean that the machine has the device.
    """
    refusals: list[str] = []
    for codec in codecs:
        for choice in ENCODERS.get(codec, ()):
            try:
                context: Any = av.CodecContext.create(choice.library, "w")
                context.width, context.height = width, height
                context.pix_fmt = "yuv420p"
                context.time_base = _CLOCK
                context.framerate = Fraction(rate_hz).limit_denominator(1000)
                context.gop_size = _NEVER
                context.max_b_frames = 0
                context.thread_count = threads
                context.color_range, context.colorspace = 1, 1  # limited range, BT.709
                context.options = _options(choice, bitrate_bps, rate_hz)
                if choice.library == "libvpx-vp9":
                    context.bit_rate = bitrate_bps // 2
                context.open()
            except av.error.FFmpegError as error:
                refusals.append(f"{choice.library}: {error.strerror}")
                continue
            return context, choice, tuple(refusals)
    raise NoEncoder(
        f"one of the client's codecs {tuple(codecs)!r} must be encodable at {width}x{height}; "
        f"tried {'; '.join(refusals) or 'nothing: none of them is known'}"
    )


def _options(choice: _Choice, bitrate_bps: int, rate_hz: float) -> dict[str, str]:
    options = dict(choice.options)
    if choice.codec == "h264":
        options["maxrate"] = str(bitrate_bps)
        options["bufsize"] = str(round(4 * bitrate_bps / rate_hz))
    return options


class JpegEncoder:
    """Pictures to JPEG at one size (the panel's mirror)."""

    def __init__(self, side_px: int, quality: int = 5) -> None:
        self._side_px = side_px
        self._quality = quality
        self._converter = av.video.reformatter.VideoReformatter()

    def encode(self, picture: Picture) -> bytes:
        """Return `picture` (height, width, 4), which may be a part of a wider one, scaled to the side."""
        context: Any = av.CodecContext.create("mjpeg", "w")
        context.width = context.height = self._side_px
        context.pix_fmt = "yuvj420p"
        context.time_base = _CLOCK
        context.thread_count = 1  # small: slices of its own for each thread only make the file larger
        context.flags |= 0x2  # AV_CODEC_FLAG_QSCALE: a constant quality
        context.global_quality = 118 * self._quality  # FF_QP2LAMBDA
        frame = self._converter.reformat(
            av.VideoFrame.from_numpy_buffer(picture, format="bgra"),
            width=self._side_px,
            height=self._side_px,
            format="yuvj420p",
            dst_color_range=2,
            interpolation="FAST_BILINEAR",
        )
        frame.pts = 0
        return b"".join(bytes(p) for p in context.encode(frame))
