"""Pictures and videos without a session. Each is drawn in a process of its own: one engine per process."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from therapy.controls import NEUTRAL
from vr_world.rendering.errors import BadPicture
from vr_world.rendering.still import parse_size, render_still, render_video


def apart(work: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    child = multiprocessing.get_context("spawn").Process(target=work, args=args, kwargs=kwargs)
    child.start()
    child.join(60.0)
    assert child.exitcode == 0


def pixels(path: Path) -> list[npt.NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


def still(out: Path, *, size: tuple[int, int], eyes: str, at_s: float = 10.0) -> npt.NDArray[np.uint8]:
    apart(render_still, "ocean", NEUTRAL, at_s=at_s, seed=7, size=size, eyes=eyes, out=out)
    return pixels(out)[0]


def test_both_eyes_left_eye_and_all_round(tmp_path: Path) -> None:
    both = still(tmp_path / "both.png", size=(640, 320), eyes="both")
    left = still(tmp_path / "left.png", size=(320, 320), eyes="left")
    round_ = still(tmp_path / "round.png", size=(512, 256), eyes="panorama")
    assert both.shape == (320, 640, 3)
    assert np.array_equal(both[:, :320], left)
    assert np.any(both[:, 320:] != left)
    assert round_.shape == (256, 512, 3)
    assert np.abs(round_[:, 0].astype(int) - round_[:, -1]).mean() < 6.0, "it closes behind"
    ahead = round_[128 - 40 : 128 + 20, 256 - 40 : 256 + 40].astype(int).mean(axis=(0, 1))
    seen = left[75:225, 75:225].astype(int).mean(axis=(0, 1))
    assert np.abs(ahead - seen).max() < 25.0, "straight ahead lies in the middle"
    assert np.abs(round_[-1].astype(int) - round_[-8]).mean() < 12.0, "there is water under the seat"


def test_the_same_words_give_the_same_file(tmp_path: Path) -> None:
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    still(one, size=(320, 160), eyes="left")
    still(other, size=(320, 160), eyes="left")
    assert one.read_bytes() == other.read_bytes()


def test_a_video_has_its_length_and_moves(tmp_path: Path) -> None:
    out = tmp_path / "sea.mp4"
    apart(
        render_video,
        "ocean",
        NEUTRAL,
        at_s=0.0,
        seconds=1.0,
        seed=7,
        size=(256, 128),
        eyes="both",
        out=out,
        rate_hz=12,
    )
    frames = pixels(out)
    assert len(frames) == 12
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 0.3


@pytest.mark.parametrize(
    "text", ["", "640", "640x", "641x320", "8x8", "99999x64", "640x320x2", "-640x320", "６４０x320"]
)
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadPicture, match="a size must be WIDTHxHEIGHT"):
        parse_size(text)


def test_a_size_is_read() -> None:
    assert parse_size("1280X640") == (1280, 640)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"eyes": "right"}, "eyes must be one of both, left, panorama"),
        ({"at_s": math.nan}, "the scene's age"),
        ({"at_s": -1.0}, "the scene's age"),
        ({"size": (640, 640), "eyes": "panorama"}, "twice as wide"),
        ({"size": (642, 320)}, "4 divides"),
        ({"size": (0, 320)}, "a size must be"),
        ({"out": Path("sea.gif")}, "must end in .png"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_opened(
    changes: dict[str, Any], reason: str
) -> None:
    asked: dict[str, Any] = {
        "at_s": 1.0,
        "seed": 1,
        "size": (640, 320),
        "eyes": "both",
        "out": Path("sea.png"),
    }
    with pytest.raises(BadPicture, match=reason):
        render_still("ocean", NEUTRAL, **(asked | changes))


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.inf, math.nan, 1e9])
def test_a_video_of_no_length_is_refused(seconds: float) -> None:
    with pytest.raises(BadPicture, match="a video must last"):
        render_video(
            "ocean",
            NEUTRAL,
            at_s=0.0,
            seconds=seconds,
            seed=1,
            size=(64, 32),
            eyes="both",
            out=Path("sea.mp4"),
        )
