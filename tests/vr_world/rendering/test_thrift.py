"""A place that was left leaves no textures and no states behind; in a process with an engine of its own."""

import subprocess
import sys

COUNTS = """
from panda3d import core
from therapy.controls import NEUTRAL
from vr_world.rendering.renderer import Renderer, Stage
from vr_world.rendering.view import STRAIGHT_AHEAD

renderer = Renderer("ocean", 0, 64)
for scene in ("night_sky", "ocean", "night_sky", "ocean"):
    renderer.enter(Stage(scene, 0))
    for index in range(5):
        renderer.draw(STRAIGHT_AHEAD, NEUTRAL, float(index))
    kept = core.GraphicsEngine.get_global_ptr().get_window(0).get_gsg().get_prepared_objects()
    print(kept.get_num_prepared_textures(), core.RenderState.get_num_states())
"""


def test_going_to_and_fro_leaves_nothing_behind() -> None:
    run = subprocess.run(
        [sys.executable, "-c", COUNTS], check=True, capture_output=True, text=True, timeout=120
    )
    first, again = ([int(n) for n in line.split()] for line in run.stdout.splitlines()[1::2])
    assert again[0] == first[0], "textures that the driver holds"
    assert again[1] <= first[1] + 10, "states of what was drawn"
