"""Panda3D without a screen: one engine, two eyes side by side in one buffer, one picture at a time.

A process has one global engine that lives in one thread. Make one `Renderer` (or one `PanoramaRenderer`)
per process, and call it from the thread that made it.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from panda3d import core

from therapy.controls import Controls
from therapy.discover import declared
from therapy.errors import BadPlugin
from therapy.personal import PLAIN, SceneLook, dressed
from therapy.specs import Scene, SceneSpec
from vr_world.clock import session_now_s
from vr_world.rendering import shaders
from vr_world.rendering.depth_grid import DepthGrid
from vr_world.rendering.encoder import Picture
from vr_world.rendering.errors import NoPipe
from vr_world.rendering.foveated import foveation, packed_shape
from vr_world.rendering.offscreen import FAR_M, NEAR_M, aim, camera, full_screen, open_pipe, output, pixels
from vr_world.rendering.thrift import give_back
from vr_world.rendering.view import STRAIGHT_AHEAD, Quad, View, orientation_to_panda, position_to_panda
from vr_world.streaming.depth import Grid, behind_mirror, calmed
from vr_world.streaming.protocol import Foveation

__all__ = ["PanoramaRenderer", "Renderer", "Stage"]

#: A scene whose water is a mirror says its height with this tag on its root: what it mirrors is far away.
MIRROR_TAG: Final = "mirror_height_m"
#: Priority of a camera's own input over that of the place's root.
_OVER_ROOT: Final = 1
#: The driver lets go of a place's textures and meshes with the pictures after it.
_LET_GO_PICTURES: Final = 3


class Stage:
    """Holds the scene and hands the engine's inputs to it. May be built in any thread, beside a running one.

    Raises:
        therapy.errors.BadPlugin: no such scene.
    """

    def __init__(self, scene: str, seed: int) -> None:
        specs = declared("scenes", "SCENE", SceneSpec)
        if scene not in specs:
            raise BadPlugin(f"the scene must be one of {', '.join(specs)}, got {scene!r}")
        self.root = core.NodePath("stage")
        self._spec = specs[scene]
        self._look = PLAIN
        self._cold: list[Any] | None = None
        self.scene: Scene = self._spec.build(seed)
        self.scene.root.reparent_to(self.root)

    def dress(self, look: SceneLook) -> None:
        """Show the place as chosen; a look without options leaves it as it is."""
        if self._spec.dress is not None and look.options and look.options != self._look.options:
            self._spec.dress(self.scene, look.options)
        self._look = look

    def update(self, controls: Controls, scene_s: float, pixel_tan: float) -> None:
        """Move the scene. `pixel_tan` is the tangent of one pixel's angle, for sizes that hang on it."""
        self.scene.root.set_shader_input("pixel_tan", pixel_tan)
        self.scene.update(dressed(controls, self._look), scene_s)

    def warm(self, gsg: Any) -> bool:
        """Prepare the next node for `gsg`; return whether there is none left."""
        if self._cold is None:
            self._cold = list(self.scene.root.find_all_matches("**/+GeomNode"))
        if self._cold:
            self._cold.pop().prepare_scene(gsg)
        return not self._cold

    @property
    def mirror_m(self) -> float | None:
        """Height of the place's mirror (still water) from the eye at rest, metres; negative below it."""
        tag = self.scene.root.get_tag(MIRROR_TAG)
        return float(tag) if tag else None

    def close(self) -> None:
        """Let the place go."""
        self.scene.root.remove_node()


