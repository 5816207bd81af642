"""Draw every place at four hours, calm and stirred: `python scripts/contact_sheet.py`.

docs/pictures/scenes.jpg    one row a place and weather; dawn, noon, dusk, night from left to right
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from therapy.controls import NEUTRAL
from therapy.discover import declared
from therapy.specs import SceneSpec
from vr_world.rendering.encoder import Picture
from vr_world.rendering.studio import Studio
from vr_world.rendering.view import View

OUT: Final = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "scenes.jpg"
HOURS: Final = (5.7, 13.0, 19.3, 23.5)
#: Calm with little in the air, and stirred with much of it.
WEATHERS: Final = ((0.05, 0.25), (0.9, 0.65))
WIDE_PX, HIGH_PX = 480, 270
#: A wide view, its horizon below the middle.
TAN: Final = (1.0, 1.0, 1.0, 1.0)


def main() -> None:
    """Write the sheet."""
    rows = []
    for scene in declared("scenes", "SCENE", SceneSpec):
        with Studio(scene, seed=7) as studio:
            for weather, density in WEATHERS:
                rows.append(np.concatenate([cell(studio, h, weather, density) for h in HOURS], axis=1))
    sheet = np.ascontiguousarray(np.concatenate(rows, axis=0))
    OUT.write_bytes(jpeg(sheet))
    print(f"{OUT.name}: {sheet.shape[1]}x{sheet.shape[0]} px, {OUT.stat().st_size // 1000} kB")


def cell(studio: Studio, hour: float, weather: float, density: float) -> Picture:
    """Return the left eye's picture, cut to 16:9."""
    controls = dataclasses.replace(
        NEUTRAL, time_of_day_h=hour, weather=weather, density=density, pacer_phase=0.3, light=0.55, birds=0.6
    )
    view = View(tan_left=TAN, tan_right=TAN)
    square = studio.picture(controls, 24.0, view=view, eye_px=WIDE_PX)[:, :WIDE_PX]
    top = (WIDE_PX - HIGH_PX) // 2 - 45
    return square[top : top + HIGH_PX]


def jpeg(picture: Picture) -> bytes:
    """Return `picture` (rows, columns, 4), B G R A, as JPEG."""
    context: Any = av.CodecContext.create("mjpeg", "w")
    context.height, context.width = picture.shape[:2]
    context.pix_fmt = "yuvj444p"
    context.time_base = Fraction(1, 25)
    context.options = {"qmin": "2", "qmax": "4"}
    frame = av.VideoFrame.from_numpy_buffer(picture, format="bgra").reformat(
        format="yuvj444p", dst_color_range=2
    )
    frame.pts = 0
    return b"".join(bytes(p) for p in (*context.encode(frame), *context.encode(None)))


if __name__ == "__main__":
    main()
