from __future__ import annotations

import numpy as np
import pytest
from panda3d import core

from benchmarks import _draw_list, frames, scenes
from scenes._geometry import byte_texture, mesh, shader
from scenes._parts import add, blend_over, dome

LOAD = scenes.Load(build_s=0.5, resident_mb=250.0, parts_ms={"water": 9.0, "sky": 12.0})


def duel(**changes: object) -> scenes.Duel:
    values: dict[str, object] = {
        "ours_ms": [30.0, 31.0, 32.0],
        "drawn_ms": [28.0, 29.0, 30.0],
        "bare_ms": [28.0, 28.0, 40.0],
        "drawn_cpu_ms": [50.0],
        "bare_cpu_ms": [40.0],
        "apart": 0.1,
    }
    return scenes.Duel(**(values | changes))  # type: ignore[arg-type]  # the names are Duel's own


def test_a_scene_is_held_against_the_bare_program_and_its_parts_come_costliest_first() -> None:
    figures = scenes.duel_figures("lake", duel(), LOAD)
    found = {figure.name: figure for figure in figures}
    assert found["lake: drawn and read back"].value == 29.0
    assert found["lake: drawn and read back"].limit == pytest.approx(1.15 * 28.0)
    assert found["lake: drawn, processor time"].ratio == pytest.approx(50.0 / 46.0)
    assert found["lake: built"].limit == 2.0
    assert [figure.name for figure in figures[-2:]] == ["lake: sky", "lake: water"]


def test_pictures_are_compared_colour_by_colour() -> None:
    blue_first, red_first = bytes([10, 20, 30, 255]), bytes([30, 20, 10, 0])
    assert scenes.far_apart([blue_first], [red_first]) == 0.0
    assert scenes.far_apart([blue_first], [blue_first]) == pytest.approx(40.0 / 3.0)


def test_a_draw_list_holds_what_is_shown_in_its_order() -> None:
    root = core.NodePath("place")
    triangle = {"vertex": np.eye(3, dtype=np.float32)}
    faces = np.array([[0, 1, 2]], np.uint32)
    program = shader("milky_way")
    band = blend_over(add(root, mesh("band", triangle, faces), program, 7))
    add(root, mesh("hidden", triangle, faces), program, 1).hide()
    add(root, mesh("first", triangle, faces), program, 3).set_two_sided(False)
    band.set_z(2.0)
    pixels = np.arange(16, dtype=np.uint8).reshape(2, 2, 4)
    root.set_shader_input("band_map", byte_texture("band", pixels))
    root.set_shader_input("grade", core.LVecBase3f(1.0, 2.0, 3.0))
    root.set_shader_input("stars", core.LVecBase4f(0.5, 0.0, 0.0, 0.0))
    what, nodes = _draw_list.drawing_list(root, lambda: None, {})
    first, second = what.draws
    assert [path.name for path in nodes] == [first.name, second.name] == ["first", "band"]
    assert (first.blend, first.one_sided, first.depth_write) == (None, True, True)
    assert second.blend == ("src_alpha", "one_minus_src_alpha")
    assert (second.one_sided, second.depth_write, second.model[14]) == (False, False, 2.0)
    assert dict(first.values)["grade"] == (1.0, 2.0, 3.0)
    assert np.frombuffer(what.meshes[0].vertices, np.float32).reshape(3, 3) == pytest.approx(np.eye(3))
    assert what.images[0].pixels[:4] == bytes([2, 1, 0, 3]), "red first"
    assert not what.images[0].moving


def test_the_dome_reaches_from_below_the_horizon_to_the_zenith_all_round() -> None:
    low, high = dome(-10.0).get_tight_bounds()
    assert low.z == pytest.approx(-1000.0 * np.sin(np.radians(10.0)), rel=1e-3)
    assert high.z == pytest.approx(1000.0)
    assert high.x == pytest.approx(1000.0, rel=0.02)
    assert low.y == pytest.approx(-1000.0, rel=0.02)


def test_an_encoded_frame_is_held_against_what_the_cores_have_beside_the_music() -> None:
    piped = frames.Piped(frames_per_s=25.0, parts_ms={"draw": 30.0, "encode": 4.0})
    encoded = scenes.Encoded(piped=piped, frame_ms=60.0, audio_share=0.2)
    rate, cost = scenes.encoded_figures("lake", 1024, 20.0, encoded, cores=2)
    assert rate.ratio == pytest.approx(1.25)
    assert "draw 30.0, encode 4.0" in rate.note
    assert cost.limit == pytest.approx(1e3 * 1.8 / 20.0)