class Renderer:
    """Draws a scene for two eyes. Not thread-safe: one thread makes it and calls it.

    Args:
        scene: name of a declared `SceneSpec`.
        seed: of the place.
        eye_px: side of one eye's picture.
        eye_height_px: its height, if it is not square.
        foveated: draw large square pictures finely in the middle only, and divided (see `parts`).

    Raises:
        NoPipe: no graphics pipe or buffer.
        therapy.errors.BadPlugin: no such scene.
    """

    def __init__(
        self, scene: str, seed: int, eye_px: int, eye_height_px: int | None = None, *, foveated: bool = False
    ) -> None:
        self._engine, self._pipe, self._host = open_pipe()
        self._stage = Stage(scene, seed)
        self._rig = self._stage.root.attach_new_node("rig")
        self._eyes = [camera(self._rig, name) for name in ("left", "right")]
        self._middles = [camera(self._rig, f"{name}-middle") for name in ("left", "right")]
        self._veil = _veil()
        self._middle_veils = [_veil(), _veil()]
        self._buffer: Any = None
        self._texture: Any = None
        self._foveates = foveated
        self._parts: Foveation | None = None
        self._divided: tuple[Quad, Quad] | None = None
        self._usual_px = float(eye_px)
        self._round: _Round | None = None
        self._depth = DepthGrid(self._engine, self._pipe, self._host)
        self._view = STRAIGHT_AHEAD
        self._eye_lift_m = 0.0
        self._left_behind = 0
        self.eye_px = 0
        self.eye_height_px = 0
        self.resize(eye_px, eye_height_px)

    @property
    def device(self) -> str:
        """The driver's name for what draws, e.g. `llvmpipe (LLVM 15.0.6, 256 bits)`."""
        return str(self._host.get_gsg().get_driver_renderer())

    @property
    def software(self) -> bool:
        """Whether the processor draws, and not a graphics card."""
        return any(name in self.device.lower() for name in ("llvmpipe", "softpipe", "swrast"))

    @property
    def scene(self) -> Scene:
        """The place that is drawn now."""
        return self._stage.scene

    def resize(self, eye_px: int, eye_height_px: int | None = None) -> None:
        """Draw `eye_px` × `eye_height_px` (square without it) per eye from now on.

        Raises:
            NoPipe: the driver has no such buffer.
        """
        height = eye_px if eye_height_px is None else eye_height_px
        self._look_ahead()
        if (eye_px, height) == (self.eye_px, self.eye_height_px):
            return
        if self._buffer is not None:
            self._engine.remove_window(self._buffer)
        self.eye_px, self.eye_height_px = eye_px, height
        self._divide(STRAIGHT_AHEAD)
        self._open()

    def _open(self) -> None:
        """Make the buffer for pictures of this size, and show the eyes' cameras their places in it."""
        rows, columns, _ = self.picture_shape
        self._buffer = output(self._engine, self._pipe, "eyes", columns, rows, host=self._host)
        self._texture = core.Texture("eyes")
        self._buffer.add_render_texture(self._texture, core.GraphicsOutput.RTM_copy_ram)
        self._depth.watch(self._buffer)
        low = 0.0 if self._parts is None else self._parts.middle_px / rows
        for index, eye in enumerate(self._eyes):
            self._show((0.5 * index, 0.5 * index + 0.5, low, 1.0), eye, self._veil)
        if self._parts is not None:
            share = 0.5 * self._parts.middle_px / self._parts.rim_px
            for index, (eye, veil) in enumerate(zip(self._middles, self._middle_veils, strict=True)):
                self._show((0.5 * index, 0.5 * index + share, 0.0, low), eye, veil)

    def look_round(self, width_px: int) -> None:
        """Draw all round, `width_px` × half of it, from now on; `resize` looks ahead again.

        Raises:
            NoPipe: the driver has no such buffer, or no cube map.
        """
        if self._round is not None and self._round.width_px == width_px:
            return
        self._look_ahead()
        self._round = _Round(self._engine, self._pipe, self._host, self._rig, width_px)
        self._round.show(self._stage.root)
        self._round.veil(self._veil[1])
        self._ahead(active=False)

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """Shape of the picture that `copy_into` gives."""
        if self._round is not None:
            return self._round.width_px // 2, self._round.width_px, 4
        if self._parts is not None:
            return (*packed_shape(self.eye_px), 4)
        return self.eye_height_px, 2 * self.eye_px, 4

    @property
    def parts(self) -> Foveation | None:
        """How the picture is divided; `None`: it is whole."""
        return None if self._round is not None else self._parts

    def warm(self, stage: Stage, within_s: float) -> bool:
        """Hand some of `stage` to the graphics driver with the next picture; return whether all is there.

        Shaders are compiled and textures uploaded node by node for `within_s`: no picture waits for all.
        """
        until_s = session_now_s() + within_s
        while not stage.warm(self._host.get_gsg()):
            if session_now_s() >= until_s:
                return False
        return True

    def enter(self, stage: Stage) -> None:
        """Put another place in the old one's stead."""
        self._stage.close()
        self._rig.reparent_to(stage.root)
        self._stage = stage
        self._left_behind = _LET_GO_PICTURES
        if self._round is not None:
            self._round.show(stage.root)

    def dress(self, look: SceneLook) -> None:
        """Dress the place and put the eye at its height, from the next picture on."""
        self._stage.dress(look)
        self._eye_lift_m = look.eye_lift_m

    def draw(self, view: View, controls: Controls, scene_s: float, veil: float = 0.0) -> None:
        """Draw a `checked` view. `veil` 0 … 1: how thick the safe picture lies over the scene.

        All round, only the place of rest counts: a panorama is the same for every head.
        """
        if self._round is not None:
            view = STRAIGHT_AHEAD
            pixel_tan = 2.0 / self._round.face_px
        else:
            pixel_tan = (view.tan_left[0] + view.tan_left[1]) / self._usual_px
        self._stage.update(controls, scene_s, pixel_tan)
        self._look(view)
        hidden = veil >= 1.0
        cameras = (*self._eyes, *self._middles) if self._round is None else self._round.cameras
        for eye in cameras:
            eye.node().set_active(not hidden)
        for card, over in (self._veil, *self._middle_veils):
            card.set_shader_input("veil", core.LVecBase4f(*shaders.SAFE_SRGB, veil))
            over.node().set_active(veil > 0.0)
        self._engine.render_frame()
        self._tidy()

    def copy_into(self, picture: Picture) -> None:
        """Copy the drawn picture, top row first, into `picture` (of `picture_shape`), B G R A.

        The engine writes the next picture where this one lies, so another thread needs its own copy.

        Raises:
            NoPipe: nothing has been drawn, or the driver gave another size or layout than was asked for.
        """
        drawn = pixels(self._texture if self._round is None else self._round.texture)
        if drawn.shape != picture.shape:
            raise NoPipe(f"the driver must give a picture of {picture.shape}, gave {drawn.shape}")
        np.copyto(picture, drawn[::-1])

    def depth(self) -> Grid:
        """Return the coarse depth of the drawn picture, (2, nodes, nodes): left eye, right eye.

        Raises:
            NoPipe: nothing has been drawn.
        """
        inverse_m = self._depth.inverse_m()
        view, mirror_m = self._view, self._stage.mirror_m
        frusta = (view.tan_left, view.tan_right)
        if mirror_m is not None:
            x, y, z, w = view.orientation
            up = (2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w))
            inverse_m = behind_mirror(inverse_m, frusta, up, view.position[1] + self._eye_lift_m - mirror_m)
        return calmed(inverse_m, tuple((t[0] + t[1], t[2] + t[3]) for t in frusta))

    def _tidy(self) -> None:
        """Give back what the place before this one held, once the driver has let it go."""
        if self._left_behind:
            self._left_behind -= 1
            if not self._left_behind:
                give_back()

    def _look_ahead(self) -> None:
        if self._round is None:
            return
        self._round.close()
        self._round = None
        self._ahead(active=True)

    def _ahead(self, *, active: bool) -> None:
        """Draw what lies ahead, or not."""
        for each in (self._buffer, self._depth.buffer):
            each.set_active(active)

    def _show(self, span: tuple[float, float, float, float], eye: Any, veil: Any) -> None:
        """Give a camera and the veil over it a part of the buffer: left, right, bottom, top."""
        self._buffer.make_display_region(*span).set_camera(eye)
        over = self._buffer.make_display_region(*span)
        over.set_sort(10)
        over.set_camera(veil[1])

    def _divide(self, view: View) -> None:
        """Draw finely only in the middle of `view`, if the picture is large enough."""
        square = self.eye_px == self.eye_height_px
        self._parts = foveation(view, self.eye_px) if self._foveates and square else None
        self._divided = (view.tan_left, view.tan_right)
        self._depth.divide(self._parts, self._divided)
        self._usual_px = float(self.eye_px)
        states = [core.RenderState.make_empty()] * 2
        if self._parts is not None:
            # Each part has pixels of its own; what a place hangs up for both is for pixels between these.
            sides = (self._parts.rim_px, self.eye_px)
            self._usual_px = math.sqrt(sides[0] * sides[1])
            states = [_with_pixels((view.tan_left[0] + view.tan_left[1]) / px) for px in sides]
        for cameras, state in zip((self._eyes, self._middles), states, strict=True):
            for eye in cameras:
                eye.node().set_initial_state(state)

    def _look(self, view: View) -> None:
        x, y, z = position_to_panda(view.position)
        self._rig.set_pos(x, y, z + self._eye_lift_m)
        self._rig.set_quat(core.LQuaternionf(*orientation_to_panda(view.orientation)))
        for eye, tan, side in zip(self._eyes, (view.tan_left, view.tan_right), (-0.5, 0.5), strict=True):
            eye.set_x(side * view.ipd_m)
            aim(eye.node().get_lens(), tan)
        if self._parts is not None:
            self._look_finely(view)
        self._view = view

    def _look_finely(self, view: View) -> None:
        if (view.tan_left, view.tan_right) != self._divided:
            self._divide(view)
        parts = self._parts
        if parts is None:
            return
        middles = (parts.middle_left, parts.middle_right)
        for index, (eye, tan, side) in enumerate(zip(self._middles, middles, (-0.5, 0.5), strict=True)):
            eye.set_x(side * view.ipd_m)
            aim(eye.node().get_lens(), tan)
            whole = (view.tan_left, view.tan_right)[index]
            self._middle_veils[index][0].set_shader_input("window", _window(whole, tan))


