"""Large pictures: coarse all over, fine in the middle; how they are divided, and that both show one place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vr_world.rendering.focus import regions
from vr_world.rendering.foveated import FOVEATED_FROM_PX, drawn_pixels, foveation, packed_shape
from vr_world.rendering.quality import EYE_SIZES_PX, Ladder
from vr_world.rendering.view import View, widened

WIDE = widened((1.0, 1.0, 1.0, 1.0), 12.0)
#: Draws one place whole and divided from the same head, then its safe picture, and writes them down.
DRAW = """
import sys
import numpy as np
from therapy.controls import NEUTRAL
from vr_world.rendering.renderer import Renderer
from vr_world.rendering.view import View

side, out = int(sys.argv[1]), sys.argv[2]
tan = (1.2, 1.5, 1.3, 1.4)
view = View(orientation=(0.0, 0.1, 0.0, 0.995), tan_left=tan, tan_right=(1.5, 1.2, 1.3, 1.4))
renderer = Renderer("ocean", 7, 64, foveated=True)
renderer.resize(side)
drawn = {}
for name, veil in (("divided", 0.0), ("safe", 1.0)):
    renderer.draw(view, NEUTRAL, 3.0, veil)
    drawn[name] = np.empty(renderer.picture_shape, np.uint8)
    renderer.copy_into(drawn[name])
    drawn[name + "_depth"] = renderer.depth()
parts = renderer.parts
drawn["middle"] = np.array([parts.rim_px, parts.middle_px, *parts.middle_left, *parts.middle_right])
renderer.resize(side, side + 16)
assert renderer.parts is None, "only square pictures are divided"
renderer.resize(side)
renderer._foveates = False
renderer.resize(side + 16)
assert renderer.parts is None
renderer.resize(side)
for name, veil in (("whole", 0.0), ("whole_safe", 1.0)):
    renderer.draw(view, NEUTRAL, 3.0, veil)
    drawn[name] = np.empty(renderer.picture_shape, np.uint8)
    renderer.copy_into(drawn[name])
    drawn[name + "_depth"] = renderer.depth()
