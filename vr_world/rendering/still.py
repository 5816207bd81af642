"""Pictures and videos of a scene without a session: what `stillwater render` does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from therapy.controls import Controls
from vr_world.rendering.ease import finite, phase_after
from vr_world.rendering.encoder import Picture
from vr_world.rendering.errors import BadPicture
from vr_world.rendering.renderer import PanoramaRenderer, Renderer
from vr_world.rendering.view import View

__all__ = ["EYES", "parse_size", "render_still", "render_video"]

#: What can be drawn: two eyes side by side, the left one alone, or all round.
EYES: Final = ("both", "left", "panorama")
#: Called after each picture with how many are done and how many there will be.
Progress = Callable[[int, int], None]

_SIDE_RANGE_PX: Final = (16, 8192)
_LONGEST_S: Final = 3600.0


def parse_size(text: str) -> tuple[int, int]:
    """Return `1280x640` as (1280, 640).

    Raises:
        BadPicture: another form, odd sides, or sides outside 16 … 8192.
    """
    parts = text.lower().split("x")
    low, high = _SIDE_RANGE_PX
    if len(parts) == 2 and all(p.isascii() and p.isdigit() for p in parts):
        width, height = int(parts[0]), int(parts[1])
        if low <= width <= high and low <= height <= high and width % 2 == 0 and height % 2 == 0:
            return width, height
    raise BadPicture(f"a size must be WIDTHxHEIGHT, even, {low}…{high}, got {text!r}")


def render_still(
    scene: str,
    controls: Controls,
    *,
    at_s: float,
    seed: int,
    size: tuple[int, int],
    eyes: str,
    out: Path,
) -> None:
    """Write one picture of `scene`, `at_s` seconds old, as PNG. The same arguments give the same picture.

    Args:
        scene: name of a declared scene.
        controls: what it shows.
        at_s: age of the scene.
        seed: of the place.
        size: width and height of the whole picture (both eyes together), pixels.
        eyes: one of `EYES`.
        out: file to write, ending in `.png`.

    Raises:
        BadPicture: a name, size or time that cannot be.
        therapy.errors.BadPlugin: no such scene.
        therapy.errors.BadValue: a control outside its bounds.
        NoPipe: this machine cannot draw.
        OSError: the file cannot be written.
    """
    if out.suffix.lower() != ".png":
        raise BadPicture(f"a still picture must end in .png, got {out.name!r}")
    _check(at_s, size, eyes)
    finite(controls)
    draw = _drawer(scene, seed, size, eyes)
    out.write_bytes(_png(draw(controls, at_s)))


def render_video(  # noqa: PLR0913  # all by keyword: each is an option of the command line
    scene: str,
    controls: Controls,
    *,
    at_s: float,
    seconds: float,
    seed: int,
    size: tuple[int, int],
    eyes: str,
    out: Path,
    rate_hz: int = 30,
    progress: Progress | None = None,
) -> int:
    """Write `seconds` of `scene` as H.264 in MP4, with the breath running at the controls' pace.

    Args:
        scene: name of a declared scene.
        controls: what it shows; `pacer_phase` is where the breath begins.
        at_s: age of the scene at the first picture.
        seconds: length.
        seed: of the place.
        size: width and height of the whole picture, pixels.
        eyes: one of `EYES`.
        out: file to write, ending in `.mp4`.
        rate_hz: pictures a second.
        progress: called after each picture.

    Returns:
        How many pictures were written.

    Raises:
        As `render_still`.
    """
    if out.suffix.lower() != ".mp4":
        raise BadPicture(f"a video must end in .mp4, got {out.name!r}")
    if not (math.isfinite(seconds) and 0.0 < seconds <= _LONGEST_S):
        raise BadPicture(f"a video must last 0…{_LONGEST_S:g} s, got {seconds!r}")
    _check(at_s, size, eyes)
    finite(controls)
    draw = _drawer(scene, seed, size, eyes)
    count = max(1, round(seconds * rate_hz))

    def pictures() -> Iterator[Picture]:
        for index in range(count):
            yield draw(phase_after(controls, index / rate_hz), at_s + index / rate_hz)
            if progress is not None:
                progress(index + 1, count)

    _write_mp4(out, size, rate_hz, pictures())
    return count


def _check(at_s: float, size: tuple[int, int], eyes: str) -> None:
    if eyes not in EYES:
        raise BadPicture(f"eyes must be one of {', '.join(EYES)}, got {eyes!r}")
    if not (math.isfinite(at_s) and 0.0 <= at_s <= 86_400.0):
        raise BadPicture(f"the scene's age must be 0…86400 s, got {at_s!r}")
    parse_size(f"{size[0]}x{size[1]}")
    if eyes == "panorama" and size[0] != 2 * size[1]:
        raise BadPicture(f"a panorama must be twice as wide as high, got {size[0]}x{size[1]}")
    if eyes == "both" and size[0] % 4:
        raise BadPicture(f"two eyes need a width that 4 divides, got {size[0]}")


def _drawer(scene: str, seed: int, size: tuple[int, int], eyes: str) -> Callable[[Controls, float], Picture]:
    width, height = size
    picture = np.empty((height, width, 4), np.uint8)
    if eyes == "panorama":
        panorama = PanoramaRenderer(scene, seed, width)

        def draw_round(controls: Controls, at_s: float) -> Picture:
            panorama.draw(controls, at_s)
            panorama.copy_into(picture)
            return picture

        return draw_round
    eye_px = width // 2 if eyes == "both" else width
    renderer = Renderer(scene, seed, eye_px, height)
    wide = eye_px / height
    tan = (min(wide, 1.0), min(wide, 1.0), min(1.0 / wide, 1.0), min(1.0 / wide, 1.0))
    view = View(tan_left=tan, tan_right=tan)
    pair = np.empty((height, 2 * eye_px, 4), np.uint8)

    def draw_eyes(controls: Controls, at_s: float) -> Picture:
        renderer.draw(view, controls, at_s)
        renderer.copy_into(pair)
        return np.ascontiguousarray(pair[:, :width])

    return draw_eyes


def _png(picture: Picture) -> bytes:
    height, width = picture.shape[:2]
    context: Any = av.CodecContext.create("png", "w")
    context.width, context.height = width, height
    context.pix_fmt = "rgb24"
    context.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_numpy_buffer(picture, format="bgra").reformat(format="rgb24")
    frame.pts = 0
    return b"".join(bytes(p) for p in (*context.encode(frame), *context.encode(None)))


def _write_mp4(out: Path, size: tuple[int, int], rate_hz: int, pictures: Iterator[Picture]) -> None:
    with av.open(str(out), "w") as container:
        stream: Any = container.add_stream("libx264", rate=rate_hz)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "medium", "crf": "17", "movflags": "+faststart"}
        stream.codec_context.color_range, stream.codec_context.colorspace = 1, 1
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_numpy_buffer(picture, format="bgra").reformat(
                format="yuv420p", dst_colorspace=1, dst_color_range=1
            )
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