class _Round:
    """All round from a rig: six faces of a cube, laid out as one equirectangular picture.

    Raises:
        NoPipe: the driver has no such buffer, or no cube map.
    """

    def __init__(self, engine: Any, pipe: Any, host: Any, rig: Any, width_px: int) -> None:
        self._engine = engine
        self.width_px = width_px
        self.face_px = max(16, width_px // 4)
        self._own = rig.attach_new_node("round")
        self._cube = host.make_cube_map("surroundings", self.face_px, self._own)
        if self._cube is None:
            raise NoPipe(f"a cube map of {self.face_px} px is needed for a panorama; the driver has none")
        self.cameras = list(self._own.find_all_matches("**/+Camera"))
        for each in self.cameras:
            each.node().get_lens().set_near_far(NEAR_M, FAR_M)
        surroundings = self._cube.get_texture()
        surroundings.set_minfilter(core.SamplerState.FT_linear)
        surroundings.set_magfilter(core.SamplerState.FT_linear)
        self._buffer = output(engine, pipe, "panorama", width_px, width_px // 2, host=host)
        self._buffer.set_sort(100)
        self.texture = core.Texture("panorama")
        self._buffer.add_render_texture(self.texture, core.GraphicsOutput.RTM_copy_ram)
        self._card, camera = full_screen("panorama", shaders.PANORAMA_FRAGMENT)
        self._card.set_shader_input("surroundings", surroundings)
        self._buffer.make_display_region().set_camera(camera)

    def show(self, root: Any) -> None:
        """Draw the place under `root`."""
        for each in self.cameras:
            each.node().set_scene(root)

    def veil(self, camera: Any) -> None:
        """Lay what `camera` sees over the picture."""
        over = self._buffer.make_display_region()
        over.set_sort(10)
        over.set_camera(camera)

    def close(self) -> None:
        """Let the buffers go."""
        self._engine.remove_window(self._buffer)
        self._engine.remove_window(self._cube)
        self._own.remove_node()


class PanoramaRenderer:
    """Draws all round at once: equirectangular, twice as wide as high, straight ahead in the middle.

    Args:
        scene: name of a declared `SceneSpec`.
        seed: of the place.
        width_px: of the picture; its height is half of it.

    Raises:
        NoPipe: no graphics pipe or buffer.
        therapy.errors.BadPlugin: no such scene.
    """

    def __init__(self, scene: str, seed: int, width_px: int) -> None:
        self._engine, pipe, host = open_pipe()
        self._stage = Stage(scene, seed)
        self._rig = self._stage.root.attach_new_node("rig")
        self._round = _Round(self._engine, pipe, host, self._rig, width_px)
        self._round.show(self._stage.root)

    def dress(self, look: SceneLook) -> None:
        """Dress the place and put the eye at its height, from the next picture on."""
        self._stage.dress(look)
        self._rig.set_z(look.eye_lift_m)

    def draw(self, controls: Controls, scene_s: float) -> None:
        """Draw one picture."""
        self._stage.update(controls, scene_s, 2.0 / self._round.face_px)
        self._engine.render_frame()

    def copy_into(self, picture: Picture) -> None:
        """Copy the drawn picture, top row first, into `picture` of shape (height, width, 4), B G R A."""
        np.copyto(picture, pixels(self._round.texture)[::-1])


def _veil() -> tuple[Any, Any]:
    card, camera = full_screen("veil", shaders.VEIL_FRAGMENT)
    card.set_transparency(core.TransparencyAttrib.M_alpha)
    card.set_shader_input("window", core.LVecBase4f(1.0, 1.0, 0.0, 0.0))
    return card, camera


def _with_pixels(pixel_tan: float) -> Any:
    """Return the state of a camera whose pixels are `pixel_tan` wide, whatever the place's root says."""
    own = core.ShaderInput("pixel_tan", core.LVecBase4f(pixel_tan), _OVER_ROOT)
    return core.RenderState.make(core.ShaderAttrib.make().set_shader_input(own))


def _window(whole: Quad, part: Quad) -> core.LVecBase4f:
    """Return half the size and the middle of `part` of a view, on a scale where the view is −1 … 1."""
    wide, high = whole[0] + whole[1], whole[2] + whole[3]
    return core.LVecBase4f(
        (part[0] + part[1]) / wide,
        (part[2] + part[3]) / high,
        (part[1] - part[0] - whole[1] + whole[0]) / wide,
        (part[2] - part[3] - whole[2] + whole[3]) / high,
    )