np.savez(out, **drawn)
"""
TAN = (1.2, 1.5, 1.3, 1.4)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.float64]]:
    out = tmp_path_factory.mktemp("foveated") / "drawn.npz"
    _run(out)
    with np.load(out) as held:
        return {name: held[name].astype(np.float64) for name in held.files}


def _run(out: Path) -> None:
    command = [sys.executable, "-c", DRAW, str(FOVEATED_FROM_PX), str(out)]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)


def _luma(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(picture[..., :3].mean(axis=-1))


@pytest.mark.parametrize("eye_px", [px for px in EYE_SIZES_PX if px >= FOVEATED_FROM_PX])
def test_a_large_picture_is_divided_into_whole_macroblocks_and_fewer_pixels(eye_px: int) -> None:
    parts = foveation(View(tan_left=WIDE, tan_right=WIDE), eye_px)
    assert parts is not None
    assert parts.rim_px % 16 == parts.middle_px % 16 == 0
    assert packed_shape(eye_px) == (parts.rim_px + parts.middle_px, 2 * parts.rim_px)
    assert drawn_pixels(eye_px) < 0.52 * 2 * eye_px**2
    # as fine as the whole would be: the same tangent a pixel
    assert sum(parts.middle_left[:2]) / parts.middle_px == pytest.approx(sum(WIDE[:2]) / eye_px)
    assert 0.5 < parts.middle_left[0] < 0.6, "28° and a little to each side"


def test_a_small_picture_is_drawn_whole() -> None:
    assert foveation(View(), 640) is None
    assert packed_shape(640) == (640, 1280)
    assert drawn_pixels(640) == 2 * 640**2


def test_the_middle_is_about_the_line_of_sight_and_never_beyond_the_view() -> None:
    parts = foveation(View(tan_left=(0.1, 1.7, 1.5, 0.2), tan_right=(1.7, 0.1, 0.2, 1.5)), 1024)
    assert parts is not None
    left, right, up, down = parts.middle_left
    assert left == pytest.approx(0.1)
    assert down == pytest.approx(0.2)
    assert left + right == pytest.approx(1.8 * 352 / 1024)
    assert up + down == pytest.approx(1.7 * 352 / 1024)
    assert parts.middle_right == pytest.approx((right, left, down, up))


def test_bits_go_to_the_middles_first_and_least_to_what_is_beyond_the_view() -> None:
    view = View(tan_left=WIDE, tan_right=WIDE)
    parts = foveation(view, 1024)
    fine_left, fine_right, seen_left, seen_right, whole = regions(view, 12.0, 608, 960, parts)
    assert [(r.left, r.top, r.width, r.height) for r in (fine_left, fine_right)] == [
        (0, 608, 352, 352),
        (608, 608, 352, 352),
    ]
    assert (whole.width, whole.height) == (1216, 960)
    assert seen_right.left - seen_left.left == 608
    assert seen_left.top + seen_left.height < 608
    assert fine_left.coarser < seen_left.coarser < whole.coarser


def test_a_machine_with_some_room_climbs_to_the_first_divided_picture() -> None:
    ladder = Ladder(eye_px=640, min_eye_px=384, max_eye_px=1440, rate_hz=30.0)
    for frame in range(200):
        ladder.saw(0.7 / 30.0, frame / 30.0)
    assert ladder.rung.eye_px == FOVEATED_FROM_PX, "it has fewer pixels than the whole picture of 640"


def test_the_rim_shows_the_whole_view(drawn: dict[str, NDArray[np.float64]]) -> None:
    rim = int(drawn["middle"][0])
    whole, divided = _luma(drawn["whole"]), _luma(drawn["divided"])
    for eye in range(2):
        seen = whole[:, eye * FOVEATED_FROM_PX : (eye + 1) * FOVEATED_FROM_PX]
        blocks = seen.reshape(48, 16, 48, 16).mean(axis=(1, 3))
        coarse = divided[:rim, eye * rim : (eye + 1) * rim]
        edges = np.linspace(0, rim, 49).round().astype(int)
        means = np.add.reduceat(np.add.reduceat(coarse, edges[:-1], 0), edges[:-1], 1)
        area = np.outer(np.diff(edges), np.diff(edges))
        assert np.abs(means / area - blocks).mean() < 1.0


def test_the_middle_is_what_the_whole_picture_has_there(drawn: dict[str, NDArray[np.float64]]) -> None:
    rim, size = (int(n) for n in drawn["middle"][:2])
    whole, divided = _luma(drawn["whole"]), _luma(drawn["divided"])
    for eye, (left, _, up, _) in enumerate((drawn["middle"][2:6], drawn["middle"][6:10])):
        wide = (TAN, (TAN[1], TAN[0], TAN[2], TAN[3]))[eye]
        column = (wide[0] - left) / (wide[0] + wide[1]) * FOVEATED_FROM_PX + eye * FOVEATED_FROM_PX
        row = (wide[2] - up) / (wide[2] + wide[3]) * FOVEATED_FROM_PX
        at = (round(row), round(column))
        there = whole[at[0] : at[0] + size, at[1] : at[1] + size]
        middle = divided[rim : rim + size, eye * rim : eye * rim + size]
        assert np.abs(there - middle).mean() < 2.5, "up to half a pixel apart"
        assert np.abs(there - middle).mean() < 0.5 * np.abs(np.roll(there, 6, axis=0) - middle).mean()


def test_depth_is_the_same_and_so_is_the_safe_picture(drawn: dict[str, NDArray[np.float64]]) -> None:
    assert np.abs(drawn["divided_depth"] - drawn["whole_depth"]).mean() < 2.0
    assert drawn["whole_depth"].max() > 20.0
    rim, size = (int(n) for n in drawn["middle"][:2])
    whole, divided = _luma(drawn["whole_safe"]), _luma(drawn["safe"])
    assert np.abs(divided[:rim, :rim].mean() - whole[:, :FOVEATED_FROM_PX].mean()) < 0.5
    half = FOVEATED_FROM_PX // 2
    assert divided[rim : rim + size, :size].mean() == pytest.approx(
        whole[half - size // 2 : half + size // 2, half - size // 2 : half + size // 2].mean(), abs=1.0
    )
